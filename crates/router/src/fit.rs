//! What keeps a member from a call whatever its state: the checks before any send.

use std::{fmt, sync::Arc};

use pointsman_provider::{Call, Speech};

use crate::topology::Node;

/// What is known of a deployment's model and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The longest prompt, in tokens.
    pub max_input_tokens: Option<u64>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u64>,
    /// Where it runs.
    pub region: Option<String>,
    /// Whether it sees images; `None` when unknown.
    pub vision: Option<bool>,
    /// Whether it calls tools; `None` when unknown.
    pub tools: Option<bool>,
}

/// Why a member cannot take a call, whatever its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// The call names another deployment.
    NotMeant,
    /// The request's tags rule it out.
    Tags,
    /// Its vendor cannot be asked this, and why.
    Speech(Arc<str>),
    /// The prompt is longer than its window.
    ContextWindow {
        /// Tokens of the prompt, as estimated.
        prompt: u64,
        /// Tokens of the window.
        window: u64,
    },
    /// A prompt that was too long for another member is not known to fit here.
    NoLargerWindow,
    /// The answer that is asked for is longer than it writes.
    OutputSize {
        /// Tokens asked for.
        asked: u64,
        /// Tokens of the longest answer.
        most: u64,
    },
    /// It is not in the region that the request allows.
    Region,
    /// It does not see images.
    Vision,
    /// It does not call tools.
    Tools,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeant => f.write_str("the request names another deployment"),
            Self::Tags => f.write_str("the request's tags rule it out"),
            Self::Speech(why) => f.write_str(why),
            Self::ContextWindow { prompt, window } => {
                write!(f, "the prompt has about {prompt} tokens, its window {window}")
            }
            Self::NoLargerWindow => f.write_str("its window is not known to be larger"),
            Self::OutputSize { asked, most } => {
                write!(f, "{asked} tokens of answer are asked for, it writes at most {most}")
            }
            Self::Region => f.write_str("it is not in a region that the request allows"),
            Self::Vision => f.write_str("it does not see images"),
            Self::Tools => f.write_str("it does not call tools"),
        }
    }
}

/// What the checks of one decision go by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checks<'a> {
    pub(crate) call: &'a Call,
    /// Tokens of the prompt, where the group checks it.
    pub(crate) prompt: Option<u64>,
    /// What the prompt was too long for.
    pub(crate) outgrown: Outgrown,
}

/// The window that a prompt was too long for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Outgrown {
    /// None so far.
    #[default]
    Nothing,
    /// A window whose size is not known.
    Unknown,
    /// A window of so many tokens.
    Window(u64),
}

impl Outgrown {
    /// What a member's window makes of it.
    pub(crate) fn by(window: Option<u64>) -> Self {
        window.map_or(Self::Unknown, Self::Window)
    }

    /// Whether a member's window may be large enough.
    fn allows(self, window: Option<u64>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Unknown => false,
            Self::Window(outgrown) => window.is_some_and(|window| window > outgrown),
        }
    }
}

impl Checks<'_> {
    /// Why the member cannot take the call; `None` if it may.
    pub(crate) fn of(&self, node: &Node) -> Option<Unfit> {
        if !self.outgrown.allows(node.info.max_input_tokens) {
            return Some(Unfit::NoLargerWindow);
        }
        if let Speech::No(why) = node.provider.speaks(&node.target, &self.call.head) {
            return Some(Unfit::Speech(why.into()));
        }
        let prompt = self.prompt?;
        if let Some(window) = node.info.max_input_tokens.filter(|window| prompt > *window) {
            return Some(Unfit::ContextWindow { prompt, window });
        }
        if let (Some(asked), Some(most)) = (self.call.head.max_output, node.info.max_output_tokens)
            && asked > most
        {
            return Some(Unfit::OutputSize { asked, most });
        }
        if let Some(wanted) = &self.call.options.region
            && !node.info.region.as_ref().is_some_and(|own| in_region(own, wanted))
        {
            return Some(Unfit::Region);
        }
        if node.info.vision == Some(false) && self.call.has_images() {
            return Some(Unfit::Vision);
        }
        (node.info.tools == Some(false) && self.call.envelope.has("tools")).then_some(Unfit::Tools)
    }
}

/// Whether a region is the wanted one, or lies in it: `eu` means every region of the EU.
fn in_region(own: &str, wanted: &str) -> bool {
    own.eq_ignore_ascii_case(wanted)
        || own.split(['-', '_']).next().is_some_and(|area| {
            area.eq_ignore_ascii_case(wanted)
                || (wanted.eq_ignore_ascii_case("eu") && area.eq_ignore_ascii_case("europe"))
        })
}
