//! Several groups asked at one time, for the first answer of any.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use pointsman_provider::Call;
use pointsman_types::{Error, ErrorKind};

use crate::{Answer, Failure, Router};

impl Router {
    /// Asks every group that the call names, apart by commas; whoever loses is dropped.
    ///
    /// # Errors
    ///
    /// The failure of the first that is named, when all fail.
    pub(crate) async fn race(&self, call: Call) -> Result<Answer, Failure> {
        let names = self.racers(&call.head.model)?;
        let share = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let mut racers: FuturesUnordered<_> = names
            .into_iter()
            .enumerate()
            .map(|(at, name)| {
                let mut own = call.clone();
                name.clone_into(&mut own.head.model);
                async move { (at, self.one(Arc::new(own), share).await) }
            })
            .collect();
        let mut failures = Vec::new();
        while let Some((at, result)) = racers.next().await {
            match result {
                Ok(answer) => return Ok(answer),
                Err(failure) => failures.push((at, failure)),
            }
        }
        match failures.into_iter().min_by_key(|(at, _)| *at) {
            Some((_, failure)) => Err(failure),
            // Nothing but commas: what that name means is told as of any other.
            None => self.one(Arc::new(call), 1).await,
        }
    }

    /// The groups that are named, each once. There are no more than sends that a call may make.
    fn racers<'a>(&self, names: &'a str) -> Result<Vec<&'a str>, Failure> {
        let most = self.shared().topology.load().settings.retry.max_attempts;
        let mut racers = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if racers.contains(&name) {
                continue;
            }
            if racers.len() >= most as usize {
                let message =
                    format!("`model` names too many models to ask at one time: at most {most}");
                let error = Error::new(ErrorKind::BadRequest, message).with_status(400);
                return Err(Failure { error, trace: None });
            }
            racers.push(name);
        }
        Ok(racers)
    }
}
