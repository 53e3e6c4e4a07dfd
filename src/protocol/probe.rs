//! A probe in JSON: the model's call of a tool, the answers of client and reviewing model, and the
//! result, which is a text of which only the class is read.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::program::reply::{Probe, Review};

/// The tool of a probe: the one that runs a command, but for questions.
pub fn tool(probe: Probe) -> &'static str {
    match probe {
        Probe::RequestPermissions => "request_permissions",
        Probe::Elicit => "ask",
        _ => "exec_command",
    }
}

/// The namespace of that tool, where it has one.
pub fn namespace(probe: Probe) -> Option<&'static str> {
    (probe == Probe::Elicit).then_some("mcp__probe")
}

/// The name of the MCP server that asks a question.
pub const MCP_SERVER: &str = "probe";

/// The feature without which a release has no tool to ask for permissions.
pub const PERMISSIONS_FEATURE: &str = "request_permissions_tool";

/// The reviewing model's answer without a script.
pub const DENIED: &str = r#"{"outcome":"deny","rationale":"the script allows nothing"}"#;

/// What the server asks its client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// The approval of a command.
    Command,
    /// The approval of a patch.
    Patch,
    /// Permissions.
    Permissions,
    /// An answer to an MCP server.
    Elicitation,
    /// Something else.
    Other,
}

/// The result of a probe, by the class of the text that the model is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeResultText {
    /// It ran and succeeded.
    Done,
    /// It ran and failed, as when the sandbox stops it.
    Stopped,
    /// It was refused without asking anyone.
    Refused,
    /// The client declined it.
    Declined,
    /// The reviewing model denied it, or failed to allow it.
    Denied,
    /// The release does not have the tool.
    Unsupported,
    /// It still ran when the model got its result, or the model got none, or the server's sandbox did
    /// not begin.
    Unfinished,
    /// Some other text.
    Other,
}

impl ProbeResultText {
    /// Whether it ran at all.
    pub fn has_run(self) -> bool {
        matches!(self, ProbeResultText::Done | ProbeResultText::Stopped)
    }
}

/// What a probe would change.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The file that it would write, if it writes one.
    pub file: &'a Path,
    /// The port on the loopback interface that it would connect to, if it connects.
    pub port: u16,
}

/// The rule of a home, in the language of its rules files, that asks about the probe `ruled`.
pub const RULE: &str = "prefix_rule(pattern = [\"date\"], decision = \"prompt\")\n";

/// The arguments of the tool.
pub fn arguments(probe: Probe, targets: Targets<'_>) -> String {
    let target = targets.file.display();
    let touch = format!("touch {target}");
    let arguments = match probe {
        Probe::Run => json!({ "cmd": "python3 -S -c \"print(7)\"", "login": false }),
        Probe::Safe => json!({ "cmd": "pwd", "login": false }),
        Probe::Ruled => json!({ "cmd": "date", "login": false }),
        Probe::Connect => json!({ "cmd": connect(targets.port), "login": false }),
        // By the shell itself: a `python3` may be a script that writes temporary files, which a
        // read-only sandbox refuses.
        Probe::ReadSecret => {
            json!({ "cmd": format!("bash -c 'read -r line <{target}'"), "login": false })
        }
        Probe::Elicit => json!({}),
        Probe::RequestPermissions => json!({
            "reason": "may I?",
            "permissions": { "file_system": { "write": [target.to_string()] } },
        }),
        Probe::WriteInside | Probe::WriteOutside => json!({ "cmd": touch, "login": false }),
        Probe::Escalate => json!({
            "cmd": touch,
            "sandbox_permissions": "require_escalated",
            "justification": "may I?",
            "login": false,
        }),
        Probe::PatchInside | Probe::PatchOutside => {
            let patch = format!("*** Begin Patch\n*** Add File: {target}\n+hello\n*** End Patch");
            json!({ "cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF\n"), "login": false })
        }
    };
    arguments.to_string()
}

