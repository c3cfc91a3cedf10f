//! Snowflake's Cortex, where it is and how it is told what kind of token it gets.

use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, HeaderName},
};
use pointsman_provider::secret_header;
use pointsman_types::{Deployment, Error, ExposeSecret, Secret};

pub(crate) const NAME: &str = "snowflake";

const KIND: HeaderName = HeaderName::from_static("x-snowflake-authorization-token-type");

/// The deployment with the address of Cortex, where it names the account's or the API's only.
pub(crate) fn at_cortex(of: &Deployment) -> Deployment {
    let mut at = of.clone();
    if let Some(base) = &of.api_base {
        let base = base.trim_end_matches('/');
        if base.ends_with("/api/v2") {
            at.api_base = Some(format!("{base}/cortex/v1"));
        }
    }
    at
}

/// Adds the token; a programmatic one is told by `pat/` before it.
pub(crate) fn sign(headers: &mut HeaderMap, key: &Secret) -> Result<(), Error> {
    let exposed = key.expose_secret();
    let (kind, token) = match exposed.strip_prefix("pat/") {
        Some(token) => ("PROGRAMMATIC_ACCESS_TOKEN", Secret::from(token.to_owned())),
        None => ("KEYPAIR_JWT", key.clone()),
    };
    headers.insert(KIND, HeaderValue::from_static(kind));
    headers.insert(AUTHORIZATION, secret_header("Bearer ", &token)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use pointsman_clock::Instant;
    use pointsman_provider::{Codec, Credential, Pieces};

    use super::*;
    use crate::{OpenAiCodec, VENDORS};

    #[test]
    fn addresses_and_kinds_of_tokens() {
        let dialect = VENDORS.iter().find(|one| one.vendor.name == NAME).unwrap();
        let codec = OpenAiCodec::new(dialect);
        let at = "https://a.snowflakecomputing.com/api/v2/cortex/v1";
        for base in
            ["https://a.snowflakecomputing.com", "https://a.snowflakecomputing.com/api/v2/", at]
        {
            let to = codec.target(&Deployment::new("g", NAME, "m").with_base(base)).unwrap();
            assert_eq!(to.base, at, "{base}");
        }
        let to = codec.target(&Deployment::new("g", NAME, "m").with_base(at)).unwrap();
        for (key, kind, token) in [
            ("pat/abc", "PROGRAMMATIC_ACCESS_TOKEN", "Bearer abc"),
            ("e.y.J", "KEYPAIR_JWT", "Bearer e.y.J"),
        ] {
            let mut request = Request::new(Pieces::default());
            let key = Credential::Key(key.to_owned().into());
            codec.sign(&to, &mut request, &key, Instant::EPOCH).unwrap();
            assert_eq!(request.headers()[KIND], kind);
            assert_eq!(request.headers()[AUTHORIZATION], token);
            assert!(request.headers()[AUTHORIZATION].is_sensitive());
        }
    }
}
