//! The top level, `litellm_settings` and `general_settings`.

use super::{
    Keys, NOBODY_READS, Rows,
    Says::{Approximate, Ignored, Served},
    Table,
};

const TOP_ROWS: Rows = &[
    (Served, "model_list router_settings litellm_settings general_settings credential_list"),
    (
        Approximate(
            "read for os.environ/NAME and the vendors' own keys; the process does not get them",
        ),
        "environment_variables",
    ),
    (Ignored("the files it names are not read: write one file"), "include"),
    (
        Ignored("it is not read: a deployment has the credentials of its litellm_params"),
        "default_vertex_config",
    ),
    (
        Ignored("there are no guardrails: requests and answers pass through"),
        "guardrails policies
        policy_attachments",
    ),
    (
        Ignored("no callback runs: the gateway has its own logs, metrics and traces"),
        "callback_settings",
    ),
    (
        Ignored(NOBODY_READS),
        "api_keys cache_config cors environment external_apis health_check logging model_settings monitoring port rate_limit
        rate_limiting rate_limits security server server_settings",
    ),
    (
        Ignored("the gateway has no such surface"),
        "mcp_servers mcp_tools prompts vector_store_registry search_tools sandbox_tools
        files_settings finetune_settings assistant_settings agents agent_list worker_registry",
    ),
];

