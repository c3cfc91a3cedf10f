//! To a Responses stream.

use pointsman_clock::Instant;
use pointsman_types::Usage;
use serde_json::{Value, json};

use super::write::{annotation, finish, function_call, message, output_text, reasoning, response};
use crate::{
    CallHead, Event, Frame,
    chat::{ChatEvent, Citation, Content, Finish, Part, ToolCall, made_id, stream::ChatWriter},
};

/// The most of an answer that is kept to be told again at its end, as the dialect wants it.
const MOST_KEPT: usize = 32 << 20;

/// The most citations that wait for the text they are in.
const MOST_WAITING: usize = 1_024;

/// Writes one stream. Other answers than the first are left out: the dialect has one only.
pub(crate) struct ResponseWriter {
    id: String,
    model: String,
    now: Instant,
    sequence: u64,
    begun: bool,
    open: Option<Open>,
    /// Citations that came before their text.
    waiting: Vec<Citation>,
    calls: Vec<Called>,
    /// The items that are complete, in order; a call's place is kept from its beginning.
    items: Vec<Value>,
    kept: usize,
    finish: Finish,
    usage: Option<Usage>,
    /// Not yet on any frame.
    news: Option<Usage>,
}

/// The item that is open, with what it has so far.
enum Open {
    Text { id: String, text: String, refusal: bool, citations: Vec<Citation> },
    Thought { id: String, text: String, seal: Option<String> },
}

struct Called {
    id: String,
    at: usize,
    call: ToolCall,
}

impl ResponseWriter {
    pub(crate) fn new(what: &CallHead, now: Instant) -> Self {
        Self {
            id: made_id("resp_", now, 0),
            model: what.model.clone(),
            now,
            sequence: 0,
            begun: false,
            open: None,
            waiting: Vec::new(),
            calls: Vec::new(),
            items: Vec::new(),
            kept: 0,
            finish: Finish::Stop,
            usage: None,
            news: None,
        }
    }

    fn send(&mut self, kind: &str, mut body: Value, content: bool, out: &mut Vec<Frame>) {
        body["type"] = kind.into();
        body["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        let event = Event {
            content,
            usage: self.news.take(),
            done: matches!(kind, "response.completed" | "response.incomplete"),
            ..Event::default()
        };
        out.push(Frame { raw: format!("event: {kind}\ndata: {body}\n\n").into(), event });
    }

    fn response(&self) -> Value {
        response(&self.id, &self.model, self.now.as_secs())
    }

    fn begin(&mut self, out: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        for kind in ["response.created", "response.in_progress"] {
            self.send(kind, json!({"response": self.response()}), false, out);
        }
    }

    fn item_id(&self, prefix: &str) -> String {
        made_id(prefix, self.now, u32::try_from(self.items.len()).unwrap_or(u32::MAX))
    }

    /// Begins an item in the next place.
    fn add(&mut self, item: Value, content: bool, out: &mut Vec<Frame>) {
        self.begin(out);
        let body = json!({"output_index": self.items.len(), "item": item});
        self.items.push(item);
        self.send("response.output_item.added", body, content, out);
    }

    /// Ends the item in that place.
    fn done(&mut self, at: usize, item: Value, out: &mut Vec<Frame>) {
        let body = json!({"output_index": at, "item": item});
        self.items[at] = item;
        self.send("response.output_item.done", body, false, out);
    }

    fn text(&mut self, piece: &str, wants_refusal: bool, out: &mut Vec<Frame>) {
        if piece.is_empty() {
            return;
        }
        let same =
            matches!(&self.open, Some(Open::Text { refusal, .. }) if *refusal == wants_refusal);
        if !same {
            self.open_text(wants_refusal, out);
        }
        let at = self.items.len() - 1;
        let fits = self.fits(piece);
        let Some(Open::Text { id, text, .. }) = &mut self.open else { return };
        if fits {
            text.push_str(piece);
        }
        let mut body =
            json!({"item_id": id, "output_index": at, "content_index": 0, "delta": piece});
        let kind = if wants_refusal {
            "response.refusal.delta"
        } else {
            body["logprobs"] = json!([]);
            "response.output_text.delta"
        };
        self.send(kind, body, true, out);
    }

