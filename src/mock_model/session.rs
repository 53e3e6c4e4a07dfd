//! A stage: scripts per thread, requests remembered.
//!
//! The thread's own script comes first, then the one for anybody, then "ok". A request is
//! remembered before it is answered, so that whoever sees the answer finds the request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::watch;

use crate::mock_model::{Answer, Gate, ModelSession, lock};
use crate::program::reply::Reply;
use crate::protocol::model::ModelRequest;
use crate::protocol::probe::DENIED;

/// The text of an answer that no script spells.
pub(super) const DEFAULT_TEXT: &str = "ok";

/// The requests a stage remembers: a case makes some dozens, a server in a loop never ends.
const REQUESTS: usize = 4096;

#[derive(Debug)]
pub(super) struct SessionShared {
    state: Mutex<State>,
    /// Counts the times everything was forgotten: what is still held from before breaks.
    epoch: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    scripts: BTreeMap<String, VecDeque<Answer>>,
    anybody: VecDeque<Answer>,
    /// What the reviewing model says, by the thread that it reviews.
    reviews: BTreeMap<String, Reply>,
    requests: Vec<Arc<ModelRequest>>,
    watchers: Vec<Sender<Arc<ModelRequest>>>,
    played: u64,
}

/// An answer on its way out.
pub(super) struct Cue {
    pub(super) answer: Answer,
    pub(super) number: u64,
    pub(super) forgotten: watch::Receiver<u64>,
}

impl ModelSession {
    /// What to set as the provider's `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/{}/v1", self.address, self.token)
    }

    /// Adds an answer for the thread with this id of the server's.
    pub fn queue(&self, thread: &str, answer: impl Into<Answer>) {
        let mut state = lock(&self.shared.state);
        state.scripts.entry(thread.to_owned()).or_default().push_back(answer.into());
    }

    /// Adds an answer for whoever asks and has none of its own.
    pub fn queue_any(&self, answer: impl Into<Answer>) {
        lock(&self.shared.state).anybody.push_back(answer.into());
    }

    /// Sets what the reviewing model says of a thread's deeds, however often it is asked; of other
    /// threads' it denies them.
    pub fn review(&self, thread: &str, reply: Reply) {
        lock(&self.shared.state).reviews.insert(thread.to_owned(), reply);
    }

    /// Adds an answer that begins and then waits for the gate, or for the asker to go away.
    #[must_use]
    pub fn hold(&self, thread: &str) -> Gate {
        let gate = Gate::new();
        self.queue(thread, Answer::from(Reply::Hold).behind(&gate));
        gate
    }

    /// The answers that are queued and were not asked for.
    #[must_use]
    pub fn unplayed(&self) -> usize {
        let state = lock(&self.shared.state);
        state.anybody.len() + state.scripts.values().map(VecDeque::len).sum::<usize>()
    }

    /// Every request since the start or the last [`ModelSession::forget`], in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<ModelRequest>> {
        lock(&self.shared.state).requests.clone()
    }

    /// The first remembered request that fits, waited for until the deadline.
    #[must_use]
    pub fn wait_for(
        &self,
        deadline: Instant,
        fits: impl Fn(&ModelRequest) -> bool,
    ) -> Option<Arc<ModelRequest>> {
        if let Some(request) = self.requests().into_iter().find(|request| fits(request)) {
            return Some(request);
        }
        let (past, coming) = self.past_and_coming();
        if let Some(request) = past.into_iter().find(|request| fits(request)) {
            return Some(request);
        }
        loop {
            let request = coming.recv_deadline(deadline).ok()?;
            if fits(&request) {
                return Some(request);
            }
        }
    }

    /// Every request from now on, for a `select!` over several sources.
    #[must_use]
    pub fn watch(&self) -> Receiver<Arc<ModelRequest>> {
        self.past_and_coming().1
    }

    /// Forgets what one thread was to be answered.
    pub fn forget_script(&self, thread: &str) {
        lock(&self.shared.state).scripts.remove(thread);
    }

    /// Forgets scripts and requests, and breaks the streams that are still held.
    pub fn forget(&self) {
        let mut state = lock(&self.shared.state);
        state.scripts.clear();
        state.anybody.clear();
        state.reviews.clear();
        state.requests.clear();
        state.played = 0;
        self.shared.epoch.send_modify(|epoch| *epoch += 1);
    }

    fn past_and_coming(&self) -> (Vec<Arc<ModelRequest>>, Receiver<Arc<ModelRequest>>) {
        let (watcher, coming) = unbounded();
        let mut state = lock(&self.shared.state);
        state.watchers.push(watcher);
        (state.requests.clone(), coming)
    }
}

impl Drop for ModelSession {
    fn drop(&mut self) {
        lock(&self.registry.stages).remove(&self.token);
        self.forget();
    }
}

impl Default for SessionShared {
    fn default() -> SessionShared {
        SessionShared { state: Mutex::default(), epoch: watch::Sender::new(0) }
    }
}

impl SessionShared {
    /// Remembers a request and takes the answer to it; `None` when too many are remembered.
    pub(super) fn ask(&self, request: ModelRequest) -> Option<Cue> {
        let mut state = lock(&self.state);
        if state.requests.len() >= REQUESTS {
            return None;
        }
        let answer = match request.is_review() {
            true => state.reviewed(request.parent.as_deref()),
            false => state.take(request.thread.as_deref()),
        };
        let request = Arc::new(request);
        state.requests.push(Arc::clone(&request));
        state.watchers.retain(|watcher| watcher.send(Arc::clone(&request)).is_ok());
        state.played += 1;
        Some(Cue { answer, number: state.played, forgotten: self.epoch.subscribe() })
    }
}

impl State {
    fn reviewed(&self, parent: Option<&str>) -> Answer {
        let said = parent.and_then(|parent| self.reviews.get(parent)).cloned();
        said.unwrap_or_else(|| Reply::Text(DENIED.to_owned())).into()
    }

    fn take(&mut self, thread: Option<&str>) -> Answer {
        let own = thread.and_then(|thread| self.scripts.get_mut(thread));
        let answer = own.and_then(VecDeque::pop_front).or_else(|| self.anybody.pop_front());
        answer.unwrap_or_else(|| Reply::Text(DEFAULT_TEXT.to_owned()).into())
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer { reply, call: None, namespace: None, delay: None, gate: None }
    }
}

impl Answer {
    /// Waits this long before it says anything.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Answer {
        self.delay = Some(delay);
        self
    }

    /// Waits for the gate before it says anything; a [`Reply::Hold`] begins first, then waits.
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

    /// Gives a [`Reply::Call`] this id instead of `call-` and the number of the answer.
    #[must_use]
    pub fn with_call_id(mut self, id: &str) -> Answer {
        self.call = Some(id.to_owned());
        self
    }
}
