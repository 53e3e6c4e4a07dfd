//! Every case file, read and replayed.
//!
//! A file is what its program prints, below a comment, so that two files differ only in substance.
//! On the real server a case passes, except for what the list of known deviations excuses there.

mod casebook;
#[expect(dead_code, reason = "no program of these runs by the SDK")]
mod real;

use std::collections::BTreeSet;
use std::process::ExitCode;

use casebook::{CaseFile, case_files};
use libtest_mimic::{Failed, Trial};
use real::Suite;
use semver::Version;

use heirloom::cause::Known;
use heirloom::program::Program;

fn main() -> ExitCode {
    let files = case_files("");
    let mut offline = vec![Trial::test("cases::each case of known/ belongs to a row", {
        let files = files.clone();
        move || belongs_to_a_row(&files).map_err(Failed::from)
    })];
    for file in files.clone() {
        let name = format!("cases::{} is what its program prints", file.name);
        offline.push(Trial::test(name, move || is_printed(&file).map_err(Failed::from)));
    }
    let programs: Vec<Program> = files.iter().filter_map(|file| file.program().ok()).collect();
    let releases: BTreeSet<Version> = programs.iter().flat_map(Program::releases).collect();
    let mut suite = Suite::new("cases", offline, releases.into_iter().collect());
    for file in files {
        suite.live(&file.name.clone(), move |real| real.check(&file.program()?));
    }
    suite.conclude()
}

/// A case that no row of `ci/known.toml` refers to is not one of a known deviation.
fn belongs_to_a_row(files: &[CaseFile]) -> Result<(), String> {
    let known = Known::embedded();
    let rows: BTreeSet<&str> = known.rows.iter().map(|row| row.case.as_str()).collect();
    let path = |file: &CaseFile| format!("../tests/cases/{}.case", file.name);
    let strays: Vec<&str> = files
        .iter()
        .filter(|file| file.name.starts_with("known/") && !rows.contains(path(file).as_str()))
        .map(|file| file.name.as_str())
        .collect();
    if strays.is_empty() {
        return Ok(());
    }
    Err(format!("no row of ci/known.toml has the case {}", strays.join(", ")))
}

/// The file is what its program prints, below a comment that says what the contract demands.
fn is_printed(file: &CaseFile) -> Result<(), String> {
    let path = format!("tests/cases/{}.case", file.name);
    let printed = file.program()?.to_string();
    let mut lines = file.text.lines();
    let version = lines.next().into_iter();
    let (comments, steps): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('#'));
    if comments.is_empty() {
        return Err(format!("{path} has no comment; say what the contract demands"));
    }
    let uncommented: String = version.chain(steps).map(|line| format!("{line}\n")).collect();
    if uncommented == printed {
        return Ok(());
    }
    Err(format!("{path} should read, below its comments:\n{printed}"))
}
