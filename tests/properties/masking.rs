//! The list of known deviations excuses its causes, and not the same symptom for another reason.
//!
//! Each defect of `OTHER` shares clause, dimension, operation and wrong value with a row of
//! `ci/known.toml` and has another trigger, so what it shows is new. Those of `ELSEWHERE` lose the
//! same, too, but the contract has another clause for it.

use heirloom::cause::scope::Scope;
use heirloom::cause::{Known, Row};
use heirloom::judge::judge;
use heirloom::judge::verdict::Finding;
use heirloom::model::life::{Fact, Facts};
use heirloom::program::Program;
use heirloom::program::ops::Step;
use semver::Version;

use crate::simulated;
use crate::simulated::defect::{Defect, Loss, is};

/// A defect that resembles a row, and a program that shows it.
struct Masked {
    /// What the server does.
    what: &'static str,
    /// The row that it resembles.
    row: &'static str,
    loses: Loss,
    when: fn(&Facts, &Step) -> bool,
    steps: &'static str,
}

/// The release that the rows are about.
const RELEASE: Version = Version::new(0, 169, 0);

const STRICT: &str = "config approval=on-request reviewer=user sandbox=read-only\n";

const START: &str = "start approval=never reviewer=auto_review sandbox=danger-full-access -> t0\n";

fn cold(facts: &Facts) -> bool {
    is(facts, Fact::Loaded, &["no"])
}

fn began(facts: &Facts, words: &[&str]) -> bool {
    cold(facts) && is(facts, Fact::Began, words)
}

fn no_turn(facts: &Facts) -> bool {
    is(facts, Fact::LastTurn, &["none"])
}

fn idle(facts: &Facts) -> bool {
    is(facts, Fact::Loaded, &["yes"]) && is(facts, Fact::Subscribed, &["no"])
}

