//! Where Redis is, and how instances share over it.

use std::{fmt, time::Duration};

use pointsman_types::{ExposeSecret, Secret};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
    TlsMode,
    cluster::ClusterClient,
    sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType},
};

/// Where the server is.
#[derive(Clone, Debug)]
pub enum Place {
    /// At an address: `redis://`, `rediss://` or `unix://`, with all there is to say in it.
    Url(Secret),
    /// At a host and a port.
    Node(String, u16),
    /// Where Sentinels say that it is.
    Sentinels {
        /// The Sentinels.
        nodes: Vec<(String, u16)>,
        /// Their own password.
        password: Option<Secret>,
        /// The name that they know the server by.
        service: String,
    },
    /// A Cluster, known by some of its nodes.
    Cluster(Vec<(String, u16)>),
}

/// Where Redis is, and how instances share over it.
#[derive(Clone)]
pub struct RedisSettings {
    /// Where the server is.
    pub place: Place,
    /// The name to log in with: an ACL user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database; a Cluster has one only.
    pub db: u32,
    /// Whether the connection is encrypted; an address says so itself.
    pub tls: bool,
    /// Every request asks the server, rather than a lease.
    pub strict: bool,
    /// What all keys and channels begin with: instances of one prefix share. `pointsman`.
    pub prefix: String,
    /// The scripts go by the clocks of the instances rather than by the server's. For tests, whose
    /// time is not that of the world.
    pub own_time: bool,
}

impl RedisSettings {
    /// A server at this place, without a password.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            username: None,
            password: None,
            db: 0,
            tls: false,
            strict: false,
            prefix: "pointsman".to_owned(),
            own_time: false,
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings")
            .field("place", &self.place)
            .field("username", &self.username)
            .field("strict", &self.strict)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What connections are made with.
pub(crate) enum Target {
    One(Box<Client>),
    Sentinels(Box<tokio::sync::Mutex<SentinelClient>>),
    /// And clients of single nodes, to listen by.
    Cluster(Box<ClusterClient>, Vec<Client>),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(_) => "One",
            Self::Sentinels(_) => "Sentinels",
            Self::Cluster(..) => "Cluster",
        })
    }
}

impl RedisSettings {
    /// What connections are made with; `answer` bounds each answer of a Cluster's node.
    pub(crate) fn target(&self, connect: Duration, answer: Duration) -> RedisResult<Target> {
        Ok(match &self.place {
            Place::Url(url) => {
                let info = url.expose_secret().into_connection_info()?;
                let login = self.login(info.redis_settings().clone());
                Target::One(Box::new(Client::open(info.set_redis_settings(login))?))
            }
            Place::Node(host, port) => {
                Target::One(Box::new(Client::open(self.node(host, *port)?)?))
            }
            Place::Sentinels { nodes, password, service } => {
                let own = password.as_ref().map_or_else(RedisConnectionInfo::default, |password| {
                    RedisConnectionInfo::default().set_password(password.expose_secret())
                });
                let at = nodes.iter().map(|(host, port)| {
                    let info = self.address(host, *port).into_connection_info()?;
                    Ok(info.set_redis_settings(own.clone()))
                });
                let at: RedisResult<Vec<ConnectionInfo>> = at.collect();
                let node = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info(self.login(RedisConnectionInfo::default()));
                let node = if self.tls { node.set_tls_mode(TlsMode::Secure) } else { node };
                let master = SentinelServerType::Master;
                let client = SentinelClient::build(at?, service, Some(node), master)?;
                Target::Sentinels(Box::new(tokio::sync::Mutex::new(client)))
            }
            Place::Cluster(nodes) => {
                let at = nodes.iter().map(|(host, port)| self.node(host, *port));
                let at: RedisResult<Vec<ConnectionInfo>> = at.collect();
                let at = at?;
                let singles: RedisResult<Vec<Client>> =
                    at.iter().map(|info| Client::open(info.clone())).collect();
                // What fails is told at once: whoever waits does so for milliseconds.
                let cluster = ClusterClient::builder(at)
                    .retries(1)
                    .connection_timeout(connect)
                    .response_timeout(answer)
                    .build()?;
                Target::Cluster(Box::new(cluster), singles?)
            }
        })
    }

    fn address(&self, host: &str, port: u16) -> ConnectionAddr {
        if self.tls {
            let host = host.to_owned();
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host.to_owned(), port)
        }
    }

    fn node(&self, host: &str, port: u16) -> RedisResult<ConnectionInfo> {
        let info = self.address(host, port).into_connection_info()?;
        Ok(info.set_redis_settings(self.login(RedisConnectionInfo::default())))
    }

    fn login(&self, mut info: RedisConnectionInfo) -> RedisConnectionInfo {
        if let Some(username) = &self.username {
            info = info.set_username(username);
        }
        if let Some(password) = &self.password {
            info = info.set_password(password.expose_secret());
        }
        if self.db > 0 { info.set_db(i64::from(self.db)) } else { info }
    }
}
