//! What all workers of a process share, made ready before the first case.
//!
//! To make a server ready is to start it on an empty home and end it, which proves that it is an
//! app-server and leaves a prepared home to copy; meanwhile the executable prints its schema. An
//! executable that is not an app-server is refused here, in words.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use semver::Version;

use super::print_schema::SchemaPrinter;
use super::sdk::Forker;
use super::session::{NoSession, Session, Site};
use super::timeouts::{Pace, Timeouts};
use crate::client::ClientError;
use crate::home::Home;
use crate::home::root::Root;
use crate::mock_model::MockModel;
use crate::policy::Defaults;
use crate::program::sdk::SdkClient;
use crate::protocol::schema::Schema;

/// The servers to run, the root of their homes, and the model.
#[derive(Debug)]
pub struct TestBed {
    /// The server that is checked.
    pub main: Installed,
    /// The other releases that a program may restart with.
    pub(super) others: Vec<Installed>,
    /// How long the driver waits.
    pub timeouts: Timeouts,
    pub(super) pace: Pace,
    pub(super) mock_model: MockModel,
    /// The SDK that performs the programs, if not heirloom's own client. It ends before its folder
    /// goes.
    pub(super) sdk: Option<Forker>,
    pub(super) root: Root,
    /// Why this machine cannot sandbox a command, once it was tried.
    pub(super) no_sandbox: OnceLock<Option<String>>,
}

/// A server that is ready to be run.
#[derive(Debug)]
pub struct Installed {
    pub executable: PathBuf,
    /// The version that it reports.
    pub version: Option<Version>,
    /// Its own schema. Without one, every method counts as known and no line is validated.
    pub schema: Option<Arc<Schema>>,
    /// Why there is no schema.
    pub no_schema: Option<String>,
    /// A home on which it was started once.
    template: PathBuf,
}

/// One of the servers of a test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerSlot {
    /// The server that is checked.
    Main,
    /// Another one, by its number.
    Other(usize),
}

/// A test bed that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NoTestBed {
    /// A folder or a socket of ours.
    #[error("cannot {what}: {source}; see to this machine's disk, sockets and loopback interface")]
    Ours {
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The executable is not an app-server.
    #[error("{executable} is not an app-server: {reason}; pass one with --server")]
    NoServer { executable: String, reason: String },
}

impl TestBed {
    /// Makes the server that is checked ready for workers.
    ///
    /// # Errors
    /// When a folder or a socket cannot be had, or the executable is not an app-server.
    pub fn prepare(
        executable: PathBuf,
        version: Option<Version>,
        timeouts: Timeouts,
    ) -> Result<TestBed, NoTestBed> {
        let ours = |what| move |source| NoTestBed::Ours { what, source };
        let root = Root::create().map_err(ours("make a folder for homes"))?;
        let mock_model = MockModel::start().map_err(ours("listen on loopback"))?;
        let main = Installed::new(executable, version, root.path().join("template"));
        let (others, no_sandbox) = (Vec::new(), OnceLock::new());
        let mut test_bed = TestBed {
            main,
            others,
            timeouts,
            pace: Pace::default(),
            mock_model,
            sdk: None,
            root,
            no_sandbox,
        };
        let schema = test_bed.try_server(ServerSlot::Main)?;
        test_bed.main.set_schema(schema);
        Ok(test_bed)
    }

    /// Makes another release ready, which programs may restart with.
    ///
    /// # Errors
    /// As [`TestBed::prepare`].
    pub fn add(&mut self, executable: PathBuf, version: Version) -> Result<(), NoTestBed> {
        let number = self.others.len();
        let template = self.root.path().join(format!("template-{number}"));
        self.others.push(Installed::new(executable, Some(version), template));
        let schema = self.try_server(ServerSlot::Other(number))?;
        self.others[number].set_schema(schema);
        Ok(())
    }

