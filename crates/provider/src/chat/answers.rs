//! Answers that come as the call of a tool, because the vendor has no other way to keep a form.

use smallvec::SmallVec;

use super::{ChatEvent, Choice, Content, Finish, Part};

/// The name of a tool whose call *is* the answer.
///
/// A codec whose vendor has no JSON mode or schemas adds a tool of this name and makes the model
/// call it; the call's arguments become the answer's text, whole and streamed.
pub const ANSWER_TOOL: &str = "give_answer";

/// Turns calls of the tool into text.
pub(super) fn unwrap(choice: &mut Choice) {
    let mut other_calls = false;
    let mut found = false;
    for part in &mut choice.parts {
        if let Content::ToolCall(call) = &mut part.content {
            if call.name == ANSWER_TOOL {
                *part = Part::text(std::mem::take(&mut call.arguments));
                found = true;
            } else {
                other_calls = true;
            }
        }
    }
    if found && !other_calls && choice.finish == Finish::ToolCalls {
        choice.finish = Finish::Stop;
        choice.native_finish = None;
    }
}

/// Leaves out the calls behind the first.
pub(super) fn first_call(choice: &mut Choice) {
    let mut calls = 0;
    choice.parts.retain(|part| {
        let is_call = matches!(part.content, Content::ToolCall(_));
        calls += usize::from(is_call);
        !is_call || calls == 1
    });
}

/// The same in a stream.
#[derive(Debug, Default)]
pub(super) struct AnswerCalls {
    /// Whether the calls behind the first are left out.
    one_call: bool,
    /// Choice and call.
    found: SmallVec<[(u32, u32); 1]>,
    other_calls: bool,
}

impl AnswerCalls {
    pub(super) fn new(one_call: bool) -> Self {
        Self { one_call, ..Self::default() }
    }

    /// The event to pass on instead, if any.
    pub(super) fn passed(&mut self, event: ChatEvent) -> Option<ChatEvent> {
        self.unwrap(event).filter(|event| match event {
            ChatEvent::ToolCall { index, .. } | ChatEvent::Arguments { index, .. } => {
                !self.one_call || *index == 0
            }
            _ => true,
        })
    }

    /// The event to pass on instead.
    fn unwrap(&mut self, event: ChatEvent) -> Option<ChatEvent> {
        match event {
            ChatEvent::ToolCall { choice, index, name, .. } if name == ANSWER_TOOL => {
                self.found.push((choice, index));
                None
            }
            ChatEvent::ToolCall { choice, index, id, name, signature } => {
                self.other_calls = true;
                let index = self.shifted(choice, index);
                Some(ChatEvent::ToolCall { choice, index, id, name, signature })
            }
            ChatEvent::Arguments { choice, index, piece } => {
                if self.found.contains(&(choice, index)) {
                    return Some(ChatEvent::Text { choice, text: piece, logprobs: None });
                }
                let index = self.shifted(choice, index);
                Some(ChatEvent::Arguments { choice, index, piece })
            }
            ChatEvent::Finish { choice, reason: Finish::ToolCalls, stop_sequence, .. }
                if !self.found.is_empty() && !self.other_calls =>
            {
                Some(ChatEvent::Finish {
                    choice,
                    reason: Finish::Stop,
                    native: None,
                    stop_sequence,
                })
            }
            other => Some(other),
        }
    }

    /// A call's index without the answers before it.
    fn shifted(&self, choice: u32, index: u32) -> u32 {
        let before = |found: &&(u32, u32)| found.0 == choice && found.1 < index;
        let before = self.found.iter().filter(before).count();
        index.saturating_sub(u32::try_from(before).unwrap_or(0))
    }
}
