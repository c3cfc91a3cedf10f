//! The vendors' own clients against the built gateway.
//!
//! Run by the step `clients` of `cargo xtask ci`, which installs them and says where: POINTSMAN_PYTHON
//! is an interpreter that has the Python clients, POINTSMAN_NODE_CLIENT a folder whose `node_modules`
//! has the Node client. It leaves out the tests in `more`, which `cargo xtask clients --all` runs.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

mod vendors;

use std::{fmt::Write, path::Path, process::Stdio, time::Duration};

use pointsman_testkit::{Behaviour, Gateway, Upstream};
use tokio::{process::Command, time::timeout};

use crate::vendors::Vendor;

const POINTSMAN: &str = env!("CARGO_BIN_EXE_pointsman");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients");
const WITHIN: Duration = Duration::from_mins(2);

/// Model groups, each with an upstream of its own that behaves in one way.
struct World {
    gateway: Gateway,
    _upstreams: Vec<Upstream>,
}

async fn world() -> World {
    let error = |status, code, message| Behaviour::ok().error(status, code, "x", message);
    let slow_down = || error(429, "rate_limit_exceeded", "slow down").header("retry-after", "1");
    let mut yaml = "model_list:\n".to_owned();
    let mut upstreams = Vec::new();
    for (group, name, behaviour, params) in [
        ("good", "good", Behaviour::ok(), ""),
        ("flaky", "broken", Behaviour::ok().status(500), ", order: 1"),
        ("flaky", "whole", Behaviour::ok(), ", order: 2"),
        ("breaks", "breaks", Behaviour::ok().cut_after_chunks(2), ""),
        ("limited", "limited", slow_down(), ", num_retries: 0"),
        ("once", "once", Behaviour::ok(), ", rpm: 1"),
        ("down", "down", Behaviour::ok().status(500), ""),
        ("strict", "strict", error(400, "", "no such voice"), ""),
        ("hangs", "hangs", Behaviour::ok().hang(), ""),
        ("recovers", "recovers", Behaviour::ok(), ", num_retries: 0"),
    ] {
        let upstream = Upstream::start(name).await.unwrap();
        upstream.always(behaviour);
        if name == "recovers" {
            upstream.then([slow_down()]);
        }
        // Writing to a string does not fail.
        let _ = write!(
            yaml,
            "  - model_name: {group}\n    litellm_params: {{model: openai/m, api_base: '{}', \
             api_key: sk-up{params}}}\n    model_info: {{id: {name}}}\n",
            upstream.base(),
        );
        upstreams.push(upstream);
    }
    yaml.push_str(
        "general_settings: {master_key: sk-gateway}\nrouter_settings: {num_retries: 1}\n",
    );
    let gateway = Gateway::start(Path::new(POINTSMAN), &yaml, &[]).await.unwrap();
    World { gateway, _upstreams: upstreams }
}

/// A group `from-VENDOR` for each vendor: those before it are busy, so that each in turn answers
/// after the failure of all others.
async fn each_in_turn() -> World {
    let mut yaml = "model_list:\n".to_owned();
    let mut upstreams = Vec::new();
    let (mut well, mut busy) = (Vec::new(), Vec::new());
    for vendor in Vendor::ALL {
        let (one, other) = (start(vendor).await, start(vendor).await);
        one.answer_with(move |asked, _| vendor.answer(asked));
        other.always(vendor.busy());
        well.push(root(&one, vendor));
        busy.push(root(&other, vendor));
        upstreams.extend([one, other]);
    }
    for (nth, last) in Vendor::ALL.iter().enumerate() {
        for (at, vendor) in Vendor::ALL[..=nth].iter().enumerate() {
            let base = if at == nth { &well[at] } else { &busy[at] };
            // Writing to a string does not fail.
            let _ = write!(
                yaml,
                "  - model_name: from-{}\n    litellm_params: {{model: {}, api_base: '{base}', \
                 api_key: sk-up, order: {at}}}\n    model_info: {{id: {}-{at}}}\n",
                last.name(),
                vendor.model(),
                last.name(),
            );
        }
    }
    yaml.push_str(
        "general_settings: {master_key: sk-gateway}\n\
         router_settings: {num_retries: 4, disable_cooldowns: true, pointsman: {retry_budget: \
         {ratio: 1, per_second: 1000, burst: 1000}}}\n",
    );
    let gateway = Gateway::start(Path::new(POINTSMAN), &yaml, &[]).await.unwrap();
    World { gateway, _upstreams: upstreams }
}

async fn start(vendor: Vendor) -> Upstream {
    Upstream::start(vendor.name()).await.unwrap()
}

/// The address that a deployment of the vendor is configured with.
fn root(upstream: &Upstream, vendor: Vendor) -> String {
    let base = upstream.base();
    match vendor {
        Vendor::OpenAi => base,
        _ => base.trim_end_matches("/v1").to_owned(),
    }
}

/// What the step says of where a client is.
fn told(variable: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the step says where the clients are")]
    let value = std::env::var(variable);
    value.unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask clients`"))
}

async fn run(command: &mut Command) {
    let child = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(WITHIN, child).await.unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{}\n{said}", output.status);
    assert!(said.contains("all is well"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_works_unchanged() {
    let world = world().await;
    let script = Path::new(FOLDER).join("client.py");
    run(Command::new(told("POINTSMAN_PYTHON")).arg(script).arg(world.gateway.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_works_unchanged() {
    let world = world().await;
    let (script, installed) = (Path::new(FOLDER).join("client.mjs"), told("POINTSMAN_NODE_CLIENT"));
    run(Command::new("node").arg(script).arg(world.gateway.url()).arg(installed)).await;
}

async fn python(script: &str) {
    let world = each_in_turn().await;
    let script = Path::new(FOLDER).join(script);
    run(Command::new(told("POINTSMAN_PYTHON")).arg(script).arg(world.gateway.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_client_is_answered_by_every_vendor() {
    python("openai_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_client_is_answered_by_every_vendor() {
    python("anthropic_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_client_is_answered_by_every_vendor() {
    python("google_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_deployment_answers_every_client_in_its_own_dialect() {
    let file = Path::new(FOLDER).join("../../examples/quickstart.yaml");
    let yaml = std::fs::read_to_string(file).unwrap();
    let gateway = Gateway::start(Path::new(POINTSMAN), &yaml, &[]).await.unwrap();
    let script = Path::new(FOLDER).join("simulated_client.py");
    run(Command::new(told("POINTSMAN_PYTHON")).arg(script).arg(gateway.url())).await;
}

/// Clients with many packages: `cargo xtask clients --all` alone runs these.
mod more {
    use super::python;

    #[tokio::test(flavor = "multi_thread")]
    async fn langchain_is_answered_by_every_vendor() {
        python("langchain_client.py").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn litellm_is_answered_by_every_vendor() {
        python("litellm_client.py").await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn llm_is_answered_by_every_vendor() {
        python("llm_client.py").await;
    }
}
