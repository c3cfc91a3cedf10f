//! The task that tells the server that this instance goes by its promises.
//!
//! Nobody waits for a server that is slow, so promises are spent before it has heard of that. If the
//! instance dies then, what it spent is lost with it, unless the server was told to count it. What
//! is written to a connection comes in even when its writer is gone by then.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{RedisResult, Value};

use crate::{
    account::Account,
    link::{Call, Connection},
    store::Shared,
    talk::{ACCOUNTS, opening},
};

/// Tells for as long as it runs. What cannot be told is no matter: the next exchange tells all.
pub(crate) async fn tell(shared: Arc<Shared>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = shared.book.hub.spends.notified() => {
                let Some(connection) = shared.connection() else { continue };
                let all = shared.book.all().into_iter();
                let due: Vec<_> = all.filter_map(|one| Some((one.tells()?, one))).collect();
                let size = if shared.link.is_cluster() { 1 } else { ACCOUNTS };
                for some in due.chunks(size) {
                    under_way.push(say(&shared, connection.clone(), some.to_vec()));
                }
            }
            Some(_) = under_way.next() => {}
        }
    }
}

async fn say(
    shared: &Shared,
    connection: Connection,
    accounts: Vec<(u64, Arc<Account>)>,
) -> RedisResult<Value> {
    let mut arguments = opening(shared, "spends");
    for (turn, _) in &accounts {
        arguments.put(turn);
    }
    let keys = accounts.iter().map(|(_, one)| shared.names.account(&one.name));
    let keys: Vec<String> = keys.collect();
    let call = Call { script: &shared.scripts.share, keys: &keys, arguments: &arguments.0 };
    connection.run(call).await
}
