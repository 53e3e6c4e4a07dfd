//! Each line of a run, held against the schema that the server prints.
//!
//! Lines of both sides, as they come by; what is wrong becomes a fact, the same fault once a run. A
//! request that is invalid on purpose is not held, and the answer to it is. Without a schema
//! nothing is held, and nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::protocol::requests::Call;
use crate::protocol::rpc::{self, Id, Message, Surface};
use crate::protocol::schema::{Line, Problem, Schema};
use crate::trace::Observation;

/// What is held against the schema, and what was told of it.
pub(super) struct SchemaCheck<'a> {
    schema: Option<&'a Schema>,
    /// The requests without an answer yet, by connection and id: their method.
    asked: BTreeMap<(usize, Id), String>,
    told: BTreeSet<(bool, String, Problem)>,
    /// Whether the step's request is invalid on purpose.
    pub(super) on_purpose: bool,
}

impl<'a> SchemaCheck<'a> {
    pub(super) fn new(schema: Option<&'a Schema>) -> SchemaCheck<'a> {
        SchemaCheck { schema, asked: BTreeMap::new(), told: BTreeSet::new(), on_purpose: false }
    }

    /// From here on another server's schema is held, of which nothing was told yet.
    pub(super) fn becomes(&mut self, schema: Option<&'a Schema>) {
        self.schema = schema;
        self.asked.clear();
        self.told.clear();
    }

    /// What a run begins with.
    pub(super) fn begin(&self) -> Option<Observation> {
        self.schema.map(|_| Observation::Schema)
    }

    /// The handshake, with the server's introduction.
    pub(super) fn handshake(&mut self, client: &str, hello: &Value) -> Vec<Observation> {
        let (method, params) = rpc::initialize(client, Surface::Experimental);
        let mut seen = self.ours(method, Line::Request { method, params: &params });
        seen.extend(self.theirs(method, Line::Result { to: method, result: hello }));
        let (method, params) = rpc::initialized();
        let beside = &serde_json::Map::new();
        seen.extend(self.ours(method, Line::Notification { method, params: &params, beside }));
        seen
    }

    /// A request that is sent.
    pub(super) fn request(&mut self, call: &Call) -> Vec<Observation> {
        match self.on_purpose {
            true => Vec::new(),
            false => {
                let line = Line::Request { method: call.method, params: &call.params };
                self.ours(call.method, line)
            }
        }
    }

    /// What the release does not have of a request: the method, or a field of it, or the value of
    /// one. A request that is invalid on purpose lacks nothing but its method.
    pub(super) fn lacks(&self, call: &Call) -> Option<String> {
        let schema = self.schema?;
        let method = call.method;
        if !schema.has(method) {
            return Some(method.to_owned());
        }
        let fields = call.params.as_object().filter(|_| !self.on_purpose)?;
        fields.iter().find_map(|(field, value)| match schema.takes(method, field) {
            false => Some(format!("{method} {field}")),
            true if !schema.allows(method, field, value) => {
                Some(format!("{method} {field} as asked"))
            }
            true => None,
        })
    }

    /// The id that a request was sent with.
    pub(super) fn sent(&mut self, id: (usize, Id), method: &str) {
        self.asked.insert(id, method.to_owned());
    }

    /// Our answer to a request of the server's.
    pub(super) fn answer(&mut self, to: &str, result: &Value) -> Vec<Observation> {
        self.ours(to, Line::Result { to, result })
    }

    /// A message of the server's. An answer that nobody asked for is not a matter of the schema.
    pub(super) fn heard(&mut self, from: usize, message: &Message) -> Vec<Observation> {
        match message {
            Message::Notification { method, params, beside } => {
                self.theirs(method, Line::Notification { method, params, beside })
            }
            Message::Request { method, params, .. } => {
                self.theirs(method, Line::Request { method, params })
            }
            Message::Answer { id, outcome } => {
                match (self.asked.remove(&(from, id.clone())), outcome) {
                    (None, _) => Vec::new(),
                    (Some(to), Ok(result)) => self.theirs(&to, Line::Result { to: &to, result }),
                    (Some(to), Err(error)) => {
                        self.theirs(&to, Line::Refusal { error: &error.to_json() })
                    }
                }
            }
        }
    }

    fn ours(&mut self, about: &str, line: Line<'_>) -> Vec<Observation> {
        let found = self.schema.map_or(Vec::new(), |schema| schema.problems_of_client(line));
        self.tell((true, about), found)
    }

    fn theirs(&mut self, about: &str, line: Line<'_>) -> Vec<Observation> {
        let found = self.schema.map_or(Vec::new(), |schema| schema.problems_of_server(line));
        self.tell((false, about), found)
    }

    /// What was not told before.
    fn tell(&mut self, (ours, about): (bool, &str), found: Vec<Problem>) -> Vec<Observation> {
        let news = |problem: &Problem| self.told.insert((ours, about.to_owned(), problem.clone()));
        let news: Vec<Problem> = found.into_iter().filter(news).collect();
        let what = |Problem { at, says }| {
            let about = about.to_owned();
            Observation::Invalid { ours, about, at, problem: says }
        };
        news.into_iter().map(what).collect()
    }
}
