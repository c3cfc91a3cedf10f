//! Routes every LLM call to the right deployment.
