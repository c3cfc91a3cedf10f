//! Cohere's API, version 2: chat, embeddings, rerank.
//!
//! Chat is translated by way of the neutral form in [`pointsman_provider::chat`], embeddings by way
//! of [`pointsman_provider::embeddings`]. Rerank is asked in Cohere's own words and passed through:
//! the `model` value is spliced, the router's own fields are taken out, and nothing else is touched.
//!
//! ```
//! use pointsman_cohere::{CohereCodec, VENDORS};
//! use pointsman_provider::{Call, Codec};
//! use pointsman_types::Deployment;
//! use serde_json::json;
//!
//! let codec = CohereCodec::new(&VENDORS[0]);
//! let target = codec.target(&Deployment::new("chat", "cohere", "command-a-03-2025")).unwrap();
//! let call = Call::chat("chat", json!({"messages": [{"role": "user", "content": "Hi"}]}))?;
//! let request = codec.encode(&target, &call)?;
//! assert_eq!(request.uri(), "https://api.cohere.com/v2/chat");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod citations;
mod codec;
mod decoder;
mod embed;
mod errors;
mod messages;
mod reply;
mod request;
mod usage;

pub use codec::{CohereCodec, VENDORS};
