//! Requests that must be refused, calls that are torn off, a disk that is full.
//!
//! A torn call is written, and the server killed at once or so many milliseconds later; what it
//! says until then is written down, and nothing is waited for. A full disk is stood in for by a
//! limit on the size of files: every write to one fails, with EFBIG where a full disk says ENOSPC.
//! Both leave a home that is not used for another case.

use crate::program::ops::action::ThreadAction;
use crate::program::ops::begin::Begin;
use crate::program::ops::finish::Finish;
use crate::program::ops::fork::Fork;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::settings::Settings;
use crate::program::ops::start::Start;
use crate::program::ops::turn_settings::TurnSettings;
use std::time::{Duration, Instant};

use super::session::BeforeInitialize;
use super::steps::{Aborted, Run};
use crate::client::Lost;
use crate::program::ops::Delay;
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::ops::finish::End;
use crate::program::ops::invalid::Wrong;
use crate::program::ops::restart::Stop;
use crate::program::reply::Reply;
use crate::program::thread::ThreadRef;
use crate::protocol::acts;
use crate::protocol::malformed;
use crate::protocol::requests::{self, Call, NEVER_ISSUED};
use crate::trace::Observation;

impl Run<'_> {
    pub(super) fn invalid(
        &mut self,
        thread: ThreadRef,
        method: Method,
        wrong: Wrong,
    ) -> Result<(), Aborted> {
        let (id, unbound) = self.id(thread);
        let turn = self.running(thread);
        let target = self.target((&id, turn.as_deref()));
        let Some(call) = malformed::spell(method, wrong, target, self.seat.home.places()) else {
            return self.not_taken("the method cannot be wrong in this way");
        };
        match wrong {
            Wrong::BeforeInitialize => self.early(call, unbound),
            _ => self.ask(call, (unbound, None)),
        }
    }

    /// Asks a second process, which nobody has introduced himself to.
    fn early(&mut self, call: Call, unbound: bool) -> Result<(), Aborted> {
        let number = self.record.next_call();
        let method = call.method.to_owned();
        self.record.seen(Observation::Sent { call: number, method, unbound });
        let deadline = Instant::now() + self.test_bed.timeouts.answer;
        match BeforeInitialize::ask(
            self.site(&self.seat.home),
            (call.method, call.params),
            deadline,
        ) {
            BeforeInitialize::Granted => {
                self.record.seen(Observation::Answered {
                    call: number,
                    thread: None,
                    policy: None,
                });
                Ok(())
            }
            BeforeInitialize::Refused(error) => {
                let (code, message) = (error.code, error.message);
                self.record.seen(Observation::Refused { call: number, code, message });
                Ok(())
            }
            BeforeInitialize::Ours(reason) => self.trouble(reason),
            BeforeInitialize::Lost(Lost::Deadline { .. }, _) => {
                self.silent("the answer before initialize", self.test_bed.timeouts.answer)
            }
            BeforeInitialize::Lost(_, ended) => {
                self.ended(&ended, false);
                self.cut()
            }
        }
    }

    pub(super) fn disk(&mut self, full: bool) -> Result<(), Aborted> {
        let session = self.seat.session.as_ref().expect("a cut run does nothing");
        match session.limit_files(full) {
            Ok(()) => {
                self.full = full;
                self.seat.spent = true;
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                self.left_out("a limit on the size of files, on this system")
            }
            Err(error) => self.trouble(format!("cannot limit the server's files: {error}")),
        }
    }

    /// Sends the step's request, if it has one, and kills the server when the time is over. An
    /// answer that was quick enough gives its name.
    pub(super) fn torn(&mut self, inner: &Step, after: Delay) -> Result<(), Aborted> {
        let after = Duration::from_millis(after.0.into());
        if let Step::Parallel(steps) = inner {
            return self.together_torn(steps, after);
        }
        let request = self.request(inner);
        if let Some(what) = request.as_ref().and_then(|(call, _)| self.validity.lacks(call)) {
            return self.left_out(&what);
        }
        if let Some((call, unbound)) = request {
            self.play(inner)?;
            self.send(call, (unbound, inner.names().first().copied()))?;
            self.within(after, |_| false)?;
        }
        self.restart((Stop::Kill, false), None)?;
        match inner {
            Step::Fork(Fork { new, .. }) => self.begun(ThreadRef::Thread(*new)),
            Step::Resume(Resume { thread, .. }) => self.begun(*thread),
            _ => Ok(()),
        }
    }

    /// What the model answers, should it still be asked. A turn that is to run on is held, and
    /// what is said to one that runs changes nothing of its script.
    fn play(&mut self, step: &Step) -> Result<(), Aborted> {
        let (Step::Run(Run { thread, .. }) | Step::Begin(Begin { thread, .. })) = step else {
            return Ok(());
        };
        if self.running(*thread).is_some() {
            return Ok(());
        }
        let (id, _) = self.id(*thread);
        self.deed = None;
        match step {
            // What a deed's command does after the kill would be another deed's.
            Step::Run(Run { reply: Reply::Probe(..), .. }) => Ok(()),
            Step::Run(Run { reply, .. }) => self.script(&id, reply),
            _ => {
                self.stage.queue(&id, Reply::Hold);
                Ok(())
            }
        }
    }

    /// The request that a step sends, and whether its thread is unbound. What would begin to run
    /// at a later resume has none.
    fn request(&mut self, step: &Step) -> Option<(Call, bool)> {
        let thread = step.uses().unwrap_or(ThreadRef::Unknown);
        let (id, unbound) = self.id(thread);
        let turn = self.running(thread).unwrap_or(NEVER_ISSUED.to_owned());
        let last = self.known(thread).and_then(|known| known.turns.last().cloned());
        let cut = match step {
            Step::Fork(Fork { cut: Some(cut), .. }) => Some(self.cut_at(thread, *cut)),
            _ => None,
        };
        let places = self.seat.home.places();
        let call = match step {
            Step::Start(Start { overrides, ephemeral, .. }) => {
                requests::start(overrides, *ephemeral, places)
            }
            Step::Run(Run { prompt, overrides, flaw, .. }) => requests::turn(
                requests::Turn { thread: &id, prompt, overrides, flaw: *flaw },
                places,
            ),
            Step::Begin(Begin { overrides, .. }) => requests::turn(
                requests::Turn { thread: &id, prompt: "go on", overrides, flaw: None },
                places,
            ),
            Step::Finish(Finish { end: End::Interrupt, .. }) => requests::interrupt(&id, &turn),
            Step::Steer(_) => requests::steer(&id, &turn),
            Step::TurnSettings(TurnSettings { reviewer, .. }) => {
                requests::retune(&id, &turn, reviewer)
            }
            Step::Settings(Settings { overrides, .. }) => {
                requests::settings(&id, overrides, places)
            }
            Step::Fork(Fork { overrides, ephemeral, .. }) => {
                let cut = cut.as_ref().map(|(key, turn)| (*key, turn.as_str()));
                let fork = requests::Fork { thread: &id, overrides, cut, ephemeral: *ephemeral };
                requests::fork(fork, places)
            }
            Step::Resume(Resume { overrides, .. }) => requests::resume(&id, overrides, places),
            Step::Action(ThreadAction { action: act, .. })
                if !matches!(act, Action::Goal | Action::Queue) =>
            {
                acts::act(*act, self.target((&id, last.as_deref())))
            }
            _ => return None,
        };
        Some((call, unbound))
    }
}
