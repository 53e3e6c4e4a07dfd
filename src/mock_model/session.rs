//! Sessions: the scripts for each thread, and the requests so far.
//!
//! A thread's own script comes first, then the script for any thread, then "ok". A request is
//! remembered before it is answered, so that a client that sees the answer finds the request.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::watch;

use crate::mock_model::answer::{Answer, Gate};
use crate::program::reply::Reply;
use crate::protocol::model::ModelRequest;
use crate::protocol::probe::DENIED;

/// The text of an answer without a script.
pub(super) const DEFAULT_TEXT: &str = "ok";

/// How many requests a session remembers: a case makes some dozens, a server in a loop never ends.
const REQUESTS: usize = 4096;

/// How many strays are remembered: one is a finding, and a thousand tell no more.
const STRAYS: usize = 256;

/// The sessions of one listener by their tokens, and the requests to unknown paths.
#[derive(Debug, Default)]
pub(super) struct Registry {
    sessions: Mutex<BTreeMap<String, Arc<SessionShared>>>,
    strays: Mutex<Vec<String>>,
    asked: AtomicBool,
}

/// One model with its scripts and the requests to it, below a token of its own. Dropping it retires
/// the token and breaks the answers that are still held open.
#[derive(Debug)]
pub struct ModelSession {
    address: SocketAddr,
    token: String,
    registry: Arc<Registry>,
    shared: Arc<SessionShared>,
}

#[derive(Debug)]
pub(super) struct SessionShared {
    state: Mutex<State>,
    /// Counts the resets: an answer that is still held from before one breaks.
    resets: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    scripts: BTreeMap<String, VecDeque<Answer>>,
    any_thread: VecDeque<Answer>,
    /// The reviewing model's replies, by the thread that it reviews.
    reviews: BTreeMap<String, Reply>,
    requests: Vec<Arc<ModelRequest>>,
    watchers: Vec<Sender<Arc<ModelRequest>>>,
    played: u64,
}

/// An answer that was taken from its script.
pub(super) struct TakenAnswer {
    pub(super) answer: Answer,
    /// Counts the answers of the session, from 1.
    pub(super) number: u64,
    pub(super) reset: watch::Receiver<u64>,
}

impl Registry {
    /// The session that a request is for.
    pub(super) fn asked(&self, token: &str) -> Option<Arc<SessionShared>> {
        let session = lock(&self.sessions).get(token).cloned();
        self.asked.fetch_or(session.is_some(), Ordering::Relaxed);
        session
    }

    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn remember_stray(&self, method: &str, path: &str) {
        let mut strays = lock(&self.strays);
        if strays.len() < STRAYS {
            strays.push(format!("{method} {path}"));
        }
    }

    pub(super) fn strays(&self) -> Vec<String> {
        lock(&self.strays).clone()
    }
}

impl ModelSession {
    pub(super) fn new(address: SocketAddr, registry: &Arc<Registry>) -> ModelSession {
        let token = token();
        let shared = Arc::new(SessionShared::default());
        lock(&registry.sessions).insert(token.clone(), Arc::clone(&shared));
        ModelSession { address, token, registry: Arc::clone(registry), shared }
    }

    /// The provider's `base_url`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/{}/v1", self.address, self.token)
    }

    /// Adds an answer for the thread with this id.
    pub fn queue(&self, thread: &str, answer: impl Into<Answer>) {
        let mut state = lock(&self.shared.state);
        state.scripts.entry(thread.to_owned()).or_default().push_back(answer.into());
    }

    /// Adds an answer for any thread whose own script is empty.
    pub fn queue_any(&self, answer: impl Into<Answer>) {
        lock(&self.shared.state).any_thread.push_back(answer.into());
    }

    /// Sets the reviewing model's reply about a thread's probes, however often it is asked. It
    /// denies those of other threads.
    pub fn review(&self, thread: &str, reply: Reply) {
        lock(&self.shared.state).reviews.insert(thread.to_owned(), reply);
    }

    /// Adds an answer that begins, and then waits for the gate or for the connection to end.
    #[must_use]
    pub fn hold(&self, thread: &str) -> Gate {
        let gate = Gate::new();
        self.queue(thread, Answer::from(Reply::Hold).behind(&gate));
        gate
    }

    /// How many queued answers were not asked for.
    #[must_use]
    pub fn unplayed(&self) -> usize {
        let state = lock(&self.shared.state);
        state.any_thread.len() + state.scripts.values().map(VecDeque::len).sum::<usize>()
    }

    /// Every request since the start or the last [`ModelSession::reset`], in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<ModelRequest>> {
        lock(&self.shared.state).requests.clone()
    }

    /// The first request that fits; waits for one until the deadline.
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

    /// Receives every request from now on.
    #[must_use]
    pub fn watch(&self) -> Receiver<Arc<ModelRequest>> {
        self.past_and_coming().1
    }

    /// Drops the answers that are queued for one thread.
    pub fn clear_script(&self, thread: &str) {
        lock(&self.shared.state).scripts.remove(thread);
    }

    /// Drops the answers that are queued for any thread.
    pub fn clear_any(&self) {
        lock(&self.shared.state).any_thread.clear();
    }

    /// Drops scripts and requests, and breaks the answers that are still held.
    pub fn reset(&self) {
        let mut state = lock(&self.shared.state);
        state.scripts.clear();
        state.any_thread.clear();
        state.reviews.clear();
        state.requests.clear();
        state.played = 0;
        self.shared.resets.send_modify(|resets| *resets += 1);
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
        lock(&self.registry.sessions).remove(&self.token);
        self.reset();
    }
}

impl Default for SessionShared {
    fn default() -> SessionShared {
        SessionShared { state: Mutex::default(), resets: watch::Sender::new(0) }
    }
}

impl SessionShared {
    /// Remembers a request and takes the answer to it; `None` when too many are remembered.
    pub(super) fn take_answer(&self, request: ModelRequest) -> Option<TakenAnswer> {
        let mut state = lock(&self.state);
        if state.requests.len() >= REQUESTS {
            return None;
        }
        let answer = if request.is_review() {
            state.review_of(request.parent.as_deref())
        } else {
            state.next_answer(request.thread.as_deref())
        };
        let request = Arc::new(request);
        state.requests.push(Arc::clone(&request));
        state.watchers.retain(|watcher| watcher.send(Arc::clone(&request)).is_ok());
        state.played += 1;
        Some(TakenAnswer { answer, number: state.played, reset: self.resets.subscribe() })
    }
}

impl State {
    fn review_of(&self, thread: Option<&str>) -> Answer {
        let reply = thread.and_then(|thread| self.reviews.get(thread)).cloned();
        reply.unwrap_or_else(|| Reply::Text(DENIED.to_owned())).into()
    }

    fn next_answer(&mut self, thread: Option<&str>) -> Answer {
        let script = thread.and_then(|thread| self.scripts.get_mut(thread));
        let answer = script.and_then(VecDeque::pop_front).or_else(|| self.any_thread.pop_front());
        answer.unwrap_or_else(|| Reply::Text(DEFAULT_TEXT.to_owned()).into())
    }
}

/// 128 bits that cannot be guessed: the standard library keys its hashers from the system's
/// entropy.
fn token() -> String {
    let half = || RandomState::new().hash_one("token");
    format!("{:016x}{:016x}", half(), half())
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
