//! How long the driver waits for a server.
//!
//! Every wait for an event has one of these deadlines; a few shorter ones stand beside the waits
//! that they limit. A campaign waits no longer than the pace of the server so far calls for, and
//! what such a short deadline finds is confirmed with the full one.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// Which deadlines a run in fresh processes has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadlines {
    /// The full ones, so that a slow machine is not taken for a silent server.
    Full,
    /// No longer than the pace of the server so far calls for.
    ByPace,
}

/// Waits that must have been met before deadlines adapt.
const WAITS_MIN: u64 = 50;

/// How many times as long as the longest wait so far the driver waits.
const FACTOR: u32 = 5;

/// No adapted deadline is shorter.
const SHORTEST: Duration = Duration::from_secs(5);

/// How long the servers of a process took so far.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waits: AtomicU64,
    longest_us: AtomicU64,
}

impl Pace {
    /// Adds a wait that was met.
    pub(super) fn add(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest_us.fetch_max(us, Ordering::Relaxed);
        self.waits.fetch_add(1, Ordering::Relaxed);
    }

    /// These deadlines, shortened to what the pace so far calls for.
    pub(super) fn adapted(&self, timeouts: Timeouts) -> Timeouts {
        if self.waits.load(Ordering::Relaxed) < WAITS_MIN {
            return timeouts;
        }
        let longest = Duration::from_micros(self.longest_us.load(Ordering::Relaxed));
        let enough = longest.saturating_mul(FACTOR).max(SHORTEST);
        let Timeouts { reply, turn, stop } = timeouts;
        Timeouts { reply: reply.min(enough), turn: turn.min(enough), stop }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Pace, Timeouts, WAITS_MIN};

    /// The deadlines for a reply and a turn, in seconds, after waits of this length.
    fn check(waits: u64, milliseconds: u64, expected: [u64; 2]) {
        let pace = Pace::default();
        (0..waits).for_each(|_| pace.add(Duration::from_millis(milliseconds)));
        let Timeouts { reply, turn, .. } = pace.adapted(Timeouts::default());
        assert_eq!([reply, turn].map(|timeout| timeout.as_secs()), expected);
    }

    #[test]
    fn deadlines_follow_the_longest_wait_once_enough_were_met() {
        check(WAITS_MIN - 1, 1, [30, 60]);
        check(WAITS_MIN, 1, [5, 5]);
        check(WAITS_MIN, 1_600, [8, 8]);
        check(WAITS_MIN, 8_000, [30, 40]);
        check(WAITS_MIN, 13_000, [30, 60]);
    }
}
