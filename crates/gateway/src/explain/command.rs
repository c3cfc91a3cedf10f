//! `pointsman explain`: the same for a configuration that nobody serves yet.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use pointsman::{
    clock::{Clock, SystemClock},
    config::Grade,
    provider::Envelope,
    types::Error,
};
use serde_json::json;

use super::{Explained, explained, words};
use crate::{app::App, check, cli::Explain, config::Upstreams, serve};

/// Bad usage: a request that is none, or a name that means nothing.
const USAGE: u8 = 2;

/// Prints what would happen to a call.
pub(crate) fn run(how: &Explain) -> ExitCode {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let configured = match Upstreams::new(&clock) {
        Ok(upstreams) => upstreams.configure(&how.file),
        Err(why) => return serve::refuse(&why),
    };
    // What was left out is not explained otherwise.
    let told =
        configured.findings.iter().filter(|one| one.grade == Grade::Error || is_left_out(one));
    let told: Vec<_> = told.cloned().collect();
    let _ = check::print(&mut io::stderr().lock(), &how.file, &told);
    let Some(builder) = configured.builder else {
        return serve::refuse("the configuration has errors");
    };
    let app = match App::build(builder, clock, &configured.server, None) {
        Ok(app) => app,
        Err(error) => return serve::refuse(&error.to_string()),
    };
    let body = match body(&how.model, how.request.as_deref()) {
        Ok(body) => body,
        Err(why) => return usage(&why),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let answer: Result<Result<Explained, Error>, io::Error> =
        runtime.map(|runtime| runtime.block_on(explained(&app, Request::new(Body::from(body)))));
    let explained = match answer {
        Ok(Ok(explained)) => explained,
        Ok(Err(error)) => return usage(error.message()),
        Err(error) => return serve::refuse(&error.to_string()),
    };
    // A reader that has seen enough is no failure.
    let _ = print(&mut io::stdout().lock(), &explained, how.json);
    ExitCode::SUCCESS
}

fn is_left_out(finding: &pointsman::config::Finding) -> bool {
    let of = |words: &str| finding.message.contains(words);
    finding.grade == Grade::Ignored && (of("left out: ") || of("has no deployment left"))
}

/// The request of a file, or a greeting, for this model.
fn body(model: &str, file: Option<&Path>) -> Result<Bytes, String> {
    let Some(file) = file else {
        let hello = json!({"model": model, "messages": [{"role": "user", "content": "Hello"}]});
        return Ok(hello.to_string().into());
    };
    let name = file.display();
    let read = fs::read(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let request = Envelope::parse(read.into());
    let request = request.map_err(|error| format!("{name}: {}", error.message))?;
    let set = [("model", Bytes::from(json!(model).to_string()))];
    Ok(request.edited(&set, &[], &[]).to_bytes())
}

fn print(to: &mut impl Write, explained: &Explained, json: bool) -> io::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *to, explained)?;
        return writeln!(to);
    }
    to.write_all(words::of(explained).as_bytes())
}

fn usage(why: &str) -> ExitCode {
    let _ = serve::refuse(why);
    ExitCode::from(USAGE)
}
