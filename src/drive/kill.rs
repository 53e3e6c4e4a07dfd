//! A request, and a kill of the server so long after it.
//!
//! What the server sends until then is recorded, and nothing is waited for. An answer that comes in
//! time counts.

use std::time::Duration;

use super::ops::{Perform, operation};
use super::run::{Aborted, Runner};
use crate::program::ops::restart::{Restart, Stop};
use crate::program::ops::{Delay, Step};

impl Runner<'_> {
    pub(super) fn kill_during(&mut self, inner: &Step, delay: Delay) -> Result<(), Aborted> {
        let delay = Duration::from_millis(delay.0.into());
        if let Step::Parallel(lanes) = inner {
            return self.kill_during_parallel(lanes, delay);
        }
        let operation = operation(inner);
        if let Some(operation) = operation.filter(|operation| operation.is_sent_before_kill())
            && let Some(request) = operation.prepare(self)
        {
            if let Some(what) = self.lacks(&request.call) {
                return self.left_out(&what);
            }
            operation.script_before_kill(self)?;
            self.send(request)?;
            if self.is_left_out() {
                return Ok(());
            }
            self.within(delay, |_| false)?;
        }
        self.restart(&Restart::by(Stop::Kill))?;
        if let Some(thread) = operation.and_then(Perform::gives_history) {
            self.note_history(thread);
        }
        Ok(())
    }

    fn kill_during_parallel(&mut self, lanes: &[Step], delay: Duration) -> Result<(), Aborted> {
        let numbers = self.send_all(lanes)?;
        if numbers.is_empty() {
            return Ok(());
        }
        self.within(delay, |_| false)?;
        self.restart(&Restart::by(Stop::Kill))?;
        self.note_granted(lanes, &numbers);
        Ok(())
    }
}
