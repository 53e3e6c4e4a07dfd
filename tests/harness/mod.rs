//! What the calls of the Python SDK give back: the rest of upstream's harness beside approvals.
//!
//! Each scenario makes calls of the SDK on a home of its own and shows what comes back, and what the
//! model was sent. Both clients must show the same.

use std::fs;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use heirloom::drive::isolated::Isolated;
use heirloom::mock_model::answer::{Answer, Gate};
use heirloom::policy::Defaults;
use heirloom::program::reply::Reply;
use heirloom::protocol::rpc::Message;
use heirloom::protocol::sdk::{Words, order};

use crate::real::Real;

/// For what must happen: a loaded machine gets there.
const DEADLINE: Duration = Duration::from_secs(60);

/// One transparent pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E\
                   rkJggg==";

const SKILL: &str =
    "---\nname: demo\ndescription: a skill of a test\n---\n\nUse the word cobalt.\n";

/// A scenario: its name, and the calls, which give what they show.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    show: fn(&mut Sdk) -> Result<String, String>,
    expected: fn() -> Expect,
}

/// A client of the SDK, its server and its model.
struct Sdk {
    isolated: Isolated,
    calls: u32,
}

pub(crate) const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "images and a skill reach the model",
        show: inputs,
        expected: || {
            expect![[r#"
            image: "ok"; the model gets "data:image/png;base64,PNG"
            localImage: "ok"; the model gets "<image name=[Image #1] path=\"WS/pixel.png\">", "data:image/png;base64,PNG", "</image>"
            image: raised "InvalidRequestError" "JSON-RPC error -32600: remote image URLs are not supported; use an inline data URL instead"; the model gets nothing
            skill: "ok"; the model gets "<skill>\n<name>demo</name>\n<path>WS/.agents/skills/demo/SKILL.md</path>\n---\nname: demo\ndescription: a skill of a test\n---\n\nUse the word cobalt.\n\n</skill>"
        "#]]
        },
    },
    Scenario {
        name: "the final answer is the message of that phase, and token usage adds up",
        show: results,
        expected: || {
            expect![[r#"
            "completed" "the answer"
              "userMessage" null ["turn 0"]
              "agentMessage" "commentary" "first"
              "agentMessage" "final_answer" "the answer"
              "agentMessage" "commentary" "last"
              last: 11 + 5 = 16 tokens
              total: 11 + 5 = 16 tokens
            "completed" "another answer"
              "userMessage" null ["turn 1"]
              "agentMessage" "final_answer" "another answer"
              last: 20 + 6 = 26 tokens
              total: 31 + 11 = 42 tokens
        "#]]
        },
    },
    Scenario {
        name: "a stream has the events of its turn in order",
        show: stream,
        expected: || {
            expect![[r#"
            streamed
              turn/started
              item/started
              item/completed
              item/started
              item/agentMessage/delta "he"
              item/agentMessage/delta "llo"
              item/completed
              thread/tokenUsage/updated
              turn/completed
        "#]]
        },
    },
    Scenario {
        name: "two streams at once have each its own turn",
        show: interleaved,
        expected: || {
            expect![[r#"
            streamed
              turn/started
              item/started
              item/completed
              item/started
              item/agentMessage/delta "one"
              item/agentMessage/delta " done"
              item/completed
              thread/tokenUsage/updated
              turn/completed
            streamed
              turn/started
              item/started
              item/completed
              item/started
              item/agentMessage/delta "two"
              item/agentMessage/delta " done"
              item/completed
              thread/tokenUsage/updated
              turn/completed
        "#]]
        },
    },
    Scenario {
        name: "history, names and lists are as they were made",
        show: lifecycle,
        expected: || {
            expect![[r#"
            t0, "a name"
              ["question 1"] "answer 1"
              ["question 2"] "answer 2"
            t1, null
              ["question 3"] "answer 3"
            archived false: t0
            archived true: t1
        "#]]
        },
    },
];

impl Scenario {
    pub(crate) fn check(&self, real: &Real) -> Result<(), String> {
        let isolated = real.test_bed()?.open_sdk(&Defaults::default());
        let isolated = isolated.map_err(|error| error.to_string())?;
        let shown = (self.show)(&mut Sdk { isolated, calls: 0 })?;
        (self.expected)().assert_eq(&shown);
        Ok(())
    }
}

fn inputs(sdk: &mut Sdk) -> Result<String, String> {
    let workspace = sdk.isolated.home().places().workspace.clone();
    let image = BASE64.decode(PNG).expect("it is Base64");
    let skill = workspace.join(".agents/skills/demo/SKILL.md");
    let written = fs::create_dir_all(skill.parent().expect("it is in a folder"))
        .and_then(|()| fs::write(&skill, SKILL))
        .and_then(|()| fs::write(workspace.join("pixel.png"), image));
    written.map_err(|error| error.to_string())?;
    let url = format!("data:image/png;base64,{PNG}");
    let inputs = [
        json!({ "type": "image", "url": url }),
        json!({ "type": "localImage", "path": workspace.join("pixel.png") }),
        json!({ "type": "image", "url": "http://127.0.0.1:9/pixel.png" }),
        json!({ "type": "skill", "name": "demo", "path": skill }),
    ];
    let mut lines = String::new();
    for input in inputs {
        let thread = sdk.start()?;
        let kind = input["type"].as_str().expect("it has a type").to_owned();
        let input = json!([{ "type": "text", "text": "look" }, input]);
        let answer = match sdk.call("run", &thread, json!({ "input": input })) {
            Ok(result) => result["final_response"].to_string(),
            Err(error) => error,
        };
        lines += &format!("{kind}: {answer}; the model gets {}\n", sdk.model_gets(&thread));
    }
    Ok(lines)
}

fn results(sdk: &mut Sdk) -> Result<String, String> {
    let thread = sdk.start()?;
    let answers = [
        vec![
            message("commentary", "first"),
            message("final_answer", "the answer"),
            message("commentary", "last"),
            completed(11, 5),
        ],
        vec![message("final_answer", "another answer"), completed(20, 6)],
    ];
    let mut lines = String::new();
    for (number, events) in answers.into_iter().enumerate() {
        sdk.answer(&thread, events, None);
        let result = sdk.call("run", &thread, json!({ "input": format!("turn {number}") }))?;
        lines += &format!("{} {}\n", result["status"], result["final_response"]);
        for item in result["items"].as_array().into_iter().flatten() {
            lines += &format!("  {} {} {}\n", item["type"], item["phase"], item["text"]);
        }
        for part in ["last", "total"] {
            let usage = &result["usage"][part];
            let [input, output, total] =
                ["inputTokens", "outputTokens", "totalTokens"].map(|key| &usage[key]);
            lines += &format!("  {part}: {input} + {output} = {total} tokens\n");
        }
    }
    Ok(lines)
}

fn stream(sdk: &mut Sdk) -> Result<String, String> {
    let thread = sdk.start()?;
    sdk.answer(&thread, pieces(&["he", "llo"]), None);
    let (call, turn) = sdk.begin(&thread)?;
    sdk.stream(call, &turn)
}

fn interleaved(sdk: &mut Sdk) -> Result<String, String> {
    let threads = [sdk.start()?, sdk.start()?];
    let gates = [Gate::new(), Gate::new()];
    let texts = [["one", " done"], ["two", " done"]];
    let mut turns = Vec::new();
    for ((thread, gate), text) in threads.iter().zip(&gates).zip(&texts) {
        sdk.answer(thread, pieces(text), Some(gate));
        turns.push(sdk.begin(thread)?);
    }
    gates.iter().rev().for_each(Gate::release);
    let shown = turns.iter().map(|(call, turn)| sdk.stream(*call, turn));
    shown.collect()
}

fn lifecycle(sdk: &mut Sdk) -> Result<String, String> {
    let threads = [sdk.start()?, sdk.start()?];
    let text = |text: &str| Answer::from(Reply::Text(text.to_owned()));
    for (thread, number) in [(0, 1), (0, 2), (1, 3)] {
        let thread = &threads[thread];
        sdk.isolated.model().queue(thread, text(&format!("answer {number}")));
        sdk.call("run", thread, json!({ "input": format!("question {number}") }))?;
    }
    sdk.call("set_name", &threads[0], json!({ "name": "a name" }))?;
    let mut lines = String::new();
    for thread in &threads {
        let read = sdk.call("read", thread, json!({ "include_turns": true }))?;
        lines += &format!("{}, {}\n", named(&threads, &read["thread"]), read["name"]);
        for turn in read["turns"].as_array().into_iter().flatten() {
            let items = turn.as_array().into_iter().flatten();
            let texts: Vec<String> = items.map(|item| item["text"].to_string()).collect();
            lines += &format!("  {}\n", texts.join(" "));
        }
    }
    sdk.call("thread_archive", "", json!({ "thread_id": threads[1] }))?;
    for archived in [false, true] {
        let list = sdk.call("thread_list", "", json!({ "archived": archived }))?;
        let listed = list["threads"].as_array().into_iter().flatten();
        let listed: Vec<&str> = listed.map(|thread| named(&threads, thread)).collect();
        lines += &format!("archived {archived}: {}\n", listed.join(" "));
    }
    Ok(lines)
}

/// The name of a thread.
fn named(threads: &[String; 2], id: &Value) -> &'static str {
    let at = threads.iter().position(|thread| *id == json!(thread));
    at.map_or("another thread", |at| ["t0", "t1"][at])
}

impl Sdk {
    fn start(&mut self) -> Result<String, String> {
        let cwd = &self.isolated.home().places().workspace;
        let started = self.call("thread_start", "", json!({ "cwd": cwd }))?;
        started["thread"].as_str().map(str::to_owned).ok_or("a start names no thread".to_owned())
    }

    /// Begins a turn; the number of its call and its id.
    fn begin(&mut self, thread: &str) -> Result<(u32, String), String> {
        let begun = self.call("turn", thread, json!({ "input": "begin" }))?;
        let turn = begun["turn"].as_str().ok_or("a turn has no id")?;
        Ok((self.calls, turn.to_owned()))
    }

    /// Makes a call; what it returns, or the class and the first line of its exception.
    fn call(
        &mut self,
        function: &'static str,
        thread: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        self.calls += 1;
        let Value::Object(arguments) = arguments else { return Err("no arguments".to_owned()) };
        self.order(&Words { function, thread: Some(thread.to_owned()), turn: None, arguments })?;
        let (event, mut params) =
            self.report(self.calls, &["returned", "raised", "unsayable", "overdue"])?;
        match event.as_str() {
            "returned" => Ok(params["value"].take()),
            _ => Err(format!("{event} {} {}", params["error"], params["message"])),
        }
    }

    fn order(&mut self, words: &Words) -> Result<(), String> {
        let order = order(self.calls, words, DEADLINE.as_secs());
        self.isolated.client().notify("call", order).map_err(|error| error.to_string())
    }

    /// The first report of one of these kinds about a call.
    fn report(&mut self, call: u32, kinds: &[&str]) -> Result<(String, Value), String> {
        let is_wanted = |message: &Message| {
            kind(message).is_some_and(|(kind, params)| {
                kinds.contains(&kind) && params["call"] == json!(call)
            })
        };
        let message = self.isolated.client().wait(Instant::now() + DEADLINE, is_wanted);
        let message = message.map_err(|error| format!("{kinds:?} of call {call}: {error}"))?;
        let (kind, params) = kind(&message).expect("it fits");
        Ok((kind.to_owned(), params.clone()))
    }

    /// The events of a turn's stream, to its end.
    fn stream(&mut self, call: u32, turn: &str) -> Result<String, String> {
        let (kind, params) = self.report(call, &["streamed", "raised"])?;
        let mut lines = format!("{kind}\n");
        for event in params["events"].as_array().into_iter().flatten() {
            let own = if event["turn"] == json!(turn) { "" } else { " of another turn" };
            let text = event["text"].as_str().map_or(String::new(), |text| format!(" {text:?}"));
            lines += &format!("  {}{text}{own}\n", event["method"].as_str().unwrap_or_default());
        }
        Ok(lines)
    }

    /// Lets the model answer a thread's next request with these events.
    fn answer(&self, thread: &str, mut events: Vec<Value>, gate: Option<&Gate>) {
        events.insert(0, json!({ "type": "response.created", "response": { "id": "r" } }));
        let answer = Answer::from(Reply::ok()).in_events(events);
        let answer = if let Some(gate) = gate { answer.behind(gate) } else { answer };
        self.isolated.model().queue(thread, answer);
    }

    /// What the user's message in a thread's last request says after its text.
    fn model_gets(&self, thread: &str) -> String {
        let requests = self.isolated.model().requests();
        let request = requests.iter().rfind(|request| request.thread.as_deref() == Some(thread));
        let Some(request) = request else { return "nothing".to_owned() };
        let input = request.body()["input"].as_array().into_iter().flatten();
        let parts = input.filter(|item| item["role"] == "user");
        let parts = parts.filter_map(|item| item["content"].as_array()).flatten();
        let parts: Vec<&Map<String, Value>> = parts.filter_map(Value::as_object).collect();
        let begin = parts.iter().position(|part| part.get("text") == Some(&json!("look")));
        let shown = parts.iter().skip(begin.map_or(0, |begin| begin + 1)).map(|part| {
            let text = part.get("text").or(part.get("image_url")).and_then(Value::as_str);
            let text = text.unwrap_or_default().replace(PNG, "PNG");
            let workspace = self.isolated.home().places().workspace.display().to_string();
            format!("{:?}", text.replace(&workspace, "WS"))
        });
        shown.collect::<Vec<String>>().join(", ")
    }
}

/// The kind of a report of the process of the SDK, and what it says.
fn kind(message: &Message) -> Option<(&str, &Value)> {
    let Message::Notification { method, params, .. } = message else { return None };
    Some((method.strip_prefix("client/")?, params))
}

/// The event of a message in a phase.
fn message(phase: &str, text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text }]);
    let message = json!({
        "type": "message", "role": "assistant", "id": text, "phase": phase, "content": content,
    });
    json!({ "type": "response.output_item.done", "item": message })
}

/// The events of a message that comes in pieces.
fn pieces(texts: &[&str]) -> Vec<Value> {
    let item = |content: Value| json!({ "type": "message", "role": "assistant", "id": "m", "content": content });
    let begun = json!({ "type": "response.output_item.added", "item": item(json!([])) });
    let delta = |text: &&str| json!({ "type": "response.output_text.delta", "item_id": "m", "delta": text });
    let content = json!([{ "type": "output_text", "text": texts.concat() }]);
    let done = json!({ "type": "response.output_item.done", "item": item(content) });
    let mut events = vec![begun];
    events.extend(texts.iter().map(delta));
    events.extend([done, completed(1, 1)]);
    events
}

/// The event that ends an answer of so many tokens.
fn completed(input: u32, output: u32) -> Value {
    let usage = json!({
        "input_tokens": input,
        "input_tokens_details": null,
        "output_tokens": output,
        "output_tokens_details": null,
        "total_tokens": input + output,
    });
    json!({ "type": "response.completed", "response": { "id": "r", "usage": usage } })
}
