//! What was done in one run, in order: processes, files, and every line both ways.
//!
//! A trace says what was observed, in the terms of the contract. A transcript says what to do to see
//! it again. Ids and folders of the run have placeholders, so that it can be replayed elsewhere:
//! `<t0>`, `<turn1>`, `<WS>`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::program::reply::Reply;
use crate::protocol::notifications::hide_machine;
use crate::protocol::sdk;

/// One run, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    pub entries: Vec<Entry>,
}

/// One thing that was done or that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A step of the program begins.
    Step(usize),
    /// config.toml was written, with this text.
    Config(String),
    Process(Process),
    /// The server's databases were removed.
    DatabasesRemoved,
    /// A call of the Python SDK, which sends the lines that follow.
    Called(String),
    /// A line to the server.
    Sent(Value),
    /// A line from the server, when it was looked at.
    Received(Value),
    /// The model answers a further request of the thread with this.
    Answer {
        thread: String,
        answer: ModelAnswer,
    },
    /// The answers of a thread that were held go on.
    Release(String),
    /// The answers of a thread that nothing asked for are dropped.
    Forget(String),
    /// Nothing went on before the model had this many requests of the thread.
    AwaitModel {
        thread: String,
        requests: usize,
    },
}

/// What was done to the server's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Process {
    Started,
    /// Its stdin was closed, and it ended.
    Stopped,
    Killed,
}

/// An answer of the stand-in for the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAnswer {
    pub content: Content,
    /// Whether nothing of it is sent before it is released.
    #[serde(default)]
    pub held: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    Text(String),
    Call {
        tool: String,
        /// Where the tool is from; none for the server's own tools.
        namespace: Option<String>,
        /// A JSON text.
        arguments: String,
        id: Option<String>,
    },
    Fail,
    /// The connection drops in the middle of the stream.
    Drop,
    /// The stream begins and does not go on.
    Hold,
    /// An HTTP status instead of a stream.
    Status(u16),
}

impl From<&Reply> for Content {
    fn from(reply: &Reply) -> Content {
        match reply {
            Reply::Text(text) => Content::Text(text.clone()),
            Reply::Call { tool, arguments } => Content::Call {
                tool: tool.clone(),
                namespace: None,
                arguments: arguments.clone(),
                id: None,
            },
            // A probe is played as the call that it makes; this is the answer that follows.
            Reply::Probe(_) => Content::Text("ok".to_owned()),
            Reply::Fail => Content::Fail,
            Reply::Drop => Content::Drop,
            Reply::Hold => Content::Hold,
            Reply::Status(status) => Content::Status(*status),
        }
    }
}

/// An id or a folder of the run, and the placeholder for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// As it stands in lines and files.
    pub real: String,
    /// Without its brackets, as `t0`.
    pub name: String,
}

impl Transcript {
    /// The entries with a placeholder for each real name; the first that fits counts. Of the lines to
    /// and from the process of the SDK, what the SDK and the server said to each other is kept.
    pub fn new(entries: Vec<Entry>, placeholders: &[Placeholder]) -> Transcript {
        let mut killed = false;
        let reaches_server = |entry: &Entry| {
            if let Entry::Process(process) = entry {
                killed = *process == Process::Killed;
            }
            !killed || !matches!(entry, Entry::Sent(_) | Entry::Called(_))
        };
        let entries = entries.into_iter().filter_map(of_protocol).filter(reaches_server);
        let mut entries: Vec<Entry> = entries.collect();
        let named = |text: &mut String| {
            for Placeholder { real, name } in placeholders {
                if text.contains(real.as_str()) {
                    *text = text.replace(real.as_str(), &format!("<{name}>"));
                }
            }
        };
        for entry in &mut entries {
            match entry {
                Entry::Sent(line) | Entry::Received(line) => {
                    hide_machine(line);
                    each_text(line, &named);
                }
                Entry::Called(text)
                | Entry::Config(text)
                | Entry::Release(text)
                | Entry::Forget(text) => named(text),
                Entry::AwaitModel { thread, .. } => named(thread),
                Entry::Answer { thread, answer } => {
                    named(thread);
                    if let Content::Call { arguments, .. } = &mut answer.content {
                        named(arguments);
                    }
                }
                Entry::Step(_) | Entry::Process(_) | Entry::DatabasesRemoved => {}
            }
        }
        Transcript { entries }
    }
}

/// What an entry says of the protocol, if anything.
fn of_protocol(entry: Entry) -> Option<Entry> {
    match entry {
        Entry::Sent(line) if sdk::is_order(&line) => sdk::called(&line).map(Entry::Called),
        Entry::Received(line) if sdk::is_report(&line) => sdk::sent(&line).map(Entry::Sent),
        other => Some(other),
    }
}

/// Changes every text in a JSON value.
fn each_text(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| each_text(member, change));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::{Entry, Placeholder, Transcript};

    #[test]
    fn ids_and_folders_have_placeholders_wherever_they_stand() {
        let placeholder =
            |real: &str, name: &str| Placeholder { real: real.into(), name: name.into() };
        let entries = vec![
            Entry::Config("base_url = \"http://127.0.0.1:1/x/v1\"".to_owned()),
            Entry::Sent(json!({ "id": 1, "params": { "cwd": "/run/0/ws1/a", "threadId": "01a" } })),
            Entry::Received(json!({ "params": { "roots": ["/run/0/home/memories", "/run/0/x"] } })),
            Entry::Received(json!({ "params": { "serverName": "my-laptop" } })),
            Entry::AwaitModel { thread: "01a".to_owned(), requests: 1 },
        ];
        let placeholders = [
            placeholder("http://127.0.0.1:1/x/v1", "MODEL"),
            placeholder("/run/0/ws1", "WS"),
            placeholder("/run/0/home", "HOME"),
            placeholder("/run/0", "RUN"),
            placeholder("01a", "t0"),
        ];
        let transcript = Transcript::new(entries, &placeholders);
        let lines = transcript.entries.iter().map(|entry| json!(entry).to_string() + "\n");
        expect![[r#"
            {"config":"base_url = \"<MODEL>\""}
            {"sent":{"id":1,"params":{"cwd":"<WS>/a","threadId":"<t0>"}}}
            {"received":{"params":{"roots":["<HOME>/memories","<RUN>/x"]}}}
            {"received":{"params":{"serverName":"<HOST>"}}}
            {"await-model":{"thread":"<t0>","requests":1}}
        "#]]
        .assert_eq(&lines.collect::<String>());
    }
}
