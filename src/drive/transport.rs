//! Several clients of one server, over a socket.
//!
//! A program with a second client runs on a server that listens on a socket, and any other program
//! on one over pipes. The first client is there from the start; each further one connects when it
//! is needed, and introduces itself like the first.

use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::session::{NAME, NoSession, Session, Site};
use super::timeouts::Timeouts;
use crate::client::{Arrived, Client, ClientError, socket};
use crate::program::Program;
use crate::program::ops::Step;
use crate::protocol::rpc::Surface;
use crate::server::Server;

/// The pause between two attempts to connect to a socket that is not there yet: a server needs
/// 50 ms.
const RETRY: Duration = Duration::from_millis(5);

/// How a server talks to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// With one client, over its stdin and stdout.
    Pipes,
    /// With several, over a socket.
    Socket,
}

impl Transport {
    /// The one that a program needs. The SDK has one client, over pipes.
    pub(super) fn of(program: &Program) -> Transport {
        if program.steps.iter().any(needs_clients) { Transport::Socket } else { Transport::Pipes }
    }
}

/// Whether a step needs clients beside the first.
fn needs_clients(step: &Step) -> bool {
    match step {
        Step::KillDuring(inner, _) => needs_clients(inner),
        step => matches!(step, Step::SecondClient(_) | Step::Parallel(_)),
    }
}

impl Session {
    /// Starts a server on a home and introduces the first client.
    pub(super) fn over(transport: Transport, site: Site<'_>) -> Result<Session, NoSession> {
        match transport {
            Transport::Pipes => Session::start(site),
            Transport::Socket => Session::listen(site),
        }
    }

    fn listen(site: Site<'_>) -> Result<Session, NoSession> {
        let Site { home, timeouts, .. } = site;
        let path = home.socket();
        if let Err(error) = SocketAddr::from_pathname(&path) {
            let path = path.display();
            let advice = "set TMPDIR to a shorter path";
            return Err(NoSession::Ours(format!("cannot listen on {path}: {error}; {advice}")));
        }
        // A killed server leaves its socket, and the new one would remove it a moment later.
        home.clear_socket().map_err(|error| {
            let path = path.display();
            NoSession::Ours(format!("cannot remove {path}: {error}; run it again"))
        })?;
        let mut server = Session::launch(site, Some(&path)).map_err(NoSession::Ours)?;
        let deadline = Instant::now() + timeouts.reply;
        let client = match dial(&mut server, &path, deadline) {
            Ok(stream) => connect(stream, timeouts),
            Err(lost) => {
                return Err(NoSession::Silent { lost, ended: server.kill(), garbage: None });
            }
        };
        let session = Session::introduce(timeouts, server, client?)?;
        Ok(Session { socket: Some(path), ..session })
    }

    pub(super) fn transport(&self) -> Transport {
        if self.socket.is_some() { Transport::Socket } else { Transport::Pipes }
    }

    /// Connects clients until there is one with this number; the first has 0.
    pub(super) fn connect(&mut self, number: usize) -> Result<(), NoSession> {
        while self.others.len() < number {
            let path = self.socket.as_ref().expect("a program with several clients has a socket");
            let refused = |error| NoSession::Refused(format!("cannot connect once more: {error}"));
            let mut client = connect(UnixStream::connect(path).map_err(refused)?, self.timeouts)?;
            let deadline = Instant::now() + self.timeouts.reply;
            match client.initialize(NAME, Surface::Experimental, deadline) {
                Ok(Ok(_)) => self.others.push(client),
                Ok(Err(error)) => return Err(NoSession::Refused(error.to_string())),
                Err(lost) => return Err(NoSession::Refused(lost.to_string())),
            }
        }
        Ok(())
    }

    /// The client with this number.
    pub(super) fn client(&mut self, number: usize) -> &mut Client {
        match number.checked_sub(1) {
            None => &mut self.client,
            Some(other) => self.others.get_mut(other).expect("it was connected before"),
        }
    }

    /// The next thing that arrived at any client, with the client's number.
    pub(super) fn next(&mut self, deadline: Instant) -> Option<(usize, Arrived)> {
        let others = self.others.iter_mut();
        let mut all: Vec<&mut Client> = std::iter::once(&mut self.client).chain(others).collect();
        Client::next_of(&mut all, deadline)
    }

    /// Disconnects all clients but the first, and drops what came for that one.
    pub(super) fn renew(&mut self) {
        self.others.clear();
        drop(self.client.drain());
    }
}

/// Connects to the socket of a server that has just been started, as soon as it listens.
fn dial(server: &mut Server, path: &Path, deadline: Instant) -> Result<UnixStream, ClientError> {
    let awaited = || "socket that listens".to_owned();
    loop {
        if let Ok(stream) = UnixStream::connect(path) {
            return Ok(stream);
        }
        if Instant::now() >= deadline {
            return Err(ClientError::Deadline { awaited: awaited() });
        }
        if server.ended_by(Instant::now() + RETRY).is_some() {
            return Err(ClientError::Closed { awaited: awaited() });
        }
    }
}

fn connect(stream: UnixStream, timeouts: Timeouts) -> Result<Client, NoSession> {
    match socket::open(stream, timeouts.reply) {
        Ok((reader, writer)) => Ok(Client::over(reader, writer)),
        Err(error) => Err(NoSession::Refused(format!("no WebSocket: {error}"))),
    }
}
