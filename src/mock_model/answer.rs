//! The answer to one request, and the gate that may hold it back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::program::reply::Reply;
use crate::transcript::{Content, ModelAnswer};

/// The answer to one request, and when it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) reply: Reply,
    pub(super) call_id: Option<String>,
    pub(super) namespace: Option<&'static str>,
    pub(super) events: Option<Vec<Value>>,
    pub(super) delay: Option<Duration>,
    pub(super) gate: Option<Gate>,
}

/// Holds an answer back until it is released. Clones are one gate, and a released gate stays open.
///
/// ```
/// use heirloom::mock_model::MockModel;
/// use heirloom::mock_model::answer::{Answer, Gate};
/// use heirloom::program::reply::Reply;
///
/// let mock_model = MockModel::start()?;
/// let session = mock_model.session();
/// let gate = Gate::new();
/// session.queue("thread-1", Answer::from(Reply::Text("late".into())).behind(&gate));
/// let held = session.hold("thread-2"); // a stream that has begun and does not go on
/// gate.release();
/// held.release();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    pub(super) open: Arc<watch::Sender<bool>>,
    /// What is sent in place of the answer that the gate holds.
    instead: Arc<Mutex<Option<Box<Answer>>>>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer { reply, call_id: None, namespace: None, events: None, delay: None, gate: None }
    }
}

impl From<&Answer> for ModelAnswer {
    fn from(answer: &Answer) -> ModelAnswer {
        let mut content = Content::from(&answer.reply);
        if let Content::Call { namespace, id, .. } = &mut content {
            *namespace = answer.namespace.map(str::to_owned);
            id.clone_from(&answer.call_id);
        }
        ModelAnswer { content, held: answer.waits_before_its_head() }
    }
}

impl Answer {
    /// Waits this long before anything is sent.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Answer {
        self.delay = Some(delay);
        self
    }

    /// Waits for the gate before anything is sent; a [`Reply::Hold`] begins first, then waits.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Answer {
        self.gate = Some(gate.clone());
        self
    }

    /// Takes the tool of a [`Reply::Call`] from this namespace.
    #[must_use]
    pub fn within(mut self, namespace: &'static str) -> Answer {
        self.namespace = Some(namespace);
        self
    }

    /// Gives a [`Reply::Call`] this id, in place of `call-` and the number of the answer.
    #[must_use]
    pub fn with_call_id(mut self, id: &str) -> Answer {
        self.call_id = Some(id.to_owned());
        self
    }

    /// Sends these events of the Responses API in the place of the reply's own: deltas of a text, or
    /// several messages. Each has a `type`, and the last one ends the answer.
    #[must_use]
    pub fn in_events(mut self, events: Vec<Value>) -> Answer {
        self.events = Some(events);
        self
    }

    /// A [`Reply::Hold`] begins first; any other answer sends nothing before its gate opens.
    pub(super) fn waits_before_its_head(&self) -> bool {
        self.gate.is_some() && self.reply != Reply::Hold
    }
}

impl Gate {
    /// A gate that holds.
    #[must_use]
    pub fn new() -> Gate {
        Gate { open: Arc::new(watch::Sender::new(false)), instead: Arc::default() }
    }

    /// Puts this answer in the place of the one that the gate holds before it is sent.
    pub fn answer_instead(&self, answer: impl Into<Answer>) {
        *self.instead() = Some(Box::new(answer.into()));
    }

    pub(super) fn take_instead(&self) -> Option<Answer> {
        self.instead().take().map(|answer| *answer)
    }

    fn instead(&self) -> MutexGuard<'_, Option<Box<Answer>>> {
        self.instead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases what the gate holds now and later.
    pub fn release(&self) {
        self.open.send_replace(true);
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}
