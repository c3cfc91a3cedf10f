//! Broken configurations, each with exactly the errors it must give: place and text.

use pointsman_config::{Grade, load};

/// One deployment that is right, for faults elsewhere: lines 1 to 3.
const ONE: &str = "model_list:\n- model_name: chat\n  litellm_params: {model: openai/m}\n";

fn env(name: &str) -> Option<String> {
    (name == "SET").then(|| "planted".to_owned())
}

fn lines(text: &str, grade: Grade) -> Vec<String> {
    let loaded = load(text, &env);
    let of = |one: &&pointsman_config::Finding| one.grade == grade;
    let lines: Vec<String> = loaded
        .findings
        .iter()
        .filter(of)
        .map(|one| format!("{}:{}: {}", one.at.line, one.at.column, one.message))
        .collect();
    assert_eq!(loaded.spec.is_none(), loaded.findings.iter().any(|f| f.grade == Grade::Error));
    assert!(!lines.iter().any(|line| line.contains("planted")), "{lines:#?}");
    lines
}

fn errors(text: &str, expected: &[&str]) {
    assert_eq!(lines(text, Grade::Error), expected, "\n{text}");
}

/// Errors of `litellm_params` with these lines; they begin on line 4 at column 5.
fn params(text: &str, expected: &[&str]) {
    let mut file = "model_list:\n- model_name: chat\n  litellm_params:\n".to_owned();
    file.extend(text.lines().map(|line| format!("    {line}\n")));
    errors(&file, expected);
}

/// Errors of these lines after [`ONE`]; they begin on line 4 at column 1.
fn after(text: &str, expected: &[&str]) {
    errors(&format!("{ONE}{text}"), expected);
}

#[test]
fn nothing_there() {
    let empty = "1:1: the file is empty: it needs a model_list with one deployment at least";
    for text in ["", "\n\n", "# nothing\n", "---\n", "~", "null\n"] {
        errors(text, &[empty]);
    }
    let none = "1:1: there is no model_list: it needs one deployment at least";
    errors("{}", &[none]);
    errors("router_settings: {}\n", &[none]);
    errors("model_list: []", &["1:13: model_list is empty: it needs one deployment at least"]);
    errors("router_settings:\nmodel_list: ~\n", &[&none.replace("1:1", "2:1")]);
    errors("[1]", &["1:1: the file: found a list, wanted a mapping"]);
    errors("sk-planted", &["1:1: the file: found a single value, wanted a mapping"]);
}

#[test]
fn broken_yaml() {
    let at = |text: &str| {
        let lines = lines(text, Grade::Error);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let start = lines[0].split(": ").next().unwrap_or_default().to_owned();
        (start, lines[0].clone())
    };
    assert_eq!(at("a: [1, 2\nb: 3\n").0, "2:2");
    assert_eq!(at("model_list:\n\t- a\n").0, "2:2");
    assert_eq!(at("a: 'x\n").0, "1:4");
    assert_eq!(at("a: *none\n").0, "1:4");
    assert!(at("a: {b: c\n").1.contains("this is not YAML: "));
    errors("a: 1\n---\nb: 2\n", &["2:1: a second document starts here: one file is one document"]);
    errors("a: &a [*a]\n", &["1:8: this alias names the value that it stands in"]);
    errors("[1]: 2\n", &["1:1: a key must be a text"]);
    errors(&"[".repeat(1000), &["1:101: this is not YAML: recursion limit exceeded"]);
}

#[test]
fn faults_of_the_tree_come_with_all_others() {
    after(
        "router_settings:\n  timeout: 1\n  num_retries: x\n  timeout: 2\n",
        &[
            "6:16: router_settings.num_retries: found `x`, wanted a whole number in range",
            "7:3: timeout stands here and on line 5",
        ],
    );
    after(
        "router_settings: {<<: 3, timeout: !mine 4}\n",
        &[
            "4:19: << takes a mapping or a list of mappings",
            "4:41: a tag of one's own has no meaning here",
        ],
    );
}

