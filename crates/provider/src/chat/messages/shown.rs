//! What other vendors say in an answer and Anthropic's dialect has another shape for.

use serde_json::{Value, json};

use crate::chat::Citation;

const CITATIONS: [&str; 5] = [
    "char_location",
    "page_location",
    "content_block_location",
    "web_search_result_location",
    "search_result_location",
];

/// Whether a citation is in Anthropic's words.
pub(super) fn is_own(native: &Value) -> bool {
    native["type"].as_str().is_some_and(|kind| CITATIONS.contains(&kind))
}

/// A citation as Anthropic writes it; `None`, where nothing is known that could be shown.
pub(super) fn citation_block(citation: &Citation) -> Option<Value> {
    if is_own(&citation.native) {
        return Some(citation.native.clone());
    }
    let cited = citation.text.as_deref().unwrap_or_default();
    // Of those with an address the one without a seal, which Anthropic takes back.
    if let Some(url) = &citation.url {
        return Some(json!({
            "type": "search_result_location",
            "cited_text": cited,
            "source": url,
            "title": citation.title,
            "search_result_index": 0,
            "start_block_index": 0,
            "end_block_index": 0,
        }));
    }
    let known = citation.title.is_some() || !cited.is_empty();
    known.then(|| {
        json!({
            "type": "char_location",
            "cited_text": cited,
            "document_index": 0,
            "document_title": citation.title,
            "start_char_index": 0,
            "end_char_index": cited.chars().count(),
            "file_id": null,
        })
    })
}

/// Blocks that are a vendor's own.
#[derive(Debug, Default)]
pub(super) struct OwnBlocks {
    /// The code that was run last.
    ran: Option<String>,
    made: u32,
}

impl OwnBlocks {
    /// The block for what the vendor sent: code that Google ran is Anthropic's tool of that name,
    /// and what has no type is no block.
    pub(super) fn block(&mut self, own: &Value) -> Option<Value> {
        if let Some(code) = own.get("executableCode") {
            let id = self.id(code);
            self.ran = Some(id.clone());
            let input = json!({"code": code["code"]});
            return Some(json!({
                "type": "server_tool_use", "id": id, "name": "code_execution", "input": input,
            }));
        }
        if let Some(result) = own.get("codeExecutionResult") {
            let id = self.ran.take().unwrap_or_else(|| self.id(result));
            let ok = result["outcome"] == "OUTCOME_OK";
            let output = result["output"].as_str().unwrap_or_default();
            let (out, error) = if ok { (output, "") } else { ("", output) };
            let content = json!({
                "type": "code_execution_result",
                "stdout": out,
                "stderr": error,
                "return_code": u8::from(!ok),
                "content": [],
            });
            return Some(json!({
                "type": "code_execution_tool_result", "tool_use_id": id, "content": content,
            }));
        }
        own["type"].is_string().then(|| own.clone())
    }

    fn id(&mut self, of: &Value) -> String {
        self.made += 1;
        let given = of["id"]
            .as_str()
            .filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        match given.filter(|id| !id.is_empty()) {
            Some(id) => format!("srvtoolu_{id}"),
            None => format!("srvtoolu_code_{}", self.made),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_of_others_are_written_anew() {
        let own = json!({"type": "page_location", "cited_text": "a", "document_index": 1});
        let citation = Citation { native: own.clone(), ..Citation::default() };
        assert_eq!(citation_block(&citation), Some(own));
        let web = Citation {
            url: Some("https://a.invalid".into()),
            title: Some("A".into()),
            native: json!({"web": {"uri": "https://a.invalid"}}),
            ..Citation::default()
        };
        assert_eq!(
            citation_block(&web),
            Some(json!({"type": "search_result_location", "cited_text": "",
                "source": "https://a.invalid", "title": "A", "search_result_index": 0,
                "start_block_index": 0, "end_block_index": 0}))
        );
        let document = Citation { text: Some("é!".into()), ..Citation::default() };
        assert_eq!(
            citation_block(&document),
            Some(json!({"type": "char_location", "cited_text": "é!", "document_index": 0,
                "document_title": null, "start_char_index": 0, "end_char_index": 2,
                "file_id": null}))
        );
        let unknown = Citation { native: json!({"startIndex": 3}), ..Citation::default() };
        assert_eq!(citation_block(&unknown), None);
    }

    #[test]
    fn code_that_was_run_is_a_tool_of_the_server() {
        let mut own = OwnBlocks::default();
        let code = own.block(&json!({"executableCode": {"language": "PYTHON", "code": "1"}}));
        assert_eq!(
            code,
            Some(json!({"type": "server_tool_use", "id": "srvtoolu_code_1",
                "name": "code_execution", "input": {"code": "1"}}))
        );
        let result = json!({"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "x"}});
        let result = own.block(&result).unwrap_or_default();
        assert_eq!(result["tool_use_id"], "srvtoolu_code_1");
        assert_eq!(
            result["content"],
            json!({"type": "code_execution_result", "stdout": "", "stderr": "x",
                "return_code": 1, "content": []})
        );
        let named = own.block(&json!({"executableCode": {"code": "2", "id": "call_9"}}));
        assert_eq!(named.unwrap_or_default()["id"], "srvtoolu_call_9");
        assert_eq!(own.block(&json!({"videoMetadata": {}})), None);
        let block = json!({"type": "mcp_tool_use", "id": "m"});
        assert_eq!(own.block(&block), Some(block.clone()));
    }
}
