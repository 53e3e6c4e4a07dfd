//! The reader of a list of known deviations.
//!
//! Refuses the list, and names the line at fault, if a row cannot be read, has neither reason nor
//! link, has a range without an end, does not say which wrong value it excuses, or excuses what
//! another row excuses already.

use serde::Deserialize;
use toml::Spanned;
use toml::value::{Date, Datetime};

use super::{Known, Row};
use crate::judge::signature::Signature;
use crate::program::Program;
use crate::program::release_range::ReleaseRange;
use crate::program::text::Malformed;

/// The parts of a signature and an example of each.
const PARTS: [(&str, &str); 5] = [
    ("a clause", "R4"),
    ("a dimension", "AP"),
    ("a kind of operation", "resume"),
    ("a form", "never"),
    ("an origin", "config"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deviation: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    signature: Spanned<String>,
    #[serde(default)]
    seen: Option<Spanned<Seen>>,
    releases: Spanned<String>,
    from: Option<Spanned<String>>,
    reason: Option<String>,
    link: Option<String>,
    case: Spanned<String>,
    expires: Option<Spanned<Expires>>,
    #[serde(default)]
    racy: bool,
}

/// One form of a wrong value, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seen {
    One(String),
    Many(Vec<String>),
}

/// A date, bare or in quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expires {
    Bare(Datetime),
    Quoted(String),
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

/// What is wrong with a row, and at which byte of the text.
struct Fault {
    at: usize,
    problem: String,
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
        let mut known = Known::default();
        for written in file.deviation {
            let begins = written.span().start;
            let row = written.into_inner().row(begins, &case).and_then(|row| {
                refuse_overlap(&row, &known).map_err(|problem| Fault { at: begins, problem })?;
                Ok(Row { line: line(begins), ..row })
            });
            let bad = |fault: Fault| BadList::Row { line: line(fault.at), problem: fault.problem };
            known.rows.push(row.map_err(bad)?);
        }
        Ok(known)
    }
}

impl Written {
    fn row(
        self,
        begins: usize,
        case: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Row, Fault> {
        let says =
            |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        if !says(&self.reason) && !says(&self.link) {
            let signature = self.signature.into_inner();
            let problem = format!("{signature} has neither reason nor link; say why it is excused");
            return Err(Fault { at: begins, problem });
        }
        let signature = read(self.signature, |text| signature(&text))?;
        let seen = match self.seen {
            None => {
                forms(&signature, Vec::new()).map_err(|problem| Fault { at: begins, problem })?
            }
            Some(seen) => read(seen, |seen| match seen {
                Seen::One(form) => forms(&signature, vec![form]),
                Seen::Many(several) => forms(&signature, several),
            })?,
        };
        let range = |text: String| ReleaseRange::of_known_deviation(&text);
        let from = self.from.map(|from| read(from, range)).transpose()?;
        let (path, program) = read(self.case, |path| {
            let program = program(&path, case)?;
            if from.is_some() && program.releases().is_empty() {
                return Err(format!(
                    "the case {path} does not upgrade a home, but the row has `from`; add a line \
                     such as `restart graceful server=0.144.4`, or remove `from`"
                ));
            }
            Ok((path, program))
        })?;
        Ok(Row {
            id: signature.file_stem(),
            title: self.reason.clone().unwrap_or_default(),
            scope: super::scope::Scope {
                clauses: [signature.clause].into(),
                operations: [signature.kind].into(),
                dimensions: signature.dimension.into_iter().collect(),
                ..Default::default()
            },
            signature,
            seen,
            releases: read(self.releases, range)?,
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
fn read<T, R>(part: Spanned<T>, read: impl FnOnce(T) -> Result<R, String>) -> Result<R, Fault> {
    let at = part.span().start;
    read(part.into_inner()).map_err(|problem| Fault { at, problem })
}

fn program(path: &str, case: &dyn Fn(&str) -> Result<String, String>) -> Result<Program, String> {
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

fn signature(text: &str) -> Result<Signature, String> {
    text.parse().map_err(|error| format!("{error}{}", misspelt(text)))
}

/// Which part of a signature is wrong, if exactly one may be to blame.
fn misspelt(text: &str) -> String {
    let words: Vec<&str> = text.split('/').collect();
    if words.len() != PARTS.len() {
        return String::new();
    }
    let wrong = (0..PARTS.len()).find(|at| {
        let examples = PARTS.iter().enumerate();
        let mixed =
            examples.map(|(part, (_, example))| if part == *at { words[*at] } else { *example });
        mixed.collect::<Vec<_>>().join("/").parse::<Signature>().is_err()
    });
    wrong.map_or(String::new(), |at| format!("; `{}` is not {}", words[at], PARTS[at].0))
}

/// The wrong forms that a row excuses, if they are some that its dimension has.
fn forms(signature: &Signature, forms: Vec<String>) -> Result<Vec<String>, String> {
    let Some(dimension) = signature.dimension else {
        if forms.is_empty() {
            return Ok(forms);
        }
        return Err(format!("{signature} is not about a value; remove `seen`"));
    };
    if forms.is_empty() {
        return Err(format!(
            "{signature} does not say which wrong value it excuses; add its form, as \
             `seen = \"read-only\"`, or several, as `seen = [\"read-only\", …]`"
        ));
    }
    let known = dimension.forms();
    match forms.iter().find(|form| !known.contains(&form.as_str())) {
        None => Ok(forms),
        Some(form) => {
            Err(format!("`{form}` is not a form of {dimension}; it has {}", known.join(", ")))
        }
    }
}

/// Refuses a row that shares releases, wrong values and homes with one before it.
fn refuse_overlap(row: &Row, before: &Known) -> Result<(), String> {
    let overlaps = |other: &&Row| {
        // A row without a value has no forms; one without `from` holds for every home.
        let forms = row.seen.is_empty() || row.seen.iter().any(|form| other.seen.contains(form));
        let homes = match (&other.from, &row.from) {
            (Some(one), Some(other)) => one.overlaps(other),
            _ => true,
        };
        other.signature == row.signature && forms && homes && other.releases.overlaps(&row.releases)
    };
    match before.rows.iter().find(overlaps) {
        None => Ok(()),
        Some(other) => Err(format!(
            "{} is excused by line {} for some of these releases already; join the two rows, or \
             keep their releases apart",
            row.signature, other.line
        )),
    }
}
