//! AWS's Security Token Service.

use aws_smithy_types::{DateTime, date_time::Format};
use http::{HeaderValue, Request, header::CONTENT_TYPE};
use pointsman_clock::Instant;
use pointsman_provider::{AwsKeys, Pieces, escaped};
use pointsman_types::{Error, ErrorKind, ExposeSecret};

use super::{
    chain::{Role, Token},
    fetched::{Fetcher, Lent, refused, unasked},
};
use crate::{place::domain, sign::sign_request};

const WHAT: &str = "STS";

impl Fetcher {
    /// Takes a role.
    pub(super) async fn assume(
        &self,
        role: &Role,
        with: &AwsKeys,
        now: Instant,
    ) -> Result<Lent, Error> {
        let mut form = vec![("Action", "AssumeRole")];
        form.extend(role.external_id.as_deref().map(|id| ("ExternalId", id)));
        let duration = role.duration.map(|seconds| seconds.to_string());
        form.extend(duration.as_deref().map(|seconds| ("DurationSeconds", seconds)));
        let mut request = self.ask(role, &form)?;
        sign_request(&mut request, with, ("sts", &self.region), now)?;
        self.lent(request).await
    }

    /// Takes a role with a token, which is the proof: nothing is signed.
    pub(super) async fn identify(&self, role: &Role, token: &Token) -> Result<Lent, Error> {
        let token = token.read(&*self.machine).map_err(|error| unasked(WHAT, &error))?;
        let form =
            [("Action", "AssumeRoleWithWebIdentity"), ("WebIdentityToken", token.expose_secret())];
        self.lent(self.ask(role, &form)?).await
    }

    fn ask(&self, role: &Role, form: &[(&str, &str)]) -> Result<Request<Pieces>, Error> {
        let usual = || format!("https://sts.{}.{}", self.region, domain(&self.region));
        let base = self.sts.clone().unwrap_or_else(usual);
        let common = [
            ("Version", "2011-06-15"),
            ("RoleArn", role.arn.as_str()),
            ("RoleSessionName", role.session.as_str()),
        ];
        let pairs: Vec<String> = form
            .iter()
            .chain(&common)
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        Request::post(format!("{}/", base.trim_end_matches('/')))
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
            )
            .body(Pieces::from(bytes::Bytes::from(pairs.join("&"))))
            .map_err(|error| unasked(WHAT, &error))
    }

    async fn lent(&self, request: Request<Pieces>) -> Result<Lent, Error> {
        let (status, body) = self.send(request, WHAT).await?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            let said = [element(&text, "Code"), element(&text, "Message")];
            let said: Vec<String> = said.into_iter().flatten().collect();
            return Err(refused(WHAT, status, &said.join(": ")));
        }
        let part = |name: &str| {
            element(&text, name).ok_or_else(|| {
                Error::new(ErrorKind::Connection, format!("{WHAT} answered without `{name}`"))
            })
        };
        let keys = AwsKeys {
            access_key_id: part("AccessKeyId")?,
            secret_access_key: part("SecretAccessKey")?.into(),
            session_token: Some(part("SessionToken")?.into()),
        };
        Ok(Lent { keys, until: element(&text, "Expiration").as_deref().and_then(instant) })
    }
}

/// The text of the first element of a name. What STS says has neither attributes nor entities in
/// the elements that are read here, but for a message.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim().to_owned())
}

/// A moment as AWS writes it: `2026-01-31T12:00:00Z`.
pub(super) fn instant(text: &str) -> Option<Instant> {
    let at = DateTime::from_str(text, Format::DateTime).ok()?;
    u64::try_from(at.secs()).ok().map(Instant::from_secs)
}
