//! A body that goes out piece by piece.
//!
//! Each piece is a chunk of its own; a wait holds the connection open and costs nothing, and ends
//! with the connection. A break is an error to the connection, which then closes it half said.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::watch;

use crate::mock_model::Gate;
use crate::mock_model::race::{First, first};
use crate::mock_model::script::Part;

/// A wait under way; it ends with whether to go on.
type Wait = Pin<Box<dyn Future<Output = bool> + Send>>;

pub(super) struct ScriptBody {
    parts: VecDeque<Part>,
    waiting: Option<Wait>,
    broken: bool,
}

/// What a stream waits for: a gate, unless everything is forgotten first.
#[derive(Debug, Clone)]
pub(super) struct HeldAnswer {
    pub(super) gate: Option<Gate>,
    pub(super) forgotten: watch::Receiver<u64>,
}

impl ScriptBody {
    pub(super) fn new(parts: Vec<Part>) -> ScriptBody {
        ScriptBody { parts: parts.into(), waiting: None, broken: false }
    }

    /// Whether what is waited for has come.
    fn waited(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.waiting {
            self.broken |= !ready!(waiting.as_mut().poll(context));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

impl HeldAnswer {
    /// Whether the gate opened; `false` when what it was for is forgotten.
    pub(super) async fn opened(self) -> bool {
        let HeldAnswer { gate, mut forgotten } = self;
        matches!(first(forgotten.changed(), open(gate)).await, First::Right(()))
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
            ready!(self.waited(context));
            if self.broken {
                let broken = io::Error::other("the script breaks here");
                return Poll::Ready(Some(Err(broken)));
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Say(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Part::Wait(held)) => self.waiting = Some(Box::pin(held.opened())),
                // What was said before goes out first: it does so when this poll ends.
                Some(Part::Break) => {
                    self.broken = true;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Without a gate nothing opens: the stream is held until the asker goes away.
async fn open(gate: Option<Gate>) {
    if let Some(gate) = gate {
        let mut seen = gate.open.subscribe();
        if seen.wait_for(|open| *open).await.is_ok() {
            return;
        }
    }
    pending().await
}
