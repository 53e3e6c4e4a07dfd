//! The stages of a torn call, and what each leaves behind.
//!
//! Each test names a case whose last line is torn off, and what is then kept of one thread: its
//! approval policies that a cold read may give, and whether it has a history. One line a branch.

use expect_test::{Expect, expect};

use crate::contract::Clause;
use crate::model::step::step;
use crate::model::{Branch, Expected, Stage, World};
use crate::policy::Policy;
use crate::program::Program;
use crate::program::thread::ThreadName;

const BEGUN: &str = "start -> t0\nrun t0 \"one\"\n";

/// What the last line of the case leaves of a thread, one line a branch, where every line before
/// took its first branch.
fn check(lines: &str, thread: u16, expected: Expect) {
    let program = format!("# heirloom case v1\nconfig\n{lines}\naudit\n");
    let program: Program = program.parse().expect("the lines are a case");
    let mut world = World::new(program.defaults.clone());
    let (last, before) = program.steps.split_last().expect("the case has a step");
    for each in before {
        world = step(&world, each).swap_remove(0).world;
    }
    let branches = step(&world, last);
    let shown: Vec<String> = branches.iter().map(|one| left(one, ThreadName(thread))).collect();
    expected.assert_eq(&(shown.join("\n") + "\n"));
}

fn acknowledged(due: &Expected) -> &'static str {
    match due {
        Expected::Interrupted { stage, .. } if stage.acknowledged() => "acknowledged",
        Expected::Interrupted { .. } => "not",
        _ => "something else",
    }
}

fn left(branch: &Branch, name: ThreadName) -> String {
    let stage = match &branch.due {
        Expected::Interrupted { stage: Stage::StartedAndAcknowledged, .. } => {
            "acknowledged and started"
        }
        Expected::Interrupted { stage, .. } if stage.acknowledged() => "acknowledged",
        Expected::Interrupted { stage: Stage::Started, .. } => "started",
        Expected::Interrupted { .. } => "neither",
        Expected::Refusal(_) | Expected::Answer { granted: false } => "refused",
        Expected::All(dues) => &dues.iter().map(acknowledged).collect::<Vec<_>>().join(" and "),
        _ => "something else",
    };
    let Some(thread) = branch.world.threads.get(&name) else {
        return format!("{stage}: no thread");
    };
    assert!(thread.live.is_none(), "a killed server has nothing loaded");
    let words = |policy: &Policy| policy.approval.to_string();
    let maybe: String = thread.maybe.iter().map(|one| format!(" or {}", words(one))).collect();
    let history = match (thread.materialised, thread.uncertain) {
        (true, _) => "",
        (false, true) => ", perhaps",
        (false, false) => ", never",
    };
    let archived = if thread.archived { ", archived" } else { "" };
    let broken = if thread.broken_off { ", broken off" } else { "" };
    let turns = thread.turns.len();
    let killed = if thread.trail.contains(&Clause::R17) { "" } else { ", never killed" };
    let clause = thread.restored.main();
    format!(
        "{stage}: {}{maybe}{history}{archived}{broken}, {turns} turns, by {clause}{killed}",
        words(&thread.stored)
    )
}

