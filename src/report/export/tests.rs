//! The exported forms of one finding, from a stored run on release 0.144.4.

use expect_test::{Expect, expect};
use serde_json::json;

use super::form::Form;
use super::subject::Exported;
use crate::contract::Clause;
use crate::judge::judge;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::sdk::SdkClient;
use crate::trace::Trace;
use crate::trace::view::View;
use crate::transcript::{Entry, Transcript};

const TRACE: &str = include_str!("../../../tests/traces/r4-ap-resume-never-config.trace");
const ENTRIES: &str = include_str!("../../../tests/transcripts/r4-ap-resume-never-config.json");

/// A finding with its run.
struct Run {
    finding: Finding,
    program: Program,
    client: Option<SdkClient>,
    transcript: Transcript,
}

impl Run {
    fn stored() -> Run {
        let trace: Trace = TRACE.parse().expect("the stored trace is one");
        let finding = judge(&trace).findings.remove(0);
        let entries: Vec<Entry> = serde_json::from_str(ENTRIES).expect("the stored run is one");
        let transcript = Transcript { entries };
        Run { finding, program: trace.program, client: None, transcript }
    }

    /// The same run as the process of the SDK would have recorded it.
    fn by_sdk() -> Run {
        let run = Run::stored();
        let entries = run.transcript.entries.into_iter().flat_map(|entry| match entry {
            Entry::Sent(line) => {
                let method = line["method"].as_str().unwrap_or_default();
                let function = method.replace('/', "_");
                let arguments = json!({ "sandbox": "full-access", "ephemeral": true });
                let params = json!({ "call": 1, "function": function, "thread": "<t0>",
                    "turn": null, "arguments": arguments });
                let report = |event: &str, params| {
                    Entry::Received(
                        json!({ "method": format!("client/{event}"), "params": params }),
                    )
                };
                let order = Entry::Sent(json!({ "method": "call", "params": params }));
                let mut all = vec![report("sent", json!({ "line": line.to_string() }))];
                // The handshake belongs to no call.
                if method.contains('/') {
                    all.insert(0, order);
                    all.push(report("returned", json!({ "call": 1, "value": {} })));
                }
                all
            }
            entry => vec![entry],
        });
        let transcript = Transcript::new(entries.collect(), &[]);
        Run { client: Some(SdkClient::PythonAsync), transcript, ..run }
    }

    /// The file from its first line with these words on; the reason where there is none.
    fn text(&self, form: Form, from: &str) -> String {
        let Run { finding, program, client, transcript } = self;
        let (title, releases, confirmed, probe) = (None, None, None, None);
        let client = *client;
        let id = "r4-ap-resume-never-config";
        let exported = Exported {
            id,
            finding,
            program,
            client,
            transcript,
            title,
            releases,
            confirmed,
            probe,
        };
        match exported.text(form) {
            Ok(text) => text[text.find(from).expect("the words are in it")..].to_owned(),
            Err(reason) => reason.to_string(),
        }
    }
}

fn check(form: Form, from: &str, expected: Expect) {
    expected.assert_eq(&Run::stored().text(form, from));
}

