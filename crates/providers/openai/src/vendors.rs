//! The vendors that speak OpenAI's dialect, with LiteLLM's prefixes and variables.

use pointsman_provider::{Vendor, chat::openai::Taste};
use pointsman_types::Operation;

use crate::dialect::{ALL, Dialect};

const EVERYTHING: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::Images,
    Operation::Speech,
    Operation::Transcription,
    Operation::Moderations,
    Operation::Rerank,
];
const RANKING: &[Operation] =
    &[Operation::Chat, Operation::Completions, Operation::Embeddings, Operation::Rerank];

const fn vendor(
    name: &'static str,
    base: Option<&'static str>,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Vendor {
    // What runs on the user's own machine asks for no key.
    let needs_key = match base {
        Some(base) => base.as_bytes()[4] == b's',
        None => false,
    };
    Vendor { name, base, version_path: "/v1", key_env, base_env, needs_key }
}

/// OpenAI itself.
const fn full(vendor: Vendor) -> Dialect {
    Dialect { taste: Taste::OPENAI, ..Dialect::plain(vendor).with(ALL) }
}

/// A gateway like this one: it has all there is.
const fn proxy(vendor: Vendor) -> Dialect {
    Dialect::plain(vendor).with(EVERYTHING)
}

/// Whatever is behind that address: few of them have responses, and all have chat.
const fn any(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] = &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Images,
        Operation::Speech,
        Operation::Transcription,
        Operation::Moderations,
        Operation::Rerank,
    ];
    Dialect::plain(vendor).with(HAS)
}

/// Takes both names of the bound on the answer.
const fn plain(vendor: Vendor) -> Dialect {
    Dialect::plain(vendor)
}

/// Takes the older name only.
const fn old(vendor: Vendor) -> Dialect {
    Dialect::plain(vendor).old_limit()
}

/// The same, and it wants its thoughts back.
const fn thinks(vendor: Vendor) -> Dialect {
    Dialect { taste: Taste { thoughts: true, ..Taste::PLAIN }, ..old(vendor) }
}

/// The same as `old`, and its answers hold lists or objects where OpenAI's hold text.
const fn anew(vendor: Vendor) -> Dialect {
    old(vendor).rewritten()
}

/// The same, with rerank in Cohere's shape.
const fn ranks(vendor: Vendor) -> Dialect {
    old(vendor).with(RANKING)
}

const fn vllm(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] = &[
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Transcription,
        Operation::Rerank,
    ];
    Dialect::plain(vendor).with(HAS)
}

/// The same as plain, with responses.
const fn responds(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] = &[Operation::Chat, Operation::Responses];
    Dialect::plain(vendor).with(HAS)
}

const fn groq(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] = &[Operation::Chat, Operation::Speech, Operation::Transcription];
    Dialect::plain(vendor).with(HAS)
}

const fn xai(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] = &[Operation::Chat, Operation::Responses, Operation::Images];
    Dialect::plain(vendor).with(HAS)
}

/// Its answers are filled with empty members, the reason of their end among them.
const fn cortex(vendor: Vendor) -> Dialect {
    let vendor = Vendor { version_path: "/api/v2/cortex/v1", ..vendor };
    Dialect::plain(vendor).with(&[Operation::Chat]).rewritten()
}

/// Mistral: other names, usage in streams unasked, thoughts as parts of a list.
const fn mistral(vendor: Vendor) -> Dialect {
    const HAS: &[Operation] =
        &[Operation::Chat, Operation::Embeddings, Operation::Moderations, Operation::Transcription];
    Dialect {
        operations: HAS,
        taste: Taste { stream_options: false, ..Taste::PLAIN },
        renames: &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")],
        cuts: &["stream_options", "user"],
        strict_messages: true,
        rewrites_answers: true,
        ..Dialect::plain(vendor)
    }
}

macro_rules! table {
    ($($make:ident $name:literal, $base:expr, [$($key:literal)*], [$($env:literal)*];)*) => {
        &[$($make(vendor($name, $base, &[$($key),*], &[$($env),*]))),*]
    };
}

