//! The StateStore port, the lease, and the store in memory.
