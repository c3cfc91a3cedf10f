//! The vendors whose chat, completions and embeddings are OpenAI's, with LiteLLM's prefixes.

use pointsman_provider::Vendor;

const fn vendor(
    name: &'static str,
    base: Option<&'static str>,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Vendor {
    Vendor { name, base, version_path: "/v1", key_env, base_env, needs_key: base.is_some() }
}

/// The vendors that this dialect serves as it is; the first one is OpenAI itself.
pub const VENDORS: &[Vendor] = &[
    vendor(
        "openai",
        Some("https://api.openai.com/v1"),
        &["OPENAI_API_KEY"],
        &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
    ),
    vendor("custom_openai", None, &[], &[]),
    vendor("openai_like", None, &["OPENAI_LIKE_API_KEY"], &["OPENAI_LIKE_API_BASE"]),
    vendor("hosted_vllm", None, &["HOSTED_VLLM_API_KEY"], &["HOSTED_VLLM_API_BASE"]),
    vendor("litellm_proxy", None, &["LITELLM_PROXY_API_KEY"], &["LITELLM_PROXY_API_BASE"]),
    vendor("lm_studio", None, &["LM_STUDIO_API_KEY"], &["LM_STUDIO_API_BASE"]),
    vendor(
        "openrouter",
        Some("https://openrouter.ai/api/v1"),
        &["OPENROUTER_API_KEY", "OR_API_KEY"],
        &["OPENROUTER_API_BASE"],
    ),
    vendor("groq", Some("https://api.groq.com/openai/v1"), &["GROQ_API_KEY"], &["GROQ_API_BASE"]),
    vendor(
        "deepseek",
        Some("https://api.deepseek.com/beta"),
        &["DEEPSEEK_API_KEY"],
        &["DEEPSEEK_API_BASE"],
    ),
    vendor(
        "together_ai",
        Some("https://api.together.ai/v1"),
        &["TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"],
        &["TOGETHER_AI_API_BASE"],
    ),
    vendor(
        "fireworks_ai",
        Some("https://api.fireworks.ai/inference/v1"),
        &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"],
        &["FIREWORKS_API_BASE"],
    ),
    vendor("xai", Some("https://api.x.ai/v1"), &["XAI_API_KEY"], &["XAI_API_BASE"]),
    vendor(
        "cerebras",
        Some("https://api.cerebras.ai/v1"),
        &["CEREBRAS_API_KEY"],
        &["CEREBRAS_API_BASE"],
    ),
    vendor(
        "nvidia_nim",
        Some("https://integrate.api.nvidia.com/v1"),
        &["NVIDIA_NIM_API_KEY"],
        &["NVIDIA_NIM_API_BASE"],
    ),
    vendor(
        "deepinfra",
        Some("https://api.deepinfra.com/v1/openai"),
        &["DEEPINFRA_API_KEY"],
        &["DEEPINFRA_API_BASE"],
    ),
    vendor(
        "moonshot",
        Some("https://api.moonshot.ai/v1"),
        &["MOONSHOT_API_KEY"],
        &["MOONSHOT_API_BASE"],
    ),
    vendor(
        "dashscope",
        Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        &["DASHSCOPE_API_KEY"],
        &["DASHSCOPE_API_BASE"],
    ),
    vendor(
        "nebius",
        Some("https://api.studio.nebius.ai/v1"),
        &["NEBIUS_API_KEY"],
        &["NEBIUS_API_BASE"],
    ),
    vendor(
        "novita",
        Some("https://api.novita.ai/v3/openai"),
        &["NOVITA_API_KEY"],
        &["NOVITA_API_BASE"],
    ),
    vendor(
        "hyperbolic",
        Some("https://api.hyperbolic.xyz/v1"),
        &["HYPERBOLIC_API_KEY"],
        &["HYPERBOLIC_API_BASE"],
    ),
];
