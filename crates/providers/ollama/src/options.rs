//! What Ollama has below `options`.

use pointsman_types::{Error, ErrorKind};
use serde_json::{Map, Value};

/// The options that have no words of OpenAI's; as in LiteLLM, a call has them at its top level.
const OWN: &[&str] = &[
    "f16_kv",
    "logits_all",
    "low_vram",
    "main_gpu",
    "min_p",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_batch",
    "num_ctx",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
    "numa",
    "penalize_newline",
    "repeat_last_n",
    "repeat_penalty",
    "tfs_z",
    "typical_p",
    "use_mlock",
    "use_mmap",
    "vocab_only",
];

/// Takes the options out of what the neutral form had no words for: those below `options`, then
/// those at the top level.
///
/// # Errors
///
/// Kind `BadRequest`, when `options` is no object.
pub(crate) fn taken(rest: &mut Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let mut options = match rest.shift_remove("options") {
        None => Map::new(),
        Some(Value::Object(options)) => options,
        Some(_) => {
            let error = Error::new(ErrorKind::BadRequest, "`options` must be an object");
            return Err(error.with_param("options"));
        }
    };
    for name in OWN {
        if let Some(value) = rest.shift_remove(*name) {
            options.insert((*name).to_owned(), value);
        }
    }
    Ok(options)
}

/// Sets an option that was given.
pub(crate) fn set(options: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        options.insert(name.to_owned(), value.into());
    }
}

/// Puts the options into a body, if there are any.
pub(crate) fn put(options: Map<String, Value>, body: &mut Map<String, Value>) {
    if !options.is_empty() {
        body.insert("options".into(), options.into());
    }
}
