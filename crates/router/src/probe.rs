//! Asks one deployment whether it is well: a small call of its own kind, for nobody.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pointsman_cost::SearchContext;
use pointsman_provider::{BodyFault, Call, FilePart, Form, Reply, rate_headers};
use pointsman_state::{GrantId, Lease, Refusal, Why};
use pointsman_types::{Blame, DeploymentId, Error, ErrorKind, GroupName, Ix, Operation};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    Router,
    attempt::{Bound, answered, failed},
    ledger::Ledger,
    need::{self, Weight},
    topology::{Node, Topology},
};

/// How long a probe may take where nothing else is said.
const WITHIN: Duration = Duration::from_secs(10);
/// The shortest answer that OpenAI lets one ask for through its responses.
const SHORTEST_RESPONSE: u32 = 16;

/// How a deployment is asked whether it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether it is asked in the background, too.
    pub background: bool,
    /// What it is asked: what its model is for.
    pub operation: Operation,
    /// The model to ask for, where it differs from the deployment's.
    pub model: Option<String>,
    /// How long it may take. `None`: 10 s.
    pub timeout: Option<Duration>,
    /// The longest answer, in tokens. `None`: 1.
    pub max_tokens: Option<u32>,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            background: true,
            operation: Operation::Chat,
            model: None,
            timeout: None,
            max_tokens: None,
        }
    }
}

/// What a probe found.
#[derive(Clone, Debug)]
pub enum Probed {
    /// It answered, or found fault with the question: then it says at what.
    Well {
        /// How long it took.
        took: Duration,
        /// What it found fault with.
        fault: Option<Error>,
    },
    /// It failed.
    Failed {
        /// How.
        error: Error,
        /// How long it took.
        took: Duration,
    },
    /// It cools, and was left alone.
    Cooling(Refusal),
    /// It was not asked, for another reason: a limit that is used up, a pattern without a model.
    NotAsked(String),
}

/// A deployment that can be probed.
#[derive(Clone, Debug)]
pub struct Probeable {
    /// The deployment.
    pub id: DeploymentId,
    /// Its group.
    pub group: GroupName,
    /// Its vendor and model, as in `openai/gpt-4o`.
    pub model: String,
    /// How it is asked.
    pub probe: Probe,
}

impl Router {
    /// All deployments, in order, and how each is probed.
    pub fn probeable(&self) -> Vec<Probeable> {
        let topology = self.shared().topology.load();
        let one = |node: &Node| Probeable {
            id: node.deployment.id.clone(),
            group: node.deployment.group.clone(),
            model: format!("{}/{}", node.deployment.vendor, node.deployment.model),
            probe: node.probe.clone(),
        };
        topology.nodes.iter().map(one).collect()
    }

    /// Asks a deployment whether it is well: counted in its limits, settled into its health, `None`
    /// if there is no such deployment.
    ///
    /// A cooling deployment is left alone until it is due; with `ahead` one that cools softly is
    /// asked all the same, as its probe. Dropping the future gives back all that it took.
    pub async fn probe(&self, id: &DeploymentId, within: Duration, ahead: bool) -> Option<Probed> {
        let topology = self.shared().topology.load_full();
        let ix = *topology.by_id.get(id)?;
        let node = topology.node(ix);
        let target = match &node.probe.model {
            Some(model) => {
                let own = model.strip_prefix(node.target.vendor);
                let own = own.and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
                node.target.with_model(own)
            }
            None if node.target.model.contains('*') => {
                let why = "its model is a pattern: set `model_info.health_check_model`";
                return Some(Probed::NotAsked(why.to_owned()));
            }
            None => node.target.clone(),
        };
        let call = match question(id, &node.probe) {
            Ok(call) => call,
            Err(fault) => return Some(Probed::NotAsked(fault.to_string())),
        };
        let (lease, ledger) = match self.claim_probe(&topology, ix, &call, ahead).await {
            Ok(claimed) => claimed,
            Err(refusal) => return Some(refused(refusal)),
        };
        let own = node.probe.timeout.unwrap_or(WITHIN);
        let bound = Bound { after: own.min(within), what: "the probe's time", own: within < own };
        lease.sent();
        let reply = timeout(bound.after, node.provider.call(&target, &call)).await;
        let took = lease.held();
        let error = match reply.unwrap_or_else(|_| Err(bound.ran_out())) {
            Ok(Reply::Whole(whole)) => {
                lease.headers(&rate_headers(&whole.headers, lease.now()));
                answered(&ledger, lease, whole);
                return Some(Probed::Well { took, fault: None });
            }
            // Nobody asked for one.
            Ok(Reply::Stream(_)) => Error::new(ErrorKind::Server, "it streams, unasked"),
            Err(error) => error,
        };
        let error = failed(&ledger, lease, error, bound);
        Some(match error.kind.blame() {
            Blame::Client => Probed::Well { took, fault: Some(error) },
            _ => Probed::Failed { error, took },
        })
    }

