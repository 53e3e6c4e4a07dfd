//! `run`: T1 to T6.

use crate::contract::Clause;
use crate::model::branch::{loaded, refused};
use crate::model::rule::Rule;
use crate::model::turns::turn;
use crate::model::{Branch, Stage, World};
use crate::policy::TurnOverrides;
use crate::policy::order::allows_more;
use crate::program::ops::run::{Flaw, Run};
use crate::program::reply::Reply;
use crate::program::thread::ThreadRef;

impl Rule for Run {
    const WRITES: bool = true;

    /// T3 is the stance on a turn that fails or is interrupted: it did start, so its override
    /// holds.
    fn predict(&self, world: &World) -> Vec<Branch> {
        let set = match &self.reply {
            Reply::Text(_) | Reply::Call { .. } | Reply::Probe(_) => Clause::T1,
            Reply::Fail | Reply::Status(_) | Reply::Drop | Reply::Hold => Clause::T3,
        };
        match (loaded(world, self.thread), self.flaw) {
            (None, _) => refused(world, Clause::R0),
            (Some(_), Some(Flaw::ProfileWithSandbox)) => refused(world, Clause::G5),
            (Some(_), Some(_)) => refused(world, Clause::T5),
            (Some(target), None) => turn(world, target, &self.overrides, set),
        }
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Started, Stage::Acknowledged, Stage::StartedAndAcknowledged]
    }

    fn permits_widening(&self, world: &World) -> Option<Clause> {
        let taken = self.flaw.is_none();
        taken.then(|| steered_stays_wider(world, self.thread, &self.overrides)).flatten()
    }
}

/// T6: a running turn may stay wider than the turn that steers it asks for.
pub(super) fn steered_stays_wider(
    world: &World,
    thread: ThreadRef,
    overrides: &TurnOverrides,
) -> Option<Clause> {
    let (_, thread) = world.thread(thread)?;
    let running = thread.running.as_ref()?;
    let asked = thread.live.as_ref()?.with(overrides);
    allows_more(running, &asked, &world.defaults.profiles).then_some(Clause::T6)
}
