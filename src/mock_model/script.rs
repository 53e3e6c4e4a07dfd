//! An answer of the model as a list of parts, and the HTTP body that plays them.
//!
//! Each part is a chunk of its own. A wait holds the connection open, costs nothing and ends with
//! the connection. A break is an error to the connection, which then closes in the middle of the
//! answer.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Frame};
use tokio::sync::watch;

use crate::mock_model::answer::{Answer, Gate};
use crate::mock_model::session::DEFAULT_TEXT;
use crate::program::reply::Reply;
use crate::protocol::model;

/// One thing to do while a body goes out.
#[derive(Debug)]
pub(super) enum Part {
    Send(Bytes),
    /// Go on when the gate opens.
    Wait(HeldAnswer),
    /// Break the connection.
    Break,
}

/// The status of an answer and the parts of its body.
pub(super) struct Script {
    pub(super) status: StatusCode,
    pub(super) parts: Vec<Part>,
}

/// An answer that waits for its gate, unless the session is reset first.
#[derive(Debug, Clone)]
pub(super) struct HeldAnswer {
    pub(super) gate: Option<Gate>,
    pub(super) reset: watch::Receiver<u64>,
}

pub(super) struct ScriptBody {
    parts: VecDeque<Part>,
    waiting: Option<Wait>,
    broken: bool,
}

/// A wait under way; its result is whether to go on.
type Wait = Pin<Box<dyn Future<Output = bool> + Send>>;

impl Script {
    /// The script of the session's answer with this number.
    pub(super) fn new(answer: &Answer, number: u64, held: HeldAnswer) -> Script {
        if let Some(events) = &answer.events {
            let parts = events.iter().map(|event| send(model::event(event))).collect();
            return Script { status: StatusCode::OK, parts };
        }
        let id = format!("response-{number}");
        let (created, completed) = (send(model::created(&id)), send(model::completed(&id)));
        let message = |text: &str| send(model::message(&id, text));
        let parts = match &answer.reply {
            Reply::Text(text) => vec![created, message(text), completed],
            Reply::Probe(_) => vec![created, message(DEFAULT_TEXT), completed],
            Reply::Call { tool, arguments } => {
                let given = answer.call_id.clone();
                let call_id = given.unwrap_or_else(|| format!("call-{number}"));
                let namespace = answer.namespace;
                let call = model::ToolCall { namespace, call_id: &call_id, tool, arguments };
                vec![created, send(call.event()), completed]
            }
            Reply::Fail => vec![created, send(model::failed(&id))],
            Reply::Drop => vec![created, Part::Break],
            Reply::Hold => vec![created, Part::Wait(held), message(DEFAULT_TEXT), completed],
            Reply::Status(status) => return Script::refusal(*status),
        };
        Script { status: StatusCode::OK, parts }
    }

    fn refusal(status: u16) -> Script {
        let known = StatusCode::from_u16(status);
        Script {
            status: known.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            parts: vec![send(model::refused("the script wants this status"))],
        }
    }
}

fn send(text: String) -> Part {
    Part::Send(Bytes::from(text))
}

impl HeldAnswer {
    /// Waits for the gate; `false` when the session was reset first.
    pub(super) async fn opened(self) -> bool {
        let HeldAnswer { gate, mut reset } = self;
        let (mut reset, mut open) = (pin!(reset.changed()), pin!(gate_open(gate)));
        poll_fn(|context| {
            if reset.as_mut().poll(context).is_ready() {
                return Poll::Ready(false);
            }
            open.as_mut().poll(context).map(|()| true)
        })
        .await
    }
}

/// Without a gate nothing opens: the answer is held until the connection ends.
async fn gate_open(gate: Option<Gate>) {
    if let Some(gate) = gate
        && gate.open.subscribe().wait_for(|open| *open).await.is_ok()
    {
        return;
    }
    pending().await
}

impl ScriptBody {
    pub(super) fn new(parts: Vec<Part>) -> ScriptBody {
        ScriptBody { parts: parts.into(), waiting: None, broken: false }
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.waiting {
            self.broken |= !ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

impl Body for ScriptBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            ready!(self.poll_wait(context));
            if self.broken {
                let broken = io::Error::other("the script breaks here");
                return Poll::Ready(Some(Err(broken)));
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Part::Wait(held)) => self.waiting = Some(Box::pin(held.opened())),
                // What was sent before must go out first: it does so when this poll ends.
                Some(Part::Break) => {
                    self.broken = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}
