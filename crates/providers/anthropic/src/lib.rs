//! Anthropic's Messages API.
//!
//! A caller that speaks it (`/v1/messages`, `/v1/messages/count_tokens`) is passed through: the
//! `model` value is spliced, the router's own fields are taken out, and nothing else is touched.
//! Any other is translated by way of the neutral form in [`pointsman_provider::chat`].
//!
//! ```
//! use pointsman_anthropic::AnthropicCodec;
//! use pointsman_provider::{Call, Codec};
//! use pointsman_types::Deployment;
//! use serde_json::json;
//!
//! let target = AnthropicCodec.target(&Deployment::new("chat", "anthropic", "claude-sonnet-4-5")).unwrap();
//! let call = Call::chat("chat", json!({"messages": [{"role": "user", "content": "Hi"}]}))?;
//! let request = AnthropicCodec.encode(&target, &call)?;
//! assert_eq!(request.uri(), "https://api.anthropic.com/v1/messages");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod native;

pub use codec::AnthropicCodec;
