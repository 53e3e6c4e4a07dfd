//! The faults of a value, in words that are the same in every run.
//!
//! For a union of forms the fault in the nearest form is reported: the form whose tag fits, or else
//! what all of them require. A value is shown only where it cannot be an id or a path, an entry of
//! a list has no index, and a key is shown only if it is a word.

use std::fmt;

use serde_json::Value;

use super::validator::{Error, ErrorKind as Kind};

/// A fault of a line. Equal faults have equal texts in every run: they name no id, no path of a
/// file and no index of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where in the line, as `params.turn.items[].type`; empty for the line itself.
    pub at: String,
    /// What is wrong there.
    pub says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.says),
            at => write!(f, "{at}: {}", self.says),
        }
    }
}

/// The longest value that is shown: a word of the protocol is shorter, an id longer.
const WORD_LENGTH_MAX: usize = 32;

/// How many expected words are shown.
const WORDS_MAX: usize = 12;

/// How near a form of a union is to a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// The value is of another type.
    Type,
    /// It is a word, but not one of the expected ones.
    Word,
    /// It is an object with another tag.
    Tag,
    /// It is an object with a field too few or too many.
    Fields,
    /// It fits, and is wrong inside.
    Inside,
}

/// The problem that an error of the validator describes.
pub(super) fn of_error(root: &str, error: &Error<'_>) -> Problem {
    let error = nearest(error);
    let at = format!("{root}{}", place(&error.place));
    Problem { at: at.trim_start_matches('.').to_owned(), says: says(error) }
}

/// The places of an error, as JSON pointers: its own, and for a union that of its nearest form.
pub(super) fn places(error: &Error<'_>) -> Vec<String> {
    vec![nearest(error).place.clone(), error.place.clone()]
}

/// Follows unions as long as one form is nearer than the others.
fn nearest<'a, 'e>(error: &'a Error<'e>) -> &'a Error<'e> {
    let Some(forms) = forms(error) else {
        return error;
    };
    let here = &error.place;
    let rated: Vec<_> = forms.iter().filter_map(|form| farthest(form, here)).collect();
    let Some((best, inner)) = rated.iter().max_by_key(|(near, error)| (*near, depth(error))) else {
        return error;
    };
    let alone = rated.iter().filter(|(nearness, _)| nearness == best).count() == 1;
    match best {
        Nearness::Inside => nearest(inner),
        Nearness::Type => error,
        _ if alone => nearest(inner),
        _ => error,
    }
}

/// The errors of each form of a union.
fn forms<'a, 'e>(error: &'a Error<'e>) -> Option<&'a [Vec<Error<'e>>]> {
    match &error.kind {
        Kind::NoBranch(branches) => Some(branches),
        _ => None,
    }
}

/// A form is as near as its farthest error.
fn farthest<'a, 'e>(form: &'a [Error<'e>], union_at: &str) -> Option<(Nearness, &'a Error<'e>)> {
    form.iter()
        .map(|error| (nearness(error, union_at), error))
        .min_by_key(|(nearness, _)| *nearness)
}

fn nearness(error: &Error<'_>, union_at: &str) -> Nearness {
    let here = error.place == union_at;
    if here && let Some(forms) = forms(error) {
        let rated = forms.iter().filter_map(|form| farthest(form, union_at));
        return rated.map(|(nearness, _)| nearness).max().unwrap_or(Nearness::Inside);
    }
    match &error.kind {
        Kind::Type(_) if here => Nearness::Type,
        Kind::Enum(_) | Kind::Constant(_) if here => Nearness::Word,
        Kind::Enum([_]) => Nearness::Tag,
        Kind::Constant(_) => Nearness::Tag,
        Kind::Required(_) | Kind::AdditionalProperties(_) if here => Nearness::Fields,
        _ => Nearness::Inside,
    }
}

fn depth(error: &Error<'_>) -> usize {
    error.place.matches('/').count()
}

