//! The mock model, asked over a bare socket.
//!
//! A deadline that must not pass is long, a delay is short, and no assertion looks at a clock.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use heirloom::mock_model::MockModel;
use heirloom::mock_model::answer::{Answer, Gate};
use heirloom::mock_model::session::ModelSession;
use heirloom::program::reply::Reply;

/// For what must happen: a loaded machine gets there.
const LONG: Duration = Duration::from_secs(60);

/// A delay that a person would not notice.
const SHORT: Duration = Duration::from_millis(50);

fn soon() -> Instant {
    Instant::now() + LONG
}

fn check(seen: impl AsRef<str>, expected: Expect) {
    expected.assert_eq(seen.as_ref());
}

/// A request to the model, sent and not yet answered.
struct Asked {
    stream: TcpStream,
}

fn ask(url: &str, thread: &str) -> Asked {
    ask_as(url, &format!("thread-id: {thread}\r\n"))
}

/// A request to the reviewing model about a probe of this thread.
fn ask_reviewer(url: &str, parent: &str) -> Asked {
    let helper = "thread-id: helper\r\nx-openai-subagent: guardian\r\n";
    ask_as(url, &format!("{helper}x-codex-parent-thread-id: {parent}\r\n"))
}

fn ask_as(url: &str, headers: &str) -> Asked {
    let (host, path) = url["http://".len()..].split_once('/').expect("the URL has a path");
    let mut stream = TcpStream::connect(host).expect("the mock model listens");
    stream.set_read_timeout(Some(LONG)).expect("the deadline is not zero");
    let body = json!({ "input": [{ "role": "user", "content": [{ "text": "hi" }] }] }).to_string();
    let head = format!("POST /{path}/responses HTTP/1.1\r\nhost: {host}\r\n{headers}");
    let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all((head + &rest).as_bytes()).expect("the mock model reads");
    Asked { stream }
}

impl Asked {
    /// Waits for these words, and returns everything up to them.
    fn until(&mut self, words: &str) -> String {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&seen).contains(words) {
            self.stream.read_exact(&mut byte).expect("the words come");
            seen.push(byte[0]);
        }
        String::from_utf8(seen).expect("the mock model writes text")
    }

    /// Everything up to the end: the status, each event, and whether it ended properly.
    fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        // A broken connection may end with an error: the bytes before it count.
        let _ = self.stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("the mock model writes text");
        let mut lines: Vec<String> = text.lines().filter_map(event).collect();
        let whole = text.ends_with("0\r\n\r\n");
        lines.push(if whole { "whole" } else { "broken" }.to_owned());
        lines.join("\n")
    }
}

fn event(line: &str) -> Option<String> {
    if line.starts_with("HTTP/1.1") {
        return Some(line.to_owned());
    }
    let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).expect("data is JSON");
    let kind = event["type"].as_str().expect("an event has a type");
    let item = &event["item"];
    let said = item["content"][0]["text"].as_str().unwrap_or_default();
    let called = ["call_id", "name", "arguments"].map(|key| item[key].as_str().unwrap_or_default());
    Some(format!("{kind} {said}{}", called.join(" ")).trim_end().to_owned())
}

fn session() -> (MockModel, ModelSession) {
    let mock_model = MockModel::start().expect("the loopback has a free port");
    let session = mock_model.session();
    (mock_model, session)
}

fn played(answer: impl Into<Answer>) -> String {
    let (_mock_model, session) = session();
    session.queue("t", answer);
    ask(&session.base_url(), "t").rest()
}

