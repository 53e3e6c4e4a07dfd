//! Validates a value against a JSON Schema, as far as the printed one uses the language.
//!
//! These are the keywords of draft 7 that releases print; any other is not checked, and never an
//! accusation. As draft 7 says, nothing beside a `$ref` counts; `format` is a comment.

use std::mem;

use serde_json::{Map, Value};

/// References that are followed one within another, at the most: printed schemas nest about ten.
const REFERENCES_MAX: usize = 64;

/// In the order in which an error lists them.
const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// What is wrong with one part of a value.
#[derive(Debug)]
pub(super) struct Error<'a> {
    /// Where the part stands, as a JSON pointer.
    pub(super) place: String,
    pub(super) value: &'a Value,
    pub(super) kind: ErrorKind<'a>,
}

/// The keyword that a value breaks, with what the keyword asks for.
#[derive(Debug)]
pub(super) enum ErrorKind<'a> {
    Type(Vec<&'static str>),
    Enum(&'a [Value]),
    Constant(&'a Value),
    Required(&'a Value),
    AdditionalProperties(Vec<&'a str>),
    Minimum(&'a Value),
    Maximum(&'a Value),
    /// No branch of an `anyOf` or `oneOf` fits: the errors of each branch.
    NoBranch(Vec<Vec<Error<'a>>>),
    /// More than one branch of a `oneOf` fits.
    SeveralBranches,
    Other(&'static str),
}

/// Every error of a value, by a schema whose references point into the bundle.
pub(super) fn errors<'a>(schema: &'a Value, bundle: &'a Value, value: &'a Value) -> Vec<Error<'a>> {
    let mut validation =
        Validation { bundle, place: String::new(), references: 0, errors: Vec::new() };
    validation.value(schema, value);
    validation.errors
}

struct Validation<'a> {
    bundle: &'a Value,
    /// Where the value at hand stands.
    place: String,
    /// How many references lead to the schema at hand.
    references: usize,
    errors: Vec<Error<'a>>,
}

type Keywords<'a> = &'a Map<String, Value>;

impl<'a> Validation<'a> {
    fn value(&mut self, schema: &'a Value, value: &'a Value) {
        let Value::Object(keywords) = schema else {
            self.expect(*schema != Value::Bool(false), value, || ErrorKind::Other("falseSchema"));
            return;
        };
        if let Some(reference) = keywords.get("$ref") {
            let path = reference.as_str().and_then(|path| path.strip_prefix('#'));
            match path.and_then(|path| self.bundle.pointer(path)) {
                Some(definition) if self.references < REFERENCES_MAX => {
                    self.references += 1;
                    self.value(definition, value);
                    self.references -= 1;
                }
                _ => self.expect(false, value, || ErrorKind::Other("$ref")),
            }
            return;
        }
        self.form(keywords, value);
        match value {
            Value::Number(number) => self.number(keywords, value, number.as_f64()),
            Value::String(text) => {
                let least = keywords.get("minLength").and_then(Value::as_u64).unwrap_or(0);
                let fits = text.chars().count() as u64 >= least;
                self.expect(fits, value, || ErrorKind::Other("minLength"));
            }
            Value::Array(items) => {
                let form = keywords.get("items").unwrap_or(&Value::Bool(true));
                for (index, item) in items.iter().enumerate() {
                    self.below(&index.to_string(), form, item);
                }
            }
            Value::Object(fields) => self.object(keywords, value, fields),
            Value::Null | Value::Bool(_) => {}
        }
        self.unions(keywords, value);
    }

    fn form(&mut self, keywords: Keywords<'a>, value: &'a Value) {
        if let Some(expected) = keywords.get("type") {
            let named = |name: &&str| match expected {
                Value::Array(names) => names.iter().any(|each| each == name),
                only => only == name,
            };
            let names: Vec<&str> = TYPES.into_iter().filter(named).collect();
            let fits = names.iter().any(|name| is_of_type(value, name));
            self.expect(fits, value, || ErrorKind::Type(names));
        }
        if let Some(expected) = keywords.get("const") {
            self.expect(value == expected, value, || ErrorKind::Constant(expected));
        }
        if let Some(Value::Array(options)) = keywords.get("enum") {
            self.expect(options.contains(value), value, || ErrorKind::Enum(options));
        }
    }

    fn number(&mut self, keywords: Keywords<'a>, value: &'a Value, number: Option<f64>) {
        if let Some(limit) = keywords.get("minimum") {
            self.expect(number >= limit.as_f64(), value, || ErrorKind::Minimum(limit));
        }
        if let Some(limit) = keywords.get("maximum") {
            self.expect(number <= limit.as_f64(), value, || ErrorKind::Maximum(limit));
        }
    }

    fn object(&mut self, keywords: Keywords<'a>, value: &'a Value, fields: &'a Map<String, Value>) {
        for name in array(keywords, "required") {
            let present = name.as_str().is_some_and(|name| fields.contains_key(name));
            self.expect(present, value, || ErrorKind::Required(name));
        }
        let properties = keywords.get("properties");
        let additional = keywords.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let mut unexpected = Vec::new();
        for (name, field) in fields {
            let property = properties.and_then(|properties| properties.get(name));
            if property.is_none() && *additional == Value::Bool(false) {
                unexpected.push(name.as_str());
            } else {
                self.below(name, property.unwrap_or(additional), field);
            }
        }
        let known = unexpected.is_empty();
        self.expect(known, value, || ErrorKind::AdditionalProperties(unexpected));
    }

    fn unions(&mut self, keywords: Keywords<'a>, value: &'a Value) {
        for schema in array(keywords, "allOf") {
            self.value(schema, value);
        }
        for union in ["anyOf", "oneOf"].into_iter().filter(|union| keywords.contains_key(*union)) {
            let branches = array(keywords, union).map(|schema| self.branch(schema, value));
            let branches: Vec<Vec<Error<'a>>> = branches.collect();
            match branches.iter().filter(|errors| errors.is_empty()).count() {
                0 => self.expect(false, value, || ErrorKind::NoBranch(branches)),
                1 => {}
                _ => self.expect(union == "anyOf", value, || ErrorKind::SeveralBranches),
            }
        }
    }

    /// The errors of a value by one schema, which are not errors yet.
    fn branch(&mut self, schema: &'a Value, value: &'a Value) -> Vec<Error<'a>> {
        let outer = mem::take(&mut self.errors);
        self.value(schema, value);
        mem::replace(&mut self.errors, outer)
    }

    /// Validates a part of the value at hand.
    fn below(&mut self, step: &str, schema: &'a Value, value: &'a Value) {
        let length = self.place.len();
        self.place.push('/');
        self.place.push_str(&step.replace('~', "~0").replace('/', "~1"));
        self.value(schema, value);
        self.place.truncate(length);
    }

    fn expect(&mut self, fits: bool, value: &'a Value, kind: impl FnOnce() -> ErrorKind<'a>) {
        if !fits {
            self.errors.push(Error { place: self.place.clone(), value, kind: kind() });
        }
    }
}

fn array<'a>(keywords: Keywords<'a>, name: &str) -> impl Iterator<Item = &'a Value> {
    keywords.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => {
            let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
            name == "number" || name == "integer" && whole
        }
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    }
}
