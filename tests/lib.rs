//! Whole-system tests: the built gateway on a real socket against faulty upstreams.
