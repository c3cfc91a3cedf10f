//! Whole-system tests: the built gateway on a real socket, against faulty upstreams on real
//! sockets.

mod start;

/// The built gateway.
const POINTSMAN: &str = env!("CARGO_BIN_EXE_pointsman");
