//! [edge] The bench: what is made ready once, before the first case.
//!
//! Starts the server on an empty home and ends it, which proves that it is an app-server at all and
//! leaves a prepared home to copy. An executable that is none is refused here, in words. Beside it
//! the executable prints its schema.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use semver::Version;

use super::printed::Printing;
use super::session::{NoSession, Session};
use super::{Bench, Patience};
use crate::disk::root::Root;
use crate::disk::{Home, Profile};
use crate::policy::Defaults;
use crate::upstream::Upstream;

/// A bench that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NoBench {
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

impl Bench {
    /// Makes everything ready for workers.
    ///
    /// # Errors
    /// When a folder or a socket cannot be had, or the executable is no app-server.
    pub fn prepare(
        executable: PathBuf,
        version: Option<Version>,
        profile: Profile,
        patience: Patience,
    ) -> Result<Bench, NoBench> {
        let ours = |what| move |source| NoBench::Ours { what, source };
        let root = Root::create().map_err(ours("make a folder for homes"))?;
        let upstream = Upstream::start().map_err(ours("listen on loopback"))?;
        let mut bench = Bench {
            executable,
            version,
            profile,
            patience,
            schema: None,
            no_schema: None,
            upstream,
            root,
            sandbox: OnceLock::new(),
            template: PathBuf::new(),
        };
        let printing = Printing::begin(&bench.executable, &bench.root);
        let home = Home::new(&bench.root, None).map_err(ours("make a home"))?;
        bench.first_start(&home)?;
        bench.template = bench.root.path().join("template");
        home.keep(&bench.template).map_err(ours("keep a prepared home"))?;
        match printing.and_then(|printing| printing.end(bench.patience.answer)) {
            Ok(schema) => bench.schema = Some(Arc::new(schema)),
            Err(reason) => bench.no_schema = Some(reason),
        }
        Ok(bench)
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
        Home::new(root, Some(&self.template))
    }

    fn first_start(&self, home: &Home) -> Result<(), NoBench> {
        let stage = self.upstream.stage();
        home.configure(&Defaults::default(), self.profile, &stage.base_url())
            .map_err(|source| NoBench::Ours { what: "write config.toml", source })?;
        self.session(home)?.stop(self);
        Ok(())
    }

    /// A server on a home, with the handshake done.
    pub(super) fn session(&self, home: &Home) -> Result<Session, NoBench> {
        let reason = match Session::start(self, home) {
            Ok(session) => return Ok(session),
            Err(NoSession::Ours(reason) | NoSession::Refused(reason)) => reason,
            Err(NoSession::Silent(lost, ended, garbage)) => {
                let last = ended.stderr_tail.lines().last().unwrap_or("nothing");
                let instead = garbage.map(|line| format!("; what it said is {line}"));
                let instead = instead.unwrap_or_default();
                format!("{lost}{instead}; it {ended}; last on its stderr: {last}")
            }
        };
        let executable = self.executable.display().to_string();
        Err(NoBench::NoServer { executable, reason })
    }
}
