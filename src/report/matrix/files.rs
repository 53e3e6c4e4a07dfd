//! The files of a matrix: `matrix.json`, `matrix.html`, and a case for every broken cell.
//!
//! Written anew each time, from the stored results beside them. A case has the same form as one of
//! a campaign: a program that can be replayed, below comments that explain it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::json::{Document, case_path};
use super::page;
use crate::campaign::FindingReport;
use crate::matrix::Matrix;
use crate::matrix::record::Key;
use crate::report::finding::{FindingText, ReplayCommands};

/// The name of the JSON document.
pub const DOCUMENT: &str = "matrix.json";

/// The name of the page.
pub const PAGE: &str = "matrix.html";

/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path, matrix: &Matrix, key: &Key) -> io::Result<()> {
    let commands = |label: &str| ReplayCommands {
        folder: folder.to_owned(),
        flags: format!("--server {label}"),
    };
    for column in &matrix.columns {
        let findings = column.results().into_iter().flat_map(|results| &results.findings);
        for report in findings {
            let path = folder.join(case_path(&column.label, &report.id));
            write_case(&path, report, &commands(&column.label))?;
        }
    }
    let document = Document::new(matrix, key.clone());
    let text = serde_json::to_string_pretty(&document).expect("a document is plain values");
    write_whole(&folder.join(DOCUMENT), &format!("{text}\n"))?;
    write_whole(&folder.join(PAGE), &page::html(matrix, key))
}

fn write_case(path: &Path, report: &FindingReport, commands: &ReplayCommands) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(about(parent))?;
    }
    write_whole(path, &FindingText::for_file(report, commands).case())?;
    write_whole(&path.with_extension("trace"), &report.trace.to_string())
}

/// Writes a file that is never seen half-written.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let half = path.with_extension("half");
    fs::write(&half, text).map_err(about(&half))?;
    fs::rename(&half, path).map_err(about(path))
}

fn about(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    let path: PathBuf = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
}