    fn open_text(&mut self, refusal: bool, out: &mut Vec<Frame>) {
        self.close(out);
        let id = self.item_id("msg_");
        let mut item = message(&id, &[]);
        item["status"] = "in_progress".into();
        self.add(item, false, out);
        let part =
            if refusal { json!({"type": "refusal", "refusal": ""}) } else { output_text("", &[]) };
        let body = json!({"item_id": id, "output_index": self.items.len() - 1, "content_index": 0, "part": part});
        self.send("response.content_part.added", body, false, out);
        self.open = Some(Open::Text { id, text: String::new(), refusal, citations: Vec::new() });
        if !refusal {
            for citation in std::mem::take(&mut self.waiting) {
                self.cited(citation, out);
            }
        }
    }

    fn thought(&mut self, piece: &str, out: &mut Vec<Frame>) {
        if !matches!(self.open, Some(Open::Thought { .. })) {
            self.close(out);
            let id = self.item_id("rs_");
            self.add(reasoning(&id, "", None, None), false, out);
            let part = json!({"type": "summary_text", "text": ""});
            let body = json!({"item_id": id, "output_index": self.items.len() - 1, "summary_index": 0, "part": part});
            self.send("response.reasoning_summary_part.added", body, false, out);
            self.open = Some(Open::Thought { id, text: String::new(), seal: None });
        }
        let at = self.items.len() - 1;
        let fits = self.fits(piece);
        let Some(Open::Thought { id, text, .. }) = &mut self.open else { return };
        if fits {
            text.push_str(piece);
        }
        let body = json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": piece});
        self.send("response.reasoning_summary_text.delta", body, true, out);
    }

    fn fits(&mut self, piece: &str) -> bool {
        self.kept += piece.len();
        self.kept <= MOST_KEPT
    }

    fn close(&mut self, out: &mut Vec<Frame>) {
        let at = self.items.len().saturating_sub(1);
        match self.open.take() {
            None => {}
            Some(Open::Text { id, text, refusal, citations }) => {
                let place = json!({"item_id": id, "output_index": at, "content_index": 0});
                let mut body = place.clone();
                let part = if refusal {
                    body["refusal"] = text.as_str().into();
                    self.send("response.refusal.done", body, false, out);
                    json!({"type": "refusal", "refusal": text})
                } else {
                    body["text"] = text.as_str().into();
                    body["logprobs"] = json!([]);
                    self.send("response.output_text.done", body, false, out);
                    output_text(&text, &citations)
                };
                let mut body = place;
                body["part"] = part.clone();
                self.send("response.content_part.done", body, false, out);
                self.done(at, message(&id, &[part]), out);
            }
            Some(Open::Thought { id, text, seal }) => {
                let place = json!({"item_id": id, "output_index": at, "summary_index": 0});
                let mut body = place.clone();
                body["text"] = text.as_str().into();
                self.send("response.reasoning_summary_text.done", body, false, out);
                let mut body = place;
                body["part"] = json!({"type": "summary_text", "text": text});
                self.send("response.reasoning_summary_part.done", body, false, out);
                self.done(at, reasoning(&id, &text, seal.as_deref(), None), out);
            }
        }
    }

    fn called(&mut self, index: u32, call: ToolCall, out: &mut Vec<Frame>) {
        self.close(out);
        let id = self.item_id("fc_");
        self.add(function_call(&id, &call, "in_progress"), true, out);
        let nth = usize::try_from(index).unwrap_or(usize::MAX).min(self.calls.len());
        self.calls.truncate(nth);
        self.calls.push(Called { id, at: self.items.len() - 1, call });
    }

    fn arguments(&mut self, index: u32, piece: &str, out: &mut Vec<Frame>) {
        let fits = self.fits(piece);
        let nth = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(called) = self.calls.get_mut(nth).filter(|_| !piece.is_empty()) else { return };
        if fits {
            called.call.arguments.push_str(piece);
        }
        let body = json!({"item_id": called.id, "output_index": called.at, "delta": piece});
        self.send("response.function_call_arguments.delta", body, true, out);
    }

