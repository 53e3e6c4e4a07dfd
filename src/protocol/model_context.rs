//! The policy that a request to the model states.
//!
//! The last block of permissions among the developer messages counts, since a change appends one.
//! From 0.149 on the turn's metadata repeats some of it. The text is read by fixed phrases, which
//! 0.131 to 0.169 share; a text without them states nothing, and nothing is guessed.
//!
//! Model, effort and tier are fields of the request, the folder and the roots stand in the last
//! environment context that names them, and the collaboration mode in the last block of a mode that has a text: an empty one
//! does not end the mode before it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::ModelRequest;
use super::policy::Places;
use super::subagents;
use crate::policy::folders;
use crate::policy::model_context::{ContextPart, StatedPolicy};
use crate::policy::{DEFAULT, Dimension};

const OPENS: &str = "<permissions instructions>";
const CLOSES: &str = "</permissions instructions>";

const MODE_OPENS: &str = "<collaboration_mode>";
const MODE_CLOSES: &str = "</collaboration_mode>";

/// The policy that a turn's request states, in each of three places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelContext {
    /// The last block of permissions, if there is one.
    pub developer: Option<StatedPolicy>,
    /// The turn's metadata, on releases that state policy there.
    pub metadata: Option<StatedPolicy>,
    /// Its fields, its environment context and its block of the mode.
    pub request: StatedPolicy,
}

/// Reads the request of a turn, also of a subagent's or a review's. `None` for other requests, such
/// as those to the reviewing model or for a compaction.
pub fn read(request: &ModelRequest, places: &Places) -> Option<ModelContext> {
    let metadata = request.turn_metadata();
    let kind = metadata.as_ref().and_then(|turn| turn.get("request_kind")?.as_str());
    let helper = request.subagent.as_deref();
    let turns =
        helper.is_none_or(|helper| [subagents::SUBAGENT, subagents::REVIEW].contains(&helper));
    if !turns || kind.is_some_and(|kind| kind != "turn") {
        return None;
    }
    let texts = request.developer_texts();
    let developer = texts.iter().rev().find_map(|text| block(text)).map(stated_by_block);
    let metadata = metadata.and_then(|turn| stated_by_metadata(&turn, developer.as_ref()));
    let request = stated_by_request(request, places);
    Some(ModelContext { developer, metadata, request })
}

/// Without an effort, `reasoning` means the default; a model that takes no effort has no `reasoning`.
/// A tier that is not there may be one that the model does not take, so it is not stated.
fn stated_by_request(request: &ModelRequest, places: &Places) -> StatedPolicy {
    let body = request.body();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let reasoning = body["reasoning"].as_object();
    let effort = |reasoning: &serde_json::Map<String, Value>| match reasoning.get("effort") {
        None | Some(Value::Null) => Some(DEFAULT.to_owned()),
        Some(effort) => text(effort),
    };
    let users = request.user_texts();
    let folder = folder(&users).map(|path| places.word(path));
    let roots = folder.as_deref().and_then(|folder| roots(&users, folder, places));
    let words = [
        (Dimension::M, text(&body["model"])),
        (Dimension::E, reasoning.and_then(effort)),
        (Dimension::T, text(&body["service_tier"])),
        (Dimension::CWD, folder),
        (Dimension::WR, roots),
        (Dimension::CM, mode(&request.developer_texts()).map(str::to_owned)),
    ];
    let stated = words.into_iter().filter_map(|(dimension, word)| Some((dimension, word?)));
    StatedPolicy { others: stated.collect(), ..stated_in(ContextPart::Request, [None; 3]) }
}

/// The folder of the last environment context that names exactly one.
fn folder<'a>(texts: &[&'a str]) -> Option<&'a str> {
    let contexts = texts.iter().rev().filter(|text| text.starts_with("<environment_context>"));
    let last = contexts.map(|text| text.split("<cwd>").skip(1)).find_map(|mut folders| {
        let first = folders.next()?;
        Some((first, folders.next()))
    });
    let (first, None) = last? else {
        return None;
    };
    first.split_once("</cwd>").map(|(path, _)| path)
}

