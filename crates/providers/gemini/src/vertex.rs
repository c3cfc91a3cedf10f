//! Vertex AI: the same dialect at a project's own address, with tokens; Claude beside Gemini.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use pointsman_clock::Instant;
use pointsman_provider::{
    Call, CallHead, Codec, Credential, Credentials, Frames, Machine, Pieces, Speech, Target,
    Transport, Vendor, WholeReply, chat::translated,
};
use pointsman_types::{Deployment, Error, Operation};

use crate::{
    account::{Account, Own, project_of},
    claude,
    codec::{address, bytes_of, decode, posted, sign, speaks, written},
    request::Place,
    tokens::{self, Tokens},
};

/// The region where none is configured, as in LiteLLM.
const LOCATION: &str = "us-central1";
/// Where a machine at Google asks for its own token.
const METADATA: &str = "metadata.google.internal";

/// Google's Vertex AI. It fetches tokens over a transport, one for all deployments that share
/// credentials.
pub struct VertexCodec {
    transport: Arc<dyn Transport>,
    machine: Arc<dyn Machine>,
    /// By the text of the credentials.
    tokens: Mutex<HashMap<String, Arc<dyn Credentials>>>,
}

// By hand: the keys of the map are secrets.
impl std::fmt::Debug for VertexCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VertexCodec").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl VertexCodec {
    /// A codec that fetches tokens over this transport, with credentials in files of this machine.
    pub fn new(transport: Arc<dyn Transport>, machine: Arc<dyn Machine>) -> Self {
        Self { transport, machine, tokens: Mutex::default() }
    }

    fn tokens(&self, settings: &Settings<'_>) -> Result<Arc<dyn Credentials>, String> {
        let (key, place) = match &settings.credentials {
            Some(text) if text.starts_with('{') => {
                let account = Account::read(text);
                let account = account.map_err(|why| format!("`vertex_credentials`: {why}"))?;
                (text.as_str(), tokens::Place::Here(Box::new(account)))
            }
            Some(path) => (path.as_str(), tokens::Place::File(path.clone())),
            None => {
                let machine = Own::Machine(settings.metadata.to_owned());
                (settings.metadata, tokens::Place::Here(Box::new(Account::Own(machine))))
            }
        };
        let mut all = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || -> Arc<dyn Credentials> {
            let (transport, machine) = (Arc::clone(&self.transport), Arc::clone(&self.machine));
            Arc::new(Tokens::renewed(place, transport, machine))
        };
        Ok(Arc::clone(all.entry(key.to_owned()).or_insert_with(fresh)))
    }
}

/// What is configured for a deployment; empty texts count as absent.
struct Settings<'a> {
    project: Option<String>,
    location: &'a str,
    /// Their text, or the path of their file.
    credentials: Option<String>,
    metadata: &'a str,
}

impl<'a> Settings<'a> {
    fn of(deployment: &'a Deployment, machine: &dyn Machine) -> Self {
        let setting = |names: [&str; 2]| {
            let of = |name: &&str| deployment.settings.get(*name).map(|text| text.trim());
            names.iter().find_map(of).filter(|text| !text.is_empty())
        };
        let given = setting(["vertex_ai_credentials", "vertex_credentials"]).map(str::to_owned);
        let credentials = given.or_else(|| {
            // Where `gcloud auth application-default login` leaves a person's.
            let folder = setting(["CLOUDSDK_CONFIG"; 2]).map(str::to_owned);
            let home = || Some(format!("{}/.config/gcloud", setting(["HOME"; 2])?));
            let path = format!("{}/application_default_credentials.json", folder.or_else(home)?);
            machine.read(&path).is_ok().then_some(path)
        });
        let of_file = || {
            let given = credentials.as_deref()?;
            if given.starts_with('{') {
                project_of(given)
            } else {
                project_of(&machine.read(given).ok()?)
            }
        };
        let project = setting(["vertex_ai_project", "vertex_project"]).map(str::to_owned);
        Self {
            project: project.or_else(of_file),
            location: setting(["vertex_ai_location", "vertex_location"]).unwrap_or(LOCATION),
            credentials,
            metadata: setting(["gce_metadata_host"; 2]).unwrap_or(METADATA),
        }
    }

