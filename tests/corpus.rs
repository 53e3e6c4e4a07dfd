//! The case files of every release of heirloom, read and replayed by this one.
//!
//! `tests/corpus/vX.Y/` holds the case files as that release had them; they are never changed. Each
//! is read, printed in the present form and read again as the same program. On the real server it
//! shows only what the list of known deviations excuses.

#[expect(dead_code, reason = "no program of these runs by the SDK")]
mod real;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Failed, Trial};
use real::Suite;

use heirloom::program::Program;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

/// The releases of heirloom that have left their cases, and the words of the first form.
const RELEASES: &[&str] = &["v0.1", "form-1"];

fn main() -> ExitCode {
    let mut suite = Suite::new("corpus", offline(), Vec::new());
    for path in RELEASES.iter().flat_map(|release| cases(release)) {
        suite.live(&name(&path), move |real| real.check(&program(&path)?));
    }
    suite.conclude()
}

fn offline() -> Vec<Trial> {
    let mut trials = Vec::new();
    for release in RELEASES {
        let paths = cases(release);
        for path in paths.clone() {
            let title = format!("corpus::{} stays the program that it was", name(&path));
            trials.push(Trial::test(title, move || stays(&path).map_err(Failed::from)));
        }
        trials.push(Trial::test(format!("corpus::{release} has left its cases"), move || {
            if paths.is_empty() { Err(Failed::from("the folder is empty")) } else { Ok(()) }
        }));
    }
    trials
}

/// The case files of a release, in the order of their names.
fn cases(release: &str) -> Vec<PathBuf> {
    let folder = Path::new(CORPUS).join(release);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.sort();
    paths
}

/// The path below the corpus, without the extension.
fn name(path: &Path) -> String {
    let below = path.strip_prefix(CORPUS).expect("the case is in the corpus");
    below.with_extension("").display().to_string()
}

fn program(path: &Path) -> Result<Program, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path:?}: {error}"))?;
    text.parse().map_err(|error| format!("{path:?}: {error}"))
}

/// The program of the file is the program of its newest form.
fn stays(path: &Path) -> Result<(), String> {
    let read = program(path)?;
    let newest = read.to_string();
    let again: Program = newest.parse().map_err(|error| format!("{path:?}: {error}\n{newest}"))?;
    if again == read {
        return Ok(());
    }
    Err(format!("{path:?} is another program in its newest form:\n{newest}"))
}
