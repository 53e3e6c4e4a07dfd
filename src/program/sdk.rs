//! The client that performs a program: heirloom's own, or one of the Python SDK's.
//!
//! The SDK says less than the protocol: an approval mode in the place of approval and reviewer, a
//! preset in the place of a sandbox, and no request of some methods. A program that is drawn for it
//! is made of what it says; of any other program it leaves out the steps that it cannot say.

use serde::{Deserialize, Serialize};

use super::Program;
use super::operation::OverridesOf;
use super::ops::Step;
use super::request::{Back, RequestContext};
use crate::policy::{
    Approval, ApprovalMode, CallOverrides, Dimension, Overrides, Sandbox, Setting, TurnOverrides,
};

/// A client of the Python SDK, `openai-codex`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SdkClient {
    /// `Codex`.
    Python,
    /// `AsyncCodex`.
    PythonAsync,
}

/// The methods that the SDK has a function for.
pub const METHODS: [&str; 12] = [
    "thread/start",
    "thread/resume",
    "thread/fork",
    "thread/archive",
    "thread/unarchive",
    "thread/list",
    "thread/read",
    "thread/name/set",
    "thread/compact/start",
    "turn/start",
    "turn/steer",
    "turn/interrupt",
];

/// The operations without a request of their own that go with any client.
const WITHOUT_REQUEST: [&str; 5] = ["restart", "configure", "finish", "cold-read", "warm-read"];

impl Program {
    /// What the SDK can say of a program, in at most so many steps.
    pub fn sayable(&self, max_steps: usize) -> Program {
        let steps = self.steps.iter().filter_map(sayable).take(max_steps).collect();
        Program { defaults: self.defaults.clone(), steps }.normalised()
    }
}

/// What the SDK can say of a step, if anything.
fn sayable(step: &Step) -> Option<Step> {
    match step {
        Step::SecondClient(inner) => sayable(inner),
        Step::KillDuring(inner, delay) => {
            sayable(inner).map(|inner| Step::KillDuring(Box::new(inner), *delay))
        }
        Step::Parallel(lanes) => {
            let mut lanes: Vec<Step> = lanes.iter().filter_map(sayable).collect();
            if lanes.len() > 1 { Some(Step::Parallel(lanes)) } else { lanes.pop() }
        }
        operation => of_operation(operation.clone()),
    }
}

fn of_operation(mut step: Step) -> Option<Step> {
    if let Step::Fork(fork) = &mut step {
        fork.cut = None;
    }
    match step.overrides_mut() {
        Some(OverridesOf::Call(overrides)) => *overrides = of_call(overrides.clone()),
        Some(OverridesOf::Turn(overrides)) => *overrides = of_turn(overrides.clone()),
        None => {}
    }
    // The method does not depend on what the request depends on.
    let context = RequestContext { back: Back::Revert, number: 1 };
    let says = match step.request(context) {
        Some(request) => METHODS.contains(&request.method),
        None => WITHOUT_REQUEST.contains(&step.verb()),
    };
    says.then_some(step)
}

fn of_call(overrides: CallOverrides) -> CallOverrides {
    let sandbox = overrides.sandbox.value().copied();
    let others = [Dimension::M, Dimension::E, Dimension::T, Dimension::CWD];
    spoken(overrides, sandbox, ApprovalMode::on_call, &others)
}

fn of_turn(overrides: TurnOverrides) -> TurnOverrides {
    let sandbox = overrides.sandbox.value().map(preset);
    let tier_once = overrides.tier_once.clone();
    let others = [Dimension::M, Dimension::E, Dimension::T, Dimension::CWD];
    let spoken = spoken(overrides, sandbox, ApprovalMode::on_turn, &others);
    TurnOverrides { tier_once, ..spoken }
}

/// The preset that is nearest to a sandbox.
fn preset(sandbox: &Sandbox) -> Sandbox {
    match sandbox {
        Sandbox::FullAccess | Sandbox::External { .. } => Sandbox::FullAccess,
        Sandbox::WorkspaceWrite { .. } => Sandbox::workspace(false),
        Sandbox::ReadOnly { .. } | Sandbox::Open | Sandbox::Unrecognised(_) => {
            Sandbox::ReadOnly { network: false }
        }
    }
}

/// The mode that is nearest to the overrides, the preset, and the other values that the SDK has an
/// argument for.
fn spoken<S>(
    overrides: Overrides<S>,
    sandbox: Option<S>,
    by_mode: fn(ApprovalMode) -> Overrides<S>,
    others: &[Dimension],
) -> Overrides<S> {
    let Overrides { approval, reviewer, others: mut kept, .. } = overrides;
    let mode = match (approval.value(), reviewer.value()) {
        (None, None) => None,
        (Some(Approval::Never), _) => Some(ApprovalMode::DenyAll),
        _ => Some(ApprovalMode::AutoReview),
    };
    kept.retain(|dimension, value| others.contains(dimension) && value.value().is_some());
    let spoken = mode.map(by_mode).unwrap_or_default();
    let sandbox = sandbox.map_or(Setting::Omit, Setting::Set);
    Overrides { sandbox, others: kept, ..spoken }
}
