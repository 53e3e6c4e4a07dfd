//! A shell script and a pytest file: the same Python, with a harness of its own.

use itertools::Itertools;
use serde_json::{Value, json};

use super::form::identifier;
use super::ids::{Binding, is_id};
use super::scenario::{Action, Notice, Request, Scenario};
use super::shown::Exhibit;
use super::subject::Exported;
use super::text::{self, Part, WIDTH, parts};
use crate::transcript::{Content, ModelAnswer, Process};

const HARNESS: &str = include_str!("python_harness.py");

/// The modules that the harness needs.
const IMPORTS: [&str; 7] = ["json", "os", "queue", "signal", "subprocess", "threading", "time"];

/// The further ones of a shell script.
const SH_IMPORTS: [&str; 3] = ["shutil", "sys", "tempfile"];

/// Around the Python of a shell script. A crash must not look like the bug, which is exit code 1.
const SH: &str = r##"if [ "$#" -ne 1 ] || [ ! -f "$1" ] || [ ! -x "$1" ]; then
    echo "usage: $0 SERVER, the path of a codex executable" >&2
    exit 2
fi
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
    echo "$0: python3 is not there, or older than 3.8; install it" >&2
    exit 2
fi
exec python3 - "$1" <<'PYTHON'
"##;

/// The end of a shell script.
const MAIN: &str = r#"

def main():
    folder = tempfile.mkdtemp()
    try:
        with AppServerHarness(folder, sys.argv[1]) as harness:
            due, seen = scenario(harness)
            gone = harness.stated(seen, due) == due
    finally:
        # What the server started may still be ending.
        for _ in range(50):
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):
                break
            time.sleep(0.1)
    print("expected", json.dumps(due))
    print("seen    ", json.dumps(seen))
    print("the bug is gone" if gone else "the bug is there")
    return 0 if gone else 1


def interrupted(*_):
    raise Trouble("interrupted")


for number in [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]:
    signal.signal(number, interrupted)
try:
    code = main()
except Trouble as trouble:
    print("nothing is known of the bug: %s" % trouble, file=sys.stderr)
    code = 2
except BaseException as error:
    print("nothing is known of the bug: %r" % error, file=sys.stderr)
    code = 2
sys.exit(code)
PYTHON
"#;

pub(super) fn sh(exported: &Exported, scenario: &Scenario) -> String {
    let mut paragraphs = text::explanation(exported);
    let usage = "Usage: sh FILE SERVER, with the path of a codex executable. Exits with 1 while \
                 the bug is there, with 0 when it is gone, and with 2 where that is not known. The \
                 server gets a home of its own and a stand-in for the model on loopback.";
    paragraphs.push(usage.to_owned());
    let head = text::comment(&paragraphs, "#");
    let body = Body { indent: 4 }.lines(scenario);
    let (due, seen) = outcome(&scenario.exhibit);
    let end = format!("    due = {due}\n    return due, {seen}\n");
    let imports = imports(&SH_IMPORTS);
    let scenario = format!("def scenario(harness):\n{body}{end}");
    format!("#!/bin/sh\n{head}\n{SH}{imports}\n\n{HARNESS}\n\n{scenario}{MAIN}")
}

pub(super) fn pytest(exported: &Exported, scenario: &Scenario) -> String {
    let mut paragraphs = text::explanation(exported);
    let usage = "In the style of the upstream tests in sdk/python/tests, with a small harness of \
                 its own in the place of theirs: HEIRLOOM_SERVER=/path/of/codex pytest FILE. The \
                 test fails while the bug is there.";
    paragraphs.push(usage.to_owned());
    let head = text::comment(&paragraphs, "#");
    let body = Body { indent: 8 }.lines(scenario);
    let (due, seen) = outcome(&scenario.exhibit);
    let name = identifier(exported.id);
    let imports = imports(&[]);
    let test = format!(
        "def test_{name}(tmp_path):\n    server = os.environ.get(\"HEIRLOOM_SERVER\")\n    \
         assert server, \"set HEIRLOOM_SERVER to the path of a codex executable\"\n    \
         with AppServerHarness(tmp_path, server) as harness:\n{body}        due = {due}\n        \
         seen = {seen}\n        assert harness.stated(seen, due) == due\n"
    );
    format!("{head}\n{imports}\n\n{HARNESS}\n\n{test}")
}

