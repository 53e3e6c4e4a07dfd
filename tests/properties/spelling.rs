//! A value that is written as JSON reads back as the same value.
//!
//! Replies, notices and rollouts each have their own spelling, and there are older and unknown ones;
//! a call spells its overrides, what it leaves out and what is wrong with it.

use std::path::PathBuf;

use expect_test::{Expect, expect};
use proptest::prelude::Strategy;
use serde_json::{Value, json};

use super::drawn::{approvals, reviewers, sandboxes};
use super::{check, same};
use heirloom::policy::{Permissions, Policy};
use heirloom::program::Program;
use heirloom::program::request::{Back, RequestContext};
use heirloom::protocol::policy::{
    Places, approval, approval_json, of_reply, of_settings, reviewer, reviewer_json, sandbox,
    sandbox_json,
};
use heirloom::protocol::requests::{Ids, call};

fn places() -> Places {
    Places {
        workspace: PathBuf::from("/tmp/h/ws1"),
        home: PathBuf::from("/tmp/h/home"),
        outside: PathBuf::from("/tmp/h/out"),
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    (approvals(), reviewers(), sandboxes()).prop_map(|(approval, reviewer, sandbox)| Policy {
        approval,
        reviewer,
        permissions: Permissions::Legacy(sandbox),
        others: std::collections::BTreeMap::new(),
    })
}

/// A policy as a reply or a notice states it; the two differ in one key.
fn stated(policy: &Policy, sandbox_key: &str) -> Value {
    let Permissions::Legacy(sandbox) = &policy.permissions else {
        unreachable!("the policies above have a sandbox");
    };
    json!({
        "approvalPolicy": approval_json(&policy.approval),
        "approvalsReviewer": reviewer_json(&policy.reviewer),
        sandbox_key: sandbox_json(sandbox, &places()),
        "activePermissionProfile": null,
        "somethingNew": { "approvalPolicy": "never" },
    })
}

/// Compares what a reader makes of JSON texts, one a line.
fn reads<T: std::fmt::Debug>(read: impl Fn(&Value) -> T, texts: &[&str], expected: Expect) {
    let line = |text: &&str| {
        let json: Value = serde_json::from_str(text).expect("the text is JSON");
        format!("{text}  {:?}\n", read(&json))
    };
    expected.assert_eq(&texts.iter().map(line).collect::<String>());
}

/// Compares the requests of a program's steps, one a line.
fn check_requests(steps: &str, expected: Expect) {
    let text = format!("# heirloom case v2\nconfig\n{steps}audit\n");
    let program: Program = text.parse().expect("the text is a program");
    let cx = RequestContext { back: Back::Revert, number: 0 };
    let requests = program.steps.iter().filter_map(|step| step.request(cx));
    let calls = requests.map(|request| call(&request, &Ids::of("id"), &places()));
    let lines = calls.map(|call| format!("{} {}\n", call.method, call.params));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn an_approval_policy_reads_back() {
    check(approvals(), |value| same(&approval(&approval_json(&value)), &value));
}

#[test]
fn a_reviewer_reads_back() {
    check(reviewers(), |value| same(&reviewer(&reviewer_json(&value)), &value));
}

#[test]
fn a_sandbox_reads_back() {
    check(sandboxes(), |value| same(&sandbox(&sandbox_json(&value, &places()), &places()), &value));
}

#[test]
fn a_policy_in_a_reply_reads_back() {
    check(policies(), |policy| {
        same(&of_reply(&stated(&policy, "sandbox"), &places()), &Some(policy))
    });
}

#[test]
fn a_policy_in_a_notice_reads_back() {
    check(policies(), |policy| {
        same(&of_settings(&stated(&policy, "sandboxPolicy"), &places()), &Some(policy))
    });
}

#[test]
fn fields_that_a_granular_policy_leaves_out_are_false() {
    let texts = [
        r#"{"granular":{"rules":true}}"#,
        r#"{"granular":{"sandbox_approval":true,"mcp_elicitations":true,"new":true}}"#,
        r#"{"granular":{}}"#,
    ];
    reads(
        |json| approval(json).to_string(),
        &texts,
        expect![[r#"
        {"granular":{"rules":true}}  "granular(rules)"
        {"granular":{"sandbox_approval":true,"mcp_elicitations":true,"new":true}}  "granular(sandbox_approval,mcp_elicitations)"
        {"granular":{}}  "granular()"
    "#]],
    );
}

#[test]
fn a_reviewer_has_an_older_spelling() {
    let texts = [r#""guardian_subagent""#, r#""auto_review""#, r#""user""#];
    reads(
        reviewer,
        &texts,
        expect![[r#"
        "guardian_subagent"  AutoReview
        "auto_review"  AutoReview
        "user"  User
    "#]],
    );
}

#[test]
fn an_unknown_value_is_kept_as_it_is() {
    let texts = [r#""sometimes""#, "null", "7"];
    reads(
        approval,
        &texts,
        expect![[r#"
            "sometimes"  Unrecognised("\"sometimes\"")
            null  Unrecognised("null")
            7  Unrecognised("7")
        "#]],
    );
    reads(
        reviewer,
        &texts,
        expect![[r#"
            "sometimes"  Unrecognised("\"sometimes\"")
            null  Unrecognised("null")
            7  Unrecognised("7")
        "#]],
    );
    let texts = [r#"{"type":"moon","networkAccess":true}"#, "null"];
    reads(
        |json| sandbox(json, &places()),
        &texts,
        expect![[r#"
            {"type":"moon","networkAccess":true}  Unrecognised("{\"type\":\"moon\",\"networkAccess\":true}")
            null  Unrecognised("null")
        "#]],
    );
}

#[test]
fn a_sandbox_of_a_rollout_has_other_keys() {
    let texts = [
        r#"{"type":"read-only"}"#,
        r#"{"type":"workspace-write","network_access":true,"exclude_slash_tmp":true}"#,
        r#"{"type":"workspace-write","writable_roots":["/tmp/h/out/a","/tmp/h/home/memories"]}"#,
        r#"{"type":"external-sandbox","network_access":"enabled"}"#,
    ];
    reads(
        |json| sandbox(json, &places()).to_string(),
        &texts,
        expect![[r#"
        {"type":"read-only"}  "read-only"
        {"type":"workspace-write","network_access":true,"exclude_slash_tmp":true}  "workspace-write+network+exclude_slash_tmp"
        {"type":"workspace-write","writable_roots":["/tmp/h/out/a","/tmp/h/home/memories"]}  "workspace-write+root:OUT/a"
        {"type":"external-sandbox","network_access":"enabled"}  "external+network"
    "#]],
    );
}

#[test]
fn a_named_profile_hides_the_sandbox_beside_it() {
    let texts = [
        r#"{"approvalPolicy":"never","approvalsReviewer":"user","sandbox":{"type":"readOnly"}}"#,
        r#"{"approvalPolicy":"never","approvalsReviewer":"user","sandbox":{"type":"readOnly"},
            "activePermissionProfile":{"id":"dev"}}"#,
        r#"{"approvalPolicy":"never","approvalsReviewer":"user"}"#,
    ];
    let read = |json: &Value| of_reply(json, &places()).map(|policy| policy.to_string());
    reads(
        read,
        &texts,
        expect![[r#"
            {"approvalPolicy":"never","approvalsReviewer":"user","sandbox":{"type":"readOnly"}}  Some("approval=never reviewer=user sandbox=read-only")
            {"approvalPolicy":"never","approvalsReviewer":"user","sandbox":{"type":"readOnly"},
                        "activePermissionProfile":{"id":"dev"}}  Some("approval=never reviewer=user sandbox=profile:dev")
            {"approvalPolicy":"never","approvalsReviewer":"user"}  None
        "#]],
    );
}

#[test]
fn an_omitted_setting_has_no_key_and_a_null_setting_has_one() {
    check_requests(
        "start -> t0\n\
         resume t0 approval=null reviewer=null sandbox=null\n\
         fork t0 approval=never sandbox=workspace-write -> t1\n\
         run t0 \"hi\" <- drop\n",
        expect![[r#"
            thread/start {"cwd":"/tmp/h/ws1"}
            thread/resume {"approvalPolicy":null,"approvalsReviewer":null,"sandbox":null,"threadId":"id"}
            thread/fork {"approvalPolicy":"never","sandbox":"workspace-write","threadId":"id"}
            turn/start {"input":[{"type":"text","text":"hi"}],"threadId":"id"}
        "#]],
    );
}

#[test]
fn a_flaw_stands_beside_the_other_overrides() {
    let flaws = [
        "unknown-approval",
        "unknown-reviewer",
        "unknown-sandbox",
        "relative-root",
        "unknown-profile",
        "profile-with-sandbox",
    ];
    let overrides = "approval=never reviewer=auto_review";
    let run = |flaw: &str| format!("run t0 \"hi\" {overrides} flaw={flaw} <- drop\n");
    check_requests(
        &format!("start -> t0\n{}", flaws.map(run).concat()),
        expect![[r#"
            thread/start {"cwd":"/tmp/h/ws1"}
            turn/start {"approvalPolicy":"sometimes","approvalsReviewer":"auto_review","input":[{"type":"text","text":"hi"}],"threadId":"id"}
            turn/start {"approvalPolicy":"never","approvalsReviewer":"somebody","input":[{"type":"text","text":"hi"}],"threadId":"id"}
            turn/start {"approvalPolicy":"never","approvalsReviewer":"auto_review","input":[{"type":"text","text":"hi"}],"sandboxPolicy":{"type":"somewhere"},"threadId":"id"}
            turn/start {"approvalPolicy":"never","approvalsReviewer":"auto_review","input":[{"type":"text","text":"hi"}],"sandboxPolicy":{"type":"workspaceWrite","writableRoots":["relative/root"]},"threadId":"id"}
            turn/start {"approvalPolicy":"never","approvalsReviewer":"auto_review","input":[{"type":"text","text":"hi"}],"sandboxPolicy":null,"permissions":"no-such-profile","threadId":"id"}
            turn/start {"approvalPolicy":"never","approvalsReviewer":"auto_review","input":[{"type":"text","text":"hi"}],"permissions":":read-only","sandboxPolicy":{"type":"readOnly"},"threadId":"id"}
        "#]],
    );
}
