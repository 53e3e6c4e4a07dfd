//! The rules of profiles, of overrides through config and of the secondary dimensions.
//!
//! Each test names a case and the policies that are due at its steps, one line a branch. What the
//! contract leaves open has more branches than one.

use expect_test::{Expect, expect};

use super::step::step;
use super::{Expected, World};
use crate::policy::{Dimension, Policy};
use crate::program::Program;

mod tiers;

const PROFILES: &str = "profiles=p-full:danger-full-access+p-ro:read-only+p-ww:workspace-write";

fn check(lines: &str, dimensions: &[Dimension], expected: Expect) {
    expected.assert_eq(&branches(lines, dimensions));
}

/// What the last line of the case makes due, in these dimensions, where every step before took its
/// first branch.
fn branches(lines: &str, dimensions: &[Dimension]) -> String {
    let program: Program =
        format!("# heirloom case v1\n{}\naudit\n", lines.replace("PROFILES", PROFILES))
            .parse()
            .expect("the lines are a case");
    let mut world = World::new(program.defaults.clone());
    let (last, before) = program.steps.split_last().expect("the case has a step");
    for each in before {
        world = step(&world, each).swap_remove(0).world;
    }
    let branches = step(&world, last);
    let shown: Vec<String> = branches.iter().map(|branch| due(&branch.due, dimensions)).collect();
    shown.join("\n") + "\n"
}

fn due(due: &Expected, dimensions: &[Dimension]) -> String {
    let (policy, citations, notice) = match due {
        Expected::Policy(_, policy, citations)
        | Expected::Look(_, policy, citations)
        | Expected::ColdRead(_, policy, citations) => (policy, citations, String::new()),
        Expected::Turn { policy, citations, notice, .. }
        | Expected::Change { policy, citations, notice, .. } => {
            let notice = match notice {
                None => "; a notice or none",
                Some(true) => "; a notice",
                Some(false) => "; no notice",
            };
            (policy, citations, notice.to_owned())
        }
        Expected::Refusal(clause) => return format!("refused by {clause}"),
        Expected::Answer { granted } => return format!("granted: {granted}"),
        other => return format!("{other:?}"),
    };
    let words: Vec<String> = dimensions
        .iter()
        .map(|dimension| format!("{} {}", citations.of(*dimension), word(policy, *dimension)))
        .collect();
    words.join(", ") + &notice
}

fn word(policy: &Policy, dimension: Dimension) -> String {
    let value = policy.value(dimension);
    value.map_or("not judged".to_owned(), |value| value.to_string())
}

const PP: &[Dimension] = &[Dimension::PP];
const ME: &[Dimension] = &[Dimension::M, Dimension::E];
const CWD: &[Dimension] = &[Dimension::CWD];

const WR: &[Dimension] = &[Dimension::WR];

