//! Reads the results of a run or of a matrix again.
//!
//! The folder of a campaign has `summary.json`, that of a matrix `matrix.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use super::matrix::files::DOCUMENT;
use super::matrix::json::Document;
use super::summary::Summary;
use crate::cause::evidence::{CauseRecord, Evidence};
use crate::judge::releases::HomeHistory;
use crate::judge::signature::Signature;

/// The name of a campaign's summary.
const SUMMARY: &str = "summary.json";

#[derive(Clone, Debug)]
pub struct Read {
    /// The paths of cases are below it.
    pub folder: PathBuf,
    pub record: Record,
    /// The causes of a run, where it has them.
    causes: Vec<CauseRecord>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Causes {
    causes: Vec<CauseRecord>,
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
        let record = record.map_err(&about)?;
        let causes: Causes =
            serde_json::from_str(&text).map_err(|error| about(error.to_string()))?;
        Ok(Read { folder, record, causes: causes.causes })
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
            Record::Run(summary) => Ok(of_run(summary).with_causes(self.causes.clone())),
            Record::Matrix(document) => Ok(of_matrix(document)),
        }
    }

    /// The columns of a matrix that are left out, because they were interrupted.
    pub fn left_out(&self) -> Vec<&str> {
        let Record::Matrix(document) = &self.record else { return Vec::new() };
        let interrupted = document.releases.iter().filter(|release| release.interrupted);
        interrupted.map(|release| release.release.as_str()).collect()
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
