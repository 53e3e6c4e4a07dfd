//! The persisted form of a trace.
//!
//! Line one is an object with the schema, the server's version and the program's text; every
//! line is one observation with its step and its time. The first form is read too.

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Entry, Observation, ThreadLabel, Trace};
use crate::program::Program;
use crate::program::text::Malformed;
use crate::program::thread::ThreadName;

/// The schema that this heirloom writes.
pub const SCHEMA: &str = "heirloom trace v2";

/// The schema before it, whose words were others.
const SCHEMA_V1: &str = "heirloom trace v1";

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    server: Option<Version>,
    #[serde(alias = "plan")]
    program: String,
    /// How many observations follow; traces of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observations: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    us: u64,
    step: usize,
    #[serde(flatten)]
    observation: Observation,
}

/// A text that is not a trace.
#[derive(Debug, thiserror::Error)]
pub enum NoTrace {
    /// The file has no line.
    #[error("the trace is empty")]
    Empty,
    /// Another schema, or another kind of file.
    #[error("`{0}` is not `{SCHEMA}`, the schema that this heirloom reads")]
    Schema(String),
    /// A line that is not an observation.
    #[error("line {line}: {problem}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        problem: serde_json::Error,
    },
    /// Observations are missing at its end.
    #[error("the trace is cut: {0}; judge the whole file")]
    Cut(String),
    /// An observation of a step that the program does not have.
    #[error("the trace speaks of step {step}, and its program has {steps} with its audit")]
    Beyond { step: usize, steps: usize },
    /// The program in the first line cannot be read.
    #[error("the trace's program cannot be read: {0}")]
    Program(#[from] Malformed),
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = SCHEMA.to_owned();
        let (server, program) = (self.server.clone(), self.program.to_string());
        let head = Head { schema, server, program, observations: Some(self.entries.len()) };
        writeln!(f, "{}", json(&head))?;
        self.entries.iter().zip(&self.times_us).try_for_each(|(entry, us)| {
            let Entry { step, observation } = entry.clone();
            writeln!(f, "{}", json(&Line { us: *us, step, observation }))
        })
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a trace holds nothing that JSON cannot")
}

impl FromStr for Trace {
    type Err = NoTrace;

    fn from_str(text: &str) -> Result<Trace, NoTrace> {
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let (_, first) = lines.next().ok_or(NoTrace::Empty)?;
        let head: Head =
            serde_json::from_str(first).map_err(|problem| NoTrace::Line { line: 1, problem })?;
        if head.schema != SCHEMA && head.schema != SCHEMA_V1 {
            return Err(NoTrace::Schema(head.schema));
        }
        let program: Program = head.program.parse()?;
        let mut trace = Trace { program, server: head.server, entries: vec![], times_us: vec![] };
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let Line { us, step, observation } =
                serde_json::from_str(text).map_err(|problem| NoTrace::Line { line, problem })?;
            trace.entries.push(Entry { step, observation });
            trace.times_us.push(us);
        }
        trace.is_whole(head.observations)?;
        Ok(trace)
    }
}

impl Trace {
    /// Refuses a trace that ends before its run did: of what was not read nothing can be said.
    fn is_whole(&self, observations: Option<usize>) -> Result<(), NoTrace> {
        let steps = self.program.with_audit().len();
        if let Some(step) = self.entries.iter().map(|entry| entry.step).find(|step| *step >= steps)
        {
            return Err(NoTrace::Beyond { step, steps });
        }
        let read = self.entries.len();
        if let Some(all) = observations.filter(|all| *all != read) {
            return Err(NoTrace::Cut(format!("{read} of {all} observations are there")));
        }
        let last = self.entries.last().map(|entry| entry.step);
        // The last step of an audit is a restart or a resume, and shows something.
        if self.cut().is_none() && last.is_none_or(|last| last + 1 < steps) {
            let reached = last.map_or("no step".to_owned(), |last| format!("step {last}"));
            return Err(NoTrace::Cut(format!("it reaches {reached} of {}", steps - 1)));
        }
        Ok(())
    }
}

impl fmt::Display for ThreadLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadLabel::Named(name) => name.fmt(f),
            ThreadLabel::Unnamed(number) => write!(f, "x{number}"),
        }
    }
}

impl Serialize for ThreadLabel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ThreadLabel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ThreadLabel, D::Error> {
        let word = String::deserialize(from)?;
        let number = |rest: &str| rest.parse().ok();
        let named =
            word.strip_prefix('t').and_then(number).map(|n| ThreadLabel::Named(ThreadName(n)));
        let stranger = word.strip_prefix('x').and_then(number).map(ThreadLabel::Unnamed);
        named.or(stranger).ok_or_else(|| D::Error::custom(format!("`{word}` names no thread")))
    }
}
