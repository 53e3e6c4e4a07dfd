//! The case files of the repository, in the order of their names.
//!
//! `tests/cases/NAME.case` is a regression that a person should read: a program below a comment
//! that says what the contract demands. `tests/cases/known/NAME.case` shows a row of
//! `ci/known.toml`.

use std::fs;
use std::path::{Path, PathBuf};

use heirloom::program::Program;

/// One case file.
#[derive(Clone, Debug)]
pub(crate) struct CaseFile {
    /// Its path below `tests/cases`, without the extension.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Every case file whose name begins with the prefix.
pub(crate) fn case_files(prefix: &str) -> Vec<CaseFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<CaseFile> = entries(&folder)
        .chain(entries(&folder.join("known")))
        .filter_map(|path| {
            let below = path.strip_prefix(&folder).expect("the file is in the folder");
            let name = below.to_str()?.strip_suffix(".case")?.to_owned();
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            name.starts_with(prefix).then_some(CaseFile { name, text })
        })
        .collect();
    files.sort_by(|left, right| left.name.cmp(&right.name));
    files
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries.map(|entry| entry.expect("the folder can be listed").path())
}

impl CaseFile {
    /// Its program, or what is wrong with the text.
    pub(crate) fn program(&self) -> Result<Program, String> {
        self.text.parse().map_err(|error| format!("tests/cases/{}.case: {error}", self.name))
    }
}
