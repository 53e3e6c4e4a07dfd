//! A recording of a connection, and of what is done around it.
//!
//! Off unless somebody listens, so that the runs of a campaign pay nothing for it.

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::transcript::Entry;

/// Takes entries for whoever listens. Clones write to the same recording.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    entries: Option<Sender<Entry>>,
}

impl Tape {
    /// A tape that is on, and where its entries arrive.
    #[must_use]
    pub fn new() -> (Tape, Receiver<Entry>) {
        let (entries, recording) = unbounded();
        (Tape { entries: Some(entries) }, recording)
    }

    /// Records an entry, which is only made where the tape is on.
    pub fn record(&self, entry: impl FnOnce() -> Entry) {
        if let Some(entries) = &self.entries {
            // Nobody listens any more: the run is over.
            drop(entries.send(entry()));
        }
    }
}
