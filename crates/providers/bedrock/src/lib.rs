//! AWS Bedrock.
//!
//! Chat goes to Converse and ConverseStream whichever model it is for, embeddings to InvokeModel;
//! `invoke/` before the id of a Claude asks InvokeModel in Anthropic's own words. Requests are
//! signed (SigV4), or carry a Bedrock API key. A model is named by its id, an inference profile's,
//! or an ARN; before an ARN that does not tell its model, the family may stand: `nova/arn:…`.
//!
//! ```
//! use async_trait::async_trait;
//! use pointsman_bedrock::BedrockCodec;
//! use pointsman_provider::{Call, Codec, Incoming, NoMachine, Pieces, Transport};
//! use pointsman_types::{Deployment, Error, ErrorKind};
//! use serde_json::json;
//! use std::sync::Arc;
//!
//! /// A network that is always down: keys that are configured are not fetched.
//! #[derive(Debug)]
//! struct Down;
//!
//! #[async_trait]
//! impl Transport for Down {
//!     async fn send(&self, _: http::Request<Pieces>) -> Result<http::Response<Incoming>, Error> {
//!         Err(Error::new(ErrorKind::Connection, "the network is down"))
//!     }
//! }
//!
//! let mut deployment = Deployment::new("chat", "bedrock", "amazon.nova-lite-v1:0");
//! for (name, value) in [
//!     ("aws_region_name", "eu-west-1"),
//!     ("aws_access_key_id", "AKIDEXAMPLE"),
//!     ("aws_secret_access_key", "a-secret"),
//! ] {
//!     deployment.settings.insert(name.into(), value.into());
//! }
//! let codec = BedrockCodec::new(Arc::new(Down), Arc::new(NoMachine));
//! let target = codec.target(&deployment)?;
//! let call = Call::chat("chat", json!({"messages": [{"role": "user", "content": "Hi"}]}))?;
//! let request = codec.encode(&target, &call)?;
//! assert_eq!(
//!     request.uri(),
//!     "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod decoder;
mod embed;
mod errors;
mod family;
mod frame;
mod keys;
mod place;
mod provider;
mod reply;
mod request;
mod sign;
mod usage;

pub use codec::BedrockCodec;
pub use provider::BedrockProvider;