/// The roots of the last environment context that speaks of files exactly once. From 0.136.
fn roots(texts: &[&str], folder: &str, places: &Places) -> Option<String> {
    let contexts = texts.iter().rev().filter(|text| text.starts_with("<environment_context>"));
    let last = contexts.map(|text| text.split("<filesystem>").skip(1)).find_map(|mut files| {
        let first = files.next()?;
        Some((first, files.next()))
    });
    let (files, None) = last? else {
        return None;
    };
    let named = files
        .split_once("<workspace_roots>")
        .and_then(|(_, rest)| rest.split_once("</workspace_roots>"));
    let listed = named.map_or("", |(listed, _)| listed).split("<root>").skip(1);
    let roots = listed.filter_map(|root| root.split_once("</root>"));
    let roots: Vec<String> = roots.map(|(path, _)| places.word(path)).collect();
    Some(folders::word(roots.iter().map(String::as_str), Some(folder)))
}

/// The mode of the last block that has a text, the default mode where no block has one. Custom
/// instructions name no mode.
fn mode(texts: &[&str]) -> Option<&'static str> {
    let blocks = texts.iter().flat_map(|text| text.split(MODE_OPENS).skip(1));
    let blocks = blocks.map(|rest| rest.split_once(MODE_CLOSES).map_or(rest, |(block, _)| block));
    match blocks.map(str::trim).filter(|block| !block.is_empty()).last() {
        None => Some(DEFAULT),
        Some(block) if block.starts_with("# Plan Mode") => Some("plan"),
        Some(block) if block.starts_with("# Collaboration Mode: Default") => Some(DEFAULT),
        Some(_) => None,
    }
}

fn block(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once(OPENS)?;
    Some(rest.split_once(CLOSES).map_or(rest, |(block, _)| block))
}

fn stated_by_block(block: &str) -> StatedPolicy {
    let approval = approval(block);
    let reviewer = match (approval, named(block, "approvals_reviewer")) {
        (None | Some("never"), _) => None,
        (_, Some("auto_review" | "guardian_subagent")) => Some("auto_review"),
        (_, None | Some("user")) => Some("user"),
        _ => None,
    };
    let sandbox = named(block, "sandbox_mode").filter(|mode| is_mode(mode));
    stated_in(ContextPart::Developer, [approval, reviewer, sandbox])
}

/// On-request is not named: the block then says how to escalate, and names no other policy.
fn approval(block: &str) -> Option<&'static str> {
    match named(block, "approval_policy") {
        Some("unless-trusted") => return Some("untrusted"),
        Some("on-failure") => return Some("on-failure"),
        Some(_) => return None,
        None => {}
    }
    let phrases = [
        ("Approval policy is currently never.", "never"),
        ("Approval policy is `granular`.", "granular"),
        ("# Escalation Requests", "on-request"),
    ];
    phrases.into_iter().find(|(phrase, _)| block.contains(phrase)).map(|(_, form)| form)
}

/// The block names a value as: `key` is `word`.
fn named<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = block.split_once(&format!("`{key}` is `"))?;
    rest.split_once('`').map(|(word, _)| word)
}

fn is_mode(word: &str) -> bool {
    ["read-only", "workspace-write", "danger-full-access"].contains(&word)
}

/// A review that is off means `user` only under a policy that has reviews: it is off under
/// untrusted and never, whoever the reviewer is.
fn stated_by_metadata(turn: &Value, developer: Option<&StatedPolicy>) -> Option<StatedPolicy> {
    let mode = turn.get("sandbox_mode").and_then(Value::as_str);
    let sandbox = match mode {
        Some("external-sandbox") => Some("external"),
        mode => mode.filter(|mode| is_mode(mode)),
    };
    let approval = developer.and_then(|stated| stated.approval.as_deref());
    let reviews = matches!(approval, Some("on-request" | "granular"));
    let reviewer = match turn.get("auto_review_enabled").and_then(Value::as_bool) {
        Some(true) => Some("auto_review"),
        Some(false) if reviews => Some("user"),
        _ => None,
    };
    let states_any = sandbox.is_some() || reviewer.is_some();
    states_any.then(|| stated_in(ContextPart::Metadata, [None, reviewer, sandbox]))
}

