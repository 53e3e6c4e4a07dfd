//! The life of the servers of a run: starts, ends, and what lies on disk between them.
//!
//! A server is started on the seat's home and ended as the plan says; one that ends by itself, says
//! nothing or takes nothing cuts the run. Rollouts are read where no server writes them.

use std::time::Duration;

use super::duplicates::Duplicates;
use super::session::{NAME, NoSession, Session};
use super::steps::{Aborted, Run};
use crate::client::Lost;
use crate::policy::Defaults;
use crate::program::ops::restart::Server;
use crate::program::ops::restart::Stop;
use crate::server::{Cause, Ended};
use crate::trace::Observation;

impl Run<'_> {
    pub(super) fn restart(
        &mut self,
        (stop, drop_db): (Stop, bool),
        server: Option<&Server>,
    ) -> Result<(), Aborted> {
        if let Some(mut session) = self.seat.session.take() {
            let mut threads = self.record.threads.values();
            let ended = match stop {
                Stop::Graceful if threads.any(|thread| thread.running.is_some()) => {
                    session.stop_in_a_turn(self.test_bed)
                }
                Stop::Graceful => session.stop(self.test_bed),
                Stop::Kill => session.kill(),
            };
            self.last_words(session);
            self.ended(&ended, ended.cause != Cause::Itself);
        }
        for thread in self.record.threads.values_mut() {
            thread.unload();
        }
        self.echoes = Duplicates::default();
        self.stage.forget();
        self.read_rollouts()?;
        if stop == Stop::Graceful {
            self.read_store();
        }
        if drop_db && let Err(error) = self.seat.home.forget() {
            return self.trouble(format!("cannot remove the databases: {error}; run it again"));
        }
        if let Some(server) = server {
            self.goes_on_with(server);
        }
        self.start_server()
    }

    pub(super) fn configure(&mut self, defaults: &Defaults) -> Result<(), Aborted> {
        let url = self.stage.base_url();
        match self.seat.home.configure(defaults, self.test_bed.profile, &url) {
            Ok(()) => Ok(()),
            Err(error) => self.trouble(format!("cannot write config.toml: {error}; free space")),
        }
    }

    fn read_rollouts(&mut self) -> Result<(), Aborted> {
        let threads = self.record.threads.values();
        let files: Vec<_> =
            threads.filter_map(|thread| Some((thread.id.clone(), thread.path.clone()?))).collect();
        for (id, path) in files {
            match self.seat.home.rollout(&path, &id) {
                Ok(policy) => {
                    let thread = self.record.whose(&id);
                    self.record.seen(Observation::Rollout { thread, policy });
                }
                Err(error) => {
                    let path = path.display();
                    return self.trouble(format!("cannot read {path}: {error}; run it again"));
                }
            }
        }
        Ok(())
    }

    /// Takes over the server of the case before, where it is spoken to as this plan needs it.
    pub(super) fn take_server(&mut self) -> Result<(), Aborted> {
        match &mut self.seat.session {
            Some(session) if session.transport() == self.transport => {
                session.renew();
                return Ok(());
            }
            Some(session) => drop(session.stop(self.test_bed)),
            None => {}
        }
        self.seat.session = None;
        self.start_server()
    }

    pub(super) fn start_server(&mut self) -> Result<(), Aborted> {
        match Session::over(self.transport, self.site(&self.seat.home)) {
            Ok(session) => {
                self.record.all_seen(self.validity.handshake(NAME, &session.hello));
                self.seat.session = Some(session);
                if self.full { self.disk(true) } else { Ok(()) }
            }
            Err(none) => self.no_session(none),
        }
    }

    /// A server that was started does not take the handshake.
    pub(super) fn no_session(&mut self, none: NoSession) -> Result<(), Aborted> {
        match none {
            NoSession::Ours(reason) => self.trouble(reason),
            NoSession::Refused(reason) => {
                self.record.seen(Observation::Strange { line: format!("no handshake: {reason}") });
                self.silent("the answer to initialize", self.test_bed.timeouts.answer)
            }
            NoSession::Silent(lost, ended, garbage) => {
                if let Some(line) = garbage {
                    self.record.seen(Observation::Strange { line });
                }
                if let Lost::Deadline { .. } = lost {
                    return self.silent("the answer to initialize", self.test_bed.timeouts.answer);
                }
                self.ended(&ended, false);
                self.cut()
            }
        }
    }

    /// The server does not take what it is sent.
    pub(super) fn lost(&mut self, lost: &Lost) -> Result<(), Aborted> {
        match lost {
            Lost::Deadline { awaited } => self.silent(awaited, self.test_bed.timeouts.answer),
            Lost::Unread { sent, seconds } => {
                let awaited = format!("room to send {sent}");
                self.silent(&awaited, Duration::from_secs(*seconds))
            }
            Lost::Closed { .. } | Lost::Broken { .. } => self.gone(),
        }
    }

    pub(super) fn silent(&mut self, awaited: &str, timeouts: Duration) -> Result<(), Aborted> {
        let (awaited, seconds) = (awaited.to_owned(), timeouts.as_secs());
        self.record.seen(Observation::Silent { awaited, seconds });
        self.cut()
    }

    /// The server closed its stdout; if it has not ended with that, it is ended now.
    pub(super) fn gone(&mut self) -> Result<(), Aborted> {
        if let Some(session) = self.seat.session.take() {
            let ended = session.reap();
            self.ended(&ended, false);
        }
        self.cut()
    }

    pub(super) fn trouble(&mut self, reason: String) -> Result<(), Aborted> {
        self.record.trouble(reason);
        self.cut()
    }

    pub(super) fn cut(&mut self) -> Result<(), Aborted> {
        self.seat.spent = true;
        self.seat.session = None;
        Err(Aborted)
    }

    pub(super) fn ended(&mut self, ended: &Ended, told: bool) {
        self.stderr.push_str(&ended.stderr_tail);
        let worth = !told || ended.panicked;
        let stderr = if worth { ended.stderr_tail.clone() } else { String::new() };
        let exit = match (told, ended.cause) {
            (false, Cause::Killed) => format!("it closed its stdout and went on; {ended}"),
            _ => ended.to_string(),
        };
        self.seat.spent |= worth;
        self.record.seen(Observation::Ended { told, exit, panicked: ended.panicked, stderr });
    }
}
