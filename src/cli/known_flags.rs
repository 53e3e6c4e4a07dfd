//! The list of known deviations that is meant.
//!
//! The one that is built in, a file, or none. A file's cases are read relative to the file.

use std::path::{Path, PathBuf};

use super::{Failure, read};
use crate::known::{BadList, Known};

/// The list of the repository.
pub(super) const LIST: &str = "ci/known.toml";

/// The flag.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct KnownFlags {
    /// Known deviations that are excused: a file like ci/known.toml, or `none`; the built-in list
    /// where nothing is given
    #[arg(long, value_name = "FILE|none")]
    known: Option<PathBuf>,
}

impl KnownFlags {
    /// The list.
    pub(super) fn list(&self) -> Result<Known, Failure> {
        let Some(path) = &self.known else {
            return Ok(Known::embedded());
        };
        if path.as_os_str() == "none" {
            return Ok(Known::default());
        }
        of_file(path, &read(path)?)
    }

    /// The folder of the list; of the one that is built in, where it is in the repository.
    pub(super) fn folder(&self) -> PathBuf {
        let list = self.known.as_deref().unwrap_or(Path::new(LIST));
        list.parent().map(PathBuf::from).unwrap_or_default()
    }

    /// The flag as it was given.
    pub(super) fn again(&self) -> Option<String> {
        self.known.as_ref().map(|path| format!("--known {}", path.display()))
    }
}

/// The list in a file with this text.
pub(super) fn of_file(path: &Path, text: &str) -> Result<Known, Failure> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let case = |name: &str| {
        let path = folder.join(name);
        read(&path).map_err(|failure| failure.to_string())
    };
    let known = Known::parse(text, case);
    known.map_err(|error| {
        Failure::Usage(format!("cannot use {}: {}", path.display(), told(&error, text)))
    })
}

/// The error in one line; that of a text which is no TOML has several.
fn told(error: &BadList, text: &str) -> String {
    let BadList::Toml(error) = error else {
        return error.to_string();
    };
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}
