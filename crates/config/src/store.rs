//! Redis, the cache of answers, and what is kept on disk.

use crate::{
    Grade, Node, Place, RedisSpec, ResponseCache, StoreSpec, keys,
    names::Names,
    read::{Field, Fields, Reading},
    words::is_off,
};

/// Reads what outlives the process.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    pointsman: &Fields<'_>,
    redis: Option<RedisSpec>,
) -> StoreSpec {
    let state_dir = reading.take(pointsman, "state_dir", Reading::text).map(|one| one.text);
    let strict = reading.take(pointsman, "strict_limits", Reading::flag);
    StoreSpec { redis, state_dir, strict_limits: strict.unwrap_or(false) }
}

/// The file of prices.
pub(crate) fn prices(reading: &mut Reading<'_>, pointsman: &Fields<'_>) -> Option<(String, Place)> {
    reading.take(pointsman, "prices", Reading::text).map(|file| (file.text, file.at))
}

/// Redis and the cache of answers, which LiteLLM sets in one breath.
pub(crate) fn redis_and_cache(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    litellm: &Fields<'_>,
    names: &Names,
) -> (Option<RedisSpec>, Option<ResponseCache>) {
    let kwargs = reading
        .take(router, "cache_kwargs", |reading, field| {
            reading.fields(field.node, "router_settings.cache_kwargs.", &keys::CACHE_KWARGS)
        })
        .unwrap_or_default();
    let params = reading
        .take(litellm, "cache_params", |reading, field| {
            reading.fields(field.node, "litellm_settings.cache_params.", &keys::CACHE_PARAMS)
        })
        .unwrap_or_default();
    let redis = of_router(reading, router, &kwargs);
    let kind = reading.take(&params, "type", Reading::text);
    let is_redis = kind.as_ref().is_none_or(|kind| kind.text == "redis");
    let shared = of_params(reading, &params);
    let cache = cache(reading, [router, litellm], [&kwargs, &params], names);
    let kept = |of: &str| format!("{of}: answers are kept by each process");
    match (litellm.get("cache"), kind.as_ref().zip(params.get("type"))) {
        (Some(field), None) if cache.is_some() => {
            reading.note(field.at, Grade::Approximate, kept(&field.name()));
        }
        // That is what it says.
        (_, Some((kind, _))) if kind.text == "local" => {}
        (_, Some((_, field))) => {
            let message = kept(&field.name()) + "; redis shares limits and cooldowns";
            reading.note(field.at, Grade::Approximate, message);
        }
        _ => {}
    }
    let on = litellm.get("cache").filter(|field| !is_off(field.node));
    let shared = match (shared, on) {
        (None, Some(on)) if is_redis && redis.is_none() => of_environment(reading, on),
        (shared, _) => shared.filter(|_| is_redis),
    };
    // As in LiteLLM, the cache's server is the router's where the router has none.
    (redis.or(shared.filter(|_| cache.is_some())), cache)
}

/// The server of the environment, which LiteLLM's cache takes where the file names none.
fn of_environment(reading: &mut Reading<'_>, cache: Field<'_>) -> Option<RedisSpec> {
    let set = |name: &str| reading.variable(name).filter(|value| !value.trim().is_empty());
    let (url, host) = (set("REDIS_URL"), set("REDIS_HOST"));
    let port = set("REDIS_PORT").map_or(Some(PORT), |port| port.trim().parse().ok());
    let (variable, redis) = match (url, host, port) {
        (Some(url), ..) => {
            ("REDIS_URL", RedisSpec { url: Some(url.into()), ..RedisSpec::default() })
        }
        (None, Some(host), Some(port)) => {
            let redis = RedisSpec {
                host: Some(Node { host, port }),
                username: set("REDIS_USERNAME"),
                password: set("REDIS_PASSWORD").map(Into::into),
                ssl: set("REDIS_SSL").is_some_and(|ssl| ssl.eq_ignore_ascii_case("true")),
                ..RedisSpec::default()
            };
            ("REDIS_HOST", redis)
        }
        _ => return None,
    };
    let message = format!("{}: Redis is that of {variable}", cache.name());
    reading.note(cache.at, Grade::Exact, message);
    Some(redis)
}

/// Where Redis listens.
const PORT: u16 = 6379;

/// The keys of one place that say where Redis is.
struct Spelt<'a> {
    url: &'a str,
    host: &'a str,
    port: &'a str,
    password: &'a str,
    db: &'a str,
}

const PLAIN: Spelt<'_> =
    Spelt { url: "url", host: "host", port: "port", password: "password", db: "db" };

fn of_router(
    reading: &mut Reading<'_>,
    router: &Fields<'_>,
    kwargs: &Fields<'_>,
) -> Option<RedisSpec> {
    let spelt = Spelt {
        url: "redis_url",
        host: "redis_host",
        port: "redis_port",
        password: "redis_password",
        db: "redis_db",
    };
    let own = address(reading, router, &spelt);
    let more = address(reading, kwargs, &PLAIN);
    let mut redis = details(reading, kwargs);
    redis.url = own.url.or(more.url);
    redis.host = own.host.or(more.host);
    redis.password = own.password.or(more.password);
    redis.db = own.db.or(more.db).unwrap_or_default();
    let password = router.get("redis_password").or(kwargs.get("password"));
    whole(reading, redis, password, kwargs)
}

fn of_params(reading: &mut Reading<'_>, params: &Fields<'_>) -> Option<RedisSpec> {
    let own = address(reading, params, &PLAIN);
    let mut redis = details(reading, params);
    (redis.url, redis.host, redis.password) = (own.url, own.host, own.password);
    redis.db = own.db.unwrap_or_default();
    let nodes = reading.take(params, "redis_startup_nodes", nodes).unwrap_or_default();
    if redis.startup_nodes.is_empty() {
        redis.startup_nodes = nodes;
    }
    whole(reading, redis, None, params)
}

