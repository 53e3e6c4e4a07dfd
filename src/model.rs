//! [core] The reference world: what the contract allows next.
//!
//! Given a world and a step, lists every answer the contract allows, each with the world after it
//! and the clauses it rests on. Never empty: every step has an answer, and one that nobody may
//! refuse or grant is our bug. Knows no JSON, no clock, no chance, and nothing of any release.

use std::collections::BTreeMap;

use crate::contract::Clause;
use crate::op::{Flaw, Stop};
use crate::plan::{Name, Reply, Step, Who};
use crate::policy::{
    CallOverrides, Defaults, Dimension, Policy, TurnOverrides, Value, Wish, order,
};

pub mod fires;

/// Raised whenever a prediction or a draw changes, so that a campaign's token says what it was.
pub const REVISION: u32 = 1;

/// Everything that the contract makes of the steps so far.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct World {
    /// The defaults in config.toml now.
    pub defaults: Defaults,
    /// The threads that exist, by name.
    pub threads: BTreeMap<Name, Thread>,
}

/// One thread as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thread {
    /// The policy in force, while the thread is loaded.
    pub live: Option<Policy>,
    /// The policy that a cold read must give.
    pub stored: Policy,
    /// Whether the thread can be resumed and forked at all.
    pub materialised: bool,
    /// Whether a kill unloaded it, and nothing has loaded it since.
    pub killed: bool,
    /// Which clause gave each value of the live policy, and by which operation.
    pub ruled: Ruling,
    /// The clauses by which a cold read restores each value of the stored policy.
    pub restored: Ruling,
    /// The policy before the last change.
    pub before: Option<Policy>,
    /// The source's policy at the fork, where the thread is one.
    pub source: Option<Policy>,
}

/// The clauses that a policy's values rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ruling {
    /// The operation.
    pub kind: Kind,
    /// The clause for AP.
    pub approval: Clause,
    /// The clause for RV.
    pub reviewer: Clause,
    /// The clause for SB and PP.
    pub permissions: Clause,
}

/// The kind of operation that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `thread/start`.
    Start,
    /// A turn.
    Run,
    /// `thread/fork`.
    Fork,
    /// `thread/resume`, the audit's cold reads included.
    Resume,
    /// The server's end and new start.
    Restart,
    /// A change of config.
    Configure,
}

/// One answer that the contract allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The world after it.
    pub world: World,
    /// What is due.
    pub due: Due,
    /// Every clause that this answer rests on, the operation's own and the general ones.
    pub rests: Vec<Clause>,
}

/// What a step must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing is asked of the server.
    Nothing,
    /// The request is refused.
    Refusal(Clause),
    /// The reply states this policy of this thread.
    Policy(Name, Policy, Ruling),
    /// The same, as a look at what an earlier operation left.
    Look(Name, Policy, Ruling),
    /// A turn runs to its end under this policy; `notice` says whether it changed something.
    Turn {
        /// The thread.
        thread: Name,
        /// The policy of the turn and of those after it.
        policy: Policy,
        /// What its values rest on.
        ruling: Ruling,
        /// Whether `thread/settings/updated` is due (T9).
        notice: bool,
    },
}

impl Ruling {
    /// What a cold read restores once a turn has run.
    pub const RESTORED: Ruling = Ruling {
        kind: Kind::Resume,
        approval: Clause::R4,
        reviewer: Clause::R5,
        permissions: Clause::R8,
    };

    /// The same clause for every value.
    pub fn all(kind: Kind, clause: Clause) -> Ruling {
        Ruling { kind, approval: clause, reviewer: clause, permissions: clause }
    }

    /// The clause of a value.
    pub fn clause(&self, value: &Value) -> Clause {
        match value {
            Value::Approval(_) => self.approval,
            Value::Reviewer(_) => self.reviewer,
            Value::Permissions(_) => self.permissions,
        }
    }

    /// `set` where the overrides set a value, this ruling's clause elsewhere.
    fn where_set<S>(self, set: Clause, overrides: &crate::policy::Overrides<S>) -> Ruling {
        let choose = |is_set: bool, kept: Clause| if is_set { set } else { kept };
        Ruling {
            kind: self.kind,
            approval: choose(overrides.approval.value().is_some(), self.approval),
            reviewer: choose(overrides.reviewer.value().is_some(), self.reviewer),
            permissions: choose(overrides.sandbox.value().is_some(), self.permissions),
        }
    }
}

impl Step {
    /// The kind of operation, as findings name it; a look is the resume that takes it.
    pub fn kind(&self) -> Kind {
        match self {
            Step::Start { .. } => Kind::Start,
            Step::Run { .. } => Kind::Run,
            Step::Fork { .. } => Kind::Fork,
            Step::Resume { .. } | Step::Reread { .. } | Step::Fresh { .. } => Kind::Resume,
            Step::Restart { .. } => Kind::Restart,
            Step::Configure { .. } => Kind::Configure,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Start => "start",
            Kind::Run => "run",
            Kind::Fork => "fork",
            Kind::Resume => "resume",
            Kind::Restart => "restart",
            Kind::Configure => "configure",
        })
    }
}

