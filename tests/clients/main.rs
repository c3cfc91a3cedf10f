//! OpenAI's own clients against the built gateway.
//!
//! Run by the step `clients` of `cargo xtask ci`, which installs them and says where: POINTSMAN_PYTHON
//! is an interpreter that has the Python client, POINTSMAN_NODE_CLIENT a folder whose `node_modules`
//! has the Node client.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

use std::{fmt::Write, path::Path, process::Stdio, time::Duration};

use pointsman_testkit::{Behaviour, Gateway, Upstream};
use tokio::{process::Command, time::timeout};

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

/// What the step says of where a client is.
fn told(variable: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the step says where the clients are")]
    let value = std::env::var(variable);
    value.unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask ci --only clients`"))
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
