//! One fault, one cause: the findings of a simulated server with a fault, grouped as a campaign
//! groups them.

use expect_test::expect;
use heirloom::cause::explain::{Explaining, Explanation};
use heirloom::cause::record::CauseRecord;
use heirloom::cause::scope::Scope;
use heirloom::cause::words::title;
use heirloom::judge::judge;
use heirloom::judge::origin::Origin;
use heirloom::judge::verdict::Finding;
use heirloom::model::life::Fact;
use heirloom::program::Program;
use heirloom::program::generate::{Draw, drawn};
use heirloom::shrink::Search;

use crate::simulated;
use crate::simulated::defect::{Defect, Loss, is};
use crate::simulated::fault::Fault;

/// Programs that are drawn for each fault.
const PROGRAMS: u64 = 60;

const SEED: u64 = 17;

/// The faults of policy; the others break a clause of the protocol alone.
const FAULTS: [Fault; 15] = [
    Fault::InheritsNothing,
    Fault::LosesSandboxes,
    Fault::LosesFields,
    Fault::DropsFailedTurns,
    Fault::LosesTheLastChange,
    Fault::LeaksToOthers,
    Fault::ForksIntoTheSource,
    Fault::IgnoresStarts,
    Fault::IgnoresTurns,
    Fault::IgnoresForks,
    Fault::IgnoresColdResumes,
    Fault::AppliesWarmResumes,
    Fault::FallsBackInTurns,
    Fault::FollowsConfig,
    Fault::ClearsByNull,
];

/// A simulated server, and the causes of its findings so far.
struct Grouping {
    fault: Fault,
    causes: Vec<Explanation>,
    findings: usize,
    /// For each cause the program and the finding that it was explained from.
    examples: Vec<(Program, Finding)>,
}

impl Grouping {
    fn run(&self, program: &Program) -> Vec<Finding> {
        judge(&simulated::run(program, Some(self.fault))).findings
    }

    fn shows(&self, program: &Program, finding: &Finding) -> Option<Finding> {
        let signature = finding.signature();
        self.run(program).into_iter().find(|other| other.signature() == signature)
    }

    fn add(&mut self, program: &Program, finding: &Finding) {
        self.findings += 1;
        if self.causes.iter().any(|cause| cause.scope.explains(finding)) || self.joins(finding) {
            return;
        }
        let mut search = Search::new(program, finding);
        while let Some(smaller) = search.propose() {
            search.tell(self.shows(&smaller, finding).is_some());
        }
        let best = search.best().clone();
        let smallest = self.shows(&best, finding).expect("the result of a search shows it");
        if self.joins(&smallest) {
            return;
        }
        let mut explaining = Explaining::new(&best, &smallest);
        while let Some(varied) = explaining.propose() {
            let mut findings = self.run(varied);
            findings.retain(|one| !self.causes.iter().any(|cause| cause.scope.explains(one)));
            explaining.tell(&findings);
        }
        self.causes.push(explaining.explanation());
        self.examples.push((best, smallest));
    }

    /// Whether a cause that is there shows the finding, too.
    fn joins(&mut self, finding: &Finding) -> bool {
        let shows = |cause: &Explanation| {
            let program = cause.trial(finding);
            let findings = program.map(|program| self.run(&program)).unwrap_or_default();
            findings.iter().any(|shown| Explanation::is_shown(finding, shown))
        };
        let joined = self.causes.iter().position(shows);
        if let Some(place) = joined {
            self.causes[place].take(finding);
        }
        joined.is_some()
    }
}

fn grouped(fault: Fault) -> Grouping {
    let mut grouping = Grouping { fault, causes: Vec::new(), findings: 0, examples: Vec::new() };
    let draw = || Draw { max_steps: 12, ..Draw::default() };
    for index in 0..PROGRAMS {
        let program = drawn(SEED, index, draw());
        for finding in grouping.run(&program) {
            grouping.add(&program, &finding);
        }
    }
    grouping
}

fn causes_of(fault: Fault) -> String {
    let Grouping { causes, findings, .. } = grouped(fault);
    let first = |cause: &Explanation| format!("  {}\n", title(&cause.scope, &cause.values[0]));
    let titles: String = causes.iter().map(first).collect();
    format!("{fault:?}: {findings} findings, {} causes\n{titles}", causes.len())
}

