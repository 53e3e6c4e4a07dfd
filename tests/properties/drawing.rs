//! Statistics of the programs that the strategy and a fuzzer's bytes generate.
//!
//! The expected rates are those of the strategy, within wide bounds: a broken generator is far
//! outside of them.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use expect_test::{Expect, expect};
use heirloom::model::REVISION;
use heirloom::op::strategy::{Draw, MAX_OPS, drawn};
use heirloom::op::{Case, Delay, Ending, NOBODY, Op, Pick};
use heirloom::policy::{Defaults, Overrides, Setting};
use heirloom::program::Program;
use proptest::collection::vec;
use proptest::prelude::any;
use sha2::{Digest, Sha256};

use super::drawn::{moving, of_bytes};
use super::{check, same};

/// The model's revision, and the SHA-256 of the first 100 programs of seed 11 at that revision.
const PINNED: (u32, &str) = (7, "90a5337868bb8199a5880c1f0f1079e8fa27e9eef3f8fda37843c394dc34a3c3");

/// Cases of the statistics.
const CASES: u64 = 2000;

/// Cases of the statistics about upgrades and downgrades.
const MOVING: u64 = 300;

/// The word for the default sandbox, in the spelling that the override has.
type Resolved = fn(&Defaults) -> String;

/// The setting of one dimension in an override.
struct DrawnSetting {
    word: String,
    /// Whether a value is set, and not omitted or null.
    is_set: bool,
    is_default: bool,
}

fn cases() -> impl Iterator<Item = Case> {
    (0..CASES).map(|index| drawn(11, index, Draw::default()))
}

fn ops() -> impl Iterator<Item = (Defaults, Op)> {
    cases().flat_map(|case| {
        let defaults = case.defaults;
        case.ops.into_iter().map(move |op| (defaults.clone(), op))
    })
}

/// Compares the percentage of the items that are true.
fn check_percentage(items: impl Iterator<Item = bool>, bounds: RangeInclusive<u64>) {
    let (mut total, mut count) = (0_u64, 0_u64);
    for item in items {
        total += 1;
        count += u64::from(item);
    }
    assert!(total > 0, "nothing was counted");
    let percent = 100 * count / total;
    assert!(bounds.contains(&percent), "{count} of {total} are {percent} %, not in {bounds:?}");
}

/// Compares the words of what was drawn, each once.
fn check_words(drawn: impl Iterator<Item = String>, expected: Expect) {
    let words: BTreeSet<String> = drawn.collect();
    expected.assert_eq(&words.into_iter().collect::<Vec<_>>().join("\n"));
}

fn pick(op: &Op) -> Option<Pick> {
    match op {
        Op::Run { thread, .. } | Op::Resume { thread, .. } | Op::WarmRead { thread } => {
            Some(*thread)
        }
        Op::Fork { from, .. } => Some(*from),
        _ => None,
    }
}

fn ending(op: &Op) -> Option<Ending> {
    match op {
        Op::Run { ending, .. } => Some(*ending),
        _ => None,
    }
}

/// The settings of the operation's override.
fn settings_of(drawn: (Defaults, Op)) -> Vec<DrawnSetting> {
    let (defaults, op) = drawn;
    let mode: Resolved = |defaults| defaults.sandbox.to_string();
    let fields: Resolved = |defaults| defaults.sandbox.under(defaults).to_string();
    match op {
        Op::Start { overrides, .. } | Op::Fork { overrides, .. } | Op::Resume { overrides, .. } => {
            settings_in(&overrides, &defaults, mode)
        }
        Op::Run { overrides, .. }
        | Op::Begin { overrides, .. }
        | Op::Settings { overrides, .. } => settings_in(&overrides, &defaults, fields),
        _ => Vec::new(),
    }
}

fn settings_in<S: Display>(
    overrides: &Overrides<S>,
    defaults: &Defaults,
    default_sandbox: Resolved,
) -> Vec<DrawnSetting> {
    let Overrides { approval, reviewer, sandbox, profile, .. } = overrides;
    vec![
        drawn_setting("approval", approval, &defaults.approval.to_string()),
        drawn_setting("reviewer", reviewer, &defaults.reviewer.to_string()),
        drawn_setting("sandbox", sandbox, &default_sandbox(defaults)),
        drawn_setting("profile", profile, ""),
    ]
}