#[test]
fn aliases_cannot_blow_up() {
    let lists: Vec<String> = (0..12)
        .map(|n: usize| {
            let item = if n == 0 { "x".to_owned() } else { format!("*a{}", n - 1) };
            format!("a{n}: &a{n} [{}]\n", vec![item; 10].join(", "))
        })
        .collect();
    let text = lists.concat();
    errors(&text, &["6:9: more than 1000000 values, aliases expanded"]);
    let deeper = (1..200).map(|n| format!("b{n}: &b{n} [*b{}]\n", n - 1));
    let text = format!("b0: &b0 [x]\n{}", deeper.collect::<Vec<_>>().concat());
    errors(&text, &["100:11: nested deeper than 100"]);
    let long = "x".repeat(100_000);
    let text = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 1000].join(", "));
    errors(&text, &["2:4: more than 1000000 values, aliases expanded"]);
}

#[test]
fn unknown_keys_name_the_nearest() {
    errors(
        "modellist: []\nmodel_list:\n- {model_nam: a, litellm_params: {model: openai/m, api_kee: sk-planted}}\n",
        &[
            "1:1: modellist is not a known key; did you mean model_list?",
            "3:3: model_name is missing",
            "3:4: model_nam is not a known key; did you mean model_name?",
            "3:52: litellm_params.api_kee is not a known key; did you mean api_key?",
        ],
    );
    after(
        "router_settings: {num_retrys: 1, pointsman: {ramp: 3s}, qqq: 2}\n\
         litellm_settings: {request_timeot: 1}\n\
         general_settings: {masterkey: planted}\n",
        &[
            "4:19: router_settings.num_retrys is not a known key; did you mean num_retries?",
            "4:46: router_settings.pointsman.ramp is not a known key; did you mean ramp_time?",
            "4:57: router_settings.qqq is not a known key",
            "5:20: litellm_settings.request_timeot is not a known key; did you mean request_timeout?",
            "6:20: general_settings.masterkey is not a known key; did you mean master_key?",
        ],
    );
}

#[test]
fn a_flood_of_unknown_keys_ends_soon() {
    let keys: Vec<String> = (0..100_000).map(|n| format!("model_lisp{n}: 1\n")).collect();
    let errors = lines(&keys.concat(), Grade::Error);
    assert_eq!(errors.len(), 100_001);
    assert!(errors[0].ends_with("did you mean model_list?"), "{}", errors[0]);
    assert!(errors[100_000].ends_with("is not a known key"), "{}", errors[100_000]);
}

#[test]
fn entries_say_what_they_lack() {
    errors(
        "model_list:\n- chat\n- {}\n- model_name: ''\n  litellm_params: [planted]\n",
        &[
            "2:3: model_list: an entry must be a mapping",
            "3:3: litellm_params is missing",
            "3:3: model_name is missing",
            "4:15: model_name: the text is empty",
            "5:19: litellm_params: found a list, wanted a mapping",
        ],
    );
    errors(
        "model_list: {a: 1}\n",
        &["1:13: model_list: found a mapping, wanted a list of deployments"],
    );
    errors(
        "model_list:\n- model_name: a\n  litellm_params:\n",
        &["2:3: litellm_params is missing"],
    );
    params("rpm: 1\n", &["3:3: litellm_params.model is missing"]);
    let form = "wanted vendor/model, like openai/gpt-4o-mini";
    params("model: openai/\n", &[&format!("4:12: litellm_params.model: found `openai/`, {form}")]);
    params("model: [a]\n", &["4:12: litellm_params.model: found a list, wanted a text"]);
    params(
        "model: true\n",
        &["4:12: litellm_params.model: found `true`, wanted a text (write it in quotes)"],
    );
}

#[test]
fn values_of_the_wrong_kind_say_what_is_wanted() {
    params(
        "model: openai/m\nrpm: -1\nweight: heavy\norder: 1.5\ntags: paid\ntimeout: 0\n\
         stream_timeout: soon\nnum_retries: 3.5\nmax_parallel_requests: 0\ninput_cost_per_token: -1\n\
         cooldown_time: 99y\nextra_body: 3\noutput_cost_per_token: .nan\ntpm: 99999999999999999999\n",
        &[
            "5:10: litellm_params.rpm: found `-1`, wanted a whole number in range",
            "6:13: litellm_params.weight: found `heavy`, wanted a number that is not negative",
            "7:12: litellm_params.order: found `1.5`, wanted a whole number in range",
            "8:11: litellm_params.tags: found a single value, wanted a list of texts",
            "9:14: litellm_params.timeout: found `0`, wanted a duration above zero",
            "10:21: litellm_params.stream_timeout: found `soon`, wanted a duration: seconds as a \
             number, or like 30s, 5m, 1h, 7d, 1mo",
            "11:18: litellm_params.num_retries: found `3.5`, wanted a whole number in range",
            "12:28: litellm_params.max_parallel_requests: found `0`, wanted a whole number above zero",
            "13:27: litellm_params.input_cost_per_token: found `-1`, wanted a number that is not \
             negative",
            "14:20: litellm_params.cooldown_time: found `99y`, wanted a duration: seconds as a \
             number, or like 30s, 5m, 1h, 7d, 1mo",
            "15:17: litellm_params.extra_body: found `3`, wanted a mapping of request parameters",
            "16:28: litellm_params.output_cost_per_token: found `.nan`, wanted a number that is \
             not negative",
            "17:10: litellm_params.tpm: found `99999999999999999999`, wanted a whole number in range",
        ],
    );
}

