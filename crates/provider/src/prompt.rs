//! What a request's prompt weighs, before anyone has counted its tokens.

mod walk;

use std::borrow::Cow;

use pointsman_types::Operation;

use self::walk::{Place, Sink, mended, walked};
use crate::Envelope;

/// What the prompt of a request weighs.
///
/// Text is what a model is shown: messages and their names, tool calls, and, as the JSON they came
/// in, tool definitions and answer schemas. Roles, ids and the like are in the four tokens of
/// their message. A picture's data is no text; a sound, a video or an attached file counts as a
/// picture, since its size tells little of its tokens. What is not understood counts as its raw
/// bytes.
///
/// ```
/// use pointsman_provider::{Envelope, Prompt};
/// use pointsman_types::Operation;
/// let body = r#"{"messages": [{"role": "user", "content": "What is in here?"}]}"#;
/// let prompt = Prompt::of(&Envelope::parse(body.into())?, Operation::Chat);
/// assert_eq!(prompt, Prompt { text_bytes: 16, messages: 1, ..Prompt::default() });
/// assert_eq!(prompt.estimate(), 16 / 4 + 4 + 3);
/// # Ok::<(), pointsman_provider::BodyFault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Text, in bytes of UTF-8, with escapes counted as what they stand for.
    pub text_bytes: u64,
    /// What came as tokens already: numbers in a `prompt` or an `input`.
    pub tokens: u64,
    /// Messages, the system's and a tool's among them.
    pub messages: u32,
    /// Pictures, and what counts as one.
    pub images: u32,
}

impl Prompt {
    /// Weighs a request in one scan, and without a copy but of texts that have escapes.
    ///
    /// A request of any shape has a weight.
    pub fn of(envelope: &Envelope, operation: Operation) -> Self {
        Self::at(envelope, operation.path())
    }

    fn at(envelope: &Envelope, path: &'static str) -> Self {
        let mut total = Self::default();
        for member in understood(envelope, path) {
            total.add(member.weight);
        }
        total
    }

    /// Hands out every text of a request, for a tokenizer, in the order in which it reads them.
    ///
    /// They are those whose bytes [`Prompt::of`] counts, so what they weigh in tokens goes into
    /// [`Prompt::counted`]. Half of a surrogate pair comes as U+FFFD.
    pub fn texts(envelope: &Envelope, operation: Operation, each: &mut dyn FnMut(&str)) {
        for member in understood(envelope, operation.path()) {
            // It was walked once without a fault, and neither the text nor the way has changed.
            let _same = walked(&member.source, member.place, &mut Sink::new(Some(each)));
        }
    }

    /// The estimate in tokens: a quarter of the text's bytes, rounded up, 4 for each message, 3 for
    /// the call and 1,000 for each picture.
    pub fn estimate(&self) -> u64 {
        self.counted(self.text_bytes.div_ceil(4))
    }

    /// The same with the texts counted by a tokenizer.
    pub fn counted(&self, text_tokens: u64) -> u64 {
        text_tokens
            .saturating_add(self.tokens)
            .saturating_add(u64::from(self.messages) * 4 + 3)
            .saturating_add(u64::from(self.images) * 1_000)
    }

    fn add(&mut self, other: Self) {
        self.text_bytes = self.text_bytes.saturating_add(other.text_bytes);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.messages = self.messages.saturating_add(other.messages);
        self.images = self.images.saturating_add(other.images);
    }
}

/// The members that carry a prompt, and how each is read.
///
/// By path, not by variant: an operation that is not named here has whatever any may have.
fn members(path: &str) -> &'static [(&'static str, Place)] {
    use Place::{Content, Inputs, Messages, Raw, Whole};
    match path {
        "chat/completions" => &[
            ("messages", Messages),
            ("tools", Raw),
            ("functions", Raw),
            ("documents", Content),
            ("response_format", Content),
        ],
        "completions" => &[("prompt", Content), ("suffix", Content)],
        "embeddings" | "moderations" => &[("input", Inputs)],
        "responses" => &[
            ("instructions", Whole),
            ("input", Messages),
            ("prompt", Content),
            ("tools", Raw),
            ("text", Content),
        ],
        "messages" | "messages/count_tokens" => &[
            ("system", Whole),
            ("messages", Messages),
            ("tools", Raw),
            ("output_config", Content),
            ("output_format", Content),
        ],
        "generateContent" | "countTokens" => &[
            ("systemInstruction", Whole),
            ("system_instruction", Whole),
            ("contents", Messages),
            ("tools", Raw),
            ("generateContentRequest", Content),
        ],
        "embedContent" => &[("content", Content)],
        "batchEmbedContents" => &[("requests", Content)],
        "predict" => &[("instances", Content)],
        "rerank" => &[("query", Content), ("documents", Inputs)],
        _ => &[
            ("messages", Messages),
            ("system", Whole),
            ("input", Inputs),
            ("instructions", Content),
            ("prompt", Content),
            ("query", Content),
            ("documents", Inputs),
            ("tools", Raw),
        ],
    }
}

