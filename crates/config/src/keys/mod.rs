//! Every key that LiteLLM reads, section by section, and what becomes of it here.

mod cache;
mod deployment;
mod own;
mod prices;
mod router;
mod settings;

use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) use cache::{CACHE_KWARGS, CACHE_PARAMS};
pub(crate) use deployment::{ENTRY, INFO, NOTE, PARAMS, PRICE_TIER, SEARCH_PRICES};
pub(crate) use own::{
    AFFINITY, BUDGET, CALLER, EXHAUSTED, HEDGE, MIRROR, QUOTA, RETRY_BUDGET, WAIT,
};
pub(crate) use prices::base as price_base;
pub(crate) use router::{
    ALIAS, ALLOWED_FAILS, POINTSMAN, RETRY, ROUTER, ROUTING_GROUP, STRATEGY_ARGS,
};
pub(crate) use settings::{CREDENTIAL, GENERAL, LITELLM, TOP};

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// Served as LiteLLM has it.
    Served,
    /// Served with the difference that the text names.
    Approximate(&'static str),
    /// Not served; the text says what happens instead.
    Ignored(&'static str),
    /// A vendor's own setting, handed to its adapter.
    Setting,
    /// A request parameter, applied where the request has none.
    Param,
}

/// Of a key that many files have and LiteLLM does not read.
const NOBODY_READS: &str = "LiteLLM has no such key either: nothing reads it";

/// Rows of a table: what becomes of the keys, and their names, separated by spaces.
type Rows = &'static [(Says, &'static str)];

/// The keys of one section.
#[derive(Debug)]
pub(crate) struct Keys {
    rows: BTreeMap<&'static str, Says>,
    /// Whether prices with suffixes are keys, too.
    prices: bool,
    /// Whether it may hold whatever its writer wants to note.
    notes: bool,
    /// Whether it is a section in which LiteLLM passes over what it does not know.
    litellms: bool,
}

impl Keys {
    fn new(rows: &[(Says, &'static str)]) -> Self {
        let each = |&(says, names): &(Says, &'static str)| {
            names.split_whitespace().map(move |name| (name, says))
        };
        Self {
            rows: rows.iter().flat_map(each).collect(),
            prices: false,
            notes: false,
            litellms: false,
        }
    }

    /// The same keys, and every price that LiteLLM may have.
    fn with_prices(mut self) -> Self {
        self.prices = true;
        self
    }

    /// The same keys, and whatever is not like one of them.
    fn with_notes(mut self) -> Self {
        self.notes = true;
        self
    }

    /// The same keys, of a section in which LiteLLM passes over what it does not know.
    fn of_litellm(mut self) -> Self {
        self.litellms = true;
        self
    }

    /// Whether LiteLLM passes over a key that belongs elsewhere.
    pub(crate) fn passes_over(&self) -> bool {
        self.litellms
    }

    /// Whether a key that is not known is a note, and no slip of the pen.
    pub(crate) fn is_note(&self, key: &str) -> bool {
        self.notes && !self.names().any(|known| slipped(key, known))
    }

    /// What becomes of the key; `None` for an unknown one.
    pub(crate) fn says(&self, key: &str) -> Option<Says> {
        let row = self.rows.get(key).copied();
        row.or_else(|| if self.prices { prices::says(key) } else { None })
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.keys().copied()
    }
}

/// The section in which a key that stands where it is not known would be read.
pub(crate) fn home(key: &str) -> Option<&'static str> {
    const SECTIONS: [(&str, &Table); 7] = [
        ("router_settings", &ROUTER),
        ("general_settings", &GENERAL),
        ("the file's first level", &TOP),
        ("litellm_settings", &LITELLM),
        ("router_settings.pointsman", &POINTSMAN),
        ("litellm_params", &PARAMS),
        ("model_info", &INFO),
    ];
    let says = |of: &Table| of.says(key).filter(|says| *says != Says::Ignored(NOBODY_READS));
    // A section that serves the key is a better place than one that only knows it.
    let served = SECTIONS.iter().find(|(_, of)| !matches!(says(of), None | Some(Says::Ignored(_))));
    let known = || SECTIONS.iter().find(|(_, of)| says(of).is_some());
    served.or_else(known).map(|(name, _)| *name)
}

/// A table that is built on its first use.
pub(crate) type Table = LazyLock<Keys>;

/// Whether a key looks like a misspelling of a known one, or like more of it than there is.
fn slipped(key: &str, known: &str) -> bool {
    let letters = (key.len() / 4).min(2);
    let near = key.len().abs_diff(known.len()) <= letters
        && strsim::osa_distance(&key.to_ascii_lowercase(), known) <= letters;
    near || prices::is_base(known) && key.starts_with(known)
}

/// The name that is most like a word, if any is alike at all.
///
/// Likeness is Jaro-Winkler's, which forgives swapped, missing and doubled letters and trusts the
/// beginning of a word; beyond it, two fifths of the letters may differ.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The measure takes the square of the length: a key of a kilobyte is no misspelling.
    if word.len() > 100 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_ascii_lowercase()), name))
        .filter(|&(likeness, name)| likeness > 0.75 && differs_little(&word, name))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, name)| name)
}

