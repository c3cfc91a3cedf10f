//! What concerns the gateway and its stores.

use std::time::Duration;

use pointsman_types::Secret;

use super::CallerSpec;

/// What concerns the gateway alone.
#[derive(Clone, Debug, Default)]
pub struct ServerSpec {
    /// `general_settings.master_key`: who has it may do everything. `None`: the gateway is open.
    pub master_key: Option<Secret>,
    /// Callers with a key and limits of their own, in the order of the file; names and hashes are
    /// unique. Without a master key they limit who shows one and keep nobody out.
    pub keys: Vec<CallerSpec>,
    /// Probes in the background; `None`: failed calls alone cool a deployment.
    pub health_checks: Option<HealthChecks>,
}

/// Probes in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChecks {
    /// From one probe of a deployment to the next.
    pub interval: Duration,
}

/// What outlives the process or is shared with others.
#[derive(Clone, Debug, Default)]
pub struct StoreSpec {
    /// The server that instances share limits, spend and cooldowns through.
    pub redis: Option<RedisSpec>,
    /// The directory in which spend is kept.
    pub state_dir: Option<String>,
    /// Whether every request asks Redis rather than a lease.
    pub strict_limits: bool,
}

/// How Redis is reached: by `url`, at `host`, through Sentinels or as a Cluster.
#[derive(Clone, Debug, Default)]
pub struct RedisSpec {
    /// The whole address (`redis://`, `rediss://`, `unix://`); wins over the single parts.
    pub url: Option<Secret>,
    /// Where the server is, when neither an address, Sentinels nor a Cluster are given.
    pub host: Option<Node>,
    /// The name to log in with.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The number of the database.
    pub db: u32,
    /// Whether the connection is encrypted.
    pub ssl: bool,
    /// Sentinels, any of which names the server; empty: none. `service_name` is then set.
    pub sentinel_nodes: Vec<Node>,
    /// The password of the Sentinels.
    pub sentinel_password: Option<Secret>,
    /// The name under which the Sentinels know the server.
    pub service_name: Option<String>,
    /// Nodes of a Cluster; empty: none.
    pub startup_nodes: Vec<Node>,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}
