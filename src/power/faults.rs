//! The table of faults.

use super::Change::{
    AnswerQuestions, AnswerTwice, Die, DoubleTurnEnds, DropNotices, DropTurnEnds, Enforce,
    ForgetLastSettings, FromConfig, Grant, Ignore, Leak, LoseField, Misspell, NeverAnswer,
    OldNotices, Refuse, Reset, Stale, StateConfig, WriteConfig,
};
use super::Setting::{Approval, Effort, Folder, Mode, Model, Profile, Reviewer, Roots, Sandbox};
use super::When::{
    After, AfterKill, AfterTurn, Always, Beside, Cold, Granular, OtherClient, SecondFork,
    SecondRestart, ThirdTurn, Warm, With,
};
use super::{Change, Planted, Reaches, Setting, When};
use crate::contract::Clause;
use crate::contract::Clause::{
    CM1, E2, E3, E4, E5, E6, F1, F2, F3, F4, F6, F7, F8, G5, G8, G9, G11, L2, O1, O3, O4, O5, O6,
    O8, R0, R1, R4, R5, R8, R9, R10, R11, R12, R16, R17, S1, T1, T2, T3, T5, T7, T9, U1, U3, U4,
    W1, W2, W3, W4, WR1,
};

const START: &str = "thread/start";
const FORK: &str = "thread/fork";
const RESUME: &str = "thread/resume";
const TURN: &str = "turn/start";
const UPDATE: &str = "thread/settings/update";

/// A server without a planted fault must stay green.
pub const HONEST: &str = "honest";

/// The fault that a nightly campaign must find.
pub const CANARY: &str = "fork-takes-config-approval";

/// Every fault, the honest stand-in first.
pub fn all() -> Vec<Planted> {
    let honest = row(HONEST, &[], (Always, Change::Nothing), 0);
    let mut all = vec![Planted { dimension: None, ..honest }];
    for setting in [Approval, Reviewer, Sandbox, Profile] {
        all.extend(ignored(setting));
    }
    for setting in [Model, Effort, Folder, Roots, Mode] {
        let name = format!("turn-ignores-{}", word(setting));
        all.push(row(&name, &[T1, U1, T9, G9, CM1, WR1], (Always, Ignore(TURN, setting)), 2));
    }
    for setting in [Approval, Reviewer, Sandbox] {
        all.extend(inherited(setting));
    }
    all.extend(conditional(Approval));
    all.extend(conditional(Reviewer));
    all.extend(of_second_clients());
    all.extend(of_folders_and_modes());
    all.extend(of_actions());
    all.extend(of_enforcement());
    all.extend(of_answers());
    all.extend(others());
    all
}

/// Requests that ignore what they ask for.
fn ignored(setting: Setting) -> Vec<Planted> {
    let word = word(setting);
    let ignore = |method| (Always, Ignore(method, setting));
    vec![
        row(&format!("start-ignores-{word}"), &[S1, R12], ignore(START), 1),
        row(&format!("fork-ignores-{word}"), &[F3, F8, F2], ignore(FORK), 3),
        row(
            &format!("cold-resume-ignores-{word}"),
            &[R11, R17, O8, O3],
            (Cold, Ignore(RESUME, setting)),
            4,
        ),
        row(&format!("turn-ignores-{word}"), &[T1, T9, T3], ignore(TURN), 2),
        row(&format!("settings-ignore-{word}"), &[U1, U3, U4, T9], ignore(UPDATE), 2),
    ]
}

/// Requests that take config's value where they ask for none.
fn inherited(setting: Setting) -> Vec<Planted> {
    let word = word(setting);
    let restored = match setting {
        Approval => R4,
        Reviewer => R5,
        _ => R8,
    };
    let from = |method| FromConfig(method, setting);
    vec![
        row(&format!("fork-takes-config-{word}"), &[F1, F2, F3, F8], (Always, from(FORK)), 3),
        row(
            &format!("cold-resume-takes-config-{word}"),
            &[restored, R11, F4, O3, O8, R17, U3, U4],
            (Cold, from(RESUME)),
            2,
        ),
        row(&format!("turn-takes-config-{word}"), &[T2, T1, T9, G9, E2], (Always, from(TURN)), 2),
        row(&format!("settings-take-config-{word}"), &[U1, U3, U4, T9], (Always, from(UPDATE)), 2),
        row(
            &format!("cold-resume-takes-the-first-{word}"),
            &[restored, U3, T1, R17, O3],
            (Cold, Stale(RESUME, setting)),
            3,
        ),
        row(
            &format!("fork-takes-the-first-{word}"),
            &[F1, F2, F3, F8],
            (Always, Stale(FORK, setting)),
            3,
        ),
        row(
            &format!("start-states-config-{word}"),
            &[S1, G8, R12],
            (Always, StateConfig(START, setting)),
            1,
        ),
        row(
            &format!("warm-resume-states-config-{word}"),
            // A warm read shows it under the clause of the operation before.
            &[R1, G8, O8, T1, T2, T3, F1, F2, F3, F8, S1, U1, U4],
            (Warm, StateConfig(RESUME, setting)),
            3,
        ),
    ]
}

