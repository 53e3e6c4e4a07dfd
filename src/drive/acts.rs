//! What a client does with a thread and that is no matter of policy.
//!
//! Each act ends when the server has done what it granted: a turn that it runs by itself is over, a
//! thread that nobody hears is unloaded. What is refused is over at once. Nothing is left behind
//! that would begin to run later: a goal is cleared, and neither it nor a queue is begun where its
//! turn would wait for a resume.

use std::time::Duration;

use semver::Version;

use super::steps::{Aborted, Run};
use crate::program::ops::action::Action;
use crate::program::thread::ThreadRef;
use crate::protocol::acts::{self, Back, Target};
use crate::trace::{Observation, ThreadLabel};

/// The first release that takes turns back by `thread/revert`; those before roll back.
const REVERTS_SINCE: (u64, u64) = (0, 154);

/// How long an idle thread may take to be unloaded: it takes one second by config, and on a loaded
/// machine a little more. A release without that key unloads nothing within it.
const UNLOAD_DEADLINE: Duration = Duration::from_secs(3);

impl Run<'_> {
    pub(super) fn act(&mut self, thread: ThreadRef, act: Action) -> Result<(), Aborted> {
        if let Some(reason) = self.unfit(thread, act) {
            return self.not_taken(reason);
        }
        let (id, unbound) = self.id(thread);
        let running = self.running(thread).map(|turn| self.record.turn(&turn));
        let last = self.known(thread).and_then(|known| known.turns.last().cloned());
        let target = self.target((&id, last.as_deref()));
        self.turn = None;
        self.ask(acts::act(act, target), (unbound, None))?;
        if self.refused() {
            return self.lost_by_refusal(thread);
        }
        match act {
            Action::Name | Action::Read | Action::List | Action::Unarchive => Ok(()),
            Action::Inject => self.begun(thread),
            Action::Archive => self.archived(thread),
            Action::Revert => self.reverted(thread),
            Action::Unsubscribe | Action::Unload => self.unsubscribed(thread),
            Action::Shell => self.shell(thread, running),
            Action::Review => self.reviewed(thread),
            Action::Compact | Action::Queue => self.own_turn(thread, running),
            Action::Goal => {
                self.own_turn(thread, running)?;
                self.ask(acts::clear_goal(&id), (unbound, None))
            }
        }
    }

    /// A refused request may have unloaded the thread all the same.
    fn lost_by_refusal(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        if let (ThreadRef::Thread(name), Some(known)) = (thread, self.known(thread))
            && known.loaded
            && known.gone
        {
            known.unload();
            self.record.seen(Observation::Closed { thread: ThreadLabel::Named(name) });
            self.doubtful(thread);
        }
        Ok(())
    }

    /// On a full disk a refused request may have loaded the thread, with nobody to hear of it.
    pub(super) fn doubtful(&mut self, thread: ThreadRef) {
        let full = self.full;
        if let Some(known) = self.known(thread) {
            let doubtful = full && !known.loaded;
            known.unsubscribed |= doubtful;
            known.mute |= doubtful;
        }
    }

    /// What an act is done to.
    pub(super) fn target<'t>(&self, (thread, turn): (&'t str, Option<&'t str>)) -> Target<'t> {
        let version = self.release();
        let reverts = |version: &Version| (version.major, version.minor) >= REVERTS_SINCE;
        let back = if version.is_none_or(reverts) { Back::Revert } else { Back::Rollback };
        Target { thread, turn, back, number: self.record.calls() + 1 }
    }

    /// Why the act cannot be performed now, if it cannot.
    fn unfit(&mut self, thread: ThreadRef, act: Action) -> Option<&'static str> {
        let unheard = self.unheard(thread).is_some();
        let known = self.known(thread)?;
        let running = known.running.is_some();
        match act {
            Action::Goal | Action::Queue if running => Some("a turn runs"),
            Action::Queue if known.interrupted => {
                Some("what is queued after an interruption waits for another turn")
            }
            Action::Goal | Action::Queue if !known.loaded => {
                Some("its turn would begin when nobody waits for it")
            }
            Action::Compact | Action::Review | Action::Shell | Action::Revert
                if unheard && running =>
            {
                Some("a turn runs whose end would not be heard")
            }
            _ => None,
        }
    }

    /// An archived thread is unloaded, and a turn of it interrupted.
    fn archived(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        if let Some(known) = self.known(thread) {
            known.unload();
        }
        Ok(())
    }

    /// Which turns are left is each release's own: none can be named any more.
    fn reverted(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        if let Some(known) = self.known(thread) {
            known.running = None;
            known.turns.clear();
        }
        Ok(())
    }

    /// A subscription has ended, or there was none.
    fn unsubscribed(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let ThreadRef::Thread(name) = thread else {
            return Ok(());
        };
        let speaker = self.speaks;
        let Some(known) = self.known(thread).filter(|known| known.loaded) else {
            return Ok(());
        };
        // Another client that hears of it goes on to.
        known.heard_by.remove(&speaker);
        known.unsubscribed = known.heard_by.is_empty();
        known.loaded = !known.unsubscribed;
        self.record.seen(Observation::Unsubscribed { thread: ThreadLabel::Named(name) });
        self.unloaded(thread)
    }

    /// Waits until a thread that nobody hears is unloaded, where the plan wants that soon.
    pub(super) fn unloaded(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let running = self.running(thread).is_some();
        match self.unheard(thread) {
            Some(unheard) if self.unloads && !running => {
                let closed = |what: &Observation| matches!(what, Observation::Closed { thread } if *thread == unheard);
                self.within(UNLOAD_DEADLINE, closed)
            }
            _ => Ok(()),
        }
    }

    /// A command of the client's is a turn of its own, or a part of the one that runs.
    fn shell(&mut self, thread: ThreadRef, running: Option<u32>) -> Result<(), Aborted> {
        match running {
            None => self.over(thread, |_| true),
            Some(running) => self.until(
                "turn/completed, or the command's own end",
                self.test_bed.timeouts.turn,
                |what| matches!(what, Observation::CommandEnded { turn, .. } if *turn == running),
            ),
        }
    }

    /// A review ends under the name that its answer gave it, and interrupts what runs.
    fn reviewed(&mut self, thread: ThreadRef) -> Result<(), Aborted> {
        let granted = self.turn;
        self.over(thread, |turn| granted.is_none_or(|granted| turn == granted))?;
        self.begun(thread)
    }

    /// A turn that the server runs by itself, after it has interrupted what runs.
    fn own_turn(&mut self, thread: ThreadRef, running: Option<u32>) -> Result<(), Aborted> {
        let unheard = self.unheard(thread).is_some();
        self.over(thread, |turn| Some(turn) != running)?;
        // The number of a turn that was not heard is not known.
        if unheard {
            return self.begun(thread);
        }
        self.took_a_turn(thread);
        Ok(())
    }
}