#[test]
fn a_text_is_played() {
    check(
        played(Reply::Text("hello".to_owned())),
        expect![[r#"
        HTTP/1.1 200 OK
        response.created
        response.output_item.done hello
        response.completed
        whole"#]],
    );
}

#[test]
fn events_of_a_test_stand_in_the_place_of_the_reply() {
    let events = vec![
        json!({ "type": "response.created", "response": { "id": "r" } }),
        json!({ "type": "response.output_text.delta", "delta": "hel" }),
    ];
    check(
        played(Answer::from(Reply::Text("hello".to_owned())).in_events(events)),
        expect![[r#"
        HTTP/1.1 200 OK
        response.created
        response.output_text.delta
        whole"#]],
    );
}

#[test]
fn a_call_is_played() {
    let call = Reply::Call { tool: "exec".to_owned(), arguments: "{}".to_owned() };
    check(
        played(Answer::from(call).with_call_id("mine")),
        expect![[r#"
            HTTP/1.1 200 OK
            response.created
            response.output_item.done mine exec {}
            response.completed
            whole"#]],
    );
}

#[test]
fn a_failure_is_played() {
    check(
        played(Reply::Fail),
        expect![[r#"
        HTTP/1.1 200 OK
        response.created
        response.failed
        whole"#]],
    );
}

#[test]
fn a_status_is_played() {
    check(
        played(Reply::Status(503)),
        expect![[r#"
        HTTP/1.1 503 Service Unavailable
        whole"#]],
    );
}

#[test]
fn a_drop_breaks_an_answer_that_has_begun() {
    check(
        played(Reply::Drop),
        expect![[r#"
        HTTP/1.1 200 OK
        response.created
        broken"#]],
    );
}

#[test]
fn a_delay_is_only_a_delay() {
    check(
        played(Answer::from(Reply::Text("late".to_owned())).after(SHORT)),
        expect![[r#"
            HTTP/1.1 200 OK
            response.created
            response.output_item.done late
            response.completed
            whole"#]],
    );
}

#[test]
fn a_held_stream_begins_and_ends_when_released() {
    let (_mock_model, session) = session();
    let gate = session.hold("t");
    let mut asked = ask(&session.base_url(), "t");
    let began = asked.until("response.created");
    gate.release();
    let both = began.contains("response.completed");
    check(
        format!("all at once: {both}\n{}", asked.rest()),
        expect![[r#"
            all at once: false
            response.created
            response.output_item.done ok
            response.completed
            whole"#]],
    );
}

#[test]
fn a_gate_holds_even_the_status_back() {
    let (_mock_model, session) = session();
    let gate = Gate::new();
    session.queue("t", Answer::from(Reply::Status(418)).behind(&gate));
    let asked = ask(&session.base_url(), "t");
    let seen = session.wait_for(soon(), |request| request.thread.as_deref() == Some("t"));
    gate.release();
    check(
        format!("asked: {}\n{}", seen.is_some(), asked.rest()),
        expect![[r#"
            asked: true
            HTTP/1.1 418 I'm a teapot
            whole"#]],
    );
}

#[test]
fn a_reset_breaks_held_answers() {
    let (_mock_model, session) = session();
    let _gate = session.hold("t");
    let mut asked = ask(&session.base_url(), "t");
    asked.until("response.created");
    session.reset();
    let left = session.requests().len();
    check(
        format!("{}, {left} remembered", asked.rest()),
        expect![[r#"
            response.created
            broken, 0 remembered"#]],
    );
}

#[test]
fn each_thread_has_its_own_script() {
    let (_mock_model, session) = session();
    session.queue("a", Reply::Text("for a".to_owned()));
    session.queue("b", Reply::Text("for b".to_owned()));
    session.queue_any(Reply::Text("for any thread".to_owned()));
    let texts = ["b", "b", "a", "a"].map(|thread| {
        let rest = ask(&session.base_url(), thread).rest();
        let text = rest.lines().find_map(|line| line.strip_prefix("response.output_item.done "));
        format!("{thread}: {}", text.unwrap_or("nothing"))
    });
    check(
        texts.join("\n"),
        expect![[r#"
        b: for b
        b: for any thread
        a: for a
        a: ok"#]],
    );
}

#[test]
fn every_request_is_remembered_in_order() {
    let (_mock_model, session) = session();
    for thread in ["b", "a"] {
        ask(&session.base_url(), thread).rest();
    }
    let requests = session.requests();
    let texts = requests.iter().map(|request| (request.thread.as_deref(), request.user_texts()));
    check(
        format!("{:?}", texts.collect::<Vec<_>>()),
        expect![[r#"[(Some("b"), ["hi"]), (Some("a"), ["hi"])]"#]],
    );
}

#[test]
fn a_request_without_a_live_token_is_a_stray() {
    let (mock_model, gone) = session();
    let retired = gone.base_url();
    drop(gone);
    let live = mock_model.session();
    let wrong = format!("{}/elsewhere", live.base_url());
    let seen = [ask(&retired, "t").rest(), ask(&wrong, "t").rest()].join("\n");
    let strays = mock_model.strays().len();
    let requests = live.requests().len();
    check(
        format!("{seen}\n{strays} strays, {requests} requests"),
        expect![[r#"
            HTTP/1.1 404 Not Found
            whole
            HTTP/1.1 404 Not Found
            whole
            2 strays, 0 requests"#]],
    );
}

#[test]
fn the_reviewing_model_repeats_its_reply_about_a_thread_and_denies_others() {
    let (_mock_model, session) = session();
    session.review("a", Reply::Text("allowed".to_owned()));
    session.queue("a", Reply::Text("the thread's own".to_owned()));
    let answers = ["a", "a", "b"].map(|parent| ask_reviewer(&session.base_url(), parent).rest());
    let texts = answers.iter().filter_map(|answer| answer.lines().nth(2));
    check(
        texts.collect::<Vec<_>>().join("\n"),
        expect![[r#"
        response.output_item.done allowed
        response.output_item.done allowed
        response.output_item.done {"outcome":"deny","rationale":"the script allows nothing"}"#]],
    );
}
