//! [edge] One server with one client on it, from its start to its end.
//!
//! Starting is launch and handshake; what goes wrong there is told apart as ours (it cannot be
//! launched) and the server's (it said nothing, or the wrong thing).

use std::io;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;
use crate::client::{Arrived, Client, Lost};
use crate::disk::Home;
use crate::server::{Ended, Launch, Server};
use crate::wire::rpc::{RpcError, Surface};

/// Between the end of a process's stdout and the end of the process itself lie milliseconds.
const REAP_DEADLINE: Duration = Duration::from_secs(2);

/// A running server and the one connection to it.
#[derive(Debug)]
pub(super) struct Session {
    server: Server,
    /// The connection.
    pub(super) client: Client,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The process could not be started.
    Ours(String),
    /// The process did not take the handshake, how it ended, and what it said that is no message.
    Silent(Lost, Ended, Option<String>),
    /// It refused the handshake.
    Refused(String),
}

/// What a server said to a request that nobody had introduced himself before.
#[derive(Debug)]
pub(super) enum Early {
    /// It was granted.
    Granted,
    /// It was refused.
    Refused(RpcError),
    /// Nothing, and how the process ended.
    Lost(Lost, Ended),
    /// The process could not be started.
    Ours(String),
}

impl Early {
    /// Starts a server on a home beside whatever runs there, asks it this one thing, and ends it.
    pub(super) fn ask(
        bench: &Bench,
        home: &Home,
        (method, params): (&str, Value),
        deadline: Instant,
    ) -> Early {
        let mut session = match launch(bench, home) {
            Ok(session) => session,
            Err(reason) => return Early::Ours(reason),
        };
        match session.client.call(method, params, deadline) {
            Ok(outcome) => {
                session.stop(bench);
                outcome.map_or_else(Early::Refused, |_| Early::Granted)
            }
            Err(lost @ Lost::Deadline { .. }) => Early::Lost(lost, session.kill()),
            Err(lost) => Early::Lost(lost, session.reap()),
        }
    }
}

/// Starts a server on a home.
fn launch(bench: &Bench, home: &Home) -> Result<Session, String> {
    let mut launch = Launch::new(&bench.executable, &home.places().home);
    launch.scratch = home.scratch();
    launch.temp = home.temp();
    launch.directory = home.scratch();
    let mut server = Server::start(&launch).map_err(|error| error.to_string())?;
    let pipes = server.pipes().expect("nobody took them yet");
    let client = Client::over(pipes.output, pipes.input);
    Ok(Session { server, client })
}

impl Session {
    /// Starts a server on a home and introduces the client.
    pub(super) fn start(bench: &Bench, home: &Home) -> Result<Session, NoSession> {
        let Session { mut server, mut client } =
            launch(bench, home).map_err(NoSession::Ours)?;
        let deadline = Instant::now() + bench.patience.answer;
        match client.initialize("heirloom", Surface::Experimental, deadline) {
            Ok(Ok(_)) => Ok(Session { server, client }),
            Ok(Err(error)) => Err(NoSession::Refused(error.to_string())),
            Err(lost) => {
                let ended = server.kill();
                let garbage = client.drain().into_iter().find_map(|arrived| match arrived {
                    Arrived::Garbage(line) => Some(line.to_string()),
                    Arrived::Message(_) | Arrived::Closed => None,
                });
                Err(NoSession::Silent(lost, ended, garbage))
            }
        }
    }

    /// Ends its stdin and waits.
    pub(super) fn stop(&mut self, bench: &Bench) -> Ended {
        self.server.stop(Instant::now() + bench.patience.stop)
    }

    /// How it ended after it closed its stdout; one that goes on all the same is killed.
    pub(super) fn reap(mut self) -> Ended {
        match self.server.ended_by(Instant::now() + REAP_DEADLINE) {
            Some(ended) => ended,
            None => self.server.kill(),
        }
    }

    /// Lets its writes to files fail from now on, or succeed again.
    pub(super) fn limit_files(&self, full: bool) -> io::Result<()> {
        self.server.limit_files(full)
    }

    /// Kills it.
    pub(super) fn kill(&mut self) -> Ended {
        self.server.kill()
    }
}
