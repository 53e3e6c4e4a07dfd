//! How a run is aborted: by a server that is gone or silent, or by trouble of our own.

use std::time::{Duration, Instant};

use serde_json::json;

use super::UNSANDBOXED;
use super::run::{Aborted, Runner};
use super::session::{NoSession, Session};
use crate::client::ClientError;
use crate::home::CONFIG;
use crate::protocol::probe::had_no_sandbox;
use crate::protocol::requests::{Call, start_thread};
use crate::server::{Cause, Ended};
use crate::trace::Observation;

impl Runner<'_> {
    /// A server that was started fails the handshake.
    pub(super) fn no_session(&mut self, none: NoSession) -> Result<(), Aborted> {
        let timeout = self.timeouts.reply;
        match none {
            NoSession::Ours(reason) => self.trouble(reason),
            NoSession::Refused(reason) => {
                let line = format!("no handshake: {reason}");
                self.recorder.record(Observation::Strange { line });
                self.silent("the answer to initialize", timeout)
            }
            NoSession::Silent { lost, ended, garbage } => {
                if let Some(line) = garbage {
                    self.recorder.record(Observation::Strange { line });
                }
                if let ClientError::Deadline { .. } = lost {
                    return self.silent("the answer to initialize", timeout);
                }
                match self.refused_config() {
                    Some(reason) => self.trouble(reason),
                    None => self.ended_unasked(&ended),
                }
            }
        }
    }

    /// Says why the server does not start with this config.toml, if it does not do so on a new home
    /// either: then nothing is learned about threads.
    fn refused_config(&self) -> Option<String> {
        let home = self.test_bed.home(self.active.slot).ok()?;
        home.take_config(&self.active.home).ok()?;
        let ended = match Session::start(self.site(&home)) {
            Ok(mut session) => {
                session.kill();
                return None;
            }
            // It may be gone before the first request is written, or after.
            Err(NoSession::Silent {
                lost: ClientError::Closed { .. } | ClientError::Broken { .. },
                ended,
                ..
            }) => ended,
            Err(_) => return None,
        };
        let server = self.server_name();
        let last = ended.stderr_tail.lines().last().unwrap_or("nothing").to_owned();
        Some(format!(
            "{server} does not start with this config.toml, on a new home either: it {ended}; last \
             on stderr: {last}; change the program's `config`"
        ))
    }

    /// Why a refusal says nothing about a thread, if it does not.
    pub(super) fn not_about_threads(&self, refusal: &str) -> Option<String> {
        let lost = || {
            format!("{UNSANDBOXED}: a folder went that it shares with other servers; run it again")
        };
        had_no_sandbox(refusal).then(lost).or_else(|| self.unread_config(refusal))
    }

    /// Says why no thread can be had with this config.toml, if a refusal names the file and a start
    /// on a new home is refused for the file too.
    fn unread_config(&self, refusal: &str) -> Option<String> {
        let about_config = |said: &str| said.contains(&format!("/{CONFIG}"));
        if !about_config(refusal) {
            return None;
        }
        let home = self.test_bed.home(self.active.slot).ok()?;
        home.take_config(&self.active.home).ok()?;
        let mut session = Session::start(self.site(&home)).ok()?;
        let Call { method, params } = start_thread(json!({}), home.places());
        let deadline = Instant::now() + self.timeouts.reply;
        let answer = session.client.call(method, params, deadline);
        session.kill();
        let said = answer.ok()?.err()?.message;
        let (_, place) = said.split_once(&format!("/{CONFIG}"))?;
        Some(format!(
            "{} cannot read this config.toml, on a new home either: config.toml{place}; change the \
             program's `config`",
            self.server_name(),
        ))
    }

    fn server_name(&self) -> String {
        match &self.test_bed.installed(self.active.slot).version {
            Some(version) => format!("codex {version}"),
            None => "the server".to_owned(),
        }
    }

    /// The server does not take what it is sent.
    pub(super) fn lost(&mut self, lost: &ClientError) -> Result<(), Aborted> {
        match lost {
            ClientError::Deadline { awaited } => self.silent(awaited, self.timeouts.reply),
            ClientError::Unread { sent, seconds } => {
                let awaited = format!("room to send {sent}");
                self.silent(&awaited, Duration::from_secs(*seconds))
            }
            ClientError::Closed { .. } | ClientError::Broken { .. } => self.gone(),
        }
    }

    /// The time for this is over.
    pub(super) fn silent(&mut self, awaited: &str, timeout: Duration) -> Result<(), Aborted> {
        let (awaited, seconds) = (awaited.to_owned(), timeout.as_secs());
        self.recorder.record(Observation::Silent { awaited, seconds });
        self.abort()
    }

    /// The server closed its stdout; if it still runs, it is killed.
    pub(super) fn gone(&mut self) -> Result<(), Aborted> {
        match self.active.session.take() {
            Some(session) => self.ended_unasked(&session.reap()),
            None => self.abort(),
        }
    }

    /// A server ended that was not asked to.
    pub(super) fn ended_unasked(&mut self, ended: &Ended) -> Result<(), Aborted> {
        self.record_end(ended, false);
        self.abort()
    }

    /// The suite itself cannot go on.
    pub(super) fn trouble(&mut self, reason: String) -> Result<(), Aborted> {
        self.recorder.trouble(reason);
        self.abort()
    }

    pub(super) fn abort(&mut self) -> Result<(), Aborted> {
        self.active.spent = true;
        self.active.session = None;
        Err(Aborted)
    }

    /// Records how a server ended that was asked to, or ended itself first.
    pub(super) fn ended(&mut self, ended: &Ended) {
        self.record_end(ended, ended.cause != Cause::Itself);
    }

    /// `told`: whether it was asked to end.
    pub(super) fn record_end(&mut self, ended: &Ended, told: bool) {
        self.stderr.push_str(&ended.stderr_tail);
        let abnormal = !told || ended.panicked;
        let stderr = if abnormal { ended.stderr_tail.clone() } else { String::new() };
        let exit = match (told, ended.cause) {
            (false, Cause::Killed) => format!("it closed its stdout and went on; {ended}"),
            _ => ended.to_string(),
        };
        self.active.spent |= abnormal;
        self.recorder.record(Observation::Ended { told, exit, panicked: ended.panicked, stderr });
    }
}
