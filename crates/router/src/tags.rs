//! Which members a request's tags allow.

use crate::TagRule;

/// A request's tags, taken apart: wanted ones, `!banned` and `&required`.
#[derive(Debug, Default)]
pub(crate) struct Tags<'a> {
    wanted: Vec<&'a str>,
    banned: Vec<&'a str>,
    required: Vec<&'a str>,
}

impl<'a> Tags<'a> {
    pub(crate) fn of(tags: &'a [String]) -> Self {
        let mut all = Self::default();
        for tag in tags {
            match tag.as_bytes().first() {
                Some(b'!') if tag.len() > 1 => all.banned.push(&tag[1..]),
                Some(b'&') if tag.len() > 1 => all.required.push(&tag[1..]),
                // A bare sign means nothing.
                Some(b'!' | b'&') | None => {}
                Some(_) => all.wanted.push(tag),
            }
        }
        all
    }

    /// Which of the members may take the call; none, if nothing matches and there is no default.
    ///
    /// Without wanted or required tags the `default`-tagged members are meant, if there are any,
    /// else all; tags that match nothing fall back to the `default`-tagged ones.
    pub(crate) fn choose(&self, rule: TagRule, members: &[&[String]]) -> Vec<bool> {
        let has = |tags: &[String], tag: &str| tags.iter().any(|own| own == tag);
        let allowed = |tags: &[String]| !self.banned.iter().any(|tag| has(tags, tag));
        let matches = |tags: &[String]| {
            let wanted = match rule {
                TagRule::Any => {
                    self.wanted.is_empty() || self.wanted.iter().any(|tag| has(tags, tag))
                }
                TagRule::All => self.wanted.iter().all(|tag| has(tags, tag)),
            };
            wanted && self.required.iter().all(|tag| has(tags, tag)) && allowed(tags)
        };
        let defaults = |tags: &[String]| has(tags, "default") && allowed(tags);
        let any_default = members.iter().any(|tags| has(tags, "default"));
        let plain = self.wanted.is_empty() && self.required.is_empty();
        if !plain {
            let chosen: Vec<bool> = members.iter().map(|tags| matches(tags)).collect();
            if chosen.contains(&true) {
                return chosen;
            }
            return members.iter().map(|tags| defaults(tags)).collect();
        }
        members
            .iter()
            .map(|tags| if any_default { defaults(tags) } else { allowed(tags) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(rule: TagRule, request: &[&str], members: &[&[&str]]) -> Vec<usize> {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let (request, members) =
            (owned(request), members.iter().map(|t| owned(t)).collect::<Vec<_>>());
        let members: Vec<&[String]> = members.iter().map(Vec::as_slice).collect();
        let chosen = Tags::of(&request).choose(rule, &members);
        (0..chosen.len()).filter(|&at| chosen[at]).collect()
    }

    #[test]
    fn tags_choose_ban_and_require() {
        let members: &[&[&str]] = &[&["free"], &["paid", "eu"], &["default"], &[]];
        assert_eq!(choose(TagRule::Any, &[], members), [2]);
        assert_eq!(choose(TagRule::Any, &["paid"], members), [1]);
        assert_eq!(choose(TagRule::Any, &["free", "eu"], members), [0, 1]);
        assert_eq!(choose(TagRule::All, &["free", "eu"], members), [2]);
        assert_eq!(choose(TagRule::Any, &["nowhere"], members), [2]);
        assert_eq!(choose(TagRule::Any, &["free", "paid", "!eu"], members), [0]);
        assert_eq!(choose(TagRule::Any, &["&eu"], members), [1]);
        assert_eq!(choose(TagRule::Any, &["nowhere"], &members[..2]), [0_usize; 0]);
        assert_eq!(choose(TagRule::Any, &["!free", "!"], &members[..2]), [1]);
        assert_eq!(choose(TagRule::Any, &["!default"], members), [0_usize; 0]);
    }
}
