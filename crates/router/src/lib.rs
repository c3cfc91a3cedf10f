//! The life of a request: resolve, filter, pick, reserve, send, settle, decide.
