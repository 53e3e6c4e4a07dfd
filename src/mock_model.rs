//! A mock of the model: an HTTP server on the loopback interface that plays scripted answers as
//! event streams and remembers every request.
//!
//! One listener carries many sessions, each below a token of its own. A request to another path is
//! refused and remembered as a stray. Without a script the model answers "ok".

mod http;
mod script;
mod session;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::program::reply::Reply;

/// How many strays are remembered: one is a finding, and a thousand tell no more.
const STRAYS: usize = 256;

/// A listener on the loopback interface with a thread of its own. Dropping it ends both.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::time::{Duration, Instant};
/// use heirloom::mock_model::{Answer, MockModel};
/// use heirloom::program::reply::Reply;
///
/// let mock_model = MockModel::start()?;
/// let session = mock_model.session();
/// session.queue("thread-1", Reply::Text("hello".into()));
/// session.queue_any(Answer::from(Reply::Status(503)).after(Duration::from_millis(5)));
///
/// // What a server does with the session's base URL:
/// let url = session.base_url();
/// let (host, path) = url["http://".len()..].split_once('/').expect("a path");
/// let mut stream = TcpStream::connect(host)?;
/// write!(stream, "POST /{path}/responses HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n")?;
/// write!(stream, "thread-id: thread-1\r\ncontent-length: 12\r\n\r\n{}", r#"{"input":[]}"#)?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.contains(r#""text":"hello""#));
///
/// let soon = Instant::now() + Duration::from_secs(10);
/// let request = session.wait_for(soon, |_| true).expect("it was just sent");
/// assert_eq!(request.thread.as_deref(), Some("thread-1"));
/// assert_eq!(session.unplayed(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MockModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// One model with its scripts and the requests to it, below a token of its own. Dropping it retires
/// the token and breaks the answers that are still held open.
#[derive(Debug)]
pub struct ModelSession {
    address: SocketAddr,
    token: String,
    registry: Arc<Shared>,
    shared: Arc<session::SessionShared>,
}

/// The answer to one request, and when it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    reply: Reply,
    call_id: Option<String>,
    namespace: Option<&'static str>,
    delay: Option<Duration>,
    gate: Option<Gate>,
}

/// Holds an answer back until it is released. Clones are one gate, and a released gate stays open.
///
/// ```
/// use heirloom::mock_model::{Answer, Gate, MockModel};
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
    open: Arc<watch::Sender<bool>>,
}

/// What all sessions of one listener share.
#[derive(Debug, Default)]
struct Shared {
    sessions: Mutex<BTreeMap<String, Arc<session::SessionShared>>>,
    strays: Mutex<Vec<String>>,
}

impl MockModel {
    /// Opens a listener on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the machine grants no port, thread or event queue.
    pub fn start() -> io::Result<MockModel> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("mock model".to_owned()).spawn(move || {
            runtime.block_on(http::serve(listener, served, stopped));
        })?;
        Ok(MockModel { address, shared, stop, thread: Some(thread) })
    }

    /// A new model without scripts.
    #[must_use]
    pub fn session(&self) -> ModelSession {
        let token = token();
        let shared = Arc::new(session::SessionShared::default());
        lock(&self.shared.sessions).insert(token.clone(), Arc::clone(&shared));
        ModelSession { address: self.address, token, registry: Arc::clone(&self.shared), shared }
    }

    /// Method and path of the requests to unknown paths: the first 256, oldest first.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        lock(&self.shared.strays).clone()
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Gate {
    /// A gate that holds.
    #[must_use]
    pub fn new() -> Gate {
        Gate { open: Arc::new(watch::Sender::new(false)) }
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

impl Shared {
    fn remember_stray(&self, method: &str, path: &str) {
        let mut strays = lock(&self.strays);
        if strays.len() < STRAYS {
            strays.push(format!("{method} {path}"));
        }
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