fn imports(more: &[&str]) -> String {
    let modules = IMPORTS.iter().chain(more).sorted();
    let modules = modules.map(|module| format!("import {module}\n")).join("");
    format!("{modules}from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n")
}

/// What is due and what was seen, as expressions.
fn outcome(exhibit: &Exhibit) -> (String, String) {
    match exhibit {
        Exhibit::Reply(statement) | Exhibit::Notice(statement) => {
            let path = statement.path.iter().map(|key| format!(", \"{key}\"")).join("");
            (literal(&statement.due), format!("field(shown{path})"))
        }
        Exhibit::Outcome { granted_is_due } => {
            let due = if *granted_is_due { "granted" } else { "refused" };
            let seen = "\"granted\" if refusal is None else \"refused\"";
            (format!("{due:?}"), seen.to_owned())
        }
    }
}

/// The statements of a scenario.
struct Body {
    /// In columns.
    indent: usize,
}

impl Body {
    fn lines(&self, scenario: &Scenario) -> String {
        let last = scenario.actions.len() - 1;
        let mut lines = Vec::new();
        for (at, action) in scenario.actions.iter().enumerate() {
            let exhibit = (at == last).then_some(&scenario.exhibit);
            lines.extend(self.statements(action, exhibit));
        }
        let indent = " ".repeat(self.indent);
        let lines = lines.iter().flat_map(|statement| statement.split('\n'));
        lines.map(|line| format!("{indent}{line}").trim_end().to_owned() + "\n").collect()
    }

    fn statements(&self, action: &Action, exhibit: Option<&Exhibit>) -> Vec<String> {
        let thread = |name: &String| variable(name);
        vec![match action {
            Action::Line(line) => format!("# {}", line.trim_end()),
            Action::Config(text) => return vec![config(text)],
            Action::Process(Process::Started) => "codex = harness.start()".to_owned(),
            Action::Process(Process::Stopped) => "codex.close()".to_owned(),
            Action::Process(Process::Killed) => "codex.kill()".to_owned(),
            Action::RemoveDatabases => "harness.remove_databases()".to_owned(),
            Action::Answer { thread: name, answer } => {
                let answer = literal(&answer_json(answer));
                format!("harness.responses.enqueue({}, {answer})", thread(name))
            }
            Action::Release(name) => format!("harness.responses.release({})", thread(name)),
            Action::Forget(name) => format!("harness.responses.forget({})", thread(name)),
            Action::AwaitModel { thread: name, requests } => {
                format!("harness.responses.wait_for_requests({}, {requests})", thread(name))
            }
            Action::AwaitIdle(name) => format!("codex.watch_for_idle({})", thread(name)),
            Action::Request(request) => return self.request(request, exhibit),
            Action::Await(notice) => return awaited(notice, exhibit.is_some()),
        }]
    }

    fn request(&self, request: &Request, exhibit: Option<&Exhibit>) -> Vec<String> {
        let Request { method, params, granted, bindings } = request;
        let room = WIDTH - self.indent;
        let attempt = || call("codex.attempt", &[format!("{method:?}"), literal(params)], room);
        match exhibit {
            Some(Exhibit::Outcome { .. }) => return vec![format!("_, refusal = {}", attempt())],
            Some(_) => {}
            None if !granted => return vec![attempt()],
            None => {}
        }
        let sdk = sdk_call(method, params, room);
        let sent = sdk.unwrap_or_else(|| {
            call("codex.request", &[format!("{method:?}"), literal(params)], room)
        });
        bound("shown", sent, bindings, exhibit.is_some())
    }
}

