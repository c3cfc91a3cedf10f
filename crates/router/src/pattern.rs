//! Names with a `*` in them.

use std::cmp::Reverse;

/// A name in which each `*` stands for anything, also for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// What stands between the stars.
    parts: Vec<String>,
}

impl Pattern {
    /// The pattern of a name; `None` if the name has no `*`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        name.contains('*').then(|| Self { parts: name.split('*').map(str::to_owned).collect() })
    }

    /// What each `*` stands for in this name, as short as possible from the left; `None` if the name
    /// does not match.
    pub(crate) fn matches(&self, name: &str) -> Option<Vec<String>> {
        let (first, rest) = self.parts.split_first()?;
        let (last, middle) = rest.split_last()?;
        let mut left = name.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut taken = Vec::with_capacity(rest.len());
        for part in middle {
            let at = left.find(part.as_str())?;
            taken.push(left[..at].to_owned());
            left = &left[at + part.len()..];
        }
        taken.push(left.to_owned());
        Some(taken)
    }

    /// Sorts the more specific first: more letters of its own, then fewer stars.
    pub(crate) fn rank(&self) -> (Reverse<usize>, usize) {
        (Reverse(self.parts.iter().map(String::len).sum()), self.parts.len())
    }
}

/// A name with each `*` replaced by what it stands for, in order; a star too many takes the last.
pub(crate) fn fill(name: &str, taken: &[String]) -> String {
    let mut filled = String::with_capacity(name.len());
    for (at, part) in name.split('*').enumerate() {
        if at > 0 {
            filled.push_str(taken.get(at - 1).or(taken.last()).map_or("*", String::as_str));
        }
        filled.push_str(part);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pattern: &str, name: &str) -> Option<Vec<String>> {
        Pattern::of(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_take_what_is_left() {
        assert_eq!(taken("openai/*", "openai/gpt-4o").unwrap(), ["gpt-4o"]);
        assert_eq!(taken("*", "anything").unwrap(), ["anything"]);
        assert_eq!(taken("a*b*c", "a1b2c").unwrap(), ["1", "2"]);
        assert_eq!(taken("a*a", "a"), None);
        assert_eq!(taken("openai/*", "azure/x"), None);
        assert_eq!(taken("*-mini", "gpt-mini").unwrap(), ["gpt"]);
        assert_eq!(Pattern::of("plain"), None);
    }

    #[test]
    fn the_most_specific_comes_first() {
        let mut all: Vec<Pattern> =
            ["*", "openai/*", "openai/gpt-*", "*/*"].map(|name| Pattern::of(name).unwrap()).into();
        all.sort_by_key(Pattern::rank);
        let names: Vec<String> = all.iter().map(|one| one.parts.join("*")).collect();
        assert_eq!(names, ["openai/gpt-*", "openai/*", "*/*", "*"]);
    }

    #[test]
    fn a_model_takes_what_the_name_matched() {
        assert_eq!(fill("*", &["x".into()]), "x");
        assert_eq!(fill("ft:*:*", &["x".into()]), "ft:x:x");
        assert_eq!(fill("plain", &["x".into()]), "plain");
        assert_eq!(fill("*", &[]), "*");
    }
}
