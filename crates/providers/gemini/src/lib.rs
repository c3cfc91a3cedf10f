//! Google's Gemini API: AI Studio's (`gemini/…`) and Vertex AI's (`vertex_ai/…`).
//!
//! Calls of Google's own front door are passed through; those of the others are translated by way of
//! the neutral form in [`pointsman_provider::chat`]. Seals of thoughts are round-tripped: a function call's as
//! `provider_specific_fields.thought_signature`, a text's as a `thinking_blocks` entry without text.
//!
//! ```
//! use pointsman_gemini::GeminiCodec;
//! use pointsman_provider::{Call, Codec};
//! use pointsman_types::Deployment;
//! use serde_json::json;
//!
//! let target = GeminiCodec.target(&Deployment::new("chat", "gemini", "gemini-2.5-flash")).unwrap();
//! let call = Call::chat("chat", json!({"messages": [{"role": "user", "content": "Hi"}]}))?;
//! let request = GeminiCodec.encode(&target, &call)?;
//! assert_eq!(
//!     request.uri(),
//!     "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod arguments;
mod citations;
mod claude;
mod codec;
mod contents;
mod decoder;
mod documents;
mod embed;
mod errors;
mod external;
mod model;
mod native;
mod reader;
mod request;
mod schema;
mod studio;
mod tokens;
mod vertex;
mod wire;

pub use studio::GeminiCodec;
pub use vertex::VertexCodec;
