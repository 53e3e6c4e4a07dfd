//! `warm-read` is taken where the first client is subscribed to the thread and it has a history.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::resume::Resume;
use crate::program::ops::warm_read::WarmRead;

impl Perform for WarmRead {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let Some(thread) = run.thread(self.thread) else {
            return run.not_taken("the thread does not exist");
        };
        let Some(clients) = thread.subscribers() else {
            return run.not_taken("the thread is not loaded");
        };
        if !clients.contains(&0) {
            return run.not_taken("the first client is not subscribed to the thread");
        }
        if !thread.has_history {
            return run.not_taken("the thread has no history yet");
        }
        Resume::plain(self.thread).ask(run)
    }
}
