//! A bug report.

use itertools::Itertools;
use serde_json::Value;

use super::form::Form;
use super::lines::message;
use super::subject::{Exported, NoExport};
use super::text::{self, plain};
use crate::contract::{row, source_meaning};
use crate::judge::verdict::Finding;
use crate::policy::Dimension;
use crate::protocol::rpc::{self, Message};
use crate::report::style::Style;
use crate::report::{listing, words};
use crate::transcript::{Entry, Process};

/// The width of the program, whose lines are never broken.
const WIDTH: usize = 96;

/// Parameters that a diagram leaves out: they say nothing of the policy.
const LEFT_OUT: [&str; 4] = ["threadId", "input", "turnId", "expectedTurnId"];

/// The first words of a report that is not to be published.
const PRIVATE: &str = "\
> **For the vendor, in private.** The server allows more than the user asked for, which may be a
> vulnerability. Report it by the security policy of the vendor's repository before anything about
> it is public.";

/// `script` says why there is no script, if there is none.
pub(super) fn text(exported: &Exported, script: Option<&NoExport>) -> String {
    let finding = exported.finding;
    let mut sections = vec![format!("# {}", text::title(exported))];
    if finding.widened {
        sections.push(PRIVATE.to_owned());
    }
    sections.push(format!("## What happens\n\n{}", happens(exported)));
    sections.push(format!("## What should happen\n\n{}", contract(finding)));
    if finding.widened {
        sections.push(format!("## What it allows\n\n{}", allows(exported)));
    }
    let program = listing::text(exported.program, finding, &Style::plain(WIDTH));
    let program = program.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).join("\n");
    let about = "Each line is an operation, mostly one request; `>` marks the one that shows it. \
                 `audit` is a restart of the server and a `thread/resume` of every thread.";
    sections.push(format!("## The program\n\n```text\n{program}\n```\n\n{about}"));
    sections.push(format!("```mermaid\n{}\n```", diagram(exported)));
    sections.push(format!("## Releases\n\n{}", releases(exported)));
    sections.push(format!("## How to reproduce\n\n{}", reproduce(exported, script)));
    sections.join("\n\n") + "\n"
}

fn happens(exported: &Exported) -> String {
    let finding = exported.finding;
    let views = finding.views.iter().map(|view| view.meaning()).join(", ");
    let mut lines = vec![
        format!("{}.", words::subject(finding)),
        String::new(),
        format!("* expected: `{}`", finding.expected),
        format!("* seen: `{}`", words::seen(finding)),
        format!("* seen in: {views}"),
    ];
    if finding.dimension.is_some() {
        lines.push(format!("* where it comes from: {}", words::origin(finding)));
    }
    lines.extend(exported.confirmed.as_ref().map(|confirmed| format!("* confirmed {confirmed}")));
    lines.join("\n")
}

fn contract(finding: &Finding) -> String {
    let rule = row(finding.clause);
    let Finding { strength, clause, dimension, .. } = finding;
    let mut sources = rule.sources.iter().map(|source| match source_meaning(source) {
        Some(meaning) => format!("* {source}: {meaning}"),
        None => format!("* {source}"),
    });
    let strength = format!("Strength {strength}: {}.", strength.meaning());
    let clause = words::clause(*clause, *dimension);
    format!("{clause}: {}\n\n{strength}\n\n{}", rule.text, sources.join("\n"))
}

/// What a mistaken or a hostile model could do, in sober words.
fn allows(exported: &Exported) -> String {
    let finding = exported.finding;
    let words = match finding.dimension {
        Some(Dimension::AP) => {
            "A command or a patch of a model that is mistaken, or that follows instructions in \
             what it reads, may be approved or run where the user's own policy would have refused \
             it or held it back."
        }
        Some(Dimension::RV) => {
            "Another reviewer than the user's choice decides about commands and changes: a model \
             that is mistaken may get an approval that the user would not have given."
        }
        Some(Dimension::SB | Dimension::PP) => {
            "A model that is mistaken, or that follows instructions in what it reads, may read or \
             write files, or use the network, outside the sandbox that the user chose."
        }
        _ => "The thread may do more than the user asked for.",
    };
    let whom = "The ordinary requests below are enough; nothing on the user's machine has to be \
                changed first.";
    let probe = exported.probe.map(|probe| format!("\n\nProbe: {}.", words::probe(probe)));
    format!("{words}\n\n{whom}{}", probe.unwrap_or_default())
}

