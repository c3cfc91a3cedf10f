//! Durations as LiteLLM writes them, and numbers from their text.

use std::time::Duration;

use pointsman_types::Decimal;

/// The longest duration that makes sense in a configuration: ten years.
const LONGEST: u64 = 10 * 366 * 24 * 3600;

/// Reads a duration: seconds as a number (fractions allowed, down to a nanosecond), or a number
/// with a unit: `ms s m h d w mo` (a month is 30 days). The error says what is wrong with it.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    const WANTED: &str = "a duration: seconds as a number, or like 30s, 5m, 1h, 7d, 1mo";
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'));
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let (unit, below) = match unit.trim() {
        "" | "s" => (1_u64, 1_u64),
        "ms" => (1, 1000),
        "m" => (60, 1),
        "h" => (3600, 1),
        "d" => (24 * 3600, 1),
        "w" => (7 * 24 * 3600, 1),
        "mo" => (30 * 24 * 3600, 1),
        _ => return Err(WANTED),
    };
    let number = decimal(number.trim_end()).ok_or(WANTED)?;
    if number.is_sign_negative() && !number.is_zero() {
        return Err("a duration that is not negative");
    }
    let nanos = number
        .checked_mul(Decimal::from(unit))
        .and_then(|seconds| seconds.checked_mul(Decimal::from(1_000_000_000_u64)))
        .map(|nanos| nanos / Decimal::from(below))
        .and_then(|nanos| u64::try_from(nanos.trunc()).ok());
    match nanos.map(Duration::from_nanos) {
        Some(duration) if duration <= Duration::from_secs(LONGEST) => Ok(duration),
        _ => Err("a duration of at most ten years"),
    }
}

/// Reads a number exactly, from plain or scientific notation: `0.0000025`, `2.5e-06`. `None` when
/// it is not one or has more digits than a decimal holds (28).
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let digits = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let digit = |c: char| c.is_ascii_digit();
    if !digits.contains(digit) || !digits.chars().all(|c| digit(c) || c == '.') {
        return None;
    }
    let mut number = Decimal::from_str_exact(mantissa).ok()?.normalize();
    if number.is_zero() {
        return Some(Decimal::ZERO);
    }
    let scale = i32::try_from(number.scale()).ok()?.checked_sub(exponent)?;
    if let Ok(scale) = u32::try_from(scale) {
        number.set_scale(scale).ok()?;
        return Some(number);
    }
    number.set_scale(0).ok()?;
    let mut zeros = scale.unsigned_abs();
    while zeros > 0 {
        number = number.checked_mul(Decimal::TEN)?;
        zeros -= 1;
    }
    Some(number)
}

/// A plain scalar as a JSON number, when YAML takes it for one.
///
/// ```text
/// 5 -> 5    +5 -> 5    1_000 -> 1000    .5 -> 0.5    5. -> 5.0    2.5e-06 -> 2.5e-06
/// ```
///
/// Numbers with leading zeros stay texts, as do hexadecimal, octal and sexagesimal ones.
pub(crate) fn json_number(text: &str) -> Option<String> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => ("-", rest),
        ("+", rest) => ("", rest),
        _ => ("", text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |part: &str| -> Option<String> {
        let ok = part.bytes().all(|b| b.is_ascii_digit() || b == b'_') && !part.starts_with('_');
        ok.then(|| part.replace('_', ""))
    };
    let whole = digits(whole)?;
    let fraction = match fraction {
        Some(fraction) => Some(digits(fraction)?),
        None => None,
    };
    if whole.is_empty() && fraction.as_deref().is_none_or(str::is_empty) {
        return None;
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    if !exponent.is_empty() {
        let digits = exponent[1..].strip_prefix(['+', '-']).unwrap_or(&exponent[1..]);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let whole = if whole.is_empty() { "0" } else { &whole };
    Some(match fraction {
        None => format!("{sign}{whole}{exponent}"),
        Some(fraction) if fraction.is_empty() => format!("{sign}{whole}.0{exponent}"),
        Some(fraction) => format!("{sign}{whole}.{fraction}{exponent}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, millis) in [
            ("30", 30_000),
            ("0.25", 250),
            ("1.5e1", 15_000),
            ("250ms", 250),
            ("30s", 30_000),
            ("0.5 m", 30_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("1mo", 2_592_000_000),
            ("0", 0),
            ("-0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "-1", "-1s", "nan", "inf", ".inf", "1y", "1h30m", "1 0", "11y", "e"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["4000d", "1e20", "99999999999999999999999999999h", "1e999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_in_either_notation() {
        for (text, exact) in [
            ("2.5e-06", "0.0000025"),
            ("0.0000025", "0.0000025"),
            ("2.50E-6", "0.0000025"),
            ("1e3", "1000"),
            ("+3", "3"),
            (".5", "0.5"),
            ("0e-99", "0"),
            ("0.30000000000000004", "0.30000000000000004"),
        ] {
            assert_eq!(decimal(text).map(|number| number.to_string()).as_deref(), Some(exact));
        }
        for text in ["", ".", "e1", "1e", "1e-99", "1e99", "0x1", "1_0", "1,5", "nan", "--1"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_yaml_become_numbers_of_json() {
        for (text, json) in [
            ("5", Some("5")),
            ("-5", Some("-5")),
            ("+5", Some("5")),
            ("1_000", Some("1000")),
            (".5", Some("0.5")),
            ("5.", Some("5.0")),
            ("2.5e-06", Some("2.5e-06")),
            ("1e5", Some("1e5")),
            ("0", Some("0")),
            ("0.70", Some("0.70")),
            ("007", None),
            ("0x1f", None),
            ("12:30", None),
            ("2024-01-01", None),
            ("1.2.3", None),
            ("", None),
            ("-", None),
            ("é", None),
            ("e5", None),
            ("1e", None),
            (".nan", None),
        ] {
            assert_eq!(json_number(text).as_deref(), json, "{text}");
            if let Some(json) = json {
                assert!(serde_json::from_str::<serde_json::Number>(json).is_ok(), "{json}");
            }
        }
    }
}