const LITELLM_ROWS: Rows = &[
    (
        Served,
        "num_retries request_timeout fallbacks default_fallbacks context_window_fallbacks
        content_policy_fallbacks allowed_fails max_fallbacks drop_params tag_budget_config
        cache cache_params enable_azure_ad_token_refresh master_key",
    ),
    (
        Approximate("its handlers are Python: the deployments of its providers are left out"),
        "custom_provider_map",
    ),
    (
        Ignored(NOBODY_READS),
        "banned_keywords circuit_breaker context_window_fallback_enabled cost_tracking
        custom_callbacks default_model default_params enable_caching enable_cost_tracking
        enable_json_logs enable_logging log_level log_requests log_responses logging_level
        count_tokens default_end_user_params host max_parallel_requests port rpm_limit
        stream_response tpm_limit",
    ),
    (
        Ignored("give it per deployment, in litellm_params"),
        "ai21_key aleph_alpha_key amazon_nova_api_key anthropic_key api_base api_key
        api_version azure_key baseten_key bytez_key clarifai_key cloudflare_api_key
        cohere_key cometapi_key config_path databricks_key datarobot_key email gdc_api_base
        gdc_key gigachat_key gradient_ai_api_key groq_key headers heroku_key huggingface_key
        inception_key infinity_key lemonade_key llama_api_key maritalk_key nebius_key
        nlp_cloud_key novita_api_key ollama_key openai_key openai_like_key openrouter_key
        organization ovhcloud_key predibase_key predibase_tenant_id project replicate_key
        sap_service_key snowflake_key togetherai_api_key token vercel_ai_gateway_key
        vertex_location vertex_project wandb_key xai_key",
    ),
    (
        Ignored("budgets are per deployment, provider, tag, quota or key of a caller"),
        "budget_duration budget_exceeded_status_code budget_exceeded_throttle_percentage
        budget_reset_time budget_rollover default_key_max_budget_alert_emails
        default_max_internal_user_budget default_soft_budget internal_user_budget_duration
        timezone max_budget max_end_user_budget max_end_user_budget_id max_internal_user_budget
        max_ui_session_budget max_user_budget prometheus_initialize_budget_metrics
        prometheus_user_budget_label_include_email_alias",
    ),
    (
        Ignored("set ttl in cache_params"),
        "caching default_in_memory_ttl default_redis_batch_cache_expiry
        default_redis_ttl enable_caching_on_provider_specific_optional_params
        enable_redis_auth_cache force_redis_hash_tag_grouping redis_cache ttl",
    ),
    (
        Ignored("no callback runs: the gateway has its own logs, metrics and traces"),
        "callback_settings callbacks failure_callback input_callback service_callback
        service_callbacks success_callback",
    ),
    (
        Ignored("the gateway has its own logs and metrics"),
        "allow_dynamic_callback_disabling argilla_batch_size audit_log_callbacks
        aws_sqs_callback_params batch_line_item_callbacks blog_posts_url
        cold_storage_custom_logger custom_prometheus_metadata_labels
        custom_prometheus_tags datadog_llm_observability_params datadog_params
        datadog_use_v1 disable_end_user_cost_tracking
        disable_end_user_cost_tracking_prometheus_only disable_streaming_logging
        dynamodb_table_name enable_end_user_cost_tracking_prometheus_only error_logs
        expose_router_debug_in_errors extra_spend_tag_headers gcs_pub_sub_use_v1 generic_api_use_v1 generic_logger_headers
        global_disable_no_log_param json_logs langfuse_default_tags
        langfuse_enable_update_trace_keys langsmith_batch_size log_auth_failure_key_identity
        log_client_error_tracebacks log_raw_request_response logging newrelic_params
        otel_tenant_destination_mode pointfive_params presidio_logging_only
        prometheus_deployment_and_latency_caller_identity
        prometheus_emit_input_sequence_length_label prometheus_emit_rate_limit_labels
        prometheus_emit_stream_label prometheus_end_user_metrics_cleanup_interval_seconds
        prometheus_end_user_metrics_max_series_per_metric
        prometheus_end_user_metrics_ttl_seconds prometheus_exclude_labels
        prometheus_exclude_metrics prometheus_latency_buckets
        prometheus_metrics_cleanup_interval_seconds prometheus_metrics_config
        prometheus_metrics_max_series_per_metric prometheus_metrics_ttl_seconds
        logged_real_time_event_types argilla_transformation_object
        redact_messages_in_exceptions redact_user_api_key_info request_correlation_in_logs
        require_auth_for_metrics_endpoint s3_audit_callback_params s3_callback_params
        set_debug set_verbose standard_logging_payload_excluded_fields
        store_audit_logs suppress_debug_info suppress_startup_output
        telemetry turn_off_message_logging verbose zerobus_params",
    ),
    (
        Ignored("there are no guardrails: requests and answers pass through"),
        "azure_content_safety_params banned_keywords_list blocked_user_list
        google_moderation_confidence_threshold guardrail_name_config_map guardrails
        llamaguard_model_name llamaguard_unsafe_content_categories llm_guard_mode
        openai_moderations_model_name output_parse_pii post_call_rules pre_call_rules
        presidio_ad_hoc_recognizers prompt_injection_params skip_system_message_in_guardrail
        skip_tool_message_in_guardrail",
    ),
    (
        Ignored("there are no users or teams; callers are the keys of router_settings.pointsman"),
        "add_user_information_to_llm_headers default_internal_user_params
        default_key_generate_params default_team_params default_team_settings
        disable_add_user_agent_to_request_tags enable_key_alias_format_validation
        key_alias_pattern key_generation_settings overwrite_user_with_key_hash
        personal_key_model_access_from_teams priority_reservation
        priority_reservation_settings public_agent_groups public_mcp_hub_strict_whitelist
        public_mcp_servers public_model_groups public_model_groups_links public_skills_index
        scim_admin_group scim_upsert_user upperbound_key_generate_params
        user_url_allowed_hosts user_url_validation validate_end_user_id_in_db",
    ),
    (
        Ignored("requests pass through to the upstream as they are"),
        "add_function_to_prompt code_interpreter_interception_params
        compression_interception_params websearch_interception_params anthropic_beta_headers_url
        anthropic_messages_estimate_initial_input_tokens anthropic_prompt_caching_ttl
        anthropic_sse_ping_interval_seconds bedrock_neutralize_orphaned_tool_blocks
        custom_prompt_dict disable_add_prefix_to_prompt
        disable_add_transform_inline_image_block
        disable_anthropic_gemini_context_caching_transform
        disable_copilot_system_to_assistant disable_stop_sequence_limit
        disable_vertex_batch_output_transformation
        enable_anthropic_prompt_caching enable_gemini_default_thinking_level_low
        gemini_include_thoughts_default gemini_live_defer_setup global_prompt_directory
        max_tokens modify_params openai_system_messages_first prompt_name_config_map
        reasoning_auto_summary reasoning_effort_rounding route_all_chat_openai_to_responses
        strip_anthropic_total_tokens use_chat_completions_url_for_anthropic_messages
        vertex_ai_safety_settings",
    ),
    (
        Ignored("the gateway has its own HTTP client: HTTP/1.1, certificates checked, no proxy"),
        "aiohttp_trust_env disable_aiohttp_transport disable_aiohttp_trust_env
        force_ipv4 forward_traceparent_to_llm_provider http2
        provider_url_destination_allowed_hosts proxy_auth
        sse_keepalive_ping_interval_seconds ssl_certificate ssl_ecdh_curve
        ssl_security_level ssl_verify use_aiohttp_transport use_client",
    ),
    (
        Ignored("the models are those of model_list and the prices those of the price book"),
        "agent_search_embedding_model block_requests_for_models_without_pricing
        cost_discount_config cost_margin_config enable_model_config_credential_overrides
        include_cost_in_streaming_usage longer_context_model_fallback_dict model_alias_map
        model_fallbacks model_group_settings skill_search_embedding_model",
    ),
    (
        Ignored("it has no counterpart here: calls run as if it were not set"),
        "AZURE_DEFAULT_API_VERSION COHERE_DEFAULT_EMBEDDING_INPUT_TYPE
        WATSONX_DEFAULT_API_VERSION apply_search_free_tier autorouter_presets_url
        bedrock_request_metadata_fields check_provider_endpoint credential_list
        default_mcp_sampling_model enable_post_custom_auth_checks
        LITELLM_DISABLE_STOP_SEQUENCE_LIMIT disable_hf_tokenizer_download disable_token_counter
        enable_json_schema_validation enable_loadbalancing_on_batch_endpoints
        enable_preview_features filter_invalid_headers global_bitbucket_config
        global_gitlab_config litellm_mode mcp_aliases mcp_semantic_tool_filter
        mcp_servers mcp_tool_search network_mock vector_store_index_registry vector_store_registry num_retries_per_request require_managed_files responses
        retry return_response_headers safe_memory_mode use_litellm_proxy
        vector_store_search_failure_mode",
    ),
    (Ignored("name a file in router_settings.pointsman.prices"), "model_cost_map_url"),
    (
        Ignored("set it in router_settings"),
        "allowed_fails_policy cache_kwargs cache_responses cooldown_time default_litellm_params
        default_max_parallel_requests default_priority disable_cooldowns enable_pre_call_checks
        enable_tag_filtering max_retries model_group_alias model_group_retry_policy
        optional_pre_call_checks provider_budget_config redis_db redis_host redis_password
        redis_port redis_url retry_after retry_policy routing_groups routing_strategy
        routing_strategy_args stream_timeout tag_filtering_match_any timeout",
    ),
];