fn releases(exported: &Exported) -> String {
    let ran = words::ran_on(&exported.finding.home_history);
    match &exported.releases {
        Some(releases) => format!("Seen on {ran}. Known to show on {releases}."),
        None => format!("Seen on {ran}. `heirloom matrix` compares other releases."),
    }
}

fn reproduce(exported: &Exported, script: Option<&NoExport>) -> String {
    let Exported { id, client, .. } = exported;
    let without = match script {
        None => format!(
            "Without heirloom, with a shell and Python's standard library:\n\n```sh\nsh {} \
             /path/of/codex\n```\n\nIt exits with 1 while the bug is there, and with 0 when it is \
             gone.",
            Form::Sh.file_name(id)
        ),
        Some(reason) => format!("No script shows it: {reason}."),
    };
    let client = client.map_or(String::new(), |client| format!(" --client {client}"));
    format!("{without}\n\nWith heirloom: `heirloom replay {id}.case --known none{client}`.")
}

/// The messages up to the step that shows the finding.
fn diagram(exported: &Exported) -> String {
    let steps = exported.program.with_audit();
    let mut lines = vec![
        "sequenceDiagram".to_owned(),
        "    participant C as client".to_owned(),
        "    participant S as codex app-server".to_owned(),
    ];
    let mut open: Vec<(rpc::Id, String)> = Vec::new();
    for entry in &exported.transcript.entries {
        match entry {
            Entry::Called(call) => {
                lines.push(format!("    Note over C: {}", safe(&plain(call))));
            }
            Entry::Step(step) if *step > exported.finding.step => break,
            Entry::Step(step) => lines.extend(
                steps
                    .get(*step)
                    .map(|step| format!("    Note over C,S: {}", safe(&step.to_string()))),
            ),
            Entry::Process(Process::Stopped) => lines.push("    Note over S: ends".to_owned()),
            Entry::Process(Process::Killed) => lines.push("    Note over S: is killed".to_owned()),
            Entry::Process(Process::Started) => lines.push("    Note over S: starts".to_owned()),
            Entry::Sent(line) => {
                if let Some(Message::Request { id, method, params }) = message(line)
                    && method != rpc::initialize("", rpc::Surface::Stable).0
                {
                    lines.push(format!("    C->>S: {}", safe(&request(&method, &params))));
                    open.push((id, method));
                }
            }
            Entry::Received(line) => {
                if let Some(Message::Answer { id, outcome }) = message(line)
                    && let Some(at) = open.iter().position(|(sent, _)| *sent == id)
                {
                    open.remove(at);
                    let words = outcome.map_or_else(
                        |error| format!("refused: {}", error.message),
                        |_| "granted".to_owned(),
                    );
                    lines.push(format!("    S-->>C: {}", safe(&words::brief(&words))));
                }
            }
            _ => {}
        }
    }
    let Finding { expected, .. } = exported.finding;
    let seen = words::seen(exported.finding);
    lines.push(format!("    Note over C,S: expected {}, seen {}", safe(expected), safe(&seen)));
    lines.join("\n")
}

/// A request with the parameters that say something of the policy.
fn request(method: &str, params: &Value) -> String {
    let members = params.as_object().into_iter().flatten();
    let told = members
        .filter(|(key, value)| !LEFT_OUT.contains(&key.as_str()) && value.as_str() != Some("<WS>"));
    let told = told.map(|(key, value)| format!(" {key}={value}")).join("");
    format!("{method}{told}")
}

/// A text in which nothing has a meaning for Mermaid.
fn safe(text: &str) -> String {
    let text = text.split_whitespace().join(" ").replace("->", "→").replace("<-", "←");
    text.replace('"', "'")
        .replace(';', ",")
        .replace('#', "no. ")
        .replace('<', "(")
        .replace('>', ")")
}
