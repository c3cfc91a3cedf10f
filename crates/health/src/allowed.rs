//! How many failures of a class are put up with.

use pointsman_types::ErrorKind;

/// The kinds of failure that count against a deployment.
pub(crate) const COUNTED: usize = 9;

/// The place of a kind among those that count; none for what is a client's fault.
pub(crate) const fn place(kind: ErrorKind) -> Option<usize> {
    Some(match kind {
        ErrorKind::RateLimited => 0,
        ErrorKind::QuotaExhausted => 1,
        ErrorKind::Authentication => 2,
        ErrorKind::Permission => 3,
        ErrorKind::NotFound => 4,
        ErrorKind::Timeout => 5,
        ErrorKind::Connection => 6,
        ErrorKind::Overloaded => 7,
        ErrorKind::Server => 8,
        ErrorKind::ContextWindow
        | ErrorKind::ContentPolicy
        | ErrorKind::BadRequest
        | ErrorKind::Cancelled
        | ErrorKind::Unsupported
        | ErrorKind::Refused => return None,
    })
}

/// Failures to put up with in a minute, by class (`allowed_fails_policy`).
///
/// A class is a set of kinds with one number: more failures of it than that cool, and its failures
/// count nowhere else. The number replaces the rule that its kinds have by themselves, so that a
/// class with a hard kind cools no longer at the first failure. Kinds of no class keep to
/// `allowed_fails`, or to the share.
///
/// ```
/// use pointsman_health::AllowedFails;
/// use pointsman_types::ErrorKind;
/// let own = AllowedFails::default().with(&[ErrorKind::Timeout], 12);
/// let both = own.or(AllowedFails::default()
///     .with(&[ErrorKind::Timeout], 1)
///     .with(&[ErrorKind::Server, ErrorKind::Overloaded], 20));
/// assert_eq!(both.of(ErrorKind::Timeout), Some(12));
/// assert_eq!(both.of(ErrorKind::Overloaded), Some(20));
/// assert_eq!(both.of(ErrorKind::RateLimited), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllowedFails([Option<Class>; COUNTED]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Class {
    /// What tells it from the other classes: the place of its first kind.
    name: u8,
    allowed: u32,
}

impl AllowedFails {
    /// The same, with a class of these kinds. A client's faults never count, whatever is allowed.
    #[must_use]
    pub fn with(mut self, kinds: &[ErrorKind], allowed: u32) -> Self {
        let places = || kinds.iter().filter_map(|&kind| place(kind));
        if let Some(name) = places().next().and_then(|first| u8::try_from(first).ok()) {
            places().for_each(|at| self.0[at] = Some(Class { name, allowed }));
        }
        self
    }

    /// The same, with another's number for each kind that has none here.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = own.or(other);
        }
        self
    }

    /// How many failures of the kind's class are put up with; `None` if it has no class.
    pub fn of(&self, kind: ErrorKind) -> Option<u32> {
        self.0[place(kind)?].map(|class| class.allowed)
    }

    /// Which of the counted kinds are in the class of this one; those of none are together.
    pub(crate) fn same_class(&self, kind: ErrorKind) -> [bool; COUNTED] {
        let class = place(kind).and_then(|at| self.0[at]);
        self.0.map(|other| other == class)
    }
}

#[cfg(test)]
mod tests {
    use pointsman_types::Penalty;

    use super::*;

    #[test]
    fn what_counts_is_what_has_a_penalty() {
        let mut places: Vec<usize> = ErrorKind::ALL.into_iter().filter_map(place).collect();
        places.sort_unstable();
        assert_eq!(places, (0..COUNTED).collect::<Vec<_>>());
        for kind in ErrorKind::ALL {
            assert_eq!(place(kind).is_some(), kind.penalty() != Penalty::None, "{kind}");
        }
    }

    #[test]
    fn classes_do_not_mix() {
        let allowed = AllowedFails::default()
            .with(&[ErrorKind::BadRequest], 3)
            .with(&[ErrorKind::Server, ErrorKind::Overloaded], 5)
            .with(&[ErrorKind::Timeout], 5);
        assert_eq!(allowed.of(ErrorKind::BadRequest), None);
        let members = |kind| {
            let same = allowed.same_class(kind);
            let kinds = ErrorKind::ALL.into_iter();
            kinds.filter(|&other| place(other).is_some_and(|at| same[at])).collect::<Vec<_>>()
        };
        assert_eq!(members(ErrorKind::Server), [ErrorKind::Overloaded, ErrorKind::Server]);
        assert_eq!(members(ErrorKind::Timeout), [ErrorKind::Timeout]);
        assert_eq!(members(ErrorKind::Connection).len(), 6);
    }
}
