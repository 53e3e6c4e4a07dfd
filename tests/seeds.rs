//! The six upstream approval tests, each so that it can fail.
//!
//! Upstream's pass on a server that inherits nothing: their config has the value that is to be
//! inherited, and they read while the thread is in memory. Here config differs, and every read is
//! made again after a restart. Each is shown to fail on such a server, and runs on the real one.

mod casebook;
mod real;
mod simulated;

use std::process::ExitCode;

use casebook::{CaseFile, case_files};
use expect_test::{Expect, expect};
use heirloom::judge::judge;
use heirloom::policy::{Approval, Dimension};
use heirloom::program::Program;
use libtest_mimic::{Failed, Trial};
use real::Suite;
use simulated::fault::{FAULTS, Fault};

fn main() -> ExitCode {
    let seeds = case_files("seed-");
    let mut alone = vec![
        Trial::test("seeds::there is one for each upstream test", || check(titles, each())),
        Trial::test("seeds::each tells these servers from one that is well", || {
            check(told_apart, faults())
        }),
        Trial::test("seeds::with the config of upstream a seed tells nothing", || {
            check(with_config_of_upstream, blind())
        }),
    ];
    for seed in seeds.clone() {
        let name = format!("seeds::{} fails on a server that inherits nothing", seed.name);
        alone.push(Trial::test(name, move || fails(&seed).map_err(Failed::from)));
    }
    let mut suite = Suite::new("seeds", alone, Vec::new());
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

/// On a server whose inheritance lives in memory the seed finds a wrong approval policy.
fn fails(seed: &CaseFile) -> Result<(), String> {
    let verdict = judge(&simulated::run(&seed.program()?, Some(Fault::InheritsNothing)));
    match verdict.findings.iter().any(|finding| finding.dimension == Some(Dimension::AP)) {
        true => Ok(()),
        false => Err(format!("it passes there: {:?}", verdict.findings)),
    }
}

/// The upstream test that the file names.
fn titles(seed: &CaseFile) -> Result<String, String> {
    let named = seed.text.split_whitespace().find(|word| word.starts_with("test_"));
    let test = named.ok_or_else(|| format!("{} names no upstream test", seed.name))?;
    Ok(format!("{}\n  {}\n", seed.name, test.trim_end_matches('.')))
}

/// The faults of policy that the seed finds; those of the protocol after them are found by any
/// plan.
fn told_apart(seed: &CaseFile) -> Result<String, String> {
    let program = seed.program()?;
    let policy = FAULTS.iter().take_while(|fault| **fault != Fault::SendsNoNotice);
    let finds = |fault: &&Fault| !findings(&program, Some(**fault)).is_empty();
    let found: Vec<String> = policy.filter(finds).map(|fault| format!("{fault:?}")).collect();
    Ok(format!("{}\n  {}\n", seed.name, found.join("\n  ")))
}

/// What is found where config has the value that is to be inherited.
fn with_config_of_upstream(seed: &CaseFile) -> Result<String, String> {
    let mut program = seed.program()?;
    program.defaults.approval = Approval::Never;
    let found = findings(&program, Some(Fault::InheritsNothing));
    let name = &seed.name;
    Ok(if found.is_empty() { format!("{name}\n") } else { String::new() })
}

fn findings(program: &Program, fault: Option<Fault>) -> Vec<String> {
    let verdict = judge(&simulated::run(program, fault));
    verdict.findings.iter().map(|finding| finding.signature().to_string()).collect()
}

fn each() -> Expect {
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

/// The seeds that upstream's config makes blind; the others have two values in play.
fn blind() -> Expect {
    expect![[r#"
        seed-1-resume-inherits-deny-all
        seed-2-fork-inherits-deny-all
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
