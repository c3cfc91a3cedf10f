//! Where tokens come from.

use std::{fmt, sync::Arc, time::Duration};

use pointsman_clock::Instant;
use pointsman_provider::{Issued, Issuer, Machine, Renewed, Transport, oauth_token};
use pointsman_types::Error;

use crate::{
    account::{Account, Own, SCOPE, refused},
    external::IAM,
};

/// A token is renewed so long before its end, as Google's own clients do.
const AHEAD: Duration = Duration::from_secs(225);
/// Who issues them, for people.
const ISSUER: &str = "Google";

/// Where an account's credentials are.
pub(crate) enum Place {
    /// They were read.
    Here(Box<Account>),
    /// In a file, which is read whenever a token is fetched: it may be exchanged meanwhile.
    File(String),
}

/// The tokens of one account.
pub(crate) struct Tokens {
    place: Place,
    transport: Arc<dyn Transport>,
    machine: Arc<dyn Machine>,
}

// By hand: credentials are secrets.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tokens");
        match &self.place {
            Place::Here(account) => shown.field("account", account),
            Place::File(path) => shown.field("file", path),
        };
        shown.finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn renewed(
        place: Place,
        transport: Arc<dyn Transport>,
        machine: Arc<dyn Machine>,
    ) -> Renewed<Self> {
        Renewed::new(Self { place, transport, machine }, AHEAD)
    }

    fn account_in(&self, path: &str) -> Result<Account, Error> {
        let unread = |why| refused(&format!("the file {path:?} cannot be read: {why}"));
        let text = self.machine.read(path).map_err(unread)?;
        Account::read(&text).map_err(|why| refused(&format!("in {path:?}: {why}")))
    }

    async fn own(&self, account: &Own, scope: &str, now: Instant) -> Result<Issued, Error> {
        let request = account.request(scope, now)?;
        oauth_token(&*self.transport, request, ISSUER, now).await
    }
}

impl Issuer for Tokens {
    async fn issue(&self, now: Instant) -> Result<Issued, Error> {
        let read;
        let account = match &self.place {
            Place::Here(account) => account,
            Place::File(path) => {
                read = self.account_in(path)?;
                &read
            }
        };
        let (over, machine) = (&*self.transport, &*self.machine);
        let (issued, acts_as) = match account {
            Account::Own(own) => return self.own(own, SCOPE, now).await,
            Account::External(external, None) => {
                return external.token(over, machine, SCOPE, now).await;
            }
            Account::External(external, Some(acts_as)) => {
                (external.token(over, machine, IAM, now).await?, acts_as)
            }
            Account::Impersonated(own, acts_as) => (self.own(own, IAM, now).await?, acts_as),
        };
        acts_as.token(over, &issued.credential).await
    }
}