impl World {
    /// The world before the first step.
    pub fn new(defaults: Defaults) -> World {
        World { defaults, threads: BTreeMap::new() }
    }

    /// The thread, if it exists.
    pub fn thread(&self, who: Who) -> Option<(Name, &Thread)> {
        match who {
            Who::Nobody => None,
            Who::Thread(name) => self.threads.get(&name).map(|thread| (name, thread)),
        }
    }

    fn with(&self, name: Name, thread: Thread) -> World {
        let mut world = self.clone();
        world.threads.insert(name, thread);
        world
    }

    /// S2: a thread's values are its own, and a look after a change of config says whether they
    /// are.
    fn configured(&self, defaults: &Defaults) -> World {
        let mut world = World { defaults: defaults.clone(), threads: self.threads.clone() };
        for thread in world.threads.values_mut() {
            thread.ruled = Ruling::all(Kind::Configure, Clause::S2);
        }
        world
    }

    fn unloaded(&self, stop: Stop) -> World {
        let mut world = self.clone();
        for thread in world.threads.values_mut().filter(|thread| thread.live.is_some()) {
            thread.live = None;
            thread.killed = stop == Stop::Kill;
        }
        world.threads.retain(|_, thread| thread.materialised);
        world
    }
}

impl Thread {
    /// A thread that was just started or forked, and is loaded.
    fn new(policy: Policy, ruled: Ruling) -> Thread {
        Thread {
            live: Some(policy.clone()),
            stored: policy,
            materialised: false,
            killed: false,
            ruled,
            restored: Ruling::RESTORED,
            before: None,
            source: None,
        }
    }

    /// This thread with another policy in force, live and stored.
    fn moved(&self, policy: Policy, ruled: Ruling) -> Thread {
        let last = self.live.as_ref().unwrap_or(&self.stored);
        let before = if *last == policy { self.before.clone() } else { Some(last.clone()) };
        Thread { live: Some(policy.clone()), stored: policy, before, ruled, ..self.clone() }
    }
}

/// Every answer that the contract allows, in no order of preference.
pub fn step(world: &World, step: &Step) -> Vec<Branch> {
    let branches = match step {
        Step::Start { overrides, new } => start(world, overrides, *new),
        Step::Run { thread, overrides, flaw, reply, .. } => match world.thread(*thread) {
            Some((name, Thread { live: Some(live), .. })) => match flaw {
                Some(Flaw::ProfileWithSandbox) => refused(world, Clause::G5),
                Some(_) => refused(world, Clause::T5),
                None => run(world, (name, live), overrides, reply),
            },
            _ => refused(world, Clause::R0),
        },
        Step::Fork { from, overrides, new } => match world.thread(*from) {
            Some((_, source)) if source.materialised => fork(world, source, overrides, *new),
            _ => refused(world, Clause::R16),
        },
        Step::Resume { thread, overrides } => match world.thread(*thread) {
            Some((name, thread)) if thread.materialised => resume(world, (name, thread), overrides),
            _ => refused(world, Clause::R16),
        },
        Step::Reread { thread } => reread(world, *thread),
        Step::Fresh { thread } => fresh(world, *thread),
        Step::Restart { stop } => quiet(world.unloaded(*stop)),
        Step::Configure { defaults } => quiet(world.configured(defaults)),
    };
    assert!(!branches.is_empty(), "every step has an answer");
    branches
}

fn refused(world: &World, clause: Clause) -> Vec<Branch> {
    vec![Branch { world: world.clone(), due: Due::Refusal(clause), rests: vec![clause] }]
}

fn quiet(world: World) -> Vec<Branch> {
    vec![Branch { world, due: Due::Nothing, rests: Vec::new() }]
}

fn start(world: &World, overrides: &CallOverrides, new: Name) -> Vec<Branch> {
    let wished = world.defaults.resolve(overrides);
    let policy = world.defaults.policy().with(&wished);
    let ruling = Ruling::all(Kind::Start, Clause::S1);
    let world = world.with(new, Thread::new(policy.clone(), ruling));
    stated(world, Due::Policy(new, policy, ruling), general(overrides))
}

/// T3 is the stance on a turn that fails or is interrupted: it did start, so its override holds.
fn run(
    world: &World,
    (name, live): (Name, &Policy),
    overrides: &TurnOverrides,
    reply: &Reply,
) -> Vec<Branch> {
    let set = match reply {
        Reply::Text(_) | Reply::Call { .. } => Clause::T1,
        Reply::Fail | Reply::Status(_) | Reply::Drop | Reply::Hold => Clause::T3,
    };
    let policy = live.with(overrides);
    let ruling = Ruling::all(Kind::Run, Clause::T2).where_set(set, overrides);
    let notice = policy != *live;
    let mut thread = world.threads[&name].moved(policy.clone(), ruling);
    thread.materialised = true;
    thread.restored = Ruling::RESTORED;
    let mut rests = general(overrides);
    rests.extend([Clause::T9, Clause::W4]);
    if overrides.sets_any() {
        rests.push(Clause::G3);
    }
    stated(world.with(name, thread), Due::Turn { thread: name, policy, ruling, notice }, rests)
}

