//! A row as the list spells it: the words of a cause, read one by one.
//!
//! A word that does not exist is refused with those that do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use itertools::Itertools;
use semver::Version;
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
use crate::program::release_range::ReleaseRange;

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
    repaired: Option<Spanned<String>>,
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
        let repaired = self.repaired;
        let row = parts.row(Subject { id, title, scope }, case)?;
        let later = |text| later_release(text, &row.releases);
        let repaired = repaired.map(|text| read(text, later)).transpose()?;
        Ok(Row { repaired, ..row })
    }
}

/// A release that comes after a range.
fn later_release(text: String, releases: &ReleaseRange) -> Result<Version, String> {
    let release =
        text.parse().map_err(|_| format!("`{text}` is not a release; write it like 0.150.0"))?;
    if releases.ends_before(&release) {
        Ok(release)
    } else {
        Err(format!("{text} does not come after {releases}, where the deviation shows"))
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
    word.parse::<Clause>().map_err(|error| error.to_string())
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::cause::Known;

    const CASE: &str = "# heirloom case v2\nconfig\naudit\n";

    const ROW: &str = "[[cause]]\nid = \"lost\"\ntitle = \"a resume loses it\"\nclauses = \"R4\"\n\
        dimensions = [\"AP\", \"RV\"]\nwrong = \"config\"\nfacts = { began = [\"name\", \"shell\"], \
        loaded = \"no\" }\nreleases = \"0.169.0\"\nreason = \"x\"\ncase = \"a.case\"\n";

    /// What is read of the row with one text in the place of another.
    fn check(old: &str, new: &str, expected: Expect) {
        let list = ROW.replace(old, new);
        assert!(old.is_empty() || list != ROW, "the row has no {old}");
        expected.assert_eq(&match Known::parse(&list, |_| Ok(CASE.to_owned())) {
            Ok(known) => format!("{:?}", known.rows[0].scope.facts),
            Err(error) => error.to_string().replace("; ", "\n"),
        });
    }

    #[test]
    fn one_word_may_stand_bare() {
        check("", "", expect![[r#"{Began: {"name", "shell"}, Loaded: {"no"}}"#]]);
    }

    #[test]
    fn a_word_that_does_not_exist_is_named_with_its_line_and_with_those_that_do() {
        check(
            "began =",
            "begun =",
            expect![[r#"
                line 7: `begun` is not a fact
                there are began, broken-off, broken-beginning, last-turn, loaded, since, subscribed, set-by, archived, reverted, parent, full-disk, features"#]],
        );
        check(
            "\"shell\"",
            "\"sehll\"",
            expect![[r#"
                line 7: `sehll` is not a word of the fact began
                there are nothing, archive, compact, configure, detached-review, disk, fork, goal, inject, invalid, list, name, parallel, queue, read, remove-folder, restart, resume, revert, review, run, second-server, settings, shell, spawn, start, steer, subagent-turn, turn-settings, unarchive, unload, unsubscribe"#]],
        );
        check(
            "loaded = \"no\"",
            "loaded = \"maybe\"",
            expect![[r#"
            line 7: `maybe` is not a word of the fact loaded
            there are yes, no"#]],
        );
        check(
            "\"R4\"",
            "\"R99\"",
            expect![[r#"
            line 4: no clause `R99` in the contract
            near it stand R18, R17, R16, R13
            `heirloom clauses` lists them all"#]],
        );
        check(
            "\"RV\"",
            "\"XX\"",
            expect![[r#"
                line 5: `XX` is not a dimension
                there are AP, RV, SB, PP, M, E, T, CWD, CM, DP, WR"#]],
        );
        check(
            "wrong = \"config\"",
            "wrong = \"confg\"",
            expect![[r#"
            line 6: `confg` is not a place that a wrong value comes from
            there are config, source, before, unset, other-thread, unknown"#]],
        );
        check(
            "wrong = \"config\"",
            "wrong = \"config\"\nseen = \"read-only\"",
            expect![[r#"
                line 7: `read-only` is not a form of AP, RV
                there are untrusted, on-failure, on-request, never, granular, odd, sandbox_approval:on, sandbox_approval:off, rules:on, rules:off, request_permissions:on, request_permissions:off, mcp_elicitations:on, mcp_elicitations:off, user, auto_review"#]],
        );
        check(
            "\"R4\"",
            "\"R4\"\noperations = \"leap\"",
            expect![[r#"
                line 5: `leap` is not an operation
                there are archive, compact, configure, detached-review, disk, fork, goal, inject, invalid, list, name, parallel, queue, read, remove-folder, restart, resume, revert, review, run, second-server, settings, shell, spawn, start, steer, subagent-turn, turn-settings, unarchive, unload, unsubscribe"#]],
        );
    }

    #[test]
    fn a_row_says_where_a_wrong_value_comes_from_and_has_an_id_and_a_title() {
        check(
            "wrong = \"config\"\n",
            "",
            expect![[r#"
            line 1: lost does not say where the wrong value comes from
            add `wrong`, one or several of config, source, before, unset, other-thread, unknown"#]],
        );
        check(
            "dimensions = [\"AP\", \"RV\"]",
            "seen = \"never\"",
            expect![[r#"
            line 5: lost has no `dimensions`, so it is not about a value
            remove `seen`"#]],
        );
        check(
            "\"lost\"",
            "\"Lost policy\"",
            expect![[r#"
            line 2: `Lost policy` is not an id
            write it like lost-sandbox"#]],
        );
        check(
            "\"a resume loses it\"",
            "\" \"",
            expect![[r#"
            line 3: the title of lost is empty
            say in a few words what happens"#]],
        );
        check(
            "reason = \"x\"",
            "reason = \"\"",
            expect![[r#"
            line 1: lost has neither reason nor link
            say why it is excused"#]],
        );
    }

    #[test]
    fn an_id_stands_once() {
        let known = Known::parse(&format!("{ROW}{ROW}"), |_| Ok(CASE.to_owned()));
        let error = known.map(drop).map_err(|error| error.to_string());
        expect!["line 11: the row of line 1 has the id lost too; rename one"]
            .assert_eq(&error.expect_err("it is refused"));
    }
}
