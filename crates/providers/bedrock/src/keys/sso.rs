//! IAM Identity Center: keys for the token that `aws sso login` left.

use aws_smithy_types::{DateTime, date_time::Format};
use bytes::Bytes;
use http::{Method, Request, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_provider::{AwsKeys, Pieces, escaped, secret_header};
use pointsman_types::{Error, ErrorKind, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    chain::Sso,
    fetched::{Fetcher, Lent, refused, unasked},
    sts::instant,
};
use crate::place::domain;

const WHAT: &str = "SSO";
/// A token is renewed so long before its end, as botocore does, in seconds.
const AHEAD: u64 = 15 * 60;

/// What is in the file of a token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Left {
    access_token: String,
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    role_credentials: Keys,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// In milliseconds.
    expiration: u64,
}

impl Fetcher {
    /// The keys of a role, for the token in its file.
    pub(super) async fn sso(&self, sso: &Sso, now: Instant) -> Result<Lent, Error> {
        let token = self.sso_token(sso, now).await?;
        let base = self.endpoint("AWS_ENDPOINT_URL_SSO", "portal.sso", &sso.region);
        let url = format!(
            "{base}/federation/credentials?role_name={}&account_id={}",
            escaped(&sso.role),
            escaped(&sso.account)
        );
        let request =
            Request::get(url).header("x-amz-sso_bearer_token", secret_header("", &token)?);
        let request = request.body(Pieces::default()).map_err(|error| unasked(WHAT, &error))?;
        let (status, body) = self.send(request, WHAT).await?;
        if status.as_u16() == 401 {
            return Err(ended(sso));
        }
        if !status.is_success() {
            return Err(refused(WHAT, status, &String::from_utf8_lossy(&body)));
        }
        // The text may be keys: it is not shown.
        let Answer { role_credentials: keys } = serde_json::from_slice(&body)
            .map_err(|_| unasked(WHAT, &"the answer has no credentials"))?;
        let until = Some(Instant::from_nanos(keys.expiration.saturating_mul(1_000_000)));
        let keys = AwsKeys {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key.into(),
            session_token: Some(keys.session_token.into()),
        };
        Ok(Lent { keys, until })
    }

    /// The token in the file; one of a session is renewed ahead of its end, in the file as well.
    async fn sso_token(&self, sso: &Sso, now: Instant) -> Result<Secret, Error> {
        let path = &sso.token;
        let text = self.machine.read(path).map_err(|why| {
            unasked(
                WHAT,
                &format!("the token in {path} cannot be read: {why}: run `aws sso login`"),
            )
        })?;
        let unread = |_| unasked(WHAT, &format!("{path} holds no token: run `aws sso login`"));
        let mut file: Value = serde_json::from_str(&text).map_err(unread)?;
        let left: Left = serde_json::from_value(file.clone()).map_err(unread)?;
        // Older ones end in `UTC`.
        let until = instant(&left.expires_at.replace("UTC", "Z")).unwrap_or_default();
        if sso.renewable && until.since(now).as_secs() < AHEAD {
            match self.renewed(sso, &mut file, now).await {
                Ok(token) => return Ok(token),
                Err(error) if error.kind == ErrorKind::Connection && now >= until => {
                    return Err(error);
                }
                // It cannot be renewed, or not now.
                Err(_) => {}
            }
        }
        if now >= until { Err(ended(sso)) } else { Ok(left.access_token.into()) }
    }

    async fn renewed(&self, sso: &Sso, file: &mut Value, now: Instant) -> Result<Secret, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            access_token: String,
            expires_in: u64,
            refresh_token: Option<String>,
        }
        let part = |name: &str| file[name].as_str().map(str::to_owned).ok_or_else(|| ended(sso));
        if instant(&part("registrationExpiresAt")?).is_none_or(|until| now >= until) {
            return Err(ended(sso));
        }
        let body = json!({
            "grantType": "refresh_token",
            "clientId": part("clientId")?,
            "clientSecret": part("clientSecret")?,
            "refreshToken": part("refreshToken")?,
        });
        let base = self.endpoint("AWS_ENDPOINT_URL_SSO_OIDC", "oidc", &sso.region);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{base}/token"))
            .header(CONTENT_TYPE, "application/json")
            .body(Pieces::from(Bytes::from(body.to_string())))
            .map_err(|error| unasked(WHAT, &error))?;
        let (status, body) = self.send(request, WHAT).await?;
        if !status.is_success() {
            return Err(refused(WHAT, status, "the token cannot be renewed"));
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| unasked(WHAT, &"the answer has no token"))?;
        let until = now.as_secs().saturating_add(answer.expires_in);
        let until = DateTime::from_secs(i64::try_from(until).unwrap_or(i64::MAX));
        file["accessToken"] = answer.access_token.as_str().into();
        file["expiresAt"] = until.fmt(Format::DateTime).unwrap_or_default().into();
        if let Some(next) = answer.refresh_token {
            file["refreshToken"] = next.into();
        }
        // What cannot be kept is good for now all the same.
        let _ = self.machine.write(&sso.token, &file.to_string());
        Ok(answer.access_token.into())
    }

    /// The address of a service in a region, unless the environment names another.
    fn endpoint(&self, variable: &str, service: &str, region: &str) -> String {
        let own = self.endpoints.get(variable).map(|own| own.trim_end_matches('/').to_owned());
        own.unwrap_or_else(|| format!("https://{service}.{region}.{}", domain(region)))
    }
}

fn ended(sso: &Sso) -> Error {
    let message = format!("{WHAT}: the session in {} has ended: run `aws sso login`", sso.token);
    Error::new(ErrorKind::Authentication, message)
}
