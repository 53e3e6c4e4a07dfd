//! A server that enforces another policy than it states is found by its probes, under the clause of
//! what it does, and in a turn that no client starts under E8.

use std::collections::BTreeSet;

use heirloom::judge::judge;
use heirloom::judge::verdict::Finding;
use heirloom::program::Program;

use crate::simulated;
use crate::simulated::enforcement::Enforcement;

/// A server's fault, a program that shows it, and the clause and dimension of each finding.
struct Faulty {
    does: Enforcement,
    steps: &'static str,
    breaks: &'static [&'static str],
}

const CONFIG: &str = "config approval=never reviewer=user sandbox=danger-full-access \
                      profiles=alpha:workspace-write+deny-secret+network+root-out\n";

const ASKED: &str = "client=decline reviewer=deny";

const FAULTS: &[Faulty] = &[
    Faulty {
        does: Enforcement::BlocksEverything,
        steps: "start approval=on-request sandbox=workspace-write -> t0\n\
                run t0 \"one\" <- probe write-inside",
        breaks: &["E5 SB"],
    },
    Faulty {
        does: Enforcement::BlocksEverything,
        steps: "start approval=untrusted -> t0\nrun t0 \"one\" <- probe safe",
        breaks: &["E5 AP"],
    },
    Faulty {
        does: Enforcement::AsksAboutEverything,
        steps: "start approval=on-request sandbox=read-only -> t0\nrun t0 \"one\" <- probe run",
        breaks: &["E5 AP"],
    },
    Faulty {
        does: Enforcement::HasNoCategories,
        steps: "start approval=granular(rules) sandbox=read-only -> t0\n\
                run t0 \"one\" <- probe escalate",
        breaks: &["E6 AP"],
    },
    Faulty {
        does: Enforcement::HasNoCategories,
        steps: "start approval=granular(sandbox_approval) -> t0\nrun t0 \"one\" <- probe ruled",
        breaks: &["E6 AP"],
    },
    Faulty {
        does: Enforcement::AsksForNoCategory,
        steps: "start approval=granular(rules) -> t0\nrun t0 \"one\" <- probe ruled",
        breaks: &["E6 AP"],
    },
    Faulty {
        does: Enforcement::HasNoCategories,
        steps: "start approval=granular(rules) -> t0\n\
                run t0 \"one\" <- probe request-permissions\nrun t0 \"two\" <- probe elicit",
        breaks: &["E6 AP"],
    },
    Faulty {
        does: Enforcement::AsksForNoCategory,
        steps: "start approval=granular(request_permissions,mcp_elicitations) -> t0\n\
                run t0 \"one\" <- probe request-permissions\nrun t0 \"two\" <- probe elicit",
        breaks: &["E6 AP"],
    },
    Faulty {
        does: Enforcement::ForgetsTables,
        steps: "start profile=alpha -> t0\nrun t0 \"one\" <- probe read-secret\n\
                run t0 \"two\" <- probe connect",
        breaks: &["E2 PP", "E7 PP"],
    },
    Faulty {
        does: Enforcement::ForgetsTables,
        steps: "start profile=alpha -> t0\nrun t0 \"one\"\nfork t0 -> t1\n\
                run t1 \"two\" <- probe read-secret",
        breaks: &["L5 PP"],
    },
    Faulty {
        does: Enforcement::ForgetsTables,
        steps: "start profile=alpha -> t0\nrun t0 \"one\"\nrestart graceful\nresume t0\n\
                run t0 \"two\" <- probe connect",
        breaks: &["L5 PP"],
    },
    Faulty {
        does: Enforcement::OpensTheNetwork,
        steps: "start sandbox=workspace-write -> t0\nrun t0 \"one\" <- probe connect",
        breaks: &["E7 SB"],
    },
    Faulty {
        does: Enforcement::ClosesTheNetwork,
        steps: "start -> t0\nrun t0 \"one\" sandbox=read-only+network <- probe connect",
        breaks: &["E7 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nrun t0 \"one\" <- probe patch-inside\n\
                goal t0 <- probe patch-inside",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nrun t0 \"one\"\nqueue t0 <- probe patch-inside",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nrun t0 \"one\"\nreview t0 <- probe patch-inside",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nspawn t0 <- probe write-inside -> t1",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nspawn t0 -> t1\n\
                subagent-turn t1 <- probe write-inside",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::OpensOtherTurns,
        steps: "start sandbox=read-only -> t0\nbegin t0\n\
                settings t0 sandbox=danger-full-access\nfinish t0 complete <- probe write-inside",
        breaks: &["E8 SB"],
    },
    Faulty {
        does: Enforcement::SwapsReviewersInOtherTurns,
        steps: "start approval=on-request sandbox=read-only -> t0\nbegin t0\n\
                turn-settings t0 reviewer=auto_review\nfinish t0 complete <- probe escalate",
        breaks: &["E8 RV"],
    },
];

/// The program, with the answers that each of its probes gets.
fn program(steps: &str) -> Program {
    let line = |line: &str| match line.split_once(" -> ") {
        Some((head, new)) if line.contains("<- probe") => format!("{head} {ASKED} -> {new}\n"),
        _ if line.contains("<- probe") => format!("{line} {ASKED}\n"),
        _ => format!("{line}\n"),
    };
    let steps: String = steps.lines().map(line).collect();
    let text = format!("# heirloom case v2\n{CONFIG}{steps}audit\n");
    text.parse().expect("the program is one")
}

fn broken(program: &Program, enforcement: Enforcement) -> BTreeSet<String> {
    let verdict = judge(&simulated::run_enforcing(program, enforcement));
    let signatures = verdict.findings.iter().map(Finding::signature);
    let line = |dimension: Option<_>| dimension.map_or(String::new(), |one| format!(" {one}"));
    signatures.map(|one| format!("{}{}", one.clause, line(one.dimension))).collect()
}

#[test]
fn each_fault_of_enforcement_is_found_under_its_clause() {
    for Faulty { does, steps, breaks } in FAULTS {
        let breaks: BTreeSet<String> = breaks.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(broken(&program(steps), *does), breaks, "{does:?} in\n{steps}");
    }
    eprintln!("{} faults were found", FAULTS.len());
}

#[test]
fn a_server_that_enforces_what_it_states_has_no_finding() {
    for Faulty { steps, .. } in FAULTS {
        assert_eq!(broken(&program(steps), Enforcement::Correct), BTreeSet::new(), "{steps}");
    }
    eprintln!("{} programs conform", FAULTS.len());
}
