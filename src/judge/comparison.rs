//! One comparison of what the contract expects with what was observed.
//!
//! A comparison passes or carries a mismatch. A mismatch keeps the values themselves; they become
//! text when a finding is made of it.

use std::borrow::Cow;
use std::fmt;

use super::verdict::{Cell, PolicyPair};
use crate::contract::Clause;
use crate::model::{Citations, Expected};
use crate::policy::{Dimension, Policy, Value};
use crate::program::operation::OpKind;
use crate::program::thread::ThreadName;
use crate::trace::view::View;

#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) cell: Cell,
    pub(super) mismatch: Option<Mismatch>,
    /// The value that agreed, and the thread that has it.
    pub(super) agreed: Option<(ThreadName, Value)>,
}

/// What a comparison is about: a finding stands under the clause and the kind of operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Topic {
    pub(super) clause: Clause,
    pub(super) kind: OpKind,
    pub(super) view: View,
}

#[derive(Clone, Debug)]
pub(super) struct Mismatch {
    pub(super) topic: Topic,
    /// None where the mismatch is not about a value.
    pub(super) dimension: Option<Dimension>,
    /// The form of what was expected, as signatures have it.
    pub(super) form: Cow<'static, str>,
    pub(super) thread: Option<ThreadName>,
    pub(super) expected: Content,
    pub(super) seen: Content,
    /// Whether what was seen allows more than what was expected, and nothing less.
    pub(super) widened: bool,
    /// Whether it allows some things more and others less.
    pub(super) both_ways: bool,
    pub(super) policies: Option<PolicyPair>,
    pub(super) resync: Resync,
}

/// What was expected or seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Value(Value),
    /// The form of a value; the least value of that form stands for it.
    Form(String, Option<Value>),
    /// It is not a value.
    Text(Cow<'static, str>),
}

/// How the model is corrected to what was seen.
#[derive(Clone, Debug)]
pub(super) enum Resync {
    /// Not at all: the model's threads are as expected.
    Nothing,
    /// The whole step changes nothing, as a read in another process.
    WorldBefore,
    /// The value seen is in force and, where `stored`, stored too.
    Value {
        stored: bool,
        /// The sandbox that was seen beside wrong roots: it is not compared, and lists them.
        sandbox: Option<Value>,
    },
    /// Not at all: another branch than this one happened.
    OtherBranch,
    /// The request was refused: the thread is as it was.
    Refused,
    Unloaded,
    /// The request was granted; the policy is the one that the reply states, if it states one.
    Granted(Option<(ThreadName, Policy)>),
}

/// A policy that a thread must show, and the clauses that say so.
#[derive(Clone, Copy)]
pub(super) struct ExpectedPolicy<'a> {
    pub(super) thread: ThreadName,
    pub(super) policy: &'a Policy,
    pub(super) citations: Citations,
}

impl Comparison {
    pub(super) fn passed(clause: Clause, view: View) -> Comparison {
        let cell = Cell { clause, view: Some(view), dimension: None };
        Comparison { cell, mismatch: None, agreed: None }
    }

    pub(super) fn failed(mismatch: Mismatch) -> Comparison {
        let Mismatch { topic: Topic { clause, view, .. }, dimension, .. } = mismatch;
        let cell = Cell { clause, view: Some(view), dimension };
        Comparison { cell, mismatch: Some(mismatch), agreed: None }
    }
}

impl Mismatch {
    /// A mismatch that is not about a value, and corrects nothing.
    pub(super) fn new(
        topic: Topic,
        form: &'static str,
        expected: impl Into<Content>,
        seen: impl Into<Content>,
    ) -> Mismatch {
        Mismatch {
            topic,
            dimension: None,
            form: form.into(),
            thread: None,
            expected: expected.into(),
            seen: seen.into(),
            widened: false,
            both_ways: false,
            policies: None,
            resync: Resync::Nothing,
        }
    }

    /// Whether the same is wrong in both: the same accusation, of the same thread, for what was
    /// seen.
    pub(super) fn is_like(&self, other: &Mismatch) -> bool {
        self.topic.clause == other.topic.clause
            && self.topic.kind == other.topic.kind
            && self.dimension == other.dimension
            && self.form == other.form
            && self.thread == other.thread
            && self.seen == other.seen
    }
}

impl Content {
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Content::Value(value) => Some(value),
            Content::Form(_, least) => least.as_ref(),
            Content::Text(_) => None,
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Value(value) => value.fmt(f),
            Content::Form(form, _) => f.write_str(form),
            Content::Text(text) => f.write_str(text),
        }
    }
}

impl From<Value> for Content {
    fn from(value: Value) -> Content {
        Content::Value(value)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Text(text.into())
    }
}

impl From<&'static str> for Content {
    fn from(text: &'static str) -> Content {
        Content::Text(text.into())
    }
}

impl ExpectedPolicy<'_> {
    /// The policy of one thread that is expected, if one is.
    pub(super) fn of(expected: &Expected) -> Option<ExpectedPolicy<'_>> {
        match expected {
            Expected::Policy(thread, policy, citations)
            | Expected::Look(thread, policy, citations)
            | Expected::ColdRead(thread, policy, citations)
            | Expected::Turn { thread, policy, citations, .. }
            | Expected::Change { thread, policy, citations, .. }
            | Expected::ModelContext { thread, policy, citations } => {
                Some(ExpectedPolicy { thread: *thread, policy, citations: *citations })
            }
            _ => None,
        }
    }

    /// The same of a change, a broken-off one included.
    pub(super) fn of_change(expected: &Expected) -> Option<ExpectedPolicy<'_>> {
        match expected {
            Expected::Change { .. } => ExpectedPolicy::of(expected),
            Expected::Interrupted { due, .. } => ExpectedPolicy::of_change(due),
            _ => None,
        }
    }

    pub(super) fn topic(&self, dimension: Dimension, view: View) -> Topic {
        Topic { clause: self.citations.of(dimension), kind: self.citations.kind, view }
    }

    /// Compares each value with a policy that was seen. Replies to start, fork and cold resume
    /// correct the stored policy too, a warm resume and a notice only the one in force, and a cold
    /// read in a second process neither.
    pub(super) fn compare(&self, policy: &Policy, view: View) -> Vec<Comparison> {
        let warm = matches!(self.citations.main(), Clause::R1 | Clause::R2);
        let stored = view == View::Reply && !warm;
        let compare = |(expected, seen): (Value, Value)| {
            let topic = self.topic(expected.dimension(), view);
            let dimension = Some(expected.dimension());
            if expected == seen {
                let cell = Cell { clause: topic.clause, view: Some(view), dimension };
                return Comparison { cell, mismatch: None, agreed: Some((self.thread, seen)) };
            }
            let roots = dimension == Some(Dimension::WR);
            let sandbox = policy.value(Dimension::SB).filter(|_| roots);
            let resync = match view {
                View::ColdRead => Resync::WorldBefore,
                _ => Resync::Value { stored, sandbox },
            };
            Comparison::failed(Mismatch {
                dimension,
                thread: Some(self.thread),
                resync,
                ..Mismatch::new(topic, expected.form(), expected, seen)
            })
        };
        self.policy.zip_stated(policy).into_iter().map(compare).collect()
    }
}