/// `/turn/items/0/type` as `.turn.items[].type`.
fn place(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| match step {
        _ if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) => "[]".to_owned(),
        _ if is_word(step) => format!(".{step}"),
        _ => ".{}".to_owned(),
    });
    steps.collect()
}

/// Whether a text can be a word of the protocol, rather than an id or a path.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    !text.is_empty() && text.len() <= WORD_LENGTH_MAX && text.bytes().all(plain) && digits <= 4
}

fn says(error: &Error<'_>) -> String {
    let value = error.value;
    match &error.kind {
        Kind::Enum(options) => format!("{} is not one of {}", shown(value), listed(options)),
        Kind::Constant(expected) => format!("{} is not {expected}", shown(value)),
        Kind::Type(names) => format!("{} where {} is expected", shown(value), names.join(" or ")),
        Kind::Required(property) => format!("lacks {property}"),
        Kind::AdditionalProperties(unexpected) => {
            let known: Vec<&str> = unexpected.iter().map(|name| word(name)).collect();
            format!("has {}, which the schema does not know", known.join(", "))
        }
        Kind::Minimum(limit) => format!("is below {limit}"),
        Kind::Maximum(limit) => format!("is above {limit}"),
        Kind::SeveralBranches => "fits more than one form".to_owned(),
        Kind::NoBranch(_) => union(value, error),
        Kind::Other(keyword) => format!("breaks its `{keyword}`"),
    }
}

fn word(name: &str) -> &str {
    if is_word(name) { name } else { "a key" }
}

/// A value that fits no form of a union: described by its tag or word where the forms have one, or
/// else by their types.
fn union(value: &Value, error: &Error<'_>) -> String {
    let leaves = leaves(error);
    let mut words: Vec<Value> = Vec::new();
    let mut wrong = None;
    for (leaf, options) in leaves.iter().filter_map(|leaf| Some((leaf, words_of(leaf)?))) {
        words.extend(options.iter().cloned());
        wrong = wrong.or(Some(leaf));
    }
    let mut types: Vec<String> = leaves.iter().filter_map(|leaf| type_of(leaf)).collect();
    let of_type = |leaf: &&Error<'_>| matches!(&leaf.kind, Kind::Type(_) | Kind::Enum(_));
    let all_types = leaves.iter().all(of_type);
    types.dedup();
    match wrong {
        Some(leaf) => {
            let step = leaf.place.rsplit('/').next().unwrap_or_default();
            let tag = if value.is_object() { format!("{step} ") } else { String::new() };
            format!("{tag}{} is not one of {}", shown(leaf.value), listed(&words))
        }
        None if all_types => format!("{} where {} is expected", shown(value), types.join(" or ")),
        None => format!("{} fits none of its forms", shown(value)),
    }
}

/// The errors of a union's forms, and of the unions among them.
fn leaves<'a, 'e>(error: &'a Error<'e>) -> Vec<&'a Error<'e>> {
    match forms(error) {
        None => vec![error],
        Some(forms) => forms.iter().flatten().flat_map(leaves).collect(),
    }
}

/// The words that a text should have been one of.
fn words_of<'a>(error: &Error<'a>) -> Option<&'a [Value]> {
    match &error.kind {
        Kind::Enum(options) if error.value.is_string() => Some(options),
        _ => None,
    }
}

fn type_of(error: &Error<'_>) -> Option<String> {
    match &error.kind {
        Kind::Type(names) => Some(names.join(" or ")),
        _ => None,
    }
}

/// The kind of a value, and the value itself where it is a word or a truth value.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) if is_word(text) => format!("{text:?}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn listed(options: &[Value]) -> String {
    let all: Vec<String> = options.iter().map(ToString::to_string).collect();
    if all.len() > WORDS_MAX {
        format!("{} and {} others", all[..WORDS_MAX].join(", "), all.len() - WORDS_MAX)
    } else {
        all.join(", ")
    }
}
