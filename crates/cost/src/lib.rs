//! What a call costs, in exact decimals.