#[test]
fn settings_are_kept_once_they_are_noticed_and_before_that_perhaps() {
    check(
        &format!("{BEGUN}torn settings t0 approval=never"),
        0,
        expect![[r#"
            neither: on-request or never, 1 turns, by R4
            acknowledged: never, 1 turns, by R4
        "#]],
    );
}

#[test]
fn settings_give_a_thread_no_history() {
    check(
        "start -> t0\ntorn settings t0 approval=never",
        0,
        expect![[r#"
        neither: no thread
        acknowledged: no thread
    "#]],
    );
}

#[test]
fn a_turn_that_was_heard_to_start_gives_a_history_and_its_notice_alone_does_not() {
    check(
        "start -> t0\ntorn run t0 \"one\" approval=never",
        0,
        expect![[r#"
            neither: on-request or never, perhaps, broken off, 0 turns, by R17
            started: on-request or never, broken off, 0 turns, by R17
            acknowledged: never, perhaps, broken off, 0 turns, by R17
            acknowledged and started: never, broken off, 0 turns, by R17
        "#]],
    );
    check(
        &format!("{BEGUN}torn begin t0 approval=never"),
        0,
        expect![[r#"
            neither: on-request or never, broken off, 1 turns, by R4
            started: on-request or never, broken off, 1 turns, by R4
            acknowledged: never, broken off, 1 turns, by R4
            acknowledged and started: never, broken off, 1 turns, by R4
        "#]],
    );
}

#[test]
fn what_is_said_to_a_turn_that_runs_is_kept_as_settings_are() {
    check(
        &format!("{BEGUN}begin t0\ntorn run t0 \"two\" approval=never"),
        0,
        expect![[r#"
            neither: on-request or never, broken off, 2 turns, by R4
            started: on-request or never, broken off, 2 turns, by R4
            acknowledged: never, broken off, 2 turns, by R4
            acknowledged and started: never, broken off, 2 turns, by R4
        "#]],
    );
}

#[test]
fn a_fork_that_was_answered_is_there_and_an_ephemeral_one_and_a_start_are_gone() {
    check(
        &format!("{BEGUN}torn fork t0 approval=never -> t1"),
        1,
        expect![[r#"
            neither: no thread
            acknowledged: never, 0 turns, by R4
        "#]],
    );
    check(
        &format!("{BEGUN}torn fork t0 ephemeral=on -> t1"),
        1,
        expect![[r#"
        neither: no thread
        acknowledged: no thread
    "#]],
    );
    check(
        "torn start -> t0",
        0,
        expect![[r#"
        neither: no thread
        acknowledged: no thread
    "#]],
    );
}

#[test]
fn a_cold_resume_that_was_answered_keeps_its_override() {
    let cold = format!("{BEGUN}restart graceful\n");
    check(
        &format!("{cold}torn resume t0 approval=never"),
        0,
        expect![[r#"
            neither: on-request or never, 1 turns, by R4
            acknowledged: never, 1 turns, by R4
        "#]],
    );
    check(
        &format!(
            "{cold}torn resume t0 approval=never\ntorn after=40ms resume t0 approval=untrusted"
        ),
        0,
        expect![[r#"
            neither: on-request or untrusted or never, 1 turns, by R4
            acknowledged: untrusted, 1 turns, by R4
        "#]],
    );
}

#[test]
fn a_change_in_a_folder_that_a_resume_chose_may_write_the_folder_down_too() {
    check(
        &format!("{BEGUN}restart graceful\nresume t0 cwd=OUT\ntorn settings t0 approval=never"),
        0,
        expect![[r#"
            neither: on-request or never or never, 1 turns, by R4
            acknowledged: never or never, 1 turns, by R4
        "#]],
    );
}

#[test]
fn every_answer_that_is_no_refusal_counts() {
    check(
        &format!("{BEGUN}settings t0 approval=untrusted\nrestart graceful\ntorn settings t0"),
        0,
        expect![[r#"
            refused: untrusted, 1 turns, by R4, never killed
        "#]],
    );
    check(
        &format!("{BEGUN}torn settings t0 approval=untrusted\ntorn fork t0 -> t1"),
        1,
        expect![[r#"
            neither: no thread
            acknowledged: on-request, 0 turns, by R4
            acknowledged: untrusted, 0 turns, by R4
        "#]],
    );
}

#[test]
fn a_thread_that_is_moved_is_moved_or_not_and_so_is_each_of_its_subagents() {
    let parent = format!("{BEGUN}spawn t0 -> t1\n");
    check(
        &format!("{parent}torn archive t0"),
        0,
        expect![[r#"
            neither: on-request, 2 turns, by R4
            neither: on-request, archived, 2 turns, by R4
            neither: on-request, 2 turns, by R4
            neither: on-request, archived, 2 turns, by R4
            refused: on-request, 2 turns, by R4
        "#]],
    );
    check(
        &format!("{parent}torn archive t0"),
        1,
        expect![[r#"
            neither: on-request, 0 turns, by R4
            neither: on-request, 0 turns, by R4
            neither: on-request, archived, 0 turns, by R4
            neither: on-request, archived, 0 turns, by R4
            refused: on-request, 0 turns, by R4
        "#]],
    );
    check(
        &format!("{BEGUN}archive t0\ntorn unarchive t0"),
        0,
        expect![[r#"
            neither: on-request, archived, 1 turns, by R4, never killed
            neither: on-request, 1 turns, by R4, never killed
            refused: on-request, archived, 1 turns, by R4, never killed
        "#]],
    );
}

#[test]
fn what_the_server_does_by_itself_perhaps_gives_a_history() {
    check(
        "start -> t0\ntorn compact t0",
        0,
        expect![[r#"
            neither: on-request, perhaps, broken off, 0 turns, by R17
            started: on-request, broken off, 0 turns, by R17
            refused: no thread
        "#]],
    );
    check(
        "start -> t0\ntorn inject t0",
        0,
        expect![[r#"
            neither: on-request, perhaps, 0 turns, by R17
            refused: no thread
        "#]],
    );
    check(
        "start -> t0\ntorn shell t0",
        0,
        expect![[r#"
            neither: on-request, perhaps, 0 turns, by O8
            refused: no thread
        "#]],
    );
}

#[test]
fn turns_that_were_perhaps_taken_back_cannot_be_cut_at_for_certain() {
    check(
        &format!("{BEGUN}torn revert t0"),
        0,
        expect![[r#"
            neither: on-request, broken off, 1 turns, by R17
            refused: on-request, 1 turns, by R4
        "#]],
    );
    check(
        &format!("{BEGUN}torn name t0"),
        0,
        expect![[r#"
            neither: on-request, 1 turns, by R4
            refused: on-request, 1 turns, by R4
        "#]],
    );
    check(
        &format!("{BEGUN}begin t0\ntorn finish t0 interrupt"),
        0,
        expect![[r#"
            neither: on-request, broken off, 2 turns, by R4
        "#]],
    );
}

#[test]
fn of_changes_at_once_that_nobody_noticed_each_may_be_made_or_both() {
    let at_once = "torn together settings t0 approval=never | settings t0 approval=untrusted";
    check(
        &format!("{BEGUN}{at_once}"),
        0,
        expect![[r#"
            acknowledged and acknowledged: untrusted, 1 turns, by R4
            acknowledged and not: untrusted, 1 turns, by R4
            acknowledged and not: never or untrusted, 1 turns, by R4
            not and acknowledged: untrusted, 1 turns, by R4
            not and acknowledged: untrusted, 1 turns, by R4
            not and not: on-request or untrusted or never, 1 turns, by R4
            acknowledged and acknowledged: never, 1 turns, by R4
            not and acknowledged: never, 1 turns, by R4
            not and acknowledged: untrusted or never, 1 turns, by R4
            acknowledged and not: never, 1 turns, by R4
            acknowledged and not: never, 1 turns, by R4
        "#]],
    );
}
