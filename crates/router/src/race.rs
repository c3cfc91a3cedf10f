//! Several groups asked at one time, for the first answer of any.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use pointsman_provider::Call;

use crate::{Answer, Failure, Router};

impl Router {
    /// Asks every group that the call names, apart by commas; whoever loses is dropped.
    ///
    /// # Errors
    ///
    /// The failure of the first that is named, when all fail.
    pub(crate) async fn race(&self, call: Call) -> Result<Answer, Failure> {
        let names = call.head.model.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut racers: FuturesUnordered<_> = names
            .enumerate()
            .map(|(at, name)| {
                let mut own = call.clone();
                name.clone_into(&mut own.head.model);
                async move { (at, self.one(Arc::new(own)).await) }
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
            None => self.one(Arc::new(call)).await,
        }
    }
}