#[test]
fn a_pytest_file_ends_with_one_test_that_says_what_the_program_does() {
    check(
        Form::Pytest,
        "def test_",
        expect![[r#"
            def test_r4_ap_resume_never_config(tmp_path):
                server = os.environ.get("HEIRLOOM_SERVER")
                assert server, "set HEIRLOOM_SERVER to the path of a codex executable"
                with AppServerHarness(tmp_path, server) as harness:
                    harness.config("""
                        approval_policy = "on-request"
                        approvals_reviewer = "user"
                        model = "mock-model"
                        model_provider = "mock"
                        sandbox_mode = "read-only"

                        [features]
                        apps = false
                        plugins = false

                        [model_providers.mock]
                        base_url = "<MODEL>"
                        name = "mock"
                        request_max_retries = 0
                        stream_max_retries = 0
                        supports_websockets = false
                        wire_api = "responses"

                        [sandbox_workspace_write]
                        network_access = false
                    """)
                    codex = harness.start()
                    # start approval=never -> t0
                    t0 = codex.thread_start(approvalPolicy="never", cwd=harness.workspace)["thread"]["id"]
                    # run t0 "turn 1" <- text "ok"
                    harness.responses.enqueue(t0, {"text": "ok"})
                    codex.turn_start(input=[{"type": "text", "text": "turn 1"}], threadId=t0)
                    codex.wait_for("turn/completed", t0)
                    # restart graceful
                    codex.close()
                    codex = harness.start()
                    # resume t0
                    shown = codex.thread_resume(threadId=t0)
                    due = "never"
                    seen = field(shown, "approvalPolicy")
                    assert harness.stated(seen, due) == due
        "#]],
    );
}

#[test]
fn a_shell_script_says_what_it_is_about_before_its_code() {
    let text = Run::stored().text(Form::Sh, "#!");
    let head = text.split_once("\nimport").map_or("", |(head, _)| head);
    expect![[r##"
        #!/bin/sh
        # R4 cold resume · approval policy: after resume, config.toml's default instead of never
        #
        # t0 has the wrong approval policy after `resume`: expected never, seen on-request.
        #
        # R4 cold resume · approval policy: A cold resume (after a restart or an unload) restores the
        # approval policy (AP).
        #
        # Seen on codex 0.144.4.
        #
        # Usage: sh FILE SERVER, with the path of a codex executable. Exits with 1 while the bug is
        # there, with 0 when it is gone, and with 2 where that is not known. The server gets a home of
        # its own and a stand-in for the model on loopback.

        if [ "$#" -ne 1 ] || [ ! -f "$1" ] || [ ! -x "$1" ]; then
            echo "usage: $0 SERVER, the path of a codex executable" >&2
            exit 2
        fi
        if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
            echo "$0: python3 is not there, or older than 3.8; install it" >&2
            exit 2
        fi
        exec python3 - "$1" <<'PYTHON'"##]].assert_eq(head);
}

#[test]
fn a_rust_file_ends_with_one_test_that_says_what_the_program_does() {
    check(
        Form::Rust,
        "    let home = CodexHome::new",
        expect![[r##"
                let home = CodexHome::new()?;
                let responses = create_mock_responses_server()?;
                let config = r#"
            approval_policy = "on-request"
            approvals_reviewer = "user"
            model = "mock-model"
            model_provider = "mock"
            sandbox_mode = "read-only"

            [features]
            apps = false
            plugins = false

            [model_providers.mock]
            base_url = "<MODEL>"
            name = "mock"
            request_max_retries = 0
            stream_max_retries = 0
            supports_websockets = false
            wire_api = "responses"

            [sandbox_workspace_write]
            network_access = false
            "#;
                create_config_toml(&home, &responses, config)?;
                let mut mcp = McpProcess::new(&home, &responses)?;
                mcp.initialize()?;
                // start approval=never -> t0
                let params = json!({ "approvalPolicy": "never", "cwd": home.workspace });
                let request = mcp.send_request("thread/start", params)?;
                let message = mcp.read_stream_until_response_message(request)?;
                let t0 = id(&message, "/thread/id")?;
                // run t0 "turn 1" <- text "ok"
                let answer = json!({ "text": "ok" });
                responses.enqueue(&t0, answer);
                let params = json!({ "input": [{ "type": "text", "text": "turn 1" }], "threadId": t0 });
                let request = mcp.send_request("turn/start", params)?;
                mcp.read_stream_until_response_message(request)?;
                let wanted = Wanted { method: "turn/completed", thread: Some(t0.as_str()), has: "" };
                mcp.read_stream_until_notification_message(wanted)?;
                // restart graceful
                mcp.close();
                let mut mcp = McpProcess::new(&home, &responses)?;
                mcp.initialize()?;
                // resume t0
                let params = json!({ "threadId": t0 });
                let request = mcp.send_request("thread/resume", params)?;
                let shown = mcp.read_stream_until_response_message(request)?;
                let due = json!("never");
                let seen = shown.pointer("/approvalPolicy").ok_or(NOT_STATED)?;
                assert_eq!(home.stated(seen, &due), due);
                Ok(())
            }
        "##]],
    );
}

#[test]
fn a_bug_report_says_what_happens_and_what_should_by_which_source() {
    let text = Run::stored().text(Form::Markdown, "# ");
    let text = text.split_once("## The program").map_or("", |(words, _)| words);
    expect![[r#"
        # R4 cold resume · approval policy: after resume, config.toml's default instead of never

        > **For the vendor, in private.** The server allows more than the user asked for, which may be a
        > vulnerability. Report it by the security policy of the vendor's repository before anything about
        > it is public.

        ## What happens

        t0 has the wrong approval policy after `resume`.

        * expected: `never`
        * seen: `on-request`
        * seen in: the server's answer to the request
        * where it comes from: the value seen is the default in config.toml

        ## What should happen

        R4 cold resume · approval policy: A cold resume (after a restart or an unload) restores the approval policy (AP).

        Strength N: an upstream test or a published schema text asserts it.

        * T-resume: codex-rs/app-server/tests/suite/v2/thread_resume.rs in openai/codex

        ## What it allows

        A command or a patch of a model that is mistaken, or that follows instructions in what it reads, may be approved or run where the user's own policy would have refused it or held it back.

        The ordinary requests below are enough; nothing on the user's machine has to be changed first.

    "#]].assert_eq(text);
}

#[test]
fn a_bug_report_shows_the_program_and_how_to_run_it() {
    check(
        Form::Markdown,
        "## The program",
        expect![[r###"
        ## The program

        ```text
        config  approval=on-request reviewer=user sandbox=read-only
        start   approval=never                -> t0
        run     t0 "turn 1"                   <- text "ok"
        audit
          >   resume  t0
          ^ R4: expected never, seen on-request; the audit restarts the server and resumes t0 from
            disk
        ```

        Each line is an operation, mostly one request; `>` marks the one that shows it. `audit` is a restart of the server and a `thread/resume` of every thread.

        ```mermaid
        sequenceDiagram
            participant C as client
            participant S as codex app-server
            Note over S: starts
            Note over C,S: start approval=never → t0
            C->>S: thread/start approvalPolicy='never'
            S-->>C: granted
            Note over C,S: run t0 'turn 1' ← text 'ok'
            C->>S: turn/start
            S-->>C: granted
            Note over C,S: restart graceful
            Note over S: ends
            Note over S: starts
            Note over C,S: resume t0
            C->>S: thread/resume
            S-->>C: granted
            Note over C,S: expected never, seen on-request
        ```

        ## Releases

        Seen on codex 0.144.4. `heirloom matrix` compares other releases.

        ## How to reproduce

        Without heirloom, with a shell and Python's standard library:

        ```sh
        sh r4-ap-resume-never-config.sh /path/of/codex
        ```

        It exits with 1 while the bug is there, and with 0 when it is gone.

        With heirloom: `heirloom replay r4-ap-resume-never-config.case --known none`.
    "###]],
    );
}

#[test]
fn a_transcript_has_the_requests_and_the_answers_with_their_ids() {
    let text = Run::stored().text(Form::Jsonrpc, "{");
    let of_client =
        text.lines().filter(|line| line.starts_with("{\"sent\"") || line.contains("\"step\""));
    expect![[r#"
        {"sent":{"id":1,"method":"initialize","params":{"clientInfo":{"name":"heirloom","title":"heirloom","version":"0.1.0"},"capabilities":{"experimentalApi":true}}}}
        {"sent":{"method":"initialized"}}
        {"step":"start   approval=never                -> t0"}
        {"sent":{"id":2,"method":"thread/start","params":{"approvalPolicy":"never","cwd":"<WS>"}}}
        {"step":"run     t0 \"turn 1\"                   <- text \"ok\""}
        {"sent":{"id":3,"method":"turn/start","params":{"input":[{"type":"text","text":"turn 1"}],"threadId":"<t0>"}}}
        {"step":"restart graceful"}
        {"sent":{"id":1,"method":"initialize","params":{"clientInfo":{"name":"heirloom","title":"heirloom","version":"0.1.0"},"capabilities":{"experimentalApi":true}}}}
        {"sent":{"method":"initialized"}}
        {"step":"resume  t0"}
        {"sent":{"id":2,"method":"thread/resume","params":{"threadId":"<t0>"}}}
    "#]].assert_eq(&of_client.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_finding_that_no_message_shows_has_no_script_and_says_why() {
    let mut run = Run::stored();
    run.finding.seen = "untrusted".to_owned();
    run.finding.views = [View::Rollout, View::Probe].into();
    expect!["the finding shows in the thread's file on disk and the outcome of a command that the model asked for, and a script can only compare a value in a reply or in a settings notice, or whether a request is granted; `heirloom replay` shows it"].assert_eq(&run.text(Form::Sh, ""));
    let report = run.text(Form::Markdown, "## How to reproduce");
    expect![[r#"
        ## How to reproduce

        No script shows it: the finding shows in the thread's file on disk and the outcome of a command that the model asked for, and a script can only compare a value in a reply or in a settings notice, or whether a request is granted; `heirloom replay` shows it.

        With heirloom: `heirloom replay r4-ap-resume-never-config.case --known none`.
    "#]].assert_eq(&report);
}

#[test]
fn a_step_that_a_script_cannot_repeat_is_named() {
    let mut run = Run::stored();
    let case = "# heirloom case v1\nconfig\nstart -> t0\nclient2 resume t0\naudit\n";
    run.program = case.parse().expect("it is a case");
    expect![
        "the program has several clients, which a script cannot repeat; `heirloom replay` shows it"
    ]
    .assert_eq(&run.text(Form::Rust, ""));
}

#[test]
fn a_request_that_must_be_granted_is_compared_by_its_outcome() {
    let mut run = Run::stored();
    run.finding = Finding {
        dimension: None,
        form: "accepted".to_owned(),
        expected: "it is granted".to_owned(),
        seen: "refused: no".to_owned(),
        widened: false,
        ..run.finding
    };
    let text = run.text(Form::Pytest, "# resume t0");
    expect![[r##"
        # resume t0
                _, refusal = codex.attempt("thread/resume", {"threadId": t0})
                due = "granted"
                seen = "granted" if refusal is None else "refused"
                assert harness.stated(seen, due) == due
    "##]]
    .assert_eq(&text);
    let text = run.text(Form::Rust, "    // resume t0");
    expect![[r#"
            // resume t0
            let params = json!({ "threadId": t0 });
            let request = mcp.send_request("thread/resume", params)?;
            let answer = mcp.read_stream_until_answer(request)?;
            assert_eq!(answer.err(), None, "the request must be granted");
            Ok(())
        }
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_run_of_the_sdk_is_shown_by_its_calls_and_repeated_by_what_it_sent() {
    let run = Run::by_sdk();
    expect![[r##"
        # start approval=never -> t0
                # codex.thread_start(sandbox="full-access", ephemeral=True)
                t0 = codex.thread_start(approvalPolicy="never", cwd=harness.workspace)["thread"]["id"]
                # run t0 "turn 1" <- text "ok"
                harness.responses.enqueue(t0, {"text": "ok"})
                # t0.turn_start(sandbox="full-access", ephemeral=True)
                codex.turn_start(input=[{"type": "text", "text": "turn 1"}], threadId=t0)
                codex.wait_for("turn/completed", t0)
                # restart graceful
                codex.close()
                codex = harness.start()
                # resume t0
                # codex.thread_resume(sandbox="full-access", ephemeral=True)
                shown = codex.thread_resume(threadId=t0)
                due = "never"
                seen = field(shown, "approvalPolicy")
                assert harness.stated(seen, due) == due
    "##]].assert_eq(&run.text(Form::Pytest, "# start approval"));
    expect![[r#"
        ## Releases

        Seen on codex 0.144.4. `heirloom matrix` compares other releases.

        ## How to reproduce

        Without heirloom, with a shell and Python's standard library:

        ```sh
        sh r4-ap-resume-never-config.sh /path/of/codex
        ```

        It exits with 1 while the bug is there, and with 0 when it is gone.

        With heirloom: `heirloom replay r4-ap-resume-never-config.case --known none --client python-async`.
    "#]].assert_eq(&run.text(Form::Markdown, "## Releases"));
    let messages = run.text(Form::Jsonrpc, "{");
    assert_eq!(messages.matches("client/").count(), 0, "a report of the shim is left: {messages}");
    assert_eq!(messages.matches("\"called\"").count(), 3, "{messages}");
}

#[test]
fn a_finding_about_the_sdk_has_no_script_and_says_why() {
    let mut run = Run::by_sdk();
    run.finding.clause = Clause::K2;
    for form in [Form::Sh, Form::Pytest, Form::Rust] {
        expect!["the finding is about the Python SDK, and a script speaks to the server without it; `heirloom replay --client` shows it"].assert_eq(&run.text(form, ""));
    }
}
