//! The bench: what is made ready once, before the first case.
//!
//! Starts the server on an empty home and ends it, which proves that it is an app-server at all and
//! leaves a prepared home to copy. An executable that is none is refused here, in words. Beside it
//! the executable prints its schema.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use semver::Version;

use super::print_schema::Printing;
use super::releases::ServerSlot;
use super::session::{NoSession, Session};
use super::{Installed, TestBed, Timeouts};
use crate::home::root::Root;
use crate::home::{FeatureSet, Home};
use crate::mock_model::MockModel;
use crate::policy::Defaults;
use crate::protocol::schema::Schema;

/// A bench that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NoTestBed {
    /// A folder or a socket of ours.
    #[error("cannot {what}: {source}; free space or sockets on this machine")]
    Ours {
        /// What was tried.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// The executable is no app-server.
    #[error("{executable} is no app-server: {reason}; pass one with --server")]
    NoServer {
        /// The executable.
        executable: String,
        /// What it did.
        reason: String,
    },
}

impl TestBed {
    /// Makes everything ready for workers.
    ///
    /// # Errors
    /// When a folder or a socket cannot be had, or the executable is no app-server.
    pub fn prepare(
        executable: PathBuf,
        version: Option<Version>,
        profile: FeatureSet,
        timeouts: Timeouts,
    ) -> Result<TestBed, NoTestBed> {
        let ours = |what| move |source| NoTestBed::Ours { what, source };
        let root = Root::create().map_err(ours("make a folder for homes"))?;
        let upstream = MockModel::start().map_err(ours("listen on loopback"))?;
        let template = root.path().join("template");
        let main = Installed { executable, version, schema: None, no_schema: None, template };
        let (others, sandbox) = (Vec::new(), OnceLock::new());
        let mut test_bed = TestBed { main, others, profile, timeouts, upstream, root, sandbox };
        let (schema, no_schema) = test_bed.tried(ServerSlot::Main)?;
        (test_bed.main.schema, test_bed.main.no_schema) = (schema, no_schema);
        Ok(test_bed)
    }

    /// Makes another release ready, which plans may move their homes to.
    ///
    /// # Errors
    /// As [`TestBed::prepare`].
    pub fn add(&mut self, executable: PathBuf, version: Version) -> Result<(), NoTestBed> {
        let template = self.root.path().join(format!("template-{}", self.others.len()));
        let version = Some(version);
        self.others.push(Installed {
            executable,
            version,
            schema: None,
            no_schema: None,
            template,
        });
        let number = self.others.len() - 1;
        let (schema, no_schema) = self.tried(ServerSlot::Other(number))?;
        let added = &mut self.others[number];
        (added.schema, added.no_schema) = (schema, no_schema);
        Ok(())
    }

    /// Starts a server on an empty home and keeps that, and has it print its schema.
    fn tried(&self, place: ServerSlot) -> Result<(Option<Arc<Schema>>, Option<String>), NoTestBed> {
        let ours = |what| move |source| NoTestBed::Ours { what, source };
        let Installed { executable, template, .. } = self.installed(place);
        let printing = Printing::begin(executable, &self.root);
        let home = Home::new(&self.root, None).map_err(ours("make a home"))?;
        self.first_start(place, &home)?;
        home.save_template(template).map_err(ours("keep a prepared home"))?;
        Ok(match printing.and_then(|printing| printing.end(self.timeouts.answer)) {
            Ok(schema) => (Some(Arc::new(schema)), None),
            Err(reason) => (None, Some(reason)),
        })
    }

    /// A new home, as prepared.
    pub(super) fn home(&self) -> io::Result<Home> {
        self.home_in(&self.root)
    }

    /// A new home below another root, as prepared.
    ///
    /// # Errors
    /// A folder that cannot be made or copied.
    pub fn home_in(&self, root: &Root) -> io::Result<Home> {
        Home::new(root, Some(&self.main.template))
    }

    fn first_start(&self, place: ServerSlot, home: &Home) -> Result<(), NoTestBed> {
        let stage = self.upstream.session();
        home.configure(&Defaults::default(), self.profile, &stage.base_url())
            .map_err(|source| NoTestBed::Ours { what: "write config.toml", source })?;
        self.begun(place, home)?.stop(self);
        Ok(())
    }

    /// The server that is checked on a home, with the handshake done.
    pub(super) fn session(&self, home: &Home) -> Result<Session, NoTestBed> {
        self.begun(ServerSlot::Main, home)
    }

    fn begun(&self, place: ServerSlot, home: &Home) -> Result<Session, NoTestBed> {
        let reason = match Session::start(self.site(place, home)) {
            Ok(session) => return Ok(session),
            Err(NoSession::Ours(reason) | NoSession::Refused(reason)) => reason,
            Err(NoSession::Silent(lost, ended, garbage)) => {
                let last = ended.stderr_tail.lines().last().unwrap_or("nothing");
                let instead = garbage.map(|line| format!("; what it said is {line}"));
                let instead = instead.unwrap_or_default();
                format!("{lost}{instead}; it {ended}; last on its stderr: {last}")
            }
        };
        let executable = self.installed(place).executable.display().to_string();
        Err(NoTestBed::NoServer { executable, reason })
    }
}
