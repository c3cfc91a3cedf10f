//! Routing options in headers, as LiteLLM has them. What the body says wins.

use http::HeaderMap;
use pointsman::provider::{BodyFault, CallOptions};

/// Adds what the headers say to the options of the body.
pub(crate) fn add(headers: &HeaderMap, options: &mut CallOptions) -> Result<(), BodyFault> {
    // Most requests have none, and a look costs less than six searches.
    if !headers.keys().any(|name| name.as_str().starts_with("x-litellm-")) {
        return Ok(());
    }
    let text = |name: &str| -> Result<Option<&str>, BodyFault> {
        let Some(value) = headers.get(name) else { return Ok(None) };
        value.to_str().map(|text| Some(text.trim())).map_err(|_| wrong(name, "text"))
    };
    let seconds = |name: &str| {
        let Some(text) = text(name)? else { return Ok(None) };
        let time = text.parse().ok().and_then(CallOptions::time);
        time.map(Some).ok_or_else(|| wrong(name, "a number of seconds above 0"))
    };
    options.timeout = options.timeout.or(seconds("x-litellm-timeout")?);
    options.stream_timeout = options.stream_timeout.or(seconds("x-litellm-stream-timeout")?);
    if let Some(retries) = text("x-litellm-num-retries")? {
        let retries = retries.parse();
        let retries =
            retries.map_err(|_| wrong("x-litellm-num-retries", "a whole number, 0 or more"))?;
        options.num_retries.get_or_insert(retries);
    }
    if let Some(priority) = text("x-litellm-priority")? {
        let priority = priority.parse();
        let priority = priority.map_err(|_| wrong("x-litellm-priority", "a whole number"))?;
        options.priority.get_or_insert(priority);
    }
    if let Some(session) = text("x-litellm-session-id")? {
        options.session.get_or_insert_with(|| session.to_owned());
    }
    if let Some(tags) = text("x-litellm-tags")? {
        let tags = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        options.tags.extend(tags.map(str::to_owned));
    }
    Ok(())
}

fn wrong(name: &str, want: &str) -> BodyFault {
    BodyFault::of(name, format!("the header `{name}` must be {want}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn headers_fill_what_the_body_leaves_open() {
        let mut options = CallOptions { num_retries: Some(0), ..CallOptions::default() };
        let given = headers(&[
            ("x-litellm-timeout", "2.5"),
            ("x-litellm-num-retries", "7"),
            ("x-litellm-tags", "a, b,,"),
            ("x-litellm-priority", "-1"),
        ]);
        add(&given, &mut options).unwrap();
        assert_eq!(options.timeout, Some(Duration::from_millis(2_500)));
        assert_eq!((options.num_retries, options.priority), (Some(0), Some(-1)));
        assert_eq!(options.tags, ["a", "b"]);
    }

    #[test]
    fn odd_headers_are_named() {
        for (name, value) in [
            ("x-litellm-timeout", "soon"),
            ("x-litellm-timeout", "NaN"),
            ("x-litellm-stream-timeout", "-1"),
            ("x-litellm-num-retries", "2.5"),
            ("x-litellm-priority", "high"),
        ] {
            let fault = add(&headers(&[(name, value)]), &mut CallOptions::default()).unwrap_err();
            assert!(fault.message.contains(name), "{fault}");
        }
    }
}
