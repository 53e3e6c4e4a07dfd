//! A cause in plain words: its title, what matters and what does not.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;

use super::explain::Tried;
use super::scope::Scope;
use super::variations::Point;
use crate::judge::origin::Origin;
use crate::judge::verdict::Finding;
use crate::model::life::{Fact, YES};
use crate::policy::Dimension;

/// Dimensions that a title names; of more it says "policy".
const NAMED_MAX: usize = 2;

/// Most words of an id.
const ID_WORDS_MAX: usize = 6;

/// What a cause is called as long as nobody gave it a better title.
pub fn title(scope: &Scope, finding: &Finding) -> String {
    let operation = scope.operations.iter().map(|kind| format!("`{kind}`")).join(" or ");
    let facts = scope.facts.iter().filter(|(fact, _)| !is_implied(**fact, scope));
    let facts = facts.map(|(fact, words)| fact_words(*fact, words)).join(" and ");
    let facts = if facts.is_empty() { facts } else { format!(", if {facts}") };
    if finding.dimension.is_none() {
        let seen = finding.seen.split(['\n', ';']).next().unwrap_or_default();
        return format!("after {operation}, expected: {}; seen: {seen}{facts}", finding.expected);
    }
    let about = match scope.dimensions.len() {
        0..=NAMED_MAX => scope.dimensions.iter().map(|one| dimension(*one)).join(" and "),
        _ => "policy".to_owned(),
    };
    let origin = scope.wrong.first().copied().filter(|_| !scope.wrong.contains(&Origin::Unknown));
    let origin = origin_noun(origin.unwrap_or(Origin::Unknown));
    let due = match scope.expected.len() {
        1..=NAMED_MAX => scope.expected.iter().join(" or "),
        _ => "the thread's own".to_owned(),
    };
    // Two settings, or roots and plugins.
    let is_plural = scope.dimensions.len() == NAMED_MAX || about.ends_with('s');
    let is = if is_plural { "are" } else { "is" };
    format!("after {operation}, the {about} {is} {origin} instead of {due}{facts}")
}

/// Whether another fact says it already.
fn is_implied(fact: Fact, scope: &Scope) -> bool {
    let broken = scope.facts.get(&Fact::BrokenBeginning);
    let is_broken = broken.is_some_and(|words| words.contains(YES));
    is_broken && matches!(fact, Fact::Began | Fact::BrokenOff | Fact::LastTurn)
}

/// A name for files and lists, made of the clause, the operation and the facts that matter.
pub fn id(scope: &Scope, finding: &Finding) -> String {
    let clause = finding.clause.to_string();
    let facts = scope.facts.iter().filter(|(fact, _)| **fact != Fact::Loaded);
    let facts = facts.flat_map(|(fact, words)| {
        let plain = words.iter().any(|word| word == YES || word == "no");
        if plain { vec![fact.to_string()] } else { words.iter().cloned().collect() }
    });
    let words = [clause, finding.kind.to_string()].into_iter().chain(facts);
    let words = words.chain(scope.expected.iter().cloned()).chain(
        (scope.dimensions.len() == 1)
            .then(|| scope.dimensions.iter().map(ToString::to_string))
            .into_iter()
            .flatten(),
    );
    let id = words.take(ID_WORDS_MAX).join("-").to_lowercase();
    id.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// What the cause depends on.
pub fn matters(scope: &Scope, tried: &BTreeMap<Point, Tried>) -> Vec<String> {
    let not = |point: Option<Point>| {
        let not = point.and_then(|point| tried.get(&point)).map(|tried| &tried.not);
        let words = not.into_iter().flatten().join(", ");
        if words.is_empty() { words } else { format!(" (not with {words})") }
    };
    let of_fact = |fact: Fact| tried.keys().copied().find(|point| point.fact() == Some(fact));
    let facts = scope.facts.iter();
    let mut all: Vec<String> = facts
        .map(|(fact, words)| format!("{}{}", fact_words(*fact, words), not(of_fact(*fact))))
        .collect();
    for (point, Tried { shows, not }) in tried {
        if not.is_empty() || point.fact().is_some_and(|fact| scope.facts.contains_key(&fact)) {
            continue;
        }
        let [shows, not] = [shows, not].map(|words| listed(*point, words));
        let shows = if shows.is_empty() { shows } else { format!("{shows}; ") };
        all.push(format!("{}: {shows}not {not}", point.words()));
    }
    all
}

/// The words that were tried at a point; dimensions by their names.
fn listed(point: Point, words: &BTreeSet<String>) -> String {
    let name = |word: &String| {
        let about = Dimension::ALL.into_iter().find(|one| one.to_string() == *word);
        match about.filter(|_| point == Point::Dimension) {
            Some(one) => dimension(one).to_owned(),
            None => word.clone(),
        }
    };
    words.iter().map(name).join(", ")
}

/// What was varied and changes nothing.
pub fn does_not_matter(tried: &BTreeMap<Point, Tried>) -> Vec<String> {
    let free = tried.iter().filter(|(_, tried)| tried.not.is_empty());
    free.map(|(point, tried)| format!("{} ({})", point.words(), listed(*point, &tried.shows)))
        .collect()
}

/// The points that were not varied, and why.
pub fn not_tried(points: &BTreeSet<Point>) -> Vec<String> {
    let by_reason = points.iter().into_group_map_by(|point| reason(**point));
    let line = |(why, points): (&str, Vec<&Point>)| {
        format!("{} ({why})", points.iter().map(|point| point.words()).join(", "))
    };
    by_reason.into_iter().sorted().map(line).collect()
}

fn reason(point: Point) -> &'static str {
    match point {
        Point::Dimension | Point::Value | Point::Setter | Point::Config => {
            "no other value could be put in, or the runs were spent"
        }
        _ => "the program has none to vary",
    }
}

