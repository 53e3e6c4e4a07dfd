//! Where a script learns the ids of threads and turns: the first message that states each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lines::{message, name};
use super::subject::NoExport;
use crate::protocol::rpc::Message;
use crate::transcript::Entry;

/// The placeholders that every script can fill in by itself.
pub(super) const FOLDERS: [&str; 4] = ["WS", "HOME", "OUT", "MODEL"];

/// A name for an id, and where in a message it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) name: String,
    /// Keys and indices, from the result or the parameters on.
    pub(super) path: Vec<String>,
}

/// The entry that states an id first, of those that a script needs.
pub(super) struct Births(BTreeMap<String, (usize, Binding)>);

impl Births {
    /// Answers are preferred to notifications, which may come before them.
    pub(super) fn of(entries: &[Entry]) -> Result<Births, NoExport> {
        let mut births = BTreeMap::new();
        for (name, used) in first_uses(entries) {
            let before = entries.iter().enumerate().take(used);
            let states = |is_answer: bool| {
                before.clone().find_map(|(at, entry)| {
                    let path = path_in(entry, &name, is_answer)?;
                    Some((at, Binding { name: name.clone(), path }))
                })
            };
            let birth = states(true).or_else(|| states(false));
            let birth = birth.ok_or_else(|| NoExport::UnknownId(name.clone()))?;
            births.insert(name, birth);
        }
        Ok(Births(births))
    }

    /// The ids that the entry at this place states first.
    pub(super) fn at(&self, entry: usize) -> Vec<Binding> {
        let here = self.0.values().filter(|(at, _)| *at == entry);
        here.map(|(_, binding)| binding.clone()).collect()
    }

    /// Whether an id is known when the entry at this place comes.
    pub(super) fn is_known(&self, name: &str, entry: usize) -> bool {
        self.0.get(name).is_some_and(|(at, _)| *at < entry)
    }
}

/// Where each id is needed first.
fn first_uses(entries: &[Entry]) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let names = match entry {
            Entry::Sent(line) => names(&line.to_string()),
            Entry::Answer { thread, .. }
            | Entry::Release(thread)
            | Entry::AwaitModel { thread, .. } => BTreeSet::from([name(thread)]),
            _ => BTreeSet::new(),
        };
        for name in names.into_iter().filter(|name| is_id(name)) {
            uses.entry(name).or_insert(at);
        }
    }
    uses
}

/// The names of ids in a text: `<t0>`, `<thread1>` and `<turn1>`.
fn names(text: &str) -> BTreeSet<String> {
    let parts = text.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    parts.map(|(name, _)| name.to_owned()).filter(|name| is_id(name)).collect()
}

/// Whether a placeholder stands for an id.
pub(super) fn is_id(name: &str) -> bool {
    let digits = ["thread", "turn", "t"].iter().find_map(|word| name.strip_prefix(word));
    digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// The path to a name in an answer or a notification.
fn path_in(entry: &Entry, name: &str, in_answer: bool) -> Option<Vec<String>> {
    let Entry::Received(line) = entry else { return None };
    let content = match message(line)? {
        Message::Answer { outcome: Ok(result), .. } if in_answer => result,
        Message::Notification { params, .. } if !in_answer => params,
        _ => return None,
    };
    path_to(&content, &format!("<{name}>"))
}

fn path_to(value: &Value, text: &str) -> Option<Vec<String>> {
    let behind = |key: String, value: &Value| {
        let mut path = path_to(value, text)?;
        path.insert(0, key);
        Some(path)
    };
    match value {
        Value::String(found) => (found == text).then(Vec::new),
        Value::Object(members) => {
            members.iter().find_map(|(key, value)| behind(key.clone(), value))
        }
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, value)| behind(index.to_string(), value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