/// One member, and a way to walk it that meets no fault.
struct Understood<'a> {
    source: Cow<'a, str>,
    place: Place,
    weight: Prompt,
}

fn understood<'a>(
    envelope: &'a Envelope,
    path: &'static str,
) -> impl Iterator<Item = Understood<'a>> {
    members(path).iter().filter_map(move |(name, place)| {
        let raw = envelope.raw(name).filter(|raw| *raw != "null")?;
        Some(understand(raw, *place))
    })
}

fn understand(raw: &str, place: Place) -> Understood<'_> {
    let weigh = |source: &str| {
        let mut sink = Sink::new(None);
        walked(source, place, &mut sink).ok().map(|()| sink.weight)
    };
    if let Some(weight) = weigh(raw) {
        return Understood { source: raw.into(), place, weight };
    }
    // Clients that cut text in the middle of a pair send half of it.
    let mended = mended(raw);
    if let Some(weight) = weigh(&mended) {
        return Understood { source: mended.into(), place, weight };
    }
    let mut sink = Sink::new(None);
    sink.text(raw);
    Understood { source: raw.into(), place: Place::Raw, weight: sink.weight }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(path: &'static str, body: &str) -> Prompt {
        Prompt::at(&Envelope::parse(body.to_owned().into()).unwrap(), path)
    }

    fn chat(message: &str) -> Prompt {
        weight("chat/completions", &format!(r#"{{"messages":[{message}]}}"#))
    }

    fn of(text_bytes: u64, messages: u32, images: u32) -> Prompt {
        Prompt { text_bytes, tokens: 0, messages, images }
    }

    #[test]
    fn a_chat_weighs_its_texts_messages_and_pictures() {
        assert_eq!(chat(r#"{"role":"user","content":"12345"}"#), of(5, 1, 0));
        assert_eq!(chat(r#"{"role":"user","content":"12345"}"#).estimate(), 2 + 4 + 3);
        assert_eq!(chat(""), of(0, 0, 0));
        assert_eq!(chat("").estimate(), 3);
        let parts = r#"{"content":[{"type":"text","text":"four"},
            {"image_url":{"url":"data:image/png;base64,AAAA"},"type":"image_url"},
            {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
            {"type":"file","file":{"file_data":"data:application/pdf;base64,AA"}}],"role":"user"}"#;
        assert_eq!(chat(parts), of(4, 1, 3));
        assert_eq!(chat(parts).estimate(), 1 + 4 + 3 + 3_000);
        let called = r#"{"role":"assistant","name":"bob","content":null,"refusal":null,"tool_calls":
            [{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"ok"}"#;
        assert_eq!(chat(called), of(3 + 1 + 7 + 2, 2, 0));
    }

    #[test]
    fn escapes_count_as_what_they_stand_for() {
        assert_eq!(chat(r#"{"content":"\u00e9"}"#).text_bytes, 2);
        assert_eq!(chat(r#"{"content":"\n\\\""}"#).text_bytes, 3);
        assert_eq!(chat(r#"{"content":"\ud83d\ude00"}"#).text_bytes, 4);
        assert_eq!(chat(r#"{"c\u006fntent":"abc","r\u006fle":"user"}"#), of(3, 1, 0));
        // Half a pair, beside a whole one and something that only looks like one.
        let cut = r#"{"content":[{"text":"\ud83d\ude00 \\ud83d \ud83d"},{"image_url":"x"}]}"#;
        assert_eq!(chat(cut), of(4 + 1 + 6 + 1 + 3, 1, 1));
    }

    #[test]
    fn definitions_count_as_their_json() {
        let tools = r#"[{"type":"function","function":{"name":"f","parameters":{}}}]"#;
        let body = format!(r#"{{"tools":{tools},"messages":[],"functions":[],"stop":"never"}}"#);
        assert_eq!(weight("chat/completions", &body), of(tools.len() as u64, 0, 0));
        let format = r#"{"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}"#;
        assert_eq!(weight("chat/completions", format), of(r#"{"name":"n"}"#.len() as u64, 0, 0));
        let plain = r#"{"response_format":{"type":"json_object"}}"#;
        assert_eq!(weight("chat/completions", plain), of(0, 0, 0));
    }

    #[test]
    fn prompts_and_inputs_are_texts_or_tokens() {
        assert_eq!(weight("completions", r#"{"prompt":"abcd"}"#), of(4, 0, 0));
        assert_eq!(weight("completions", r#"{"prompt":["ab","c"]}"#), of(3, 0, 0));
        let tokens = Prompt { tokens: 3, ..Prompt::default() };
        assert_eq!(weight("completions", r#"{"prompt":[1,2,3]}"#), tokens);
        assert_eq!(weight("embeddings", r#"{"input":[[1],[2,3]]}"#), tokens);
        assert_eq!(tokens.estimate(), 3 + 3);
        let mixed = r#"{"input":["ab","data:image/png;base64,AAAA"],"user":"someone"}"#;
        assert_eq!(weight("embeddings", mixed), of(2, 0, 1));
        let rerank = r#"{"query":"ab","documents":["c",{"text":"de"}],"top_n":1}"#;
        assert_eq!(weight("rerank", rerank), of(5, 0, 0));
        assert_eq!(weight("audio/speech", r#"{"input":"abc","voice":"v"}"#), of(3, 0, 0));
        assert_eq!(weight("images/generations", r#"{"prompt":"abc","n":1}"#), of(3, 0, 0));
        let parts = r#"{"input":[{"type":"text","text":"abc"},{"type":"image_url","image_url":{"url":"u"}}]}"#;
        assert_eq!(weight("moderations", parts), of(3, 0, 1));
    }

    #[test]
    fn responses_weigh_their_items() {
        assert_eq!(weight("responses", r#"{"input":"abc","instructions":"de"}"#), of(5, 2, 0));
        let items = r#"{"input":[
            {"role":"user","content":[{"type":"input_text","text":"ab"},
                {"type":"input_image","file_id":"file-1"},
                {"type":"input_image","image_url":"data:image/png;base64,AAAA"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"done"},
            {"id":"i","result":"AAAAAAAA","status":"completed","type":"image_generation_call"}],
            "text":{"format":{"type":"text"},"verbosity":"low"}}"#;
        assert_eq!(weight("responses", items), of(2 + 1 + 2 + 4, 4, 3));
    }

    #[test]
    fn anthropics_messages_weigh_their_blocks() {
        let body = r#"{"system":[{"type":"text","text":"be","cache_control":{"type":"ephemeral"}}],
            "messages":[{"role":"user","content":"abc"},
            {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"AAAA"},
                {"type":"redacted_thinking","data":"AAAA"},
                {"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[
                {"type":"text","text":"r"},
                {"type":"image","source":{"data":"AAAA","media_type":"image/png","type":"base64"}}]},
                {"type":"document","source":{"type":"base64","media_type":"x","data":"AA"}},
                {"type":"document","source":{"data":"plain","type":"text"},"title":"T"},
                {"type":"image","source":{"type":"url","url":"https://x"}}]}]}"#;
        for path in ["messages", "messages/count_tokens"] {
            assert_eq!(weight(path, body), of(2 + 3 + 2 + 1 + 7 + 1 + 5 + 1, 4, 3), "{path}");
        }
    }

    #[test]
    fn googles_contents_weigh_their_parts() {
        let body = r#"{"systemInstruction":{"parts":[{"text":"be"}]},"contents":[
            {"role":"user","parts":[{"text":"abc"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},
                {"fileData":{"fileUri":"gs://x"}}]},
            {"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"AAAA"},
                {"functionCall":{"name":"f","args":{"a":1}}}]},
            {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"r":2}}}]}],
            "generationConfig":{"maxOutputTokens":5}}"#;
        assert_eq!(weight("generateContent", body), of(2 + 3 + 2 + 1 + 7 + 1 + 7, 4, 2));
        let within = r#"{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"abc"}]}]}}"#;
        assert_eq!(weight("countTokens", within).text_bytes, 3);
        assert_eq!(
            weight("embedContent", r#"{"content":{"parts":[{"text":"abc"}]}}"#),
            of(3, 0, 0)
        );
        let several = r#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"ab"}]},
            "taskType":"CLUSTERING"},{"content":{"parts":[{"text":"c"}]}}]}"#;
        assert_eq!(weight("batchEmbedContents", several), of(3, 0, 0));
    }

    #[test]
    fn odd_shapes_count_as_their_bytes() {
        assert_eq!(chat(r#"{"content":{"odd":[1, 2]}}"#), of(6, 1, 0));
        assert_eq!(chat(r#""text","""#), of(4, 1, 0));
        assert_eq!(chat(r#"{"image_url":null,"data":null,"result":null}"#), of(0, 1, 0));
        assert_eq!(weight("chat/completions", r#"{"messages":{"content":"ab"}}"#), of(2, 1, 0));
        assert_eq!(weight("chat/completions", r#"{"messages":null}"#), of(0, 0, 0));
        assert_eq!(weight("completions", r#"{"prompt":[1e999]}"#), of(7, 0, 0));
        assert_eq!(chat(r#"{"type":["odd",{}],"content":"a"}"#), of(1, 1, 0));
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(chat(&deep).text_bytes, 100_000 - 2 * 11);
    }

    #[test]
    fn the_texts_are_those_that_were_weighed() {
        let body = r#"{"messages":[{"content":"a\nb"},{"content":[{"text":"\ud83d"},
            {"type":"image","source":{"data":"AAAA"}}],"extra":{"k":"v"}}],"tools":[{}]}"#;
        let envelope = Envelope::parse(body.into()).unwrap();
        let mut texts = Vec::new();
        Prompt::texts(&envelope, Operation::Chat, &mut |text| texts.push(text.to_owned()));
        assert_eq!(texts, ["a\nb", "\u{fffd}", r#"{"k":"v"}"#, "[{}]"]);
    }
}