    /// The address up to the models.
    fn base(&self, of: &Deployment, vendor: &Vendor) -> Result<String, String> {
        let plain =
            |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
        if !plain(self.location) {
            return Err(format!("`vertex_location` {:?} is no region", self.location));
        }
        let base = match of.api_base.as_deref() {
            Some(base) => vendor.base_of(base),
            None => format!("https://{}/v1", host(self.location)),
        };
        if base.contains("/projects/") {
            return Ok(base);
        }
        match &self.project {
            Some(project) if plain(project) => {
                Ok(format!("{base}/projects/{project}/locations/{}", self.location))
            }
            Some(project) => Err(format!("`vertex_project` {project:?} is no project's id")),
            // Keys know their project.
            None if of.api_key.is_some() => Ok(base),
            None => {
                Err("`vertex_ai` has no project: set `vertex_project`, or VERTEXAI_PROJECT".into())
            }
        }
    }
}

fn host(location: &str) -> String {
    match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

/// A model's path below a project's address; what is tuned has an endpoint of its own.
fn path_of(base: &str, model: &str) -> String {
    let tuned = model.strip_prefix("gemini/").unwrap_or(model);
    if !tuned.is_empty() && tuned.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("endpoints/{tuned}");
    }
    if ["publishers/", "endpoints/", "models/"].iter().any(|kind| model.starts_with(kind)) {
        return model.to_owned();
    }
    if base.contains("/publishers/") {
        return format!("models/{model}");
    }
    match model.split_once('/') {
        Some((publisher, model)) => format!("publishers/{publisher}/models/{model}"),
        None if claude::is(model) => format!("publishers/anthropic/models/{model}"),
        None => format!("publishers/google/models/{model}"),
    }
}

impl Codec for VertexCodec {
    fn vendor(&self) -> Vendor {
        Vendor {
            name: "vertex_ai",
            base: None,
            version_path: "/v1",
            key_env: &[],
            base_env: &["VERTEXAI_API_BASE", "VERTEX_API_BASE"],
            needs_key: false,
        }
    }

    fn target(&self, of: &Deployment) -> Result<Target, String> {
        let settings = Settings::of(of, &*self.machine);
        let mut addressed = of.clone();
        addressed.api_base = Some(settings.base(of, &self.vendor())?);
        let mut target = Target::of(&addressed, &self.vendor())?;
        if of.api_key.is_none() {
            target.credentials = self.tokens(&settings)?;
        }
        Ok(target)
    }

    fn speaks(&self, to: &Target, what: &CallHead) -> Speech {
        if claude::is(&to.model) {
            claude::speaks(what)
        } else {
            speaks(to.vendor, what, Place::Vertex)
        }
    }

    fn encode(&self, to: &Target, call: &Call) -> Result<Request<Pieces>, Error> {
        let path = path_of(&to.base, &to.model);
        let (path, method, body) = if claude::is(&to.model) {
            let (method, body) = claude::written(to, call)?;
            (claude::path(&path, call), method, bytes_of(body))
        } else {
            let (method, body) = written(to, call, Place::Vertex)?;
            (path, method, body)
        };
        posted(address(&to.base, &path, method)?, body)
    }

    fn sign(
        &self,
        _: &Target,
        request: &mut Request<Pieces>,
        with: &Credential,
        _: Instant,
    ) -> Result<(), Error> {
        sign(request, with)
    }

    fn decode(
        &self,
        what: &CallHead,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
        now: Instant,
    ) -> Result<WholeReply, Error> {
        match claude::decode(what, status, headers, &body, now) {
            Some(read) => read,
            None => decode(what, status, headers, body, now, Place::Vertex),
        }
    }

    fn frames(&self, what: &CallHead, now: Instant) -> Box<dyn Frames> {
        if what.operation == Operation::GenerateContent {
            return Box::new(claude::EitherFrames::new(what, now));
        }
        translated(what, now, claude::EitherDecoder::new(now))
    }

    fn streams_json(&self) -> bool {
        true
    }

    fn settings_env(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[
            ("vertex_project", &["VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"]),
            ("vertex_location", &["VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION"]),
            ("vertex_credentials", &["VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"]),
            ("gce_metadata_host", &["GCE_METADATA_HOST", "GCE_METADATA_ROOT"]),
            ("CLOUDSDK_CONFIG", &["CLOUDSDK_CONFIG"]),
            ("HOME", &["HOME"]),
        ]
    }
}
