//! `router_settings` and the parts of `litellm_settings` that mean the same.

use std::time::Duration;

use crate::{
    Fallback, Grade, ResponseCache, RouterSpec, RoutingGroup,
    check::outdone,
    defaults::Defaults,
    fallbacks,
    names::Names,
    own,
    read::{Field, Fields, Reading},
    retry_policy, strategy,
};

/// What is read before the router's settings.
pub(crate) struct Known<'a> {
    pub(crate) names: &'a Names,
    pub(crate) routing_groups: Vec<RoutingGroup>,
    pub(crate) defaults: &'a Defaults,
    pub(crate) cache: Option<ResponseCache>,
}

/// Reads the router's settings; `pointsman` is the block of our own in it.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    both: &Both<'_, '_>,
    pointsman: &Fields<'_>,
    known: Known<'_>,
) -> RouterSpec {
    let Known { names, routing_groups, defaults, cache } = known;
    let router = both.router;
    let mut spec = RouterSpec {
        routing_groups,
        cache,
        model_group_alias: names.served_aliases(),
        ..RouterSpec::default()
    };
    strategies(reading, router, &mut spec);
    patience(reading, both, defaults, &mut spec);
    cooldowns(reading, both, &mut spec);
    after_failures(reading, both, names, &mut spec);
    spec.enable_pre_call_checks = flag(reading, router, "enable_pre_call_checks", false);
    spec.enable_tag_filtering = flag(reading, router, "enable_tag_filtering", false);
    spec.tag_filtering_match_any = flag(reading, router, "tag_filtering_match_any", true);
    spec.default_priority = reading.take(router, "default_priority", Reading::whole);
    own::read(reading, pointsman, names, &mut spec);
    spec
}

fn strategies(reading: &mut Reading<'_>, router: &Fields<'_>, spec: &mut RouterSpec) {
    if let Some(name) = reading.take(router, "routing_strategy", strategy::name) {
        spec.routing_strategy = name;
    }
    let path = "router_settings.routing_strategy_args.";
    spec.routing_strategy_args = strategy::args(reading, router, path);
}

/// How often and how long a call is tried.
fn patience(
    reading: &mut Reading<'_>,
    both: &Both<'_, '_>,
    defaults: &Defaults,
    spec: &mut RouterSpec,
) {
    let router = both.router;
    let old_retries = reading.take(router, "max_retries", Reading::whole);
    let retries = both.take(reading, "num_retries", "num_retries", Reading::whole);
    if let Some(retries) = retries.or(old_retries).or(defaults.num_retries) {
        spec.num_retries = retries;
    }
    spec.retry_after = reading.take(router, "retry_after", Reading::duration).unwrap_or_default();
    let timeout = both.take(reading, "timeout", "request_timeout", Reading::timeout);
    if let Some(timeout) = timeout.or(defaults.timeout) {
        spec.timeout = timeout;
    }
    spec.stream_timeout =
        reading.take(router, "stream_timeout", Reading::timeout).or(defaults.stream_timeout);
}

fn cooldowns(reading: &mut Reading<'_>, both: &Both<'_, '_>, spec: &mut RouterSpec) {
    let router = both.router;
    if let Some(time) = reading.take(router, "cooldown_time", cooldown) {
        spec.cooldown_time = time;
    }
    spec.allowed_fails = both.take(reading, "allowed_fails", "allowed_fails", Reading::whole);
    let path = "router_settings.allowed_fails_policy.";
    spec.allowed_fails_policy = retry_policy::read_allowed_fails(reading, router, path);
    spec.disable_cooldowns = flag(reading, router, "disable_cooldowns", false);
}

fn after_failures(
    reading: &mut Reading<'_>,
    both: &Both<'_, '_>,
    names: &Names,
    spec: &mut RouterSpec,
) {
    spec.fallbacks = both.fallbacks(reading, "fallbacks", names);
    spec.default_fallbacks = both
        .take(reading, "default_fallbacks", "default_fallbacks", |reading, field| {
            fallbacks::targets(reading, field, names)
        })
        .unwrap_or_default();
    spec.context_window_fallbacks = both.fallbacks(reading, "context_window_fallbacks", names);
    spec.content_policy_fallbacks = both.fallbacks(reading, "content_policy_fallbacks", names);
    if let Some(most) = both.take(reading, "max_fallbacks", "max_fallbacks", Reading::whole) {
        spec.max_fallbacks = most;
    }
    spec.retry_policy = retry_policy::read(reading, both.router);
    spec.model_group_retry_policy =
        retry_policy::read_groups(reading, both.router, |reading, field, group| {
            if !names.is_key(group) {
                names.never(reading, field, group);
            }
        });
}

/// The two sections that may say the same; the router's own wins.
pub(crate) struct Both<'a, 't> {
    pub(crate) router: &'a Fields<'t>,
    pub(crate) litellm: &'a Fields<'t>,
}

impl<'t> Both<'_, 't> {
    pub(crate) fn take<'e, T>(
        &self,
        reading: &mut Reading<'e>,
        key: &str,
        litellm_key: &str,
        mut read: impl FnMut(&mut Reading<'e>, Field<'t>) -> Option<T>,
    ) -> Option<T> {
        let first = self.router.get(key).is_some();
        let own = reading.take(self.router, key, &mut read);
        if first {
            if let Some(field) = self.litellm.get(litellm_key) {
                outdone(reading, field.at, &field.name(), &format!("router_settings.{key}"));
            }
            return own;
        }
        reading.take(self.litellm, litellm_key, read)
    }

    fn fallbacks(&self, reading: &mut Reading<'_>, key: &str, names: &Names) -> Vec<Fallback> {
        self.take(reading, key, key, |reading, field| fallbacks::read(reading, field, names))
            .unwrap_or_default()
    }
}

fn flag(reading: &mut Reading<'_>, fields: &Fields<'_>, key: &str, default: bool) -> bool {
    reading.take(fields, key, Reading::flag).unwrap_or(default)
}

/// LiteLLM takes a cooldown of 0 for none given.
fn cooldown(reading: &mut Reading<'_>, field: Field<'_>) -> Option<Duration> {
    let time = reading.duration(field)?;
    if time.is_zero() {
        let message = format!("{}: 0 means the default, 5 s", field.name());
        reading.note(field.node.at, Grade::Approximate, message);
        return None;
    }
    Some(time)
}
