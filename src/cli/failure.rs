//! The error of a command: whether the command or this machine is at fault decides the exit code.

use crate::campaign::Conclusion;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A mistake in the command.
    #[error("{0}")]
    Usage(String),
    /// Something went wrong on this machine.
    #[error("{0}")]
    Trouble(String),
    /// Ctrl-C or a request to terminate.
    #[error("{0}")]
    Interrupted(String),
}

impl Failure {
    pub fn exit(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Trouble(_) => 3,
            Failure::Interrupted(_) => Conclusion::Interrupted as u8,
        }
    }

    pub(super) fn usage(error: impl ToString) -> Failure {
        Failure::Usage(error.to_string())
    }

    pub(super) fn trouble(error: impl ToString) -> Failure {
        Failure::Trouble(error.to_string())
    }
}
