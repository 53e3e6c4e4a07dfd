//! The JSON schema that a server prints of its own protocol.
//!
//! It says which methods, fields and values a release knows, and validates lines in both
//! directions. No method name stands here: they all come from the schema. One `Schema` serves all
//! workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

mod form;
pub mod problem;
mod validator;

use self::form::Form;
use self::problem::Problem;

/// The bundle's definition of an error object.
const REFUSAL: &str = "JSONRPCErrorError";

/// Where the bundle keeps its definitions.
const FOLDERS: [&str; 2] = ["#/definitions/v2/", "#/definitions/"];

/// The ending of the name of a request's parameters.
const PARAMS: &str = "Params";

/// The ending of the name of its result, which otherwise is the same.
const RESULT: &str = "Response";

/// The protocol of one release.
///
/// ```
/// use heirloom::protocol::schema::{Line, Schema};
/// use serde_json::json;
///
/// let branch = |method: &str| json!({ "oneOf": [{
///     "properties": {
///         "method": { "enum": [method] },
///         "params": { "$ref": "#/definitions/AskParams" },
///     },
///     "required": ["method", "params"],
/// }] });
/// let printed = json!({ "definitions": {
///     "ClientRequest": branch("ask"), "ServerRequest": branch("ask"),
///     "ClientNotification": branch("changed"), "ServerNotification": branch("changed"),
///     "AskParams": { "type": "object", "properties": { "mode": { "enum": ["a", "b"] } } },
/// } });
/// let schema = Schema::read(&printed.to_string())?;
/// assert!(schema.has("ask") && schema.takes("ask", "mode") && !schema.takes("ask", "other"));
/// assert!(schema.allows("ask", "mode", &json!("a")));
///
/// let line = Line::Request { method: "ask", params: &json!({ "mode": "c" }) };
/// let problems = schema.problems_of_client(line);
/// assert_eq!(problems[0].to_string(), r#"params.mode: "c" is not one of "a", "b""#);
/// # Ok::<(), heirloom::protocol::schema::NoSchema>(())
/// ```
#[derive(Debug)]
pub struct Schema {
    client: Side,
    server: Side,
    refusal: Option<Form>,
}

/// The lines that one side may send.
#[derive(Debug)]
struct Side {
    requests: BTreeMap<String, Call>,
    notifications: BTreeMap<String, Form>,
    /// The other members that a notification may have.
    beside: Form,
}

/// A request, and its result where the schema has one.
#[derive(Debug)]
struct Call {
    params: Form,
    result: Option<Form>,
}

/// One line, as far as the schema covers it.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A request; `params` is `null` where it has none.
    Request {
        /// Its method.
        method: &'a str,
        /// Its parameters.
        params: &'a Value,
    },
    /// A notification; `params` is `null` where it has none.
    Notification {
        /// Its method.
        method: &'a str,
        /// Its parameters.
        params: &'a Value,
        /// Its other members.
        beside: &'a Map<String, Value>,
    },
    /// The result of the other side's request.
    Result {
        /// The method of the request.
        to: &'a str,
        /// The result.
        result: &'a Value,
    },
    /// The refusal of the other side's request.
    Refusal {
        /// The error object.
        error: &'a Value,
    },
}

/// A text that is not the schema of a protocol.
#[derive(Debug, thiserror::Error)]
pub enum NoSchema {
    /// It is not JSON.
    #[error("the printed schema is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It lacks a definition.
    #[error("the printed schema has no definition of {0}")]
    Lacks(&'static str),
    /// It uses a part of JSON Schema that is not checked.
    #[error("the printed schema has the keyword `{0}`, which heirloom cannot check")]
    Keyword(String),
}

impl Schema {
    /// Reads the bundle that the server prints, one file with every definition.
    ///
    /// # Errors
    /// A text that is not JSON, that lacks the definition of the lines of one side, or that has an
    /// unknown keyword.
    pub fn read(text: &str) -> Result<Schema, NoSchema> {
        let bundle: Arc<Value> = Arc::new(serde_json::from_str(text)?);
        let definition = |name: &'static str| {
            let found = bundle.get("definitions").and_then(|all| all.get(name));
            found.ok_or(NoSchema::Lacks(name))
        };
        let side = |requests: &Value, notifications: &Value| Side {
            requests: named(requests)
                .map(|(name, branch)| (name, Call::of_branch(branch, &bundle)))
                .collect(),
            notifications: named(notifications)
                .map(|(name, branch)| (name, Form::of_params(branch, &bundle)))
                .collect(),
            beside: Form::beside(notifications, &bundle),
        };
        let client = side(definition("ClientRequest")?, definition("ClientNotification")?);
        let server = side(definition("ServerRequest")?, definition("ServerNotification")?);
        let refusal = definition(REFUSAL).ok().map(|error| Form::new(error, &bundle));
        Ok(Schema { client, server, refusal })
    }

