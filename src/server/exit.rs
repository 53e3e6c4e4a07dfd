//! How a process exits.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// An exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Exit {
    /// It exited with this code.
    #[strum(to_string = "ended with code {0}")]
    Code(i32),
    /// This signal ended it.
    #[strum(to_string = "ended by signal {0}")]
    Signal(i32),
    /// It did not end even when killed, or its status went to someone else.
    #[strum(to_string = "ended in an unknown way")]
    Unknown,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Exit {
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal),
            (None, None) => Exit::Unknown,
        }
    }
}
