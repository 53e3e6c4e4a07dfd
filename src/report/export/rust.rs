//! A test for `cargo test`, in the style of the server's own app-server tests.

use itertools::Itertools;
use serde_json::{Value, json};

use super::form::identifier;
use super::ids::{Binding, is_id};
use super::scenario::{Action, Notice, Request, Scenario};
use super::shown::Exhibit;
use super::subject::Exported;
use super::text::{self, Part, WIDTH, parts};
use crate::transcript::Process;

/// The harness, whose own header is left out.
const HARNESS: &str = include_str!("rust_harness.txt");

/// The indentation of a statement, in columns.
const INDENT: usize = 4;

pub(super) fn text(exported: &Exported, scenario: &Scenario) -> String {
    let mut paragraphs = text::explanation(exported);
    let usage = "In the style of codex-rs/app-server/tests, with a small harness of its own in the \
                 place of app_test_support: put it into the folder tests/ of a crate that depends \
                 on serde_json, and run HEIRLOOM_SERVER=/path/of/codex cargo test. The test fails \
                 while the bug is there.";
    paragraphs.push(usage.to_owned());
    let head = text::comment(&paragraphs, "//!");
    let allow = "// A test uses what it needs of the harness.\n#![allow(dead_code)]\n";
    let harness = HARNESS.split_once("\n\n").map_or(HARNESS, |(_, harness)| harness);
    let name = identifier(exported.id);
    let body = body(scenario);
    format!(
        "{head}\n{allow}\n{harness}\n#[test]\nfn {name}() -> Result<()> {{\n{body}    Ok(())\n}}\n"
    )
}

fn body(scenario: &Scenario) -> String {
    let last = scenario.actions.len() - 1;
    let mut lines = vec![
        "let home = CodexHome::new()?;".to_owned(),
        "let responses = create_mock_responses_server()?;".to_owned(),
    ];
    for (at, action) in scenario.actions.iter().enumerate() {
        let exhibit = (at == last).then_some(&scenario.exhibit);
        lines.extend(statements(action, exhibit));
    }
    lines.extend(assertion(&scenario.exhibit));
    let indent = " ".repeat(INDENT);
    let line = |line: &str| match line.strip_prefix('\0') {
        Some(raw) => format!("{raw}\n"),
        None => format!("{indent}{line}").trim_end().to_owned() + "\n",
    };
    lines.iter().flat_map(|statement| statement.split('\n')).map(line).collect()
}

fn assertion(exhibit: &Exhibit) -> Vec<String> {
    match exhibit {
        Exhibit::Reply(statement) | Exhibit::Notice(statement) => {
            let pointer = statement.path.iter().map(|key| format!("/{key}")).join("");
            vec![
                value("due", &statement.due),
                format!("let seen = shown.pointer({pointer:?}).ok_or(NOT_STATED)?;"),
                "assert_eq!(home.stated(seen, &due), due);".to_owned(),
            ]
        }
        Exhibit::Outcome { granted_is_due: true } => {
            vec!["assert_eq!(answer.err(), None, \"the request must be granted\");".to_owned()]
        }
        Exhibit::Outcome { granted_is_due: false } => {
            vec!["assert!(answer.is_err(), \"the request must be refused\");".to_owned()]
        }
    }
}

fn statements(action: &Action, exhibit: Option<&Exhibit>) -> Vec<String> {
    vec![match action {
        Action::Line(line) => format!("// {}", line.trim_end()),
        Action::Config(text) => return config(text),
        Action::Process(Process::Started) => {
            let start = "let mut mcp = McpProcess::new(&home, &responses)?;";
            return vec![start.to_owned(), "mcp.initialize()?;".to_owned()];
        }
        Action::Process(Process::Stopped) => "mcp.close();".to_owned(),
        Action::Process(Process::Killed) => "drop(mcp);".to_owned(),
        Action::RemoveDatabases => "home.remove_databases()?;".to_owned(),
        Action::Answer { thread, answer } => {
            let answer = value("answer", &super::python::answer_json(answer));
            return vec![answer, format!("responses.enqueue({}, answer);", variable(thread))];
        }
        Action::Release(thread) => format!("responses.release({});", variable(thread)),
        Action::Forget(thread) => format!("responses.forget({});", variable(thread)),
        Action::AwaitModel { thread, requests } => {
            format!("responses.wait_for_requests({}, {requests})?;", variable(thread))
        }
        Action::AwaitIdle(thread) => format!("mcp.read_stream_until_idle({})?;", variable(thread)),
        Action::Request(sent) => return request(sent, exhibit),
        Action::Await(notice) => return awaited(notice, exhibit.is_some()),
    }]
}

