//! Requests that are forms: their text becomes an envelope, their files stay as they came.

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, multipart::Field},
};
use bytes::Bytes;
use http::{Request, request::Parts};
use pointsman::{
    provider::{Envelope, FilePart, Form, OWN_FIELDS},
    types::{Error, ErrorKind},
};
use serde_json::{Map, Value};

/// Reads a `multipart/form-data` body.
pub(crate) async fn read(head: Parts, body: Bytes) -> Result<(Envelope, Form), Error> {
    let request = Request::from_parts(head, Body::from(body));
    let broken = |why: &dyn std::fmt::Display| {
        let message = format!("the body is no form: {why}");
        Error::new(ErrorKind::BadRequest, message)
    };
    let mut parts =
        Multipart::from_request(request, &()).await.map_err(|error| broken(&error.body_text()))?;
    let mut fields = Map::new();
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(|error| broken(&error.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_some() {
            form.files.push(file(name, part).await.map_err(|error| broken(&error.body_text()))?);
        } else {
            let text = part.text().await.map_err(|error| broken(&error.body_text()))?;
            add(&mut fields, name, text);
        }
    }
    if form.files.is_empty() {
        let error = Error::new(ErrorKind::BadRequest, "`file` is missing");
        return Err(error.with_param("file"));
    }
    let envelope = Envelope::parse(Value::Object(fields).to_string().into())?;
    Ok((envelope, form))
}

async fn file(
    name: String,
    part: Field<'_>,
) -> Result<FilePart, axum::extract::multipart::MultipartError> {
    let file_name = part.file_name().map(str::to_owned);
    let content_type = part.content_type().map(str::to_owned);
    Ok(FilePart { name, file_name, content_type, body: part.bytes().await? })
}

/// A field that comes several times is a list. Text stays text, but for what is read here.
fn add(fields: &mut Map<String, Value>, name: String, text: String) {
    let read_here = name == "stream" || OWN_FIELDS.contains(&name.as_str());
    let json = if read_here { serde_json::from_str(&text).ok() } else { None };
    let value = json.unwrap_or(Value::String(text));
    match fields.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(before) => *before = Value::Array(vec![before.take(), value]),
        None if name.ends_with("[]") => {
            fields.insert(name, Value::Array(vec![value]));
        }
        None => {
            fields.insert(name, value);
        }
    }
}
