//! The policy that a rollout file states of its own thread.
//!
//! Small files, written by hand as the releases write them: a fork's file has copies of its parent's
//! items, and newer releases store a profile where older ones stored a sandbox.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use heirloom::protocol::policy::Places;
use heirloom::protocol::rollout::policy;

const OWN: &str = "own";
const PARENT: &str = "parent";

/// Reads a rollout of these lines for the thread `own`.
fn check(lines: &[String], expected: Expect) {
    let places = Places {
        workspace: PathBuf::from("/tmp/h/ws1"),
        home: PathBuf::from("/tmp/h/home"),
        outside: PathBuf::from("/tmp/h/out"),
    };
    let read = policy(&lines.join("\n"), OWN, &places);
    let policy = read.map_or("no policy".to_owned(), |policy| policy.to_string());
    expected.assert_eq(&format!("{policy} in {} lines", lines.len()));
}

fn header(thread: &str) -> String {
    json!({ "type": "session_meta", "payload": { "id": thread } }).to_string()
}

fn body(approval: &str) -> Value {
    json!({
        "approval_policy": approval,
        "approvals_reviewer": "user",
        "sandbox_policy": { "type": "read-only" },
    })
}

fn turn(approval: &str) -> String {
    json!({ "type": "turn_context", "payload": body(approval) }).to_string()
}

fn settings(approval: &str, owner: Option<&str>) -> String {
    let mut payload = json!({
        "type": "thread_settings_applied",
        "thread_settings": body(approval),
    });
    if let Some(owner) = owner {
        payload["thread_id"] = json!(owner);
    }
    json!({ "type": "event_msg", "payload": payload }).to_string()
}

/// A turn with a profile instead of a sandbox, as newer releases write it.
fn turn_with_profile(profile: Value, active: Value) -> String {
    let mut payload = body("never");
    payload["permission_profile"] = profile;
    payload["active_permission_profile"] = active;
    json!({ "type": "turn_context", "payload": payload }).to_string()
}

fn managed(written: Value) -> Value {
    let entries: Vec<Value> = written
        .as_array()
        .expect("a list of paths")
        .iter()
        .map(|path| json!({ "access": "write", "path": path }))
        .collect();
    json!({ "type": "managed", "network": "enabled", "file_system": { "entries": entries } })
}

#[test]
fn an_empty_file_states_no_policy() {
    check(&[], expect!["no policy in 0 lines"]);
}

#[test]
fn a_header_alone_states_no_policy() {
    check(&[header(OWN)], expect!["no policy in 1 lines"]);
}

#[test]
fn the_last_turn_counts() {
    check(
        &[header(OWN), turn("never"), turn("on-request")],
        expect!["approval=on-request reviewer=user sandbox=read-only in 3 lines"],
    );
}

#[test]
fn settings_count_before_a_later_turn() {
    let lines = [header(OWN), settings("untrusted", Some(OWN)), turn("never")];
    check(&lines, expect!["approval=untrusted reviewer=user sandbox=read-only in 3 lines"]);
}

#[test]
fn settings_of_another_thread_do_not_count() {
    let lines = [header(OWN), turn("never"), settings("on-request", Some(PARENT))];
    check(&lines, expect!["approval=never reviewer=user sandbox=read-only in 3 lines"]);
}

#[test]
fn settings_without_a_thread_count() {
    check(
        &[header(OWN), turn("never"), settings("on-request", None)],
        expect!["approval=on-request reviewer=user sandbox=read-only in 3 lines"],
    );
}

#[test]
fn items_below_the_header_of_the_parent_do_not_count() {
    let lines = [header(OWN), header(PARENT), turn("untrusted"), header(OWN), turn("never")];
    check(&lines, expect!["approval=never reviewer=user sandbox=read-only in 5 lines"]);
}

#[test]
fn a_fork_without_items_states_no_policy() {
    let lines = [header(OWN), header(PARENT), settings("untrusted", Some(PARENT))];
    check(&lines, expect!["no policy in 3 lines"]);
}

#[test]
fn a_truncated_line_does_not_count() {
    let mut cut = turn("on-request");
    cut.truncate(cut.len() / 2);
    check(
        &[header(OWN), turn("never"), cut],
        expect!["approval=never reviewer=user sandbox=read-only in 3 lines"],
    );
}

#[test]
fn an_active_profile_is_the_permissions() {
    let line = turn_with_profile(json!({ "type": "disabled" }), json!({ "id": "dev" }));
    check(
        &[header(OWN), line],
        expect!["approval=never reviewer=user sandbox=profile:dev in 2 lines"],
    );
}

#[test]
fn a_profile_without_a_name_is_a_sandbox() {
    let line = turn_with_profile(json!({ "type": "disabled" }), Value::Null);
    check(
        &[header(OWN), line],
        expect!["approval=never reviewer=user sandbox=danger-full-access in 2 lines"],
    );
}

#[test]
fn a_managed_profile_is_a_workspace_with_its_roots() {
    let special = |kind: &str| json!({ "type": "special", "value": { "kind": kind } });
    let path = |path: &str| json!({ "type": "path", "path": path });
    let written = json!([special("slash_tmp"), path("/tmp/h/ws1"), path("/tmp/h/out")]);
    check(
        &[header(OWN), turn_with_profile(managed(written), Value::Null)],
        expect![
            "approval=never reviewer=user sandbox=workspace-write+network+exclude_tmpdir+root:OUT in 2 lines"
        ],
    );
}

#[test]
fn the_folder_of_a_managed_profile_is_no_root_and_the_roots_are_stated() {
    let path = |path: &str| json!({ "type": "path", "path": path });
    let mut item = body("never");
    item["permission_profile"] = managed(json!([path("/tmp/h/ws1"), path("/tmp/h/out")]));
    item["cwd"] = json!("/tmp/h/out");
    item["workspace_roots"] = json!(["/tmp/h/out", "/tmp/h/ws1"]);
    let line = json!({ "type": "turn_context", "payload": item }).to_string();
    check(
        &[header(OWN), line],
        expect![
            "approval=never reviewer=user sandbox=workspace-write+network+exclude_tmpdir+exclude_slash_tmp+root:WS roots=CWD+WS in 2 lines"
        ],
    );
}

#[test]
fn a_managed_profile_that_writes_nothing_is_read_only() {
    check(
        &[header(OWN), turn_with_profile(managed(json!([])), Value::Null)],
        expect!["approval=never reviewer=user sandbox=read-only+network in 2 lines"],
    );
}
