//! What the files of a run or of a matrix say, read again.
//!
//! For the commands that go on from what was run: the folder of a campaign has `summary.json`, that
//! of a matrix `matrix.json`. Only keys that this heirloom writes are read, and what lacks them is
//! refused with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use super::matrix::files::DOCUMENT;
use super::matrix::json::Document;
use super::words;
use crate::campaign::Status;
use crate::campaign::confirm::id;
use crate::contract::Clause;
use crate::judge::signature::Signature;
use crate::known::update::{Evidence, Sighting};
use crate::known::upgraded_homes::Moved;

/// The name of a campaign's summary.
const SUMMARY: &str = "summary.json";

/// What was read, and from where.
#[derive(Clone, Debug)]
pub struct Read {
    /// The folder; the paths of cases are below it.
    pub folder: PathBuf,
    /// What it says.
    pub record: Record,
}

/// What a folder holds.
#[derive(Clone, Debug)]
pub enum Record {
    /// A campaign's summary.
    Run(Run),
    /// A matrix.
    Matrix(Box<Document>),
}

/// The part of a campaign's summary that others go on from.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    server: Server,
    clauses: Vec<Fired>,
    findings: Vec<Found>,
    stale: Vec<Stale>,
}

#[derive(Clone, Debug, Deserialize)]
struct Server {
    version: Option<Version>,
}

#[derive(Clone, Debug, Deserialize)]
struct Fired {
    id: Clause,
    fired: u64,
    broken: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Found {
    signature: Signature,
    status: Status,
    expected: String,
    seen: String,
    seen_form: Option<String>,
    #[serde(default)]
    widened: bool,
    #[serde(default)]
    release: Option<Version>,
    #[serde(default)]
    before: BTreeSet<Version>,
    case: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Stale {
    signature: Signature,
    #[serde(default)]
    moved: bool,
}

impl Read {
    /// Reads the folder of a run or of a matrix, or the file in it.
    ///
    /// # Errors
    /// Why it is neither, in words.
    pub fn from(path: &Path) -> Result<Read, String> {
        let file = match path.is_dir() {
            true if path.join(DOCUMENT).exists() => path.join(DOCUMENT),
            true => path.join(SUMMARY),
            false => path.to_owned(),
        };
        if path.is_dir() && !file.exists() {
            let (folder, neither) = (path.display(), "neither a run's nor a matrix's folder");
            return Err(format!("{folder} is {neither}: it has no {SUMMARY} and no {DOCUMENT}"));
        }
        let about = |problem: String| format!("cannot read {}: {problem}", file.display());
        let text = fs::read_to_string(&file).map_err(|error| about(error.to_string()))?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let is_matrix = file.file_name().is_some_and(|name| name == DOCUMENT);
        let record = match is_matrix {
            true => Document::read(&text).map(|document| Record::Matrix(Box::new(document))),
            false => run(&text).map(Record::Run),
        };
        Ok(Read { folder, record: record.map_err(about)? })
    }

    /// What it says about known deviations.
    pub fn evidence(&self) -> Evidence {
        match &self.record {
            Record::Run(run) => of_run(run),
            Record::Matrix(document) => of_matrix(document),
        }
    }

    /// Where the case of a finding on a release lies.
    pub fn case(&self, signature: &Signature, release: &Version) -> Option<PathBuf> {
        let path = match &self.record {
            Record::Run(run) => {
                let here = |found: &&Found| run.ran(found).is_none_or(|ran| ran == release);
                let mut shown = run.findings.iter().filter(here);
                shown.find(|found| found.signature == *signature)?.case.clone()
            }
            Record::Matrix(document) => {
                let label = label(document, release)?;
                let mut shown = document.findings.iter();
                shown.find(|one| one.signature == *signature && one.release == label)?.case.clone()
            }
        };
        Some(self.folder.join(path))
    }
}

impl Run {
    /// The release that ran where a finding showed.
    fn ran<'a>(&'a self, found: &'a Found) -> Option<&'a Version> {
        found.release.as_ref().or(self.release())
    }

    /// How often a clause was compared, and how often it was broken.
    pub fn fired(&self, clause: Clause) -> (u64, u64) {
        let row = self.clauses.iter().find(|row| row.id == clause);
        row.map_or((0, 0), |row| (row.fired, row.broken))
    }

    /// The server's release.
    pub fn release(&self) -> Option<&Version> {
        self.server.version.as_ref()
    }

    /// A case for each dimension in which a clause is broken, below the folder of the run; what
    /// allows more than is due stands before the rest.
    pub fn cases(&self, clause: Clause) -> Vec<&str> {
        let breaks = self.findings.iter().filter(|found| found.signature.clause == clause);
        let mut breaks: Vec<&Found> = breaks.collect();
        breaks.sort_by_key(|found| !found.widened);
        let mut told = BTreeSet::new();
        breaks.retain(|found| told.insert(found.signature.dimension));
        breaks.into_iter().map(|found| found.case.as_str()).collect()
    }
}

fn run(text: &str) -> Result<Run, String> {
    serde_json::from_str(text).map_err(|error| match text.contains(super::summary::SCHEMA) {
        true => format!("it is a summary of a run that cannot be read: {error}"),
        false => format!("it is no summary of a run; name the folder that has its {SUMMARY}"),
    })
}

/// A row of the list that the campaign called stale was asked for, and not shown.
fn of_run(run: &Run) -> Evidence {
    let mut evidence = Evidence::default();
    let Some(release) = run.release() else {
        return evidence;
    };
    let stale = run.stale.iter().filter(|stale| !stale.moved);
    let stale: BTreeSet<Signature> = stale.map(|stale| stale.signature.clone()).collect();
    evidence.asked.insert(release.clone(), stale);
    for found in run.findings.iter().filter(|found| found.status != Status::Flaky) {
        let ran = run.ran(found).unwrap_or(release).clone();
        let shown = Sighting {
            release: ran.clone(),
            signature: found.signature.clone(),
            form: found.seen_form.clone(),
            widened: found.widened,
            reason: words::deviation(&found.signature, &found.expected, &found.seen),
            case: id(&found.signature),
        };
        match found.before.is_empty() {
            false => evidence.moved.push(Moved { shown, before: found.before.clone() }),
            true => {
                evidence.asked.entry(ran).or_default().insert(found.signature.clone());
                evidence.shown.push(shown);
            }
        }
    }
    evidence
}

fn of_matrix(document: &Document) -> Evidence {
    let mut evidence = Evidence::default();
    let confirmed = || document.findings.iter().filter(|shown| shown.status != Status::Flaky);
    let version = |label: &str| {
        let release = document.releases.iter().find(|release| release.release == label)?;
        release.version.clone()
    };
    for release in &document.releases {
        if let Some(version) = release.version.clone() {
            evidence.asked.entry(version).or_default().extend(release.asked.iter().cloned());
        }
    }
    evidence.shown = confirmed()
        .filter_map(|shown| {
            Some(Sighting {
                release: version(&shown.release)?,
                signature: shown.signature.clone(),
                form: shown.seen_form.clone(),
                widened: shown.widened,
                reason: words::deviation(&shown.signature, &shown.expected, &shown.seen),
                case: id(&shown.signature),
            })
        })
        .collect();
    evidence
}

fn label(document: &Document, release: &Version) -> Option<String> {
    let mut releases = document.releases.iter();
    let found = releases.find(|one| one.version.as_ref() == Some(release))?;
    Some(found.release.clone())
}
