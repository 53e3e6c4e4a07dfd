//! The case files of the repository.
//!
//! Each is evidence that a person can read: `tests/cases/NAME.case`, a plan below comments that say
//! what it shows. Given in the order of their names; a file that cannot be read is told by its
//! name.

use std::fs;
use std::path::Path;

use heirloom::program::Program;

/// One case file.
#[derive(Clone, Debug)]
pub(crate) struct CaseFile {
    /// Its name, without its end.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) text: String,
}

/// Every case file whose name begins so.
pub(crate) fn case_files(prefix: &str) -> Vec<CaseFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(&folder).expect("tests/cases can be listed");
    let mut files: Vec<CaseFile> = entries
        .filter_map(|entry| {
            let path = entry.expect("tests/cases can be listed").path();
            let name = path.file_name()?.to_str()?.strip_suffix(".case")?.to_owned();
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            name.starts_with(prefix).then_some(CaseFile { name, text })
        })
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

impl CaseFile {
    /// Its plan, or what is wrong with it.
    pub(crate) fn program(&self) -> Result<Program, String> {
        self.text.parse().map_err(|error| format!("tests/cases/{}.case: {error}", self.name))
    }
}
