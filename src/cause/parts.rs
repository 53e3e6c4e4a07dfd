//! The parts of a row that every form of the list spells alike.

use serde::Deserialize;
use toml::Spanned;
use toml::value::{Date, Datetime};

use super::Row;
use super::scope::Scope;
use crate::program::Program;
use crate::program::release_range::ReleaseRange;
use crate::program::text::Malformed;

/// Gives the text of a case file by its path as the list spells it.
pub(super) type Cases<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// What is wrong with a row, and at which byte of the text.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: String,
}

/// One word or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a word in quotes, or a list of such words")]
pub(super) enum Words {
    One(String),
    Many(Vec<String>),
}

/// A date, bare or in quotes.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a day, as 2027-06-01")]
pub(super) enum Expires {
    Bare(Datetime),
    Quoted(String),
}

/// When and why a row excuses, and what shows it.
pub(super) struct Parts {
    pub(super) releases: Spanned<String>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) reason: Option<String>,
    pub(super) link: Option<String>,
    pub(super) case: Spanned<String>,
    pub(super) racy: bool,
    pub(super) expires: Option<Spanned<Expires>>,
}

/// What a row is about.
pub(super) struct Subject {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) scope: Scope,
}

impl Words {
    pub(super) fn all(self) -> Vec<String> {
        match self {
            Words::One(word) => vec![word],
            Words::Many(words) => words,
        }
    }
}

impl Parts {
    /// The reason, or the link where there is none.
    ///
    /// # Errors
    /// Where there is neither.
    pub(super) fn why(&self, name: &str) -> Result<&str, String> {
        let says = |text: &&str| !text.trim().is_empty();
        let reason = self.reason.as_deref().filter(says);
        reason
            .or(self.link.as_deref().filter(says))
            .ok_or_else(|| format!("{name} has neither reason nor link; say why it is excused"))
    }

    /// The row, without its line.
    pub(super) fn row(self, subject: Subject, case: Cases<'_>) -> Result<Row, Fault> {
        let range = |text: String| ReleaseRange::of_known_deviation(&text);
        let from = self.from.map(|from| read(from, range)).transpose()?;
        let (path, program) = read(self.case, |path| {
            let program = program(&path, case)?;
            if from.is_some() && program.releases().is_empty() {
                return Err(format!(
                    "the case {path} does not upgrade a home, but the row has `from`; add a line \
                     such as `restart graceful release=0.144.4`, or remove `from`"
                ));
            }
            Ok((path, program))
        })?;
        Ok(Row {
            id: subject.id,
            title: subject.title,
            scope: subject.scope,
            releases: read(self.releases, range)?,
            repaired: None,
            from,
            reason: self.reason,
            link: self.link,
            case: path,
            program,
            racy: self.racy,
            expires: self.expires.map(|expires| read(expires, date)).transpose()?,
            line: 0,
        })
    }
}

/// Reads a part of a row; what is wrong with it is wrong where it stands.
pub(super) fn read<T, R>(
    part: Spanned<T>,
    read: impl FnOnce(T) -> Result<R, String>,
) -> Result<R, Fault> {
    let at = part.span().start;
    read(part.into_inner()).map_err(|problem| Fault { at, problem })
}

fn program(path: &str, case: Cases<'_>) -> Result<Program, String> {
    let unread = |error: Malformed| format!("the case {path} cannot be read: {error}");
    case(path)?.parse().map_err(unread)
}

fn date(expires: Expires) -> Result<Date, String> {
    let (text, parsed) = match expires {
        Expires::Bare(date) => (date.to_string(), Some(date)),
        Expires::Quoted(text) => (text.clone(), text.parse::<Datetime>().ok()),
    };
    match parsed {
        Some(Datetime { date: Some(date), time: None, .. }) => Ok(date),
        _ => Err(format!("`{text}` is not a date; write it like 2027-06-01")),
    }
}
