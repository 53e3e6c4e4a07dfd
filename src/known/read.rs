//! The reader of a list of known deviations.
//!
//! Refuses a list with a row that cannot be defended, and names the line at fault: one that cannot
//! be read, has neither reason nor link, is too wide, says of a value no wrong form, or excuses
//! what another row excuses already.

use serde::Deserialize;
use toml::Spanned;

use super::{BadList, Known, Row};
use crate::judge::signature::{NoSignature, Signature};
use crate::program::Program;
use crate::program::release_range::ReleaseRange;
use crate::program::text::Malformed;

/// The parts of a signature, as a person calls them.
const PARTS: [&str; 5] = ["clause", "dimension", "kind of operation", "form", "origin"];

/// A signature, part by part.
const EXAMPLE: [&str; 5] = ["R4", "AP", "resume", "never", "config"];

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
    expires: Option<Spanned<String>>,
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

/// What is wrong, and at which byte of the text.
type Fault = (usize, String);

/// Reads a list; `case` gives the text of a case file by its path as the list spells it.
pub(super) fn list(
    text: &str,
    case: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Known, BadList> {
    let file: File = toml::from_str(text)?;
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let mut known = Known::default();
    for written in file.deviation {
        let begins = written.span().start;
        let row = row(written.into_inner(), begins, case)
            .and_then(|row| alone(row, begins, &known))
            .map_err(|(at, problem)| BadList::Row { line: line(at), problem })?;
        known.rows.push(Row { line: line(begins), ..row });
    }
    Ok(known)
}

fn row(
    written: Written,
    begins: usize,
    case: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Row, Fault> {
    let Written { signature, seen, releases, from, reason, link, case: path, expires, racy } =
        written;
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    if !says(&reason) && !says(&link) {
        let signature = signature.into_inner();
        let problem = format!("{signature} has neither reason nor link; say why it is excused");
        return Err((begins, problem));
    }
    let at = signature.span().start;
    let spelled = signature.into_inner();
    let parsed: Result<Signature, NoSignature> = spelled.parse();
    let signature = parsed.map_err(|error| (at, format!("{error}{}", astray(&spelled))))?;
    let seen = forms(&signature, seen, begins)?;
    let releases = range(releases)?;
    let from = from.map(range).transpose()?;
    let expires = expires.map(|day| {
        let at = day.span().start;
        day.into_inner().parse().map_err(|problem| (at, problem))
    });
    let at = path.span().start;
    let path = path.into_inner();
    let program = case(&path).map_err(|problem| (at, problem))?.parse();
    let unread = |error: Malformed| (at, format!("the case {path} cannot be read: {error}"));
    let program: Program = program.map_err(unread)?;
    if from.is_some() && program.releases().is_empty() {
        let problem = format!(
            "the case {path} moves no home, and the row has `from`; move one there, as `restart \
             graceful server=0.144.4`, or remove `from`"
        );
        return Err((at, problem));
    }
    let (expires, line) = (expires.transpose()?, 0);
    let case = path;
    Ok(Row { signature, seen, releases, from, reason, link, case, program, racy, expires, line })
}

/// Which part of a text is none of a signature, where it has as many as one.
fn astray(text: &str) -> String {
    let words: Vec<&str> = text.split('/').collect();
    let with = |at: usize| {
        let mut parts = EXAMPLE;
        parts[at] = words[at];
        parts.join("/").parse::<Signature>().is_ok()
    };
    let first = (0..EXAMPLE.len()).filter(|_| words.len() == EXAMPLE.len()).find(|at| !with(*at));
    first.map_or(String::new(), |at| format!("; `{}` is no {}", words[at], PARTS[at]))
}

fn range(written: Spanned<String>) -> Result<ReleaseRange, Fault> {
    let at = written.span().start;
    ReleaseRange::of_known_deviation(&written.into_inner()).map_err(|problem| (at, problem))
}

/// The wrong forms that a row excuses.
fn forms(
    signature: &Signature,
    seen: Option<Spanned<Seen>>,
    begins: usize,
) -> Result<Vec<String>, Fault> {
    let at = seen.as_ref().map_or(begins, |seen| seen.span().start);
    let forms = match seen.map(Spanned::into_inner) {
        None => Vec::new(),
        Some(Seen::One(form)) => vec![form],
        Some(Seen::Many(forms)) => forms,
    };
    match (signature.dimension, forms.is_empty()) {
        (Some(_), true) => Err((
            at,
            format!(
                "{signature} does not say which wrong value it excuses; add its form, as \
                 `seen = \"read-only\"`, or several, as `seen = [\"read-only\", …]`"
            ),
        )),
        (None, false) => Err((at, format!("{signature} is about no value; remove `seen`"))),
        (Some(dimension), false) => {
            let known = dimension.forms();
            match forms.iter().find(|form| !known.contains(&form.as_str())) {
                None => Ok(forms),
                Some(form) => {
                    let known = known.join(", ");
                    Err((at, format!("`{form}` is no form of {dimension}; it has {known}")))
                }
            }
        }
        (None, true) => Ok(forms),
    }
}

/// The row, if no row before it excuses some of the same.
fn alone(row: Row, begins: usize, before: &Known) -> Result<Row, Fault> {
    let shares = |other: &&Row| {
        let none = row.seen.is_empty() && other.seen.is_empty();
        none || row.seen.iter().any(|form| other.seen.contains(form))
    };
    let mut same = before.rows.iter().filter(|other| other.signature == row.signature);
    // A row without `from` holds for every home.
    let homes = |other: &&Row| match (&other.from, &row.from) {
        (Some(one), Some(other)) => one.overlaps(other),
        _ => true,
    };
    let twice =
        same.find(|other| shares(other) && homes(other) && other.releases.overlaps(&row.releases));
    let Some(other) = twice else {
        return Ok(row);
    };
    let problem = format!(
        "{} is excused by line {} for some of these releases already; join the two rows, or keep \
         their releases apart",
        row.signature, other.line
    );
    Err((begins, problem))
}