    /// Whether either side may send this method, as a request or as a notification.
    pub fn has(&self, method: &str) -> bool {
        [&self.client, &self.server].iter().any(|side| {
            side.requests.contains_key(method) || side.notifications.contains_key(method)
        })
    }

    /// Whether the parameters of a client's request have this field at their top. A method whose
    /// schema names no field has any.
    pub fn takes(&self, method: &str, field: &str) -> bool {
        let fields = self.client.requests.get(method).map(|call| &call.params.fields);
        fields.is_some_and(|fields| fields.is_empty() || fields.contains(field))
    }

    /// Whether a field of a client's request may have this value.
    pub fn allows(&self, method: &str, field: &str, value: &Value) -> bool {
        let call = self.client.requests.get(method);
        call.is_some_and(|call| {
            let fields = &call.params.fields;
            fields.is_empty() || fields.contains(field) && call.params.allows(field, value)
        })
    }

    /// The methods of a client's requests.
    pub fn methods(&self) -> BTreeSet<&str> {
        self.client.requests.keys().map(String::as_str).collect()
    }

    /// The faults of a line of the client. A line that the schema does not cover has none.
    pub fn problems_of_client(&self, line: Line<'_>) -> Vec<Problem> {
        self.problems(&self.client, &self.server, line)
    }

    /// The faults of a line of the server. A line that the schema does not cover has none.
    pub fn problems_of_server(&self, line: Line<'_>) -> Vec<Problem> {
        self.problems(&self.server, &self.client, line)
    }

    fn problems(&self, own: &Side, other: &Side, line: Line<'_>) -> Vec<Problem> {
        match line {
            Line::Request { method, params } => match own.requests.get(method) {
                None => unknown("request"),
                Some(call) => call.params.problems("params", params),
            },
            Line::Notification { method, params, beside } => match own.notifications.get(method) {
                None => unknown("notification"),
                Some(form) => {
                    let mut found = form.problems("params", params);
                    if !beside.is_empty() {
                        found.extend(own.beside.problems("", &Value::Object(beside.clone())));
                    }
                    found
                }
            },
            Line::Result { to, result } => {
                let form = other.requests.get(to).and_then(|call| call.result.as_ref());
                form.map_or(Vec::new(), |form| form.problems("result", result))
            }
            Line::Refusal { error } => {
                let form = self.refusal.as_ref();
                form.map_or(Vec::new(), |form| form.problems("error", error))
            }
        }
    }
}

impl Call {
    /// The result is found by its name: the answer to `ThreadStartParams` is `ThreadStartResponse`.
    /// For parameters without a name, the name comes from the method.
    fn of_branch(branch: &Value, bundle: &Arc<Value>) -> Call {
        let params = branch.pointer("/properties/params").unwrap_or(&Value::Null);
        let reference = form::reference(params);
        let named = reference.and_then(|path| path.strip_suffix(PARAMS)).map(str::to_owned);
        let own_name = type_name(method_of(branch).unwrap_or_default());
        let by_method = FOLDERS.map(|folder| format!("{folder}{own_name}"));
        let names = named.into_iter().chain(by_method);
        let result = names.map(|name| name + RESULT).find_map(|path| {
            bundle.pointer(path.trim_start_matches('#')).map(|_| json!({ "$ref": path }))
        });
        Call {
            params: Form::of_params(branch, bundle),
            result: result.map(|result| Form::new(&result, bundle)),
        }
    }
}

/// The branches of a union of lines, by method.
fn named(union: &Value) -> impl Iterator<Item = (String, &Value)> {
    let branches = union.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    branches.filter_map(|branch| Some((method_of(branch)?.to_owned(), branch)))
}

fn method_of(branch: &Value) -> Option<&str> {
    branch.pointer("/properties/method/enum/0")?.as_str()
}

/// `AccountRateLimitsRead` for `account/rateLimits/read`.
fn type_name(method: &str) -> String {
    let words = method.split('/').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

fn unknown(kind: &str) -> Vec<Problem> {
    vec![Problem { at: String::new(), says: format!("the schema knows no such {kind}") }]
}

#[cfg(test)]
mod tests;