#[test]
fn no_message_shows_a_secret() {
    params(
        "model: openai/m\napi_key: [planted]\napi_base: planted\nclient_secret: {a: [planted]}\n\
         aws_session_token: [planted]\nrpm: os.environ/SET\n",
        &[
            "5:14: litellm_params.api_key: found a list, wanted a text",
            "6:15: litellm_params.api_base: found a value that is not shown, wanted an address \
             that starts with http:// or https://",
            "8:24: litellm_params.aws_session_token: found a list, wanted a text",
            "9:10: litellm_params.rpm: found a value that is not shown, wanted a whole number in \
             range",
        ],
    );
    after(
        "general_settings: {master_key: true}\n",
        &[
            "4:32: general_settings.master_key: found a value that is not shown, wanted a text (write \
         it in quotes)",
        ],
    );
    after(
        "environment_variables: [planted]\n",
        &["4:24: environment_variables: wanted a mapping of names to values"],
    );
    after(
        "environment_variables: {A: [planted]}\n",
        &["4:28: environment_variables: found a list, wanted a single value"],
    );
}

#[test]
fn missing_variables_name_key_and_variable() {
    params(
        "model: openai/m\napi_key: os.environ/GONE\ntemperature: \"os.environ/GONE2\"\n",
        &[
            "5:14: litellm_params.api_key: the environment has no `GONE`",
            "6:18: litellm_params.temperature: the environment has no `GONE2`",
        ],
    );
    let file = "environment_variables: {GONE: x}\n".to_owned() + ONE;
    errors(&file.replace("openai/m", "openai/m, api_key: os.environ/GONE"), &[]);
}

#[test]
fn ids_are_unique() {
    let entry = "- {model_name: g, litellm_params: {model: openai/m}, model_info: {id: one}}\n";
    errors(
        &format!("model_list:\n{entry}{entry}{entry}"),
        &[
            "3:71: model_info.id: `one` is used on line 2 and on line 3",
            "4:71: model_info.id: `one` is used on line 2 and on line 4",
        ],
    );
    let lists = entry.replace("openai/m", "openai/m, organization: [a, b]");
    errors(&format!("model_list:\n{lists}"), &[]);
}

#[test]
fn weights_too_far_apart() {
    let one = |weight: &str| {
        format!("- {{model_name: g, litellm_params: {{model: openai/m, weight: {weight}}}}}\n")
    };
    let far = "litellm_params.weight: the weights of the group are too far apart";
    let text = format!("model_list:\n{}{}", one("4000000"), one("0.001"));
    errors(&text, &[]);
    let text = format!("model_list:\n{}{}", one("4000000"), one("0.0001"));
    errors(&text, &[&format!("3:61: {far}")]);
    let text = format!("model_list:\n{}{}", one("1e27"), one("1e-28"));
    errors(&text, &[&format!("3:61: {far}")]);
}

#[test]
fn simulated_keys_are_for_simulated_deployments() {
    params(
        "model: openai/m\nlatency: 1s\nunless_env: X\nreply: a\n",
        &[
            "5:5: litellm_params.latency is for the vendor simulated alone",
            "6:5: litellm_params.unless_env is for the vendor simulated alone",
            "7:5: litellm_params.reply is for the vendor simulated alone",
        ],
    );
    params(
        "model: simulated/m\nunless_env: SET\n",
        &["1:1: model_list: every deployment is left out, by blocked or unless_env"],
    );
}

