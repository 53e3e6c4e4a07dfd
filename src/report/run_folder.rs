//! The folder of a run: its events as they happen, its findings, and the summary.
//!
//! `events.jsonl` grows by a line an event, and the files of a finding are written when it is
//! reported, so that a run that is killed keeps its results so far. The results in their several
//! forms, `summary.json` last, are written at the end. Existing files are never overwritten.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::export;
use super::finding::{FindingText, ReplayCommands};
use super::results::Results;
use super::summary::{CommandRecord, Summary};
use super::{junit, markdown, page, sarif};
use crate::campaign::{Event, FindingReport};
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;

/// Folders that are tried when several runs begin in the same second with the same seed.
const SAME_NAMES_MAX: u32 = 100;

/// The ending of the file with what a script is made of.
pub const TRANSCRIPT: &str = "transcript.json";

/// The link to the last run.
const LATEST: &str = "latest";

/// The folder of one run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    events: Option<File>,
    /// The link to make at the first event.
    latest: Option<Latest>,
}

/// The link `latest` in a folder of runs.
#[derive(Debug)]
struct Latest {
    runs: PathBuf,
    /// The run that it leads to.
    name: String,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoFolder {
    #[error(
        "cannot write results to {}: the folder is not empty; name another with --out",
        .0.display()
    )]
    Taken(PathBuf),
    #[error(
        "cannot make the folder {} for results: {source}; name another with --out",
        path.display()
    )]
    Refused { path: PathBuf, source: io::Error },
}

impl Folder {
    /// A folder that is new, or empty.
    ///
    /// # Errors
    /// Something is in it, or it cannot be made.
    pub fn at(path: &Path) -> Result<Folder, NoFolder> {
        let refused = |source| NoFolder::Refused { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(refused)?;
        if path.read_dir().map_err(refused)?.next().is_some() {
            return Err(NoFolder::Taken(path.to_owned()));
        }
        Ok(Folder { path: path.to_owned(), events: None, latest: None })
    }

    /// A new folder of this name, or of this name and a number, below `runs`; `runs/latest` leads
    /// to it from its first event on, unless `latest` is not a link.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn within(runs: &Path, name: &str) -> Result<Folder, NoFolder> {
        let refused = |source| NoFolder::Refused { path: runs.join(name), source };
        fs::create_dir_all(runs).map_err(refused)?;
        let names = std::iter::once(name.to_owned())
            .chain((2..SAME_NAMES_MAX).map(|number| format!("{name}-{number}")));
        for name in names {
            let path = runs.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let latest = Latest { runs: runs.to_owned(), name };
                    return Ok(Folder { path, events: None, latest: Some(latest) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Err(NoFolder::Taken(runs.join(name)))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder, if nothing was written to it.
    pub fn discard(self) {
        drop(fs::remove_dir(&self.path));
    }

    /// Appends the event's line, and writes the files of a finding that is reported.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn hear(&mut self, event: &Event, line: &str, commands: &ReplayCommands) -> io::Result<()> {
        let path = self.path.join("events.jsonl");
        let mut events = match self.events.take() {
            Some(file) => file,
            None => File::create_new(&path).map_err(about(&path))?,
        };
        events.write_all(format!("{line}\n").as_bytes()).map_err(about(&path))?;
        self.events = Some(events);
        self.link_latest()?;
        match event {
            Event::FindingReport(report) => self.write_finding(report, None, commands),
            _ => Ok(()),
        }
    }

    fn link_latest(&mut self) -> io::Result<()> {
        let Some(latest) = self.latest.take() else { return Ok(()) };
        latest.link().map_err(about(&latest.runs.join(LATEST)))
    }

    /// Writes the results in every form, and the findings once more: of a signature that was
    /// reported twice, the one in the outcome stays.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn close(&mut self, results: &Results<'_>) -> io::Result<()> {
        let Results { outcome, commands, .. } = results;
        self.link_latest()?;
        for report in &outcome.findings {
            let id = report.cause.as_ref();
            let cause = outcome.causes.iter().find(|cause| Some(&cause.id) == id);
            self.write_finding(report, cause, commands)?;
        }
        self.write_whole("junit.xml", &junit::xml(results))?;
        self.write_whole("results.sarif", &sarif::text(results))?;
        self.write_whole("report.html", &page::file(*results))?;
        self.write_whole("summary.md", &markdown::text(results))?;
        let command = CommandRecord {
            again: results.again.to_owned(),
            server_flags: results.invocation.server_flags.clone(),
            known_list: results.invocation.known_list.clone(),
        };
        let mut summary = Summary::new(outcome);
        summary.command = command;
        let text = serde_json::to_string_pretty(&summary).expect("a summary is plain values");
        self.write_whole("summary.json", &format!("{text}\n"))
    }

    /// Writes a file so that it is there whole or not at all.
    fn write_whole(&self, name: &str, text: &str) -> io::Result<()> {
        let half = self.path.join(format!(".{name}"));
        let whole = self.path.join(name);
        fs::write(&half, text).map_err(about(&half))?;
        fs::rename(&half, &whole).map_err(about(&whole))
    }

    fn write_finding(
        &self,
        report: &FindingReport,
        cause: Option<&CauseRecord>,
        commands: &ReplayCommands,
    ) -> io::Result<()> {
        let findings = self.path.join("findings");
        fs::create_dir_all(&findings).map_err(about(&findings))?;
        let write = |ending: &str, text: &str| {
            let path = findings.join(format!("{}.{ending}", report.id));
            fs::write(&path, text).map_err(about(&path))
        };
        let is_new = report.status == Status::New;
        write("case", &FindingText::for_file(report, commands).case())?;
        write("trace", &report.trace.to_string())?;
        write("stderr", &report.stderr)?;
        if let Some(trace) = &report.probe_run {
            write("probe.case", &trace.program.to_string())?;
            write("probe.trace", &trace.to_string())?;
        }
        if let Some(transcript) = report.transcript.as_ref().filter(|_| is_new) {
            let text = serde_json::to_string(transcript).expect("a transcript is plain values");
            write(TRANSCRIPT, &text)?;
        }
        if let Some(unlike) = &report.unlike {
            write("unlike.trace", &unlike.to_string())?;
        }
        export::files(report, cause).into_iter().try_for_each(|file| {
            let path = findings.join(file.name);
            fs::write(&path, file.text).map_err(about(&path))
        })
    }
}

impl Latest {
    fn link(&self) -> io::Result<()> {
        let latest = self.runs.join(LATEST);
        if latest.symlink_metadata().is_ok_and(|about| !about.is_symlink()) {
            return Ok(());
        }
        let next = self.runs.join(format!(".latest-{}", self.name));
        std::os::unix::fs::symlink(&self.name, &next)?;
        fs::rename(&next, &latest)
    }
}

/// Adds the path to an error.
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

    /// The names in a folder, and the target of its link to the last run.
    fn check(runs: &Path, expected: Expect) {
        let entries = runs.read_dir().expect("it is there").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        let leads = std::fs::read_link(runs.join(LATEST)).ok();
        expected.assert_eq(&format!("{names:?} {leads:?}"));
    }

    fn hear(folder: &mut Folder) {
        let event = Event::NoSchema { reason: "it prints none".to_owned() };
        let commands = ReplayCommands { folder: PathBuf::new(), flags: String::new() };
        folder.hear(&event, "{}", &commands).expect("there is room");
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
