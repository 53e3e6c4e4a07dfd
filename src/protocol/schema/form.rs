//! The schema of one kind of value, and its validator.
//!
//! A form holds only the part of the bundle that it refers to: a bundle is a megabyte, and one
//! method needs some kilobytes of it. The validator is compiled for the first value, and then takes
//! some microseconds for each.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::{Problem, problem};

/// The start of a reference into the bundle.
const DEFINITIONS: &str = "#/definitions/";

pub(super) struct Form {
    /// The schema with every definition that it refers to.
    document: Value,
    /// The fields at the top of an object.
    pub(super) fields: BTreeSet<String>,
    /// Whether the value may be absent.
    optional: bool,
    validator: OnceLock<Result<Validator, String>>,
}

impl Form {
    /// The form of a schema within a bundle.
    pub(super) fn new(schema: &Value, bundle: &Value) -> Form {
        let mut document = json!({ "allOf": [schema] });
        let reached = reached(schema, bundle);
        let definitions = reached.iter().filter_map(|path| {
            let steps: Vec<&str> = path.strip_prefix("#/")?.split('/').collect();
            Some((steps, bundle.pointer(path.strip_prefix('#')?)?))
        });
        for (steps, definition) in definitions {
            put(&mut document, &steps, definition.clone());
        }
        let fields = fields(schema, bundle);
        Form { document, fields, optional: false, validator: OnceLock::new() }
    }

    /// The form of the parameters in a branch of a union of lines.
    pub(super) fn of_params(branch: &Value, bundle: &Value) -> Form {
        let anything = Value::Bool(true);
        let params = branch.pointer("/properties/params");
        let required = branch.get("required").and_then(Value::as_array);
        let is_required = required.is_some_and(|names| names.iter().any(|name| name == "params"));
        Form { optional: !is_required, ..Form::new(params.unwrap_or(&anything), bundle) }
    }

    /// The form of the members that all branches of a union of lines share.
    pub(super) fn beside(union: &Value, bundle: &Value) -> Form {
        let properties = union.get("properties").cloned().unwrap_or_else(|| json!({}));
        Form::new(&json!({ "properties": properties }), bundle)
    }

    /// The faults of a value that stands at `root` of its line.
    pub(super) fn problems(&self, root: &str, value: &Value) -> Vec<Problem> {
        if self.optional && value.is_null() {
            return Vec::new();
        }
        let validator = match self.validator() {
            Ok(validator) => validator,
            Err(reason) => {
                let says = format!("its schema is not valid: {reason}");
                return vec![Problem { at: root.to_owned(), says }];
            }
        };
        if validator.is_valid(value) {
            return Vec::new();
        }
        let found: BTreeSet<Problem> =
            validator.iter_errors(value).map(|error| problem::of_error(root, &error)).collect();
        found.into_iter().collect()
    }

    /// Whether a field may have this value, whatever the others have.
    pub(super) fn allows(&self, field: &str, value: &Value) -> bool {
        let Ok(validator) = self.validator() else {
            return false;
        };
        let object = Value::Object(Map::from_iter([(field.to_owned(), value.clone())]));
        let errors = validator.iter_errors(&object);
        let mut errors = errors.flat_map(|error| problem::places(&error));
        !errors.any(|place| place.split('/').nth(1) == Some(field))
    }

    fn validator(&self) -> Result<&Validator, &String> {
        let compiled = self.validator.get_or_init(|| {
            let options = jsonschema::options().with_draft(Draft::Draft7);
            options.build(&self.document).map_err(|error| error.to_string())
        });
        compiled.as_ref()
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("fields", &self.fields).finish_non_exhaustive()
    }
}

/// The reference that a schema is, `null` beside it aside.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    let own = schema.get("$ref").and_then(Value::as_str);
    own.or_else(|| branches(schema).find_map(|branch| branch.get("$ref")?.as_str()))
}

fn branches(schema: &Value) -> impl Iterator<Item = &Value> {
    let unions = ["anyOf", "oneOf", "allOf"].into_iter();
    unions.filter_map(|word| schema.get(word)?.as_array()).flatten()
}

/// The names of the fields of an object, whatever the references and unions on the way to it.
fn fields(schema: &Value, bundle: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut seen, mut open) = (BTreeSet::new(), vec![schema]);
    while let Some(schema) = open.pop() {
        let own = schema.get("properties").and_then(Value::as_object);
        found.extend(own.into_iter().flat_map(Map::keys).cloned());
        open.extend(branches(schema));
        let path = schema.get("$ref").and_then(Value::as_str);
        let path = path.filter(|path| seen.insert(*path)).and_then(|path| path.strip_prefix('#'));
        open.extend(path.and_then(|path| bundle.pointer(path)));
    }
    found
}

/// Every definition that a schema reaches, by its path.
fn reached<'a>(schema: &'a Value, bundle: &'a Value) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(object) => open.extend(object.values()),
            _ => {}
        }
        let path = value.get("$ref").and_then(Value::as_str);
        let path = path.filter(|path| path.starts_with(DEFINITIONS) && found.insert(*path));
        open.extend(path.and_then(|path| bundle.pointer(path.strip_prefix('#')?)));
    }
    found
}

/// Puts a definition where its path says.
fn put(document: &mut Value, steps: &[&str], definition: Value) {
    let (last, folders) = steps.split_last().expect("a reference has a path");
    let folder = folders.iter().fold(document, |value, step| {
        let object = value.as_object_mut().expect("folders are objects");
        object.entry(*step).or_insert_with(|| json!({}))
    });
    folder[*last] = definition;
}
