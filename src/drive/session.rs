//! [edge] One server with one client on it, from its start to its end.
//!
//! Starting is launch and handshake; what goes wrong there is told apart as ours (it cannot be
//! launched) and the server's (it said nothing, or the wrong thing).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;
use crate::client::{Arrived, Client, Lost};
use crate::disk::Home;
use crate::server::{Ended, Launch, Server};
use crate::wire::rpc::Surface;

/// Between the end of a process's stdout and the end of the process itself lie milliseconds.
const REAP_DEADLINE: Duration = Duration::from_secs(2);

/// Who the client says it is.
pub(super) const NAME: &str = "heirloom";

/// A running server and the one connection to it.
#[derive(Debug)]
pub(super) struct Session {
    server: Server,
    /// The connection.
    pub(super) client: Client,
    /// How the server introduced itself.
    pub(super) hello: Value,
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

impl Session {
    /// Starts a server on a home and introduces the client.
    pub(super) fn start(bench: &Bench, home: &Home) -> Result<Session, NoSession> {
        let mut launch = Launch::new(&bench.executable, &home.places().home);
        launch.scratch = home.scratch();
        launch.temp = home.temp();
        launch.directory = home.scratch();
        let mut server =
            Server::start(&launch).map_err(|error| NoSession::Ours(error.to_string()))?;
        let pipes = server.pipes().expect("nobody took them yet");
        let mut client = Client::over(pipes.output, pipes.input);
        let deadline = Instant::now() + bench.patience.answer;
        match client.initialize(NAME, Surface::Experimental, deadline) {
            Ok(Ok(hello)) => Ok(Session { server, client, hello }),
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

    /// Kills it.
    pub(super) fn kill(&mut self) -> Ended {
        self.server.kill()
    }
}
