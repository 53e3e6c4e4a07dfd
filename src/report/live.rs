//! The page of a running campaign, for a browser on the same machine.
//!
//! It listens on a loopback address, below a token that the address contains. The page is the one of
//! `report.html`; it asks for its changing part again and again, and is answered as soon as
//! something has changed. Once the campaign is over it stays as it is.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, after, select};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

use self::shared::Shared;
use super::finding::ReplayCommands;
use super::invocation::Invocation;
use super::results::Results;
use crate::campaign::Event;

mod http;
mod shared;
mod so_far;

/// How long a page that was opened may take to fetch the last state: it asks at once, and a page
/// that was closed never does.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes of a token: too many to guess.
const TOKEN_BYTES: usize = 16;

/// The page and the thread that serves it. Dropping it ends both.
#[derive(Debug)]
pub struct LivePage {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// A message for each page that has got the last state.
    farewells: Receiver<()>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl LivePage {
    /// Opens a listener on a loopback address.
    ///
    /// # Errors
    /// When the machine refuses the address, a thread or an event queue.
    pub fn start(
        address: SocketAddr,
        invocation: Invocation,
        commands: ReplayCommands,
    ) -> io::Result<LivePage> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (done, farewells) = crossbeam_channel::unbounded();
        let shared = Arc::new(Shared::new(token()?, invocation, commands));
        let site = Arc::new(http::Site { address, shared: Arc::clone(&shared), done });
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("live page".to_owned()).spawn(move || {
            runtime.block_on(http::serve(listener, site, stopped));
        })?;
        Ok(LivePage { address, shared, farewells, stop, thread: Some(thread) })
    }

    /// The address to open in a browser.
    pub fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.shared.token())
    }

    /// Takes an event, so long after the beginning of the campaign.
    pub fn on_event(&self, event: &Event, elapsed: Duration) {
        self.shared.on_event(event, elapsed);
    }

    /// Shows the results of the whole campaign, and gives the open pages time to fetch them.
    pub fn end(self, results: &Results<'_>) {
        let pages = self.shared.end(results);
        let deadline = after(FAREWELL);
        for _ in 0..pages {
            select! {
                recv(self.farewells) -> _ => {}
                recv(deadline) -> _ => return,
            }
        }
    }
}

impl Drop for LivePage {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Letters that cannot be guessed, from the system.
fn token() -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
