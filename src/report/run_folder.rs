//! The folder of a run: what happened, as it happens, and what came of it.
//!
//! `events.jsonl` grows by a line an event, and each finding's files are there when it is told, so
//! that a run that is killed keeps what it knew. `summary.json` appears whole, at the end. What is
//! there already is never written over.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::finding::{FindingText, ReplayCommands};
use super::summary::Summary;
use crate::campaign::{Event, FindingReport, Outcome};

/// Folders that are tried when several runs begin in the same second with the same seed.
const SAME_NAMES_MAX: u32 = 100;

/// The link that leads to the last run.
const LATEST: &str = "latest";

/// The folder of one run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    events: Option<File>,
    /// The folder whose `latest` is to lead here once something happened, and this one's name.
    latest: Option<(PathBuf, String)>,
}

/// A folder that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NoFolder {
    /// Something is in it.
    #[error(
        "cannot write results to {}: the folder is not empty; name another with --out",
        .0.display()
    )]
    Taken(PathBuf),
    /// The system refuses it.
    #[error(
        "cannot make the folder {} for results: {source}; name another with --out",
        path.display()
    )]
    Refused {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Folder {
    /// A folder that is new, or empty.
    ///
    /// # Errors
    /// When something is in it, or it cannot be made.
    pub fn at(path: &Path) -> Result<Folder, NoFolder> {
        let refused = |source| NoFolder::Refused { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(refused)?;
        let mut inside = path.read_dir().map_err(refused)?;
        match inside.next() {
            None => Ok(Folder { path: path.to_owned(), events: None, latest: None }),
            Some(_) => Err(NoFolder::Taken(path.to_owned())),
        }
    }

    /// A new folder of this name, or of this name and a number, below `runs`; `runs/latest` leads
    /// to it from its first event on, unless something that is no link stands there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn within(runs: &Path, name: &str) -> Result<Folder, NoFolder> {
        let refused = |source| NoFolder::Refused { path: runs.join(name), source };
        fs::create_dir_all(runs).map_err(refused)?;
        let names = std::iter::once(name.to_owned())
            .chain((2..SAME_NAMES_MAX).map(|number| format!("{name}-{number}")));
        for name in names {
            let path = runs.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let latest = Some((runs.to_owned(), name));
                    return Ok(Folder { path, events: None, latest });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Err(NoFolder::Taken(runs.join(name)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder back, if nothing was written to it.
    pub fn discard(self) {
        drop(fs::remove_dir(&self.path));
    }

    /// Appends the event's line, and writes the files of a finding that is told.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn hear(&mut self, event: &Event, line: &str, ways: &ReplayCommands) -> io::Result<()> {
        let path = self.path.join("events.jsonl");
        let mut events = match self.events.take() {
            Some(file) => file,
            None => File::create_new(&path).map_err(about(&path))?,
        };
        events.write_all(format!("{line}\n").as_bytes()).map_err(about(&path))?;
        self.events = Some(events);
        if let Some((runs, name)) = self.latest.take() {
            point(&runs, &name).map_err(about(&runs.join(LATEST)))?;
        }
        match event {
            Event::FindingReport(told) => self.keep(told, ways),
            _ => Ok(()),
        }
    }

    /// Writes the summary, and the findings once more: a signature may have been told twice, and
    /// what the outcome holds of it is what stays.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn close(&self, outcome: &Outcome, ways: &ReplayCommands) -> io::Result<()> {
        outcome.findings.iter().try_for_each(|told| self.keep(told, ways))?;
        let summary = Summary::new(outcome);
        let text = serde_json::to_string_pretty(&summary).expect("a summary is plain values");
        let half = self.path.join(".summary.json");
        let whole = self.path.join("summary.json");
        fs::write(&half, format!("{text}\n")).map_err(about(&half))?;
        fs::rename(&half, &whole).map_err(about(&whole))
    }

    fn keep(&self, told: &FindingReport, ways: &ReplayCommands) -> io::Result<()> {
        let findings = self.path.join("findings");
        fs::create_dir_all(&findings).map_err(about(&findings))?;
        let write = |ending: &str, text: &str| {
            let path = findings.join(format!("{}.{ending}", told.id));
            fs::write(&path, text).map_err(about(&path))
        };
        write("case", &FindingText::for_file(told, ways).case())?;
        write("trace", &told.trace.to_string())?;
        write("stderr", &told.stderr)?;
        if let Some((program, trace)) = told.deed.as_ref().and_then(|deed| deed.run.as_ref()) {
            write("deed.case", &program.to_string())?;
            write("deed.trace", &trace.to_string())?;
        }
        match &told.unlike {
            Some(unlike) => write("unlike.trace", &unlike.to_string()),
            None => Ok(()),
        }
    }
}

/// Makes `latest` lead to a folder beside it.
fn point(runs: &Path, name: &str) -> io::Result<()> {
    let latest = runs.join(LATEST);
    if latest.symlink_metadata().is_ok_and(|about| !about.is_symlink()) {
        return Ok(());
    }
    let next = runs.join(format!(".latest-{name}"));
    std::os::unix::fs::symlink(name, &next)?;
    fs::rename(&next, &latest)
}

/// The error, and what it is about.
fn about(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let path = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use expect_test::{Expect, expect};

    use super::{Folder, LATEST};
    use crate::campaign::Event;
    use crate::report::finding::ReplayCommands;

    /// What is in a folder, and where its link to the last run leads.
    fn check(runs: &Path, expected: Expect) {
        let entries = runs.read_dir().expect("it is there").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        let leads = std::fs::read_link(runs.join(LATEST)).ok();
        expected.assert_eq(&format!("{names:?} {leads:?}"));
    }

    fn hear(folder: &mut Folder) {
        let event = Event::NoSchema { reason: "it prints none".to_owned() };
        let ways = ReplayCommands { folder: PathBuf::new(), flags: String::new() };
        folder.hear(&event, "{}", &ways).expect("there is room");
    }

    #[test]
    fn the_last_run_is_the_last_one_that_began() {
        let place = tempfile::tempdir().expect("a folder can be made");
        let mut first = Folder::within(place.path(), "a").expect("it is new");
        check(place.path(), expect![[r#"["a"] None"#]]);
        hear(&mut first);
        check(place.path(), expect![[r#"["a", "latest"] Some("a")"#]]);
        Folder::within(place.path(), "b").expect("it is new").discard();
        check(place.path(), expect![[r#"["a", "latest"] Some("a")"#]]);
        hear(&mut Folder::within(place.path(), "c").expect("it is new"));
        check(place.path(), expect![[r#"["a", "c", "latest"] Some("c")"#]]);
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let place = tempfile::tempdir().expect("a folder can be made");
        let first = Folder::within(place.path(), "x-7").expect("it is new");
        let second = Folder::within(place.path(), "x-7").expect("another name is free");
        assert_ne!(first.path(), second.path());
        let refused = Folder::at(place.path()).err().map(|error| error.to_string());
        let place = place.path().display().to_string();
        expect!["cannot write results to runs: the folder is not empty; name another with --out"]
            .assert_eq(&refused.unwrap_or_default().replace(&place, "runs"));
    }
}
