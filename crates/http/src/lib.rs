//! The Transport on reqwest.
