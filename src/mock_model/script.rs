//! From an answer to what goes out, piece by piece.
//!
//! Spells the events of an answer and says where it waits and where it breaks. Plays nothing.

use bytes::Bytes;
use hyper::StatusCode;

use crate::mock_model::Answer;
use crate::mock_model::session::DEFAULT_TEXT;
use crate::mock_model::tape::HeldAnswer;
use crate::program::reply::Reply;
use crate::protocol::model;

/// One thing to do while a body goes out.
#[derive(Debug)]
pub(super) enum Part {
    /// Send this.
    Say(Bytes),
    /// Go on when the gate opens.
    Wait(HeldAnswer),
    /// Break the connection.
    Break,
}

/// A whole answer: its head, and what follows.
pub(super) struct Script {
    pub(super) status: StatusCode,
    pub(super) parts: Vec<Part>,
}

impl Answer {
    /// A [`Reply::Hold`] begins first; any other answer says nothing before its gate opens.
    pub(super) fn waits_before_its_head(&self) -> bool {
        self.gate.is_some() && self.reply != Reply::Hold
    }
}

pub(super) fn spell(answer: &Answer, number: u64, held: HeldAnswer) -> Script {
    let id = format!("response-{number}");
    let (created, completed) = (say(model::created(&id)), say(model::completed(&id)));
    let text = |text: &str| say(model::message(&id, text));
    let parts = match &answer.reply {
        Reply::Text(said) => vec![created, text(said), completed],
        Reply::Probe(..) => vec![created, text(DEFAULT_TEXT), completed],
        Reply::Call { tool, arguments } => {
            let given = answer.call.clone();
            let call = given.unwrap_or_else(|| format!("call-{number}"));
            let called = match answer.namespace {
                None => model::call(&call, tool, arguments),
                Some(namespace) => model::call_within(namespace, &call, (tool, arguments)),
            };
            vec![created, say(called), completed]
        }
        Reply::Fail => vec![created, say(model::failed(&id))],
        Reply::Drop => vec![created, Part::Break],
        Reply::Hold => vec![created, Part::Wait(held), text(DEFAULT_TEXT), completed],
        Reply::Status(status) => return refuse(*status),
    };
    Script { status: StatusCode::OK, parts }
}

fn refuse(status: u16) -> Script {
    let known = StatusCode::from_u16(status);
    Script {
        status: known.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        parts: vec![say(model::refused("the script wants this status"))],
    }
}

fn say(text: String) -> Part {
    Part::Say(Bytes::from(text))
}