fn differs_little(word: &str, name: &str) -> bool {
    if name.starts_with(word) || word.starts_with(name) {
        return true;
    }
    let longest = word.len().max(name.len());
    // The lengths alone tell of most names.
    word.len().abs_diff(name.len()) * 5 <= longest * 2
        && strsim::osa_distance(word, &name.to_ascii_lowercase()) * 5 <= longest * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_the_misspelt_key_and_nothing_for_a_stranger() {
        let near = |word| nearest(word, ROUTER.names());
        assert_eq!(near("num_retrys"), Some("num_retries"));
        assert_eq!(near("fallback"), Some("fallbacks"));
        assert_eq!(near("Routing-Strategy"), Some("routing_strategy"));
        assert_eq!(near("zzz"), None);
        let general = |word| nearest(word, GENERAL.names());
        assert_eq!(general("masterkey"), Some("master_key"));
        assert_eq!(general("rpm"), None, "role_permissions begins and goes on with its letters");
        assert_eq!(general("disable_health_check_auths"), Some("disable_health_check_auth"));
        assert_eq!(near(&"fallbacks".repeat(99)), None);
    }

    #[test]
    fn a_key_in_the_wrong_section_has_a_home() {
        for (key, section) in [
            ("num_retries", "router_settings"),
            ("drop_params", "litellm_settings"),
            ("callbacks", "litellm_settings"),
            ("master_key", "general_settings"),
            ("hedge", "router_settings.pointsman"),
            ("guardrails", "the file's first level"),
            ("model_list", "the file's first level"),
            ("api_base", "litellm_params"),
            ("max_input_tokens", "model_info"),
        ] {
            assert_eq!(home(key), Some(section), "{key}");
        }
        for nowhere in ["qqq", "num_workers"] {
            assert_eq!(home(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_slip_is_no_note() {
        for slip in ["base_modle", "max_token", "Mode", "input_cost_per_token_abov_200k_tokens"] {
            assert!(!INFO.is_note(slip), "{slip}");
        }
        for note in ["context_window", "zdr", "speed", "pricing", "hosted_in", "team", "category"] {
            assert!(INFO.is_note(note), "{note}");
            assert!(!PARAMS.is_note(note), "{note}");
        }
    }

    #[test]
    fn every_key_is_in_one_row_of_its_table() {
        for rows in [cache::ALL, deployment::ALL, own::ALL, router::ALL, settings::ALL].concat() {
            let mut seen = std::collections::BTreeSet::new();
            for name in rows.iter().flat_map(|(_, names)| names.split_whitespace()) {
                assert!(seen.insert(name), "{name} is in two rows");
            }
        }
    }

    #[test]
    fn every_reason_is_one_short_sentence() {
        for rows in [cache::ALL, deployment::ALL, own::ALL, router::ALL, settings::ALL].concat() {
            for (says, _) in rows {
                if let Says::Approximate(why) | Says::Ignored(why) = says {
                    assert!(!why.is_empty() && why.len() < 140 && !why.ends_with('.'), "{why}");
                }
            }
        }
    }
}
