//! `remove-folder`: a folder that threads may work in is gone.

use std::fmt;

use arbitrary::Unstructured;

use crate::program::line::{Line, Problem, problem};
use crate::program::operation::Operation;

/// A folder below the workspace, or below the folder outside, is removed with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoveFolder {
    /// Its path, which begins with `WS/` or `OUT/`.
    pub folder: String,
}

/// The folder that is drawn.
pub const DRAWN: &str = "WS/sub";

impl Operation for RemoveFolder {
    const VERB: &'static str = "remove-folder";
    const HELP: &'static [(&'static str, &'static str)] = &[(
        "remove-folder WS/sub",
        "the folder is gone; a request that names it again makes it anew",
    )];

    fn parse(line: &mut Line) -> Result<RemoveFolder, Problem> {
        let folder = line.word().unwrap_or_default();
        let below = ["WS/", "OUT/"].iter().any(|place| folder.starts_with(place));
        if !below || folder.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return problem(format!("`{folder}` cannot be removed; expected one such as `WS/sub`"));
        }
        Ok(RemoveFolder { folder })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.folder)
    }

    fn arbitrary(_: &mut Unstructured<'_>) -> arbitrary::Result<RemoveFolder> {
        Ok(RemoveFolder { folder: DRAWN.to_owned() })
    }
}
