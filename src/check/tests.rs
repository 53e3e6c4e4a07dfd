//! The message of a failure, from a stored trace.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::Check;
use crate::campaign::{FindingReport, Outcome, Subject};
use crate::judge::judge;
use crate::judge::record::Status;
use crate::policy::features::FeatureMix;
use crate::program::Program;
use crate::trace::Trace;

const TRACE: &str = include_str!("../../tests/traces/r4-ap-resume-never-config.trace");

/// A campaign with one new finding.
fn outcome() -> Outcome {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let mut report = FindingReport::new(judge(&trace).findings.remove(0), trace);
    report.record.status = Status::New;
    report.record.token = "r1-s7-c3-o12".to_owned();
    Outcome {
        subject: Subject {
            spec: "0.144.4".to_owned(),
            version: None,
            digest: "sha256:00ff".to_owned(),
            others: Vec::new(),
            client: None,
        },
        seed: 7,
        cases: 40,
        steps: 320,
        wall: Duration::from_secs(10),
        findings: vec![report],
        ..Outcome::default()
    }
}

/// The lines that say how it is run again.
fn check(message: &str, expected: Expect) {
    let labels = ["  found", "  replay", "  files", "does not conform"];
    let lines = message.lines().filter(|line| labels.iter().any(|label| line.starts_with(label)));
    expected.assert_eq(&lines.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_failure_says_how_to_run_its_finding_again() {
    let message = Check::new().server("0.144.4").failure(&outcome());
    assert!(message.contains("start   approval=never"), "it has the program");
    check(
        &message,
        expect![[r#"
              found         0.0 s after the start, by the case of token r1-s7-c3-o12
              replay        heirloom replay r1-s7-c3-o12 --server 0.144.4
              files         `.out("target/heirloom")` keeps the program above as a case
            does not conform: 1 new finding, printed above with the programs that show it
        "#]],
    );
}

#[test]
fn a_failure_names_the_case_that_it_keeps_and_the_state_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let out = folder.path().join("cases");
    let lean = Check::new().server("target/server").features(FeatureMix::Lean);
    let message = lean.clone().out(&out).failure(&outcome());
    let case = out.join("r4-ap-resume-never-config.case");
    let text = std::fs::read_to_string(&case).expect("the case is kept");
    assert!(text.parse::<Program>().is_ok() && case.with_extension("trace").exists());
    // A file stands where the folder should be.
    let refused = lean.out(&case).failure(&outcome());
    let both = format!("{message}\n{refused}").replace(&folder.path().display().to_string(), "OUT");
    check(
        &both,
        expect![[r#"
              found         0.0 s after the start, by the case of token r1-s7-c3-o12
              replay        heirloom replay OUT/cases/r4-ap-resume-never-config.case --server target/server --features lean
              files         OUT/cases/r4-ap-resume-never-config.case (.trace beside it)
            does not conform: 1 new finding, printed above with the programs that show it
              found         0.0 s after the start, by the case of token r1-s7-c3-o12
              replay        heirloom replay r1-s7-c3-o12 --server target/server --features lean
              files         cannot write OUT/cases/r4-ap-resume-never-config.case/r4-ap-resume-never-config.case: File exists (os error 17)
            does not conform: 1 new finding, printed above with the programs that show it
        "#]],
    );
}