/// Each row's own trigger, as far as a simulated server can have it.
const OWN: &[Masked] = &[
    Masked {
        what: "a fork takes config's folder where a full disk kept the source's from its file",
        row: "full-disk-loses-folder-and-plugins",
        loses: Loss::Folder,
        when: |facts, step| matches!(step, Step::Fork(_)) && is(facts, Fact::FullDisk, &["yes"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\ndisk full\nsettings t0 cwd=HOME\ndisk free\n\
                fork t0 -> t1\n",
    },
    Masked {
        what: "a revert brings back the profile that a sandbox replaced",
        row: "revert-restores-profile",
        loses: Loss::Sandbox,
        when: |facts, _| cold(facts) && is(facts, Fact::Reverted, &["yes"]),
        steps: "settings t0 profile=:danger-full-access\n\
                run t0 \"turn 1\" sandbox=danger-full-access <- text \"ok\"\nrevert t0\n\
                restart graceful\nresume t0\n",
    },
    Masked {
        what: "a cold resume of a thread that was named before its first turn takes config",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["name", "shell"]) && no_turn(facts),
        steps: "name t0\nrestart graceful\nfork t0 -> t1\nresume t0\n",
    },
    Masked {
        what: "a cold resume of a thread that ran a shell command before its first turn takes config",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["name", "shell"]) && no_turn(facts),
        steps: "shell t0\nrestart graceful\nresume t0\n",
    },
    Masked {
        what: "a cold resume of a thread that was archived before its first turn takes config",
        row: "archived-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["archive"]) && no_turn(facts),
        steps: "archive t0\nunarchive t0\nresume t0\n",
    },
    Masked {
        what: "a cold resume after a kill in the first turn takes config",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| cold(facts) && is(facts, Fact::BrokenBeginning, &["yes"]),
        steps: "kill-during after=10ms run t0 \"turn 1\" <- text \"ok\"\nresume t0\n",
    },
    Masked {
        what: "a cold resume after a kill in an injection before the first turn takes config",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| cold(facts) && is(facts, Fact::BrokenBeginning, &["yes"]),
        steps: "kill-during after=10ms inject t0\nresume t0\n",
    },
    Masked {
        what: "a cold resume after a kill in a revert takes config",
        row: "killed-revert",
        loses: Loss::Policy,
        when: |facts, _| cold(facts) && is(facts, Fact::BrokenOff, &["revert"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nkill-during after=10ms revert t0\nresume t0\n",
    },
    Masked {
        what: "a cold resume takes config's sandbox where workspace-write is stored",
        row: "lost-sandbox",
        loses: Loss::Workspace,
        when: |facts, _| cold(facts),
        steps: "run t0 \"turn 1\" sandbox=workspace-write <- text \"ok\"\nrestart kill\nresume t0\n",
    },
    Masked {
        what: "a resume of an idle thread after a failed turn ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::LastTurn, &["failed"]),
        steps: "run t0 \"turn 1\" <- status 500\nunsubscribe t0\nresume t0 approval=untrusted\n",
    },
    Masked {
        what: "a fork ignores `config.approval_policy`",
        row: "fork-ignores-config",
        loses: Loss::ApprovalOverride,
        when: |_, step| matches!(step, Step::Fork(_)),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nfork t0 approval=untrusted via=config -> t1\n",
    },
];

/// Other triggers of the same symptoms.
const OTHER: &[Masked] = &[
    Masked {
        what: "every fork of a loaded thread takes config's folder",
        row: "full-disk-loses-folder-and-plugins",
        loses: Loss::Folder,
        when: |facts, step| matches!(step, Step::Fork(_)) && !cold(facts),
        steps: "run t0 \"turn 1\" cwd=HOME <- text \"ok\"\nfork t0 -> t1\n",
    },
    Masked {
        what: "every cold resume brings back the profile that a sandbox replaced",
        row: "revert-restores-profile",
        loses: Loss::Sandbox,
        when: |facts, step| matches!(step, Step::Resume(_)) && cold(facts),
        steps: "settings t0 profile=:danger-full-access\n\
                run t0 \"turn 1\" sandbox=danger-full-access <- text \"ok\"\n\
                restart graceful\nresume t0\n",
    },
    Masked {
        what: "every resume of an idle thread ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nunsubscribe t0\nresume t0 approval=untrusted\n",
    },
    Masked {
        what: "a resume of an idle thread after an interrupted turn ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::LastTurn, &["interrupted"]),
        steps: "run t0 \"turn 1\" <- hold\nunsubscribe t0\nresume t0 reviewer=user\n",
    },
    Masked {
        what: "a resume of an idle thread that began with a name ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::Began, &["name"]),
        steps: "name t0\nrun t0 \"turn 1\" <- text \"ok\"\nunsubscribe t0\n\
                resume t0 sandbox=read-only\n",
    },
    Masked {
        what: "a cold resume after a failed turn ignores `config.approval_policy`",
        row: "ignored-after-failed-turn",
        loses: Loss::ApprovalOverride,
        when: |facts, step| {
            matches!(step, Step::Resume(_)) && cold(facts) && is(facts, Fact::LastTurn, &["failed"])
        },
        steps: "run t0 \"turn 1\" <- status 500\nrestart graceful\n\
                resume t0 approval=untrusted via=config\n",
    },
    Masked {
        what: "a thread that a kill broke off loses the policy at the next restart that is not a kill",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| {
            let restarted = is(facts, Fact::Since, &["restart"]);
            restarted && is(facts, Fact::BrokenBeginning, &["yes"])
        },
        steps: "kill-during after=10ms run t0 \"turn 1\" <- text \"ok\"\nresume t0\n\
                restart graceful\nresume t0\n",
    },
    Masked {
        what: "a resume of an idle fork ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::Began, &["fork"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nfork t0 -> t1\nunsubscribe t1\n\
                resume t1 approval=untrusted\n",
    },
    Masked {
        what: "a resume of an idle thread that was ever archived ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::Archived, &["yes"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\narchive t0\nunarchive t0\nresume t0\n\
                unsubscribe t0\nresume t0 approval=untrusted\n",
    },
    Masked {
        what: "a resume of an idle thread that never ran a turn ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && no_turn(facts),
        steps: "inject t0\nunsubscribe t0\nresume t0 approval=untrusted\n",
    },
    Masked {
        what: "a fork of a thread that a kill broke off takes config after a restart that is not a kill",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, step| {
            let restarted = matches!(step, Step::Fork(_)) && is(facts, Fact::Since, &["restart"]);
            restarted && is(facts, Fact::BrokenBeginning, &["yes"])
        },
        steps: "kill-during after=10ms run t0 \"turn 1\" <- text \"ok\"\nresume t0\n\
                restart graceful\nfork t0 -> t1\n",
    },
    Masked {
        what: "an archive loses the policy of a thread that a kill broke off",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| {
            let archived = cold(facts) && is(facts, Fact::Since, &["archive"]);
            archived && is(facts, Fact::BrokenBeginning, &["yes"])
        },
        steps: "kill-during after=10ms run t0 \"turn 1\" <- text \"ok\"\nresume t0\n\
                archive t0\nunarchive t0\nresume t0\n",
    },
    Masked {
        what: "a resume of an idle thread after a compaction ignores its overrides",
        row: "ignored-after-failed-turn",
        loses: Loss::Overrides,
        when: |facts, _| idle(facts) && is(facts, Fact::LastTurn, &["completed"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\ncompact t0\nunsubscribe t0\n\
                resume t0 sandbox=read-only\n",
    },
];

/// Other triggers that the contract knows by another clause, so that no row comes near.
const ELSEWHERE: &[Masked] = &[
    Masked {
        what: "a fork of a loaded thread that was named before its first turn takes config",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, step| {
            let loaded = matches!(step, Step::Fork(_)) && is(facts, Fact::Loaded, &["yes"]);
            loaded && is(facts, Fact::Began, &["name"])
        },
        steps: "name t0\nrestart graceful\nresume t0\nfork t0 -> t1\n",
    },
    Masked {
        what: "a fork of a loaded thread that was archived before its first turn loses the reviewer",
        row: "archived-before-first-turn",
        loses: Loss::Reviewer,
        when: |facts, step| {
            let loaded = matches!(step, Step::Fork(_)) && is(facts, Fact::Loaded, &["yes"]);
            loaded && is(facts, Fact::Archived, &["yes"])
        },
        steps: "archive t0\nunarchive t0\nresume t0\nfork t0 -> t1\n",
    },
    Masked {
        what: "a fork of a loaded thread after a kill in the first turn takes config",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, step| {
            let loaded = matches!(step, Step::Fork(_)) && is(facts, Fact::Loaded, &["yes"]);
            loaded && is(facts, Fact::BrokenBeginning, &["yes"])
        },
        steps: "kill-during after=10ms run t0 \"turn 1\" <- text \"ok\"\nresume t0\n\
                fork t0 -> t1\n",
    },
    Masked {
        what: "a cold resume of a thread that began with an injection takes config",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["inject"]),
        steps: "inject t0\nrestart graceful\nresume t0\n",
    },
    Masked {
        what: "a fork of a thread that began with an injection loses the reviewer",
        row: "named-before-first-turn",
        loses: Loss::Reviewer,
        when: |facts, step| matches!(step, Step::Fork(_)) && began(facts, &["inject"]),
        steps: "inject t0\nrestart graceful\nfork t0 -> t1\n",
    },
    Masked {
        what: "a cold resume of a thread that was injected into and archived takes config",
        row: "archived-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["inject"]) && is(facts, Fact::Archived, &["yes"]),
        steps: "inject t0\narchive t0\nunarchive t0\nresume t0\n",
    },
    Masked {
        what: "every fork of a thread that was ever archived takes config",
        row: "archived-before-first-turn",
        loses: Loss::Policy,
        when: |facts, step| matches!(step, Step::Fork(_)) && is(facts, Fact::Archived, &["yes"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\narchive t0\nunarchive t0\nfork t0 -> t1\n",
    },
    Masked {
        what: "every cold resume of a thread that was ever archived loses the reviewer",
        row: "archived-before-first-turn",
        loses: Loss::Reviewer,
        when: |facts, _| cold(facts) && is(facts, Fact::Archived, &["yes"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\narchive t0\nunarchive t0\nresume t0\n",
    },
    Masked {
        what: "a cold resume loses the policy of a thread that began with a name and then ran",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["name"]),
        steps: "name t0\nrun t0 \"turn 1\" <- text \"ok\"\nname t0\nrestart graceful\nresume t0\n",
    },
    Masked {
        what: "a name loses the policy of every thread",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, _| began(facts, &["run"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nname t0\nrestart graceful\nresume t0\n",
    },
    Masked {
        what: "a shell command after a turn loses the reviewer",
        row: "named-before-first-turn",
        loses: Loss::Reviewer,
        when: |facts, _| began(facts, &["run"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nshell t0\nrestart graceful\nresume t0\n",
    },
    Masked {
        what: "a fork of a thread that was named after its first turn takes config",
        row: "named-before-first-turn",
        loses: Loss::Policy,
        when: |facts, step| matches!(step, Step::Fork(_)) && began(facts, &["run"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nname t0\nrestart graceful\nfork t0 -> t1\n",
    },
    Masked {
        what: "a kill in any turn loses the policy",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| cold(facts) && is(facts, Fact::BrokenOff, &["run"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\n\
                kill-during after=10ms run t0 \"turn 2\" <- text \"ok\"\nresume t0\n",
    },
    Masked {
        what: "a kill between two turns loses the policy",
        row: "killed-first-history",
        loses: Loss::Policy,
        when: |facts, _| cold(facts) && is(facts, Fact::Since, &["kill"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\nrestart kill\nfork t0 -> t1\nresume t0\n",
    },
    Masked {
        what: "a kill in a change of settings loses the reviewer",
        row: "killed-revert",
        loses: Loss::Reviewer,
        when: |facts, _| cold(facts) && is(facts, Fact::BrokenOff, &["settings"]),
        steps: "run t0 \"turn 1\" <- text \"ok\"\n\
                kill-during after=10ms settings t0 approval=untrusted\nresume t0\n",
    },
];

impl Masked {
    fn program(&self) -> Program {
        let text = format!("# heirloom case v2\n{STRICT}{START}{}audit\n", self.steps);
        text.parse().unwrap_or_else(|problem| panic!("{problem} in\n{text}"))
    }

    fn row<'a>(&self, known: &'a Known) -> &'a Row {
        let row = known.rows.iter().find(|row| row.id == self.row);
        row.unwrap_or_else(|| panic!("no row has the id {}", self.row))
    }

    /// What the defect shows, as if 0.169.0 had it.
    fn findings(&self) -> Vec<Finding> {
        let defect = Defect { loses: self.loses, when: self.when };
        let mut trace = simulated::run_with(&self.program(), defect);
        trace.server = Some(RELEASE);
        judge(&trace).findings
    }
}

fn described(finding: &Finding) -> String {
    format!("{} with {}", finding.signature(), finding.facts)
}

#[test]
fn what_a_row_is_about_is_excused_by_it() {
    let known = Known::embedded();
    for own in OWN {
        let findings = own.findings();
        assert!(!findings.is_empty(), "{}: nothing is found", own.what);
        for finding in findings {
            let row = known.excuses(&finding).map(|row| row.id.as_str());
            assert_eq!(row, Some(own.row), "{}: {}", own.what, described(&finding));
        }
    }
}

#[test]
fn the_same_symptom_with_another_trigger_is_new() {
    let known = Known::embedded();
    for other in OTHER {
        let row = other.row(&known);
        let symptom = Scope { facts: [].into(), ..row.scope.clone() };
        let findings = other.findings();
        let list: Vec<String> = findings.iter().map(described).collect();
        let (alike, new): (Vec<&Finding>, Vec<&Finding>) = (
            findings.iter().filter(|finding| symptom.explains(finding)).collect(),
            findings.iter().filter(|finding| known.excuses(finding).is_none()).collect(),
        );
        assert!(!alike.is_empty(), "{}: nothing resembles {}: {list:?}", other.what, row.id);
        assert_eq!(alike, new, "{}: {list:?}", other.what);
    }
}

#[test]
fn the_same_loss_under_another_clause_is_new() {
    let known = Known::embedded();
    for elsewhere in ELSEWHERE {
        let findings = elsewhere.findings();
        assert!(!findings.is_empty(), "{}: nothing is found", elsewhere.what);
        for finding in findings {
            let row = known.excuses(&finding).map(|row| row.id.as_str());
            assert_eq!(row, None, "{}: {}", elsewhere.what, described(&finding));
        }
    }
}

#[test]
fn a_server_without_a_defect_shows_nothing_in_these_programs() {
    for masked in OWN.iter().chain(OTHER).chain(ELSEWHERE) {
        let verdict = judge(&simulated::run(&masked.program(), None));
        let findings: Vec<String> = verdict.findings.iter().map(described).collect();
        assert_eq!(findings, [""; 0], "{}", masked.what);
    }
}
