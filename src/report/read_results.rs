//! Reads the results of a run or of a matrix again.
//!
//! The folder of a campaign has `summary.json`, that of a matrix `matrix.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use super::matrix::files::DOCUMENT;
use super::matrix::json::{Document, Release};
use super::summary::Summary;
use crate::cause::evidence::Evidence;
use crate::judge::record::FindingRecord;
use crate::judge::releases::HomeHistory;
use crate::judge::signature::Signature;

/// The name of a campaign's summary.
const SUMMARY: &str = "summary.json";

/// Folders between a case and its results at most: `cases/RELEASE` of a matrix, and the results'.
const CASE_DEPTH: usize = 3;

#[derive(Clone, Debug)]
pub struct Read {
    /// The paths of cases are below it.
    pub folder: PathBuf,
    pub record: Record,
}

#[derive(Clone, Debug)]
pub enum Record {
    Run(Box<Summary>),
    Matrix(Box<Document>),
}

impl Read {
    /// Reads the folder of a run or of a matrix, or the file in it.
    ///
    /// # Errors
    /// Why it is neither.
    pub fn from(path: &Path) -> Result<Read, String> {
        let file = if !path.is_dir() {
            path.to_owned()
        } else if path.join(DOCUMENT).exists() {
            path.join(DOCUMENT)
        } else {
            path.join(SUMMARY)
        };
        if path.is_dir() && !file.exists() {
            let (folder, neither) = (path.display(), "neither a run's nor a matrix's folder");
            return Err(format!("{folder} is {neither}: it has no {SUMMARY} and no {DOCUMENT}"));
        }
        let about = |problem: String| format!("cannot read {}: {problem}", file.display());
        let text = fs::read_to_string(&file).map_err(|error| about(error.to_string()))?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let record = if file.file_name().is_some_and(|name| name == DOCUMENT) {
            Document::read(&text).map(|document| Record::Matrix(Box::new(document)))
        } else {
            Summary::read(&text).map(|summary| Record::Run(Box::new(summary)))
        };
        Ok(Read { folder, record: record.map_err(&about)? })
    }

    /// What it says about known deviations. Columns of a matrix that were interrupted are left out.
    ///
    /// # Errors
    /// A run that was interrupted: it was not asked for everything.
    pub fn evidence(&self) -> Result<Evidence, String> {
        match &self.record {
            Record::Run(summary) if summary.interrupted => {
                let run = self.folder.display();
                Err(format!("the run in {run} was interrupted, so it shows nothing; run it again"))
            }
            Record::Run(summary) => Ok(of_run(summary).with_causes(summary.causes.clone())),
            Record::Matrix(document) => Ok(of_matrix(document)),
        }
    }

    /// The results of the run or the matrix that a case is a part of.
    pub fn around(case: &Path) -> Option<Read> {
        let case = case.canonicalize().ok()?;
        let mut folders = case.ancestors().skip(1).take(CASE_DEPTH);
        folders.find_map(|folder| Read::from(folder).ok())
    }

    /// The title of the cause of the finding that has this case.
    pub fn cause_of(&self, case: &Path) -> Option<&str> {
        let (folder, case) = (self.folder.canonicalize().ok()?, case.canonicalize().ok()?);
        let below = case.strip_prefix(folder).ok()?;
        let is_of = |record: &&FindingRecord| Path::new(&record.case) == below;
        match &self.record {
            Record::Run(summary) => {
                let id = summary.findings.iter().find(is_of)?.cause.as_ref()?;
                let cause = summary.causes.iter().find(|cause| cause.id == *id)?;
                Some(&cause.title)
            }
            Record::Matrix(document) => {
                let mut records = document.findings.iter().map(|found| &found.finding);
                let id = records.find(is_of)?.cause.as_ref()?;
                let cause = document.causes.iter().find(|cause| cause.id == *id)?;
                Some(&cause.title)
            }
        }
    }

    /// The columns of a matrix that are no evidence, each with the reason and the way out.
    pub fn left_out(&self) -> Vec<String> {
        match &self.record {
            Record::Run(_) => Vec::new(),
            Record::Matrix(document) => document.releases.iter().filter_map(unfinished).collect(),
        }
    }
}

/// A release was asked for what it shows, and for rows that the campaign called stale.
fn of_run(summary: &Summary) -> Evidence {
    let Some(checked) = summary.release() else { return Evidence::default() };
    let mut asked = BTreeMap::from([(checked.clone(), BTreeSet::new())]);
    let mut findings = summary.findings.clone();
    for record in &mut findings {
        let HomeHistory { release, before } = &mut record.finding.home_history;
        // Older summaries do not say which release ran.
        let release: &Version = release.get_or_insert_with(|| checked.clone());
        if before.is_empty() {
            let asked = asked.entry(release.clone()).or_default();
            asked.insert(record.finding.signature());
        }
    }
    let stale = summary.stale.iter().filter(|stale| !stale.moved);
    let stale = stale.map(|stale| id_of_row(&stale.id)).collect();
    Evidence::new(asked, findings).with_stale(checked.clone(), stale)
}

/// Older summaries name a row by its signature.
fn id_of_row(word: &str) -> String {
    word.parse::<Signature>().map_or_else(|_| word.to_owned(), |signature| signature.file_stem())
}

/// Why a release of a matrix is no evidence, and the way out.
fn unfinished(release: &Release) -> Option<String> {
    let Release { release, not_run, interrupted, .. } = release;
    let problem = match not_run {
        Some(reason) => format!("{release} was not run ({reason})"),
        None if *interrupted => format!("{release} was stopped early"),
        None => return None,
    };
    Some(format!("{problem}; run the matrix again to its end, or without {release}"))
}

fn of_matrix(document: &Document) -> Evidence {
    let mut asked: BTreeMap<Version, BTreeSet<Signature>> = BTreeMap::new();
    let interrupted = |name: &str| {
        document.releases.iter().any(|release| release.release == name && release.interrupted)
    };
    for release in document.releases.iter().filter(|release| !release.interrupted) {
        if let Some(version) = release.version.clone() {
            asked.entry(version).or_default().extend(release.asked.iter().cloned());
        }
    }
    let findings = document.findings.iter().filter(|found| !interrupted(&found.release));
    let findings = findings.map(|found| {
        let mut record = found.finding.clone();
        let release = document.releases.iter().find(|release| release.release == found.release);
        let release = release.and_then(|release| release.version.clone());
        record.finding.home_history = HomeHistory { release, before: BTreeSet::new() };
        record
    });
    Evidence::new(asked, findings)
}