    fn cited(&mut self, citation: Citation, out: &mut Vec<Frame>) {
        let at = self.items.len().saturating_sub(1);
        let Some(Open::Text { id, citations, refusal: false, .. }) = &mut self.open else {
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push(citation);
            }
            return;
        };
        let Some(annotation) = annotation(&citation) else { return };
        let body = json!({"item_id": id, "output_index": at, "content_index": 0,
            "annotation_index": citations.len(), "annotation": annotation});
        citations.push(citation);
        self.send("response.output_text.annotation.added", body, true, out);
    }

    fn part(&mut self, part: &Part, out: &mut Vec<Frame>) {
        match &part.content {
            Content::Text { text, .. } => self.text(text, false, out),
            Content::Refusal(text) => self.text(text, true, out),
            // Nothing else is an item of a chat's answer here.
            _ => {}
        }
    }
}

impl ChatWriter for ResponseWriter {
    fn write(&mut self, event: ChatEvent, out: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start { id, model } => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.begin(out);
            }
            ChatEvent::Text { choice: 0, text, .. } => self.text(&text, false, out),
            ChatEvent::Refusal { choice: 0, text } => self.text(&text, true, out),
            ChatEvent::Reasoning { choice: 0, text } => self.thought(&text, out),
            ChatEvent::Signature { choice: 0, signature } => {
                if !matches!(self.open, Some(Open::Thought { .. })) {
                    self.thought("", out);
                }
                if let Some(Open::Thought { seal, .. }) = &mut self.open {
                    *seal = Some(signature);
                }
                self.close(out);
            }
            ChatEvent::HiddenReasoning { choice: 0, data } => {
                self.close(out);
                let item = reasoning(&self.item_id("rs_"), "", None, Some(&data));
                self.add(item.clone(), true, out);
                self.done(self.items.len() - 1, item, out);
            }
            ChatEvent::ToolCall { choice: 0, index, id, name, signature } => {
                let call = ToolCall { id, name, arguments: String::new(), signature };
                self.called(index, call, out);
            }
            ChatEvent::Arguments { choice: 0, index, piece } => self.arguments(index, &piece, out),
            ChatEvent::Citation { choice: 0, citation } => self.cited(citation, out),
            ChatEvent::Part { choice: 0, part } => self.part(&part, out),
            ChatEvent::Finish { choice: 0, reason, .. } => self.finish = reason,
            ChatEvent::Usage(used) => (self.usage, self.news) = (Some(used), Some(used)),
            // The dialect has no sign of life; a comment is one in any.
            ChatEvent::Ping => {
                let raw = bytes::Bytes::from_static(b": ping\n\n");
                out.push(Frame { raw, event: Event::default() });
            }
            _ => {}
        }
    }

    fn end(&mut self, out: &mut Vec<Frame>) {
        self.begin(out);
        self.close(out);
        for Called { id, at, call } in std::mem::take(&mut self.calls) {
            let body = json!({"item_id": id, "output_index": at, "name": call.name, "arguments": call.arguments});
            self.send("response.function_call_arguments.done", body, false, out);
            self.done(at, function_call(&id, &call, "completed"), out);
        }
        let mut body = self.response();
        finish(&mut body, std::mem::take(&mut self.items), self.finish, self.usage.as_ref());
        let incomplete = matches!(self.finish, Finish::Length | Finish::ContentFilter);
        let kind = if incomplete { "response.incomplete" } else { "response.completed" };
        self.send(kind, json!({"response": body}), true, out);
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Operation;

    use crate::Call;

    use super::*;

    #[test]
    fn a_citation_may_come_before_its_text() {
        let head = Call::json(Operation::Responses, "g", json!({"input": "Hi"})).unwrap().head;
        let mut writer = ResponseWriter::new(&head, Instant::EPOCH);
        let page = Citation { url: Some("https://a.invalid".into()), ..Citation::default() };
        let mut out = Vec::new();
        for event in [
            ChatEvent::Start { id: None, model: None },
            ChatEvent::Citation { choice: 0, citation: page },
            ChatEvent::Reasoning { choice: 0, text: "Hm".into() },
            ChatEvent::Text { choice: 0, text: "Ho".into(), logprobs: None },
        ] {
            writer.write(event, &mut out);
        }
        writer.end(&mut out);
        let text: String = out.iter().map(|one| String::from_utf8_lossy(&one.raw)).collect();
        assert_eq!(text.matches("response.output_text.annotation.added\",").count(), 1, "{text}");
        let last = text.rsplit("data: ").next().unwrap();
        let last: Value = serde_json::from_str(last.trim()).unwrap();
        let said = &last["response"]["output"][1]["content"][0];
        assert_eq!(said["annotations"][0]["url"], "https://a.invalid");
    }
}