/// The vendors that this dialect serves; the first one is OpenAI itself.
pub const VENDORS: &[Dialect] = table! {
    full "openai", Some("https://api.openai.com/v1"),
        ["OPENAI_API_KEY"], ["OPENAI_BASE_URL" "OPENAI_API_BASE"];
    any "custom_openai", None, [], [];
    any "openai_like", None, ["OPENAI_LIKE_API_KEY"], ["OPENAI_LIKE_API_BASE"];
    mistral "mistral", Some("https://api.mistral.ai/v1"),
        ["MISTRAL_AZURE_API_KEY" "MISTRAL_API_KEY"], ["MISTRAL_AZURE_API_BASE" "MISTRAL_API_BASE"];
    mistral "codestral", Some("https://codestral.mistral.ai/v1"),
        ["CODESTRAL_API_KEY"], ["CODESTRAL_API_BASE"];
    old "huggingface", Some("https://router.huggingface.co/v1"),
        ["HUGGINGFACE_API_KEY" "HF_TOKEN"], ["HF_API_BASE" "HUGGINGFACE_API_BASE"];
    anew "databricks", None, ["DATABRICKS_API_KEY" "DATABRICKS_TOKEN"], ["DATABRICKS_API_BASE"];
    anew "cloudflare", Some("https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1"),
        ["CLOUDFLARE_API_KEY" "CLOUDFLARE_API_TOKEN"], ["CLOUDFLARE_API_BASE"];
    plain "openrouter", Some("https://openrouter.ai/api/v1"),
        ["OPENROUTER_API_KEY" "OR_API_KEY"], ["OPENROUTER_API_BASE"];
    ranks "jina_ai", Some("https://api.jina.ai/v1"),
        ["JINA_AI_API_KEY" "JINA_API_KEY" "JINA_AI_TOKEN"], ["JINA_AI_API_BASE"];
    xai "xai", Some("https://api.x.ai/v1"), ["XAI_API_KEY"], ["XAI_API_BASE"];
    thinks "zai", Some("https://api.z.ai/api/paas/v4"), ["ZAI_API_KEY"], ["ZAI_API_BASE"];
    old "clarifai", Some("https://api.clarifai.com/v2/ext/openai/v1"), ["CLARIFAI_API_KEY"], [];
    ranks "together_ai", Some("https://api.together.ai/v1"),
        ["TOGETHER_API_KEY" "TOGETHER_AI_API_KEY" "TOGETHERAI_API_KEY" "TOGETHER_AI_TOKEN"], ["TOGETHER_AI_API_BASE"];
    old "baseten", Some("https://inference.baseten.co/v1"), ["BASETEN_API_KEY"], [];
    ranks "deepinfra", Some("https://api.deepinfra.com/v1/openai"),
        ["DEEPINFRA_API_KEY"], ["DEEPINFRA_API_BASE"];
    old "perplexity", Some("https://api.perplexity.ai"),
        ["PERPLEXITYAI_API_KEY" "PERPLEXITY_API_KEY"], ["PERPLEXITY_API_BASE"];
    groq "groq", Some("https://api.groq.com/openai/v1"), ["GROQ_API_KEY"], ["GROQ_API_BASE"];
    plain "nvidia_nim", Some("https://integrate.api.nvidia.com/v1"),
        ["NVIDIA_NIM_API_KEY"], ["NVIDIA_NIM_API_BASE"];
    plain "cerebras", Some("https://api.cerebras.ai/v1"),
        ["CEREBRAS_API_KEY"], ["CEREBRAS_API_BASE"];
    old "nadir", Some("https://api.getnadir.com/v1"), ["NADIR_API_KEY"], ["NADIR_API_BASE"];
    old "ai21_chat", Some("https://api.ai21.com/studio/v1"), ["AI21_API_KEY"], ["AI21_API_BASE"];
    old "volcengine", Some("https://ark.cn-beijing.volces.com/api/v3"),
        ["VOLCENGINE_API_KEY"], ["VOLCENGINE_API_BASE"];
    thinks "dashscope", Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        ["DASHSCOPE_API_KEY"], ["DASHSCOPE_API_BASE"];
    old "qwencloud", Some("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        ["QWENCLOUD_API_KEY" "DASHSCOPE_API_KEY"], ["QWENCLOUD_API_BASE"];
    old "qwen_ai_platform", Some("https://dashscope.aliyuncs.com/compatible-mode/v1"),
        ["QWEN_AI_PLATFORM_API_KEY" "DASHSCOPE_API_KEY"], ["QWEN_AI_PLATFORM_API_BASE"];
    old "modelscope", Some("https://api-inference.modelscope.cn/v1"),
        ["MODELSCOPE_API_KEY"], ["MODELSCOPE_API_BASE"];
    thinks "moonshot", Some("https://api.moonshot.ai/v1"), ["MOONSHOT_API_KEY"], ["MOONSHOT_API_BASE"];
    old "publicai", Some("https://api.publicai.co/v1"), ["PUBLICAI_API_KEY"], ["PUBLICAI_API_BASE"];
    old "v0", Some("https://api.v0.dev/v1"), ["V0_API_KEY"], ["V0_API_BASE"];
    old "morph", Some("https://api.morphllm.com/v1"), ["MORPH_API_KEY"], ["MORPH_API_BASE"];
    old "lambda_ai", Some("https://api.lambda.ai/v1"), ["LAMBDA_API_KEY"], ["LAMBDA_API_BASE"];
    old "inception", Some("https://api.inceptionlabs.ai/v1"),
        ["INCEPTION_API_KEY"], ["INCEPTION_API_BASE"];
    thinks "deepseek", Some("https://api.deepseek.com/beta"),
        ["DEEPSEEK_API_KEY"], ["DEEPSEEK_API_BASE"];
    plain "sambanova", Some("https://api.sambanova.ai/v1"),
        ["SAMBANOVA_API_KEY"], ["SAMBANOVA_API_BASE"];
    old "fireworks_ai", Some("https://api.fireworks.ai/inference/v1"),
        ["FIREWORKS_API_KEY" "FIREWORKS_AI_API_KEY" "FIREWORKSAI_API_KEY" "FIREWORKS_AI_TOKEN"], ["FIREWORKS_API_BASE"];
    old "friendliai", Some("https://api.friendli.ai/serverless/v1"),
        ["FRIENDLIAI_API_KEY" "FRIENDLI_TOKEN"], ["FRIENDLI_API_BASE"];
    old "featherless_ai", Some("https://api.featherless.ai/v1"),
        ["FEATHERLESS_AI_API_KEY" "FEATHERLESS_API_KEY"], ["FEATHERLESS_AI_API_BASE" "FEATHERLESS_API_BASE"];
    old "empower", Some("https://app.empower.dev/api/v1"),
        ["EMPOWER_API_KEY"], ["EMPOWER_API_BASE"];
    plain "github", Some("https://models.inference.ai.azure.com"),
        ["GITHUB_API_KEY"], ["GITHUB_API_BASE"];
    plain "docker_model_runner", Some("http://localhost:22088/engines/llama.cpp/v1"),
        ["DOCKER_MODEL_RUNNER_API_KEY"], ["DOCKER_MODEL_RUNNER_API_BASE"];
    proxy "litellm_proxy", None, ["LITELLM_PROXY_API_KEY"], ["LITELLM_PROXY_API_BASE"];
    vllm "hosted_vllm", None, ["HOSTED_VLLM_API_KEY"], ["HOSTED_VLLM_API_BASE"];
    old "tencent", Some("https://tokenhub-intl.tencentcloudmaas.com/v1"),
        ["TENCENT_API_KEY"], ["TENCENT_API_BASE"];
    plain "llamafile", Some("http://127.0.0.1:8080/v1"),
        ["LLAMAFILE_API_KEY"], ["LLAMAFILE_API_BASE"];
    plain "lm_studio", None, ["LM_STUDIO_API_KEY"], ["LM_STUDIO_API_BASE"];
    old "galadriel", Some("https://api.galadriel.com/v1"),
        ["GALADRIEL_API_KEY"], ["GALADRIEL_API_BASE"];
    old "nebius", Some("https://api.studio.nebius.ai/v1"), ["NEBIUS_API_KEY"], ["NEBIUS_API_BASE"];
    old "novita", Some("https://api.novita.ai/v3/openai"), ["NOVITA_API_KEY"], ["NOVITA_API_BASE"];
    old "assemblyai", Some("https://llm-gateway.assemblyai.com/v1"), ["ASSEMBLYAI_API_KEY"], [];
    cortex "snowflake", Some("https://{SNOWFLAKE_ACCOUNT_ID}.snowflakecomputing.com/api/v2/cortex/v1"),
        ["SNOWFLAKE_JWT"], ["SNOWFLAKE_API_BASE"];
    old "gradient_ai", Some("https://inference.do-ai.run/v1"),
        ["GRADIENT_AI_API_KEY"], ["GRADIENT_AI_AGENT_ENDPOINT"];
    old "meta_llama", Some("https://api.llama.com/compat/v1"),
        ["LLAMA_API_KEY"], ["LLAMA_API_BASE"];
    old "nscale", Some("https://inference.api.nscale.com/v1"),
        ["NSCALE_API_KEY"], ["NSCALE_API_BASE"];
    old "helicone", Some("https://ai-gateway.helicone.ai"), ["HELICONE_API_KEY"], [];
    old "hyperbolic", Some("https://api.hyperbolic.xyz/v1"),
        ["HYPERBOLIC_API_KEY"], ["HYPERBOLIC_API_BASE"];
    old "aiml", Some("https://api.aimlapi.com/v1"), ["AIML_API_KEY"], ["AIML_API_BASE"];
    plain "vercel_ai_gateway", Some("https://ai-gateway.vercel.sh/v1"),
        ["VERCEL_AI_GATEWAY_API_KEY" "VERCEL_OIDC_TOKEN"], ["VERCEL_AI_GATEWAY_API_BASE"];
    old "edenai", Some("https://api.edenai.run/v3"), ["EDENAI_API_KEY"], ["EDENAI_API_BASE"];
    old "wandb", Some("https://api.inference.wandb.ai/v1"), ["WANDB_API_KEY"], ["WANDB_API_BASE"];
    old "scaleway", Some("https://api.scaleway.ai/v1"), ["SCW_SECRET_KEY"], [];
    plain "lemonade", Some("http://localhost:8000/api/v1"),
        ["LEMONADE_API_KEY"], ["LEMONADE_API_BASE"];
    old "synthetic", Some("https://api.synthetic.new/openai/v1"), ["SYNTHETIC_API_KEY"], [];
    old "apertis", Some("https://api.stima.tech/v1"), ["STIMA_API_KEY"], [];
    old "nano-gpt", Some("https://nano-gpt.com/api/v1"), ["NANOGPT_API_KEY"], [];
    old "poe", Some("https://api.poe.com/v1"), ["POE_API_KEY"], [];
    old "chutes", Some("https://llm.chutes.ai/v1"), ["CHUTES_API_KEY"], [];
    old "neosantara", Some("https://api.neosantara.xyz/v1"),
        ["NEOSANTARA_API_KEY"], ["NEOSANTARA_API_BASE"];
    old "parasail", Some("https://api.parasail.io/v1"), ["PARASAIL_API_KEY"], ["PARASAIL_API_BASE"];
    old "xiaomi_mimo", Some("https://api.xiaomimimo.com/v1"), ["XIAOMI_MIMO_API_KEY"], [];
    old "tensormesh", Some("https://serverless.tensormesh.ai/v1"),
        ["TENSORMESH_INFERENCE_API_KEY"], ["TENSORMESH_SERVERLESS_BASE_URL"];
    old "libertai", Some("https://api.libertai.io/v1"), ["LIBERTAI_API_KEY"], ["LIBERTAI_API_BASE"];
    old "pinstripes", Some("https://pinstripes.io/v1"),
        ["PINSTRIPES_API_KEY"], ["PINSTRIPES_API_BASE"];
    old "cognition", Some("https://api.cognition.ai/v1"),
        ["COGNITION_API_KEY"], ["COGNITION_API_BASE"];
    old "cortecs", Some("https://api.cortecs.ai/v1"), ["CORTECS_API_KEY"], ["CORTECS_API_BASE"];
    old "scx-ai", Some("https://api.scx.ai/v1"), ["SCX_API_KEY"], ["SCX_API_BASE"];
    old "prism", Some("https://api.prisminference.com/v1"), ["PRISM_API_KEY"], ["PRISM_API_BASE"];
    old "darkbloom", Some("https://api.darkbloom.dev/v1"),
        ["DARKBLOOM_API_KEY"], ["DARKBLOOM_API_BASE"];
    old "meta", Some("https://api.meta.ai/v1"), ["META_API_KEY"], ["META_API_BASE"];
    old "sail", Some("https://api.sailresearch.com/v1"), ["SAIL_API_KEY"], ["SAIL_API_BASE"];
    old "reka", Some("https://api.reka.ai/v1"), ["REKA_API_KEY"], ["REKA_API_BASE"];
    plain "veniceai", Some("https://api.venice.ai/api/v1"),
        ["VENICE_AI_API_KEY"], [];
    responds "zerogpu", Some("https://api.zerogpu.ai/v1"),
        ["ZEROGPU_API_KEY"], ["ZEROGPU_API_BASE"];
    plain "abliteration", Some("https://api.abliteration.ai/v1"),
        ["ABLITERATION_API_KEY"], [];
    old "llamagate", Some("https://api.llamagate.dev/v1"),
        ["LLAMAGATE_API_KEY"], [];
    plain "gmi", Some("https://api.gmi-serving.com/v1"),
        ["GMI_API_KEY"], [];
    old "charity_engine", Some("https://api.charityengine.services/remotejobs/v2/inference"),
        ["CHARITY_ENGINE_API_KEY"], [];
    plain "aihubmix", Some("https://aihubmix.com/v1"),
        ["AIHUBMIX_API_KEY"], ["AIHUBMIX_API_BASE"];
    responds "aiand", Some("https://api.aiand.com/v1"),
        ["AIAND_API_KEY"], ["AIAND_API_BASE"];
    old "crusoe", Some("https://api.inference.crusoecloud.com/v1"),
        ["CRUSOE_API_KEY"], ["CRUSOE_API_BASE"];
    old "empiriolabs", Some("https://api.empiriolabs.ai/v1"),
        ["EMPIRIOLABS_API_KEY"], ["EMPIRIOLABS_API_BASE"];
    responds "coralbricks", Some("https://inference.coralbricks.ai/v1"),
        ["CORALBRICKS_API_KEY"], ["CORALBRICKS_API_BASE"];
    plain "hostinger_router", Some("https://router.hostinger.com/v1"),
        ["HOSTINGER_ROUTER_API_KEY"], ["HOSTINGER_ROUTER_API_BASE"];
    responds "openinfer", Some("https://api.openinfer.ai/v1"),
        ["OPENINFER_API_KEY"], ["OPENINFER_API_BASE"];
    responds "inferenceapis", Some("https://api.inferenceapis.com/v1"),
        ["INFERENCEAPIS_API_KEY"], ["INFERENCEAPIS_API_BASE"];
    responds "refuseless", Some("https://api.refuseless.com/v1"),
        ["REFUSELESS_API_KEY"], [];
    plain "kyma", Some("https://kymaapi.com/v1"),
        ["KYMA_API_KEY"], [];
    plain "streamlake", Some("https://vanchin.streamlake.ai/api/gateway/v1/endpoints"),
        ["STREAMLAKE_API_KEY"], ["STREAMLAKE_API_BASE"];
    plain "wally", Some("https://inference.runanywhere.ai/v1"),
        ["WALLY_API_KEY"], ["WALLY_API_BASE"];
    plain "text-completion-openai", Some("https://api.openai.com/v1"),
        ["OPENAI_API_KEY"], ["OPENAI_BASE_URL" "OPENAI_API_BASE"];
    any "xinference", None, ["XINFERENCE_API_KEY"], ["XINFERENCE_API_BASE"];
    ranks "infinity", None, ["INFINITY_API_KEY"], ["INFINITY_API_BASE"];
    plain "voyage", Some("https://api.voyageai.com/v1"),
        ["VOYAGE_API_KEY" "VOYAGE_AI_API_KEY" "VOYAGE_AI_TOKEN"], ["VOYAGE_API_BASE"];
    old "ovhcloud", Some("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
        ["OVHCLOUD_API_KEY"], ["OVHCLOUD_API_BASE"];
    old "minimax", Some("https://api.minimax.io/v1"), ["MINIMAX_API_KEY"], ["MINIMAX_API_BASE"];
    old "compactifai", Some("https://api.compactif.ai/v1"), ["COMPACTIFAI_API_KEY"], [];
    old "cometapi", Some("https://api.cometapi.com/v1"),
        ["COMETAPI_KEY" "COMETAPI_API_KEY"], ["COMETAPI_API_BASE"];
    old "amazon_nova", Some("https://api.nova.amazon.com/v1"),
        ["AMAZON_NOVA_API_KEY"], ["AMAZON_NOVA_API_BASE"];
    responds "bedrock_mantle", Some("https://bedrock-mantle.us-east-1.api.aws/v1"),
        ["BEDROCK_MANTLE_API_KEY" "AWS_BEARER_TOKEN_BEDROCK"], ["BEDROCK_MANTLE_API_BASE"];
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_is_named_once_and_has_an_address_or_a_way_to_one() {
        for (at, one) in VENDORS.iter().enumerate() {
            let vendor = one.vendor;
            assert!(
                VENDORS[..at].iter().all(|other| other.vendor.name != vendor.name),
                "{}",
                vendor.name
            );
            if let Some(base) = vendor.base {
                assert!(base.starts_with("http") && !base.ends_with('/'), "{base}");
            }
            assert!(one.has(Operation::Chat), "{}", vendor.name);
        }
    }
}