    /// Lets the SDK of this Python perform the programs.
    ///
    /// # Errors
    /// When Python cannot import it.
    pub fn use_sdk(&mut self, python: &Path, client: SdkClient) -> Result<(), NoTestBed> {
        let ours = |source| NoTestBed::Ours { what: "start the Python SDK", source };
        self.sdk = Some(Forker::start(python, client, &self.root).map_err(ours)?);
        Ok(())
    }

    /// The client of the SDK that performs the programs, if one does.
    pub fn sdk_client(&self) -> Option<SdkClient> {
        self.sdk.as_ref().map(|forker| forker.client)
    }

    /// Starts a server on an empty home and keeps the home, while it prints its schema.
    fn try_server(&self, slot: ServerSlot) -> Result<Result<Schema, String>, NoTestBed> {
        let ours = |what| move |source| NoTestBed::Ours { what, source };
        let Installed { executable, template, .. } = self.installed(slot);
        let printer = SchemaPrinter::start(executable, &self.root);
        let home = Home::new(&self.root, None).map_err(ours("make a home"))?;
        home.configure(&Defaults::default(), &self.mock_model.session().base_url())
            .map_err(ours("write config.toml"))?;
        self.start(slot, &home)?.stop();
        home.save_template(template).map_err(ours("keep a prepared home"))?;
        Ok(printer.and_then(|printer| printer.finish(self.timeouts.reply)))
    }

    pub(super) fn installed(&self, slot: ServerSlot) -> &Installed {
        match slot {
            ServerSlot::Main => &self.main,
            ServerSlot::Other(number) => &self.others[number],
        }
    }

    /// A new home, as prepared for this server.
    pub(super) fn home(&self, slot: ServerSlot) -> io::Result<Home> {
        Home::new(&self.root, Some(&self.installed(slot).template))
    }

    /// What a session of this server on a home is started with.
    pub(super) fn site<'a>(&'a self, slot: ServerSlot, home: &'a Home) -> Site<'a> {
        let executable = &self.installed(slot).executable;
        Site { executable, home, timeouts: self.timeouts, tape: None }
    }

    /// Starts this server on a home, handshake included.
    pub(super) fn start(&self, slot: ServerSlot, home: &Home) -> Result<Session, NoTestBed> {
        self.started(slot, Session::start(self.site(slot, home)))
    }

    /// Says in words why a session could not be started.
    pub(super) fn started(
        &self,
        slot: ServerSlot,
        started: Result<Session, NoSession>,
    ) -> Result<Session, NoTestBed> {
        let reason = match started {
            Ok(session) => return Ok(session),
            Err(NoSession::Ours(reason) | NoSession::Refused(reason)) => reason,
            Err(NoSession::Silent { lost, ended, garbage }) => {
                let last = ended.stderr_tail.lines().last().unwrap_or("nothing");
                let said = match (garbage, lost) {
                    (Some(line), _) => format!("its output is {line}, and it {ended}"),
                    (None, ClientError::Deadline { .. } | ClientError::Unread { .. }) => {
                        let seconds = self.timeouts.reply.as_secs();
                        format!("it did not answer `initialize` within {seconds} s")
                    }
                    (None, ClientError::Closed { .. } | ClientError::Broken { .. }) => {
                        format!("it {ended} without an answer to `initialize`")
                    }
                };
                format!("{said}; last on its stderr: {last}")
            }
        };
        let executable = self.installed(slot).executable.display().to_string();
        Err(NoTestBed::NoServer { executable, reason })
    }

    /// Whether it is known that this machine cannot sandbox a command.
    pub(super) fn is_known_unsandboxed(&self) -> bool {
        self.no_sandbox.get().is_some_and(Option::is_some)
    }
}

impl Installed {
    fn new(executable: PathBuf, version: Option<Version>, template: PathBuf) -> Installed {
        Installed { executable, version, schema: None, no_schema: None, template }
    }

    fn set_schema(&mut self, schema: Result<Schema, String>) {
        match schema {
            Ok(schema) => self.schema = Some(Arc::new(schema)),
            Err(reason) => self.no_schema = Some(reason),
        }
    }
}
