//! The connection, and the scripts.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, RedisError, RedisResult, Script, Value,
    aio::{MultiplexedConnection, PubSub},
    cluster_async::ClusterConnection,
};
use tokio::time::timeout;

use crate::settings::{RedisSettings, Target};

/// The longest wait for an answer: whoever waits for it does so at most 50 ms.
pub(crate) const ANSWER: Duration = Duration::from_millis(40);
/// The longest wait for a connection, and for the first answer on it. Nobody waits for those.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);

/// The scripts of this release. Each is called by its own hash, so instances of several releases
/// run side by side; the layout of the keys is in their names.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) share: Script,
    pub(crate) beat: Script,
    pub(crate) cool: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            share: Script::new(include_str!("lua/share.lua")),
            beat: Script::new(include_str!("lua/beat.lua")),
            cool: Script::new(include_str!("lua/cool.lua")),
        }
    }
}

/// An open connection.
#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// A call of a script.
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    pub(crate) keys: &'a [String],
    pub(crate) arguments: &'a [String],
    /// The longest wait for the answer.
    pub(crate) within: Duration,
}

impl Connection {
    /// Runs a script; it is sent once more, with its text, to a server that does not know it.
    pub(crate) async fn run(&self, call: Call<'_>) -> RedisResult<Value> {
        let mut invocation = call.script.prepare_invoke();
        for key in call.keys {
            invocation.key(key);
        }
        for argument in call.arguments {
            invocation.arg(argument);
        }
        let answer = async {
            match self.clone() {
                Self::One(mut to) => invocation.invoke_async(&mut to).await,
                Self::Cluster(mut to) => invocation.invoke_async(&mut to).await,
            }
        };
        within(call.within, answer).await
    }

    /// One plain command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        let answer = async {
            match self.clone() {
                Self::One(mut to) => command.query_async(&mut to).await,
                Self::Cluster(mut to) => command.query_async(&mut to).await,
            }
        };
        within(ANSWER, answer).await
    }
}

/// Makes connections.
#[derive(Debug)]
pub(crate) struct Link {
    target: Target,
}

impl Link {
    pub(crate) fn new(settings: &RedisSettings) -> RedisResult<Self> {
        Ok(Self { target: settings.target(CONNECT, ANSWER)? })
    }

    /// Whether each script call may touch one slot of keys only.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster(..))
    }

    pub(crate) async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CONNECT));
        let connecting = async {
            Ok(match &self.target {
                Target::One(client) => Connection::One(
                    client.get_multiplexed_async_connection_with_config(&config).await?,
                ),
                Target::Sentinels(client) => Connection::One(
                    client.lock().await.get_async_connection_with_config(&config).await?,
                ),
                Target::Cluster(client, _) => {
                    Connection::Cluster(client.get_async_connection().await?)
                }
            })
        };
        within(CONNECT, connecting).await
    }

    /// A connection that hears what is published.
    pub(crate) async fn listen(&self, channel: &str) -> RedisResult<PubSub> {
        let connecting = async {
            let mut heard = match &self.target {
                Target::One(client) => client.get_async_pubsub().await?,
                Target::Sentinels(client) => {
                    let client = client.lock().await.async_get_client().await?;
                    client.get_async_pubsub().await?
                }
                Target::Cluster(_, nodes) => {
                    let mut last = RedisError::from((ErrorKind::Io, "no node"));
                    let mut found = None;
                    for node in nodes {
                        match node.get_async_pubsub().await {
                            Ok(heard) => {
                                found = Some(heard);
                                break;
                            }
                            Err(error) => last = error,
                        }
                    }
                    found.ok_or(last)?
                }
            };
            heard.subscribe(channel).await?;
            Ok(heard)
        };
        within(CONNECT, connecting).await
    }
}

async fn within<T>(bound: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match timeout(bound, work).await {
        Ok(done) => done,
        Err(_) => Err(RedisError::from((ErrorKind::Io, "it does not answer in time"))),
    }
}
