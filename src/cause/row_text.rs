//! A row in the words of the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use itertools::Itertools;
use semver::Version;
use toml::value::Date;

use super::Row;
use super::scope::Scope;
use crate::program::release_range::ReleaseRange;

/// The comment above a row that excuses a widening: it may be a vulnerability, and lists are
/// published.
pub const WIDENING: &str = "# WIDENED: see SECURITY.md before publishing";

/// What a row says.
#[derive(Clone, Copy, Debug)]
pub struct RowText<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub scope: &'a Scope,
    pub releases: &'a ReleaseRange,
    pub repaired: Option<&'a Version>,
    pub from: Option<&'a ReleaseRange>,
    pub reason: Option<&'a str>,
    pub link: Option<&'a str>,
    pub case: &'a str,
    pub racy: bool,
    pub expires: Option<Date>,
    /// Whether what it excuses allows more than was expected.
    pub widened: bool,
}

impl<'a> RowText<'a> {
    pub fn of(row: &'a Row, widened: bool) -> RowText<'a> {
        RowText {
            id: &row.id,
            title: &row.title,
            scope: &row.scope,
            releases: &row.releases,
            repaired: row.repaired.as_ref(),
            from: row.from.as_ref(),
            reason: row.reason.as_deref(),
            link: row.link.as_deref(),
            case: &row.case,
            racy: row.racy,
            expires: row.expires,
            widened,
        }
    }

    /// Its lines, without an empty one before or after.
    pub fn lines(&self) -> Vec<String> {
        let Scope { clauses, operations, dimensions, expected, wrong, seen, facts } = self.scope;
        let text = |key: &str, text: &str| Some(format!("{key} = {}", quoted(text)));
        let releases = self.releases.to_string();
        let from = self.from.map(ToString::to_string);
        let lines = [
            self.widened.then(|| WIDENING.to_owned()),
            Some("[[cause]]".to_owned()),
            text("id", self.id),
            text("title", self.title),
            words("clauses", clauses),
            words("operations", operations),
            words("dimensions", dimensions),
            words("expected", expected),
            words("wrong", wrong),
            words("seen", seen),
            fact_line(facts),
            text("releases", &releases),
            self.repaired.and_then(|release| text("repaired", &release.to_string())),
            from.and_then(|from| text("from", &from)),
            self.reason.and_then(|reason| text("reason", reason)),
            self.link.and_then(|link| text("link", link)),
            text("case", self.case),
            self.racy.then(|| "racy = true".to_owned()),
            self.expires.map(|day| format!("expires = {day}")),
        ];
        lines.into_iter().flatten().collect()
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// One word stands bare, several in a list.
fn word_or_list<T: Display>(words: &BTreeSet<T>) -> String {
    let all: Vec<String> = words.iter().map(|word| quoted(&word.to_string())).collect();
    if let [word] = all.as_slice() { word.clone() } else { format!("[{}]", all.join(", ")) }
}

fn words<T: Display>(key: &str, words: &BTreeSet<T>) -> Option<String> {
    (!words.is_empty()).then(|| format!("{key} = {}", word_or_list(words)))
}

fn fact_line<F: Display>(facts: &BTreeMap<F, BTreeSet<String>>) -> Option<String> {
    let all = facts.iter().map(|(fact, words)| format!("{fact} = {}", word_or_list(words)));
    (!facts.is_empty()).then(|| format!("facts = {{ {} }}", all.into_iter().join(", ")))
}
