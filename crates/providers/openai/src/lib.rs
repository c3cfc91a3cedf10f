//! OpenAI's dialect and the vendors that speak it.
