//! Where Redis and the cache of answers are set.

use super::{
    Keys, Rows,
    Says::{Ignored, Served},
    Table,
};

const SHARED: &str = "url host port username password db ssl sentinel_nodes sentinel_password
    service_name startup_nodes ttl";

const UNUSED: &str = "namespace socket_timeout socket_connect_timeout socket_keepalive
    socket_keepalive_options max_connections health_check_interval retry_on_timeout
    retry_on_error client_name protocol encoding encoding_errors decode_responses
    single_connection_client redis_flush_size redis_connect_func credential_provider
    gcp_service_account gcp_ssl_ca_certs azure_redis_ad_token azure_client_id azure_tenant_id
    azure_client_secret aws_iam_auth aws_iam_user_name aws_iam_cache_name aws_iam_region
    aws_iam_serverless ssl_keyfile ssl_certfile ssl_cert_reqs ssl_ca_certs ssl_ca_path
    ssl_ca_data ssl_check_hostname ssl_password";

const KWARGS_ROWS: Rows =
    &[(Served, SHARED), (Ignored("the connection to Redis is the gateway's own"), UNUSED)];

const PARAMS_ROWS: Rows = &[
    (Served, SHARED),
    (Served, "redis_startup_nodes mode type"),
    (Ignored("the connection to Redis is the gateway's own"), UNUSED),
    (
        Ignored("ttl holds for every answer"),
        "default_in_memory_ttl default_in_redis_ttl
        default_redis_ttl default_redis_batch_cache_expiry max_size_in_memory",
    ),
    (Ignored("chat, completions and embeddings are cached"), "supported_call_types"),
    (
        Ignored("only the same request gets the same answer"),
        "similarity_threshold semantic_cache_embedding_max_input_tokens
        semantic_cache_embedding_timeout semantic_cache_scope max_messages
        redis_semantic_cache_embedding_model redis_semantic_cache_index_name
        valkey_semantic_cache_embedding_model valkey_semantic_cache_index_name qdrant_api_base
        qdrant_api_key qdrant_collection_name qdrant_quantization_config
        qdrant_semantic_cache_embedding_model qdrant_semantic_cache_vector_size",
    ),
    (
        Ignored("answers are kept in memory alone"),
        "disk_cache_dir s3_bucket_name s3_region_name s3_api_version s3_use_ssl s3_verify
        s3_endpoint_url s3_aws_access_key_id s3_aws_secret_access_key s3_aws_session_token
        s3_config s3_path gcs_bucket_name gcs_path_service_account gcs_path
        azure_account_url azure_blob_container",
    ),
];

/// `router_settings.cache_kwargs`.
pub(crate) static CACHE_KWARGS: Table = Table::new(|| Keys::new(KWARGS_ROWS));
/// `litellm_settings.cache_params`.
pub(crate) static CACHE_PARAMS: Table = Table::new(|| Keys::new(PARAMS_ROWS));

#[cfg(test)]
pub(super) const ALL: &[Rows] = &[KWARGS_ROWS, PARAMS_ROWS];
