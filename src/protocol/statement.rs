//! One value as a reply or a notice states it: where it stands, and how a server spells another one
//! there.
//!
//! For tests outside heirloom, which compare JSON with JSON.

use serde_json::{Value as Json, json};

use super::policy::{Places, approval_json, reviewer_json, sandbox_json};
use crate::policy::folders;
use crate::policy::{DEFAULT, Dimension, MODEL, NO_PLUGINS, Permissions, Value};

/// The key of the settings in a notice.
const SETTINGS: &str = "threadSettings";

/// A value in a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The keys that lead to it, from the result or the parameters on.
    pub path: Vec<&'static str>,
    /// The value that must stand there. An absent field counts as empty.
    pub due: Json,
    /// The value that stands there.
    pub seen: Json,
}

/// Where a reply states the value of which another was due; none where it does not.
pub fn of_reply(reply: &Json, due: &Value, seen: &Value, places: &Places) -> Option<Statement> {
    statement(reply, due, seen, places)
}

/// The same of the parameters of a settings notice.
pub fn of_notice(params: &Json, due: &Value, seen: &Value, places: &Places) -> Option<Statement> {
    let mut found = statement(params.get(SETTINGS)?, due, seen, places)?;
    found.path.insert(0, SETTINGS);
    Some(found)
}

fn statement(stated: &Json, due: &Value, seen: &Value, places: &Places) -> Option<Statement> {
    let (keys, due): (&[&str], Json) = match (due, seen) {
        (Value::Approval(due), _) => (&["approvalPolicy"], approval_json(due)),
        (Value::Reviewer(due), _) => (&["approvalsReviewer"], reviewer_json(due)),
        (Value::Permissions(Permissions::Profile(id)), _) => {
            (&["activePermissionProfile"], json!({ "id": id }))
        }
        (
            Value::Permissions(Permissions::Legacy(_)),
            Value::Permissions(Permissions::Profile(_)),
        ) => (&["activePermissionProfile"], Json::Null),
        (Value::Permissions(Permissions::Legacy(due)), _) => {
            (&["sandbox", "sandboxPolicy"], sandbox_json(due, places))
        }
        (Value::Other(dimension, word), _) => (keys(*dimension), other(*dimension, word, places)),
    };
    let key = keys.iter().find(|key| stated.get(**key).is_some())?;
    Some(Statement { path: vec![key], due, seen: stated[*key].clone() })
}

fn keys(dimension: Dimension) -> &'static [&'static str] {
    match dimension {
        Dimension::M => &["model"],
        Dimension::E => &["reasoningEffort", "effort"],
        Dimension::T => &["serviceTier"],
        Dimension::CWD => &["cwd"],
        Dimension::CM => &["collaborationMode"],
        Dimension::DP => &["disabledPluginIds"],
        Dimension::WR => &["runtimeWorkspaceRoots"],
        Dimension::AP | Dimension::RV | Dimension::SB | Dimension::PP => &[],
    }
}

fn other(dimension: Dimension, word: &str, places: &Places) -> Json {
    match dimension {
        Dimension::M if word == DEFAULT => json!(MODEL),
        _ if word == DEFAULT => Json::Null,
        Dimension::CWD => json!(places.path(word)),
        Dimension::WR => {
            json!(folders::listed(word).map(|root| places.path(root)).collect::<Vec<_>>())
        }
        Dimension::CM => json!({ "mode": word }),
        Dimension::DP if word == NO_PLUGINS => json!([]),
        Dimension::DP => json!(word.split('+').collect::<Vec<_>>()),
        _ => json!(word),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value as Json, json};

    use super::of_notice;
    use crate::policy::Dimension;
    use crate::protocol::policy::{Places, of_reply};

    fn reply(sandbox: Json, profile: Json) -> Json {
        json!({
            "approvalPolicy": "never", "approvalsReviewer": "user", "sandbox": sandbox,
            "activePermissionProfile": profile, "cwd": "<WS>", "reasoningEffort": null,
        })
    }

    /// Where the second reply states a value otherwise than the first, in JSON.
    fn check(due: &Json, seen: &Json, dimension: Dimension, expected: Expect) {
        let places =
            Places { workspace: "<WS>".into(), home: "<HOME>".into(), outside: "<OUT>".into() };
        let value = |reply: &Json| of_reply(reply, &places).and_then(|all| all.value(dimension));
        let (due, was) = (value(due).expect("it is stated"), value(seen).expect("it is stated"));
        let notice = json!({ "threadSettings": seen });
        let found = of_notice(&notice, &due, &was, &places).expect("it is stated");
        let path = found.path.join(".");
        expected.assert_eq(&format!("{path}: {} instead of {}", found.seen, found.due));
    }

    #[test]
    fn a_value_that_is_due_is_spelled_as_the_server_spells_it() {
        let wide = json!({ "type": "workspaceWrite", "writableRoots": ["<OUT>"] });
        let (read, write) = (json!({ "type": "readOnly" }), reply(wide, Json::Null));
        let (legacy, profile) =
            (reply(read.clone(), Json::Null), reply(read, json!({ "id": "p-ro" })));
        check(
            &write,
            &legacy,
            Dimension::SB,
            expect![[
                r#"threadSettings.sandbox: {"type":"readOnly"} instead of {"type":"workspaceWrite","networkAccess":false,"excludeTmpdirEnvVar":false,"excludeSlashTmp":false,"writableRoots":["<OUT>"]}"#
            ]],
        );
        check(
            &profile,
            &legacy,
            Dimension::PP,
            expect![[r#"threadSettings.activePermissionProfile: null instead of {"id":"p-ro"}"#]],
        );
        check(
            &legacy,
            &profile,
            Dimension::SB,
            expect![[r#"threadSettings.activePermissionProfile: {"id":"p-ro"} instead of null"#]],
        );
        let mut high = legacy.clone();
        high["reasoningEffort"] = json!("high");
        check(
            &legacy,
            &high,
            Dimension::E,
            expect![[r#"threadSettings.reasoningEffort: "high" instead of null"#]],
        );
    }
}
