//! The cases of every release of heirloom, read and replayed by this one.
//!
//! `tests/corpus/vX.Y/` holds the case files as that release had them; they are never changed. A
//! case stays what it was: its text is read, printed in the present form and read again as the same
//! program. On the real server it shows what the list of known deviations excuses, and nothing
//! else.

mod real;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use heirloom::program::Program;
use libtest_mimic::{Failed, Trial};
use real::Suite;

/// The folder of the corpus.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

fn main() -> ExitCode {
    let cases = cases();
    let mut alone = vec![Trial::test("corpus::every release has left its cases", {
        let cases = cases.clone();
        move || every_release(&cases).map_err(Failed::from)
    })];
    for (name, path) in cases.clone() {
        let title = format!("corpus::{name} stays the program that it was");
        alone.push(Trial::test(title, move || stays(&path).map_err(Failed::from)));
    }
    let mut suite = Suite::new("corpus", alone, Vec::new());
    for (name, path) in cases {
        suite.live(&name, move |real| real.check(&program(&path)?));
    }
    suite.conclude()
}

/// Every case by its release and name, and where it is.
fn cases() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for release in inside(Path::new(CORPUS)) {
        for path in inside(&release) {
            let name = path.strip_prefix(CORPUS).expect("it is below the corpus");
            found.push((name.with_extension("").display().to_string(), path));
        }
    }
    found
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    paths
}

/// A corpus that lost its files would test nothing.
fn every_release(cases: &[(String, PathBuf)]) -> Result<(), String> {
    let released = ["v0.1"];
    let missing: Vec<&str> = released
        .into_iter()
        .filter(|release| !cases.iter().any(|(name, _)| name.starts_with(&format!("{release}/"))))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("tests/corpus has no cases of {}", missing.join(", "))),
    }
}

fn program(path: &Path) -> Result<Program, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path:?}: {error}"))?;
    text.parse().map_err(|error| format!("{path:?}: {error}"))
}

/// The program that a case's text is, and the one that its newest form is, are the same.
fn stays(path: &Path) -> Result<(), String> {
    let old = program(path)?;
    let newest = old.to_string();
    let again: Program = newest.parse().map_err(|error| format!("{path:?}: {error}\n{newest}"))?;
    match again == old {
        true => Ok(()),
        false => Err(format!("{path:?} is another program in its newest form:\n{newest}")),
    }
}
