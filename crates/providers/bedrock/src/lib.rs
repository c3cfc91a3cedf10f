//! AWS Bedrock.
//!
//! Chat goes to Converse and ConverseStream whichever model it is for, embeddings to InvokeModel;
//! `invoke/` before the id of a Claude asks InvokeModel in Anthropic's own words. Requests are
//! signed (SigV4), or carry a Bedrock API key. A model is named by its id, an inference profile's,
//! or an ARN; before an ARN that does not tell its model, the family may stand: `nova/arn:…`.

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
