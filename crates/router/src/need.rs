//! What a call is expected to need.

use std::sync::Arc;

use pointsman_cost::{PriceClass, SearchContext};
use pointsman_provider::{Call, Prompt, output_estimate};
use pointsman_state::{Demand, Take};
use pointsman_tokens::Counter;
use pointsman_types::{Operation, ServiceTier, Usage};
use serde_json::Value;
use smallvec::SmallVec;

use crate::topology::{Group, Node, Topology};

/// The most bytes of text that are counted where the call is; a longer prompt is counted beside it.
const COUNTED_HERE: u64 = 64 << 10;

/// How long a recording is, is not known before it was heard: 64 kbit a second.
const BYTES_A_MILLI: u64 = 8;

/// What the prompt of a call weighs, as far as anybody asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weight {
    prompt: Option<Prompt>,
    /// The tokenizer's count.
    counted: Option<u64>,
}

impl Weight {
    /// Tokens of the prompt: the estimate, or the tokenizer's count where that is larger.
    pub(crate) fn input(&mut self, call: &Call) -> u64 {
        let prompt =
            self.prompt.get_or_insert_with(|| Prompt::of(&call.envelope, call.head.operation));
        prompt.estimate().max(self.counted.unwrap_or(0))
    }

    /// Whether the tokenizer has not counted yet.
    pub(crate) fn is_rough(&self) -> bool {
        self.counted.is_none()
    }

    /// Has the tokenizer count.
    pub(crate) async fn count(&mut self, call: &Arc<Call>, model: &str) {
        if self.prompt.is_none_or(|prompt| prompt.text_bytes <= COUNTED_HERE) {
            return self.count_here(call, model);
        }
        let (of, model) = (Arc::clone(call), model.to_owned());
        let count = tokio::task::spawn_blocking(move || tokens(&of, &model));
        self.counts(count.await.unwrap_or(0));
    }

    /// The same without waiting.
    pub(crate) fn count_here(&mut self, call: &Call, model: &str) {
        self.counts(tokens(call, model));
    }

    fn counts(&mut self, text: u64) {
        self.counted = Some(self.prompt.map_or(0, |prompt| prompt.counted(text)));
    }
}

/// The tokenizer's count of a prompt's texts.
fn tokens(of: &Call, model: &str) -> u64 {
    let mut counter = Counter::new(model);
    Prompt::texts(&of.envelope, of.head.operation, &mut |text| counter.add(text));
    counter.total()
}

/// The demand of a call on the members of a group.
pub(crate) fn demand(
    topology: &Topology,
    group: &Group,
    call: &Call,
    weight: &mut Weight,
    always: bool,
) -> Demand {
    let accounts = accounts(topology, call);
    let mut take = Take { requests: 1, ..Take::default() };
    // Speech tells of no usage.
    let untold = call.head.operation == Operation::Speech;
    if always || group.weighs || untold || !accounts.is_empty() {
        take.input = weight.input(call);
        take.output = output(topology, group, call, take.input);
    }
    let units = units(group, call);
    let stream = call.head.stream;
    Demand { take, units, group: group.hash, accounts, stream, ..Demand::default() }
}

/// Tokens of the answer. Where the request does not say how long it may be, those of the member
/// that asks for the longest; and where nobody says and none is known yet, no more than fits.
fn output(topology: &Topology, group: &Group, call: &Call, input: u64) -> u64 {
    let nodes = || group.members.iter().map(|ix| topology.node(*ix));
    let average = group.live.average_output();
    let most = nodes().filter_map(|node| node.info.max_output_tokens).max();
    let writes = call.head.operation.writes();
    match if writes { call.head.max_output } else { Some(0) } {
        None => {
            let of = nodes().map(|node| {
                let guess = output_estimate(node.max_output, average, most);
                let known = node.max_output.is_some() || average.is_some();
                if known { guess } else { guess.min(room(node, input).unwrap_or(guess)) }
            });
            of.max().unwrap_or_else(|| output_estimate(None, average, most))
        }
        asked => output_estimate(asked, average, most),
    }
}

/// The longest answer that a member's limits have room for; `None`: any, or none at all.
fn room(node: &Node, input: u64) -> Option<u64> {
    let beside = node.most.map(|most| most.saturating_sub(input));
    let room = [beside, node.most_output].into_iter().flatten().min();
    room.filter(|room| *room > 0)
}

/// What is billed beside the tokens that a limit counts, as far as the request tells.
fn units(group: &Group, call: &Call) -> Usage {
    let mut units = Usage::default();
    units.tier = call.text("service_tier").map(|name| ServiceTier::named(&name));
    match call.head.operation {
        Operation::Speech => units.characters = call.head.characters,
        Operation::Rerank => units.queries = 1,
        Operation::Images => {
            let asked = call.envelope.read("n", "a whole number").ok().flatten();
            units.images_made = asked.unwrap_or(1);
            // Where they are billed by token.
            units.output = output_estimate(None, group.live.average_output(), None);
        }
        Operation::Transcription => {
            let files = call.form.iter().flat_map(|form| &form.files);
            let bytes = files.map(|file| file.body.len() as u64).sum::<u64>();
            units.audio_millis = bytes / BYTES_A_MILLI;
        }
        _ => {}
    }
    units
}

/// How much context the web searches of a call fetch: chat says it of all of them, a response of
/// its tool. Nobody looks where it makes no difference to the price.
pub(crate) fn search_context(call: &Call, node: &Node) -> SearchContext {
    const SIZE: &str = "search_context_size";
    let priced =
        |class| node.price.as_ref().is_some_and(|price| price.rates().get(class).is_some());
    if ![PriceClass::SearchLow, PriceClass::SearchHigh].into_iter().any(priced) {
        return SearchContext::default();
    }
    let told = |name: &str| {
        let raw = call.envelope.raw(name).filter(|raw| raw.contains(SIZE))?;
        serde_json::from_str::<Value>(raw).ok()
    };
    let options = told("web_search_options").map(|mut options| options[SIZE].take());
    let of_tool = || {
        let tools = told("tools")?;
        tools.as_array()?.iter().find_map(|tool| tool.get(SIZE).cloned())
    };
    match options.or_else(of_tool).as_ref().and_then(Value::as_str) {
        Some("low") => SearchContext::Low,
        Some("high") => SearchContext::High,
        _ => SearchContext::Medium,
    }
}

/// The accounts that a call draws on wherever it goes: its caller's, its tags'.
fn accounts(topology: &Topology, call: &Call) -> SmallVec<[pointsman_state::AccountIx; 4]> {
    let of = &topology.accounts;
    let caller = call.options.caller.as_deref().and_then(|name| of.of_caller.get(name));
    let tags = call.options.tags.iter().filter_map(|tag| of.of_tag.get(tag));
    caller.into_iter().chain(tags).copied().collect()
}