#[test]
fn roots_hold_for_later_turns_come_back_and_are_inherited() {
    let began = "config\nstart roots=WS+OUT -> t0\nrun t0 \"one\" <- text \"ok\"\n";
    let check = |lines: &str, expected| check(&format!("{began}{lines}"), WR, expected);
    check(
        "run t0 \"two\" <- text \"ok\"",
        expect![[r#"
        WR1 CWD+OUT; no notice
    "#]],
    );
    check(
        "fork t0 -> t1",
        expect![[r#"
        WR1 CWD+OUT
    "#]],
    );
    check(
        "restart graceful\nresume t0",
        expect![[r#"
        WR1 CWD+OUT
    "#]],
    );
    check(
        "restart graceful\nresume t0 roots=none",
        expect![[r#"
        R11 none
    "#]],
    );
    // A root that is the thread's own folder follows it.
    check(
        "run t0 \"two\" cwd=HOME <- text \"ok\"",
        expect![[r#"
        WR1 CWD+OUT; a notice
    "#]],
    );
    // A folder that a resume chose is not written down, and the roots of before come back (R10).
    let there = "restart graceful\nresume t0 cwd=OUT\n";
    check(
        there.trim_end(),
        expect![[r#"
        WR1 CWD
    "#]],
    );
    check(
        &format!("{there}restart graceful\nresume t0"),
        expect![[r#"
        WR1 CWD+OUT
    "#]],
    );
}

#[test]
fn a_profile_that_is_gone_falls_back_in_a_cold_resume_and_perhaps_in_a_warm_fork() {
    let gone = "config PROFILES\nstart profile=p-ww -> t0\nrun t0 \"one\" <- text \"ok\"\n\
                configure sandbox=danger-full-access\n";
    check(
        &format!("{gone}reread t0"),
        PP,
        expect![[r#"
        S2 profile:p-ww
    "#]],
    );
    check(
        &format!("{gone}fork t0 -> t1"),
        PP,
        expect![[r#"
        F1 profile:p-ww
        F1 danger-full-access
    "#]],
    );
    check(
        &format!("{gone}run t0 \"two\" profile=p-ww <- text \"ok\""),
        PP,
        expect![[r#"
        refused by T5
    "#]],
    );
    check(
        &format!("{gone}restart graceful\nresume t0"),
        PP,
        expect![[r#"
        R7 danger-full-access
    "#]],
    );
    check(
        &format!("{gone}restart graceful\nresume t0 profile=p-ro"),
        PP,
        expect![[r#"
        refused by T5
    "#]],
    );
}

#[test]
fn a_cold_resume_restores_a_profile_under_the_clause_of_what_set_it() {
    let began = "config PROFILES\nstart profile=p-ww -> t0\nrun t0 \"one\" <- text \"ok\"\n";
    let check = |lines: &str, expected| check(&format!("{began}{lines}"), PP, expected);
    check(
        "restart graceful\nresume t0",
        expect![[r#"
        R6 profile:p-ww
    "#]],
    );
    check(
        "settings t0 profile=p-ro\nrestart graceful\nresume t0",
        expect![[r#"
        U3 profile:p-ro
    "#]],
    );
    let resumed = "restart graceful\nresume t0 profile=p-ro";
    check(
        &format!("{resumed}\nrestart graceful\nresume t0"),
        expect![[r#"
        R11 profile:p-ro
    "#]],
    );
    check(
        "fork t0 -> t1\nrestart graceful\nresume t1",
        expect![[r#"
        F4 profile:p-ww
    "#]],
    );
}

#[test]
fn a_default_profile_that_nobody_defines_leaves_the_sandbox() {
    check(
        "config sandbox=workspace-write profile=p-gone\nstart -> t0",
        PP,
        expect![[r#"
        S1 workspace-write
    "#]],
    );
    check(
        "config profile=:workspace\nstart -> t0",
        PP,
        expect![[r#"
        S1 profile::workspace
    "#]],
    );
}

#[test]
fn the_same_profile_again_may_bring_a_notice_and_another_one_must() {
    let begun = "config PROFILES\nstart profile=p-ww -> t0\n";
    check(
        &format!("{begun}settings t0 profile=p-ww"),
        PP,
        expect![[r#"
        U4 profile:p-ww; a notice or none
    "#]],
    );
    check(
        &format!("{begun}settings t0 profile=p-ro"),
        PP,
        expect![[r#"
        U4 profile:p-ro; a notice
    "#]],
    );
    check(
        &format!("{begun}settings t0 sandbox=workspace-write"),
        PP,
        expect![[r#"
        U4 workspace-write; a notice
    "#]],
    );
}

#[test]
fn a_profile_with_a_sandbox_is_refused_and_through_config_the_profile_wins() {
    check(
        "config PROFILES\nstart profile=p-ro sandbox=read-only -> t0",
        PP,
        expect![[r#"
        refused by G5
    "#]],
    );
    let config = "config PROFILES\nstart profile=p-ro sandbox=read-only via=config -> t0";
    check(
        config,
        PP,
        expect![[r#"
        R12 profile:p-ro
    "#]],
    );
    check(
        "config PROFILES\nstart profile=nope -> t0",
        PP,
        expect![[r#"
        refused by T5
    "#]],
    );
}

#[test]
fn model_and_effort_come_back_together_or_not_at_all() {
    let cold = "config effort=low\nstart model=m1 effort=high -> t0\n\
                run t0 \"one\" <- text \"ok\"\nrestart graceful\n";
    check(
        &format!("{cold}resume t0"),
        ME,
        expect![[r#"
        R9 m1, R9 high
    "#]],
    );
    check(
        &format!("{cold}resume t0 model=m2"),
        ME,
        expect![[r#"
        R11 m2, R9 low
    "#]],
    );
    check(
        &format!("{cold}resume t0 effort=xhigh via=config"),
        ME,
        expect![[r#"
        R9 mock-model, R12 xhigh
    "#]],
    );
    check(
        &format!("{cold}resume t0 model=null"),
        ME,
        expect![[r#"
        R9 m1, R9 high
    "#]],
    );
    let set = format!("{cold}resume t0\nsettings t0 model=m3 effort=medium\nrestart kill\n");
    check(
        &format!("{set}resume t0"),
        ME,
        expect![[r#"
        U3 m3, U3 medium
    "#]],
    );
    check(
        &format!("{set}resume t0 effort=xhigh"),
        ME,
        expect![[r#"
        R9 mock-model, R11 xhigh
    "#]],
    );
    check(
        &format!("{cold}fork t0 -> t1"),
        ME,
        expect![[r#"
        F7 mock-model, F7 low
    "#]],
    );
}

#[test]
fn a_mode_brings_its_model_and_effort_along() {
    let begun = "config\nstart model=m1 effort=high -> t0\n";
    let dimensions = &[Dimension::CM, Dimension::M, Dimension::E];
    let both = format!("{begun}settings t0 collaboration=plan model=m2 effort=low");
    check(
        &both,
        dimensions,
        expect![[r#"
        U4 plan, U4 mock-model, U4 default; a notice
    "#]],
    );
    check(
        &format!("{both}\nsettings t0 collaboration=plan"),
        dimensions,
        expect![[r#"
        U4 plan, U4 mock-model, U4 default; a notice or none
    "#]],
    );
    check(
        &format!("{both}\nsettings t0 model=m3"),
        dimensions,
        expect![[r#"
        U4 plan, U4 m3, U4 default; a notice
    "#]],
    );
}

#[test]
fn a_cwd_that_a_resume_chose_is_not_written_down_by_it_and_perhaps_by_a_turn() {
    let chosen = "config\nstart -> t0\nrun t0 \"one\" cwd=HOME <- text \"ok\"\nrestart graceful\n\
                  resume t0 cwd=OUT\n";
    check(
        &format!("{chosen}reread t0"),
        CWD,
        expect![[r#"
        R11 OUT
    "#]],
    );
    check(
        &format!("{chosen}restart graceful\nresume t0"),
        CWD,
        expect![[r#"
        R10 HOME
    "#]],
    );
    let turn = format!("{chosen}run t0 \"two\" <- text \"ok\"\n");
    check(
        &format!("{turn}restart graceful\nresume t0"),
        CWD,
        expect![[r#"
        R10 HOME
        R10 OUT
    "#]],
    );
    let set = format!("{chosen}run t0 \"two\" cwd=WS <- text \"ok\"\n");
    check(
        &format!("{set}restart graceful\nresume t0"),
        CWD,
        expect![[r#"
        R10 WS
    "#]],
    );
}

#[test]
fn whether_a_loaded_thread_knows_a_profile_that_config_gained_is_left_open() {
    let gained = "config\nstart -> t0\nrun t0 \"one\" <- text \"ok\"\nconfigure PROFILES\n";
    check(
        &format!("{gained}settings t0 profile=p-full"),
        PP,
        expect![[r#"
        U1 profile:p-full; a notice
        granted: false
    "#]],
    );
    check(
        &format!("{gained}run t0 \"two\" profile=p-ro <- text \"ok\""),
        PP,
        expect![[r#"
        T1 profile:p-ro; a notice
        granted: false
    "#]],
    );
    check(
        &format!("{gained}fork t0 profile=p-full -> t1"),
        PP,
        expect![[r#"
        F3 profile:p-full
    "#]],
    );
    let again = format!("{gained}restart graceful\nresume t0\n");
    check(
        &format!("{again}settings t0 profile=p-full"),
        PP,
        expect![[r#"
        U1 profile:p-full; a notice
    "#]],
    );
}
