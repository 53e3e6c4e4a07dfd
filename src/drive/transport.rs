//! Several clients of one server, over a socket.
//!
//! A plan with a second client runs on a server that listens on a socket, and any other plan on one
//! over pipes. The first client is there from the start; each further one connects when it is
//! wanted, and introduces itself like the first.

use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Timeouts;
use super::session::{NoSession, Session, Site};
use crate::client::{Arrived, Client, Lost, socket};
use crate::program::Program;
use crate::program::ops::Step;
use crate::protocol::rpc::Surface;
use crate::server::Server;

/// Between two attempts to connect to a socket that is not there yet: a server needs 50 ms.
const KNOCK: Duration = Duration::from_millis(5);

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// By one client, over its stdin and stdout.
    Pipes,
    /// By several, over a socket.
    Socket,
}

impl Transport {
    /// What a plan needs.
    pub(super) fn of(program: &Program) -> Transport {
        if program.steps.iter().any(several) { Transport::Socket } else { Transport::Pipes }
    }
}

/// Whether a step wants clients beside the first.
fn several(step: &Step) -> bool {
    match step {
        Step::KillDuring(inner, _) => several(inner),
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
        // What a killed server leaves answers nobody, and the new one removes it a moment later.
        home.clear_socket().map_err(|error| {
            let path = path.display();
            NoSession::Ours(format!("cannot remove {path}: {error}; run it again"))
        })?;
        let mut server = Session::launch(site, Some(&path))?;
        let deadline = Instant::now() + timeouts.answer;
        let client = match dial(&mut server, &path, deadline) {
            Ok(stream) => connect(stream, timeouts),
            Err(lost) => return Err(NoSession::Silent(lost, server.kill(), None)),
        };
        let session = Session::introduce(timeouts, server, client?)?;
        Ok(Session { socket: Some(path), ..session })
    }

    /// How it is spoken to.
    pub(super) fn transport(&self) -> Transport {
        if self.socket.is_some() { Transport::Socket } else { Transport::Pipes }
    }

    /// Connects clients until there is one with this number; the first has 0.
    pub(super) fn connect(&mut self, timeouts: Timeouts, number: usize) -> Result<(), NoSession> {
        while self.others.len() < number {
            let path = self.socket.as_ref().expect("a plan with several clients has a socket");
            let refused = |error| NoSession::Refused(format!("cannot connect once more: {error}"));
            let mut client = connect(UnixStream::connect(path).map_err(refused)?, timeouts)?;
            let deadline = Instant::now() + timeouts.answer;
            match client.initialize("heirloom", Surface::Experimental, deadline) {
                Ok(Ok(_)) => self.others.push(client),
                Ok(Err(error)) => return Err(NoSession::Refused(error.to_string())),
                Err(lost) => return Err(NoSession::Refused(lost.to_string())),
            }
        }
        Ok(())
    }

    /// The client with this number.
    pub(super) fn speaker(&mut self, number: usize) -> &mut Client {
        match number.checked_sub(1) {
            None => &mut self.client,
            Some(other) => self.others.get_mut(other).expect("it was connected before"),
        }
    }

    /// The next thing that arrived at any client, with the client's number.
    pub(super) fn next(&mut self, deadline: Instant) -> Option<(usize, Arrived)> {
        let others = self.others.iter_mut();
        let mut all: Vec<&mut Client> = std::iter::once(&mut self.client).chain(others).collect();
        Client::first(&mut all, deadline)
    }

    /// Lets go of all clients but the first, and of what came for that one.
    pub(super) fn renew(&mut self) {
        self.others.clear();
        drop(self.client.drain());
    }
}

/// The socket of a server that has just been started, as soon as it listens.
fn dial(server: &mut Server, path: &Path, deadline: Instant) -> Result<UnixStream, Lost> {
    let awaited = || "socket that listens".to_owned();
    loop {
        if let Ok(stream) = UnixStream::connect(path) {
            return Ok(stream);
        }
        if Instant::now() >= deadline {
            return Err(Lost::Deadline { awaited: awaited() });
        }
        if server.ended_by(Instant::now() + KNOCK).is_some() {
            return Err(Lost::Closed { awaited: awaited() });
        }
    }
}

fn connect(stream: UnixStream, timeouts: Timeouts) -> Result<Client, NoSession> {
    match socket::open(stream, timeouts.answer) {
        Ok((heard, said)) => Ok(Client::over(heard, said)),
        Err(error) => Err(NoSession::Refused(format!("no WebSocket: {error}"))),
    }
}
