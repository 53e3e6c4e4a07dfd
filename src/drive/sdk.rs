//! The Python SDK's processes: one that imports it, and from that a process for each session.
//!
//! The import takes seconds, so that it is done once for a test bed. A session's process opens one
//! client of the SDK, which starts the server itself. The process and its server go when the
//! connection ends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use serde_json::Value;

use super::sdk_process::{SdkProcess, ended_by};
use super::session::{NoSession, Process, Session, Site};
use crate::client::{Arrived, Client, ClientError};
use crate::home::root::Root;
use crate::program::sdk::SdkClient;
use crate::protocol::rpc::Message;
use crate::protocol::sdk::{self, Event};
use crate::server::{Cause, Launch, Server};

/// The program that plays calls through the SDK.
const SHIM: &str = include_str!("../../clients/python/shim.py");

/// How long the import of the SDK may take: 3 s, and more on a loaded machine.
const IMPORT_DEADLINE: Duration = Duration::from_secs(60);

/// The process that has imported the SDK and forks one for each session.
#[derive(Debug)]
pub(super) struct Forker {
    /// Held: it ends with this.
    _python: Server,
    socket: PathBuf,
    pub(super) client: SdkClient,
}

/// Reads from the connection; its end is the end of the channel.
struct Reader {
    connection: UnixStream,
    _alive: Sender<Infallible>,
}

impl Forker {
    /// Starts Python and lets it import the SDK.
    pub(super) fn start(python: &Path, client: SdkClient, root: &Root) -> io::Result<Forker> {
        let folder = root.folder()?;
        let shim = folder.join("shim.py");
        fs::write(&shim, SHIM)?;
        let socket = folder.join("socket");
        let mut launch = Launch::new(python, &folder);
        let paths = [&shim, &socket].map(|path| path.display().to_string());
        let [shim, path] = paths;
        launch.arguments = vec!["-I".to_owned(), shim, path, client.to_string()];
        let mut python = Server::start(&launch).map_err(io::Error::other)?;
        let pipes = python.pipes().expect("the pipes of a new process are free");
        let mut lines = Client::over(pipes.output, pipes.input);
        let ready = lines.wait(Instant::now() + IMPORT_DEADLINE, |message| {
            sdk::event(message) == Some(Event::Hello)
        });
        if let Err(error) = ready {
            let ended = python.kill();
            let last = ended.stderr_tail.lines().last().unwrap_or("nothing").to_owned();
            return Err(io::Error::other(format!("{error}; last on its stderr: {last}")));
        }
        Ok(Forker { _python: python, socket, client })
    }
}

impl Session {
    /// Opens a client of the SDK, which starts a server on a home.
    pub(super) fn start_sdk(site: Site<'_>, forker: &Forker) -> Result<Session, NoSession> {
        let ours = |error: io::Error| NoSession::Ours(format!("cannot reach the SDK: {error}"));
        let connection = UnixStream::connect(&forker.socket).map_err(ours)?;
        let (alive, end) = bounded(0);
        let reader = Reader { connection: connection.try_clone().map_err(ours)?, _alive: alive };
        let writer = connection.try_clone().map_err(ours)?;
        let process = SdkProcess { connection, end };
        let mut client = Client::over(reader, writer);
        if let Some(tape) = site.tape {
            client.record_on(tape);
        }
        let hello = open(&mut client, site)?;
        let (timeouts, process) = (site.timeouts, Process::Sdk(process));
        Ok(Session { process, client, hello, others: Vec::new(), socket: None, timeouts })
    }
}

/// Opens the client; gives the server's answer to `initialize`.
fn open(client: &mut Client, site: Site<'_>) -> Result<Value, NoSession> {
    let launch = Session::launch_of(site, None);
    let environment: BTreeMap<String, String> = launch.environment().into_iter().collect();
    let order = sdk::open(site.executable, &environment, &launch.directory);
    let deadline = Instant::now() + site.timeouts.reply;
    let lost = |lost| {
        let ended = ended_by(None, String::new(), Cause::Itself);
        NoSession::Silent { lost, ended, garbage: None }
    };
    client.notify("open", order).map_err(lost)?;
    let mut hello = Value::Null;
    let awaited = || "answer to `initialize` by way of the SDK".to_owned();
    loop {
        let message = match client.next(deadline) {
            Some(Arrived::Message(message)) => message,
            Some(Arrived::Garbage(_)) => continue,
            Some(Arrived::Closed) => return Err(lost(ClientError::Closed { awaited: awaited() })),
            None => return Err(lost(ClientError::Deadline { awaited: awaited() })),
        };
        match sdk::event(&message) {
            Some(Event::Returned { .. }) => return Ok(hello),
            Some(Event::Raised { error, message, .. }) => {
                return Err(NoSession::Refused(format!("the SDK raised {error}: {message}")));
            }
            Some(Event::Ended { code, stderr }) => {
                let ended = ended_by(code, stderr, Cause::Itself);
                let lost = ClientError::Closed { awaited: awaited() };
                return Err(NoSession::Silent { lost, ended, garbage: None });
            }
            _ => {}
        }
        if let Message::Answer { outcome: Ok(result), .. } = message {
            hello = result;
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.connection.read(buffer)
    }
}
