//! The same answer in every dialect: text, one call, seven tokens read and two made.

use pointsman_testkit::event_stream::events;

/// One dialect, told by the ends of the paths that are asked.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) paths: &'static [&'static str],
    pub(crate) whole: &'static str,
    pub(crate) stream: &'static str,
    pub(crate) stream_type: &'static str,
}

pub(crate) const DIALECTS: &[Dialect] = &[
    Dialect {
        paths: &["/chat/completions", "/text/chat", "/text/chat_stream"],
        whole: r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,
            "message":{"role":"assistant","content":"Hé!","tool_calls":[
                {"id":"c1","type":"function","function":{"name":"look","arguments":"{\"q\":1}"}}]},
            "finish_reason":"tool_calls"}],
            "usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#,
        stream: concat!(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hé\"},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}}]},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"q\\\":1}\"}}]},\"finish_reason\":null}]}\n\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n",
            "data: [DONE]\n\n",
        ),
        stream_type: "text/event-stream",
    },
    Dialect {
        paths: &["/messages"],
        whole: r#"{"id":"1","type":"message","role":"assistant","model":"m","content":[
            {"type":"text","text":"Hé!"},{"type":"tool_use","id":"c1","name":"look","input":{"q":1}}],
            "stop_reason":"tool_use","usage":{"input_tokens":7,"output_tokens":2}}"#,
        stream: concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"1\",\"model\":\"m\",\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hé!\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"look\",\"input\":{}}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"q\\\":1}\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":2}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        stream_type: "text/event-stream; charset=utf-8",
    },
    Dialect {
        paths: &["/v2/chat"],
        whole: r#"{"id":"1","message":{"role":"assistant","content":[{"type":"text","text":"Hé!"}],
            "tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"q\":1}"}}]},
            "finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":7,"output_tokens":2}}}"#,
        stream: concat!(
            "event: message-start\ndata: {\"id\":\"1\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\n",
            "event: content-start\ndata: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n",
            "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hé!\"}}}}\n\n",
            "event: tool-call-start\ndata: {\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}}}}}\n\n",
            "event: tool-call-delta\ndata: {\"type\":\"tool-call-delta\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":\"{\\\"q\\\":1}\"}}}}}\n\n",
            "event: tool-call-end\ndata: {\"type\":\"tool-call-end\",\"index\":0}\n\n",
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\",\"usage\":{\"tokens\":{\"input_tokens\":7,\"output_tokens\":2}}}}\n\n",
            "data: [DONE]\n\n",
        ),
        stream_type: "text/event-stream",
    },
    Dialect {
        paths: &["/api/chat"],
        whole: r#"{"model":"m","message":{"role":"assistant","content":"Hé!","tool_calls":[
            {"id":"c1","function":{"name":"look","arguments":{"q":1}}}]},
            "done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":2}"#,
        stream: concat!(
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hé\"},\"done\":false}\n",
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"!\"},\"done\":false}\n",
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"c1\",\"function\":{\"name\":\"look\",\"arguments\":{\"q\":1}}}]},\"done\":false}\n",
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":7,\"eval_count\":2}\n",
        ),
        stream_type: "application/x-ndjson",
    },
    Dialect {
        paths: &[":generateContent", ":streamGenerateContent"],
        whole: r#"{"responseId":"1","modelVersion":"m","candidates":[{"index":0,"content":{"role":"model",
            "parts":[{"text":"Hé!"},{"functionCall":{"id":"c1","name":"look","args":{"q":1}}}]},
            "finishReason":"STOP"}],
            "usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9}}"#,
        stream: concat!(
            "data: {\"responseId\":\"1\",\"modelVersion\":\"m\",\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hé\"}]}}],\"usageMetadata\":{\"promptTokenCount\":7}}\r\n\r\n",
            "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"!\"}]}}]}\r\n\r\n",
            "data: {\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"c1\",\"name\":\"look\",\"args\":{\"q\":1}}}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":2,\"totalTokenCount\":9}}\r\n\r\n",
        ),
        stream_type: "text/event-stream",
    },
    Dialect {
        paths: &["/responses"],
        whole: r#"{"id":"1","object":"response","status":"completed","model":"m","output":[
            {"type":"message","id":"m1","role":"assistant","status":"completed",
             "content":[{"type":"output_text","text":"Hé!","annotations":[]}]},
            {"type":"function_call","id":"f1","call_id":"c1","name":"look","arguments":"{\"q\":1}","status":"completed"}],
            "usage":{"input_tokens":7,"output_tokens":2,"total_tokens":9}}"#,
        stream: concat!(
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"1\",\"object\":\"response\",\"status\":\"in_progress\",\"output\":[]}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"delta\":\"Hé!\"}\n\n",
            "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"item_id\":\"f1\",\"output_index\":1,\"delta\":\"{\\\"q\\\":1}\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"message\",\"id\":\"m1\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hé!\",\"annotations\":[]}]},{\"type\":\"function_call\",\"id\":\"f1\",\"call_id\":\"c1\",\"name\":\"look\",\"arguments\":\"{\\\"q\\\":1}\"}],\"usage\":{\"input_tokens\":7,\"output_tokens\":2,\"total_tokens\":9}}}\n\n",
        ),
        stream_type: "text/event-stream",
    },
    Dialect {
        paths: &["/converse", "/converse-stream"],
        whole: r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hé!"},
            {"toolUse":{"toolUseId":"c1","name":"look","input":{"q":1}}}]}},
            "stopReason":"tool_use","usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9}}"#,
        // One event a line, for `events`.
        stream: concat!(
            "messageStart {\"role\":\"assistant\"}\n",
            "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hé!\"}}\n",
            "contentBlockStop {\"contentBlockIndex\":0}\n",
            "contentBlockStart {\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"look\"}}}\n",
            "contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"{\\\"q\\\":1}\"}}}\n",
            "contentBlockStop {\"contentBlockIndex\":1}\n",
            "messageStop {\"stopReason\":\"tool_use\"}\n",
            "metadata {\"usage\":{\"inputTokens\":7,\"outputTokens\":2,\"totalTokens\":9}}",
        ),
        stream_type: "application/vnd.amazon.eventstream",
    },
];

impl Dialect {
    /// The stream's bytes.
    pub(crate) fn streamed(&self) -> Vec<u8> {
        if self.stream_type != "application/vnd.amazon.eventstream" {
            return self.stream.into();
        }
        let event = |line: &'static str| {
            let (name, payload) = line.split_once(' ').unwrap();
            (name, serde_json::from_str(payload).unwrap())
        };
        events(&self.stream.lines().map(event).collect::<Vec<_>>())
    }
}
