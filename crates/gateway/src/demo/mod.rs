//! `pointsman demo`: three upstreams on loopback, real calls through the gateway's own listener; one
//! upstream breaks and recovers, and the terminal shows what the gateway makes of it.

mod callers;
mod looks;
mod screen;
mod upstreams;

use std::{
    error::Error,
    io::{self, IsTerminal},
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use pointsman::clock::{Clock, Instant, SystemClock};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{app::App, cli::Demo, config::Upstreams, listen, serve};
use callers::Callers;
use looks::{Event, Look, Looker};
use screen::{Screen, Style};
use upstreams::{BROKEN, Trio};

/// How often the gateway is asked how its deployments stand.
const TICK: Duration = Duration::from_millis(100);
/// How long calls that are under way at the end may take.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Any of the few things that can go wrong here.
type Fault = Box<dyn Error + Send + Sync>;

/// Plays the story and ends.
pub(crate) fn run(how: Demo) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let played = match runtime {
        Ok(runtime) => runtime.block_on(play(Duration::from_secs(how.seconds))),
        Err(error) => Err(error.into()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) if is_closed_pipe(&fault) => ExitCode::SUCCESS,
        Err(fault) => serve::refuse(&fault.to_string()),
    }
}

/// A reader that has seen enough is no failure.
fn is_closed_pipe(fault: &Fault) -> bool {
    fault.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

async fn play(lasts: Duration) -> Result<(), Fault> {
    let trio = Trio::start().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let configured = Upstreams::new(&clock)?.configure_text(&trio.config(lasts), &|_| None);
    let builder = configured.builder.ok_or("the demo's own configuration has errors")?;
    let app = Arc::new(App::build(builder, Arc::clone(&clock), &configured.server)?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
    let serving = listen::serve(listener, &app, &connections, stop.clone());
    let story = async {
        let told = Story { trio, clock, address, lasts }.tell().await;
        stop.cancel();
        told
    };
    // Every connection is the demo's own, and closed when the story has been told.
    let ((), told) = tokio::join!(serving, story);
    told
}

/// What happens, and who watches.
struct Story {
    trio: Trio,
    clock: Arc<dyn Clock>,
    address: SocketAddr,
    lasts: Duration,
}

impl Story {
    async fn tell(mut self) -> Result<(), Fault> {
        let style = style();
        let mut screen = Screen::new(style, io::stdout().lock(), self.lasts);
        let mut looker = Looker::connect(self.address).await?;
        screen.begin(self.address, &self.trio.config(self.lasts))?;
        let callers = Callers::start(self.address);
        let began = self.clock.now();
        let mut tick = time::interval(TICK);
        let mut interrupt = signal(SignalKind::interrupt())?;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = interrupt.recv() => break,
            }
            let at = self.clock.now() - began;
            if at >= self.lasts {
                break;
            }
            let mut events = self.turn(at);
            let look = self.look(&mut looker, at, &callers).await?;
            events.extend(looker.events(&look));
            screen.show(&look, &events)?;
        }
        // The last calls are waited for, so that the sums are whole.
        callers.stop(LAST_CALLS).await;
        let at = self.clock.now() - began;
        let look = self.look(&mut looker, at, &callers).await?;
        screen.end(&look, self.trio.failed(), self.trio.broken_for(at))?;
        Ok(())
    }

    /// Breaks and mends, when it is time to.
    fn turn(&mut self, at: Duration) -> Vec<Event> {
        let told = if at >= self.lasts.mul_f64(upstreams::BREAKS) && self.trio.break_down(at) {
            format!("{BROKEN} begins to answer 500 (the gateway is not told)")
        } else if at >= self.lasts.mul_f64(upstreams::RECOVERS) && self.trio.recover(at) {
            format!("{BROKEN} would answer again (the gateway is not told)")
        } else {
            return Vec::new();
        };
        vec![Event { at, told }]
    }

    async fn look(
        &self,
        looker: &mut Looker,
        at: Duration,
        callers: &Callers,
    ) -> Result<Look, Fault> {
        let now: Instant = self.clock.now();
        looker.look(at, now, &self.trio, callers.sums()).await
    }
}

/// A live table for people, plain lines for anything else.
#[expect(clippy::disallowed_methods, reason = "the gateway is what reads the environment")]
fn style() -> Style {
    let is_set = |name| std::env::var(name).is_ok_and(|value: String| !value.is_empty());
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    match (io::stdout().is_terminal() && !dumb, is_set("NO_COLOR")) {
        (false, _) => Style::Plain,
        (true, colourless) => Style::Live { colours: !colourless },
    }
}
