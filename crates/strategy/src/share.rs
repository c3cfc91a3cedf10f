//! What members are weighed by.

use crate::Candidate;

/// What members are weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Weight,
    Rpm,
    Tpm,
    Even,
}

impl Share {
    /// `weight`, else `rpm`, else `tpm`, the first that any member sets; even where none is set or
    /// all are zero.
    pub(crate) fn among(members: &[Candidate]) -> Self {
        let set = |is_set: fn(&Candidate) -> bool| members.iter().any(is_set);
        let share = if set(|member| member.weight.is_some()) {
            Self::Weight
        } else if set(|member| member.rpm.is_some()) {
            Self::Rpm
        } else if set(|member| member.tpm.is_some()) {
            Self::Tpm
        } else {
            Self::Even
        };
        if members.iter().any(|member| share.of(member) > 0) { share } else { Self::Even }
    }

    /// The member's share; a member without the setting counts 0.
    pub(crate) fn of(self, member: &Candidate) -> u64 {
        match self {
            Self::Weight => member.weight.map_or(0, u64::from),
            Self::Rpm => member.rpm.map_or(0, u64::from),
            Self::Tpm => member.tpm.unwrap_or(0),
            Self::Even => 1,
        }
    }

    /// All shares together.
    pub(crate) fn total(self, members: &[Candidate]) -> u128 {
        members.iter().map(|member| u128::from(self.of(member))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(weight: Option<u32>, rpm: Option<u32>, tpm: Option<u64>) -> Candidate {
        Candidate { weight, rpm, tpm, ..Candidate::of(0) }
    }

    #[test]
    fn the_first_setting_that_any_member_has_counts_for_all() {
        let (of_requests, of_tokens) = (member(None, Some(1), None), member(None, None, Some(1)));
        let weighted = member(Some(1), Some(9), None);
        assert_eq!(
            Share::among(&[of_tokens.clone(), of_requests.clone(), weighted]),
            Share::Weight
        );
        assert_eq!(Share::among(&[of_tokens.clone(), of_requests.clone()]), Share::Rpm);
        assert_eq!(Share::among(&[of_tokens.clone(), member(None, None, None)]), Share::Tpm);
        assert_eq!(Share::among(&[member(None, None, None)]), Share::Even);
        assert_eq!((Share::Rpm.of(&of_requests), Share::Rpm.of(&of_tokens)), (1, 0));
    }

    #[test]
    fn a_setting_that_is_0_everywhere_means_even() {
        let among = [member(Some(0), Some(5), None), member(None, Some(1), None)];
        assert_eq!(Share::among(&among), Share::Even);
        assert_eq!(Share::Even.total(&among), 2);
    }
}