fn request(request: &Request, exhibit: Option<&Exhibit>) -> Vec<String> {
    let Request { method, params, granted, bindings } = request;
    let mut lines = vec![
        value("params", params),
        format!("let request = mcp.send_request({method:?}, params)?;"),
    ];
    let outcome = matches!(exhibit, Some(Exhibit::Outcome { .. }));
    if outcome {
        lines.push("let answer = mcp.read_stream_until_answer(request)?;".to_owned());
    } else if !granted && exhibit.is_none() {
        lines.push("let _refused = mcp.read_stream_until_answer(request)?;".to_owned());
    } else {
        let read = "mcp.read_stream_until_response_message(request)?";
        lines.extend(bound(read, bindings, exhibit.is_some()));
    }
    lines
}

fn awaited(notice: &Notice, shows: bool) -> Vec<String> {
    let Notice { method, thread, required, bindings } = notice;
    let thread =
        thread.as_ref().map_or("None".to_owned(), |name| format!("Some({})", text_of(name)));
    let has = bindings.first().map(pointer).unwrap_or_default();
    let wanted =
        format!("let wanted = Wanted {{ method: {method:?}, thread: {thread}, has: {has:?} }};");
    if !required && !shows {
        let read = "mcp.read_stream_until_optional_notification(wanted)?;";
        return vec![wanted, read.to_owned()];
    }
    let read = "mcp.read_stream_until_notification_message(wanted)?";
    std::iter::once(wanted).chain(bound(read, bindings, shows)).collect()
}

/// What is kept of a message.
fn bound(read: &str, bindings: &[Binding], shows: bool) -> Vec<String> {
    if bindings.is_empty() && !shows {
        return vec![format!("{read};")];
    }
    let name = if shows { "shown" } else { "message" };
    let kept = bindings.iter();
    let kept =
        kept.map(|binding| format!("let {} = id(&{name}, {:?})?;", binding.name, pointer(binding)));
    std::iter::once(format!("let {name} = {read};")).chain(kept).collect()
}

fn pointer(binding: &Binding) -> String {
    binding.path.iter().map(|key| format!("/{key}")).join("")
}

/// The text of config.toml, which is not indented.
fn config(text: &str) -> Vec<String> {
    let lines = text.trim_end().lines().map(|line| format!("\0{line}"));
    let begin = std::iter::once("let config = r#\"".to_owned());
    let end = ["\0\"#;".to_owned(), "create_config_toml(&home, &responses, config)?;".to_owned()];
    begin.chain(lines).chain(end).collect()
}

/// A reference to an id of the run; one that no server issued as it is.
fn variable(name: &str) -> String {
    if is_id(name) { format!("&{name}") } else { json!(name).to_string() }
}

/// The same as a slice of text.
fn text_of(name: &str) -> String {
    if is_id(name) { format!("{name}.as_str()") } else { json!(name).to_string() }
}

/// A statement that names a JSON value; an object in one line, or with a line for each member.
fn value(name: &str, value: &Value) -> String {
    let members = match value {
        Value::Object(members) if !members.is_empty() => members,
        Value::Null => return format!("let {name} = Value::Null;"),
        value => return format!("let {name} = json!({});", literal(value)),
    };
    let line = format!("let {name} = json!({});", literal(value));
    if line.len() + INDENT <= WIDTH {
        return line;
    }
    let members =
        members.iter().map(|(key, value)| format!("    {}: {},\n", json!(key), literal(value)));
    format!("let {name} = json!({{\n{}}});", members.collect::<String>())
}

/// A JSON value as `json!` takes it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => match parts(text).as_slice() {
            [part] => single(part),
            parts => {
                let holes = "{}".repeat(parts.len());
                format!("format!({holes:?}, {})", parts.iter().map(single).join(", "))
            }
        },
        Value::Array(items) => format!("[{}]", items.iter().map(literal).join(", ")),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(key, value)| format!("{}: {}", json!(key), literal(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

fn single(part: &Part) -> String {
    match part {
        Part::Words(words) => format!("{words:?}"),
        Part::Name(name) => match name.as_str() {
            "WS" => "home.workspace".to_owned(),
            "HOME" => "home.home".to_owned(),
            "OUT" => "home.outside".to_owned(),
            "MODEL" => "responses.url".to_owned(),
            id => id.to_owned(),
        },
    }
}
