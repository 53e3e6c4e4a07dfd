//! A row as the list spells it: the words of a cause, read one by one.
//!
//! A word that does not exist is refused with those that do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use itertools::Itertools;
use serde::Deserialize;
use strum::IntoEnumIterator;
use toml::Spanned;

use super::Row;
use super::parts::{Cases, Expires, Fault, Parts, Subject, Words, read};
use super::scope::Scope;
use crate::contract::Clause;
use crate::judge::origin::Origin;
use crate::model::life::Fact;
use crate::policy::Dimension;
use crate::program::operation::OpKind;

/// A `[[cause]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cause {
    id: Spanned<String>,
    title: Spanned<String>,
    clauses: Spanned<Words>,
    operations: Option<Spanned<Words>>,
    dimensions: Option<Spanned<Words>>,
    expected: Option<Spanned<Words>>,
    wrong: Option<Spanned<Words>>,
    seen: Option<Spanned<Words>>,
    #[serde(default)]
    facts: BTreeMap<Spanned<String>, Spanned<Words>>,
    releases: Spanned<String>,
    from: Option<Spanned<String>>,
    reason: Option<String>,
    link: Option<String>,
    case: Spanned<String>,
    expires: Option<Spanned<Expires>>,
    #[serde(default)]
    racy: bool,
}

impl Cause {
    pub(super) fn row(self, begins: usize, case: Cases<'_>) -> Result<Row, Fault> {
        let id = read(self.id, id)?;
        let title = read(self.title, |title| {
            let problem = || format!("the title of {id} is empty; say in a few words what happens");
            (!title.trim().is_empty()).then(|| title.clone()).ok_or_else(problem)
        })?;
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
        parts.why(&id).map_err(here)?;
        let dimensions = set(self.dimensions, dimension)?;
        if let (Some(seen), true) = (&self.seen, dimensions.is_empty()) {
            let problem =
                format!("{id} has no `dimensions`, so it is not about a value; remove `seen`");
            return Err(Fault { at: seen.span().start, problem });
        }
        let wrong = set(self.wrong, origin)?;
        if wrong.is_empty() && !dimensions.is_empty() {
            return Err(here(format!(
                "{id} does not say where the wrong value comes from; add `wrong`, one or several of {}",
                Origin::iter().join(", ")
            )));
        }
        let forms = Forms(&dimensions);
        let scope = Scope {
            clauses: read(self.clauses, |words| each(words, clause))?,
            operations: set(self.operations, operation)?,
            expected: set(self.expected, |word| forms.read(word))?,
            seen: set(self.seen, |word| forms.read(word))?,
            wrong,
            facts: facts(self.facts)?,
            dimensions,
        };
        parts.row(Subject { id, title, scope }, case)
    }
}

/// The words of an optional part; none where it is left out.
fn set<T: Ord>(
    part: Option<Spanned<Words>>,
    word: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, Fault> {
    part.map_or(Ok(BTreeSet::new()), |part| read(part, |words| each(words, &word)))
}

/// The words of a part that stands there; at least one.
fn each<T: Ord>(
    words: Words,
    word: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, String> {
    let words = words.all();
    if words.is_empty() {
        return Err("the list is empty; name at least one, or leave the key out".to_owned());
    }
    words.iter().map(|text| word(text)).collect()
}

fn id(text: String) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let words = text.split('-').all(|word| !word.is_empty() && word.chars().all(plain));
    if words { Ok(text) } else { Err(format!("`{text}` is not an id; write it like lost-sandbox")) }
}

fn clause(word: &str) -> Result<Clause, String> {
    word.parse::<Clause>().map_err(|error| format!("{error}; `heirloom clauses` lists them"))
}

fn operation(word: &str) -> Result<OpKind, String> {
    let all = OpKind::all().into_iter().join(", ");
    word.parse().map_err(|_| format!("`{word}` is not an operation; there are {all}"))
}

fn dimension(word: &str) -> Result<Dimension, String> {
    let found = Dimension::ALL.into_iter().find(|one| one.to_string() == word);
    let all = || Dimension::ALL.into_iter().join(", ");
    found.ok_or_else(|| format!("`{word}` is not a dimension; there are {}", all()))
}

fn origin(word: &str) -> Result<Origin, String> {
    listed(word, "a place that a wrong value comes from", Origin::iter())
}

/// One of all, by its word.
fn listed<T: FromStr + Display>(
    word: &str,
    noun: &str,
    mut all: impl Iterator<Item = T>,
) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is not {noun}; there are {}", all.join(", ")))
}

/// The forms that values of these dimensions have; any word where it is not about a value.
struct Forms<'a>(&'a BTreeSet<Dimension>);

impl Forms<'_> {
    fn read(&self, word: &str) -> Result<String, String> {
        let known: Vec<&str> =
            self.0.iter().flat_map(|dimension| dimension.forms()).copied().unique().collect();
        if known.is_empty() || known.contains(&word) {
            return Ok(word.to_owned());
        }
        let (dimensions, known) = (self.0.iter().join(", "), known.join(", "));
        Err(format!("`{word}` is not a form of {dimensions}; there are {known}"))
    }
}

fn facts(
    written: BTreeMap<Spanned<String>, Spanned<Words>>,
) -> Result<BTreeMap<Fact, BTreeSet<String>>, Fault> {
    let mut facts = BTreeMap::new();
    for (name, words) in written {
        let fact = read(name, |name| listed::<Fact>(&name, "a fact", Fact::iter()))?;
        let known = fact.words();
        let word = |word: &str| {
            let is_known = known.iter().any(|one| one == word);
            let known = || known.join(", ");
            is_known.then(|| word.to_owned()).ok_or_else(|| {
                format!("`{word}` is not a word of the fact {fact}; there are {}", known())
            })
        };
        facts.insert(fact, read(words, |words| each(words, word))?);
    }
    Ok(facts)
}