/// Inheritance that is lost in some situation only.
fn conditional(setting: Setting) -> Vec<Planted> {
    let word = word(setting);
    let restored = if setting == Approval { R4 } else { R5 };
    let named = |what: &str| format!("{what}-{word}");
    let resume = FromConfig(RESUME, setting);
    let fork = FromConfig(FORK, setting);
    let turn = FromConfig(TURN, setting);
    let row = |what: &str, clauses: &[Clause], fault: (When, Change), shortest| {
        row(&named(what), clauses, fault, shortest)
    };
    vec![
        row("second-fork-loses", &[F1, F2, F3, F8], (SecondFork, fork.clone()), 4),
        row("cut-fork-loses", &[F2], (With("lastTurnId"), fork.clone()), 3),
        row("ephemeral-fork-loses", &[F8, F3], (With("ephemeral"), fork.clone()), 3),
        row("cold-fork-loses", &[F1, F2, F3, F8], (Cold, fork), 4),
        row("third-turn-loses", &[T2, T1, T9, T3], (ThirdTurn, turn.clone()), 4),
        row("turn-after-a-failure-loses", &[T2, T1, T9], (AfterTurn("failed"), turn), 3),
        row(
            "resume-after-a-failure-loses",
            &[T3, restored, R11, U3, O3],
            (AfterTurn("failed"), resume.clone()),
            2,
        ),
        row(
            "resume-after-an-interrupt-loses",
            &[T3, restored, R11, U3, O3],
            (AfterTurn("interrupted"), resume.clone()),
            2,
        ),
        row("resume-after-a-kill-loses", &[R17, restored, R11], (AfterKill, resume.clone()), 3),
        row(
            "second-restart-loses",
            &[restored, R11, R17, O3, O8, F4],
            (SecondRestart, resume.clone()),
            4,
        ),
        row(
            "resume-after-a-compaction-loses",
            &[O4, restored, R11],
            (After("thread/compact/start"), resume.clone()),
            3,
        ),
        row(
            "resume-after-a-name-loses",
            &[O8, restored, R11],
            (After("thread/name/set"), resume.clone()),
            3,
        ),
        row(
            "unarchive-loses",
            &[O3, restored, R11],
            (After("thread/unarchive"), resume.clone()),
            4,
        ),
        row("granular-thread-loses", &[restored, R11, F4, O3, O8, R17], (Granular, resume), 2),
    ]
}

/// What goes wrong only with a second client.
fn of_second_clients() -> Vec<Planted> {
    let row = |what: &str, clauses: &[Clause], fault: (When, Change), shortest| {
        row(&format!("second-client-{what}"), clauses, fault, shortest)
    };
    let from = |method| FromConfig(method, Approval);
    let silent = row("silences-changes", &[T9], (Beside, DropNotices), 3);
    vec![
        row("turn-ignores-approval", &[T1, T9, T3], (OtherClient, Ignore(TURN, Approval)), 3),
        row(
            "settings-ignore-approval",
            &[U1, U3, U4, T9],
            (OtherClient, Ignore(UPDATE, Approval)),
            3,
        ),
        row("fork-takes-config-approval", &[F1, F2, F3, F8], (OtherClient, from(FORK)), 3),
        row("turn-takes-config-approval", &[T2, T1, T9, G9], (OtherClient, from(TURN)), 3),
        row(
            "resume-states-config-approval",
            &[R1, G8, O8],
            (OtherClient, StateConfig(RESUME, Approval)),
            3,
        ),
        row("turns-beside-take-config-approval", &[T2, T1, T9, G9], (Beside, from(TURN)), 4),
        row(
            "turn-reaches-other-threads",
            &[G11, T2, R1, F4, T9, G9, R4],
            (OtherClient, Leak(TURN, Approval, Reaches::Others)),
            4,
        ),
        Planted { dimension: None, ..silent },
    ]
}

