//! Statistics of the programs that the strategy and a fuzzer's bytes generate.
//!
//! The expected rates are those of the strategy, within wide bounds: a broken generator is far
//! outside of them.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use expect_test::{Expect, expect};
use proptest::collection::vec;
use proptest::prelude::any;
use sha2::{Digest, Sha256};

use super::drawn::{moving, of_bytes};
use super::{check, same};
use heirloom::campaign::Campaign;
use heirloom::campaign::selection::Cases;
use heirloom::model::REVISION;
use heirloom::policy::features::{FeatureMix, FeatureSet};
use heirloom::policy::{Defaults, Overrides, SandboxMode, Setting};
use heirloom::program::Program;
use heirloom::program::generate::{Draw, STEPS_MAX, drawn};
use heirloom::program::ops::begin::Begin;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::restart::Restart;
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::settings::Settings;
use heirloom::program::ops::start::Start;
use heirloom::program::ops::{Delay, Step};
use heirloom::program::reply::Reply;
use heirloom::program::thread::ThreadRef;

/// The model's revision, and the SHA-256 of the first 110 programs of seed 11 at that revision.
const PINNED: (u32, &str) =
    (17, "6e49eb6d8cbae86deaa71400c0787535d55a745202138c2da805cd5b4f156197");

/// Programs of the statistics.
const PROGRAMS: u64 = 2000;

/// Programs of the statistics about upgrades and downgrades.
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

fn programs() -> impl Iterator<Item = Program> {
    (0..PROGRAMS).map(|index| drawn(11, index, Draw::default()))
}

fn steps() -> impl Iterator<Item = Step> {
    programs().flat_map(|program| program.steps)
}

