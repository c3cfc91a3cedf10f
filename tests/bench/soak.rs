//! What a million calls leave behind in the gateway's memory.
//!
//! `cargo bench -p pointsman-gateway --bench soak`, or with `-- CALLS`, on Linux; some minutes. The
//! calls come from 10,000 users with as many tags and sessions, plain and streamed, to a gateway
//! with everything on that remembers callers: affinity, pins, limits, budgets, a journal. Its
//! resident memory is printed as it goes, and after the first fifth it may not grow by more than a
//! tenth and 4 MiB.

#![expect(clippy::print_stdout, reason = "a benchmark talks to a terminal")]

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use pointsman_testkit::{Behaviour, Gateway, Scratch, Upstream, Wire};
use tokio::task::JoinSet;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const WITHIN: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 16;
const CALLERS: u64 = 10_000;
const PATH: &str = "/v1/chat/completions";
const STEPS: u64 = 20;

fn main() -> Outcome<()> {
    // Cargo adds `--bench`.
    let calls = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let calls = calls.map_or(Ok(1_000_000), |calls| calls.parse())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(soak(calls))
}

async fn soak(calls: u64) -> Outcome<()> {
    let (upstream, scratch) = (Upstream::start("u").await?, Scratch::new()?);
    upstream.record(false);
    upstream.always(Behaviour::ok().usage(10, 0, 5));
    let config = config(&upstream.base(), scratch.path());
    let binary = Path::new(env!("CARGO_BIN_EXE_pointsman"));
    let gateway = Arc::new(Gateway::start(binary, &config, &[]).await?);
    let id = gateway.id().ok_or("the gateway has ended")?;
    let (next, mut settled) = (Arc::new(AtomicU64::new(0)), 0);
    for step in 1..=STEPS {
        let until = calls * step / STEPS;
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            clients.spawn(client(Arc::clone(&gateway), Arc::clone(&next), until));
        }
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        next.store(until, Ordering::Relaxed);
        let memory = resident(id)?;
        println!("{until:>10} calls {:>8} KiB", memory >> 10);
        if step == STEPS / 5 {
            settled = memory;
        }
        let most = settled + settled / 10 + (4 << 20);
        if step > STEPS / 5 && memory > most {
            return Err(format!("{memory} bytes are more than {most}: something grows").into());
        }
    }
    Ok(())
}

fn config(base: &str, directory: &Path) -> String {
    let deployment = |id: &str| {
        format!(
            "  - model_name: m\n    litellm_params: {{model: openai/upstream, api_base: {base}, \
             api_key: sk-up, rpm: 100000000, tpm: 1000000000000, max_parallel_requests: 1000, \
             input_cost_per_token: 0.000001, output_cost_per_token: 0.000002, \
             max_budget: 1000000, budget_duration: 1d, tags: [default]}}\n    \
             model_info: {{id: {id}}}\n"
        )
    };
    format!(
        "model_list:\n{}{}router_settings:\n  optional_pre_call_checks: [session_affinity]\n  \
         pointsman: {{affinity: {{key: user}}, state_dir: '{}'}}\nlitellm_settings: \
         {{tag_budget_config: {{t1: {{max_budget: 1000000, budget_duration: 1d}}}}}}\n",
        deployment("a"),
        deployment("b"),
        directory.display(),
    )
}

/// Makes calls, one caller after another, until so many were made.
async fn client(gateway: Arc<Gateway>, next: Arc<AtomicU64>, until: u64) -> Outcome<()> {
    let mut wire = Wire::connect(gateway.address(), WITHIN).await?;
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= until {
            return Ok(());
        }
        // Every caller comes by again and again, in an order of its own.
        let caller = nth.wrapping_mul(7_919) % CALLERS;
        let stream = nth.is_multiple_of(16);
        let body = format!(
            "{{\"model\":\"m\",\"user\":\"user-{caller}\",\"stream\":{stream},\"max_tokens\":5,\
             \"metadata\":{{\"tags\":[\"t{caller}\"]}},\
             \"messages\":[{{\"role\":\"user\",\"content\":\"Hello {nth}\"}}]}}"
        );
        let session = format!("session-{caller}");
        wire.post(PATH, &[("x-litellm-session-id", &session)], body, WITHIN).await?;
        let response = wire.response(WITHIN).await?;
        if response.head.status != 200 {
            return Err(response.text().into());
        }
    }
}

/// The bytes that a process has in memory.
fn resident(id: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no memory")?;
    Ok(kib.trim().parse::<u64>()? << 10)
}