const GENERAL_ROWS: Rows = &[
    (Served, "master_key background_health_checks health_check_interval"),
    (
        Ignored("instances share limits and spend over the Redis that router_settings names"),
        "coordination_redis",
    ),
    (
        Ignored("who a call is for is what its body says in `user`"),
        "user_header_mappings user_header_name",
    ),
    (
        Ignored(NOBODY_READS),
        "allow_origins allow_requests_on_health allow_requests_from_all_origins allowed_origins cors cors_allow_credentials
        cors_allow_headers cors_allow_methods cors_allow_origins cors_origins debug
        debug_mode detailed_debug disable_auth disable_health_check disable_health_check_auth
        disable_request_timeout disable_telemetry disable_usage_tracking enable_admin_ui enable_cors enable_health_check enable_metrics
        enable_spend_logging enable_ui health_check health_check_path host log_level log_requests log_responses
        log_verbose max_requests_per_minute metrics num_workers otel_endpoint port
        prometheus_metrics proxy_base_url rate_limit rate_limit_requests rate_limit_window require_auth
        salt_key server_port ui use_langfuse workers",
    ),
    (
        Ignored("every deployment is probed, one by one, and every probe counts"),
        "background_health_check_model_groups
        enable_health_check_routing health_check_concurrency health_check_details
        health_check_ignore_transient_errors
        health_check_skip_disabled_background_models health_check_staleness_threshold
        model_list_healthy_only use_shared_health_check",
    ),
    (
        Ignored("nothing is stored in a database: the file is the whole configuration"),
        "accounting_capture accounting_sync_ack accounting_sync_ack_failure_policy
        accounting_sync_ack_timeout_seconds allow_requests_on_db_unavailable
        database_args database_connect_timeout
        database_connection_pool_limit database_connection_pool_timeout
        database_connection_timeout database_disable_prepared_statements
        database_extra_connection_params database_max_idle_connection_lifetime
        database_socket_timeout database_type database_url disable_error_logs
        disable_model_info_refresh disable_prisma_schema_update disable_reset_budget
        disable_spend_logs disable_spend_updates maximum_spend_logs_cleanup_cron
        maximum_spend_logs_retention_interval maximum_spend_logs_size_check_interval
        proxy_batch_write_at proxy_budget_rescheduler_max_time
        proxy_budget_rescheduler_min_time proxy_config_reload_interval_seconds
        request_tag_mappings scheduled_job_stagger spend_capture_rate_check
        maximum_autorouter_session_retention_period maximum_daily_tag_spend_retention_period
        maximum_health_check_retention_period maximum_spend_logs_cleanup_batch_size
        maximum_spend_logs_cleanup_batch_timeout maximum_spend_logs_cleanup_max_batches
        maximum_spend_logs_cleanup_run_budget maximum_spend_logs_cleanup_target_size
        maximum_spend_logs_retention_period maximum_spend_logs_size spend_logs_prompt_storage
        use_spend_logs_ledger use_spend_logs_partitioning
        spend_logs_metadata_fields spend_report_frequency store_model_in_db
        store_prompts_in_spend_logs supported_db_objects use_redis_transaction_buffer
        user_api_key_cache_max_size user_api_key_cache_ttl",
    ),
    (
        Ignored("budgets are per deployment, provider, tag, quota or key of a caller"),
        "apply_user_budget_to_team_keys disable_budget_reservation
        fail_closed_budget_enforcement max_internal_user_budget self_serve_budget_policy",
    ),
    (
        Ignored("calls are limited per deployment, quota and key of a caller"),
        "admission_queue_timeout_seconds disable_fallbacks_on_per_model_rate_limits
        disable_retry_on_max_parallel_request_limit_error fail_closed_rate_limit_enforcement
        global_max_parallel_requests max_in_flight_requests_per_worker max_parallel_requests
        max_queued_requests_per_worker token_rate_limit_type",
    ),
    (
        Ignored("bodies are limited to 32 MiB"),
        "allowed_file_extensions blocked_file_extensions max_batch_file_records
        max_batch_file_size_mb max_batch_file_uploads_per_day max_file_downloads_per_minute
        max_file_size_mb max_request_size_mb max_response_size_mb",
    ),
    (
        Ignored("nobody is alerted; watch the metrics"),
        "alert_to_webhook_url alert_type_config alert_types alerting alerting_args
        alerting_threshold email slack",
    ),
    (
        Ignored("secrets are read as os.environ/NAME alone"),
        "key_management_settings key_management_system use_azure_key_vault use_google_kms",
    ),
    (
        Ignored("the gateway has none of these surfaces"),
        "claude_code_gateway_managed_settings claude_code_marketplace_auth_required
        control_plane_url disable_batch_input_file_rate_limiting
        disable_bedrock_agent_runtime_passthrough enable_claude_code_gateway
        enable_mcp_registry enable_openai_websocket_passthrough mcp_advertised_versions
        mcp_allow_all_keys_respects_mcp_scope mcp_client_side_auth_header_name
        mcp_disabled_capabilities mcp_internal_ip_ranges
        mcp_prefer_client_id_metadata_document mcp_required_fields mcp_session_token_signing
        mcp_trusted_proxy_ranges mcp_xff_num_trusted_hops pass_through_endpoints
        pass_through_request_timeout passthrough_managed_object_ids
        require_end_user_mcp_access_defined require_key_mcp_access_defined
        responses_websocket_session_limit_seconds search_tool_deny_by_default search_tools
        service_account_settings skip_batch_input_file_rate_limiting_for_models
        skip_batch_input_file_rate_limiting_for_providers track_unmanaged_batch_cost
        transcribe_media_buckets use_client_credentials_pass_through_routes
        agent_access_default_deny allowed_client_side_s3_buckets
        allowed_client_side_s3_endpoint_urls mcp_allowed_clients mcp_client_id_header
        mcp_require_explicit_server_scope proxy_batch_polling_interval skill_scanner
        user_mcp_management_mode vector_store_deny_by_default
        vertex_ai_pass_through_drop_anthropic_betas",
    ),
    (
        Ignored("logs and traces are those of the gateway"),
        "disable_requester_ip_address_logging include_call_id_in_error_body otel tracing",
    ),
    (
        Ignored("master_key opens the gateway, and the keys of router_settings.pointsman do"),
        "admin_only_routes allow_cli_sso_verification_uri_complete
        allow_client_side_credentials allow_user_auth allowed_ips allowed_routes
        auto_redirect_ui_login_to_sso custom_auth custom_auth_run_common_checks
        custom_key_generate custom_key_policy custom_key_update custom_sso
        custom_team_metadata_validate custom_ui_sso_sign_in_handler
        dangerously_permit_weak_or_unset_master_key default_team_disabled
        disable_adding_master_key_hash_to_db disable_auto_add_proxy_admin_to_teams
        disable_custom_api_keys disable_env_credential_login
        disable_key_generate_for_org_admin disable_master_key_return
        disable_password_login_when_sso_enabled drain_endpoint_token enable_drain_endpoint
        enable_jwt_auth enable_oauth2_auth enable_oauth2_proxy_auth enable_public_model_hub
        enforce_rbac enforce_user_param enforced_params failed_login_block_seconds
        failed_login_window_seconds forward_llm_provider_auth_headers
        hide_default_credentials_hint infer_model_from_keys litellm_jwtauth
        litellm_key_header_name litellm_license max_failed_login_attempts_per_source
        max_failed_login_attempts_per_source_overrides missing_session_id
        oauth2_config_mappings password_policy_check_breached_passwords
        password_policy_min_length password_policy_require_lowercase
        password_policy_require_numbers password_policy_require_special_characters
        password_policy_require_uppercase public_routes reject_clientside_metadata_tags
        role_permissions team_metadata_schema team_metadata_validation_error_message
        team_metadata_validation_timeout ui_access_mode ui_password ui_username
        provider_url_destination_allowed_hosts trusted_proxy_ranges user_url_allowed_hosts
        user_url_validation use_team_public_model_name use_x_forwarded_for",
    ),
    (
        Ignored("it has no counterpart here: calls run as if it were not set"),
        "allow_public_health_readiness_details allow_unmanaged_response_ids
        always_include_stream_usage cancel_on_disconnect completion_model embedding_model
        image_generation_model moderation_model block_robots
        disable_responses_id_security enforce_fallback_model_access
        expose_fallback_errors_to_caller forward_client_headers_to_llm_api
        forward_openai_org_id plugins return_wildcard_routes",
    ),
];

const CREDENTIAL_ROWS: Rows =
    &[(Served, "credential_name credential_values"), (Ignored("it is a note"), "credential_info")];

/// An entry of `credential_list`.
pub(crate) static CREDENTIAL: Table = Table::new(|| Keys::new(CREDENTIAL_ROWS));
/// The top level of the file.
pub(crate) static TOP: Table = Table::new(|| Keys::new(TOP_ROWS).of_litellm());
/// `litellm_settings`.
pub(crate) static LITELLM: Table = Table::new(|| Keys::new(LITELLM_ROWS).of_litellm());
/// `general_settings`.
pub(crate) static GENERAL: Table = Table::new(|| Keys::new(GENERAL_ROWS).of_litellm());

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[TOP_ROWS, CREDENTIAL_ROWS, LITELLM_ROWS, GENERAL_ROWS];
