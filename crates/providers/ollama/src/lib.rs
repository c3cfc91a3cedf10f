//! Ollama's own API: `/api/chat`, `/api/generate`, `/api/embed`.
//!
//! Chat is translated by way of the neutral form in [`pointsman_provider::chat`], embeddings by way
//! of [`pointsman_provider::embeddings`]; completions are translated here. Streams are lines of
//! JSON. A server of one's own needs no key; Ollama's cloud takes one.
//!
//! ```
//! use pointsman_ollama::{OllamaCodec, VENDORS};
//! use pointsman_provider::{Call, Codec};
//! use pointsman_types::Deployment;
//! use serde_json::json;
//!
//! let codec = OllamaCodec::new(&VENDORS[0]);
//! let target = codec.target(&Deployment::new("chat", "ollama", "llama3.2")).unwrap();
//! let call = Call::chat("chat", json!({"messages": [{"role": "user", "content": "Hi"}]}))?;
//! let request = codec.encode(&target, &call)?;
//! assert_eq!(request.uri(), "http://localhost:11434/api/chat");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod decoder;
mod embed;
mod errors;
mod generate;
mod lines;
mod messages;
mod options;
mod reply;
mod request;

pub use codec::{OllamaCodec, VENDORS};
