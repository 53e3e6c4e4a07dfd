//! Validates each line of a run against the schema that the server prints.
//!
//! Lines of both sides are checked as they come by; each fault is recorded once a run. A request
//! that is invalid on purpose is not checked, and the answer to it is. Without a schema nothing is
//! checked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::protocol::requests::Call;
use crate::protocol::rpc::{self, Id, Message, Surface};
use crate::protocol::schema::problem::Problem;
use crate::protocol::schema::{Line, Schema};
use crate::trace::Observation;

/// The schema, and what was found so far.
pub(super) struct SchemaCheck<'a> {
    schema: Option<&'a Schema>,
    /// The methods of the requests without an answer yet, by connection and id.
    open: BTreeMap<(usize, Id), String>,
    found: BTreeSet<Fault>,
    /// Whether the step's request is invalid on purpose.
    pub(super) on_purpose: bool,
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    /// Whether the line is the client's.
    ours: bool,
    /// The method that the line names or answers.
    about: String,
    problem: Problem,
}

impl<'a> SchemaCheck<'a> {
    pub(super) fn new(schema: Option<&'a Schema>) -> SchemaCheck<'a> {
        SchemaCheck { schema, open: BTreeMap::new(), found: BTreeSet::new(), on_purpose: false }
    }

    /// Goes on with another server's schema, of which nothing was found yet.
    pub(super) fn switch_to(&mut self, schema: Option<&'a Schema>) {
        self.schema = schema;
        self.open.clear();
        self.found.clear();
    }

    /// What a run with this schema begins with.
    pub(super) fn begin(&self) -> Option<Observation> {
        self.schema.map(|_| Observation::Schema)
    }

    /// Checks the handshake; `hello` is how the server introduces itself.
    pub(super) fn handshake(&mut self, client: &str, hello: &Value) -> Vec<Observation> {
        let (method, params) = rpc::initialize(client, Surface::Experimental);
        let mut found = self.check_ours(method, Line::Request { method, params: &params });
        found.extend(self.check_theirs(method, Line::Result { to: method, result: hello }));
        let (method, params) = rpc::initialized();
        let beside = &serde_json::Map::new();
        let line = Line::Notification { method, params: &params, beside };
        found.extend(self.check_ours(method, line));
        found
    }

    /// Checks a request that is sent.
    pub(super) fn request(&mut self, call: &Call) -> Vec<Observation> {
        if self.on_purpose {
            return Vec::new();
        }
        let line = Line::Request { method: call.method, params: &call.params };
        self.check_ours(call.method, line)
    }

    /// What the release does not have of a request: the method, or a field of it, or the value of
    /// a field. A request that is invalid on purpose can lack nothing but its method.
    pub(super) fn lacks(&self, call: &Call) -> Option<String> {
        let schema = self.schema?;
        let method = call.method;
        if !schema.has(method) {
            return Some(method.to_owned());
        }
        let fields = call.params.as_object().filter(|_| !self.on_purpose)?;
        fields.iter().find_map(|(field, value)| {
            if !schema.takes(method, field) {
                return Some(format!("{method} {field}"));
            }
            let allowed = schema.allows(method, field, value);
            (!allowed).then(|| format!("{method} {field} as asked"))
        })
    }

    /// Remembers the id that a request was sent with.
    pub(super) fn sent(&mut self, client: usize, id: Id, method: &str) {
        self.open.insert((client, id), method.to_owned());
    }

    /// Checks our answer to a request of the server.
    pub(super) fn answer(&mut self, to: &str, result: &Value) -> Vec<Observation> {
        self.check_ours(to, Line::Result { to, result })
    }

    /// Checks a message of the server. The schema does not say which answers were asked for.
    pub(super) fn message(&mut self, client: usize, message: &Message) -> Vec<Observation> {
        match message {
            Message::Notification { method, params, beside } => {
                self.check_theirs(method, Line::Notification { method, params, beside })
            }
            Message::Request { method, params, .. } => {
                self.check_theirs(method, Line::Request { method, params })
            }
            Message::Answer { id, outcome } => {
                let Some(to) = self.open.remove(&(client, id.clone())) else {
                    return Vec::new();
                };
                match outcome {
                    Ok(result) => self.check_theirs(&to, Line::Result { to: &to, result }),
                    Err(error) => self.check_theirs(&to, Line::Refusal { error: &error.to_json() }),
                }
            }
        }
    }

    fn check_ours(&mut self, about: &str, line: Line<'_>) -> Vec<Observation> {
        let problems = self.schema.map_or(Vec::new(), |schema| schema.problems_of_client(line));
        let fault = |problem| Fault { ours: true, about: about.to_owned(), problem };
        self.new_faults(problems.into_iter().map(fault))
    }

    fn check_theirs(&mut self, about: &str, line: Line<'_>) -> Vec<Observation> {
        let problems = self.schema.map_or(Vec::new(), |schema| schema.problems_of_server(line));
        let fault = |problem| Fault { ours: false, about: about.to_owned(), problem };
        self.new_faults(problems.into_iter().map(fault))
    }

    /// The faults that were not found before.
    fn new_faults(&mut self, faults: impl Iterator<Item = Fault>) -> Vec<Observation> {
        let new: Vec<Fault> = faults.filter(|fault| self.found.insert(fault.clone())).collect();
        let observation = |Fault { ours, about, problem: Problem { at, says } }| {
            Observation::Invalid { ours, about, at, problem: says }
        };
        new.into_iter().map(observation).collect()
    }
}
