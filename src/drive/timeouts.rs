//! How long the driver waits for a server.
//!
//! Every wait for an event has one of these deadlines; a few shorter ones stand beside the waits
//! that they limit.

use std::time::Duration;

use crate::server::STOP_DEADLINE;

/// How long the driver waits, by what it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// The answer to a request: a loaded machine has taken 3 s for one.
    pub reply: Duration,
    /// The end of a turn: a turn with a sandboxed command takes 0.6 s.
    pub turn: Duration,
    /// The exit after the end of stdin: 0.156 to 0.163 take 5 s.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            reply: Duration::from_secs(30),
            turn: Duration::from_secs(60),
            stop: STOP_DEADLINE,
        }
    }
}
