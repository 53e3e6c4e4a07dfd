//! The schema of one kind of value, and the bundle that its references point into.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::{problem, validator};

pub(super) struct Form {
    schema: Value,
    bundle: Arc<Value>,
    /// The fields at the top of an object.
    pub(super) fields: BTreeSet<String>,
    /// Whether the value may be absent.
    optional: bool,
}

impl Form {
    /// The form of a schema within a bundle.
    pub(super) fn new(schema: &Value, bundle: &Arc<Value>) -> Form {
        let fields = fields(schema, bundle);
        Form { schema: schema.clone(), bundle: Arc::clone(bundle), fields, optional: false }
    }

    /// The form of the parameters in a branch of a union of lines.
    pub(super) fn of_params(branch: &Value, bundle: &Arc<Value>) -> Form {
        let anything = Value::Bool(true);
        let params = branch.pointer("/properties/params");
        let required = branch.get("required").and_then(Value::as_array);
        let is_required = required.is_some_and(|names| names.iter().any(|name| name == "params"));
        Form { optional: !is_required, ..Form::new(params.unwrap_or(&anything), bundle) }
    }

    /// The form of the members that all branches of a union of lines share.
    pub(super) fn beside(union: &Value, bundle: &Arc<Value>) -> Form {
        let properties = union.get("properties").cloned().unwrap_or_else(|| json!({}));
        Form::new(&json!({ "properties": properties }), bundle)
    }

    /// The faults of a value that stands at `root` of its line.
    pub(super) fn problems(&self, root: &str, value: &Value) -> Vec<Problem> {
        if self.optional && value.is_null() {
            return Vec::new();
        }
        let errors = validator::errors(&self.schema, &self.bundle, value);
        let found: BTreeSet<Problem> =
            errors.iter().map(|error| problem::of_error(root, error)).collect();
        found.into_iter().collect()
    }

    /// Whether a field may have this value, whatever the others have.
    pub(super) fn allows(&self, field: &str, value: &Value) -> bool {
        let object = Value::Object(Map::from_iter([(field.to_owned(), value.clone())]));
        let errors = validator::errors(&self.schema, &self.bundle, &object);
        let mut places = errors.iter().flat_map(problem::places);
        !places.any(|place| place.split('/').nth(1) == Some(field))
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
