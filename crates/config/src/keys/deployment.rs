//! An entry of `model_list`: itself, `litellm_params`, `model_info`.

use super::{
    Keys, Rows,
    Says::{Approximate, Ignored, Param, Served, Setting},
    Table, prices,
};

const ENTRY_ROWS: Rows = &[
    (Served, "model_name litellm_params model_info rpm tpm"),
    (Ignored("the deployment takes calls"), "blocked"),
];

const NO_PRICE: super::Says = Ignored("this price is not used: the call is costed without it");

const PARAM_ROWS: Rows = &[
    (
        Served,
        "model api_key api_base base_url organization weight order tags rpm max_parallel_requests
        timeout stream_timeout num_retries cooldown_time custom_llm_provider unless_env latency
        reply extra_body tpm itpm otpm rpd tpd daily_reset_time max_budget budget_duration quotas
        silent_model drop_params additional_drop_params litellm_credential_name base_model use_chat_completions_api",
    ),
    (Served, prices::BASES),
    (Served, "tiered_pricing search_context_cost_per_query"),
    (Approximate("read as num_retries, which wins where both are set"), "max_retries"),
    (
        Setting,
        "api_version region_name aws_access_key_id aws_secret_access_key aws_session_token
        aws_region_name aws_role_name aws_session_name aws_profile_name aws_web_identity_token
        aws_external_id aws_sts_endpoint aws_bedrock_runtime_endpoint model_id vertex_project
        vertex_location vertex_credentials vertex_ai_project vertex_ai_location
        vertex_ai_credentials azure_ad_token tenant_id client_id client_secret azure_scope
        azure_username azure_password project_id space_id watsonx_region_name extra_headers headers",
    ),
    (
        Param,
        "temperature top_p top_k min_p top_a n stop seed max_tokens max_completion_tokens
        max_output_tokens presence_penalty frequency_penalty repetition_penalty logit_bias logprobs
        top_logprobs user response_format reasoning_effort reasoning thinking
        parallel_tool_calls modalities prediction audio service_tier prompt_cache_key
        prompt_cache_retention prompt_cache_options safety_identifier verbosity store stream
        stream_options web_search_options functions function_call dimensions encoding_format
        input_type truncate language timestamp_granularities voice speed quality size style
        safety_settings cached_content include_reasoning provider transforms route models
        moderation guided_json guided_choice guided_regex guided_grammar chat_template_kwargs
        add_generation_prompt keep_alive num_ctx num_predict safe_prompt prompt_mode documents
        guardrailConfig performanceConfig requestMetadata include_server_side_tool_invocations
        enable_thinking context_management speculative_config best_of echo suffix
        background include instructions truncation text plugins usage search_parameters
        return_citations return_images return_related_questions search_mode search_domain_filter
        search_recency_filter search_after_date_filter search_before_date_filter
        reasoning_format citation_options data_sources enhancements system stop_sequences
        max_tokens_to_sample betas container mcp_servers cache_control output_config
        inference_geo candidate_count topK topP responseModalities imageConfig thinkingConfig
        toolConfig speechConfig response_mime_type response_schema labels
        additionalModelRequestFields additionalModelResponseFieldPaths serviceTier outputConfig
        random_seed preamble connectors citation_quality prompt_truncation search_queries_only
        force_single_step safety_mode strict_tools mirostat mirostat_eta mirostat_tau num_gqa
        num_gpu num_thread num_batch num_keep repeat_last_n repeat_penalty tfs_z typical_p
        template think format main_gpu low_vram use_mmap use_mlock penalize_newline
        min_tokens length_penalty ignore_eos stop_token_ids skip_special_tokens
        spaces_between_special_tokens include_stop_str_in_output use_beam_search bad_words
        max_new_tokens min_new_tokens do_sample top_n_tokens watermark return_full_text
        decoder_input_details details adapter_id prompt_logprobs guided_decoding_backend
        structured_outputs mm_processor_kwargs cache_salt truncate_prompt_tokens
        prompt_truncate_len context_length_exceeded_behavior safety_model task_type title
        auto_truncate outputDimensionality output_dimension embedding_types images top_n
        return_documents aspect_ratio negative_prompt width height steps cfg_scale image_size
        output_format output_compression chunking_strategy diarize decoding_method
        truncate_input_tokens providerOptions",
    ),
    (Approximate("used where the request has none; LiteLLM merges the two"), "tools tool_choice"),
    (
        Ignored("set the limits of callers in router_settings.pointsman.keys"),
        "default_api_key_tpm_limit default_api_key_rpm_limit",
    ),
    (NO_PRICE, prices::OTHER),
    (
        Ignored("the same timeouts bound every service tier"),
        "timeout_by_service_tier stream_timeout_by_service_tier force_timeout request_timeout",
    ),
    (Ignored("the upstream is called and its answer returned"), "mock_response mock_timeout"),
    (Ignored("tags alone are compared, not the client's name"), "tag_regex"),
    (
        Ignored("what a vendor takes is known of the vendor; requests are not rewritten further"),
        "allowed_openai_params modify_params
        fireworks_forward_user_id",
    ),
    (
        Ignored("set extra_headers: no others are sent upstream"),
        "default_headers provider_affinity_header provider_specific_header",
    ),
    (
        Ignored("a request never brings its own credentials"),
        "configurable_clientside_auth_params allow_client_keepalive_override",
    ),
    (Ignored("the upstream's certificate is always checked"), "ssl_verify"),
    (Ignored("streams carry no comments to keep a connection open"), "keepalive_seconds"),
    (
        Ignored("only the gateway's own surfaces exist"),
        "use_in_pass_through use_litellm_proxy
        responses_api_version azure",
    ),
    (Ignored("members are those of the file"), "kubernetes_pod_discovery"),
    (
        Ignored("the deployment is called as an ordinary model"),
        "auto_router_config_path auto_router_config auto_router_default_model
        auto_router_embedding_model auto_router_max_input_chars auto_router_routing_compression
        auto_router_model_compression complexity_router_config complexity_router_default_model
        adaptive_router_default_model adaptive_router_config quality_router_config
        quality_router_default_model",
    ),
    (
        Ignored("the call is authenticated by api_key or the vendor's own settings"),
        "use_xai_oauth chatgpt_auth_file github_copilot_auth_type github_copilot_host
        github_copilot_user_session azure_ad_token_provider aws_session_tags aws_bedrock_project_id
        aws_bedrock_control_plane_endpoint aws_workspace_id anthropic_workspace_id
        anthropic_federation_rule_id anthropic_organization_id anthropic_service_account_id
        anthropic_federation_workspace_id anthropic_identity_token_file anthropic_identity_token
        anthropic_identity_source anthropic_issuer_url anthropic_issuer_subject
        anthropic_issuer_audience anthropic_issuer_ttl_seconds anthropic_issuer_signing_key_ref
        anthropic_keycloak_token_url anthropic_keycloak_client_id anthropic_keycloak_auth_method
        anthropic_keycloak_client_secret_ref anthropic_keycloak_scope
        anthropic_disable_workload_identity_federation openai_identity_provider_id
        openai_service_account_id openai_identity_token_file token_exchange_endpoint
        token_exchange_profile token_exchange_scope token_exchange_audience predibase_tenant_id
        gdc_token_caching databricks_user_agent",
    ),
    (
        Ignored("no vendor that is served here has such a setting"),
        "oci_compartment_id oci_endpoint_id oci_fingerprint oci_key oci_key_file oci_region
        oci_serving_mode oci_signer oci_tenancy oci_user sagemaker_base_url
        aws_sagemaker_allow_zero_temp account_id workspace_id deployment_url fake_stream
        use_psc_endpoint_format vertex_count_tokens_location data_residency json_mode
        watsonx_credentials wx_credentials watsonx_project watsonx_region zen_api_key apikey
        gemini_api_key function_name nvcf_function_id riva_model_name riva_offline token url
        anthropic-workspace-id anthropic_version assistant_id audioEncoding audio_channel_count
        aws_bedrock_client base64_string bucketOwner client_metadata compaction compression_rate
        continuation_token conversation_id countPenalty custom_param debug
        enable_automatic_punctuation enable_word_time_offsets encoding end_sequence
        endpointing_config engine fallback_sap_modules filter_kb_content_by_query_metadata flow_id
        frequencePenalty generation_id go_usage_key guardrailIdentifier guardrailVersion
        imageGenerationConfig include_functions_info include_guardrails_info
        include_retrieval_info include_stop_sequences inputType instruction instruction_override
        lang language_code language_hints length_no_input masking maxTokenCount maxTokens
        max_alternatives max_gen_len max_length mediaSource media_source
        media_source_bucket_owner media_source_s3_uri method model_version moderations
        negativeText normalize num_beams num_return_sequences outputDimensions output_s3_uri
        output_type parameters path placeholder_values presencePenalty profanity_check
        profanity_filter provide_citations query questions rate ref_audio remove_end_sequence
        remove_input response_id return_likelihood return_options role runtimeSessionId
        runtimeUserId runwayml_voice s3_uri safeguards sampleRateHertz sample_rate_hertz
        sessionID session_id speakingRate stream_mode styledegree supports_system_prompt
        system_prompt taskType text_completion time_zone type use_ssl use_ssml user_agent user_id
        verbatim_transcripts version video_base64 video_s3_bucket_owner video_s3_uri",
    ),
    (
        Ignored("there are no batches, files or vector stores"),
        "gcs_bucket_name gcs_path_service_account bucket_name s3_bucket_name s3_endpoint_url
        s3_region_name s3_access_key_id
        s3_secret_access_key s3_encryption_key_id s3_bucket_owner s3_output_bucket_name
        aws_batch_role_arn bedrock_tags max_file_size_mb vector_store_id vector_bucket_name
        index_name embedding_model milvus_text_field milvus_db_name milvus_partition_names
        valkey_host valkey_port valkey_password valkey_ssl valkey_text_field
        valkey_embedding_field vertex_collection_id vertex_engine_id litellm_embedding_model
        litellm_embedding_config mongodb_connection_string azure_search_service_name
        azure_search_vector_field",
    ),
    (
        Ignored("answers pass through unchanged"),
        "merge_reasoning_content_in_choices thought_signature_in_tool_call_id
        enable_json_schema_validation stream_chunk_size",
    ),
    (
        Ignored("set cache_responses in router_settings"),
        "caching cache ttl
        enable_prompt_caching caching_groups cache_control_injection_points",
    ),
    (Ignored("there are no guardrails"), "guardrails max_agentic_loops"),
    (
        Ignored("prompts pass through unchanged"),
        "prompt_id prompt_variables prompt_version prompt_environment prompt_label
        litellm_system_prompt custom_prompt_dict initial_prompt_value roles final_prompt_value
        bos_token eos_token hf_model_name supports_system_message ensure_alternating_roles
        user_continue_message assistant_continue_message
        disable_add_transform_inline_image_block messages task vertex_voice_dict",
    ),
    (
        Ignored("set it in router_settings"),
        "fallbacks context_window_fallback_dict retry_policy retry_strategy routing_strategy
        allowed_model_region enable_tag_filtering fastest_response search_tool_name",
    ),
    (
        Ignored("logs and metrics are those of the gateway"),
        "id metadata litellm_metadata litellm_trace_id litellm_session_id litellm_request_debug
        logger_fn verbose complete_response output_vector_size no-log no_log log_client_error_tracebacks langfuse_public_key
        langfuse_secret langfuse_secret_key langfuse_host langfuse_environment
        langfuse_span_scope langfuse_prompt_version langsmith_api_key langsmith_project
        langsmith_base_url langsmith_sampling_rate langsmith_tenant_id humanloop_api_key
        arize_api_key arize_space_key arize_space_id arize_success_sampling_rate
        arize_error_sampling_rate arize_otlp_protocol posthog_api_key posthog_api_url
        wandb_api_key weave_project_id dd_api_key dd_site dd_agent_host dd_agent_port
        newrelic_api_key newrelic_region signoz_ingestion_endpoint signoz_ingestion_key
        turn_off_message_logging litellm_disabled_callbacks",
    ),
    (Ignored("model_info is read beside litellm_params alone"), "model_info"),
    (Ignored("the model's own address is used"), "deployment_id custom_endpoint"),
];

