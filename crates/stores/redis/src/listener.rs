//! The task that hears what other instances publish.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::time::sleep;

use crate::{store::Shared, talk::kind_of};

/// How long to wait before listening again after the connection was lost.
const RETRY: Duration = Duration::from_millis(200);

/// Listens for ever.
pub(crate) async fn listen(shared: Arc<Shared>) {
    loop {
        if let Ok(mut heard) = shared.link.listen(&shared.names.news).await {
            // What was published before this is read.
            shared.read_cooldowns.store(true, Ordering::Relaxed);
            shared.book.hub.kick.notify_one();
            let mut messages = heard.on_message();
            while let Some(message) = messages.next().await {
                if let Ok(text) = message.get_payload::<String>() {
                    hear(&shared, &text);
                }
            }
        }
        sleep(RETRY).await;
    }
}

fn hear(shared: &Shared, text: &str) {
    let Some((what, rest)) = text.split_once(' ') else { return };
    let Some((who, rest)) = rest.split_once(' ') else { return };
    if who == shared.me {
        return;
    }
    match what {
        "cool" => cool(shared, rest).unwrap_or_default(),
        "yield" => {
            let account = shared.names.of_account(rest).and_then(|name| shared.book.get(name));
            if let Some(account) = account {
                account.give_way(shared.clock.now());
                shared.book.hub.kick.notify_one();
            }
        }
        // Of a later release.
        _ => {}
    }
}

/// `NOW UNTIL KIND DEPLOYMENT`.
fn cool(shared: &Shared, text: &str) -> Option<()> {
    let mut parts = text.splitn(4, ' ');
    let (now, until): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (kind, slot) = (kind_of(parts.next()?)?, shared.slot(parts.next()?)?);
    let at = shared.clock.now();
    shared.memory.cool(slot, at + Duration::from_millis(until.saturating_sub(now)), kind, at);
    Some(())
}
