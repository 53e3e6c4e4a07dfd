//! The stand-in for the model.
//!
//! A loopback HTTP server that plays scripted answers as event streams and remembers every
//! request. One listener carries many stages, each below a token of its own; what is asked
//! elsewhere is refused and remembered as a stray. Decides nothing: an empty script says "ok".

mod http;
mod race;
mod script;
mod session;
mod tape;

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

/// The strays that are remembered: one is a finding, a thousand are no better.
const STRAYS: usize = 256;

/// A listener on the loopback with a thread of its own. Dropping it ends both.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::time::{Duration, Instant};
/// use heirloom::plan::Reply;
/// use heirloom::upstream::{Answer, Upstream};
///
/// let upstream = Upstream::start()?;
/// let stage = upstream.stage();
/// stage.queue("thread-1", Reply::Text("hello".into()));
/// stage.queue_any(Answer::from(Reply::Status(503)).after(Duration::from_millis(5)));
///
/// // What a server does with the stage's base URL:
/// let url = stage.base_url();
/// let (host, path) = url["http://".len()..].split_once('/').expect("a path");
/// let mut ask = TcpStream::connect(host)?;
/// write!(ask, "POST /{path}/responses HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n")?;
/// write!(ask, "thread-id: thread-1\r\ncontent-length: 12\r\n\r\n{}", r#"{"input":[]}"#)?;
/// let mut answer = String::new();
/// ask.read_to_string(&mut answer)?;
/// assert!(answer.contains(r#""text":"hello""#));
///
/// let soon = Instant::now() + Duration::from_secs(10);
/// let request = stage.wait_for(soon, |_| true).expect("it was just asked");
/// assert_eq!(request.thread.as_deref(), Some("thread-1"));
/// assert_eq!(stage.unplayed(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct MockModel {
    address: SocketAddr,
    registry: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// One model, with its scripts and its memory, below a token of its own. Dropping it retires the
/// token and breaks what it still holds open.
#[derive(Debug)]
pub struct ModelSession {
    address: SocketAddr,
    token: String,
    registry: Arc<Shared>,
    shared: Arc<session::SessionShared>,
}

/// What to say to one request, and when.
#[derive(Debug, Clone)]
pub struct Answer {
    reply: Reply,
    call: Option<String>,
    namespace: Option<&'static str>,
    delay: Option<Duration>,
    gate: Option<Gate>,
}

/// Something that is shut, and once opened stays open. Clones are one gate.
///
/// ```
/// use heirloom::plan::Reply;
/// use heirloom::upstream::{Answer, Gate, Upstream};
///
/// let upstream = Upstream::start()?;
/// let stage = upstream.stage();
/// let gate = Gate::new();
/// stage.queue("thread-1", Answer::from(Reply::Text("late".into())).behind(&gate));
/// let held = stage.hold("thread-2"); // a stream that has begun and does not go on
/// gate.release();
/// held.release();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
}

/// What all stages of one listener share.
#[derive(Debug, Default)]
struct Shared {
    stages: Mutex<BTreeMap<String, Arc<session::SessionShared>>>,
    strays: Mutex<Vec<String>>,
}

impl MockModel {
    /// Opens a listener on a free port of the loopback.
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
        let registry = Arc::new(Shared::default());
        let shared = Arc::clone(&registry);
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            runtime.block_on(http::serve(listener, shared, stopped));
        })?;
        Ok(MockModel { address, registry, stop, thread: Some(thread) })
    }

    /// A new model, which nobody knows of yet.
    #[must_use]
    pub fn stage(&self) -> ModelSession {
        let token = token();
        let shared = Arc::new(session::SessionShared::default());
        lock(&self.registry.stages).insert(token.clone(), Arc::clone(&shared));
        ModelSession { address: self.address, token, registry: Arc::clone(&self.registry), shared }
    }

    /// What was asked where nothing is, oldest first: method and path, the first 256 of them.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        lock(&self.registry.strays).clone()
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
    /// A gate that is shut.
    #[must_use]
    pub fn new() -> Gate {
        Gate { open: Arc::new(watch::Sender::new(false)) }
    }

    /// Opens it; opening it again does nothing.
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

/// 128 bits that nobody guesses: the standard library keys its hashers from the system's entropy.
fn token() -> String {
    let half = || RandomState::new().hash_one("token");
    format!("{:016x}{:016x}", half(), half())
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