fn runs() -> impl Iterator<Item = Run> {
    steps().filter_map(|step| match step {
        Step::Run(run) => Some(run),
        _ => None,
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

/// The settings of the overrides of each step.
fn settings_of(program: Program) -> Vec<DrawnSetting> {
    let defaults = &program.defaults;
    fn default_mode(defaults: &Defaults) -> Option<SandboxMode> {
        defaults.project.sandbox.or(defaults.user.sandbox)
    }
    let mode: Resolved =
        |defaults| default_mode(defaults).map_or_else(String::new, |mode| mode.to_string());
    let fields: Resolved = |defaults| {
        let sandbox = default_mode(defaults).map(|mode| mode.overridden_by(defaults));
        sandbox.map_or_else(String::new, |sandbox| sandbox.to_string())
    };
    let of_step = |step: &Step| match step {
        Step::Start(Start { overrides, .. })
        | Step::Fork(Fork { overrides, .. })
        | Step::Resume(Resume { overrides, .. }) => settings_in(overrides, defaults, mode),
        Step::Run(Run { overrides, .. })
        | Step::Begin(Begin { overrides, .. })
        | Step::Settings(Settings { overrides, .. }) => settings_in(overrides, defaults, fields),
        _ => Vec::new(),
    };
    program.steps.iter().flat_map(of_step).collect()
}

fn settings_in<S: Display>(
    overrides: &Overrides<S>,
    defaults: &Defaults,
    default_sandbox: Resolved,
) -> Vec<DrawnSetting> {
    let Overrides { approval, reviewer, sandbox, profile, .. } = overrides;
    let policy = defaults.policy();
    vec![
        drawn_setting("approval", approval, &policy.approval.to_string()),
        drawn_setting("reviewer", reviewer, &policy.reviewer.to_string()),
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
    check_percentage(runs().map(|run| run.flaw.is_some()), 4..=8);
}

#[test]
fn three_threads_of_a_hundred_are_unknown() {
    let used = steps().filter_map(|step| match step {
        Step::Run(_) | Step::Resume(_) | Step::WarmRead(_) | Step::Fork(_) => step.uses(),
        _ => None,
    });
    check_percentage(used.map(|thread| thread == ThreadRef::Unknown), 2..=4);
}

#[test]
fn what_the_tables_of_a_profile_say_is_tried_after_a_restart() {
    let tries = |program: &Program| {
        let cold = program.steps.iter().skip_while(|step| !matches!(step, Step::Restart(_)));
        let mut turns = cold.filter_map(|step| match step {
            Step::Run(run) => Some(run),
            _ => None,
        });
        turns.next().is_some_and(|run| matches!(run.reply, Reply::Probe(_)))
    };
    let has_tables =
        |program: &Program| program.defaults.profiles.values().any(|profile| profile.has_tables());
    let programs = programs().filter(has_tables);
    check_percentage(programs.map(|program| tries(&program)), 90..=100);
}

#[test]
fn few_overrides_equal_the_default() {
    let set = programs().flat_map(settings_of).filter(|setting| setting.is_set);
    check_percentage(set.map(|setting| setting.is_default), 3..=20);
}

#[test]
fn a_tenth_to_two_fifths_of_the_settings_are_set() {
    check_percentage(programs().flat_map(settings_of).map(|setting| setting.is_set), 10..=40);
}

#[test]
fn no_drawn_program_is_longer_than_the_bound() {
    check_percentage(programs().map(|program| program.steps.len() <= STEPS_MAX), 100..=100);
}

/// The first words of a step: its wrappers and its operation, and the whole line of a restart.
fn verbs(step: &Step) -> String {
    match step {
        Step::SecondClient(inner) => format!("client2 {}", verbs(inner)),
        Step::KillDuring(inner, _) => format!("kill-during {}", verbs(inner)),
        Step::Parallel(lanes) => format!("parallel {}", verbs(&lanes[0])),
        Step::Restart(_) => step.to_string(),
        _ => step.to_string().split(' ').next().unwrap_or_default().to_owned(),
    }
}

fn is_wrapper(step: &Step) -> bool {
    matches!(step, Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_))
}

#[test]
fn every_kind_of_operation_is_drawn() {
    check_words(
        steps().filter(|step| !is_wrapper(step)).map(|step| verbs(&step)),
        expect![[r#"
            archive
            begin
            cold-read
            compact
            configure
            detached-review
            disk
            finish
            fork
            goal
            inject
            interrupt
            invalid
            list
            name
            queue
            read
            remove-folder
            restart graceful
            restart graceful drop-db
            restart kill
            restart kill drop-db
            resume
            revert
            review
            run
            second-server
            settings
            shell
            spawn
            start
            steer
            subagent-turn
            turn-settings
            unarchive
            unload
            unsubscribe
            warm-read"#]],
    );
}

#[test]
fn every_operation_within_a_wrapper_is_drawn() {
    check_words(
        steps().filter(is_wrapper).map(|step| verbs(&step)),
        expect![[r#"
            client2 fork
            client2 resume
            client2 run
            client2 settings
            kill-during begin
            kill-during compact
            kill-during finish
            kill-during fork
            kill-during inject
            kill-during parallel fork
            kill-during parallel resume
            kill-during parallel settings
            kill-during resume
            kill-during revert
            kill-during run
            kill-during settings
            kill-during start
            kill-during steer
            kill-during turn-settings
            kill-during unarchive
            kill-during unsubscribe
            parallel fork
            parallel resume
            parallel settings"#]],
    );
}

#[test]
fn every_delay_of_a_kill_is_drawn() {
    check_words(
        steps().filter_map(|step| match step {
            Step::KillDuring(_, Delay(after)) => Some(format!("{after:02}")),
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
fn every_reply_and_every_flaw_is_drawn() {
    let replies = runs().map(|run| match run.reply {
        Reply::Probe(script) => format!("probe {}", script.probe),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
    });
    let flaws = runs().filter_map(|run| Some(format!("flaw {}", run.flaw?)));
    check_words(
        replies.chain(flaws),
        expect![[r#"
            Call
            Drop
            Fail
            Hold
            Status
            Text
            flaw profile-with-sandbox
            flaw relative-root
            flaw unknown-approval
            flaw unknown-profile
            flaw unknown-reviewer
            flaw unknown-sandbox
            probe connect
            probe elicit
            probe escalate
            probe patch-inside
            probe patch-outside
            probe read-secret
            probe request-permissions
            probe ruled
            probe run
            probe safe
            probe write-inside
            probe write-outside"#]],
    );
}

#[test]
fn every_value_is_drawn() {
    check_words(
        programs().flat_map(settings_of).map(|setting| setting.word),
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
            profile own:read-only
            profile own:workspace-write
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
fn homes_move_where_there_are_other_releases_and_no_program_is_too_long() {
    let programs: Vec<Program> = (0..MOVING).map(|index| drawn(11, index, moving())).collect();
    let moves = |step: &Step| matches!(step, Step::Restart(Restart { release: Some(_), .. }));
    let steps = || programs.iter().map(|program| &program.steps);
    check_percentage(steps().map(|steps| steps.iter().any(moves)), 99..=100);
    check_percentage(steps().map(|steps| steps.first().is_some_and(moves)), 50..=70);
    check_percentage(
        steps().map(|steps| steps.iter().filter(|step| moves(step)).count() > 1),
        80..=100,
    );
    check_percentage(steps().map(|steps| steps.len() <= STEPS_MAX), 100..=100);
    check_words(
        steps().flatten().filter_map(|step| {
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
fn three_of_four_drawn_cases_are_lean() {
    let is_lean = |program: Program| program.defaults.features == FeatureSet::Lean;
    check_percentage(programs().map(is_lean), 71..=79);
}

#[test]
fn the_mix_of_features_changes_nothing_else_of_a_drawn_case() {
    let full = Draw { features: FeatureMix::Full, ..Draw::default() };
    let drawn_full = |index| drawn(11, index, full.clone());
    let same = programs().enumerate().map(|(index, mixed)| {
        mixed.with_features(FeatureSet::Full) == drawn_full(u64::try_from(index).expect("small"))
    });
    check_percentage(same, 100..=100);
}

#[test]
fn what_a_seed_draws_changes_only_with_the_revision() {
    let mut digest = Sha256::new();
    let campaign = Campaign { seed: 11, ..Campaign::default() };
    let cases = Cases::of(&campaign);
    for index in 0..100 {
        digest.update(campaign.drawn_program(cases.number(index)).to_string());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let drawn = (REVISION, digest.as_str());
    assert_eq!(
        drawn, PINNED,
        "a token now draws another program than before; raise model::REVISION and pin the new digest"
    );
}

#[test]
fn no_bytes_make_a_program_longer_than_the_bound() {
    let is_short = |bytes: Vec<u8>| of_bytes(&bytes).steps.len() <= STEPS_MAX;
    check(vec(any::<u8>(), 0..512), |bytes| same(&is_short(bytes), &true));
}

#[test]
fn random_bytes_draw_every_value() {
    let program = |seed: u64| {
        let bytes: Vec<u8> = (0..512_u64).map(|at| scrambled(seed * 512 + at)).collect();
        of_bytes(&bytes)
    };
    check_words(
        (0..400).map(program).flat_map(settings_of).map(|setting| setting.word),
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
