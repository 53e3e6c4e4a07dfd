//! [core] The one place where chance enters: how cases are drawn.
//!
//! Defaults come first, and overrides are then drawn to differ from them, for where they are equal
//! nothing is tested. A case draws a shape first (swarm testing), so that some cases are all forks
//! and some all turns. A seed and a proptest runner both go through `cases`.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{Case, Ending, Flaw, NOBODY, Op, Pick, Stop};
use crate::policy::{
    Approval, ApprovalMode, CallOverrides, Defaults, Granular, Overrides, Reviewer, Sandbox,
    SandboxMode, TurnOverrides, Wish,
};

/// Operations in a case, unless a caller says otherwise: enough for a fork of a fork with turns
/// between.
pub const MAX_OPS: usize = 12;

/// Operations in a case that a caller may ask for: a case is drawn in memory, and is run to its end
/// before anybody is heard.
pub const LONGEST: usize = 1000;

/// Of 100 picks, this many name a thread that never was.
const NOBODY_PERCENT: u32 = 3;

/// Of 100 turns, this many are requests that must be refused.
const FLAW_PERCENT: u32 = 8;

/// Of 100 values set, this many are drawn without regard to the defaults, and so may equal them.
const ANY_VALUE_PERCENT: u32 = 10;

/// What a case leans to; drawn once per case.
#[derive(Clone, Copy, Debug)]
struct Shape {
    forks: u32,
    resumes: u32,
    restarts: u32,
    configures: u32,
    /// Of 100 calls, how many override anything at all.
    overriding: u32,
}

/// Cases of 1 to `max_ops` operations.
pub fn cases(max_ops: usize) -> BoxedStrategy<Case> {
    (defaults(), shapes())
        .prop_flat_map(move |(defaults, shape)| {
            let overrides = call_overrides(&defaults, shape.overriding);
            let first = overrides.prop_map(|overrides| Op::Start { overrides });
            let rest = vec(ops(&defaults, shape), 0..max_ops.max(1));
            (first, rest).prop_map(move |(first, mut ops)| {
                ops.insert(0, first);
                Case { defaults: defaults.clone(), ops }
            })
        })
        .boxed()
}

/// The case that a campaign of this seed draws at this index.
pub fn drawn(seed: u64, index: u64, max_ops: usize) -> Case {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    cases(max_ops).new_tree(&mut runner).expect("the strategy rejects nothing").current()
}

fn shapes() -> impl Strategy<Value = Shape> {
    let weight = || select(vec![0, 1, 3]);
    let overriding = select(vec![15, 40, 70]);
    (weight(), weight(), 1..3_u32, 0..2_u32, overriding).prop_map(
        |(forks, resumes, restarts, configures, overriding)| Shape {
            forks,
            resumes,
            restarts,
            configures,
            overriding,
        },
    )
}

fn ops(defaults: &Defaults, shape: Shape) -> impl Strategy<Value = Op> + use<> {
    let call = || call_overrides(defaults, shape.overriding);
    let turn = turn_overrides(defaults, shape.overriding);
    Union::new_weighted(vec![
        (1, call().prop_map(|overrides| Op::Start { overrides }).boxed()),
        (4, runs(turn)),
        (shape.forks + 1, (picks(), call()).prop_map(|(from, o)| fork(from, o)).boxed()),
        (shape.resumes + 1, (picks(), call()).prop_map(|(thread, o)| resume(thread, o)).boxed()),
        (2, picks().prop_map(|thread| Op::Reread { thread }).boxed()),
        (1, picks().prop_map(|thread| Op::Fresh { thread }).boxed()),
        (shape.restarts, stops().prop_map(|stop| Op::Restart { stop }).boxed()),
        (
            shape.configures + 1,
            self::defaults().prop_map(|d| Op::Configure { defaults: d }).boxed(),
        ),
    ])
}

