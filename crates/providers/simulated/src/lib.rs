//! Simulated deployments, for a first start without a key.
