//! A mock of the model: an HTTP server on the loopback interface that plays scripted answers as
//! event streams and remembers every request.
//!
//! One listener carries many sessions, each below a token of its own. A request to another path is
//! refused and remembered as a stray. Without a script the model answers "ok".

pub mod answer;
mod http;
mod script;
pub mod session;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

use self::session::{ModelSession, Registry};

/// The time that a connection to itself may take; it takes less than a millisecond.
const REACHED_WITHIN: Duration = Duration::from_secs(5);

/// A listener on the loopback interface with a thread of its own. Dropping it ends both.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::time::{Duration, Instant};
/// use heirloom::mock_model::MockModel;
/// use heirloom::mock_model::answer::Answer;
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
    registry: Arc<Registry>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl MockModel {
    /// Opens a listener on a free port of the loopback interface.
    ///
    /// # Errors
    /// When the machine grants no port, thread or event queue, or the port cannot be reached.
    pub fn start() -> io::Result<MockModel> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let registry = Arc::new(Registry::default());
        let served = Arc::clone(&registry);
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("mock model".to_owned()).spawn(move || {
            runtime.block_on(http::serve(listener, served, stopped));
        })?;
        let mock_model = MockModel { address, registry, stop, thread: Some(thread) };
        // A machine whose loopback interface is down grants the port all the same.
        TcpStream::connect_timeout(&address, REACHED_WITHIN)?;
        Ok(mock_model)
    }

    /// Whether a request to a session has come so far.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.registry.was_asked()
    }

    /// A new model without scripts.
    #[must_use]
    pub fn session(&self) -> ModelSession {
        ModelSession::new(self.address, &self.registry)
    }

    /// Method and path of the requests to unknown paths: the first 256, oldest first.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        self.registry.strays()
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
