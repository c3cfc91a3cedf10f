//! What to do after a failure: again, elsewhere, fallback, stop.