/// Folders, workspace roots, models and collaboration modes.
fn of_folders_and_modes() -> Vec<Planted> {
    let ignore = |method, setting| (Always, Ignore(method, setting));
    let first = |method| (Always, Stale(method, Folder));
    vec![
        row("start-ignores-folder", &[S1, R12], ignore(START, Folder), 1),
        row("fork-ignores-folder", &[F3, F6], ignore(FORK, Folder), 3),
        row("fork-takes-the-first-folder", &[F6, F3], first(FORK), 3),
        row("cold-resume-ignores-folder", &[R10, R11], (Cold, Ignore(RESUME, Folder)), 3),
        row("cold-resume-takes-the-first-folder", &[R10, U3, O3], (Cold, Stale(RESUME, Folder)), 3),
        row("settings-ignore-folder", &[U1, U3, U4, T9], ignore(UPDATE, Folder), 2),
        row("start-ignores-roots", &[S1, WR1, R12], ignore(START, Roots), 1),
        row("fork-ignores-roots", &[F3, WR1], ignore(FORK, Roots), 3),
        row("start-ignores-model", &[S1, R12], ignore(START, Model), 1),
        row("fork-ignores-model", &[F3, F7], ignore(FORK, Model), 3),
        row("settings-ignore-mode", &[U1, U3, U4, T9, CM1], ignore(UPDATE, Mode), 2),
        row("cold-resume-resets-model", &[R9, T2, U3, G9], (Cold, Reset(RESUME, Model)), 4),
    ]
}

/// Actions that are to change no policy, and changes that are to last no longer than a turn.
fn of_actions() -> Vec<Planted> {
    let unchanged = [T2, R1, R4, F1, G9, T9];
    let resets = |name: &str, clause: Clause, method| {
        let clauses = [&[clause][..], &unchanged[..]].concat();
        row(&format!("{name}-reset-approval"), &clauses, (Always, Reset(method, Approval)), 3)
    };
    let once = Leak("turn/settings/update", Reviewer, Reaches::Itself);
    vec![
        resets("names", O8, "thread/name/set"),
        resets("reads", O8, "thread/read"),
        resets("compactions", O4, "thread/compact/start"),
        resets("reviews", O5, "review/start"),
        resets("reverts", O1, "thread/revert"),
        resets("goals", O6, "thread/goal/set"),
        resets("interrupts", T3, "turn/interrupt"),
        row(
            "warm-resumes-reset-approval",
            &[R1, T2, R4, F1, G9, T9],
            (Warm, Reset(RESUME, Approval)),
            3,
        ),
        row("turn-settings-last", &[T7, T2, R1, R5, T9], (Always, once), 3),
        row("turns-write-config", &[L2, S1], (Always, WriteConfig(TURN, Approval)), 2),
    ]
}

/// What is in force is not what every line states.
fn of_enforcement() -> Vec<Planted> {
    let row = |name: &str, clauses: &[Clause], when, change, shortest| {
        row(name, clauses, (when, change), shortest)
    };
    let full = |method| Enforce(method, Sandbox);
    vec![
        row("turns-have-full-access", &[E2, G9], Always, full(TURN), 2),
        row("forks-have-full-access", &[E2, G9], Always, full(FORK), 4),
        row("resumed-threads-have-full-access", &[E2, G9], Cold, full(RESUME), 4),
        row("turns-never-ask", &[E4, E3, E5, E6, G9], Always, Enforce(TURN, Approval), 2),
        row("forks-never-ask", &[E4, E3, E5, E6, G9], Always, Enforce(FORK, Approval), 4),
        row("commands-run-unasked", &[E2, E3, E4, E6], Always, AnswerQuestions("accept"), 2),
        row(
            "commands-are-declined-unasked",
            &[E5, E3, E4, E6],
            Always,
            AnswerQuestions("decline"),
            2,
        ),
    ]
}

