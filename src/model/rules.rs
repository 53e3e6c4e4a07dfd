//! Which rule a step goes by.
//!
//! One arm a kind of step; the rules themselves stand in the files beside this one. What a step
//! meets on a full disk is widened here, for every step alike.

use super::{
    Branch, Expected, Thread, World, acts, calls, concurrent, full_disk, interrupted, turns,
};
use crate::contract::Clause;
use crate::policy::{Defaults, Overrides};
use crate::program::ops::Step;
use crate::program::ops::action::ThreadAction;
use crate::program::ops::begin::Begin;
use crate::program::ops::cold_read::ColdRead;
use crate::program::ops::configure::Configure;
use crate::program::ops::disk::Disk;
use crate::program::ops::finish::Finish;
use crate::program::ops::fork::Fork;
use crate::program::ops::restart::Restart;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::ops::second_server::SecondServer;
use crate::program::ops::settings::Settings;
use crate::program::ops::spawn::Spawn;
use crate::program::ops::start::Start;
use crate::program::ops::steer::Steer;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::ops::turn_settings::TurnSettings;
use crate::program::ops::warm_read::WarmRead;
use crate::program::thread::ThreadRef;

/// Every answer that the contract allows, in no order of preference.
pub fn step(world: &World, step: &Step) -> Vec<Branch> {
    let branches = match step {
        Step::Start(_) | Step::Fork(_) | Step::Resume(_) | Step::Settings(_) if world.full => {
            full_disk::widened(world, step, ruled(world, step))
        }
        Step::Run(_) | Step::Begin(_) | Step::Action(_) | Step::Spawn(_) | Step::WarmRead(_)
            if world.full =>
        {
            full_disk::widened(world, step, ruled(world, step))
        }
        _ => ruled(world, step),
    };
    assert!(!branches.is_empty(), "every step has an answer");
    branches
}

fn ruled(world: &World, step: &Step) -> Vec<Branch> {
    match step {
        Step::Start(Start { overrides, ephemeral, new }) => {
            calls::start(world, overrides, (*ephemeral, *new))
        }
        Step::Fork(Fork { source: from, overrides, cut, ephemeral, new }) => {
            let (cut, ephemeral) = (*cut, *ephemeral);
            calls::fork(world, *from, overrides, calls::Fork { cut, ephemeral, new: *new })
        }
        Step::Resume(Resume { thread, overrides }) => calls::resume(world, *thread, overrides),
        Step::WarmRead(WarmRead { thread }) => calls::reread(world, *thread),
        Step::ColdRead(ColdRead { thread }) => calls::fresh(world, *thread),
        Step::SecondServer(SecondServer { thread }) => calls::rival(world, *thread),
        Step::Run(Run { thread, overrides, flaw, reply, .. }) => {
            turns::run(world, *thread, overrides, (*flaw, reply))
        }
        Step::Begin(Begin { thread, overrides }) => turns::begin(world, *thread, overrides),
        Step::Finish(Finish { thread, .. }) => turns::finish(world, *thread),
        Step::Settings(Settings { thread, overrides }) => {
            turns::settings(world, *thread, overrides)
        }
        Step::Steer(Steer { thread }) => turns::steer(world, *thread),
        Step::TurnSettings(TurnSettings { thread, reviewer }) => {
            turns::retune(world, *thread, reviewer)
        }
        Step::Action(ThreadAction { thread, action: act }) => acts::act(world, *thread, *act),
        Step::Spawn(Spawn { thread, new }) => acts::spawn(world, *thread, *new),
        Step::SubagentTurn(SubagentTurn { thread }) => acts::task(world, *thread),
        Step::Invalid(_) => refused(world, Clause::T5),
        // Whichever release goes on with the home: the contract is the same.
        Step::Restart(Restart { stop, drop_db, .. }) => quiet(world.unloaded(*stop, *drop_db)),
        Step::Configure(Configure { defaults }) => quiet(world.configured(defaults)),
        Step::Disk(Disk { full }) => quiet(World { full: *full, ..world.clone() }),
        Step::SecondClient(inner) => concurrent::second(world, inner),
        Step::KillDuring(inner, _) => interrupted::torn(world, inner),
        Step::Parallel(steps) => concurrent::together(world, steps),
    }
}

/// The request is refused under this clause, and changes nothing.
pub(super) fn refused(world: &World, clause: Clause) -> Vec<Branch> {
    vec![Branch { world: world.clone(), due: Expected::Refusal(clause), rests: vec![clause] }]
}

/// Nothing that the server says is ruled.
pub(super) fn quiet(world: World) -> Vec<Branch> {
    vec![Branch { world, due: Expected::Nothing, rests: Vec::new() }]
}

/// One answer.
pub(super) fn stated(world: World, due: Expected, rests: Vec<Clause>) -> Vec<Branch> {
    vec![Branch { world, due, rests }]
}

/// The request may be granted, with this world after it, or refused, and then changes nothing.
pub(super) fn either(world: &World, after: World) -> Vec<Branch> {
    let branch =
        |world, granted| Branch { world, due: Expected::Answer { granted }, rests: Vec::new() };
    vec![branch(after, true), branch(world.clone(), false)]
}

/// The same where what a granted request must show is ruled.
pub(super) fn or_refused(world: &World, mut branches: Vec<Branch>) -> Vec<Branch> {
    let due = Expected::Answer { granted: false };
    branches.push(Branch { world: world.clone(), due, rests: Vec::new() });
    branches
}

/// The clause by which overrides must be refused, if they must.
pub(super) fn faulty<S>(defaults: &Defaults, overrides: &Overrides<S>) -> Option<Clause> {
    let both = overrides.sandbox.value().is_some() && overrides.profile.value().is_some();
    match overrides.profile.value() {
        _ if both && !overrides.by_config => Some(Clause::G5),
        Some(id) if !defaults.defines(id) => Some(Clause::T5),
        _ => None,
    }
}

/// The general clauses that a call with these overrides rests on.
pub(super) fn general<S>(overrides: &Overrides<S>) -> Vec<Clause> {
    let about = overrides.dimensions();
    let set = about.iter().filter(|(_, set, _)| *set).count();
    let mut rests = vec![Clause::G1];
    rests.extend(about.iter().any(|(_, _, null)| *null).then_some(Clause::G2));
    rests.extend((set > 0 && set < 3).then_some(Clause::G4));
    let permissions = overrides.sets(crate::policy::Dimension::SB);
    rests.extend(permissions.then_some(Clause::G6));
    rests.extend((overrides.by_config && set > 0).then_some(Clause::R12));
    rests
}

/// The clause that a set value rests on: the call's own, or R12 where it goes through `config`.
pub(super) fn set_by<S>(overrides: &Overrides<S>, own: Clause) -> Clause {
    if overrides.by_config { Clause::R12 } else { own }
}

/// The thread, if it is loaded.
pub(super) fn loaded(
    world: &World,
    who: ThreadRef,
) -> Option<(crate::program::thread::ThreadName, &Thread)> {
    world.thread(who).filter(|(_, thread)| thread.live.is_some())
}
