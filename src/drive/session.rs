//! One server with its clients on it, from its start to its end.
//!
//! Starting is launch and handshake; what goes wrong there is told apart as ours (it cannot be
//! launched) and the server's (it said nothing, or the wrong thing). Over pipes there is one
//! client; over a socket there may be more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{TestBed, Timeouts};
use crate::client::{Arrived, Client, ClientError};
use crate::home::Home;
use crate::protocol::rpc::{RpcError, Surface};
use crate::server::{Ended, Launch, Server};

/// Between the end of a process's stdout and the end of the process itself lie milliseconds.
const REAP_DEADLINE: Duration = Duration::from_secs(2);

/// Who the client says it is.
pub(super) const NAME: &str = "heirloom";

/// What a server over a socket is given for a turn that the model holds and that never ends: one
/// that has none is gone within 30 ms.
const DRAIN: Duration = Duration::from_millis(500);

/// A running server and the connections to it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) server: Server,
    /// The first connection, which every session has.
    pub(super) client: Client,
    /// How the server introduced itself.
    pub(super) hello: Value,
    /// The further ones, in order.
    pub(super) others: Vec<Client>,
    /// Where further clients connect; none over pipes.
    pub(super) socket: Option<PathBuf>,
}

/// What a session is started with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) executable: &'a Path,
    pub(super) home: &'a Home,
    /// How long is waited.
    pub(super) timeouts: Timeouts,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The process could not be started.
    Ours(String),
    /// The process did not take the handshake, how it ended, and what it said that is no message.
    Silent(ClientError, Ended, Option<String>),
    /// It refused the handshake.
    Refused(String),
}

/// What a server said to a request that nobody had introduced himself before.
#[derive(Debug)]
pub(super) enum BeforeInitialize {
    /// It was granted.
    Granted,
    /// It was refused.
    Refused(RpcError),
    /// Nothing, and how the process ended.
    Lost(ClientError, Ended),
    /// The process could not be started.
    Ours(String),
}

/// How a server ended that was lost: one that still lives is killed. A closed stdout comes some
/// time before the end.
fn end_of(server: &mut Server, lost: &ClientError) -> Ended {
    match lost {
        ClientError::Closed { .. } => reaped(server),
        _ => server.kill(),
    }
}

fn reaped(server: &mut Server) -> Ended {
    server.ended_by(Instant::now() + REAP_DEADLINE).unwrap_or_else(|| server.kill())
}

impl BeforeInitialize {
    /// Starts a server on a home beside whatever runs there, asks it this one thing, and ends it.
    pub(super) fn ask(
        site: Site<'_>,
        (method, params): (&str, Value),
        deadline: Instant,
    ) -> BeforeInitialize {
        let mut server = match Session::launch(site, None) {
            Ok(server) => server,
            Err(NoSession::Ours(reason) | NoSession::Refused(reason)) => {
                return BeforeInitialize::Ours(reason);
            }
            Err(NoSession::Silent(lost, ended, _)) => return BeforeInitialize::Lost(lost, ended),
        };
        let pipes = server.pipes().expect("nobody took them yet");
        let mut client = Client::over(pipes.output, pipes.input);
        match client.call(method, params, deadline) {
            Ok(outcome) => {
                server.stop(Instant::now() + site.timeouts.stop);
                outcome.map_or_else(BeforeInitialize::Refused, |_| BeforeInitialize::Granted)
            }
            Err(lost) => {
                let ended = end_of(&mut server, &lost);
                BeforeInitialize::Lost(lost, ended)
            }
        }
    }
}

impl Session {
    /// Starts a server on a home and introduces the client.
    pub(super) fn start(site: Site<'_>) -> Result<Session, NoSession> {
        let mut server = Session::launch(site, None)?;
        let pipes = server.pipes().expect("nobody took them yet");
        Session::introduce(site.timeouts, server, Client::over(pipes.output, pipes.input))
    }

    /// Starts the process, for pipes or for a socket there.
    pub(super) fn launch(site: Site<'_>, socket: Option<&Path>) -> Result<Server, NoSession> {
        let home = site.home;
        let mut launch = Launch::new(site.executable, &home.places().home);
        launch.scratch = home.scratch();
        launch.temp = home.temp();
        launch.directory = home.scratch();
        if let Some(path) = socket {
            let address = format!("unix://{}", path.display());
            launch.arguments.extend(["--listen".to_owned(), address]);
        }
        Server::start(&launch).map_err(|error| NoSession::Ours(error.to_string()))
    }

    /// Introduces the first client.
    pub(super) fn introduce(
        timeouts: Timeouts,
        mut server: Server,
        mut client: Client,
    ) -> Result<Session, NoSession> {
        let deadline = Instant::now() + timeouts.answer;
        match client.initialize(NAME, Surface::Experimental, deadline) {
            Ok(Ok(hello)) => {
                Ok(Session { server, client, hello, others: Vec::new(), socket: None })
            }
            Ok(Err(error)) => Err(NoSession::Refused(error.to_string())),
            Err(lost) => {
                let ended = end_of(&mut server, &lost);
                let garbage = client.drain().into_iter().find_map(|arrived| match arrived {
                    Arrived::Garbage(line) => Some(line.to_string()),
                    Arrived::Message(_) | Arrived::Closed => None,
                });
                Err(NoSession::Silent(lost, ended, garbage))
            }
        }
    }

    /// Asks it to end, and waits.
    pub(super) fn stop(&mut self, test_bed: &TestBed) -> Ended {
        self.end(test_bed.timeouts.stop / 2, test_bed.timeouts.stop)
    }

    /// Asks it to end in the middle of a turn, and waits.
    pub(super) fn stop_in_a_turn(&mut self, test_bed: &TestBed) -> Ended {
        self.end(DRAIN, test_bed.timeouts.stop)
    }

    fn end(&mut self, grace: Duration, timeouts: Duration) -> Ended {
        let deadline = Instant::now() + timeouts;
        match self.socket {
            None => self.server.stop(deadline),
            Some(_) => self.server.terminate(grace, deadline),
        }
    }

    /// How it ended after it closed its stdout; one that goes on all the same is killed.
    pub(super) fn reap(mut self) -> Ended {
        reaped(&mut self.server)
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
