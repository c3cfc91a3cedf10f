//! SigV4.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use http::{HeaderName, HeaderValue, Request};
use pointsman_clock::Instant;
use pointsman_provider::{AwsKeys, Pieces};
use pointsman_types::{Error, ErrorKind, ExposeSecret};

/// Signs a request for a service in a region. Its path is encoded twice, as all services but S3
/// want it.
///
/// # Errors
///
/// Kind `Authentication`, when the keys cannot sign or be sent.
pub(crate) fn sign_request(
    request: &mut Request<Pieces>,
    keys: &AwsKeys,
    (service, region): (&str, &str),
    now: Instant,
) -> Result<(), Error> {
    let token = keys.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    let secret = keys.secret_access_key.expose_secret();
    let identity = Credentials::new(&keys.access_key_id, secret, token, None, "pointsman").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_nanos(now.as_nanos()))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| unsigned(&error))?
        .into();
    let body = request.body().to_bytes();
    let uri = request.uri().to_string();
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri,
        headers.into_iter(),
        SignableBody::Bytes(&body),
    )
    .map_err(|error| unsigned(&error))?;
    let (instructions, _) = sign(signable, &params).map_err(|error| unsigned(&error))?.into_parts();
    let signed: Vec<(String, String)> =
        instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in signed {
        let name = HeaderName::try_from(name).map_err(|error| unsigned(&error))?;
        let mut value = HeaderValue::try_from(value).map_err(|error| unsigned(&error))?;
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn unsigned(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Authentication, format!("the request cannot be signed: {error}"))
}
