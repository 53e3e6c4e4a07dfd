//! The persisted form of a trace.
//!
//! Line one is an object with the schema, the server's version and the program's text; every
//! line is one observation with its step and its time. The first form is read too.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::view::View;
use super::{Entry, Evidence, Observation, ThreadLabel, Trace};
use crate::policy::{Approval, Permissions, Policy, Reviewer, Sandbox};
use crate::program::Program;
use crate::program::sdk::SdkClient;
use crate::program::text::{BYTE_ORDER_MARK, Malformed};
use crate::program::thread::ThreadName;

/// The schema that this heirloom writes.
pub const SCHEMA: &str = "heirloom trace v2";

/// The schema before it, whose words were others.
const SCHEMA_V1: &str = "heirloom trace v1";

#[derive(Serialize, Deserialize)]
struct Head {
    schema: String,
    server: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<SdkClient>,
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
    #[error("line {line}, column {}: {}", problem.column(), plain(problem))]
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
        let (client, observations) = (self.client, Some(self.entries.len()));
        let head = Head { schema, server, client, program, observations };
        writeln!(f, "{}", json(&head))?;
        self.entries.iter().zip(&self.times_us).try_for_each(|(entry, us)| {
            let Entry { step, observation } = entry.clone();
            writeln!(f, "{}", json(&Line { us: *us, step, observation }))
        })
    }
}

/// What is wrong, without the place, which is one in a text of a single line.
fn plain(problem: &serde_json::Error) -> String {
    let text = problem.to_string();
    let place = format!(" at line {} column {}", problem.line(), problem.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a trace holds nothing that JSON cannot")
}

impl FromStr for Trace {
    type Err = NoTrace;

    fn from_str(text: &str) -> Result<Trace, NoTrace> {
        let text = text.trim_start_matches(BYTE_ORDER_MARK);
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let (_, first) = lines.next().ok_or(NoTrace::Empty)?;
        let head: Head =
            serde_json::from_str(first).map_err(|problem| NoTrace::Line { line: 1, problem })?;
        if head.schema != SCHEMA && head.schema != SCHEMA_V1 {
            return Err(NoTrace::Schema(head.schema));
        }
        let observations = head.observations;
        let program: Program = head.program.parse()?;
        let Head { server, client, .. } = head;
        let mut trace = Trace { program, server, client, entries: vec![], times_us: vec![] };
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            let Line { us, step, observation } =
                serde_json::from_str(text).map_err(|problem| NoTrace::Line { line, problem })?;
            trace.entries.push(Entry { step, observation });
            trace.times_us.push(us);
        }
        trace.is_whole(observations)?;
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
        match observations {
            Some(all) if all == read => return Ok(()),
            Some(all) => {
                return Err(NoTrace::Cut(format!("{read} of {all} observations are there")));
            }
            None => {}
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

/// Evidence as it is read. Older traces name the file in the observation, and spread out the values
/// of a row of the state database.
#[derive(Deserialize)]
pub(super) struct AnyEvidence {
    view: Option<View>,
    thread: ThreadLabel,
    policy: Option<Policy>,
    approval: Option<Approval>,
    permissions: Option<Permissions>,
}

impl From<AnyEvidence> for Evidence {
    fn from(read: AnyEvidence) -> Evidence {
        let AnyEvidence { view, thread, policy, approval, permissions } = read;
        let is_row = approval.is_some() || permissions.is_some();
        let row = || Policy {
            approval: approval.unwrap_or(Approval::Open),
            reviewer: Reviewer::Open,
            permissions: permissions.unwrap_or(Permissions::Legacy(Sandbox::Open)),
            others: BTreeMap::new(),
        };
        let view = view.unwrap_or(if is_row { View::StateDb } else { View::Rollout });
        Evidence { view, thread, policy: policy.or_else(|| is_row.then(row)) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::testing::trace;
    use crate::trace::{Entry, Observation, Trace};

    /// A trace of three steps: the program's, and two of its audit.
    fn whole() -> String {
        let sent = |step| {
            let (method, call) = ("thread/start".to_owned(), 1);
            Entry { step, observation: Observation::Sent { call, method, unbound: false } }
        };
        trace("config\nstart -> t0\n", vec![sent(0), sent(1), sent(2)]).to_string()
    }

    fn check(text: &str, expected: Expect) {
        let problem =
            text.parse::<Trace>().map_or_else(|error| error.to_string(), |_| "whole".to_owned());
        expected.assert_eq(&problem);
    }

    /// The first lines, with the number of observations or as an older version wrote them.
    fn first_lines(lines: usize, counted: bool) -> String {
        let text: String = whole().split_inclusive('\n').take(lines).collect();
        if counted { text } else { text.replace(",\"observations\":3", "") }
    }

    #[test]
    fn a_trace_that_is_cut_after_any_line_is_refused() {
        check(&first_lines(4, true), expect!["whole"]);
        check(&first_lines(4, false), expect!["whole"]);
        for lines in 1..4 {
            for counted in [true, false] {
                let cut = first_lines(lines, counted).parse::<Trace>();
                let problem = cut.expect_err("it is cut").to_string();
                assert!(problem.starts_with("the trace is cut: "), "{problem}");
            }
        }
        check(
            &first_lines(1, true),
            expect!["the trace is cut: 0 of 3 observations are there; judge the whole file"],
        );
        check(
            &first_lines(1, false),
            expect!["the trace is cut: it reaches no step of 2; judge the whole file"],
        );
        check(
            &first_lines(3, false),
            expect!["the trace is cut: it reaches step 1 of 2; judge the whole file"],
        );
    }

    #[test]
    fn a_line_that_is_cut_in_the_middle_is_named_with_its_column() {
        let text = whole();
        check(
            text.trim_end().trim_end_matches("false}"),
            expect!["line 4, column 74: EOF while parsing a value"],
        );
    }

    #[test]
    fn a_step_that_the_program_does_not_have_is_refused() {
        let beyond = whole().replace("\"step\":2", "\"step\":7");
        check(&beyond, expect!["the trace speaks of step 7, and its program has 3 with its audit"]);
    }

    #[test]
    fn the_files_of_older_traces_are_evidence() {
        let read = |seen: &str| -> Observation {
            serde_json::from_str(seen).expect("it is an observation")
        };
        let policy = r#""policy":{"approval":"never","reviewer":"open","permissions":"read-only"}"#;
        let rollout = format!(r#"{{"seen":"rollout","thread":"t0",{policy}}}"#);
        let row = r#"{"seen":"store","thread":"t0","approval":"never","permissions":"read-only"}"#;
        let half = r#"{"seen":"store","thread":"t0","approval":null,"permissions":"read-only"}"#;
        let texts = [&rollout, row, half].map(|seen| {
            serde_json::to_string(&read(seen)).expect("an observation is plain values")
        });
        expect![[r#"
            {"seen":"evidence","view":"rollout","thread":"t0","policy":{"approval":"never","reviewer":"open","permissions":"read-only"}}
            {"seen":"evidence","view":"state-db","thread":"t0","policy":{"approval":"never","reviewer":"open","permissions":"read-only"}}
            {"seen":"evidence","view":"state-db","thread":"t0","policy":{"approval":"open","reviewer":"open","permissions":"read-only"}}"#]].assert_eq(&texts.join("\n"));
    }

    #[test]
    fn a_mark_that_an_editor_put_first_is_skipped() {
        check(&format!("\u{feff}{}", whole()), expect!["whole"]);
    }
}
