//! Calls for embeddings of callers that speak Google's dialect.

use pointsman_types::Operation;
use serde_json::{Map, Value, json};

use super::{Embeddings, Vectors};
use crate::{
    BodyFault, CallHead,
    chat::google::{object, open},
};

/// Reads one text, or a list of calls for one each, which must want the same.
pub(super) fn read(members: Map<String, Value>) -> Result<Embeddings, BodyFault> {
    let mut body = open(Value::Object(members), String::new())?;
    let list = body.list("requests")?;
    if list.is_empty() {
        return one(Value::Object(body.rest()), String::new());
    }
    all(list, "requests", one)
}

/// Reads the texts to predict for, with what is wanted for all of them.
pub(super) fn read_predict(members: Map<String, Value>) -> Result<Embeddings, BodyFault> {
    let mut body = open(Value::Object(members), String::new())?;
    let list = body.list("instances")?;
    let mut asked = all(list, "instances", instance)?;
    if let Some(mut parameters) = object(&mut body, "parameters")? {
        asked.dimensions = parameters.whole("outputDimensionality")?;
        asked.rest.extend(parameters.rest());
    }
    for read_elsewhere in ["model", "stream"] {
        body.value(read_elsewhere);
    }
    asked.rest.extend(body.rest());
    Ok(asked)
}

fn all(
    list: Vec<Value>,
    name: &str,
    read: impl Fn(Value, String) -> Result<Embeddings, BodyFault>,
) -> Result<Embeddings, BodyFault> {
    let (mut texts, mut same) = (Vec::with_capacity(list.len()), None);
    for (nth, request) in list.into_iter().enumerate() {
        let at = format!("{name}[{nth}]");
        let mut next = read(request, at.clone())?;
        texts.append(&mut next.texts);
        if *same.get_or_insert_with(|| next.clone()) != next {
            let message = format!("`{at}` wants something else than `{name}[0]`");
            return Err(BodyFault::of(&at, message));
        }
    }
    Ok(Embeddings { texts, ..same.unwrap_or_default() })
}

fn instance(instance: Value, at: String) -> Result<Embeddings, BodyFault> {
    let mut body = open(instance, at)?;
    let texts = vec![body.needed("content")?];
    let kind = body.text("task_type")?;
    let input_type = kind.filter(|kind| kind != "TASK_TYPE_UNSPECIFIED");
    Ok(Embeddings { texts, input_type, rest: body.rest(), ..Embeddings::default() })
}

fn one(request: Value, at: String) -> Result<Embeddings, BodyFault> {
    let mut body = open(request, at)?;
    let mut content =
        object(&mut body, "content")?.ok_or_else(|| body.fault("content", "is missing"))?;
    let path = content.path("parts");
    let mut texts = Vec::new();
    for (nth, part) in content.list("parts")?.into_iter().enumerate() {
        texts.push(open(part, format!("{path}[{nth}]"))?.needed("text")?);
    }
    if let Some(config) = object(&mut body, "embedContentConfig")? {
        let mut members = body.rest();
        members.extend(config.rest());
        body = open(Value::Object(members), String::new())?;
    }
    let dimensions = body.whole("outputDimensionality")?;
    let input_type = body.text("taskType")?.filter(|kind| kind != "TASK_TYPE_UNSPECIFIED");
    for read_elsewhere in ["model", "stream"] {
        body.value(read_elsewhere);
    }
    // The parts of one content are embedded together.
    let texts = vec![texts.join("\n")];
    Ok(Embeddings { texts, dimensions, input_type, user: None, rest: body.rest() })
}

/// One vector, or one for each request.
pub(super) fn write(vectors: &Vectors, what: &CallHead) -> Value {
    let one = |vector: &Vec<f64>| json!({"values": vector});
    let mut body = match what.operation {
        Operation::EmbedContent => {
            let first = vectors.vectors.first();
            json!({"embedding": first.map_or_else(|| json!({"values": []}), one)})
        }
        Operation::Predict => {
            let one = |vector: &Vec<f64>| json!({"embeddings": one(vector)});
            return json!({"predictions": vectors.vectors.iter().map(one).collect::<Vec<_>>()});
        }
        _ => json!({"embeddings": vectors.vectors.iter().map(one).collect::<Vec<_>>()}),
    };
    if let Some(used) = &vectors.usage {
        body["usageMetadata"] = json!({"promptTokenCount": used.input});
    }
    body
}
