//! What the state database says, written down.
//!
//! Read where the server has ended by itself and the next one has not begun. A killed server's row
//! may be some milliseconds behind its replies, which is nobody's fault and is not looked at.

use super::steps::Run;
use crate::policy::Permissions;
use crate::trace::Observation;

impl Run<'_> {
    /// Writes down the row of each thread that has one.
    pub(super) fn read_store(&mut self) {
        let ids: Vec<String> =
            self.record.threads.values().map(|thread| thread.id.clone()).collect();
        let rows = match self.seat.home.stored(&ids) {
            Ok(rows) => rows,
            Err(error) => {
                self.record.seen(Observation::NotTaken { reason: error.to_string() });
                return;
            }
        };
        for (id, stored) in rows {
            let thread = self.record.whose(&id);
            let (approval, permissions) =
                (stored.approval, stored.sandbox.map(Permissions::Legacy));
            self.record.seen(Observation::Store { thread, approval, permissions });
        }
    }
}
