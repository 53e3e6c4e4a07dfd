//! A deed as the wire spells it: the tool's call, the answers it meets, what came of it.
//!
//! The model asks by one tool with its arguments as JSON; the client is asked by a request of the
//! server's, the reviewing model by a request that wants JSON; the tool's result is a text, of
//! which the class alone is read.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::program::reply::Probe;
use crate::program::reply::Review;

/// The tool that runs a command.
pub const TOOL: &str = "exec_command";

/// What the reviewing model says when no script says otherwise.
pub const DENIED: &str = r#"{"outcome":"deny","rationale":"the script allows nothing"}"#;

/// What the server asks its client for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// The approval of a command.
    Command,
    /// The approval of a patch.
    Patch,
    /// Something else.
    Other,
}

/// What came of a deed, by the class of the text that the model is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeResultText {
    /// It ran and went well.
    Done,
    /// It ran and failed, as in a sandbox that keeps it from its place.
    Stopped,
    /// It was refused with nobody asked.
    Refused,
    /// The client declined it.
    Declined,
    /// The reviewing model denied it, or failed to allow it.
    Denied,
    /// Some other text, or none.
    Other,
}

impl ProbeResultText {
    /// Whether it ran at all.
    pub fn has_run(self) -> bool {
        matches!(self, ProbeResultText::Done | ProbeResultText::Stopped)
    }
}

/// The arguments of the tool; `target` is the file that the deed would write, if it writes one.
pub fn arguments(probe: Probe, target: &Path) -> String {
    let target = target.display();
    let touch = format!("touch {target}");
    let arguments = match probe {
        Probe::Run => json!({ "cmd": "python3 -S -c \"print(7)\"", "login": false }),
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

/// What a request of the server's asks for.
pub fn question(method: &str) -> Question {
    match method {
        "item/commandExecution/requestApproval" => Question::Command,
        "item/fileChange/requestApproval" => Question::Patch,
        _ => Question::Other,
    }
}

/// The client's yes to an approval; none to other questions.
pub fn yes(method: &str) -> Option<Value> {
    match question(method) {
        Question::Command | Question::Patch => Some(json!({ "decision": "accept" })),
        Question::Other => None,
    }
}

/// What the reviewing model says; none where its stream ends at once.
pub fn verdict(review: Review) -> Option<&'static str> {
    match review {
        Review::Allow => Some(r#"{"outcome":"allow"}"#),
        Review::Deny => Some(DENIED),
        Review::Garbage => Some("let me think about it"),
        Review::Silence => None,
    }
}

/// The class of a tool's result.
pub fn upshot(text: &str) -> ProbeResultText {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if says(&["unacceptable risk", "Automatic approval review"]) => ProbeResultText::Denied,
        () if says(&["approval policy is", "rejected by user approval settings"]) => {
            ProbeResultText::Refused
        }
        () if says(&["rejected by user"]) => ProbeResultText::Declined,
        () if says(&["exited with code 0", "Success."]) => ProbeResultText::Done,
        () if says(&["exited with code", "Exit code:"]) => ProbeResultText::Stopped,
        () => ProbeResultText::Other,
    }
}

/// What a command printed, by a tool's result; the whole of it where it says nothing of that.
pub fn printed(text: &str) -> &str {
    text.rsplit("Output:").next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::{arguments, upshot};
    use crate::program::reply::Probe;

    fn check(seen: &str, expected: Expect) {
        expected.assert_eq(seen);
    }

    #[test]
    fn each_probe_has_its_arguments() {
        let all = Probe::ALL.map(|probe| arguments(probe, Path::new("/out/f")));
        check(
            &all.join("\n"),
            expect![[r#"
            {"cmd":"python3 -S -c \"print(7)\"","login":false}
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
            "This action was rejected due to unacceptable risk.\nReason: nope\n",
            "unsupported call: exec_command",
        ];
        let classes = texts.map(|text| format!("{:?}", upshot(text)));
        check(
            &classes.join(" "),
            expect!["Done Done Stopped Declined Refused Refused Denied Other"],
        );
    }
}
