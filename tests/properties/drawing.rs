//! What the strategy and a fuzzer's bytes draw, counted.
//!
//! The rates are those that `op::strategy` states, within wide bounds: a generator that has gone
//! astray is far outside of them.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use expect_test::{Expect, expect};
use heirloom::policy::{Defaults, Overrides, Setting};
use heirloom::program::Program;
use heirloom::program::generate::{Draw, STEPS_MAX, drawn};
use heirloom::program::ops::Delay;
use proptest::collection::vec;
use proptest::prelude::any;

use super::drawn::{moving, of_bytes};
use super::{check, same};

/// Cases that are counted.
const CASES: u64 = 2000;

/// Of those that move their homes.
const MOVING: u64 = 300;

/// What a sandbox of an override is compared with.
type Resolved = fn(&Defaults) -> String;

fn cases() -> impl Iterator<Item = Case> {
    (0..CASES).map(|index| drawn(11, index, Draw::default()))
}

fn ops() -> impl Iterator<Item = (Defaults, Op)> {
    cases().flat_map(|case| {
        let defaults = case.defaults;
        case.ops.into_iter().map(move |op| (defaults.clone(), op))
    })
}

/// Of the things counted, the percentage that is so.
fn percent(counted: impl Iterator<Item = bool>, bounds: RangeInclusive<u64>) {
    let (mut all, mut so) = (0_u64, 0_u64);
    for is in counted {
        all += 1;
        so += u64::from(is);
    }
    let percent = 100 * so / all.max(1);
    assert!(bounds.contains(&percent), "{so} of {all} are {percent} %, not in {bounds:?}");
}