    /// Claims what a probe takes.
    async fn claim_probe(
        &self,
        topology: &Arc<Topology>,
        ix: Ix,
        call: &Call,
        ahead: bool,
    ) -> Result<(Lease, Ledger), Refusal> {
        let shared = self.shared();
        let node = topology.node(ix);
        let group = topology.by_name.get(&node.deployment.group).copied().unwrap_or_default();
        let mut need =
            need::demand(topology, &topology.groups[group], call, &mut Weight::default(), false);
        need.last_resort = ahead;
        let id = GrantId(shared.grant());
        let clock = Arc::clone(&shared.clock);
        let lease = Lease::claim(&shared.store, clock, node.slot, &need, id).await?;
        let ledger = Ledger {
            topology: Arc::clone(topology),
            group,
            ix,
            stream: false,
            is_probe: true,
            estimate: need.expected(),
            search: SearchContext::default(),
            observer: shared.observer.clone(),
        };
        let lease = lease.with_prompt(ledger.prompt());
        Ok((lease, ledger))
    }
}

fn refused(refusal: Refusal) -> Probed {
    match refusal.why {
        Why::Cooling { .. } | Why::Probing => Probed::Cooling(refusal),
        why => Probed::NotAsked(why.to_string()),
    }
}

/// The smallest question of each kind.
fn question(to: &DeploymentId, how: &Probe) -> Result<Call, BodyFault> {
    let most = how.max_tokens.unwrap_or(1);
    let (operation, text) = (how.operation, "ping");
    let body = match operation {
        Operation::Completions => json!({"prompt": text, "max_tokens": most}),
        Operation::Embeddings | Operation::Moderations => json!({"input": text}),
        Operation::Responses => {
            let most = how.max_tokens.unwrap_or(SHORTEST_RESPONSE);
            json!({"input": text, "max_output_tokens": most})
        }
        Operation::Images => json!({"prompt": "a dot", "n": 1}),
        Operation::Speech => json!({"input": text, "voice": "alloy"}),
        Operation::Transcription => json!({}),
        Operation::Rerank => json!({"query": text, "documents": [text]}),
        // The other ways to ask a chat model are the caller's dialect, and nobody calls here.
        _ => {
            json!({"messages": [{"role": "user", "content": text}], "max_tokens": most})
        }
    };
    let mut call = Call::json(operation, to.as_str(), body)?;
    if operation == Operation::Transcription {
        let file = FilePart {
            name: "file".to_owned(),
            file_name: Some("silence.wav".to_owned()),
            content_type: Some("audio/wav".to_owned()),
            body: silence(),
        };
        call.form = Some(Form { files: vec![file] });
    }
    Ok(call)
}

/// A quarter of a second of silence, as a WAV file: one channel, 8,000 samples a second, 16 bits.
fn silence() -> Bytes {
    const RATE: u32 = 8_000;
    const DATA: u32 = RATE / 2;
    let mut wav = Vec::with_capacity(44 + DATA as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + DATA).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&[1, 0, 1, 0]);
    wav.extend_from_slice(&RATE.to_le_bytes());
    wav.extend_from_slice(&(RATE * 2).to_le_bytes());
    wav.extend_from_slice(&[2, 0, 16, 0]);
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&DATA.to_le_bytes());
    wav.resize(44 + DATA as usize, 0);
    wav.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_question() {
        let to = DeploymentId::from("a");
        for (operation, part) in [
            (Operation::Chat, "max_tokens\":1"),
            (Operation::Completions, "prompt"),
            (Operation::Embeddings, "input"),
            (Operation::Responses, "max_output_tokens\":16"),
            (Operation::Images, "prompt"),
            (Operation::Speech, "voice"),
            (Operation::Transcription, "model"),
            (Operation::Rerank, "documents"),
            (Operation::Moderations, "input"),
        ] {
            let how = Probe { operation, ..Probe::default() };
            let call = question(&to, &how).unwrap();
            let body = String::from_utf8_lossy(call.envelope.bytes()).into_owned();
            assert!(body.contains(part), "{body}");
            assert_eq!(call.form.is_some(), operation == Operation::Transcription);
        }
        let how = Probe { max_tokens: Some(5), ..Probe::default() };
        assert_eq!(question(&to, &how).unwrap().head.max_output, Some(5));
    }

    #[test]
    fn the_silence_says_how_long_it_is() {
        let wav = silence();
        let at = |from: usize| u32::from_le_bytes(wav[from..from + 4].try_into().unwrap());
        assert_eq!((at(4) as usize, at(40) as usize), (wav.len() - 8, wav.len() - 44));
    }
}
