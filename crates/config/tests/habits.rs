//! Files as people have them: keys in the wrong place, switches that are off, variables left empty.

use pointsman_config::{Grade, load};

const ONE: &str = "model_list:\n- {model_name: g, litellm_params: {model: openai/m, api_key: k}}\n";

/// What is said in a grade, of the lines behind the first deployment.
fn said(settings: &str, grade: Grade) -> Vec<String> {
    let env = |name: &str| match name {
        "EMPTY" => Some(String::new()),
        "EMPTY_REGION" => Some(" ".to_owned()),
        _ => None,
    };
    let loaded = load(&format!("{ONE}{settings}"), &env);
    let of = loaded.findings.into_iter().filter(|one| one.grade == grade);
    of.map(|one| one.message).collect()
}

#[test]
fn what_litellm_passes_over_keeps_nobody_from_starting() {
    let settings = "general_settings: {num_retries: 3, json_logs: true, debug: true}\n\
                    litellm_settings: {store_model_in_db: true, default_model: g}\n\
                    router_settings: {callbacks: [x], enable_load_balancing: true}\n\
                    server: {port: 4000}\ncallbacks: [x]\n";
    assert_eq!(said(settings, Grade::Error), [""; 0]);
    let nobody = "LiteLLM has no such key either: nothing reads it";
    let for_other = |of: &str| format!("LiteLLM does not read it here: it is for {of}");
    assert_eq!(
        said(settings, Grade::Ignored),
        [
            format!("general_settings.num_retries: {}", for_other("router_settings")),
            format!("general_settings.json_logs: {}", for_other("litellm_settings")),
            format!("general_settings.debug: {nobody}"),
            format!("litellm_settings.store_model_in_db: {}", for_other("general_settings")),
            format!("litellm_settings.default_model: {nobody}"),
            format!("router_settings.callbacks: {}", for_other("litellm_settings")),
            format!("router_settings.enable_load_balancing: {nobody}"),
            format!("server: {nobody}"),
            format!("callbacks: {}", for_other("litellm_settings")),
        ]
    );
}

#[test]
fn a_key_of_ones_own_in_the_wrong_place_is_an_error_that_says_where_it_belongs() {
    assert_eq!(
        said("router_settings: {hedge: {after: auto}, qqq: 1}\n", Grade::Error),
        ["router_settings.qqq is not a known key"]
    );
    let entry = "- {model_name: h, api_base: 'http://h', litellm_params: {model: openai/m}}\n";
    assert_eq!(
        said(entry, Grade::Error),
        ["api_base is not a known key: it is for litellm_params"]
    );
}

#[test]
fn a_master_key_that_nothing_reads_does_not_leave_the_gateway_open() {
    let misplaced = "litellm_settings: {master_key: sk-planted}\n";
    assert_eq!(
        said(misplaced, Grade::Error),
        [
            "litellm_settings.master_key: nothing reads it here and the gateway would be open: put it \
          into general_settings"
        ]
    );
    let both = format!("{misplaced}general_settings: {{master_key: sk-other}}\n");
    assert_eq!(said(&both, Grade::Error), [""; 0]);
    assert_eq!(
        said(&both, Grade::Ignored),
        ["litellm_settings.master_key: LiteLLM does not read it here: it is for general_settings"]
    );
}

#[test]
fn what_is_off_there_is_off_here() {
    let off = "litellm_settings: {set_verbose: false, cache: false, success_callback: [], telemetry: no}\n\
               general_settings: {database_url: ~, store_model_in_db: false}\n\
               router_settings: {cache_responses: false, set_verbose: False}\n";
    for grade in [Grade::Ignored, Grade::Approximate, Grade::Error] {
        assert_eq!(said(off, grade), [""; 0], "{grade}");
    }
    assert_eq!(said("general_settings: {max_budget: ~}\n", Grade::Ignored), [""; 0]);
    let asks = "- {model_name: h, litellm_params: {model: openai/m, ssl_verify: false}}\n";
    assert_eq!(said(asks, Grade::Ignored).len(), 1, "certificates are checked all the same");
}

#[test]
fn where_answers_are_kept_is_told_once_and_only_where_it_differs() {
    let told =
        |settings: &str| said(&format!("litellm_settings: {{{settings}}}\n"), Grade::Approximate);
    assert_eq!(told("cache: true, cache_params: {type: local}"), [""; 0]);
    assert_eq!(told("cache: true"), ["litellm_settings.cache: answers are kept by each process"]);
    assert_eq!(
        told("cache: true, cache_params: {type: redis, host: r}"),
        [
            "litellm_settings.cache_params.type: answers are kept by each process; redis shares limits \
          and cooldowns"
        ]
    );
}

#[test]
fn a_variable_that_is_left_empty_is_as_good_as_absent() {
    let text = "model_list:\n- model_name: g\n  litellm_params:\n    model: bedrock/m\n    \
                aws_access_key_id: os.environ/EMPTY\n    aws_secret_access_key: ''\n    \
                aws_region_name: os.environ/EMPTY_REGION\n    api_key: os.environ/EMPTY\n    \
                api_base: os.environ/EMPTY\n    organization: os.environ/EMPTY\n";
    let env = |name: &str| Some(if name == "EMPTY_REGION" { " " } else { "" }.to_owned());
    let loaded = load(text, &env);
    let spec = loaded.spec.unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    let one = &spec.deployments[0].deployment;
    assert!(one.settings.is_empty() && one.api_base.is_none(), "{:?}", one.settings);
    assert!(one.api_key.is_none() && one.organization.is_none());
}

#[test]
fn a_shells_variable_is_told_of() {
    let text = "general_settings: {master_key: '${LITELLM_MASTER_KEY:-sk-planted}'}\n";
    assert_eq!(
        said(text, Grade::Approximate),
        [
            "general_settings.master_key: a shell's variable is taken as it is written, as in LiteLLM; \
          write os.environ/NAME"
        ]
    );
    let model = "- {model_name: h, litellm_params: {model: 'openai/${MODEL:-qwen}', api_key: k}}\n";
    assert_eq!(said(model, Grade::Approximate).len(), 1);
    for plain in ["$ecret", "a$B", "${a}", "$"] {
        let text = format!("general_settings: {{master_key: '{plain}'}}\n");
        assert_eq!(said(&text, Grade::Approximate), [""; 0], "{plain}");
    }
}

#[test]
fn names_in_drop_params_are_told_where_they_belong() {
    let text = "litellm_settings: {drop_params: [top_p]}\n";
    assert_eq!(
        said(text, Grade::Error),
        ["litellm_settings.drop_params: found a list, wanted true or false: names go into \
          additional_drop_params"]
    );
}

#[test]
fn the_vendors_of_ones_own_handlers_are_known() {
    let text = format!(
        "{ONE}litellm_settings: {{custom_provider_map: [{{provider: mine, custom_handler: a.b}}, {{}}]}}\n"
    );
    let spec = load(&text, &|_| None).spec.unwrap();
    assert_eq!(spec.own_vendors.iter().collect::<Vec<_>>(), ["mine"]);
}
