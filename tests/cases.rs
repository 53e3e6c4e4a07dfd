//! Every case file, read and replayed.
//!
//! A file stands in the form in which its plan is printed, so that a difference between two of them
//! is one of substance. On the real server it passes, but for what the list of known deviations
//! excuses there.

mod casebook;
mod real;

use std::collections::BTreeSet;
use std::process::ExitCode;

use casebook::{CaseFile, case_files};
use heirloom::program::Program;
use libtest_mimic::{Failed, Trial};
use real::Suite;
use semver::Version;

fn main() -> ExitCode {
    let files = case_files("");
    let mut alone = Vec::new();
    for file in files.clone() {
        let name = format!("cases::{} stands as it is printed", file.name);
        alone.push(Trial::test(name, move || printed(&file).map_err(Failed::from)));
    }
    let programs: Vec<Program> = files.iter().filter_map(|file| file.program().ok()).collect();
    let named: BTreeSet<Version> = programs.iter().flat_map(Program::releases).collect();
    let mut suite = Suite::new("cases", alone, named.into_iter().collect());
    for file in files {
        suite.live(&file.name.clone(), move |real| real.check(&file.program()?));
    }
    suite.conclude()
}

/// The file is what its plan prints, comments aside.
fn printed(file: &CaseFile) -> Result<(), String> {
    let due = file.program()?.to_string();
    let comment = |line: &&str| line.starts_with("# ") || *line == "#";
    let lines = file.text.lines();
    let stands: Vec<&str> =
        lines.clone().take(1).chain(lines.skip(1).filter(|l| !comment(l))).collect();
    match stands.join("\n") + "\n" == due {
        true => Ok(()),
        false => {
            Err(format!("tests/cases/{}.case should read, below its comments:\n{due}", file.name))
        }
    }
}
