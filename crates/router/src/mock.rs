//! Answers that the caller brings along.

use http::HeaderMap;
use pointsman_provider::chat::{mock_frames, mock_reply};
use pointsman_types::{Error, ErrorKind, Ix, Usage};

use crate::{Answer, AnswerStream, Failure, Payload, journey::Journey, plan::Place};

impl Journey<'_> {
    /// Answers with a text of the request's (`mock_response`), in its dialect; asks nobody, takes
    /// nothing and counts nothing.
    pub(crate) fn mocked(self, place: &Place, text: &str) -> Result<Answer, Failure> {
        match self.mock(place, text) {
            Ok((ix, payload)) => Ok(self.answer(ix, HeaderMap::new(), payload)),
            Err(error) => Err(Failure { error, trace: Some(Box::new(self.trace)) }),
        }
    }

    fn mock(&self, place: &Place, text: &str) -> Result<(Ix, Payload), Error> {
        let head = &self.call.head;
        let first = self.topology.groups[place.group].members.first();
        let Some(ix) = place.only.or(first.copied()).filter(|_| head.operation.is_chat()) else {
            let message = "`mock_response` is for chat calls";
            return Err(Error::new(ErrorKind::BadRequest, message).with_param("mock_response"));
        };
        let payload = if head.stream {
            let frames = mock_frames(head, &head.model, text, Usage::default(), self.began)?;
            let ledger = self.ledger(place, ix);
            Payload::Stream(Box::new(AnswerStream::made(frames, ledger)))
        } else {
            let whole = mock_reply(head, &head.model, text, Usage::default(), self.began);
            Payload::Whole { body: whole.body, usage: whole.usage, cost: None }
        };
        Ok((ix, payload))
    }
}