/// What is said of one server.
struct Address {
    url: Option<pointsman_types::Secret>,
    host: Option<Node>,
    password: Option<pointsman_types::Secret>,
    db: Option<u32>,
}

fn address(reading: &mut Reading<'_>, fields: &Fields<'_>, spelt: &Spelt<'_>) -> Address {
    let url = reading.take(fields, spelt.url, |reading, field| {
        let url = reading.text(field)?.text;
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("redis" | "rediss" | "unix" | "redis+unix")) {
            reading.wrong(field, "an address that starts with redis:// or rediss://");
            return None;
        }
        Some(url.into())
    });
    let host = reading.take(fields, spelt.host, Reading::text).map(|host| host.text);
    let port = reading.take(fields, spelt.port, Reading::above_zero);
    let password = reading.take(fields, spelt.password, |reading, field| {
        // A password that is left empty is none, as in an unset variable.
        let password = reading.value(field)?.text;
        Some((!password.is_empty()).then(|| password.into()))
    });
    Address {
        url,
        host: host.map(|host| Node { host, port: port.unwrap_or(PORT) }),
        password: password.flatten(),
        db: reading.take(fields, spelt.db, Reading::whole),
    }
}

/// What is spelt the same in both places.
fn details(reading: &mut Reading<'_>, fields: &Fields<'_>) -> RedisSpec {
    RedisSpec {
        username: reading.take(fields, "username", Reading::text).map(|name| name.text),
        ssl: reading.take(fields, "ssl", Reading::flag).unwrap_or(false),
        sentinel_nodes: reading.take(fields, "sentinel_nodes", nodes).unwrap_or_default(),
        sentinel_password: reading.take(fields, "sentinel_password", |reading, field| {
            reading.text(field).map(|password| password.text.into())
        }),
        service_name: reading.take(fields, "service_name", Reading::text).map(|name| name.text),
        startup_nodes: reading.take(fields, "startup_nodes", nodes).unwrap_or_default(),
        ..RedisSpec::default()
    }
}

/// The server, if what was read says where it is.
fn whole(
    reading: &mut Reading<'_>,
    redis: RedisSpec,
    password: Option<Field<'_>>,
    fields: &Fields<'_>,
) -> Option<RedisSpec> {
    if let (Some(field), None) = (fields.get("sentinel_nodes"), fields.get("service_name")) {
        let message = format!("{}: Sentinels need a service_name, too", field.name());
        reading.error(field.at, message);
    }
    let somewhere = redis.url.is_some()
        || redis.host.is_some()
        || !redis.sentinel_nodes.is_empty()
        || !redis.startup_nodes.is_empty();
    if let (Some(field), false) = (password, somewhere) {
        let message = format!("{}: nothing says where Redis is: none is used", field.name());
        reading.note(field.at, Grade::Approximate, message);
    }
    somewhere.then_some(redis)
}

/// `[[host, port], …]` or `[{host: …, port: …}, …]`.
fn nodes(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Vec<Node>> {
    const WANTED: &str = "a node as [host, port] or {host: name, port: 6379}";
    let mut read = Vec::new();
    let items = reading.list(field, "nodes")?;
    if items.is_empty() {
        let message = format!("{}: the list is empty: wanted {WANTED}", field.name());
        reading.error(field.node.at, message);
    }
    for item in items {
        let (host, port) = if let Some(entries) = item.node.entries() {
            let part = |key: &str| {
                let entry = entries.iter().find(|entry| &*entry.key == key)?;
                Some(item.part(&entry.node))
            };
            (part("host"), part("port"))
        } else if item.node.is_list() {
            let parts = reading.list(item, "host and port")?;
            match parts[..] {
                [host, port] => (Some(host), Some(port)),
                _ => (None, None),
            }
        } else {
            (None, None)
        };
        let (Some(host), Some(port)) = (host, port) else {
            reading.error(item.node.at, format!("{}: wanted {WANTED}", item.name()));
            continue;
        };
        let (host, port) = (reading.text(host), reading.above_zero(port));
        if let (Some(host), Some(port)) = (host, port) {
            read.push(Node { host: host.text, port });
        }
    }
    Some(read)
}

fn cache(
    reading: &mut Reading<'_>,
    [router, litellm]: [&Fields<'_>; 2],
    [kwargs, params]: [&Fields<'_>; 2],
    names: &Names,
) -> Option<ResponseCache> {
    let own = reading.take(router, "cache_responses", Reading::flag).unwrap_or(false);
    let all = reading.take(litellm, "cache", Reading::flag).unwrap_or(false);
    let ttl = reading.take(kwargs, "ttl", Reading::timeout);
    let other = reading.take(params, "ttl", Reading::timeout);
    let on_request =
        reading.take(params, "mode", |reading, field| match reading.text(field)?.text.as_str() {
            "default_on" => Some(false),
            "default_off" => Some(true),
            _ => {
                reading.wrong(field, "default_on or default_off");
                None
            }
        });
    let groups = reading.take(router, "caching_groups", |reading, field| {
        let mut groups = Vec::new();
        for item in reading.list(field, "lists of groups")? {
            groups.extend(names.list(reading, item));
        }
        Some(groups)
    });
    (own || all).then(|| ResponseCache {
        ttl: ttl.or(other),
        groups: groups.unwrap_or_default(),
        on_request: on_request.unwrap_or(false),
    })
}
