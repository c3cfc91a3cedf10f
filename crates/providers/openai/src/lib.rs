//! OpenAI's dialect, and the vendors that speak it, Azure among them.
//!
//! Bodies pass through as they came: the `model` value is spliced, the router's own fields are
//! taken out, and nothing else is touched, so every field that this crate has never heard of
//! arrives as it was sent.
//!
//! ```
//! use pointsman_openai::{OpenAiCodec, VENDORS};
//! use pointsman_provider::Codec;
//! use pointsman_types::Deployment;
//!
//! let codec = OpenAiCodec::new(&VENDORS[0]);
//! let target = codec.target(&Deployment::new("chat", "openai", "gpt-4o-mini")).unwrap();
//! assert_eq!(target.base, "https://api.openai.com/v1");
//! ```

mod answers;
mod azure;
mod codec;
mod dialect;
mod edits;
mod entra;
mod frames;
mod generation;
mod snowflake;
mod tokens;
mod vendors;
mod watsonx;
mod wire;

pub use azure::AzureCodec;
pub use codec::OpenAiCodec;
pub use dialect::Dialect;
pub use vendors::VENDORS;
pub use watsonx::WatsonxCodec;