/// A fork takes the source's latest policy, whether the source is loaded or not.
fn fork(world: &World, source: &Thread, overrides: &CallOverrides, new: Name) -> Vec<Branch> {
    let latest = source.live.as_ref().unwrap_or(&source.stored);
    let policy = latest.with(&world.defaults.resolve(overrides));
    let ruling = Ruling::all(Kind::Fork, Clause::F1).where_set(Clause::F3, overrides);
    let thread = Thread {
        materialised: true,
        restored: Ruling::all(Kind::Resume, Clause::F4),
        source: Some(latest.clone()),
        ..Thread::new(policy.clone(), ruling)
    };
    let mut rests = general(overrides);
    rests.push(Clause::G11);
    stated(world.with(new, thread), Due::Policy(new, policy, ruling), rests)
}

fn resume(
    world: &World,
    (name, thread): (Name, &Thread),
    overrides: &CallOverrides,
) -> Vec<Branch> {
    match &thread.live {
        Some(live) => {
            let clause = if overrides.sets_any() { Clause::R2 } else { Clause::R1 };
            let ruling = Ruling::all(Kind::Resume, clause);
            let due = Due::Policy(name, live.clone(), ruling);
            stated(world.clone(), due, general(overrides))
        }
        None => {
            let policy = thread.stored.with(&world.defaults.resolve(overrides));
            let ruling = thread.restored.where_set(Clause::R11, overrides);
            let mut loaded = thread.moved(policy.clone(), ruling);
            loaded.restored = ruling;
            let mut rests = general(overrides);
            rests.extend([Clause::G10, Clause::S2, Clause::G11]);
            rests.extend(thread.killed.then_some(Clause::R17));
            loaded.killed = false;
            stated(world.with(name, loaded), Due::Policy(name, policy, ruling), rests)
        }
    }
}

/// A look is taken only at a thread that is loaded and can be resumed.
fn reread(world: &World, thread: Who) -> Vec<Branch> {
    match world.thread(thread) {
        Some((name, Thread { live: Some(live), materialised: true, ruled, .. })) => {
            let due = Due::Look(name, live.clone(), *ruled);
            stated(world.clone(), due, vec![Clause::G8, Clause::G11])
        }
        _ => quiet(world.clone()),
    }
}

/// What a cold resume gives on a copy of the home, which leaves the thread itself as it is.
fn fresh(world: &World, thread: Who) -> Vec<Branch> {
    match world.thread(thread) {
        Some((name, Thread { stored, materialised: true, restored, .. })) => {
            let due = Due::Look(name, stored.clone(), *restored);
            stated(world.clone(), due, vec![Clause::G10, Clause::S2, Clause::G11])
        }
        _ => quiet(world.clone()),
    }
}

fn stated(world: World, due: Due, rests: Vec<Clause>) -> Vec<Branch> {
    vec![Branch { world, due, rests }]
}

/// The general clauses that a call with these overrides rests on.
fn general<S>(overrides: &crate::policy::Overrides<S>) -> Vec<Clause> {
    let nulls = [
        matches!(overrides.approval, Wish::Null),
        matches!(overrides.reviewer, Wish::Null),
        matches!(overrides.sandbox, Wish::Null),
    ];
    let set = [
        overrides.approval.value().is_some(),
        overrides.reviewer.value().is_some(),
        overrides.sandbox.value().is_some(),
    ];
    let mixed = set.contains(&true) && set.contains(&false);
    let mut rests = vec![Clause::G1];
    rests.extend(nulls.contains(&true).then_some(Clause::G2));
    rests.extend(mixed.then_some(Clause::G4));
    rests.extend(set[2].then_some(Clause::G6));
    rests
}

/// Where the contract lets a policy be wider than the client asked for, the clause that does (G12).
pub fn wider_by_right(world: &World, step: &Step) -> Option<Clause> {
    let Step::Resume { thread, overrides } = step else {
        return None;
    };
    let (_, thread) = world.thread(*thread)?;
    let live = thread.live.as_ref()?;
    let asked = live.with(&world.defaults.resolve(overrides));
    (thread.materialised && order::allows_more(live, &asked)).then_some(Clause::R2)
}

/// The dimensions in which two policies differ, as the first one spells them.
pub fn differing(due: &Policy, seen: &Policy) -> Vec<Dimension> {
    let pairs = due.values().into_iter().zip(seen.values());
    pairs.filter(|((_, due), (_, seen))| due != seen).map(|((dimension, _), _)| dimension).collect()
}
