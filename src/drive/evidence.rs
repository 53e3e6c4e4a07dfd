//! What the files of a home say of the policy of each thread, one file each.
//!
//! Files are read while no server runs. They are evidence: what they say makes a finding only where
//! a cold read is wrong too.

use std::io;
use std::path::PathBuf;

use super::run::{Aborted, Runner};
use crate::home::Home;
use crate::policy::Policy;
use crate::program::ops::restart::Stop;
use crate::trace::view::{View, evidence_files};
use crate::trace::{Evidence, Observation};

evidence_files!();

/// A file, or a kind of file, that says something of the policy of threads.
struct EvidenceFile {
    /// Whether it is as the replies said after a kill too: a database may be some milliseconds
    /// behind them, which breaks no clause.
    holds_after_kill: bool,
    read: fn(&Home, &[ThreadFile]) -> Result<Vec<Stored>, Unread>,
}

/// A thread of the program, as files know it.
struct ThreadFile {
    id: String,
    /// Its rollout file, where the server names one.
    path: Option<PathBuf>,
}

/// What a file says of the thread with this id; what it does not state is open.
struct Stored {
    id: String,
    /// None where the file holds none that can be read.
    policy: Option<Policy>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("cannot read {path}: {1}", path = .0.display())]
    File(PathBuf, io::Error),
    /// Of a form that no release so far has: what it is, and what is wrong with it.
    #[error("cannot read {0}: {1}")]
    Unrecognised(&'static str, String),
}

impl Runner<'_> {
    /// Records what each file says of each thread.
    pub(super) fn read_evidence(&mut self, stop: Stop) -> Result<(), Aborted> {
        let threads = self.recorder.threads.values();
        let threads = threads
            .map(|thread| ThreadFile { id: thread.id.clone(), path: thread.path.clone() })
            .collect::<Vec<_>>();
        for (view, file) in FILES {
            if stop == Stop::Kill && !file.holds_after_kill {
                continue;
            }
            match (file.read)(&self.active.home, &threads) {
                Ok(all) => self.record_evidence(*view, all),
                Err(problem @ Unread::Unrecognised(..)) => {
                    self.recorder.record(Observation::NotTaken { reason: problem.to_string() });
                }
                Err(problem) => return self.trouble(format!("{problem}; run it again")),
            }
        }
        Ok(())
    }

    fn record_evidence(&mut self, view: View, all: Vec<Stored>) {
        for Stored { id, policy } in all {
            let thread = self.recorder.label(&id);
            self.recorder.record(Observation::Evidence(Evidence { view, thread, policy }));
        }
    }
}
