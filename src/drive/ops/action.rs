//! A thread action ends when the server has done what it granted; a refused one is over at once.
//!
//! Nothing is left behind that would begin to run later: a goal is cleared, and neither a goal nor
//! a queued message is sent where its turn would wait for a resume.

use super::Perform;
use crate::drive::run::{Aborted, Runner};
use crate::program::ops::action::{self, End, ThreadAction};
use crate::program::thread::ThreadRef;
use crate::protocol::notifications::Status;
use crate::trace::{Observation, ThreadLabel};

/// Why a goal is not set while its thread plans.
pub(super) const PLANNING: &str = "a goal begins no turn in plan mode";

impl Perform for ThreadAction {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let (thread, end) = (self.thread, self.action.end());
        if let Some(reason) = unfit(run, thread, end) {
            return run.not_taken(reason);
        }
        let running = run.running(thread).map(|turn| run.recorder.turn_number(&turn));
        run.granted_turn = None;
        run.recorder.reviewed = Some(run.id(thread)).filter(|_| end == End::DetachedReview);
        self.script(run)?;
        self.ask(run)?;
        if run.refused() {
            if run.probe.is_some() {
                run.clear_script(&run.id(thread));
                run.model.clear_any();
            }
            note_refusal(run, thread);
            return Ok(());
        }
        match end {
            End::Answer => {}
            End::History => run.note_history(thread),
            End::Archived => {
                // It is unloaded, and a turn of it interrupted.
                if let Some(known) = run.thread_mut(thread) {
                    known.unload();
                }
                let id = run.id(thread);
                run.recorder.lose_subagents(&id);
            }
            End::Reverted => {
                // Which turns are left depends on the release: none can be named any more.
                if let Some(known) = run.thread_mut(thread) {
                    known.running = None;
                    known.turns.clear();
                }
            }
            End::Unsubscribed | End::Unloaded => return unsubscribed(run, thread),
            End::Command => return await_command(run, thread, running),
            End::Review => {
                // It ends under the turn id of its answer, and interrupts what runs.
                run.await_granted_end(thread)?;
                run.note_history(thread);
                run.record_probe();
            }
            End::DetachedReview => {
                run.await_granted_end(thread)?;
                run.record_probe();
            }
            End::Turn => return await_own_turn(run, thread, running),
            End::Queued => {
                await_own_turn(run, thread, running)?;
                run.record_probe();
            }
            End::Goal => {
                await_own_turn(run, thread, running)?;
                run.record_probe();
                return run.ask(run.prepared(&action::clear_goal(), Some(thread)));
            }
        }
        Ok(())
    }

    fn is_sent_before_kill(&self) -> bool {
        !matches!(self.action.end(), End::Goal | End::Queued)
    }

    fn needs_own_process(&self) -> bool {
        self.action.end() == End::DetachedReview
    }

    fn awaits_unload(&self) -> bool {
        self.action.end() == End::Unloaded
    }
}

impl ThreadAction {
    /// Queues what the model asks for in the turn of the action.
    fn script(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        run.probe = None;
        let Some(script) = run.heard_probe(self.thread, self) else { return Ok(()) };
        let id = run.id(self.thread);
        match self.action.end() {
            End::Review | End::DetachedReview => run.script_review_probe(&id, script),
            _ => run.script_probe(&id, script),
        }
    }
}

/// Why the action cannot be performed now, if it cannot.
fn unfit(run: &Runner<'_>, thread: ThreadRef, end: End) -> Option<&'static str> {
    let known = run.thread(thread)?;
    let running = known.running.is_some();
    match end {
        End::Goal | End::Queued if running => Some("a turn runs"),
        End::Goal if known.is_planning() => Some(PLANNING),
        End::Queued if known.interrupted => {
            Some("a message queued after an interruption waits for another turn")
        }
        End::Goal | End::Queued if !known.is_loaded() => {
            Some("no client is subscribed that could wait for its turn")
        }
        End::Turn | End::Review | End::Command | End::Reverted if running && known.is_unheard() => {
            Some("a turn runs, and no client is subscribed that could wait for its end")
        }
        _ => None,
    }
}

/// A refused request may have unloaded the thread all the same.
fn note_refusal(run: &mut Runner<'_>, thread: ThreadRef) {
    let (Some(name), Some(known)) = (thread.name(), run.thread_mut(thread)) else { return };
    if known.is_loaded() && known.status == Some(Status::NotLoaded) {
        known.unload();
        run.recorder.record(Observation::Closed { thread: ThreadLabel::Named(name) });
        run.may_be_loaded(thread);
    }
}

/// A subscription has ended, or there was none.
fn unsubscribed(run: &mut Runner<'_>, thread: ThreadRef) -> Result<(), Aborted> {
    let client = run.client;
    let known = run.thread_mut(thread).filter(|known| known.is_loaded());
    let (Some(name), Some(known)) = (thread.name(), known) else { return Ok(()) };
    known.unsubscribe(client);
    run.recorder.record(Observation::Unsubscribed { thread: ThreadLabel::Named(name) });
    run.await_unload(thread)
}

/// A command of the client is a turn of its own, or a part of the one that runs.
fn await_command(
    run: &mut Runner<'_>,
    thread: ThreadRef,
    running: Option<u32>,
) -> Result<(), Aborted> {
    let Some(running) = running else {
        return run.await_end(thread, |_| true);
    };
    let timeout = run.timeouts.turn;
    run.until(
        "turn/completed, or the command's own end",
        timeout,
        |what| matches!(what, Observation::CommandEnded { turn, .. } if *turn == running),
    )
}

/// Waits for the end of a turn that the server starts, after it has interrupted what runs.
fn await_own_turn(
    run: &mut Runner<'_>,
    thread: ThreadRef,
    running: Option<u32>,
) -> Result<(), Aborted> {
    let unheard = run.unheard(thread).is_some();
    run.await_end(thread, |turn| Some(turn) != running)?;
    if unheard {
        // The number of the turn is not known.
        run.note_history(thread);
    } else {
        run.took_turn(thread);
    }
    Ok(())
}
