//! A loss with a trigger of one's choice: what a simulated server loses, and when.
//!
//! Two defects may lose the same thing and differ only in what brings it about.

use heirloom::model::World;
use heirloom::model::life::{Fact, Facts};
use heirloom::policy::{CallOverrides, Dimension, Permissions, Sandbox, Setting};
use heirloom::program::ops::Step;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::resume::Resume;
use heirloom::program::thread::ThreadRef;

/// What a server loses when it reads a thread for a resume or a fork.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// It takes config's approval policy, reviewer and permissions.
    Policy,
    /// It takes config's permissions where workspace-write is stored.
    Workspace,
    /// It takes config's reviewer.
    Reviewer,
    /// It takes config's folder.
    Folder,
    /// It takes the profile of full access in the place of a sandbox.
    Sandbox,
    /// It leaves the request's overrides out.
    Overrides,
    /// It leaves the request's approval policy out.
    ApprovalOverride,
}

/// A loss and its trigger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defect {
    pub(crate) loses: Loss,
    /// Whether it happens to a thread with these facts that is read by this step.
    pub(crate) when: fn(&Facts, &Step) -> bool,
}

/// Whether a fact shows with one of these words.
pub(crate) fn is(facts: &Facts, fact: Fact, words: &[&str]) -> bool {
    facts.word(fact).is_some_and(|word| words.contains(&word))
}

impl Defect {
    /// The step as it is received and the world as it is remembered.
    pub(super) fn applied(self, step: Step, world: World) -> (Step, World) {
        let (mut step, mut world) = (step, world);
        let (config, features) = (world.policy_in("WS"), world.defaults.features);
        let (Step::Resume(Resume { thread: who, .. }) | Step::Fork(Fork { source: who, .. })) =
            &step
        else {
            return (step, world);
        };
        let ThreadRef::Thread(name) = *who else { return (step, world) };
        let Some(thread) = world.threads.get_mut(&name) else { return (step, world) };
        if !(self.when)(&Facts::of(thread).with_features(features), &step) {
            return (step, world);
        }
        for policy in thread.live.iter_mut().chain([&mut thread.stored]) {
            match self.loses {
                Loss::Policy => {
                    policy.approval = config.approval.clone();
                    policy.reviewer = config.reviewer.clone();
                    policy.permissions = config.permissions.clone();
                }
                Loss::Reviewer => policy.reviewer = config.reviewer.clone(),
                Loss::Workspace if is_workspace(&policy.permissions) => {
                    policy.permissions = config.permissions.clone();
                }
                Loss::Folder => {
                    let folder = config.value(Dimension::CWD).expect("a folder is always known");
                    *policy = policy.replaced(folder);
                }
                Loss::Sandbox => {
                    policy.permissions = Permissions::Profile(":danger-full-access".to_owned());
                }
                Loss::Workspace | Loss::Overrides | Loss::ApprovalOverride => {}
            }
        }
        if let Step::Resume(Resume { overrides, .. }) | Step::Fork(Fork { overrides, .. }) =
            &mut step
        {
            match self.loses {
                Loss::Overrides => *overrides = CallOverrides::default(),
                Loss::ApprovalOverride => overrides.approval = Setting::default(),
                _ => {}
            }
        }
        (step, world)
    }

    /// The world after a step: a fork leaves its source as it was.
    pub(super) fn stored(self, step: &Step, before: &World, mut after: World) -> World {
        if let Step::Fork(Fork { source: ThreadRef::Thread(from), .. }) = step
            && let (Some(was), Some(source)) =
                (before.threads.get(from), after.threads.get_mut(from))
        {
            (source.live, source.stored) = (was.live.clone(), was.stored.clone());
        }
        after
    }
}

fn is_workspace(permissions: &Permissions) -> bool {
    matches!(permissions, Permissions::Legacy(Sandbox::WorkspaceWrite { .. }))
}