#[test]
fn strategies() {
    let text = format!("{ONE}router_settings: {{routing_strategy: round_robin}}\n");
    let found = lines(&text, Grade::Error);
    let start =
        "4:37: router_settings.routing_strategy: `round_robin` is not one of simple-shuffle, ";
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(start), "{found:#?}");
    assert!(found[0].ends_with("; did you mean round-robin?"), "{found:#?}");
    for name in pointsman_strategy::NAMES {
        after(&format!("router_settings: {{routing_strategy: {name}}}\n"), &[]);
    }
    after("router_settings: {routing_strategy: provider-budget-routing}\n", &[]);
    after(
        "router_settings: {routing_strategy: priority}\n",
        &["4:37: router_settings.routing_strategy: `priority` is for a routing group alone"],
    );
}

#[test]
fn fallbacks_name_groups() {
    after(
        "router_settings:\n  model_group_alias: {a: chat, b: chta, c: {hidden: true}}\n  fallbacks:\n\
         \x20   - chat: [chat, a, caht, {temperature: 1}]\n    - chat: [a]\n    - text\n\
         \x20 default_fallbacks: chat\n  max_fallbacks: all\n",
        &[
            "5:35: router_settings.model_group_alias: `chta` names no group; did you mean chat?",
            "5:44: router_settings.model_group_alias.model is missing",
            "7:23: router_settings.fallbacks: `caht` names no group; did you mean chat?",
            "7:29: router_settings.fallbacks: a target needs a model",
            "8:7: router_settings.fallbacks: chat stands on line 7 and on line 8",
            "9:7: router_settings.fallbacks: found `text`, wanted a mapping, like {group: \
             [other-group]}",
            "10:22: router_settings.default_fallbacks: found a single value, wanted a list of groups",
            "11:18: router_settings.max_fallbacks: found `all`, wanted a whole number in range",
        ],
    );
    after("router_settings: {fallbacks: [{'*': [chat]}]}\n", &[]);
    after(
        "router_settings: {fallbacks: [{chat: ['*']}]}\n",
        &["4:39: router_settings.fallbacks: `*` names no group"],
    );
    let text = "model_list:\n- {model_name: openai/*, litellm_params: {model: openai/*}}\n\
        router_settings: {fallbacks: [{openai/a: [openai/b]}]}\n";
    errors(text, &[]);
}

#[test]
fn retry_policies() {
    let text = "router_settings:\n  retry_policy: {TimeoutRetries: 1, DefaultRetries: -1}\n\
        \x20 model_group_retry_policy: {chat: 3, caht: {NotFoundErrorRetries: 1}}\n";
    after(
        text,
        &[
            "5:18: router_settings.retry_policy.TimeoutRetries is not a known key; did you mean \
         TimeoutErrorRetries?",
            "5:53: router_settings.retry_policy.DefaultRetries: found `-1`, wanted a whole number in \
         range",
            "6:36: router_settings.model_group_retry_policy: found a single value, wanted a mapping",
        ],
    );
    assert_eq!(
        lines(&format!("{ONE}{text}"), Grade::Approximate),
        [
            "6:39: router_settings.model_group_retry_policy: caht names no group, so it never applies; \
         did you mean chat?",
        ]
    );
}

#[test]
fn approximations_say_how() {
    let text = format!(
        "{ONE}- {{model_name: b, litellm_params: {{model: mystery, rpm: 0}}}}\n\
         router_settings: {{cooldown_time: 0, max_retries: 1, model_group_alias: {{chat: b}}, \
         fallbacks: [{{cat: [b]}}], routing_strategy: lar1}}\n"
    );
    assert_eq!(
        lines(&text, Grade::Approximate),
        [
            "4:43: litellm_params.model: `mystery` names no vendor: taken for openai",
            "4:52: litellm_params.rpm: 0 means no limit",
            "5:34: router_settings.cooldown_time: 0 means the default, 5 s",
            "5:37: router_settings.max_retries: read as num_retries, which wins where both are set",
            "5:73: router_settings.model_group_alias: chat is a group, which wins",
            "5:96: router_settings.fallbacks: cat names no group, so it never applies; did you mean chat?",
            "5:126: router_settings.routing_strategy: lar1 is not built: simple-shuffle is used",
        ]
    );
}

#[test]
fn ignored_keys_say_what_happens_instead() {
    let text =
        format!("{ONE}general_settings: {{database_url: planted, max_parallel_requests: 3}}\n");
    assert_eq!(
        lines(&text, Grade::Ignored),
        [
            "4:20: general_settings.database_url: nothing is stored in a database: the file is the \
         whole configuration",
            "4:43: general_settings.max_parallel_requests: calls are limited per deployment, \
         quota and key of a caller",
        ]
    );
}
