//! What the tests share: a codec whose transport answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use pointsman_bedrock::BedrockCodec;
use pointsman_provider::{Incoming, NoMachine, Pieces, Transport};
use pointsman_types::{Error, ErrorKind};

/// Answers with what was put in, in order, and keeps what it was sent.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) answers: Mutex<VecDeque<(u16, String)>>,
    pub(crate) sent: Mutex<Vec<(http::request::Parts, Bytes)>>,
}

impl Scripted {
    pub(crate) fn new(answers: &[(u16, &str)]) -> Arc<Self> {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
        Arc::new(Self { answers: Mutex::new(answers.collect()), sent: Mutex::default() })
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request<Pieces>) -> Result<Response<Incoming>, Error> {
        let (head, body) = request.into_parts();
        unpoisoned(&self.sent).push((head, body.to_bytes()));
        // Whoever waits meanwhile gets a turn.
        tokio::task::yield_now().await;
        let answer = unpoisoned(&self.answers).pop_front();
        let (status, body) =
            answer.ok_or_else(|| Error::new(ErrorKind::Connection, "the script is at its end"))?;
        let body: Incoming = Box::pin(stream::iter([Ok(Bytes::from(body))]));
        let head = Response::builder().status(status).header("content-type", "application/json");
        head.body(body).map_err(|error| Error::new(ErrorKind::Server, error.to_string()))
    }
}

pub(crate) fn codec() -> BedrockCodec {
    BedrockCodec::new(Scripted::new(&[]), Arc::new(NoMachine))
}

fn unpoisoned<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
