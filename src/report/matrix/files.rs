//! The files of a matrix: `matrix.json`, `matrix.html`, and a case for every broken cell.
//!
//! Written whole each time, since they are made from results that are kept beside them. A case is
//! what a campaign writes: a program that can be replayed, below comments that explain it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::json::Document;
use super::page;
use crate::campaign::FindingReport;
use crate::matrix::Matrix;
use crate::matrix::record::Key;
use crate::report::finding::{FindingText, ReplayCommands};

/// The name of the JSON document.
pub const DOCUMENT: &str = "matrix.json";

/// The name of the page.
pub const PAGE: &str = "matrix.html";

/// Where a case lies below the folder of a matrix.
pub fn case_path(label: &str, id: &str) -> String {
    let label = label.replace(|sign: char| !sign.is_ascii_alphanumeric() && sign != '.', "_");
    format!("cases/{label}/{id}.case")
}

/// Writes everything.
///
/// # Errors
/// When the system refuses it.
pub fn write(folder: &Path, matrix: &Matrix, key: &Key) -> io::Result<()> {
    let ways = |label: &str| ReplayCommands {
        folder: folder.to_owned(),
        flags: format!("--server {label}"),
    };
    for column in &matrix.columns {
        let findings = column.results().into_iter().flat_map(|results| &results.findings);
        for told in findings {
            case(&folder.join(case_path(&column.label, &told.id)), told, &ways(&column.label))?;
        }
    }
    let document = Document::new(matrix, key.clone());
    let text = serde_json::to_string_pretty(&document).expect("a document is plain values");
    whole(&folder.join(DOCUMENT), &format!("{text}\n"))?;
    whole(&folder.join(PAGE), &page::html(matrix, key))
}

fn case(path: &Path, told: &FindingReport, ways: &ReplayCommands) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(about(parent))?;
    }
    whole(path, &FindingText::for_file(told, ways).case())?;
    whole(&path.with_extension("trace"), &told.trace.to_string())
}

/// Writes a file that nobody sees half of.
fn whole(path: &Path, text: &str) -> io::Result<()> {
    let half = path.with_extension("half");
    fs::write(&half, text).map_err(about(&half))?;
    fs::rename(&half, path).map_err(about(path))
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let path: PathBuf = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}
