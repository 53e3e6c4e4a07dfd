//! Starts and ends of the servers of a run.

use std::io::ErrorKind;

use super::duplicates::Duplicates;
use super::ops::operations;
use super::run::{Aborted, Runner};
use super::session::{NAME, Session, Site};
use super::test_bed::Installed;
use crate::program::Program;
use crate::program::ops::restart::{Restart, Server, Stop};
use crate::trace::Observation;
use crate::transcript::{Entry, Process};

impl Runner<'_> {
    /// Takes over the server of the case before, where it has the transport that this one needs and
    /// no step needs a process that read this case's config first.
    pub(super) fn take_server(&mut self, program: &Program) -> Result<(), Aborted> {
        let mut operations = program.steps.iter().flat_map(operations);
        let own = operations.any(|operation| operation.needs_own_process());
        match &mut self.active.session {
            Some(session) if session.transport() == self.transport && !own => {
                session.renew();
                return Ok(());
            }
            Some(session) => drop(session.stop()),
            None => {}
        }
        self.active.session = None;
        self.start_server()
    }

    pub(super) fn start_server(&mut self) -> Result<(), Aborted> {
        self.recorder.tape.record(|| Entry::Process(Process::Started));
        let site = Site { tape: Some(&self.recorder.tape), ..self.site(&self.active.home) };
        let session = match &self.test_bed.sdk {
            Some(forker) => Session::start_sdk(site, forker),
            None => Session::over(self.transport, site),
        };
        match session {
            Ok(session) => {
                self.recorder.record_all(self.schema_check.handshake(NAME, &session.hello));
                self.active.session = Some(session);
                if self.disk_full { self.limit_files(true) } else { Ok(()) }
            }
            Err(none) => self.no_session(none),
        }
    }

    /// Ends the server, reads what lies on disk, and starts the same one or another.
    pub(super) fn restart(&mut self, restart: &Restart) -> Result<(), Aborted> {
        self.stop_server(restart.stop);
        for thread in self.recorder.threads.values_mut() {
            thread.unload();
        }
        self.duplicates = Duplicates::default();
        self.model.reset();
        self.config.clear();
        self.read_config();
        self.read_evidence(restart.stop)?;
        if restart.drop_db
            && let Err(error) = self.active.home.remove_databases()
        {
            return self.trouble(format!("cannot remove the databases: {error}; run it again"));
        }
        if restart.drop_db {
            self.recorder.tape.record(|| Entry::DatabasesRemoved);
        }
        if let Some(release) = &restart.release {
            self.switch_to(release);
        }
        self.start_server()
    }

    fn stop_server(&mut self, stop: Stop) {
        let Some(session) = &self.active.session else { return };
        let is_sdk = session.is_sdk();
        self.recorder.tape.record(|| {
            Entry::Process(match stop {
                Stop::Graceful => Process::Stopped,
                Stop::Kill => Process::Killed,
            })
        });
        if is_sdk {
            return self.close_client(stop);
        }
        let mut session = self.active.session.take().expect("it is there");
        let mut threads = self.recorder.threads.values();
        let ended = match stop {
            Stop::Graceful if threads.any(|thread| thread.running.is_some()) => {
                session.stop_during_turn()
            }
            Stop::Graceful => session.stop(),
            Stop::Kill => session.kill(),
        };
        self.last_words(session);
        self.ended(&ended);
    }

    /// From here on this server runs on the home.
    fn switch_to(&mut self, server: &Server) {
        let slot = self.test_bed.slot(server).expect("a program that lacks a release is not run");
        self.active.slot = slot;
        let Installed { version, schema, .. } = self.test_bed.installed(slot);
        self.recorder.record(Observation::Server { release: version.clone() });
        self.schema_check.switch_to(schema.as_deref());
        self.recorder.record_all(self.schema_check.begin());
    }

    /// Makes the server's writes to files fail from now on, or succeed again. A limit on the size
    /// of files stands in for a full disk: a write fails with EFBIG instead of ENOSPC.
    pub(super) fn limit_files(&mut self, full: bool) -> Result<(), Aborted> {
        let session = self.active.session.as_ref().expect("an aborted run does nothing");
        match session.limit_files(full) {
            Ok(()) => {
                self.disk_full = full;
                self.active.spent = true;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.left_out("a limit on the size of files, on this system")
            }
            Err(error) => {
                self.trouble(format!("cannot limit the server's files: {error}; run it again"))
            }
        }
    }
}
