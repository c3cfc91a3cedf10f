//! LiteLLM config.yaml to a validated Spec, with every fault at its place.