fn drawn_setting<T: Display>(key: &str, setting: &Setting<T>, default: &str) -> DrawnSetting {
    let unset = |word: &str| DrawnSetting {
        word: format!("{key} {word}"),
        is_set: false,
        is_default: false,
    };
    match setting {
        Setting::Omit => unset("omitted"),
        Setting::Null => unset("null"),
        Setting::Set(value) => {
            let value = value.to_string();
            let form = value.split(['(', '+']).next().unwrap_or_default();
            let word = format!("{key} {form}");
            DrawnSetting { word, is_set: true, is_default: value == default }
        }
    }
}

#[test]
fn six_turns_of_a_hundred_must_be_refused() {
    let turns = ops().filter_map(|(_, op)| ending(&op));
    check_percentage(turns.map(|ending| matches!(ending, Ending::Refused(_))), 4..=8);
}

#[test]
fn three_threads_of_a_hundred_are_unknown() {
    check_percentage(ops().filter_map(|(_, op)| pick(&op)).map(|pick| pick == NOBODY), 2..=4);
}

#[test]
fn few_overrides_equal_the_default() {
    let set = ops().flat_map(settings_of).filter(|setting| setting.is_set);
    check_percentage(set.map(|setting| setting.is_default), 3..=20);
}

#[test]
fn a_tenth_to_two_fifths_of_the_settings_are_set() {
    check_percentage(ops().flat_map(settings_of).map(|setting| setting.is_set), 10..=40);
}

#[test]
fn no_drawn_case_is_longer_than_the_bound() {
    check_percentage(cases().map(|case| case.ops.len() <= MAX_OPS), 100..=100);
}

fn kind(op: Op) -> String {
    match op {
        Op::Restart { stop, drop_db, .. } => {
            format!("Restart {stop}{}", if drop_db { " drop-db" } else { "" })
        }
        Op::Action { act, .. } => format!("Action {act}"),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
    }
}

fn wraps(op: &Op) -> bool {
    matches!(op, Op::SecondClient(_) | Op::KillDuring(..) | Op::Parallel(_))
}