/// What goes wrong with answers, notices and the process.
fn of_answers() -> Vec<Planted> {
    let row = |name: &str, clauses: &[Clause], change: Change, shortest| Planted {
        dimension: None,
        ..row(name, clauses, (Always, change), shortest)
    };
    vec![
        row("forks-are-answered-twice", &[W1], AnswerTwice(FORK), 3),
        row("forks-are-never-answered", &[W1, F1], NeverAnswer(FORK), 3),
        row("turns-do-not-end", &[W4], DropTurnEnds, 2),
        row("turns-end-twice", &[W4], DoubleTurnEnds, 2),
        row("dies-at-a-fork", &[W3, W1, W2], Die(FORK), 3),
        row("dies-at-settings", &[W3, W1, W2], Die(UPDATE), 2),
        row("starts-are-misspelled", &[W2], Misspell(START), 1),
        row("settings-are-refused", &[U1, U4], Refuse(UPDATE), 2),
        row("forks-are-refused", &[F1, F2, F3, F8], Refuse(FORK), 3),
        row("refused-settings-are-granted", &[T5, R0, G5], Grant(UPDATE), 2),
        row("refused-turns-are-granted", &[T5, R0, G5, W2], Grant(TURN), 2),
        row("refused-resumes-are-granted", &[R16, T5, G5, W2], Grant(RESUME), 2),
    ]
}

/// What is not about one setting of one request.
fn others() -> Vec<Planted> {
    let leak = |method, reaches| (Always, Leak(method, Approval, reaches));
    let silent = |name: &str, clauses: &[Clause], change: Change, shortest| Planted {
        dimension: None,
        ..row(name, clauses, (Always, change), shortest)
    };
    vec![
        row(
            "fork-changes-its-source",
            &[G11, F4, T2, R1, R4, T9, G9],
            leak(FORK, Reaches::Source),
            3,
        ),
        row(
            "settings-reach-forks",
            &[F4, G11, T2, R1, T9, G9, R4],
            leak(UPDATE, Reaches::Forks),
            4,
        ),
        row(
            "turn-reaches-other-threads",
            &[G11, T2, R1, F4, T9, G9, R4],
            leak(TURN, Reaches::Others),
            4,
        ),
        row("turn-loses-network", &[T1, T9], (Always, LoseField(TURN, "networkAccess")), 2),
        row("turn-loses-roots", &[T1, T9], (Always, LoseField(TURN, "writableRoots")), 2),
        row("turn-opens-tmp", &[T1, T9], (Always, LoseField(TURN, "excludeSlashTmp")), 2),
        row(
            "settings-lose-network",
            &[U1, U3, U4],
            (Always, LoseField(UPDATE, "networkAccess")),
            2,
        ),
        silent("no-notices", &[T9], DropNotices, 2),
        row("old-notices", &[T1, U1, U4, T9], (Always, OldNotices), 2),
        row(
            "last-settings-are-forgotten",
            &[U3, R4, R17, T1, O3, U4],
            (Always, ForgetLastSettings),
            3,
        ),
    ]
}

fn row(name: &str, clauses: &[Clause], fault: (When, Change), shortest: usize) -> Planted {
    let (when, change) = fault;
    let dimension = match &change {
        Ignore(_, setting)
        | FromConfig(_, setting)
        | Stale(_, setting)
        | StateConfig(_, setting)
        | Enforce(_, setting)
        | Reset(_, setting)
        | WriteConfig(_, setting)
        | Leak(_, setting, _) => Some(setting.dimension()),
        LoseField(..) => Some(Sandbox.dimension()),
        OldNotices | ForgetLastSettings => Some(Approval.dimension()),
        _ => None,
    };
    Planted { name: name.to_owned(), clauses: clauses.to_vec(), dimension, shortest, when, change }
}

fn word(setting: Setting) -> &'static str {
    match setting {
        Approval => "approval",
        Reviewer => "reviewer",
        Sandbox => "sandbox",
        Profile => "profile",
        Model => "model",
        Effort => "effort",
        Folder => "folder",
        Roots => "roots",
        Mode => "mode",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CANARY, HONEST, all};

    #[test]
    fn there_are_enough_faults_and_each_has_a_name_of_its_own() {
        let faults = all();
        let names: BTreeSet<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
        assert!(faults.len() > 120, "{} faults", faults.len());
        assert_eq!(names.len(), faults.len());
        assert!(names.contains(CANARY) && names.contains(HONEST));
    }

    #[test]
    fn every_fault_but_the_honest_one_names_a_clause() {
        let without = all().into_iter().filter(|fault| fault.clauses.is_empty());
        assert_eq!(without.map(|fault| fault.name).collect::<Vec<_>>(), [HONEST]);
    }
}