fn all_causes() -> String {
    FAULTS.into_iter().map(causes_of).collect()
}

#[test]
fn the_findings_of_one_fault_have_one_cause_or_a_few() {
    expect![[r#"
        InheritsNothing: 89 findings, 1 causes
          after `fork` or `resume`, the policy is config.toml's default instead of the thread's own
        LosesSandboxes: 27 findings, 1 causes
          after `resume`, the sandbox and profile are config.toml's default instead of the thread's own, if the thread is not loaded
        LosesFields: 13 findings, 2 causes
          after `resume`, the approval policy is another value instead of granular, if the thread is not loaded
          after `resume`, the approval policy is another thread's value instead of granular, if the thread is not loaded and `restart` loaded or unloaded it and the server runs with full features
        DropsFailedTurns: 2 findings, 1 causes
          after `fork` or `run`, the policy is the thread's earlier value instead of the thread's own, if its last turn failed or was interrupted and `run` or `source` set the value
        LosesTheLastChange: 6 findings, 1 causes
          after `fork` or `resume`, the policy is the thread's earlier value instead of the thread's own, if the thread is not loaded and `run` or `settings` or `source` set the value
        LeaksToOthers: 5 findings, 2 causes
          after `fork` or `resume` or `settings`, the approval policy is another thread's value instead of the thread's own, if the thread that it came from is changed
          after `fork` or `resume`, the approval policy is another thread's value instead of the thread's own
        ForksIntoTheSource: 14 findings, 7 causes
          after `fork` or `resume`, the policy is another thread's value instead of the thread's own, if `source` or `start` set the value
          after `resume`, the policy is another thread's value instead of the thread's own, if the thread is not loaded and `default` set the value
          after `goal`, the policy is another thread's value instead of the thread's own, if `default` set the value
          after `run`, the profile is another thread's value instead of profile, if `default` set the value
          after `resume`, the policy is another thread's value instead of the thread's own, if the thread is loaded and `run` set the value
          after `resume`, the policy is another thread's value instead of the thread's own, if the thread is not loaded and `source` set the value
          after `resume`, the policy is another thread's value instead of the thread's own, if `default` set the value
        IgnoresStarts: 40 findings, 1 causes
          after `start`, the policy is config.toml's default instead of the thread's own
        IgnoresTurns: 76 findings, 6 causes
          after `run`, expected: a notice of the change; seen: none
          after `run`, the policy is config.toml's default instead of the thread's own
          after `fork` or `resume`, the policy is config.toml's default instead of the thread's own, if `run` or `source` set the value
          after `settings`, the policy is config.toml's default instead of the thread's own, if `run` set the value
          after `resume`, the policy is the thread's earlier value instead of the thread's own
          after `queue`, the policy is the thread's earlier value instead of the thread's own, if `run` set the value
        IgnoresForks: 10 findings, 1 causes
          after `fork`, the policy is the fork source's value instead of the thread's own
        IgnoresColdResumes: 0 findings, 0 causes
        AppliesWarmResumes: 11 findings, 6 causes
          after `resume`, the policy is the thread's earlier value instead of the thread's own
          after `resume`, the approval policy is another value instead of never
          after `resume`, the policy is config.toml's default instead of the thread's own
          after `resume`, the sandbox is another value instead of danger-full-access
          after `resume`, the folder is another value instead of the thread's own
          after `resume`, the policy is another value instead of the thread's own
        FallsBackInTurns: 26 findings, 6 causes
          after `run`, the approval policy is config.toml's default instead of the thread's own
          after `run`, the approval policy is config.toml's default instead of the thread's own
          after `fork` or `resume`, the approval policy is config.toml's default instead of the thread's own, if `request-config` or `settings` or `source` or `start` set the value
          after `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is loaded and `run` or `settings` set the value
          after `settings`, the approval policy is config.toml's default instead of the thread's own, if `request-config` or `settings` or `start` set the value
          after `resume`, the approval policy is config.toml's default instead of the thread's own
        FollowsConfig: 16 findings, 5 causes
          after `run`, the policy is config.toml's default instead of the thread's own
          after `fork` or `resume`, the policy is config.toml's default instead of the thread's own, if `request-config` or `settings` or `source` or `start` set the value
          after `resume`, the policy is config.toml's default instead of the thread's own, if the thread is not loaded
          after `settings`, the policy is config.toml's default instead of the thread's own
          after `resume`, the policy is config.toml's default instead of the thread's own
        ClearsByNull: 3 findings, 3 causes
          after `fork` or `resume`, the approval policy is config.toml's default instead of the thread's own, if the thread is not loaded and it was archived before
          after `fork`, the approval policy is config.toml's default instead of the thread's own
          after `run`, the approval policy is config.toml's default instead of the thread's own
    "#]].assert_eq(&all_causes());
}

#[test]
fn a_cause_is_tried_by_its_record_as_by_its_explanation() {
    let Grouping { causes, examples, .. } = grouped(Fault::IgnoresTurns);
    let mut trials = 0;
    for (cause, (program, finding)) in causes.iter().zip(&examples) {
        let record = CauseRecord::new(cause, finding);
        let read_back = Explanation::elsewhere(&record.scope, program, finding);
        for wanted in causes.iter().flat_map(|other| &other.values) {
            let trial = cause.trial(wanted);
            assert_eq!(read_back.trial(wanted), trial, "{} tries {wanted:?}", record.title);
            trials += u32::from(trial.is_some());
        }
    }
    assert!(trials >= 20, "only {trials} findings had a program to try");
}

#[test]
fn a_fault_of_servers_with_all_features_says_so() {
    let defect = Defect {
        loses: Loss::Policy,
        when: |facts, _| is(facts, Fact::Loaded, &["no"]) && is(facts, Fact::Features, &["full"]),
    };
    let run = |program: &Program| judge(&simulated::run_with(program, defect)).findings;
    let text = "# heirloom case v2\nconfig approval=on-request reviewer=user sandbox=read-only\n\
                start approval=never -> t0\nrun t0 \"hi\"\nrestart graceful\nresume t0\naudit\n";
    let program: Program = text.parse().expect("it is a case");
    let finding = run(&program).remove(0);
    let mut explaining = Explaining::new(&program, &finding);
    while let Some(varied) = explaining.propose() {
        let findings = run(varied);
        explaining.tell(&findings);
    }
    let Explanation { scope, values, .. } = explaining.explanation();
    expect!["after `fork` or `resume`, the policy is config.toml's default instead of the thread's own, if the thread is not loaded and `kill` or `restart` loaded or unloaded it and the server runs with full features"]
        .assert_eq(&title(&scope, &values[0]));
}

/// Whether the finding of a program joins a cause of the same scope, once its variations are run.
fn joins(defect: Defect, scope: &Scope, text: &str) -> bool {
    let run = |program: &Program| judge(&simulated::run_with(program, defect)).findings;
    let program: Program = text.parse().expect("it is a case");
    let finding = run(&program).remove(0);
    let mut explaining = Explaining::new(&program, &finding);
    while let Some(varied) = explaining.propose() {
        let findings = run(varied);
        if explaining.joins(std::iter::once(scope), &findings).is_some() {
            return true;
        }
        explaining.tell(&findings);
    }
    false
}

#[test]
fn a_finding_joins_a_cause_that_shows_in_a_variation_of_its_program() {
    let cold = Defect { loses: Loss::Policy, when: |facts, _| is(facts, Fact::Loaded, &["no"]) };
    let text = "# heirloom case v2\nconfig approval=on-request reviewer=user sandbox=read-only\n\
                start approval=never -> t0\nrun t0 \"hi\"\nrestart graceful\nresume t0\naudit\n";
    let program: Program = text.parse().expect("it is a case");
    let finding = judge(&simulated::run_with(&program, cold)).findings.remove(0);
    let explaining = Explaining::new(&program, &finding);
    let scope = explaining.explanation().scope;
    let other_value = text.replace("never", "untrusted");
    assert!(joins(cold, &scope, &other_value), "the same cause");
    let other = Scope { wrong: [Origin::Before].into(), ..scope };
    assert!(!joins(cold, &other, &other_value), "a cause of other values");
}