/// What is in a file for its readers.
pub(crate) const NOTE: &str = "nothing reads it: it is a note";

const SUPPORTS: &str = "supports_system_messages supports_response_schema supports_vision
    supports_function_calling supports_forced_tool_use supports_tool_choice supports_assistant_prefill supports_prompt_caching
    supports_prompt_cache_breakpoint supports_thinking_cache_preservation supports_computer_use
    supports_audio_input supports_video_input supports_box_questions
    supports_embedding_image_input supports_audio_output supports_pdf_input
    supports_native_streaming supports_native_structured_output
    supports_bedrock_native_structured_output supports_parallel_function_calling
    supports_web_search supports_reasoning supports_sampling_params supports_adaptive_thinking
    supports_legacy_thinking supports_tool_search supports_mid_conversation_system
    supports_url_context supports_none_reasoning_effort supports_minimal_reasoning_effort
    supports_low_reasoning_effort supports_xhigh_reasoning_effort supports_max_reasoning_effort
    supports_output_config supports_image_size supports_anthropic_thinking_payload
    supports_anthropic_compaction supports_regex_lookaround";

const INFO_ROWS: Rows = &[
    (
        Served,
        "id rpm tpm itpm otpm order cooldown_time allowed_fails allowed_fails_policy base_model
        mode max_tokens max_input_tokens max_output_tokens disable_background_health_check
        health_check_model health_check_timeout health_check_max_tokens blocked",
    ),
    (Served, SUPPORTS),
    (Served, prices::BASES),
    (Served, "tiered_pricing search_context_cost_per_query"),
    (NO_PRICE, prices::OTHER),
    (
        Ignored("the price book is asked for base_model, else the model itself, at any hour"),
        "pricing_provider
        off_peak_pricing prompt_cache_min_tokens",
    ),
    (
        Ignored("every operation is tried at the upstream"),
        "supported_endpoints
        enforce_supported_endpoints supported_openai_params use_openai_responses_path
        uses_embed_content max_embedding_batch_size provider_specific_entry",
    ),
    (
        Ignored("a model's abilities are its supports_… keys; the upstream answers for the rest"),
        "thinking_always_on reasoning_effort_levels reasoning_modes reasoning_contexts
        default_reasoning_effort supported_audio_formats vertex_ai_audio_api
        bedrock_output_config_effort_ceiling bedrock_converse_supports_strict_tools
        token_count_framing token_count_model token_count_tokenizer custom_tokenizer
        supported_regions",
    ),
    (
        Ignored("what a caller may use stands in router_settings.pointsman.keys"),
        "team_id team_public_model_name access_groups access_via_team_ids access_windows tier
        member_auto_router discoverable",
    ),
    (
        Ignored("provisioned throughput is not divided"),
        "MAX_PTU_COUNT MAX_COST_PER_PTU_PER_HOUR ptu_count cost_per_ptu_per_hour
        ptu_effective_from ptu_effective_to ptu_shares",
    ),
    (
        Ignored("router_settings.enable_tag_filtering holds for every group"),
        "allow_fail_open enable_tag_filtering",
    ),
    (
        Ignored("a probe is the smallest call that the model's mode allows"),
        "health_check_max_tokens_non_reasoning health_check_max_tokens_reasoning
        health_check_params health_check_reasoning_effort
        health_check_supports_max_tokens health_check_voice
        background_health_check",
    ),
    (Ignored("the deployment serves in every environment"), "supported_environments"),
    (
        Ignored(NOTE),
        "key db_model updated_at updated_by created_at created_by custom_metadata custom_tags
        deprecation_date successor_model original_model_id model_id model_name litellm_provider
        litellm_routing_preferences adaptive_router_preferences internal_router_model output_vector_size version metadata
        description notes tags name owner display_name litellm_params source",
    ),
];

const SEARCH_ROWS: Rows =
    &[(Served, "search_context_size_low search_context_size_medium search_context_size_high")];

const TIER_ROWS: Rows =
    &[(Served, "range cache_creation_input_token_cost_above_1hr"), (Served, prices::BASES)];

/// `search_context_cost_per_query`.
pub(crate) static SEARCH_PRICES: Table = Table::new(|| Keys::new(SEARCH_ROWS));
/// An entry of `tiered_pricing`.
pub(crate) static PRICE_TIER: Table = Table::new(|| Keys::new(TIER_ROWS));
/// An entry of `model_list`.
pub(crate) static ENTRY: Table = Table::new(|| Keys::new(ENTRY_ROWS));
/// `litellm_params`.
pub(crate) static PARAMS: Table = Table::new(|| Keys::new(PARAM_ROWS).with_prices());
/// `model_info`.
pub(crate) static INFO: Table = Table::new(|| Keys::new(INFO_ROWS).with_prices().with_notes());

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[ENTRY_ROWS, PARAM_ROWS, INFO_ROWS, TIER_ROWS, SEARCH_ROWS];