/// The words of what was drawn, each once.
fn words(drawn: impl Iterator<Item = String>, expected: Expect) {
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

/// Each wish of an override: its word, and whether it sets the default.
fn settings_of((defaults, op): (Defaults, Op)) -> Vec<(String, bool)> {
    let mode: Resolved = |defaults| defaults.sandbox.to_string();
    let fields: Resolved = |defaults| defaults.sandbox.under(defaults).to_string();
    match op {
        Op::Start { overrides, .. } | Op::Fork { overrides, .. } | Op::Resume { overrides, .. } => {
            three(&overrides, &defaults, mode)
        }
        Op::Run { overrides, .. }
        | Op::Begin { overrides, .. }
        | Op::Settings { overrides, .. } => three(&overrides, &defaults, fields),
        _ => Vec::new(),
    }
}

fn three<S: Display>(
    overrides: &Overrides<S>,
    defaults: &Defaults,
    sandbox: Resolved,
) -> Vec<(String, bool)> {
    let Overrides { approval, reviewer, sandbox: wished, profile, .. } = overrides;
    vec![
        one("approval", approval, &defaults.approval.to_string()),
        one("reviewer", reviewer, &defaults.reviewer.to_string()),
        one("sandbox", wished, &sandbox(defaults)),
        one("profile", profile, ""),
    ]
}

fn one<T: Display>(key: &str, setting: &Setting<T>, default: &str) -> (String, bool) {
    match setting {
        Setting::Omit => (format!("{key} omitted"), false),
        Setting::Null => (format!("{key} null"), false),
        Setting::Set(value) => {
            let word = value.to_string();
            let form = word.split(['(', '+']).next().unwrap_or_default();
            (format!("{key} {form}"), word == default)
        }
    }
}

fn set(setting: &(String, bool)) -> bool {
    !setting.0.ends_with(" omitted") && !setting.0.ends_with(" null")
}

#[test]
fn six_turns_of_a_hundred_must_be_refused() {
    let turns = ops().filter_map(|(_, op)| ending(&op));
    percent(turns.map(|ending| matches!(ending, Ending::Refused(_))), 4..=8);
}

#[test]
fn three_picks_of_a_hundred_name_nobody() {
    percent(ops().filter_map(|(_, op)| pick(&op)).map(|pick| pick == NOBODY), 2..=4);
}

#[test]
fn few_overrides_equal_the_default() {
    let set = ops().flat_map(settings_of).filter(set);
    percent(set.map(|(_, equal)| equal), 3..=20);
}

#[test]
fn a_good_part_of_the_calls_override_something() {
    percent(ops().flat_map(settings_of).map(|setting| set(&setting)), 10..=40);
}

#[test]
fn every_case_begins_with_a_start_and_keeps_its_bound() {
    let sound = |case: Case| matches!(case.ops[0], Op::Start { .. }) && case.ops.len() <= STEPS_MAX;
    percent(cases().map(sound), 100..=100);
}

fn kind(op: Op) -> String {
    match op {
        Op::Restart { stop, drop_db, .. } => {
            format!("Restart {stop}{}", if drop_db { " forgetting" } else { "" })
        }
        Op::Action { act, .. } => format!("Act {act}"),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
    }
}

fn wraps(op: &Op) -> bool {
    matches!(op, Op::SecondClient(_) | Op::KillDuring(..) | Op::Parallel(_))
}

#[test]
fn every_kind_of_op_is_drawn() {
    words(
        ops().filter(|(_, op)| !wraps(op)).map(|(_, op)| kind(op)),
        expect![[r#"
            Act archive
            Act compact
            Act goal
            Act inject
            Act list
            Act name
            Act queue
            Act read
            Act revert
            Act review
            Act shell
            Act unarchive
            Act unload
            Act unsubscribe
            Begin
            Configure
            Disk
            Finish
            Fork
            Fresh
            Invalid
            Reread
            Restart graceful
            Restart graceful forgetting
            Restart kill
            Restart kill forgetting
            Resume
            Retune
            Rival
            Run
            Settings
            Spawn
            Start
            Steer
            Task"#]],
    );
}

#[test]
fn every_op_is_drawn_that_stands_within_another() {
    words(
        ops().filter(|(_, op)| wraps(op)).map(|(_, op)| kind(op)),
        expect![[r#"
            Second(Act
            Second(Fork
            Second(Resume
            Second(Run
            Second(Settings
            Together([Fork
            Together([Resume
            Together([Settings
            Torn(Act
            Torn(Begin
            Torn(Finish
            Torn(Fork
            Torn(Resume
            Torn(Retune
            Torn(Run
            Torn(Settings
            Torn(Start
            Torn(Steer
            Torn(Together([Fork
            Torn(Together([Resume
            Torn(Together([Settings"#]],
    );
}

#[test]
fn every_delay_of_a_torn_call_is_drawn() {
    words(
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
    words(
        ops().filter_map(|(_, op)| ending(&op)).map(|ending| match ending {
            Ending::Probe(probe, _) => format!("Deed {probe:?}"),
            other => format!("{other:?}"),
        }),
        expect![[r#"
            Calls
            Completes
            Deed Esc
            Deed Pin
            Deed Pout
            Deed Py
            Deed Tin
            Deed Tout
            Drops
            Fails
            HttpError
            Interrupted
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
    words(
        ops().flat_map(settings_of).map(|(word, _)| word),
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
fn cases_move_where_there_are_other_releases_and_keep_the_bound() {
    let cases: Vec<Case> = (0..MOVING).map(|index| drawn(11, index, moving())).collect();
    let moves = |op: &Op| matches!(op, Op::Restart { server: Some(_), .. });
    let ops = || cases.iter().map(|case| &case.ops);
    percent(ops().map(|ops| ops.iter().any(moves)), 99..=100);
    percent(ops().map(|ops| ops.first().is_some_and(moves)), 50..=70);
    percent(ops().map(|ops| ops.iter().filter(|op| moves(op)).count() > 1), 80..=100);
    percent(ops().map(|ops| ops.len() <= STEPS_MAX), 100..=100);
    words(
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
fn a_seed_draws_the_same_case_each_time() {
    check(any::<(u64, u64)>(), |(seed, index)| {
        same(&drawn(seed, index, Draw::default()), &drawn(seed, index, Draw::default()))
    });
}

#[test]
fn bytes_make_the_same_case_each_time_and_keep_the_bound() {
    check(vec(any::<u8>(), 0..512), |bytes| {
        let case = of_bytes(&bytes);
        same(&(case.ops.len() <= STEPS_MAX), &true)?;
        same(&of_bytes(&bytes), &case)
    });
}

#[test]
fn a_fuzzer_reaches_every_value() {
    let case = |seed: u64| {
        let bytes: Vec<u8> = (0..512_u64).map(|at| scrambled(seed * 512 + at)).collect();
        of_bytes(&bytes)
    };
    let ops = (0..400).map(case).flat_map(|case| {
        let defaults = case.defaults;
        case.ops.into_iter().map(move |op| (defaults.clone(), op)).collect::<Vec<_>>()
    });
    words(
        ops.flat_map(settings_of).map(|(word, _)| word),
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

/// A byte that looks like chance and is none: the finaliser of splitmix64.
fn scrambled(number: u64) -> u8 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 56) as u8
}
