//! The process of a session of the SDK.

use std::convert::Infallible;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crossbeam_channel::Receiver;

use crate::server::exit::Exit;
use crate::server::{Cause, Ended};

/// How long a process may take to go after the connection to it ended.
const HANG_UP_DEADLINE: Duration = Duration::from_secs(5);

/// A session's process; dropping it ends it and its server.
#[derive(Debug)]
pub(super) struct SdkProcess {
    pub(super) connection: UnixStream,
    /// Ends with the process.
    pub(super) end: Receiver<Infallible>,
}

/// How a server ended whose process the SDK had.
pub(super) fn ended_by(code: Option<i32>, stderr: String, cause: Cause) -> Ended {
    let exit = match code {
        Some(signal) if signal < 0 => Exit::Signal(-signal),
        Some(code) => Exit::Code(code),
        None => Exit::Unknown,
    };
    let panicked = stderr.contains("panicked at");
    let stderr_bytes = stderr.len() as u64;
    Ended { exit, cause, stderr_tail: stderr, stderr_bytes, panicked }
}

impl SdkProcess {
    /// Ends it and its server, and waits until they are gone.
    pub(super) fn hang_up(&self) -> Ended {
        let _ = self.connection.shutdown(Shutdown::Write);
        let _ = self.end.recv_timeout(HANG_UP_DEADLINE);
        ended_by(Some(-9), String::new(), Cause::Killed)
    }
}

impl Drop for SdkProcess {
    fn drop(&mut self) {
        self.hang_up();
    }
}
