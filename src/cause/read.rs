//! The reader of a list of known deviations.
//!
//! Refuses the list, and names the line at fault, if a row cannot be read, has neither reason nor
//! link, has a range without an end, uses a word that does not exist, or has the id of another. Two
//! rows may explain the same finding: the first in the file does.

use serde::Deserialize;
use toml::Spanned;

use super::form::Cause;
use super::ids::unused;
use super::old_form::Deviation;
use super::parts::Fault;
use super::{Known, Row};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    cause: Vec<Spanned<Cause>>,
    #[serde(default)]
    deviation: Vec<Spanned<Deviation>>,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    #[error("the list of known deviations cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("line {line}: {problem}")]
    Row {
        line: usize,
        /// What is wrong with the row, and what to do.
        problem: String,
    },
}

impl Known {
    /// Reads a list; `case` gives the text of a case file by its path as the list spells it.
    ///
    /// # Errors
    /// A text that is not a list, or a row that is refused.
    pub fn parse(
        text: &str,
        case: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Known, BadList> {
        let file: File = toml::from_str(text)?;
        let line = |at: usize| text[..at].matches('\n').count() + 1;
        let bad = |fault: Fault| BadList::Row { line: line(fault.at), problem: fault.problem };
        let mut rows: Vec<Row> = Vec::new();
        for cause in file.cause {
            let begins = cause.span().start;
            let row = cause.into_inner().row(begins, &case).map_err(bad)?;
            if let Some(other) = rows.iter().find(|other| other.id == row.id) {
                let (id, other) = (&row.id, other.line);
                let problem = format!("the row of line {other} has the id {id} too; rename one");
                return Err(bad(Fault { at: begins, problem }));
            }
            rows.push(Row { line: line(begins), ..row });
        }
        for deviation in file.deviation {
            let begins = deviation.span().start;
            let row = deviation.into_inner().row(begins, &case).map_err(bad)?;
            let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
            let id = unused(&row.id, &ids);
            rows.push(Row { id, line: line(begins), ..row });
        }
        rows.sort_by_key(|row| row.line);
        Ok(Known { rows })
    }
}
