//! What a release says of its own protocol.
//!
//! Reads the JSON schema that a server prints of itself, tells what that release can be asked for
//! (methods, their fields, the values of a field), and holds lines against it, in both directions.
//! Knows no file and no process, and no method by name: they all come from the schema. Validators
//! are compiled at first use and shared, so one `Schema` serves all workers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

mod form;
mod problem;

use self::form::Form;

/// Where the bundle keeps what is due of a refusal.
const REFUSAL: &str = "JSONRPCErrorError";

/// Where definitions stand.
const FOLDERS: [&str; 2] = ["#/definitions/v2/", "#/definitions/"];

/// How the name of a request's parameters ends.
const PARAMS: &str = "Params";

/// How the name of its result ends, which is else the same.
const RESULT: &str = "Response";

/// What one release can be asked for and may say.
///
/// ```
/// use heirloom::schema::{Line, Schema};
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
///     "ClientNotification": branch("told"), "ServerNotification": branch("told"),
///     "AskParams": { "type": "object", "properties": { "mode": { "enum": ["a", "b"] } } },
/// } });
/// let schema = Schema::read(&printed.to_string())?;
/// assert!(schema.has("ask") && schema.takes("ask", "mode") && !schema.takes("ask", "other"));
/// assert!(schema.allows("ask", "mode", &json!("a")));
///
/// let line = Line::Request { method: "ask", params: &json!({ "mode": "c" }) };
/// let problems = schema.of_client(line);
/// assert_eq!(problems[0].to_string(), r#"params.mode: "c" is not one of "a", "b""#);
/// # Ok::<(), heirloom::schema::NoSchema>(())
/// ```
#[derive(Debug)]
pub struct Schema {
    client: Side,
    server: Side,
    refusal: Option<Form>,
}

/// What one side may say.
#[derive(Debug)]
struct Side {
    requests: BTreeMap<String, Call>,
    notifications: BTreeMap<String, Form>,
    /// What any notification may hold beside its method and parameters.
    beside: Form,
}

/// A request, and what answers it where the schema says so.
#[derive(Debug)]
struct Call {
    params: Form,
    result: Option<Form>,
}

/// One line, as far as the schema speaks of it.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// A request; no parameters are `null`.
    Request {
        /// Its method.
        method: &'a str,
        /// Its parameters.
        params: &'a Value,
    },
    /// A notification; no parameters are `null`.
    Notification {
        /// Its method.
        method: &'a str,
        /// Its parameters.
        params: &'a Value,
        /// Its other members.
        beside: &'a Map<String, Value>,
    },
    /// The result of a request of the other side's.
    Result {
        /// The method of that request.
        to: &'a str,
        /// The result.
        result: &'a Value,
    },
    /// The refusal of a request of the other side's.
    Refusal {
        /// The error object.
        error: &'a Value,
    },
}

/// What is wrong with a line. Equal faults have equal texts in every run: no id, no path of a file
/// and no number of an entry stands in them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where in the line, as `params.turn.items[].type`; empty for the line itself.
    pub at: String,
    /// What is wrong there.
    pub says: String,
}

/// A text that is no schema of a protocol.
#[derive(Debug, thiserror::Error)]
pub enum NoSchema {
    /// It is no JSON.
    #[error("the printed schema is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It does not say what one side may say.
    #[error("the printed schema has no definition of {0}")]
    Lacks(&'static str),
}

impl Schema {
    /// Reads the bundle that the server prints, one file with every definition.
    ///
    /// # Errors
    /// A text that is no JSON, or that does not say what both sides may say.
    pub fn read(text: &str) -> Result<Schema, NoSchema> {
        let bundle: Value = serde_json::from_str(text)?;
        let definition = |name: &'static str| {
            let found = bundle.get("definitions").and_then(|all| all.get(name));
            found.ok_or(NoSchema::Lacks(name))
        };
        let side = |requests: &Value, notifications: &Value| Side {
            requests: named(requests).map(|(name, call)| (name, Call::of(call, &bundle))).collect(),
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

    /// Whether either side may say this, as a request or as a notification.
    pub fn has(&self, method: &str) -> bool {
        [&self.client, &self.server].iter().any(|side| {
            side.requests.contains_key(method) || side.notifications.contains_key(method)
        })
    }

    /// Whether the parameters of a client's request have this field, at their top. Where no field
    /// is named, nothing is said of any.
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

    /// The methods that a client may ask for.
    pub fn methods(&self) -> BTreeSet<&str> {
        self.client.requests.keys().map(String::as_str).collect()
    }

    /// What is wrong with a line of the client's; nothing where it is valid, or where the schema
    /// does not say what is due.
    pub fn of_client(&self, line: Line<'_>) -> Vec<Problem> {
        self.problems(&self.client, &self.server, line)
    }

    /// The same of a line of the server's.
    pub fn of_server(&self, line: Line<'_>) -> Vec<Problem> {
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
                let due = other.requests.get(to).and_then(|call| call.result.as_ref());
                due.map_or(Vec::new(), |form| form.problems("result", result))
            }
            Line::Refusal { error } => {
                let due = self.refusal.as_ref();
                due.map_or(Vec::new(), |form| form.problems("error", error))
            }
        }
    }
}

impl Call {
    /// The result is found by its name: `ThreadStartParams` are answered by `ThreadStartResponse`.
    /// Where parameters have no name, the method gives it.
    fn of(branch: &Value, bundle: &Value) -> Call {
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

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => f.write_str(&self.says),
            at => write!(f, "{at}: {}", self.says),
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

/// `account/rateLimits/read` as a type is called: `AccountRateLimitsRead`.
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