#[test]
fn every_kind_of_operation_is_drawn() {
    check_words(
        ops().filter(|(_, op)| !wraps(op)).map(|(_, op)| kind(op)),
        expect![[r#"
            Action archive
            Action compact
            Action goal
            Action inject
            Action list
            Action name
            Action queue
            Action read
            Action revert
            Action review
            Action shell
            Action unarchive
            Action unload
            Action unsubscribe
            Begin
            ColdRead
            Configure
            Disk
            Finish
            Fork
            Invalid
            Restart graceful
            Restart graceful drop-db
            Restart kill
            Restart kill drop-db
            Resume
            Run
            SecondServer
            Settings
            Spawn
            Start
            Steer
            SubagentTurn
            TurnSettings
            WarmRead"#]],
    );
}

#[test]
fn every_operation_within_a_wrapper_is_drawn() {
    check_words(
        ops().filter(|(_, op)| wraps(op)).map(|(_, op)| kind(op)),
        expect![[r#"
            KillDuring(Action
            KillDuring(Begin
            KillDuring(Finish
            KillDuring(Fork
            KillDuring(Parallel([Fork
            KillDuring(Parallel([Resume
            KillDuring(Parallel([Settings
            KillDuring(Resume
            KillDuring(Run
            KillDuring(Settings
            KillDuring(Start
            KillDuring(Steer
            KillDuring(TurnSettings
            Parallel([Fork
            Parallel([Resume
            Parallel([Settings
            SecondClient(Action
            SecondClient(Fork
            SecondClient(Resume
            SecondClient(Run
            SecondClient(Settings"#]],
    );
}

#[test]
fn every_delay_of_a_kill_is_drawn() {
    check_words(
        ops().filter_map(|(_, op)| match op {
            Op::KillDuring(_, Delay(after)) => Some(format!("{after:02}")),
            _ => None,
        }),
        expect![[r#"
            00
            02
            05
            10
            20
            40
            80"#]],
    );
}

#[test]
fn every_ending_is_drawn() {
    check_words(
        ops().filter_map(|(_, op)| ending(&op)).map(|ending| match ending {
            Ending::Probe(probe, _) => format!("Probe {probe:?}"),
            other => format!("{other:?}"),
        }),
        expect![[r#"
            Calls
            Completes
            Drops
            Fails
            HttpError
            Interrupted
            Probe Escalate
            Probe PatchInside
            Probe PatchOutside
            Probe Run
            Probe WriteInside
            Probe WriteOutside
            Refused(ProfileWithSandbox)
            Refused(RelativeRoot)
            Refused(UnknownApproval)
            Refused(UnknownProfile)
            Refused(UnknownReviewer)
            Refused(UnknownSandbox)"#]],
    );
}

#[test]
fn every_value_is_drawn() {
    check_words(
        ops().flat_map(settings_of).map(|setting| setting.word),
        expect![[r#"
            approval granular
            approval never
            approval null
            approval omitted
            approval on-request
            approval untrusted
            profile :danger-full-access
            profile :read-only
            profile :workspace
            profile alpha
            profile beta
            profile null
            profile omitted
            reviewer auto_review
            reviewer null
            reviewer omitted
            reviewer user
            sandbox danger-full-access
            sandbox external
            sandbox null
            sandbox omitted
            sandbox read-only
            sandbox workspace-write"#]],
    );
}

#[test]
fn homes_move_where_there_are_other_releases_and_no_case_is_too_long() {
    let cases: Vec<Case> = (0..MOVING).map(|index| drawn(11, index, moving())).collect();
    let moves = |op: &Op| matches!(op, Op::Restart { server: Some(_), .. });
    let ops = || cases.iter().map(|case| &case.ops);
    check_percentage(ops().map(|ops| ops.iter().any(moves)), 99..=100);
    check_percentage(ops().map(|ops| ops.first().is_some_and(moves)), 50..=70);
    check_percentage(ops().map(|ops| ops.iter().filter(|op| moves(op)).count() > 1), 80..=100);
    check_percentage(ops().map(|ops| ops.len() <= MAX_OPS), 100..=100);
    check_words(
        cases.iter().flat_map(|case| Program::from(case).steps).filter_map(|step| {
            Some(format!("{} {}", step.to_string().split(' ').nth(1)?, step.moves_to()?))
        }),
        expect![[r#"
            graceful 0.131.0
            graceful 0.144.4
            graceful main
            kill 0.131.0
            kill 0.144.4
            kill main"#]],
    );
}

#[test]
fn what_a_seed_draws_changes_only_with_the_revision() {
    let mut digest = Sha256::new();
    for index in 0..100 {
        digest.update(Program::from(&drawn(11, index, Draw::default())).to_string());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let drawn = (REVISION, digest.as_str());
    assert_eq!(
        drawn, PINNED,
        "a token now draws another program than before; raise model::REVISION and pin the new digest"
    );
}

#[test]
fn no_bytes_make_a_case_longer_than_the_bound() {
    check(vec(any::<u8>(), 0..512), |bytes| same(&(of_bytes(&bytes).ops.len() <= MAX_OPS), &true));
}

#[test]
fn random_bytes_draw_every_value() {
    let case = |seed: u64| {
        let bytes: Vec<u8> = (0..512_u64).map(|at| scrambled(seed * 512 + at)).collect();
        of_bytes(&bytes)
    };
    let ops = (0..400).map(case).flat_map(|case| {
        let defaults = case.defaults;
        case.ops.into_iter().map(move |op| (defaults.clone(), op)).collect::<Vec<_>>()
    });
    check_words(
        ops.flat_map(settings_of).map(|setting| setting.word),
        expect![[r#"
            approval granular
            approval never
            approval null
            approval omitted
            approval on-request
            approval untrusted
            profile omitted
            reviewer auto_review
            reviewer null
            reviewer omitted
            reviewer user
            sandbox danger-full-access
            sandbox external
            sandbox null
            sandbox omitted
            sandbox read-only
            sandbox workspace-write"#]],
    );
}

/// A pseudorandom byte: the finaliser of splitmix64.
fn scrambled(number: u64) -> u8 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 56) as u8
}