/// A command that connects to a port on loopback, and asks the proxy to do so where its environment
/// names one.
fn connect(port: u16) -> String {
    let to = format!("127.0.0.1:{port}");
    let ask = format!("GET http://{to}/ HTTP/1.1\\r\\nHost: {to}\\r\\n\\r\\n");
    let proxied = format!(
        "exec 3<>/dev/tcp/${{p%:*}}/${{p##*:}} && printf \"{ask}\" >&3 && read -t 5 -u 3 s"
    );
    let direct = format!(": </dev/tcp/127.0.0.1/{port}");
    format!("bash -c 'p=${{HTTP_PROXY#*//}}; if [ \"$p\" ]; then {proxied}; else {direct}; fi'")
}

/// What a request of the server's asks for.
pub fn question(method: &str) -> Question {
    match method {
        "item/commandExecution/requestApproval" => Question::Command,
        "item/fileChange/requestApproval" => Question::Patch,
        "item/permissions/requestApproval" => Question::Permissions,
        "mcpServer/elicitation/request" => Question::Elicitation,
        _ => Question::Other,
    }
}

/// The answer that grants an approval, or the permissions that were asked for until the end of the
/// turn; `None` for other questions.
pub fn accept(method: &str, params: &Value) -> Option<Value> {
    match question(method) {
        Question::Elicitation => Some(json!({ "action": "accept", "content": {} })),
        Question::Permissions => {
            Some(json!({ "permissions": params.get("permissions")?, "scope": "turn" }))
        }
        Question::Command | Question::Patch => Some(json!({ "decision": "accept" })),
        Question::Other => None,
    }
}

/// The reviewing model's text; `None` where its stream ends at once.
pub fn review_text(review: Review) -> Option<&'static str> {
    match review {
        Review::Allow => Some(r#"{"outcome":"allow"}"#),
        Review::Deny => Some(DENIED),
        Review::Garbage => Some("let me think about it"),
        Review::Silence => None,
    }
}

/// What is printed by a command whose sandbox could not begin, since a folder went meanwhile that the
/// servers share: that of their sockets, or one that the sandbox of a command makes at the root or in
/// the temporary folder and removes again. It says nothing about a policy.
const NO_SANDBOX: [&str; 3] = [
    "bwrap: Can't mkdir /tmp/codex-daemon",
    "bwrap: Can't mount tmpfs on /newroot/.",
    "bwrap: Can't mount tmpfs on /newroot/tmp/.",
];

/// Whether a text says that a sandbox could not begin, for no fault of its own.
pub fn had_no_sandbox(text: &str) -> bool {
    NO_SANDBOX.iter().any(|phrase| text.contains(phrase))
}

/// How the result of a request for permissions begins, and how where none are granted.
const GRANTED: &str = r#"{"permissions":{"#;
const NOTHING_GRANTED: &str = r#"{"permissions":{"network":null,"file_system":null}"#;

/// The class of a tool's result.
pub fn classify(text: &str) -> ProbeResultText {
    if had_no_sandbox(text) {
        return ProbeResultText::Unfinished;
    }
    // The first phrase that the text has decides.
    let phrases = [
        (NOTHING_GRANTED, ProbeResultText::Refused),
        (GRANTED, ProbeResultText::Done),
        ("elicitation accepted", ProbeResultText::Done),
        ("elicitation declined", ProbeResultText::Refused),
        ("unacceptable risk", ProbeResultText::Denied),
        ("Automatic approval review", ProbeResultText::Denied),
        ("approval policy is", ProbeResultText::Refused),
        ("approval required by policy", ProbeResultText::Refused),
        ("rejected by user approval settings", ProbeResultText::Refused),
        ("rejected by user", ProbeResultText::Declined),
        ("exited with code 0", ProbeResultText::Done),
        ("Success.", ProbeResultText::Done),
        ("exited with code", ProbeResultText::Stopped),
        ("Network access to", ProbeResultText::Stopped),
        ("unsupported call", ProbeResultText::Unsupported),
        ("Process running with session", ProbeResultText::Unfinished),
        ("Exit code:", ProbeResultText::Stopped),
    ];
    let found = phrases.into_iter().find(|(phrase, _)| text.contains(phrase));
    found.map_or(ProbeResultText::Other, |(_, class)| class)
}

