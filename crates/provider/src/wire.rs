//! Reads what vendors write loosely: counts, odd details, values of which only presence matters.

use std::fmt;

use pointsman_types::ServiceTier;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::scan::Members;

/// The raw values of these members of a JSON object, by one scan. `None` if it is no object, has one
/// of them twice, or has names with escapes: serde is to say then what it makes of it.
///
/// ```
/// use pointsman_provider::wire::members;
/// let body = br#"{"a": [1, {"b": 2}], "c": null}"#;
/// let [a, b, c] = members(body, ["a", "b", "c"]).unwrap_or_default();
/// assert_eq!((a, b, c), (Some(&body[6..19]), None, Some(&b"null"[..])));
/// assert_eq!(members(br#"{"a": 1, "a": 2}"#, ["a"]), None);
/// ```
pub fn members<'a, const N: usize>(
    body: &'a [u8],
    names: [&str; N],
) -> Option<[Option<&'a [u8]>; N]> {
    let mut found = [None; N];
    for member in Members::of(body) {
        let (key, value) = member.ok()?;
        let name = &body[key.start + 1..key.end - 1];
        if name.contains(&b'\\') {
            return None;
        }
        if let Some(at) = names.iter().position(|known| known.as_bytes() == name)
            && found[at].replace(&body[value]).is_some()
        {
            return None;
        }
    }
    Some(found)
}

/// Whether a value is there and holds something: not null, not `""`, not `[]`, not `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled(pub bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FilledVisitor)
    }
}

impl Filled {
    /// Of a member's raw value, if it is there.
    pub fn raw(value: Option<&[u8]>) -> Self {
        Self(match value {
            None | Some(b"null" | b"\"\"") => false,
            Some([b'[' | b'{', rest @ ..]) => {
                !matches!(rest.trim_ascii_start().first(), Some(b']' | b'}'))
            }
            Some(_) => true,
        })
    }
}

struct FilledVisitor;

impl<'de> Visitor<'de> for FilledVisitor {
    type Value = Filled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Filled, E> {
        Ok(Filled(true))
    }

    fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
        Ok(Filled(!text.is_empty()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Filled, S::Error> {
        let mut filled = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Filled, M::Error> {
        let mut filled = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }
}

/// What a value holds: whether anything, and how much text in it, at any depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// As [`Filled`] has it.
    pub filled: bool,
    /// Bytes of UTF-8, with escapes counted as what they stand for.
    pub text: usize,
}

impl<'de> Deserialize<'de> for Weighed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WeighedVisitor)
    }
}

struct WeighedVisitor;

const BARE: Weighed = Weighed { filled: true, text: 0 };

impl<'de> Visitor<'de> for WeighedVisitor {
    type Value = Weighed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Weighed, E> {
        Ok(Weighed::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Weighed, E> {
        Ok(BARE)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Weighed, E> {
        Ok(BARE)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Weighed, E> {
        Ok(BARE)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Weighed, E> {
        Ok(BARE)
    }

    fn visit_str<E>(self, text: &str) -> Result<Weighed, E> {
        Ok(Weighed { filled: !text.is_empty(), text: text.len() })
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Weighed, S::Error> {
        let mut all = Weighed::default();
        while let Some(one) = seq.next_element::<Weighed>()? {
            all = Weighed { filled: true, text: all.text + one.text };
        }
        Ok(all)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Weighed, M::Error> {
        let mut all = Weighed::default();
        while let Some((_, one)) = map.next_entry::<IgnoredAny, Weighed>()? {
            all = Weighed { filled: true, text: all.text + one.text };
        }
        Ok(all)
    }
}

/// Tokens that no call can have: a vendor that tells more is mistaken, and a budget charged with it
/// would be closed until its reset.
const BEYOND: f64 = 4_294_967_296.0;

/// A count of tokens, however it is written: `7`, `7.0`, `"7"`. What is no count (null, a number
/// below zero or beyond what a call can have) is not told.
///
/// ```
/// use pointsman_provider::wire::Count;
/// let read = |text| serde_json::from_str::<Count>(text).ok().and_then(|count| count.0);
/// assert_eq!((read("7"), read("7.0"), read("\"7\"")), (Some(7), Some(7), Some(7)));
/// assert_eq!((read("-7"), read("null"), read("1e30")), (None, None, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count(pub Option<u64>);

impl Count {
    /// Of a member of a tree.
    pub fn of(value: &serde_json::Value) -> Option<u64> {
        Self::deserialize(value).ok()?.0
    }

    /// The count, or none.
    pub fn or_zero(self) -> u64 {
        self.0.unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(CountVisitor)
    }
}

/// A [`Count`] for a field that is an `Option`, to be read with `#[serde(deserialize_with = "count")]`.
///
/// # Errors
///
/// None of its own: what is no count is passed over.
pub fn count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Count::deserialize(from)?.0)
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_u64<E>(self, count: u64) -> Result<Count, E> {
        #[expect(clippy::cast_precision_loss, reason = "it is compared with a bound")]
        let few = (count as f64) < BEYOND;
        Ok(Count(few.then_some(count)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_f64<E>(self, count: f64) -> Result<Count, E> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within what a count can be"
        )]
        let whole = (0.0..BEYOND).contains(&count).then_some(count as u64);
        Ok(Count(whole))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Count, E> {
        text.trim().parse().map_or(Ok(Count(None)), |count| self.visit_f64(count))
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Count, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Count, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(None))
    }
}

/// The service tier that served a call, as an answer names it; any other word is none.
///
/// Read it with `#[serde(deserialize_with = "served")]`.
///
/// # Errors
///
/// None of its own: what is no text is passed over.
pub fn served<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ServiceTier>, D::Error> {
    from.deserialize_any(TierVisitor)
}

struct TierVisitor;

impl<'de> Visitor<'de> for TierVisitor {
    type Value = Option<ServiceTier>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(ServiceTier::served(name))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A [`Lenient`] for what is not read from a text itself: to be read with
/// `#[serde(deserialize_with = "lenient")]`.
///
/// # Errors
///
/// None of its own: what has not the shape is passed over.
pub fn lenient<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(serde_json::Value::deserialize(from)?).ok())
}

/// A value that is read if it has the shape, and passed over if not: an odd detail must not cost
/// the answer around it.
#[derive(Debug)]
pub struct Lenient<T>(pub Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::from_str(<&RawValue>::deserialize(from)?.get()).ok()))
    }
}