/// A fact of a thread, with the words with which the cause shows.
pub fn fact_words(fact: Fact, words: &BTreeSet<String>) -> String {
    let any = words.iter().map(|word| format!("`{word}`")).join(" or ");
    let plain = words.iter().join(" or ").replace('-', " ");
    let yes = words.contains(YES);
    match fact {
        Fact::Began => format!("the thread's history began with {any}"),
        Fact::BrokenOff if words.contains("nothing") => "no kill broke off a call".to_owned(),
        Fact::BrokenOff => format!("a kill broke off {any}"),
        Fact::BrokenBeginning if yes => {
            "a kill broke off the call that began its history".to_owned()
        }
        Fact::BrokenBeginning => "no kill broke off the call that began its history".to_owned(),
        Fact::LastTurn if words.contains("none") => "it had no turn".to_owned(),
        Fact::LastTurn => {
            format!("its last turn {}", words.iter().map(|word| ended(word)).join(" or "))
        }
        Fact::Loaded if yes => "the thread is loaded".to_owned(),
        Fact::Loaded => "the thread is not loaded".to_owned(),
        Fact::Since => format!("{any} loaded or unloaded it"),
        Fact::Subscribed if yes => "a client is subscribed".to_owned(),
        Fact::Subscribed => "no client is subscribed".to_owned(),
        Fact::SetBy if words.contains("request-config") && words.len() == 1 => {
            "the `config` of a request set the value".to_owned()
        }
        Fact::SetBy => format!("{any} set the value"),
        Fact::Archived if yes => "it was archived before".to_owned(),
        Fact::Archived => "it was never archived".to_owned(),
        Fact::Reverted if yes => "it was reverted before".to_owned(),
        Fact::Reverted => "it was never reverted".to_owned(),
        Fact::FullDisk if yes => "the disk was full in one of its operations".to_owned(),
        Fact::FullDisk => "the disk was never full".to_owned(),
        Fact::Features => format!("the server runs with {plain} features"),
        Fact::Parent => format!("the thread that it came from is {plain}"),
    }
}

/// How a turn ended.
fn ended(word: &str) -> String {
    match word {
        "interrupted" => "was interrupted".to_owned(),
        "broken-off" => "was broken off".to_owned(),
        "running" => "still runs".to_owned(),
        word => word.to_owned(),
    }
}

/// A dimension in plain words.
pub fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::AP => "approval policy",
        Dimension::RV => "reviewer",
        Dimension::SB => "sandbox",
        Dimension::PP => "profile",
        Dimension::M => "model",
        Dimension::E => "effort",
        Dimension::T => "tier",
        Dimension::CWD => "folder",
        Dimension::CM => "mode",
        Dimension::DP => "plugins",
        Dimension::WR => "roots",
    }
}

/// Where a wrong value comes from, as a noun.
pub fn origin_noun(origin: Origin) -> &'static str {
    match origin {
        Origin::Config => "config.toml's default",
        Origin::Source => "the fork source's value",
        Origin::Before => "the thread's earlier value",
        Origin::Unset => "no value",
        Origin::OtherThread => "another thread's value",
        Origin::Unknown => "another value",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use expect_test::expect;

    use super::{does_not_matter, matters};
    use crate::cause::explain::Tried;
    use crate::cause::scope::Scope;
    use crate::cause::variations::Point;
    use crate::model::life::Fact;

    fn words(text: &str) -> BTreeSet<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_fails_with_a_word_matters_and_what_shows_with_each_does_not() {
        let tried = |shows, not| Tried { shows: words(shows), not: words(not) };
        let points = BTreeMap::from([
            (Point::Restart, tried("graceful kill", "")),
            (Point::Dimension, tried("SB", "AP CWD")),
            (Point::Began, tried("name shell", "run")),
        ]);
        let facts = BTreeMap::from([(Fact::Began, words("name shell"))]);
        let scope = Scope { facts, ..Scope::default() };
        let all = [matters(&scope, &points), does_not_matter(&points)].map(|all| all.join("\n"));
        expect![[r#"
            the thread's history began with `name` or `shell` (not with run)
            the dimension: sandbox; not approval policy, folder
            --
            how the server was restarted (graceful, kill)"#]]
        .assert_eq(&all.join("\n--\n"));
    }
}