fn awaited(notice: &Notice, shows: bool) -> Vec<String> {
    let Notice { method, thread, required, bindings } = notice;
    let wait = if *required || shows { "wait_for" } else { "watch_for" };
    let mut arguments = vec![format!("{method:?}")];
    arguments.extend(thread.as_ref().map(|thread| variable(thread)));
    if let Some(binding) = bindings.first() {
        let keys = binding.path.iter().map(|key| index(key)).join(", ");
        arguments.push(format!("has=({keys},)"));
    }
    bound("shown", format!("codex.{wait}({})", arguments.join(", ")), bindings, shows)
}

/// A call, and what is kept of its result.
fn bound(result: &str, call: String, bindings: &[Binding], shows: bool) -> Vec<String> {
    let path =
        |binding: &Binding| binding.path.iter().map(|key| format!("[{}]", index(key))).join("");
    match bindings {
        [] if !shows => vec![call],
        [binding] if !shows => vec![format!("{} = {call}{}", binding.name, path(binding))],
        _ => {
            let kept = bindings.iter();
            let kept = kept.map(|binding| format!("{} = {result}{}", binding.name, path(binding)));
            std::iter::once(format!("{result} = {call}")).chain(kept).collect()
        }
    }
}

fn index(key: &str) -> String {
    if key.bytes().all(|digit| digit.is_ascii_digit()) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

/// A request as the SDK spells it: its method as a function, its parameters by name.
fn sdk_call(method: &str, params: &Value, room: usize) -> Option<String> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_alphabetic());
    if !method.split('/').all(is_word) {
        return None;
    }
    let none = serde_json::Map::new();
    let params = if params.is_null() { &none } else { params.as_object()? };
    if params.is_empty() || !params.keys().all(|key| is_word(key)) {
        return None;
    }
    let arguments: Vec<String> =
        params.iter().map(|(key, value)| format!("{key}={}", literal(value))).collect();
    Some(call(&format!("codex.{}", method.replace('/', "_")), &arguments, room))
}

/// A call in one line, or with a line for each argument.
fn call(function: &str, arguments: &[String], room: usize) -> String {
    let line = format!("{function}({})", arguments.join(", "));
    if line.len() <= room {
        return line;
    }
    let arguments = arguments.iter().map(|argument| format!("    {argument},\n")).join("");
    format!("{function}(\n{arguments})")
}

/// TOML may be indented.
fn config(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    let lines = text.lines().map(|line| format!("    {line}\n")).join("");
    format!("harness.config(\"\"\"\n{lines}\"\"\")")
}

/// An id of the run by its name; one that no server issued as it is.
fn variable(name: &str) -> String {
    if is_id(name) { name.to_owned() } else { json!(name).to_string() }
}

pub(super) fn answer_json(answer: &ModelAnswer) -> Value {
    let mut json = match &answer.content {
        Content::Text(text) => json!({ "text": text }),
        Content::Call { tool, namespace, arguments, id } => {
            let mut call = json!({ "name": tool, "arguments": arguments });
            if let Some(namespace) = namespace {
                call["namespace"] = json!(namespace);
            }
            if let Some(id) = id {
                call["call_id"] = json!(id);
            }
            json!({ "call": call })
        }
        Content::Fail => json!({ "fail": true }),
        Content::Drop => json!({ "drop": true }),
        Content::Hold => json!({ "hold": true }),
        Content::Status(status) => json!({ "status": status }),
    };
    if answer.held {
        json["held"] = json!(true);
    }
    json
}

/// A JSON value as a Python expression.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => parts(text).iter().map(part).join(" + "),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).join(", ")),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(key, value)| format!("{}: {}", json!(key), literal(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

fn part(part: &Part) -> String {
    match part {
        Part::Words(words) => json!(words).to_string(),
        Part::Name(name) => match name.as_str() {
            "WS" => "harness.workspace".to_owned(),
            "HOME" => "harness.home".to_owned(),
            "OUT" => "harness.outside".to_owned(),
            "MODEL" => "harness.responses.url".to_owned(),
            id => id.to_owned(),
        },
    }
}
