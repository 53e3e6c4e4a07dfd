//! Which list of known deviations is used: the built-in one, a file, or none.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::text::read;
use crate::cause::Known;
use crate::cause::read::BadList;

/// The list of the repository, which is also built in.
pub(super) const LIST: &str = "ci/known.toml";

#[derive(Clone, Debug, clap::Args)]
pub(super) struct KnownFlags {
    /// Known deviations to excuse: a file like ci/known.toml, or `none`
    /// [default: the built-in list]
    #[arg(long, value_name = "FILE|none")]
    known: Option<PathBuf>,
}

impl KnownFlags {
    pub(super) fn list(&self) -> Result<Known, Failure> {
        let Some(path) = &self.known else {
            return Ok(Known::embedded());
        };
        if path.as_os_str() == "none" {
            return Ok(Known::default());
        }
        of_file(path, &read(path)?)
    }

    /// The list in words, as `the built-in list`.
    pub(super) fn name(&self) -> String {
        let path = self.known.as_ref().map(|path| path.display().to_string());
        path.unwrap_or_else(|| "the built-in list".to_owned())
    }

    /// The file of the list, where it is one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.known.clone().filter(|path| path.as_os_str() != "none")
    }

    /// The folder of the list; for the built-in one, its folder in the repository.
    pub(super) fn folder(&self) -> PathBuf {
        let list = self.known.as_deref().unwrap_or(Path::new(LIST));
        list.parent().map(PathBuf::from).unwrap_or_default()
    }

    /// The flag as it was given.
    pub(super) fn again(&self) -> Option<String> {
        self.known.as_ref().map(|path| format!("--known {}", path.display()))
    }
}

/// The list in a file; cases are read relative to it.
pub(super) fn of_file(path: &Path, text: &str) -> Result<Known, Failure> {
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let case = |name: &str| read(&folder.join(name)).map_err(|failure| failure.to_string());
    let known = Known::parse(text, case);
    known.map_err(|error| {
        Failure::Usage(format!("cannot use {}: {}", path.display(), one_line(&error, text)))
    })
}

/// The error of a text that is not TOML has several lines.
fn one_line(error: &BadList, text: &str) -> String {
    let BadList::Toml(error) = error else {
        return error.to_string();
    };
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}
