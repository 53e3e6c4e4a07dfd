//! The faults of a simulated server.
//!
//! Each is one that a real server could have: it loses a value, takes it from elsewhere, or breaks
//! the protocol. Faults of policy change the step that the server receives, the world that it
//! remembers before the step, or the world that it stores after it; the others change only answers.

use std::collections::BTreeMap;

use heirloom::model::{Thread, World};
use heirloom::policy::assign::SandboxSpelling;
use heirloom::policy::order::{Need, lets_through};
use heirloom::policy::{
    Approval, CallOverrides, Layer, Overrides, Permissions, Policy, Profiles, Reviewer, Sandbox,
    Setting, Trust, TurnOverrides,
};
use heirloom::program::ops::Step;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::restart::{Restart, Stop};
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::start::Start;
use heirloom::program::reply::Reply;
use heirloom::program::thread::{ThreadName, ThreadRef};

macro_rules! faults {
    ($($(#[doc = $text:literal])+ $name:ident,)+) => {
        /// A fault of a server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault {$($(#[doc = $text])+ $name,)+}

        /// Every fault.
        pub(crate) const FAULTS: &[Fault] = &[$(Fault::$name,)+];
    };
}

faults! {
    /// A cold resume and a fork take config's values: all inheritance lives in memory.
    InheritsNothing,
    /// A cold resume takes config's sandbox.
    LosesSandboxes,
    /// A cold resume leaves out the newer fields of a granular policy.
    LosesFields,
    /// A turn that does not complete takes its override with it.
    DropsFailedTurns,
    /// A kill takes the last change of every thread with it.
    LosesTheLastChange,
    /// A turn's approval policy reaches all threads that are loaded.
    LeaksToOthers,
    /// A fork's policy is written to its source too.
    ForksIntoTheSource,
    /// A start has config's values, whatever it asks for.
    IgnoresStarts,
    /// A turn runs with the thread's policy, whatever it asks for.
    IgnoresTurns,
    /// A fork has its source's policy, whatever it asks for.
    IgnoresForks,
    /// A cold resume has the stored policy, whatever it asks for.
    IgnoresColdResumes,
    /// A warm resume applies its override.
    AppliesWarmResumes,
    /// A turn that asks for no approval policy takes config's.
    FallsBackInTurns,
    /// A change of config reaches the threads that are loaded.
    FollowsConfig,
    /// `null` sets a value to config's.
    ClearsByNull,
    /// A start with a sandbox that writes makes config.toml trust the workspace.
    TrustsWorkspaces,
    /// A start has another default than the one before it, where config states none.
    ChangesDefaults,
    /// The project's own config has no effect.
    IgnoresProjects,
    /// The project's own config has an effect where the workspace is not trusted.
    TrustsEverywhere,
    /// A workspace that a turn asks for has config's roots too.
    AddsRoots,
    /// A turn that must be refused runs.
    RunsFlawedTurns,
    /// A turn of a thread that is not loaded runs.
    RunsUnloadedThreads,
    /// A thread without a turn is kept, and can be resumed and forked.
    KeepsEveryThread,
    /// A cold resume is refused.
    RefusesColdResumes,
    /// No change sends a notice.
    SendsNoNotice,
    /// The notice of a change has the value before it.
    NoticesTheOldValue,
    /// A turn that changes nothing sends a notice too.
    NoticesEqualValues,
    /// The model context has the policy before the turn's change.
    TellsTheOldPolicy,
    /// The reply to a fork is about its source.
    AnswersForTheSource,
    /// The reply to a fork has no policy.
    StatesNoPolicyOfForks,
    /// Lifecycle requests are answered twice.
    AnswersTwice,
    /// Forks are never answered.
    NeverAnswersForks,
    /// A line that is not a message comes before the answer to a start.
    Mutters,
    /// A turn starts twice.
    StartsTurnsTwice,
    /// A turn completes twice.
    EndsTurnsTwice,
    /// A turn has events after its end.
    TrailsTurns,
    /// The process ends in a turn.
    DiesInTurns,
    /// A turn never ends.
    HangsInTurns,
    /// A panic is printed when the process is told to end.
    PanicsAtTheEnd,
}

impl Fault {
    /// The step that the server receives.
    pub(super) fn received(self, step: &Step, world: &World) -> Step {
        let cold = |who: &ThreadRef| world.thread(*who).is_some_and(|(_, thread)| is_cold(thread));
        let mut heard = step.clone();
        match (self, &mut heard) {
            (Fault::IgnoresStarts, Step::Start(Start { overrides, .. }))
            | (Fault::IgnoresForks, Step::Fork(Fork { overrides, .. })) => {
                *overrides = CallOverrides::default();
            }
            (Fault::IgnoresTurns, Step::Run(Run { overrides, .. })) => {
                *overrides = TurnOverrides::default();
            }
            (Fault::IgnoresColdResumes, Step::Resume(Resume { thread, overrides }))
                if cold(thread) =>
            {
                *overrides = CallOverrides::default();
            }
            (Fault::RefusesColdResumes, Step::Resume(Resume { thread, .. })) if cold(thread) => {
                *thread = ThreadRef::Unknown;
            }
            (Fault::RunsFlawedTurns, Step::Run(Run { flaw, .. })) => *flaw = None,
            (
                Fault::ClearsByNull,
                Step::Start(Start { overrides, .. })
                | Step::Fork(Fork { overrides, .. })
                | Step::Resume(Resume { overrides, .. }),
            ) => *overrides = cleared(overrides, &world.policy_in("WS")),
            (Fault::ClearsByNull, Step::Run(Run { overrides, .. })) => {
                *overrides = cleared(overrides, &world.policy_in("WS"));
            }
            (Fault::AddsRoots, Step::Run(Run { overrides, .. })) => {
                if let Setting::Set(Sandbox::WorkspaceWrite { roots, .. }) = &mut overrides.sandbox
                {
                    roots.extend(world.defaults.roots.clone());
                }
            }
            _ => {}
        }
        heard
    }

    /// The world that the server remembers before the step.
    pub(super) fn remembered(self, step: &Step, world: &World) -> World {
        let mut recalled = world.clone();
        let config = world.policy_in("WS");
        match (self, step) {
            (Fault::ChangesDefaults, Step::Start(_)) if !world.threads.is_empty() => {
                for default in recalled.unstated.values_mut() {
                    default.approval = Approval::Never;
                    default.permissions = Permissions::Profile(":workspace".to_owned());
                }
            }
            (Fault::IgnoresProjects, Step::Start(_)) => {
                recalled.defaults.project = Layer::default()
            }
            (Fault::TrustsEverywhere, Step::Start(_)) => {
                recalled.defaults.trust = Some(Trust::Trusted);
            }
            _ => {}
        }
        let Some(ThreadRef::Thread(name)) = step.uses() else {
            return recalled;
        };
        let Some(thread) = recalled.threads.get_mut(&name) else {
            return recalled;
        };
        match (self, step) {
            (Fault::InheritsNothing, Step::Fork(_)) => put(thread, &config),
            (Fault::InheritsNothing, Step::Resume(_)) if is_cold(thread) => {
                thread.stored = config;
            }
            (Fault::LosesSandboxes, Step::Resume(_)) if is_cold(thread) => {
                thread.stored.permissions = config.permissions;
            }
            (Fault::LosesFields, Step::Resume(_)) if is_cold(thread) => {
                if let Approval::Granular(granular) = &mut thread.stored.approval {
                    granular.skill_approval = false;
                    granular.request_permissions = false;
                }
            }
            (Fault::AppliesWarmResumes, Step::Resume(Resume { overrides, .. }))
                if thread.materialised =>
            {
                let wished = world.defaults.resolve(overrides);
                thread.live = thread.live.as_ref().map(|live| live.with(&wished));
            }
            (Fault::FallsBackInTurns, Step::Run(Run { overrides, flaw: None, .. })) => {
                if let (None, Some(live)) = (overrides.approval.value(), &mut thread.live) {
                    live.approval = config.approval;
                }
            }
            (Fault::RunsUnloadedThreads, Step::Run(Run { flaw: None, .. })) if is_cold(thread) => {
                thread.live = Some(thread.stored.clone());
            }
            _ => {}
        }
        recalled
    }

    /// The world that the server stores after the step.
    pub(super) fn stored(self, step: &Step, before: &World, mut after: World) -> World {
        match (self, step) {
            (Fault::IgnoresProjects | Fault::TrustsEverywhere, Step::Start(_)) => {
                after.defaults = before.defaults.clone();
            }
            (Fault::TrustsWorkspaces, Step::Start(Start { new, .. })) => trust(&mut after, *new),
            (Fault::InheritsNothing, Step::Fork(Fork { source: ThreadRef::Thread(from), .. })) => {
                if let Some(source) = before.threads.get(from) {
                    after.threads.insert(*from, source.clone());
                }
            }
            (
                Fault::DropsFailedTurns,
                Step::Run(Run { thread: ThreadRef::Thread(name), reply, .. }),
            ) => {
                let was = before.threads.get(name).and_then(|thread| thread.live.clone());
                if let (Some(thread), Some(was)) = (after.threads.get_mut(name), was)
                    && !matches!(reply, Reply::Text(_) | Reply::Call { .. } | Reply::Probe(_))
                {
                    put(thread, &was);
                }
            }
            (Fault::LosesTheLastChange, Step::Restart(Restart { stop: Stop::Kill, .. })) => {
                for thread in after.threads.values_mut() {
                    thread.stored = thread.before.clone().unwrap_or(thread.stored.clone());
                }
            }
            (Fault::LeaksToOthers, Step::Run(Run { thread, overrides, flaw: None, .. })) => {
                if let (Some(approval), Some((_, own))) =
                    (overrides.approval.value(), before.thread(*thread))
                    && !is_cold(own)
                {
                    leak(&mut after, approval);
                }
            }
            (
                Fault::ForksIntoTheSource,
                Step::Fork(Fork { source: ThreadRef::Thread(from), new, .. }),
            ) => {
                let written = after.threads.get(new).map(|fork| fork.stored.clone());
                if let (Some(source), Some(written)) = (after.threads.get_mut(from), written) {
                    put(source, &written);
                }
            }
            (Fault::FollowsConfig, Step::Configure(_)) => {
                let policy = after.policy_in("WS");
                let loaded = after.threads.values_mut().filter(|thread| thread.live.is_some());
                loaded.for_each(|thread| put(thread, &policy));
            }
            (Fault::KeepsEveryThread, Step::Start(Start { new, .. })) => {
                if let Some(started) = after.threads.get_mut(new) {
                    started.materialised = true;
                }
            }
            _ => {}
        }
        after
    }
}

fn is_cold(thread: &Thread) -> bool {
    thread.live.is_none()
}

/// Sets the stored policy, and the live one where there is one.
fn put(thread: &mut Thread, policy: &Policy) {
    thread.stored = policy.clone();
    thread.live = thread.live.as_ref().map(|_| policy.clone());
}

fn leak(world: &mut World, approval: &Approval) {
    for thread in world.threads.values_mut() {
        if let Some(live) = &mut thread.live {
            live.approval = approval.clone();
            thread.stored.approval = approval.clone();
        }
    }
}

fn cleared<S: SandboxSpelling>(overrides: &Overrides<S>, config: &Policy) -> Overrides<S> {
    let sandbox = match &config.permissions {
        Permissions::Legacy(sandbox) => S::of(sandbox),
        Permissions::Profile(_) => None,
    };
    Overrides {
        approval: unless_null(&overrides.approval, Some(&config.approval)),
        reviewer: unless_null(&overrides.reviewer, Some(&config.reviewer)),
        sandbox: unless_null(&overrides.sandbox, sandbox.as_ref()),
        ..overrides.clone()
    }
}

fn unless_null<T: Clone>(setting: &Setting<T>, config: Option<&T>) -> Setting<T> {
    match (setting, config) {
        (Setting::Null, Some(value)) => Setting::Set(value.clone()),
        (other, _) => other.clone(),
    }
}

/// Adds the defaults of the server's own: they depend on whether the workspace is trusted.
pub(super) fn know_defaults(world: &mut World) {
    for folder in ["WS", "HOME", "OUT"] {
        for trust in [None, Some(Trust::Trusted), Some(Trust::Untrusted)] {
            let approval = match trust {
                Some(Trust::Untrusted) => Approval::Untrusted,
                _ => Approval::OnRequest,
            };
            let profile = if trust.is_some() { ":workspace" } else { ":read-only" };
            let permissions = Permissions::Profile(profile.to_owned());
            let (reviewer, others) = (Reviewer::User, BTreeMap::new());
            let default = Policy { approval, reviewer, permissions, others };
            world.unstated.entry((folder.to_owned(), trust)).or_insert(default);
        }
    }
}

/// Config.toml trusts the workspace where a thread can write to it and nothing is said of it.
fn trust(world: &mut World, new: ThreadName) {
    let writes = world.threads.get(&new).is_some_and(|thread| {
        lets_through(&thread.stored, Need::Inside, &Profiles::new()) == Some(true)
    });
    if writes {
        world.defaults.trust = world.defaults.trust.or(Some(Trust::Trusted));
    }
}
