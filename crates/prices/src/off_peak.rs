//! LiteLLM's `off_peak_pricing`: windows of hours, and the rates while they last.

use pointsman_cost::{Hours, OffPeak};
use serde_json::value::RawValue;

use super::litellm::Members;

/// Reads one; the error says what is wrong with it.
pub(crate) fn read(members: &Members<'_>) -> Result<OffPeak, &'static str> {
    let ahead = match members.get("weekday_timezone").map(|raw| raw.get()) {
        None | Some("null" | "\"UTC\"") => 0,
        Some("\"Asia/Shanghai\"") => 8,
        Some(_) => return Err("weekdays are told in UTC or Asia/Shanghai"),
    };
    let mut off_peak = OffPeak::default();
    let mut add = |of: &Members<'_>, weekdays: u8| {
        for window in of.get("hours_utc").map_or(Ok(Vec::new()), |raw| texts(raw))? {
            let (from, to) = minutes(&window).ok_or("hours are written like 16:30-00:30")?;
            off_peak.hours.push(Hours { weekdays, ahead, from, to });
        }
        Ok(())
    };
    add(members, Hours::DAILY)?;
    if let Some(raw) = members.get("windows") {
        let windows: Vec<Members<'_>> =
            serde_json::from_str(raw.get()).map_err(|_| "windows must be a list of objects")?;
        for window in &windows {
            add(window, weekdays(window.get("weekdays").copied())?)?;
        }
    }
    Ok(off_peak)
}

/// One text, or a list of them.
fn texts(raw: &RawValue) -> Result<Vec<String>, &'static str> {
    serde_json::from_str(raw.get())
        .or_else(|_| serde_json::from_str(raw.get()).map(|one| vec![one]))
        .map_err(|_| "hours must be a text or a list of texts")
}

/// `16:30-00:30` as minutes of the day.
fn minutes(window: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let (from, to) = window.split_once('-')?;
    Some((minute(from)?, minute(to)?))
}

/// A list of days from 1, Monday, to 7; absent, all of them.
fn weekdays(raw: Option<&RawValue>) -> Result<u8, &'static str> {
    const WANTED: &str = "weekdays must be a list of numbers from 1 to 7, or of names";
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Hours::DAILY) };
    let days: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| WANTED)?;
    days.into_iter().try_fold(0, |bits, day| Ok(bits | 1 << weekday(day.get()).ok_or(WANTED)?))
}

/// A day counted from Monday: `1`, `"mon"`, `"Monday"`.
fn weekday(raw: &str) -> Option<usize> {
    let text = raw.trim_matches('"').to_ascii_lowercase();
    if let Ok(number) = text.parse::<usize>() {
        return number.checked_sub(1).filter(|day| *day < 7);
    }
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    names.into_iter().position(|name| text.starts_with(name))
}