/// The output of a command in a tool's result; the whole text where none is marked.
pub fn command_output(text: &str) -> &str {
    text.rsplit("Output:").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};
    use strum::IntoEnumIterator;

    use super::{Targets, arguments, classify};
    use crate::program::reply::Probe;

    fn check(seen: &str, expected: Expect) {
        expected.assert_eq(seen);
    }

    #[test]
    fn each_probe_has_its_arguments() {
        let targets = Targets { file: Path::new("/out/f"), port: 80 };
        let all = Probe::iter().map(|probe| arguments(probe, targets));
        let all: Vec<String> = all.collect();
        check(
            &all.join("\n"),
            expect![[r#"
                {"cmd":"python3 -S -c \"print(7)\"","login":false}
                {"cmd":"pwd","login":false}
                {"cmd":"date","login":false}
                {"cmd":"bash -c 'p=${HTTP_PROXY#*//}; if [ \"$p\" ]; then exec 3<>/dev/tcp/${p%:*}/${p##*:} && printf \"GET http://127.0.0.1:80/ HTTP/1.1\\r\\nHost: 127.0.0.1:80\\r\\n\\r\\n\" >&3 && read -t 5 -u 3 s; else : </dev/tcp/127.0.0.1/80; fi'","login":false}
                {"cmd":"bash -c 'read -r line </out/f'","login":false}
                {"reason":"may I?","permissions":{"file_system":{"write":["/out/f"]}}}
                {}
                {"cmd":"touch /out/f","login":false}
                {"cmd":"touch /out/f","login":false}
                {"cmd":"touch /out/f","sandbox_permissions":"require_escalated","justification":"may I?","login":false}
                {"cmd":"apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: /out/f\n+hello\n*** End Patch\nEOF\n","login":false}
                {"cmd":"apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: /out/f\n+hello\n*** End Patch\nEOF\n","login":false}"#]],
        );
    }

    #[test]
    fn results_fall_into_classes() {
        let texts = [
            "Process exited with code 0\nOutput:\n7\n",
            "Output:\nExit code: 0\nOutput:\nSuccess. Updated the following files:\nA f\n",
            "Process exited with code 1\nOutput:\ntouch: cannot touch 'f': Read-only file system\n",
            "patch rejected by user",
            "patch rejected: writing outside of the project; rejected by user approval settings",
            "exec_command failed: approval policy is Never; reject command",
            "Rejected(\"approval required by policy, but AskForApproval is set to Never\")",
            "Process running with session ID 3",
            "This action was rejected due to unacceptable risk.\nReason: nope\n",
            "unsupported call: exec_command",
            "exec_command failed: ProcessFailed { message: \"Network access to \\\"h\\\" was blocked\" }",
            "{\"permissions\":{\"network\":null,\"file_system\":null},\"scope\":\"turn\"}",
            "{\"permissions\":{\"network\":null,\"file_system\":{\"write\":[\"/o\"]}},\"scope\":\"turn\"}",
            "Output:\n[{\"type\":\"text\",\"text\":\"elicitation accepted\"}]",
            "Process exited with code 1\nOutput:\nbwrap: Can't mkdir /tmp/codex-daemon-0: Read-only",
            "Process exited with code 1\nOutput:\nbwrap: Can't mount tmpfs on /newroot/tmp/.codex: No",
            "Process exited with code 1\nOutput:\nbwrap: Can't mount tmpfs on /newroot/work: No such",
            "something else",
        ];
        let classes = texts.map(|text| format!("{:?}", classify(text)));
        check(
            &classes.join(" "),
            expect![
                "Done Done Stopped Declined Refused Refused Refused Unfinished Denied Unsupported Stopped Refused Done Done Unfinished Unfinished Stopped Other"
            ],
        );
    }
}
