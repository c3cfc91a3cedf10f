//! Pictures, documents, films and sounds.

use pointsman_provider::chat::Source;
use serde_json::{Value, json};

/// What a piece of media is to Converse: the block's name and the format's.
type Kind = (&'static str, &'static str);

const KINDS: &[(&str, Kind)] = &[
    ("image/png", ("image", "png")),
    ("image/jpeg", ("image", "jpeg")),
    ("image/jpg", ("image", "jpeg")),
    ("image/gif", ("image", "gif")),
    ("image/webp", ("image", "webp")),
    ("application/pdf", ("document", "pdf")),
    ("text/csv", ("document", "csv")),
    ("application/msword", ("document", "doc")),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ("document", "docx"),
    ),
    ("application/vnd.ms-excel", ("document", "xls")),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ("document", "xlsx")),
    ("text/html", ("document", "html")),
    ("text/plain", ("document", "txt")),
    ("text/markdown", ("document", "md")),
    ("video/x-matroska", ("video", "mkv")),
    ("video/quicktime", ("video", "mov")),
    ("video/mp4", ("video", "mp4")),
    ("video/webm", ("video", "webm")),
    ("video/x-flv", ("video", "flv")),
    ("video/mpeg", ("video", "mpeg")),
    ("video/x-ms-wmv", ("video", "wmv")),
    ("video/3gpp", ("video", "three_gp")),
    ("audio/mpeg", ("audio", "mp3")),
    ("audio/mp3", ("audio", "mp3")),
    ("audio/opus", ("audio", "opus")),
    ("audio/wav", ("audio", "wav")),
    ("audio/x-wav", ("audio", "wav")),
    ("audio/aac", ("audio", "aac")),
    ("audio/flac", ("audio", "flac")),
    ("audio/mp4", ("audio", "mp4")),
    ("audio/m4a", ("audio", "m4a")),
    ("audio/ogg", ("audio", "ogg")),
    ("audio/webm", ("audio", "webm")),
    ("audio/pcm", ("audio", "pcm")),
    ("audio/pcm16", ("audio", "pcm")),
];

const ENDINGS: &[(&str, Kind)] = &[
    ("png", ("image", "png")),
    ("jpg", ("image", "jpeg")),
    ("jpeg", ("image", "jpeg")),
    ("gif", ("image", "gif")),
    ("webp", ("image", "webp")),
    ("pdf", ("document", "pdf")),
    ("csv", ("document", "csv")),
    ("doc", ("document", "doc")),
    ("docx", ("document", "docx")),
    ("xls", ("document", "xls")),
    ("xlsx", ("document", "xlsx")),
    ("html", ("document", "html")),
    ("txt", ("document", "txt")),
    ("md", ("document", "md")),
    ("mkv", ("video", "mkv")),
    ("mov", ("video", "mov")),
    ("mp4", ("video", "mp4")),
    ("webm", ("video", "webm")),
    ("3gp", ("video", "three_gp")),
    ("mp3", ("audio", "mp3")),
    ("wav", ("audio", "wav")),
];

/// What it is, by its type, else by the end of its name or address.
pub(super) fn kind(source: &Source, name: Option<&str>) -> Option<Kind> {
    let find = |list: &[(&str, Kind)], key: &str| {
        list.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind)
    };
    let ending = |name: &str| {
        let (_, ending) = name.rsplit_once('.')?;
        find(ENDINGS, &ending.to_ascii_lowercase())
    };
    match source {
        Source::Data { media_type, .. } => {
            let media_type = media_type.to_ascii_lowercase();
            let text = || media_type.starts_with("text/").then_some(("document", "txt"));
            find(KINDS, &media_type).or_else(|| name.and_then(ending)).or_else(text)
        }
        Source::Url(url) => ending(url).or_else(|| name.and_then(ending)),
        Source::Id(_) => None,
    }
}

/// Where Converse finds the bytes: here, or in S3. It follows no other address.
pub(super) fn source(source: &Source) -> Option<Value> {
    match source {
        Source::Data { base64, .. } if !base64.is_empty() => Some(json!({"bytes": base64})),
        Source::Url(url) if url.starts_with("s3://") => Some(json!({"s3Location": {"uri": url}})),
        _ => None,
    }
}

/// A document's name as Converse takes it: few characters, no two spaces, without its ending.
pub(super) fn document_name(name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut out = String::new();
    for c in stem.chars().take(180) {
        match c {
            ' ' if out.ends_with(' ') => {}
            c if c.is_ascii_alphanumeric() || " -()[]".contains(c) => out.push(c),
            _ => out.push('-'),
        }
    }
    let out = out.trim();
    if out.is_empty() { "document".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds() {
        assert_eq!(document_name(Some("a  b_c.d.pdf")), "a b-c-d");
        assert_eq!(document_name(Some("é")), "-");
        assert_eq!(document_name(None), "document");
        let data = |kind: &str| Source::Data { media_type: kind.into(), base64: "A".into() };
        assert_eq!(kind(&data("text/x-rust"), None), Some(("document", "txt")));
        assert_eq!(
            kind(&data("application/octet-stream"), Some("a.XLSX")),
            Some(("document", "xlsx"))
        );
        assert_eq!(kind(&data("image/tiff"), None), None);
        assert_eq!(kind(&Source::Url("s3://b/a.mp4".into()), None), Some(("video", "mp4")));
    }
}
