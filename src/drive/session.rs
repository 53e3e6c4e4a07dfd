//! A running server and the connections to it, from its start to its end.
//!
//! A start is a launch and a handshake. A failure is either ours (it cannot be launched) or the
//! server's (it does not answer, or answers wrongly). Over pipes there is one client; over a socket
//! there may be more.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::sdk_process::SdkProcess;
use super::timeouts::Timeouts;
use crate::client::tape::Tape;
use crate::client::{Arrived, Client, ClientError};
use crate::home::Home;
use crate::protocol::requests::Call;
use crate::protocol::rpc::{RpcError, Surface};
use crate::server::{Ended, Launch, Server};

/// A process ends within milliseconds after its stdout.
const REAP_DEADLINE: Duration = Duration::from_secs(2);

/// How the client introduces itself.
pub(super) const NAME: &str = "heirloom";

/// How long a server on a socket may wait for a turn that the model holds and that never ends; one
/// without a turn exits within 30 ms.
const DRAIN: Duration = Duration::from_millis(500);

/// A running server and the connections to it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) process: Process,
    /// The first connection, which every session has.
    pub(super) client: Client,
    /// How the server introduced itself.
    pub(super) hello: Value,
    /// The further connections, in order.
    pub(super) others: Vec<Client>,
    /// Where further clients connect; none over pipes.
    pub(super) socket: Option<PathBuf>,
    pub(super) timeouts: Timeouts,
}

/// What runs the server.
#[derive(Debug)]
pub(super) enum Process {
    /// heirloom itself.
    Own(Server),
    /// The SDK, in a process of its own.
    Sdk(SdkProcess),
}

/// What a session is started with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    pub(super) executable: &'a Path,
    pub(super) home: &'a Home,
    pub(super) timeouts: Timeouts,
    /// Where its lines are recorded, if anywhere.
    pub(super) tape: Option<&'a Tape>,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The process could not be started.
    Ours(String),
    /// The server did not answer the handshake.
    Silent {
        lost: ClientError,
        ended: Ended,
        /// A line that it wrote and that is not JSON-RPC.
        garbage: Option<String>,
    },
    /// The server refused the handshake.
    Refused(String),
}

/// The server's answer to a request sent before `initialize`.
#[derive(Debug)]
pub(super) enum BeforeInitialize {
    Granted,
    Refused(RpcError),
    /// None, and how the process ended.
    Lost(ClientError, Ended),
    /// The process could not be started.
    Ours(String),
}

impl BeforeInitialize {
    /// Starts another server on a home, sends it this one request, and ends it.
    pub(super) fn ask(site: Site<'_>, call: Call) -> BeforeInitialize {
        let deadline = Instant::now() + site.timeouts.reply;
        let mut server = match Session::launch(site, None) {
            Ok(server) => server,
            Err(error) => return BeforeInitialize::Ours(error),
        };
        let mut client = pipe_client(&mut server);
        match client.call(call.method, call.params, deadline) {
            Ok(outcome) => {
                server.stop(Instant::now() + site.timeouts.stop);
                outcome.map_or_else(BeforeInitialize::Refused, |_| BeforeInitialize::Granted)
            }
            Err(lost) => {
                let ended = end_of_lost(&mut server, &lost);
                BeforeInitialize::Lost(lost, ended)
            }
        }
    }
}

impl Session {
    /// Starts a server on a home and introduces a client over pipes.
    pub(super) fn start(site: Site<'_>) -> Result<Session, NoSession> {
        let mut server = Session::launch(site, None).map_err(NoSession::Ours)?;
        let mut client = pipe_client(&mut server);
        if let Some(tape) = site.tape {
            client.record_on(tape);
        }
        Session::introduce(site.timeouts, server, client)
    }

    /// Starts the process, which listens on the socket where there is one, and else on its stdin.
    pub(super) fn launch(site: Site<'_>, socket: Option<&Path>) -> Result<Server, String> {
        Server::start(&Session::launch_of(site, socket)).map_err(|error| error.to_string())
    }

    /// The executable with its arguments, folders and environment.
    pub(super) fn launch_of(site: Site<'_>, socket: Option<&Path>) -> Launch {
        let home = site.home;
        let mut launch = Launch::new(site.executable, &home.places().home);
        launch.scratch = home.scratch();
        launch.temp = home.temp();
        launch.directory = home.scratch();
        launch.programs = Some(home.programs());
        launch.certificates = Some(home.certificate());
        if let Some(path) = socket {
            let address = format!("unix://{}", path.display());
            launch.arguments.extend(["--listen".to_owned(), address]);
        }
        launch
    }

    pub(super) fn introduce(
        timeouts: Timeouts,
        mut server: Server,
        mut client: Client,
    ) -> Result<Session, NoSession> {
        let deadline = Instant::now() + timeouts.reply;
        match client.initialize(NAME, Surface::Experimental, deadline) {
            Ok(Ok(hello)) => {
                let process = Process::Own(server);
                Ok(Session { process, client, hello, others: Vec::new(), socket: None, timeouts })
            }
            Ok(Err(error)) => Err(NoSession::Refused(error.to_string())),
            Err(lost) => {
                let ended = end_of_lost(&mut server, &lost);
                let garbage = client.drain().into_iter().find_map(|arrived| match arrived {
                    Arrived::Garbage(line) => Some(line.to_string()),
                    Arrived::Message(_) | Arrived::Closed => None,
                });
                Err(NoSession::Silent { lost, ended, garbage })
            }
        }
    }

    /// Asks the server to end, and waits.
    pub(super) fn stop(&mut self) -> Ended {
        self.end(self.timeouts.stop / 2)
    }

    /// Asks the server to end while a turn runs, and waits.
    pub(super) fn stop_during_turn(&mut self) -> Ended {
        self.end(DRAIN)
    }

    fn end(&mut self, grace: Duration) -> Ended {
        let deadline = Instant::now() + self.timeouts.stop;
        match &mut self.process {
            Process::Own(server) if self.socket.is_some() => server.terminate(grace, deadline),
            Process::Own(server) => server.stop(deadline),
            Process::Sdk(process) => process.hang_up(),
        }
    }

    /// How the server ended after it closed its stdout; one that still runs is killed.
    pub(super) fn reap(mut self) -> Ended {
        match &mut self.process {
            Process::Own(server) => reaped(server),
            Process::Sdk(process) => process.hang_up(),
        }
    }

    /// Makes the server's writes to files fail, or succeed again.
    pub(super) fn limit_files(&self, full: bool) -> io::Result<()> {
        match &self.process {
            Process::Own(server) => server.limit_files(full),
            // The SDK's Python lets the signal through that comes with a write beyond the limit.
            Process::Sdk(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) fn kill(&mut self) -> Ended {
        match &mut self.process {
            Process::Own(server) => server.kill(),
            Process::Sdk(process) => process.hang_up(),
        }
    }

    /// Whether the SDK has the server.
    pub(super) fn is_sdk(&self) -> bool {
        matches!(self.process, Process::Sdk(_))
    }
}

fn pipe_client(server: &mut Server) -> Client {
    let pipes = server.pipes().expect("the pipes of a new server are free");
    Client::over(pipes.output, pipes.input)
}

/// How a server that was lost ended; one that still runs is killed. It closes its stdout some time
/// before it ends.
fn end_of_lost(server: &mut Server, lost: &ClientError) -> Ended {
    match lost {
        ClientError::Closed { .. } => reaped(server),
        _ => server.kill(),
    }
}

fn reaped(server: &mut Server) -> Ended {
    server.ended_by(Instant::now() + REAP_DEADLINE).unwrap_or_else(|| server.kill())
}
