//! `pointsman serve`: from the configuration to the last answer.

use std::{io, process::ExitCode, sync::Arc, time::Duration};

use pointsman::{
    Configured,
    clock::{Clock, SystemClock},
    config::{Grade, StoreSpec, folded},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::App, check, cli::Serve, config::Upstreams, health, keep, keep::Kept, listen, logs,
};

/// The longest wait for answers that are under way when the gateway is told to end.
const DRAIN: Duration = Duration::from_mins(10);

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(how: &Serve) -> ExitCode {
    logs::start(how.log_format);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let upstreams = match Upstreams::new(&clock) {
        Ok(upstreams) => upstreams,
        Err(why) => return refuse(&why),
    };
    let configured = upstreams.configure(&how.config);
    let Some(builder) = configured.builder else {
        let faults: Vec<_> = errors(&configured.findings).cloned().collect();
        let _ = check::print(&mut io::stderr().lock(), &how.config, &faults);
        return refuse("the configuration has errors; `pointsman check` shows all findings");
    };
    tell(how, &configured.findings);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string()),
    };
    // A store over Redis starts its tasks here.
    let entered = runtime.enter();
    let kept = match Kept::open(&configured.store, &clock) {
        Ok(kept) => kept,
        Err(error) => return refuse(error.message()),
    };
    drop(entered);
    let builder = builder.store(Arc::clone(&kept.store));
    let app = match App::build(builder, Arc::clone(&clock), &configured.server, kept.redis) {
        Ok(app) => app,
        Err(error) => return refuse(&error.to_string()),
    };
    let app = match upstreams.traces(&clock, runtime.handle()) {
        Ok(traces) => Arc::new(app.traced(traces)),
        Err(why) => return refuse(&why),
    };
    match runtime.block_on(until_told(how, &app, &upstreams, &configured.store)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string()),
    }
}

async fn until_told(
    how: &Serve,
    app: &Arc<App>,
    upstreams: &Upstreams,
    kept: &StoreSpec,
) -> io::Result<()> {
    keep::join(app.redis.as_deref()).await;
    let listener = TcpListener::bind(how.listen).await.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {}: {error}", how.listen))
    })?;
    let (mut end, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut reload = signal(SignalKind::hangup())?;
    let address = listener.local_addr()?;
    tracing::info!(listening = %address, "listening on http://{address}");
    let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
    app.tasks.spawn(health::watch(Arc::clone(app), stop.clone()));
    let over = CancellationToken::new();
    app.tasks.spawn(keep::writing(app.router.clone(), over.clone()));
    let serving = listen::serve(listener, app, &connections, stop.clone());
    let mut serving = std::pin::pin!(serving);
    loop {
        tokio::select! {
            () = &mut serving => break,
            _ = reload.recv() => reread(how, app, upstreams, kept),
            _ = end.recv() => if !begin_drain(app, &stop) { break },
            _ = interrupt.recv() => if !begin_drain(app, &stop) { break },
            () = drained(&stop) => {
                tracing::warn!("answers are still under way; ending all the same");
                break;
            }
        }
    }
    app.router.close().await;
    over.cancel();
    app.tasks.close();
    let _ = tokio::time::timeout(Duration::from_secs(1), app.tasks.wait()).await;
    keep::last_words(&app.router).await;
    if let Some(traces) = &app.traces {
        traces.end().await;
    }
    tracing::info!("ended");
    Ok(())
}

/// Stops taking connections; false if that was already so, and the answer is to end at once.
fn begin_drain(app: &App, stop: &CancellationToken) -> bool {
    if stop.is_cancelled() {
        return false;
    }
    tracing::info!("draining: no new connections; ends with the last answer");
    app.drain();
    stop.cancel();
    true
}

async fn drained(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

/// Takes over a changed file, or keeps the present configuration if it has errors.
fn reread(how: &Serve, app: &App, upstreams: &Upstreams, kept: &StoreSpec) {
    let Configured { builder, server, store, findings } = upstreams.configure(&how.config);
    let Some(builder) = builder else {
        let file = how.config.display().to_string();
        for fault in errors(&findings) {
            tracing::error!("{}", fault.render(&file));
        }
        tracing::error!("not reloaded: the present configuration stays");
        return;
    };
    match app.router.reload(builder) {
        Ok(()) => {
            app.set_server(&server);
            tell(how, &findings);
            keep::compare(kept, &store);
            tracing::info!("reloaded");
        }
        Err(error) => tracing::error!("not reloaded: {error}"),
    }
}

/// Logs what is not served as it is written.
fn tell(how: &Serve, findings: &[pointsman::config::Finding]) {
    let file = how.config.display().to_string();
    for finding in folded(findings).iter().filter(|finding| finding.grade != Grade::Exact) {
        tracing::warn!("{}", finding.render(&file));
    }
}

fn errors(
    findings: &[pointsman::config::Finding],
) -> impl Iterator<Item = &pointsman::config::Finding> {
    findings.iter().filter(|finding| finding.grade == Grade::Error)
}

/// Says why nothing is served.
pub(crate) fn refuse(why: &str) -> ExitCode {
    use io::Write;
    let _ = writeln!(io::stderr(), "pointsman: {why}");
    ExitCode::from(1)
}
