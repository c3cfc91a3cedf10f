//! What lies in `router_settings.pointsman`, and budgets.

use super::{
    Keys, Rows,
    Says::{Ignored, Served},
    Table,
};

const BUDGET_ROWS: Rows = &[
    (Served, "max_budget budget_limit budget_duration time_period"),
    (Ignored("only money is limited here"), "tpm_limit rpm_limit"),
];

const QUOTA_ROWS: Rows = &[(
    Served,
    "rpm tpm itpm otpm rpd tpd daily_reset_time max_parallel_requests max_budget budget_duration",
)];

const CALLER_ROWS: Rows = &[(
    Served,
    "name hash models rpm tpm itpm otpm rpd tpd daily_reset_time max_parallel_requests max_budget
    budget_duration",
)];

const RETRY_BUDGET_ROWS: Rows = &[(Served, "ratio per_second burst")];
const HEDGE_ROWS: Rows = &[(Served, "groups after")];
const AFFINITY_ROWS: Rows = &[(Served, "key groups bound")];
const EXHAUSTED_ROWS: Rows = &[(Served, "wait")];
const WAIT_ROWS: Rows = &[(Served, "max queue")];
const MIRROR_ROWS: Rows = &[(Served, "to share")];

/// An entry of `provider_budget_config` or `tag_budget_config`.
pub(crate) static BUDGET: Table = Table::new(|| Keys::new(BUDGET_ROWS));
/// An entry of `quotas`.
pub(crate) static QUOTA: Table = Table::new(|| Keys::new(QUOTA_ROWS));
/// An entry of `keys`.
pub(crate) static CALLER: Table = Table::new(|| Keys::new(CALLER_ROWS));
/// `retry_budget`.
pub(crate) static RETRY_BUDGET: Table = Table::new(|| Keys::new(RETRY_BUDGET_ROWS));
/// `hedge`.
pub(crate) static HEDGE: Table = Table::new(|| Keys::new(HEDGE_ROWS));
/// `affinity`.
pub(crate) static AFFINITY: Table = Table::new(|| Keys::new(AFFINITY_ROWS));
/// `on_exhausted`, where it is a mapping.
pub(crate) static EXHAUSTED: Table = Table::new(|| Keys::new(EXHAUSTED_ROWS));
/// `on_exhausted.wait`.
pub(crate) static WAIT: Table = Table::new(|| Keys::new(WAIT_ROWS));
/// An entry of `mirror`.
pub(crate) static MIRROR: Table = Table::new(|| Keys::new(MIRROR_ROWS));

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[
    BUDGET_ROWS,
    QUOTA_ROWS,
    CALLER_ROWS,
    RETRY_BUDGET_ROWS,
    HEDGE_ROWS,
    AFFINITY_ROWS,
    EXHAUSTED_ROWS,
    WAIT_ROWS,
    MIRROR_ROWS,
];
