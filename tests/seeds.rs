//! The six upstream approval tests, in a form that can fail.
//!
//! Upstream's pass on a server that inherits nothing: their config has the value that should be
//! inherited, and they read while the thread is in memory. Here config differs, and every read is
//! repeated after a restart. Each is shown to fail on such a server, and runs on the real one.

mod casebook;
#[expect(dead_code, reason = "no program of these runs by the SDK")]
mod real;
#[expect(dead_code, reason = "the seeds try faults alone, and no other defects")]
mod simulated;

use std::process::ExitCode;

use casebook::{CaseFile, case_files};
use expect_test::{Expect, expect};
use libtest_mimic::{Failed, Trial};
use real::Suite;
use simulated::fault::{FAULTS, Fault};

use heirloom::judge::judge;
use heirloom::policy::{Approval, Dimension};
use heirloom::program::Program;

fn main() -> ExitCode {
    let seeds = case_files("seed-");
    let mut offline = vec![
        Trial::test("seeds::each upstream test has a seed", || {
            check(upstream_test, upstream_tests())
        }),
        Trial::test("seeds::each seed finds these faults", || check(faults_found, faults())),
        Trial::test("seeds::with the config of upstream two seeds find nothing", || {
            check(findings_with_upstreams_config, findings_by_seed())
        }),
    ];
    for seed in seeds.clone() {
        let name = format!("seeds::{} fails on a server that inherits nothing", seed.name);
        offline.push(Trial::test(name, move || fails(&seed).map_err(Failed::from)));
    }
    let mut suite = Suite::new("seeds", offline, Vec::new());
    for seed in seeds {
        suite.live(&seed.name.clone(), move |real| real.check(&seed.program()?));
    }
    suite.conclude()
}

/// Compares a line about each seed.
fn check(line: fn(&CaseFile) -> Result<String, String>, expected: Expect) -> Result<(), Failed> {
    let lines: Result<String, String> = case_files("seed-").iter().map(line).collect();
    expected.assert_eq(&lines?);
    Ok(())
}

/// On a server whose inheritance is only in memory the seed finds a wrong approval policy.
fn fails(seed: &CaseFile) -> Result<(), String> {
    let verdict = judge(&simulated::run(&seed.program()?, Some(Fault::InheritsNothing)));
    if verdict.findings.iter().any(|finding| finding.dimension == Some(Dimension::AP)) {
        return Ok(());
    }
    Err(format!("it passes there: {:?}", verdict.findings))
}

/// The upstream test that the file names.
fn upstream_test(seed: &CaseFile) -> Result<String, String> {
    let named = seed.text.split_whitespace().find(|word| word.starts_with("test_"));
    let test = named.ok_or_else(|| format!("{} names no upstream test", seed.name))?;
    Ok(format!("{}\n  {}\n", seed.name, test.trim_end_matches('.')))
}

/// The faults of policy that the seed finds; any program finds those of the protocol.
fn faults_found(seed: &CaseFile) -> Result<String, String> {
    let program = seed.program()?;
    let policy = FAULTS.iter().take_while(|fault| **fault != Fault::SendsNoNotice);
    let finds = |fault: &&Fault| !findings(&program, Some(**fault)).is_empty();
    let found: Vec<String> = policy.filter(finds).map(|fault| format!("{fault:?}")).collect();
    Ok(format!("{}\n  {}\n", seed.name, found.join("\n  ")))
}

/// The number of findings where config has the value that should be inherited.
fn findings_with_upstreams_config(seed: &CaseFile) -> Result<String, String> {
    let mut program = seed.program()?;
    program.defaults.user.approval = Some(Approval::Never);
    let found = findings(&program, Some(Fault::InheritsNothing));
    Ok(format!("{} finds {}\n", seed.name, found.len()))
}

fn findings(program: &Program, fault: Option<Fault>) -> Vec<String> {
    let verdict = judge(&simulated::run(program, fault));
    verdict.findings.iter().map(|finding| finding.signature().to_string()).collect()
}

fn upstream_tests() -> Expect {
    expect![[r#"
        seed-1-resume-inherits-deny-all
          test_thread_resume_inherits_deny_all_approval_mode
        seed-2-fork-inherits-deny-all
          test_thread_fork_inherits_deny_all_approval_mode
        seed-3-fork-overrides-approval-mode
          test_thread_fork_can_override_approval_mode
        seed-4-turn-override-persists
          test_turn_approval_mode_persists_until_next_turn
        seed-5-run-keeps-mode-until-override
          test_thread_run_approval_mode_persists_until_explicit_override
        seed-6-async-run-keeps-mode-until-override
          test_async_thread_run_approval_mode_persists_until_explicit_override
    "#]]
}

/// Seeds 1 and 2 find nothing with upstream's config; the others have two values.
fn findings_by_seed() -> Expect {
    expect![[r#"
        seed-1-resume-inherits-deny-all finds 0
        seed-2-fork-inherits-deny-all finds 0
        seed-3-fork-overrides-approval-mode finds 2
        seed-4-turn-override-persists finds 1
        seed-5-run-keeps-mode-until-override finds 2
        seed-6-async-run-keeps-mode-until-override finds 4
    "#]]
}

fn faults() -> Expect {
    expect![[r#"
        seed-1-resume-inherits-deny-all
          InheritsNothing
          IgnoresStarts
          FallsBackInTurns
          RefusesColdResumes
        seed-2-fork-inherits-deny-all
          InheritsNothing
          IgnoresStarts
          FallsBackInTurns
          RefusesColdResumes
        seed-3-fork-overrides-approval-mode
          InheritsNothing
          ForksIntoTheSource
          IgnoresStarts
          IgnoresForks
          FallsBackInTurns
          RefusesColdResumes
        seed-4-turn-override-persists
          InheritsNothing
          IgnoresStarts
          IgnoresTurns
          FallsBackInTurns
          RefusesColdResumes
        seed-5-run-keeps-mode-until-override
          InheritsNothing
          IgnoresStarts
          IgnoresTurns
          FallsBackInTurns
          RefusesColdResumes
        seed-6-async-run-keeps-mode-until-override
          InheritsNothing
          LeaksToOthers
          IgnoresStarts
          IgnoresTurns
          FallsBackInTurns
          RefusesColdResumes
    "#]]
}