fn fork(from: Pick, overrides: CallOverrides) -> Op {
    Op::Fork { from, overrides }
}

fn resume(thread: Pick, overrides: CallOverrides) -> Op {
    Op::Resume { thread, overrides }
}

fn runs(overrides: BoxedStrategy<TurnOverrides>) -> BoxedStrategy<Op> {
    (picks(), overrides, endings())
        .prop_map(|(thread, overrides, ending)| Op::Run { thread, overrides, ending })
        .boxed()
}

fn picks() -> BoxedStrategy<Pick> {
    let named = (0..8_u8).prop_map(Pick).boxed();
    Union::new_weighted(vec![(100 - NOBODY_PERCENT, named), (NOBODY_PERCENT, Just(NOBODY).boxed())])
        .boxed()
}

fn stops() -> impl Strategy<Value = Stop> {
    select(vec![Stop::Graceful, Stop::Kill])
}

fn endings() -> impl Strategy<Value = Ending> {
    let flaws = select(Flaw::ALL.to_vec());
    Union::new_weighted(vec![
        (FLAW_PERCENT, flaws.prop_map(Ending::Refused).boxed()),
        (4, Just(Ending::Calls).boxed()),
        (5, Just(Ending::Fails).boxed()),
        (4, Just(Ending::HttpError).boxed()),
        (3, Just(Ending::Drops).boxed()),
        (8, Just(Ending::Interrupted).boxed()),
        (76 - FLAW_PERCENT, Just(Ending::Completes).boxed()),
    ])
}

/// `untrusted` is no default: releases from 0.149 refuse to start with it.
fn defaults() -> impl Strategy<Value = Defaults> {
    let approval = Union::new(vec![
        select(vec![Approval::OnRequest, Approval::Never]).boxed(),
        granulars().prop_map(Approval::Granular).boxed(),
    ]);
    let reviewer = select(vec![Reviewer::User, Reviewer::AutoReview]);
    (approval, reviewer, modes(), any::<bool>()).prop_map(
        |(approval, reviewer, sandbox, network)| Defaults { approval, reviewer, sandbox, network },
    )
}

fn call_overrides(defaults: &Defaults, overriding: u32) -> BoxedStrategy<CallOverrides> {
    let default = defaults.sandbox;
    let other = select(all_modes().into_iter().filter(|mode| *mode != default).collect::<Vec<_>>());
    let sandbox = differing(other.boxed(), modes().boxed());
    overrides(defaults, overriding, sandbox, ApprovalMode::on_call)
}

fn turn_overrides(defaults: &Defaults, overriding: u32) -> BoxedStrategy<TurnOverrides> {
    let default = defaults.sandbox;
    let other = select(all_modes().into_iter().filter(|mode| *mode != default).collect::<Vec<_>>());
    let sandbox = differing(other.prop_flat_map(sandbox_of).boxed(), sandboxes());
    overrides(defaults, overriding, sandbox, ApprovalMode::on_turn)
}

/// Overrides of one call: of 100, `overriding` override something, by field or by an SDK mode.
fn overrides<S: Clone + std::fmt::Debug + 'static>(
    defaults: &Defaults,
    overriding: u32,
    sandbox: BoxedStrategy<S>,
    by_mode: fn(ApprovalMode) -> Overrides<S>,
) -> BoxedStrategy<Overrides<S>> {
    let fields = (
        wishes(differing(other_approvals(&defaults.approval), approvals())),
        wishes(differing(other_reviewer(&defaults.reviewer), reviewers())),
        wishes(sandbox),
    );
    let fields = fields
        .prop_map(|(approval, reviewer, sandbox)| Overrides { approval, reviewer, sandbox })
        .boxed();
    let modes = [ApprovalMode::DenyAll, ApprovalMode::AutoReview, ApprovalMode::Bypass];
    let modes = select(modes.map(by_mode).to_vec()).boxed();
    let none = Just(Overrides::default()).boxed();
    let (none_weight, some) = ((100 - overriding) * 4, overriding);
    Union::new_weighted(vec![(none_weight, none), (some * 3, fields), (some, modes)]).boxed()
}

