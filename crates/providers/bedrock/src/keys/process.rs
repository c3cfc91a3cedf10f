//! Keys that a program prints (`credential_process`).

use pointsman_provider::AwsKeys;
use pointsman_types::{Error, Secret};
use serde::Deserialize;

use super::{
    fetched::{Fetcher, Lent, unasked},
    sts::instant,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: Option<u32>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Fetcher {
    /// The keys that a program prints.
    pub(super) async fn process(&self, command: &[String]) -> Result<Lent, Error> {
        let program = command.first().map_or("", String::as_str);
        let fault = |why: &str| unasked(&format!("the `credential_process` {program:?}"), &why);
        let text = self.machine.run(command).await.map_err(|why| fault(&why))?;
        // The text may be keys: it is not shown.
        let printed: Printed =
            serde_json::from_str(&text).map_err(|_| fault("it printed no credentials"))?;
        if printed.version != Some(1) {
            return Err(fault("it must print a `Version` of 1"));
        }
        let missing = || fault("it printed no `AccessKeyId`, or no `SecretAccessKey`");
        let keys = AwsKeys {
            access_key_id: printed.access_key_id.ok_or_else(missing)?,
            secret_access_key: printed.secret_access_key.ok_or_else(missing)?.into(),
            session_token: printed.session_token.map(Secret::from),
        };
        let until = printed
            .expiration
            .map(|text| instant(&text).ok_or_else(|| fault("its `Expiration` is no moment")));
        Ok(Lent { keys, until: until.transpose()? })
    }
}
