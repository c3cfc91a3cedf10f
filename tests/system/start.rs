//! Starting, and refusing to start.

use std::path::Path;

use pointsman_testkit::Gateway;

use crate::POINTSMAN;

#[tokio::test]
async fn a_wrong_configuration_never_starts_and_says_everything_at_once() {
    let yaml = "model_list:\n  - model_name: a\n    litellm_params: {modle: openai/x}\n\
                router_settings: {num_retries: many}\n";
    let (code, stderr) = Gateway::refused(Path::new(POINTSMAN), yaml).await.unwrap();
    assert_eq!(code, 1);
    assert!(stderr.contains("did you mean model?"), "{stderr}");
    assert!(stderr.contains("num_retries"), "{stderr}");
}
