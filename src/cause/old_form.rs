//! A row of the old form: one signature, and the wrong values that it excuses.
//!
//! It says nothing of the thread's life, so it excuses the same symptom whatever brings it about.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::Row;
use super::parts::{Cases, Expires, Fault, Parts, Subject, Words, read};
use super::scope::Scope;
use crate::judge::origin::Origin;
use crate::judge::signature::Signature;

/// The parts of a signature and an example of each.
const PARTS: [(&str, &str); 5] = [
    ("a clause", "R4"),
    ("a dimension", "AP"),
    ("a kind of operation", "resume"),
    ("a form", "never"),
    ("an origin", "config"),
];

/// A `[[deviation]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deviation {
    signature: Spanned<String>,
    #[serde(default)]
    seen: Option<Spanned<Words>>,
    releases: Spanned<String>,
    from: Option<Spanned<String>>,
    reason: Option<String>,
    link: Option<String>,
    case: Spanned<String>,
    expires: Option<Spanned<Expires>>,
    #[serde(default)]
    racy: bool,
}

impl Deviation {
    pub(super) fn row(self, begins: usize, case: Cases<'_>) -> Result<Row, Fault> {
        let name = self.signature.get_ref().clone();
        let parts = Parts {
            releases: self.releases,
            from: self.from,
            reason: self.reason,
            link: self.link,
            case: self.case,
            racy: self.racy,
            expires: self.expires,
        };
        let here = |problem| Fault { at: begins, problem };
        let title = parts.why(&name).map_err(here)?.to_owned();
        let signature = read(self.signature, |text| signature(&text))?;
        let seen = match self.seen {
            None => forms(&signature, Vec::new()).map_err(here)?,
            Some(seen) => read(seen, |seen| forms(&signature, seen.all()))?,
        };
        let id = signature.file_stem();
        parts.row(Subject { id, title, scope: scope(signature, seen) }, case)
    }
}

/// What a signature with these wrong forms explains.
pub(super) fn scope(signature: Signature, seen: BTreeSet<String>) -> Scope {
    // Older versions knew of the values before the last one, and of no value, only that they were
    // of unknown origin.
    let wrong = match signature.origin {
        Origin::Unknown => [Origin::Unknown, Origin::Before, Origin::Unset].into(),
        origin => [origin].into(),
    };
    Scope {
        clauses: [signature.clause].into(),
        operations: [signature.kind].into(),
        dimensions: signature.dimension.into_iter().collect(),
        expected: [signature.form].into(),
        wrong: if signature.dimension.is_some() { wrong } else { BTreeSet::new() },
        seen,
        facts: BTreeMap::new(),
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
fn forms(signature: &Signature, forms: Vec<String>) -> Result<BTreeSet<String>, String> {
    let Some(dimension) = signature.dimension else {
        if forms.is_empty() {
            return Ok(BTreeSet::new());
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
        None => Ok(forms.into_iter().collect()),
        Some(form) => {
            Err(format!("`{form}` is not a form of {dimension}; it has {}", known.join(", ")))
        }
    }
}
