//! The neutral form of a call for embeddings, for vendors that do not speak OpenAI's dialect.

mod google;
pub mod openai;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderMap;
use pointsman_types::{Error, ErrorKind, Operation, Usage};
use serde_json::{Map, Value, json};

use crate::{BodyFault, Call, CallHead, Target, WholeReply, chat::Fields};

/// A call for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The texts to embed, one vector each.
    pub texts: Vec<String>,
    /// How long the vectors shall be.
    pub dimensions: Option<u64>,
    /// What the vectors are for, in the vendor's own words.
    pub input_type: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// Members that this form has no words for, as they came.
    pub rest: Map<String, Value>,
}

impl Embeddings {
    /// The call in the neutral form, with the target's default parameters where it has none.
    ///
    /// ```
    /// use pointsman_provider::{Call, Target, Vendor, embeddings::Embeddings};
    /// use pointsman_types::{Deployment, Operation};
    /// let vendor = Vendor { name: "v", base: Some("http://v.invalid"), version_path: "", key_env: &[], base_env: &[], needs_key: false };
    /// let to = Target::of(&Deployment::new("e", "v", "m"), &vendor)?;
    /// let body = serde_json::json!({"input": ["a", "b"], "dimensions": 8});
    /// let asked = Embeddings::of(&Call::json(Operation::Embeddings, "e", body)?, &to)?;
    /// assert_eq!((asked.texts.len(), asked.dimensions), (2, Some(8)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Kind `BadRequest`, naming the member that is missing or wrong; `Unsupported` for an input
    /// of token ids, which only the vendor of the tokens understands.
    pub fn of(call: &Call, to: &Target) -> Result<Self, Error> {
        let broken = |message: String| Error::new(ErrorKind::BadRequest, message);
        let members = call.members_for(to)?;
        match call.head.operation {
            Operation::Predict => return Ok(google::read_predict(members)?),
            operation if operation.is_google() => return Ok(google::read(members)?),
            _ => {}
        }
        let mut body = Fields::top(members);
        let input = body.value("input").unwrap_or_default();
        if input.as_array().is_some_and(|list| list.iter().any(|one| !one.is_string())) {
            let message = "`input` of token ids is understood by the tokens' vendor alone";
            return Err(Error::new(ErrorKind::Unsupported, message).with_param("input"));
        }
        let texts = match input {
            Value::String(text) => vec![text],
            Value::Array(list) if !list.is_empty() => {
                list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => {
                let message = "`input` must be a string or an array of strings".to_owned();
                return Err(broken(message).with_param("input"));
            }
        };
        Ok(Self::read(texts, body)?)
    }

    fn read(texts: Vec<String>, mut body: Fields) -> Result<Self, BodyFault> {
        let dimensions = body.whole("dimensions")?;
        let (input_type, user) = (body.text("input_type")?, body.text("user")?);
        // The format is ours to write; the routing tags are in `metadata`.
        for read_elsewhere in ["model", "encoding_format", "metadata"] {
            body.value(read_elsewhere);
        }
        Ok(Self { texts, dimensions, input_type, user, rest: body.rest() })
    }
}

/// The vectors of a call for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f64>>,
    /// The model that made them, in the vendor's words.
    pub model: Option<String>,
    /// What it took, if the vendor said it.
    pub usage: Option<Usage>,
}

impl Vectors {
    /// The answer in the dialect in which the caller asked.
    ///
    /// ```
    /// use pointsman_provider::{Call, embeddings::Vectors};
    /// use pointsman_types::Operation;
    /// let body = serde_json::json!({"input": "a", "encoding_format": "base64"});
    /// let call = Call::json(Operation::Embeddings, "e", body)?;
    /// let vectors = Vectors { vectors: vec![vec![1.0]], ..Vectors::default() };
    /// let whole = vectors.whole(&call.head, &http::HeaderMap::new());
    /// let body: serde_json::Value = serde_json::from_slice(&whole.body)?;
    /// assert_eq!(body["data"][0]["embedding"], "AACAPw==");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn whole(&self, what: &CallHead, headers: &HeaderMap) -> WholeReply {
        let body = match what.operation {
            operation if operation.is_google() => google::write(self, what),
            _ => self.openai(what),
        };
        WholeReply { headers: headers.clone(), body: body.to_string().into(), usage: self.usage }
    }

    fn openai(&self, what: &CallHead) -> Value {
        let one = |(index, vector): (usize, &Vec<f64>)| {
            let embedding: Value = if what.base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|n| single(*n).to_le_bytes()).collect();
                BASE64_STANDARD.encode(bytes).into()
            } else {
                vector.as_slice().into()
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        };
        let mut body = json!({
            "object": "list",
            "data": self.vectors.iter().enumerate().map(one).collect::<Vec<_>>(),
            "model": self.model.as_ref().unwrap_or(&what.model),
        });
        if let Some(used) = &self.usage {
            body["usage"] = json!({"prompt_tokens": used.input, "total_tokens": used.input});
        }
        body
    }
}

#[expect(clippy::cast_possible_truncation, reason = "OpenAI's Base64 has 32 bits for each number")]
fn single(number: f64) -> f32 {
    number as f32
}