fn differing<T: Clone + std::fmt::Debug + 'static>(
    other: BoxedStrategy<T>,
    all: BoxedStrategy<T>,
) -> BoxedStrategy<T> {
    Union::new_weighted(vec![(100 - ANY_VALUE_PERCENT, other), (ANY_VALUE_PERCENT, all)]).boxed()
}

fn wishes<T: Clone + std::fmt::Debug + 'static>(
    values: BoxedStrategy<T>,
) -> BoxedStrategy<Wish<T>> {
    let set = values.prop_map(Wish::Set).boxed();
    let omit = Just(Wish::Omit).boxed();
    Union::new_weighted(vec![(8, omit), (1, Just(Wish::Null).boxed()), (9, set)]).boxed()
}

fn approvals() -> BoxedStrategy<Approval> {
    let words = vec![Approval::Untrusted, Approval::OnRequest, Approval::Never];
    let granular = granulars().prop_map(Approval::Granular).boxed();
    Union::new_weighted(vec![(3, select(words).boxed()), (1, granular)]).boxed()
}

fn other_approvals(default: &Approval) -> BoxedStrategy<Approval> {
    let words = [Approval::Untrusted, Approval::OnRequest, Approval::Never];
    let words: Vec<Approval> = words.into_iter().filter(|word| word != default).collect();
    match default {
        Approval::Granular(_) => select(words).boxed(),
        _ => {
            let granular = granulars().prop_map(Approval::Granular).boxed();
            Union::new_weighted(vec![(2, select(words).boxed()), (1, granular)]).boxed()
        }
    }
}

fn granulars() -> impl Strategy<Value = Granular> {
    any::<[bool; 5]>().prop_map(|[a, b, c, d, e]| Granular {
        sandbox_approval: a,
        rules: b,
        skill_approval: c,
        request_permissions: d,
        mcp_elicitations: e,
    })
}

fn reviewers() -> BoxedStrategy<Reviewer> {
    select(vec![Reviewer::User, Reviewer::AutoReview]).boxed()
}

fn other_reviewer(default: &Reviewer) -> BoxedStrategy<Reviewer> {
    Just(match default {
        Reviewer::User => Reviewer::AutoReview,
        Reviewer::AutoReview | Reviewer::Odd(_) => Reviewer::User,
    })
    .boxed()
}

fn all_modes() -> Vec<SandboxMode> {
    vec![SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess]
}

fn modes() -> impl Strategy<Value = SandboxMode> {
    select(all_modes())
}

/// Sandboxes of one mode, with fields; the external one goes with full access, whose place it
/// takes.
fn sandbox_of(mode: SandboxMode) -> BoxedStrategy<Sandbox> {
    match mode {
        SandboxMode::ReadOnly => {
            any::<bool>().prop_map(|network| Sandbox::ReadOnly { network }).boxed()
        }
        SandboxMode::WorkspaceWrite => workspaces(),
        SandboxMode::FullAccess => {
            let external = any::<bool>().prop_map(|network| Sandbox::External { network });
            Union::new(vec![Just(Sandbox::FullAccess).boxed(), external.boxed()]).boxed()
        }
    }
}

fn sandboxes() -> BoxedStrategy<Sandbox> {
    modes().prop_flat_map(sandbox_of).boxed()
}

fn workspaces() -> BoxedStrategy<Sandbox> {
    let roots = Union::new_weighted(vec![(3, Just(None).boxed()), (1, Just(Some("OUT")).boxed())]);
    (any::<[bool; 3]>(), roots)
        .prop_map(|([network, exclude_tmpdir, exclude_slash_tmp], root)| {
            let roots = root.into_iter().map(str::to_owned).collect();
            Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
        })
        .boxed()
}
