//! A request that is a form: its fields are members of an envelope, its files stay as they came.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{Envelope, Pieces};

/// The files of a `multipart/form-data` request.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// In the order in which they came.
    pub files: Vec<FilePart>,
}

/// One file of a form.
#[derive(Clone, Debug)]
pub struct FilePart {
    /// The field's name.
    pub name: String,
    /// The file's name.
    pub file_name: Option<String>,
    /// Its type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub body: Bytes,
}

impl Form {
    /// The form with these fields: its content type, and its body, in which the files are not
    /// copied. A list is a field that comes several times.
    ///
    /// ```
    /// use pointsman_provider::{Envelope, FilePart, Form};
    /// let file = FilePart { name: "file".into(), file_name: Some("a.wav".into()), content_type: None, body: "RIFF".into() };
    /// let fields = Envelope::parse(r#"{"model": "whisper-1"}"#.into())?;
    /// let (kind, body) = Form { files: vec![file] }.write(&fields);
    /// let boundary = kind.split_once("boundary=").map(|(_, boundary)| boundary).unwrap_or_default();
    /// let body = body.to_bytes();
    /// assert!(body.ends_with(format!("RIFF\r\n--{boundary}--\r\n").as_bytes()));
    /// # Ok::<(), pointsman_provider::BodyFault>(())
    /// ```
    pub fn write(&self, fields: &Envelope) -> (String, Pieces) {
        let boundary = self.boundary(fields.bytes());
        let part = |name: &str| {
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(name))
        };
        let mut text = String::new();
        for (name, value) in flat(fields) {
            text += &part(&name);
            text += "\r\n\r\n";
            text += &value;
            text += "\r\n";
        }
        let mut pieces = Pieces::default();
        for file in &self.files {
            text += &part(&file.name);
            if let Some(name) = &file.file_name {
                text += "; filename=\"";
                text += &quoted(name);
                text += "\"";
            }
            if let Some(kind) = &file.content_type {
                text += "\r\ncontent-type: ";
                text += &kind.replace(['\r', '\n'], " ");
            }
            text += "\r\n\r\n";
            pieces.push(std::mem::take(&mut text).into());
            pieces.push(file.body.clone());
            text += "\r\n";
        }
        text += "--";
        text += &boundary;
        text += "--\r\n";
        pieces.push(text.into());
        (format!("multipart/form-data; boundary={boundary}"), pieces)
    }

    /// A boundary that nothing in the form contains.
    fn boundary(&self, fields: &[u8]) -> String {
        let mut nth = pointsman_types::stable_hash(fields);
        loop {
            let boundary = format!("pointsman-{nth:016x}");
            let within = |body: &[u8]| memchr::memmem::find(body, boundary.as_bytes()).is_some();
            if !within(fields) && !self.files.iter().any(|file| within(&file.body)) {
                return boundary;
            }
            nth = nth.wrapping_add(1);
        }
    }
}

/// The fields, one by one: a list is several of one name.
fn flat(fields: &Envelope) -> Vec<(String, String)> {
    let members: Map<String, Value> = serde_json::from_slice(fields.bytes()).unwrap_or_default();
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let each = |(name, value): (String, Value)| match value {
        Value::Array(list) => list.into_iter().map(|one| (name.clone(), text(one))).collect(),
        one => vec![(name, text(one))],
    };
    members.into_iter().flat_map(each).collect()
}

/// As browsers do it within quotes.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
