//! A home and the server that runs on it now.

use super::session::Session;
use super::test_bed::ServerSlot;
use crate::home::Home;

#[derive(Debug)]
pub(super) struct ActiveHome {
    /// Before the home, so that it ends before its folders go.
    pub(super) session: Option<Session>,
    pub(super) home: Home,
    /// The server that runs on it, or is to be started on it.
    pub(super) slot: ServerSlot,
    /// How many cases have used it.
    pub(super) cases: u32,
    /// Whether a kill, an aborted run or another release makes it unfit for another case.
    pub(super) spent: bool,
}

impl ActiveHome {
    /// A home on which nothing runs yet.
    pub(super) fn new(home: Home, slot: ServerSlot) -> ActiveHome {
        ActiveHome { session: None, home, slot, cases: 0, spent: slot != ServerSlot::Main }
    }
}
