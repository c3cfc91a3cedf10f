//! What a call costs the gateway, in CPU time, beside a bare hyper-to-hyper proxy in the same run.
//!
//! `cargo bench -p pointsman-gateway`, or with `-- NAME` the loads of that name, on Linux. Both run as processes of their own between the same
//! clients and the same upstream, in turn; their CPU time is read from the system. The gateway has
//! limits, prices and a key to check; the bare proxy changes the address and nothing else.

#![expect(clippy::print_stdout, reason = "a benchmark talks to a terminal")]

mod bare;

use std::{
    cmp::Ordering,
    error::Error,
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{self, AtomicUsize},
    },
    time::Duration,
};

use pointsman_testkit::{Behaviour, Gateway, Upstream, Wire};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    task::JoinSet,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const WITHIN: Duration = Duration::from_mins(1);
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 15;
const KEY: &str = "sk-bench";
const PATH: &str = "/v1/chat/completions";

/// What is asked and how it is answered.
struct Load {
    name: &'static str,
    body: Vec<u8>,
    answer: Behaviour,
    /// Calls in a round.
    calls: usize,
}

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args.get(1).map(String::as_str) {
        Some("bare") => runtime.block_on(bare::serve(args[2].parse()?)),
        // Cargo adds `--bench`.
        only => runtime.block_on(compare(only.filter(|arg| !arg.starts_with('-')))),
    }
}

async fn compare(only: Option<&str>) -> Outcome<()> {
    let upstream = Upstream::start("u").await?;
    upstream.record(false);
    let gateway =
        Gateway::start(Path::new(env!("CARGO_BIN_EXE_pointsman")), &config(&upstream.base()), &[])
            .await?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bare", &upstream.address().to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the bare proxy has no output")?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or("no address")?;
    let gateway_id = gateway.id().ok_or("the gateway has ended")?;
    let bare_id = child.id().ok_or("the bare proxy has ended")?;
    println!("{CONNECTIONS} connections, CPU per call, median of {ROUNDS} rounds\n");
    println!("{:<34}{:>11}{:>11}{:>8}", "", "bare", "gateway", "ratio");
    for load in loads().into_iter().filter(|load| only.is_none_or(|it| load.name.contains(it))) {
        upstream.always(load.answer.clone());
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        // The first round warms both up.
        for round in 0..=ROUNDS {
            let pair =
                [(bare_id, line.parse()?, &mut bare), (gateway_id, gateway.address(), &mut ours)];
            for (id, address, times) in pair {
                let before = cpu(id)?;
                run(address, &load).await?;
                if round > 0 {
                    times.push(cpu(id)?.saturating_sub(before) / u32::try_from(load.calls)?);
                }
            }
        }
        // Pair by pair: what else the machine does slows both down.
        let pairs = ours.iter().zip(&bare);
        let ratio = median(pairs.map(|(ours, bare)| ours.div_duration_f64(*bare)).collect());
        let (bare, ours) = (median(bare), median(ours));
        let micros = |time: Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
        println!("{:<34}{:>11}{:>11}{ratio:>8.2}", load.name, micros(bare), micros(ours));
    }
    Ok(())
}

fn config(base: &str) -> String {
    let deployment = |id: &str| {
        format!(
            "  - model_name: m\n    litellm_params: {{model: openai/upstream, api_base: {base}, \
             api_key: sk-up, rpm: 100000000, max_parallel_requests: 1000, \
             input_cost_per_token: 0.000001, output_cost_per_token: 0.000002}}\n    \
             model_info: {{id: {id}}}\n"
        )
    };
    format!(
        "model_list:\n{}{}general_settings: {{master_key: {KEY}}}\n",
        deployment("a"),
        deployment("b"),
    )
}

fn loads() -> [Load; 5] {
    // As it stands within JSON.
    let line = "A line of text as people write it, with a \\\"quote\\\" and an end.\\n";
    let text = |length: usize| line.repeat(length / line.len());
    let body = |content: usize, stream: bool| {
        let text = text(content);
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}],\"model\":\"m\",\
             \"temperature\":0.5,\"stream\":{stream}}}"
        )
        .into_bytes()
    };
    let chunks = |n| Behaviour::ok().chunks(n).text("word ".repeat(n));
    [
        Load { name: "small call", body: body(400, false), answer: Behaviour::ok(), calls: 2_000 },
        Load { name: "1 MB body", body: body(1 << 20, false), answer: Behaviour::ok(), calls: 200 },
        Load {
            name: "1 MB answer",
            body: body(400, false),
            answer: Behaviour::ok().text(text(1 << 20).replace("\\n", "\n").replace('\\', "")),
            calls: 200,
        },
        Load { name: "stream of 4 chunks", body: body(400, true), answer: chunks(4), calls: 1_000 },
        Load {
            name: "stream of 200 chunks",
            body: body(400, true),
            answer: chunks(200),
            calls: 100,
        },
    ]
}

/// Makes all calls of a load.
async fn run(to: SocketAddr, load: &Load) -> Outcome<()> {
    let left = Arc::new(AtomicUsize::new(load.calls));
    let authorization = format!("Bearer {KEY}");
    let headers = [("authorization", authorization.as_str())];
    let request = pointsman_testkit::wire::request("POST", PATH, &headers, Some(&load.body));
    let request = Arc::new(request);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (left, request) = (Arc::clone(&left), Arc::clone(&request));
        clients.spawn(async move {
            let mut wire = Wire::connect(to, WITHIN).await?;
            let take = |n: usize| n.checked_sub(1);
            while left
                .fetch_update(atomic::Ordering::Relaxed, atomic::Ordering::Relaxed, take)
                .is_ok()
            {
                wire.send(request.as_slice(), WITHIN).await?;
                let response = wire.response(WITHIN).await?;
                if response.head.status != 200 {
                    return Err(response.text().into());
                }
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(())
}

/// The CPU time that the threads of a process have had.
fn cpu(id: u32) -> Outcome<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().ok_or("no CPU time")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn median<T: PartialOrd + Copy>(mut of: Vec<T>) -> T {
    of.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    of[of.len() / 2]
}