fn stated_in(voice: ContextPart, forms: [Option<&str>; 3]) -> StatedPolicy {
    let [approval, reviewer, sandbox] = forms.map(|form| form.map(str::to_owned));
    StatedPolicy { voice, approval, reviewer, sandbox, others: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::{ModelRequest, StatedPolicy, read};
    use crate::protocol::policy::Places;

    const SANDBOX: &str = "Filesystem sandboxing defines which files can be read or written. \
                           `sandbox_mode` is `read-only`: The sandbox only permits reading files. \
                           Network access is restricted.";

    fn words(policy: Option<StatedPolicy>) -> String {
        let word = |form: &Option<String>| form.clone().unwrap_or("-".to_owned());
        policy.map_or("silence".to_owned(), |policy| {
            [&policy.approval, &policy.reviewer, &policy.sandbox].map(word).join(" ")
        })
    }

    fn places() -> Places {
        Places {
            workspace: "/case/ws".into(),
            home: "/case/home".into(),
            outside: "/case/out".into(),
        }
    }

    /// What a request states by itself, with these fields and these messages: the developer's
    /// and the user's.
    fn check_request(fields: &serde_json::Value, texts: [&[&str]; 2], expected: Expect) {
        let [developer, user] = texts;
        let message =
            |role: &str, text: &&str| json!({ "role": role, "content": [{ "text": text }] });
        let developer = developer.iter().map(|text| message("developer", text));
        let messages: Vec<_> =
            developer.chain(user.iter().map(|text| message("user", text))).collect();
        let mut body = fields.clone();
        body["input"] = json!(messages);
        let request = ModelRequest::read(|_| None, body.to_string().as_bytes());
        let request = request.expect("the body is JSON");
        let context = read(&request, &places()).expect("it is a turn's");
        let others = context.request.others.iter();
        let words: Vec<_> = others.map(|(at, word)| format!("{at}={word}")).collect();
        expected.assert_eq(&words.join(" "));
    }

    const PLAN: &str = "<collaboration_mode># Plan Mode (Conversational)\n\nYou work in 3 phases";

    fn environment(folder: &str) -> String {
        format!("<environment_context>\n  <cwd>{folder}</cwd>\n</environment_context>")
    }

    #[test]
    fn model_effort_and_tier_are_fields() {
        check_request(
            &json!({ "model": "m", "reasoning": { "effort": "high" }, "service_tier": "flex" }),
            [&[], &[]],
            expect!["M=m E=high T=flex CM=default"],
        );
    }

    #[test]
    fn reasoning_without_effort_is_the_default_and_no_reasoning_says_nothing() {
        let summary = json!({ "model": "m", "reasoning": { "summary": "auto" } });
        check_request(&summary, [&[], &[]], expect!["M=m E=default CM=default"]);
        check_request(
            &json!({ "model": "m", "reasoning": null }),
            [&[], &[]],
            expect!["M=m CM=default"],
        );
    }

    #[test]
    fn the_last_folder_counts_and_two_in_one_context_are_not_told_apart() {
        let [home, out] = [environment("/case/home"), environment("/case/out/in")];
        let quoted = "where is <cwd>/case/ws</cwd>?";
        check_request(&json!({}), [&[], &[&home, &out, quoted]], expect!["CWD=OUT/in CM=default"]);
        let both = "<environment_context><cwd>/a</cwd><cwd>/b</cwd></environment_context>";
        check_request(&json!({}), [&[], &[&home, both]], expect!["CM=default"]);
    }

    #[test]
    fn the_last_roots_count_with_the_folder_by_its_own_word() {
        let context = |folder: &str, files: &str| {
            format!("<environment_context>{folder}{files}</environment_context>")
        };
        let there = "<cwd>/case/home</cwd>";
        let files = |roots: &str| format!("<filesystem>{roots}<permission_profile/></filesystem>");
        let both =
            "<workspace_roots><root>/case/out</root><root>/case/home</root></workspace_roots>";
        let one = "<workspace_roots><root>/case/out</root></workspace_roots>";
        let first = context(there, &files(one));
        check_request(&json!({}), [&[], &[&first]], expect!["CWD=HOME CM=default WR=OUT"]);
        let later = context("", &files(both));
        check_request(
            &json!({}),
            [&[], &[&first, &later]],
            expect!["CWD=HOME CM=default WR=CWD+OUT"],
        );
        check_request(
            &json!({}),
            [&[], &[&first, &context("", &files(""))]],
            expect!["CWD=HOME CM=default WR=none"],
        );
        check_request(&json!({}), [&[], &[&context(there, "")]], expect!["CWD=HOME CM=default"]);
    }

    #[test]
    fn the_last_mode_with_a_text_counts_and_custom_instructions_name_none() {
        let plan = format!("{PLAN}</collaboration_mode>");
        let empty = "<collaboration_mode></collaboration_mode>";
        let default = "<collaboration_mode># Collaboration Mode: Default\n</collaboration_mode>";
        let custom = "<collaboration_mode>Be brief.</collaboration_mode>";
        check_request(&json!({}), [&[&plan, empty], &[]], expect!["CM=plan"]);
        check_request(&json!({}), [&[&plan, default], &[]], expect!["CM=default"]);
        check_request(&json!({}), [&[&plan, custom], &[]], expect![""]);
        // The user may quote a block.
        check_request(&json!({}), [&[], &[&plan]], expect!["CM=default"]);
    }

    fn check(blocks: &[&str], metadata: &serde_json::Value, expected: Expect) {
        let texts: Vec<_> = blocks
            .iter()
            .map(|block| {
                format!("<permissions instructions>\n{block}\n</permissions instructions>")
            })
            .map(|text| json!({ "role": "developer", "content": [{ "text": text }] }))
            .collect();
        let metadata = json!({ "x-codex-turn-metadata": metadata.to_string() });
        let body = json!({ "input": texts, "client_metadata": metadata }).to_string();
        let request = ModelRequest::read(|_| None, body.as_bytes()).expect("the body is JSON");
        let text = read(&request, &places()).map_or("no turn's".to_owned(), |context| {
            format!("{}; {}", words(context.developer), words(context.metadata))
        });
        expected.assert_eq(&text);
    }

    #[test]
    fn how_to_escalate_is_on_request_and_no_reviewer_is_the_user() {
        let block = format!("{SANDBOX}\n# Escalation Requests\n\nCommands are run outside");
        check(
            &[&block],
            &json!({ "request_kind": "turn", "sandbox_mode": "read-only",
                     "auto_review_enabled": false }),
            expect!["on-request user read-only; - user read-only"],
        );
    }

    #[test]
    fn no_review_under_untrusted_tells_no_reviewer() {
        let block = format!(
            "{SANDBOX}\n `approval_policy` is `unless-trusted`: The harness will\n\n\n\
             `approvals_reviewer` is `auto_review`: Sandbox escalations"
        );
        check(
            &[&block],
            &json!({ "sandbox_mode": "external-sandbox", "auto_review_enabled": false }),
            expect!["untrusted auto_review read-only; - - external"],
        );
    }

    #[test]
    fn the_last_block_counts_and_never_has_no_reviewer() {
        let first = format!("{SANDBOX}\nApproval policy is `granular`. Categories set to");
        let last = "Approval policy is currently never. Do not provide the";
        check(
            &[&first, last],
            &json!({ "auto_review_enabled": true }),
            expect!["never - -; - auto_review -"],
        );
    }

    #[test]
    fn other_words_tell_nothing() {
        check(
            &["`approval_policy` is `sometimes`: # Escalation Requests `sandbox_mode` is `odd`"],
            &json!({ "sandbox_mode": "odd" }),
            expect!["- - -; silence"],
        );
    }

    #[test]
    fn a_compaction_is_no_turn() {
        check(&[SANDBOX], &json!({ "request_kind": "compaction" }), expect!["no turn's"]);
    }
}
