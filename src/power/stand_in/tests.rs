//! The stand-in line by line: what the server and the client receive under a fault.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{Memory, StandIn};
use crate::power::faults;

/// A stand-in with this fault and a config of on-request, user and read-only.
fn stand_in(fault: &str, memory: Memory) -> StandIn {
    let fault = faults::all().into_iter().find(|one| one.name == fault).expect("it is one");
    let config = "approval_policy = \"on-request\"\napprovals_reviewer = \"user\"\n\
                  sandbox_mode = \"read-only\"\n";
    StandIn::new(fault, memory, config.parse().expect("it is TOML"))
}

fn texts(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn request(id: u32, method: &str, params: Value) -> Value {
    json!({ "id": id, "method": method, "params": params })
}

/// The answer to a start, a resume or a fork.
fn answer(id: u32, thread: &str, approval: &str) -> Value {
    let result = json!({
        "thread": { "id": thread }, "approvalPolicy": approval, "sandbox": { "type": "readOnly" },
    });
    json!({ "id": id, "result": result })
}

/// What the server and the client receive where `a` is started and forked to `b`.
fn check_fork(fault: &str, params: Value, expected: Expect) {
    let mut stand_in = stand_in(fault, Memory::default());
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    drop(stand_in.answer(0, answer(1, "a", "never")));
    let sent = stand_in.request(0, request(2, "thread/fork", params));
    let got = stand_in.answer(0, answer(2, "b", "never"));
    expected.assert_eq(&format!("{}--\n{}", texts(&sent), texts(&got.lines)));
}

#[test]
fn an_honest_stand_in_passes_every_line_as_it_is() {
    check_fork(
        faults::HONEST,
        json!({ "threadId": "a", "approvalPolicy": "untrusted" }),
        expect![[r#"
            {"id":2,"method":"thread/fork","params":{"threadId":"a","approvalPolicy":"untrusted"}}
            --
            {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
        "#]],
    );
}

#[test]
fn an_override_is_left_out_that_the_fault_ignores() {
    check_fork(
        "fork-ignores-approval",
        json!({ "threadId": "a", "approvalPolicy": "untrusted" }),
        expect![[r#"
            {"id":2,"method":"thread/fork","params":{"threadId":"a"}}
            --
            {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
        "#]],
    );
}

#[test]
fn config_s_value_fills_the_place_of_an_omitted_one_and_of_no_other() {
    check_fork(
        "fork-takes-config-approval",
        json!({ "threadId": "a" }),
        expect![[r#"
        {"id":2,"method":"thread/fork","params":{"threadId":"a","approvalPolicy":"on-request"}}
        --
        {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
    "#]],
    );
    check_fork(
        "fork-takes-config-approval",
        json!({ "threadId": "a", "approvalPolicy": "untrusted" }),
        expect![[r#"
            {"id":2,"method":"thread/fork","params":{"threadId":"a","approvalPolicy":"untrusted"}}
            --
            {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
        "#]],
    );
    check_fork(
        "fork-takes-config-approval",
        json!({ "threadId": "a", "config": { "approval_policy": "untrusted" } }),
        expect![[r#"
            {"id":2,"method":"thread/fork","params":{"threadId":"a","config":{"approval_policy":"untrusted"}}}
            --
            {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
        "#]],
    );
}

#[test]
fn a_leak_is_a_request_that_the_client_hears_nothing_of() {
    let mut stand_in = stand_in("fork-changes-its-source", Memory::default());
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    drop(stand_in.answer(0, answer(1, "a", "never")));
    let fork = json!({ "threadId": "a", "approvalPolicy": "untrusted" });
    let sent = stand_in.request(0, request(2, "thread/fork", fork));
    let leak = sent.last().expect("two lines").clone();
    let answered = stand_in.answer(0, json!({ "id": leak["id"], "result": {} }));
    let notice = json!({
        "method": "thread/settings/updated",
        "params": { "threadId": "a", "threadSettings": { "approvalPolicy": "untrusted" } },
    });
    let first = stand_in.answer(0, notice.clone());
    let second = stand_in.answer(0, notice.clone());
    assert_eq!(leak["params"], json!({ "threadId": "a", "approvalPolicy": "untrusted" }));
    assert_eq!([answered.lines, first.lines, second.lines], [vec![], vec![], vec![notice]]);
}

#[test]
fn a_fault_after_a_kill_shows_only_after_one() {
    let resumed = |ended: bool| {
        let memory = Memory { processes: 1, ended, ..Memory::default() };
        let mut stand_in = stand_in("resume-after-a-kill-loses-approval", memory);
        texts(&stand_in.request(0, request(1, "thread/resume", json!({ "threadId": "a" }))))
    };
    assert!(resumed(false).contains("on-request"));
    assert!(!resumed(true).contains("on-request"));
}

#[test]
fn a_fault_of_second_clients_is_theirs_alone_also_where_ids_are_equal() {
    let mut stand_in = stand_in("second-client-resume-states-config-approval", Memory::default());
    let resume = request(1, "thread/resume", json!({ "threadId": "a" }));
    for client in [0, 1] {
        assert_eq!(stand_in.request(client, resume.clone()), std::slice::from_ref(&resume));
    }
    let mut stated = |client| stand_in.answer(client, answer(1, "a", "never")).lines;
    assert_eq!(stated(1), [answer(1, "a", "on-request")]);
    assert_eq!(stated(0), [answer(1, "a", "never")]);
}

#[test]
fn a_second_client_keeps_the_notices_from_all() {
    let mut stand_in = stand_in("second-client-silences-changes", Memory::default());
    let notice = json!({
        "method": "thread/settings/updated",
        "params": { "threadId": "a", "threadSettings": { "approvalPolicy": "never" } },
    });
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    assert_eq!(stand_in.answer(0, notice.clone()).lines, std::slice::from_ref(&notice));
    drop(stand_in.request(1, request(1, "thread/start", json!({}))));
    assert_eq!(
        [0, 1].map(|client| stand_in.answer(client, notice.clone()).lines),
        [const { Vec::<Value>::new() }; 2]
    );
}

#[test]
fn the_second_fork_is_the_one_that_loses() {
    let mut stand_in = stand_in("second-fork-loses-approval", Memory::default());
    let mut fork = |id| {
        let sent = stand_in.request(0, request(id, "thread/fork", json!({ "threadId": "a" })));
        texts(&sent).contains("on-request")
    };
    assert_eq!([fork(1), fork(2), fork(3)], [false, true, true]);
}

#[test]
fn a_request_that_is_never_answered_still_reaches_the_server() {
    check_fork(
        "forks-are-never-answered",
        json!({ "threadId": "a" }),
        expect![[r#"
        {"id":2,"method":"thread/fork","params":{"threadId":"a"}}
        --
    "#]],
    );
    check_fork(
        "forks-are-answered-twice",
        json!({ "threadId": "a" }),
        expect![[r#"
        {"id":2,"method":"thread/fork","params":{"threadId":"a"}}
        --
        {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
        {"id":2,"result":{"thread":{"id":"b"},"approvalPolicy":"never","sandbox":{"type":"readOnly"}}}
    "#]],
    );
}

#[test]
fn full_access_in_force_is_stated_as_what_the_source_has() {
    let mut stand_in = stand_in("forks-have-full-access", Memory::default());
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    drop(stand_in.answer(0, answer(1, "a", "never")));
    let sent = stand_in.request(0, request(2, "thread/fork", json!({ "threadId": "a" })));
    let mut full = answer(2, "b", "never");
    full["result"]["sandbox"] = json!({ "type": "dangerFullAccess" });
    assert_eq!(sent[0]["params"], json!({ "threadId": "a", "sandbox": "danger-full-access" }));
    assert_eq!(stand_in.answer(0, full).lines, [answer(2, "b", "never")]);
}

#[test]
fn what_is_claimed_ends_with_the_next_value() {
    let mut stand_in = stand_in("turns-never-ask", Memory::default());
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    drop(stand_in.answer(0, answer(1, "a", "untrusted")));
    let mut sent = |method, params| texts(&stand_in.request(0, request(2, method, params)));
    let turn = sent("turn/start", json!({ "threadId": "a" }));
    let resumed = texts(&stand_in.answer(0, answer(2, "a", "never")).lines);
    let mut sent = |method, params| texts(&stand_in.request(0, request(3, method, params)));
    let update = json!({ "threadId": "a", "approvalPolicy": "on-request" });
    let settings = sent("thread/settings/update", update);
    let notice = json!({
        "method": "thread/settings/updated",
        "params": { "threadId": "a", "threadSettings": { "approvalPolicy": "on-request" } },
    });
    let noticed = texts(&stand_in.answer(0, notice).lines);
    expect![[r#"
        {"id":2,"method":"turn/start","params":{"threadId":"a","approvalPolicy":"never"}}
        {"id":2,"result":{"thread":{"id":"a"},"approvalPolicy":"untrusted","sandbox":{"type":"readOnly"}}}
        {"id":3,"method":"thread/settings/update","params":{"threadId":"a","approvalPolicy":"on-request"}}
        {"method":"thread/settings/updated","params":{"threadId":"a","threadSettings":{"approvalPolicy":"on-request"}}}
    "#]].assert_eq(&[turn, resumed, settings, noticed].concat());
}

#[test]
fn a_question_is_answered_in_the_place_of_the_client() {
    let mut stand_in = stand_in("commands-run-unasked", Memory::default());
    let method = "item/commandExecution/requestApproval";
    let passed = stand_in.answer(0, json!({ "id": 7, "method": method, "params": {} }));
    assert_eq!(passed.lines, Vec::<Value>::new());
    assert_eq!(passed.back, [json!({ "id": 7, "result": { "decision": "accept" } })]);
}

#[test]
fn an_action_brings_config_s_value_to_a_loaded_thread() {
    let mut stand_in = stand_in("names-reset-approval", Memory::default());
    let name = request(2, "thread/name/set", json!({ "threadId": "a" }));
    assert_eq!(stand_in.request(0, name.clone()), std::slice::from_ref(&name));
    drop(stand_in.request(0, request(1, "thread/start", json!({}))));
    drop(stand_in.answer(0, answer(1, "a", "never")));
    let sent = stand_in.request(0, name.clone());
    assert_eq!(sent[0], name);
    assert_eq!(sent[1]["params"], json!({ "threadId": "a", "approvalPolicy": "on-request" }));
}

#[test]
fn a_turn_s_value_becomes_config_s() {
    let mut stand_in = stand_in("turns-write-config", Memory::default());
    let turn = json!({ "threadId": "a", "approvalPolicy": "untrusted" });
    drop(stand_in.request(0, request(1, "turn/start", turn)));
    assert_eq!(stand_in.config["approval_policy"].as_str(), Some("untrusted"));
}

#[test]
fn a_refusal_is_answered_as_a_grant_and_a_grant_as_itself() {
    let mut stand_in = stand_in("refused-settings-are-granted", Memory::default());
    let mut answered = |answer: Value| {
        drop(stand_in.request(0, request(1, "thread/settings/update", json!({}))));
        texts(&stand_in.answer(0, answer).lines)
    };
    let refused = answered(json!({ "id": 1, "error": { "code": -32600, "message": "no" } }));
    let granted = answered(json!({ "id": 1, "result": { "more": 1 } }));
    expect![[r#"
        {"id":1,"result":{}}
        {"id":1,"result":{"more":1}}
    "#]]
    .assert_eq(&(refused + &granted));
}
