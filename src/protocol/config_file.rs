//! What a config.toml means for the policy of threads.
//!
//! Each key that policy comes from, with its tables written out, and the folders of the run by
//! their words: `projects.WS.trust_level`. Providers, features and all else have no part in it.

use std::collections::BTreeMap;

use super::policy::Places;

/// The keys that the policy of a start comes from.
const KEYS: [&str; 10] = [
    "approval_policy",
    "approvals_reviewer",
    "sandbox_mode",
    "sandbox_workspace_write",
    "default_permissions",
    "permissions",
    "projects",
    "model",
    "model_reasoning_effort",
    "service_tier",
];

/// What the text of a config.toml states, or none where it cannot be read.
///
/// ```
/// use heirloom::protocol::config_file::statements;
/// use heirloom::protocol::policy::Places;
///
/// let places = Places { workspace: "/w".into(), home: "/h".into(), outside: "/o".into() };
/// let text = "sandbox_mode = \"read-only\"\n[projects.\"/w\"]\ntrust_level = \"trusted\"\n";
/// let statements = statements(text, &places).expect("it is TOML");
/// assert_eq!(statements["projects.WS.trust_level"], "trusted");
/// assert_eq!(statements["sandbox_mode"], "read-only");
/// ```
pub fn statements(text: &str, places: &Places) -> Option<BTreeMap<String, String>> {
    let table: toml::Table = text.parse().ok()?;
    let mut statements = BTreeMap::new();
    for (key, value) in table.iter().filter(|(key, _)| KEYS.contains(&key.as_str())) {
        state(&mut statements, key, value, places);
    }
    Some(statements)
}

fn state(
    statements: &mut BTreeMap<String, String>,
    key: &str,
    value: &toml::Value,
    places: &Places,
) {
    let word = |value: &toml::Value| match value {
        toml::Value::String(text) => places.word(text),
        other => other.to_string(),
    };
    match value {
        toml::Value::Table(table) => {
            for (inner, value) in table {
                state(statements, &format!("{key}.{}", places.word(inner)), value, places);
            }
        }
        toml::Value::Array(values) => {
            let words: Vec<String> = values.iter().map(word).collect();
            statements.insert(key.to_owned(), words.join(", "));
        }
        value => drop(statements.insert(key.to_owned(), word(value))),
    }
}
