//! The facts of a thread's life that a release may depend on, although the contract does not.
//!
//! The model keeps them beside each thread, and no rule reads them: two worlds that differ in
//! nothing else are the same. A finding carries the facts of its thread, and two causes differ in those
//! that matter.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

use crate::policy::Dimension;
use crate::policy::Policy;
use crate::policy::features::FeatureSet;
use crate::program::operation::OpKind;
use crate::program::reply::TurnEnd;
use crate::program::thread::ThreadName;

/// One thing to know about a thread.
#[derive(
    Clone,
    Copy,
    Debug,
    Display,
    EnumIter,
    EnumString,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Fact {
    /// The operation that gave it its history.
    Began,
    /// The last call that a kill broke off.
    BrokenOff,
    /// Whether a kill broke off the operation that gave it its history: `yes` or `no`.
    BrokenBeginning,
    /// How its last turn ended.
    LastTurn,
    /// Whether it is loaded: `yes` or `no`.
    Loaded,
    /// The operation that loaded or unloaded it last.
    Since,
    /// Whether a client is subscribed to it: `yes` or `no`.
    Subscribed,
    /// The operation that set the value: `default` where none did, `source` and `parent` where it
    /// was inherited, `request-config` where it went through the `config` of a request.
    SetBy,
    /// Whether it was archived before: `yes` or `no`.
    Archived,
    /// Whether it was reverted before: `yes` or `no`.
    Reverted,
    /// Whether the thread that it came from was changed since: `none`, `unchanged` or `changed`.
    Parent,
    /// Whether the disk was full in one of its operations: `yes` or `no`.
    FullDisk,
    /// The features of the server: `full` or `lean`.
    Features,
}

impl Fact {
    /// The words with which it can show.
    pub fn words(self) -> Vec<String> {
        let operations = || OpKind::all().into_iter().map(|kind| kind.word().to_owned());
        let and = |others: &[&str]| {
            let others = others.iter().map(|word| (*word).to_owned());
            others.chain(operations()).collect()
        };
        match self {
            Fact::Began | Fact::BrokenOff => and(&[NOTHING]),
            Fact::Since => and(&[IDLE, KILLED]),
            Fact::SetBy => and(&[NEVER_SET, FROM_SOURCE, FROM_PARENT, BY_CONFIG]),
            Fact::LastTurn => {
                let ends = TurnEnd::iter().map(|end| end.to_string());
                std::iter::once(NONE.to_owned()).chain(ends).collect()
            }
            Fact::Features => FeatureSet::iter().map(|set| set.to_string()).collect(),
            Fact::Parent => [NONE, UNCHANGED, CHANGED].map(str::to_owned).to_vec(),
            Fact::BrokenBeginning
            | Fact::Loaded
            | Fact::Subscribed
            | Fact::Archived
            | Fact::Reverted
            | Fact::FullDisk => [YES, NO].map(str::to_owned).to_vec(),
        }
    }
}

/// What is known of a thread: a word for each fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<Fact, String>);

/// What has happened to a thread. It has no part in what the contract allows: all are equal.
#[derive(Clone, Debug)]
pub struct Life {
    pub(super) began: Option<OpKind>,
    pub(super) broken_off: Option<OpKind>,
    pub(super) broken_beginning: bool,
    pub(super) last_turn: Option<TurnEnd>,
    pub(super) since: &'static str,
    pub(super) set_by: [&'static str; Dimension::ALL.len()],
    pub(super) archived: bool,
    pub(super) reverted: bool,
    pub(super) full_disk: bool,
    /// The thread that it was forked from or spawned by.
    pub(super) parent: Option<ThreadName>,
    pub(super) parent_changed: bool,
    /// The policies that it had before; shared, since worlds are copied at every step.
    pub(super) past: Arc<BTreeSet<Policy>>,
}

/// The word of a fact that says no.
pub const NO: &str = "no";

/// The word of a fact that says yes.
pub const YES: &str = "yes";

/// The word of a value that no operation has set.
pub const NEVER_SET: &str = "default";

/// The words of a value that a fork or a subagent inherited.
pub(super) const FROM_SOURCE: &str = "source";
pub(super) const FROM_PARENT: &str = "parent";

/// The word of a value that went through the `config` of a request.
pub(super) const BY_CONFIG: &str = "request-config";

/// The word of an operation that there was not.
pub(super) const NOTHING: &str = "nothing";

/// The word of a turn or a parent that there is not.
pub(super) const NONE: &str = "none";

/// The words of a parent, by whether it was changed since.
pub(super) const UNCHANGED: &str = "unchanged";
pub(super) const CHANGED: &str = "changed";

/// The words for an unload without a request and for a kill.
pub(super) const IDLE: &str = "idle";
pub(super) const KILLED: &str = "kill";

impl Default for Life {
    fn default() -> Life {
        Life {
            began: None,
            broken_off: None,
            broken_beginning: false,
            last_turn: None,
            since: "start",
            set_by: [NEVER_SET; Dimension::ALL.len()],
            archived: false,
            reverted: false,
            full_disk: false,
            parent: None,
            parent_changed: false,
            past: Arc::default(),
        }
    }
}

impl PartialEq for Life {
    fn eq(&self, _: &Life) -> bool {
        true
    }
}

impl Eq for Life {}

impl PartialOrd for Life {
    fn partial_cmp(&self, other: &Life) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Life {
    fn cmp(&self, _: &Life) -> Ordering {
        Ordering::Equal
    }
}

impl Life {
    /// The policies that the thread had before.
    pub fn past(&self) -> impl Iterator<Item = &Policy> {
        self.past.iter()
    }
}

impl Facts {
    pub fn word(&self, fact: Fact) -> Option<&str> {
        self.0.get(&fact).map(String::as_str)
    }

    /// The same for another process, which reads what is stored and has not loaded it.
    pub fn elsewhere(mut self) -> Facts {
        self.0.insert(Fact::Loaded, NO.to_owned());
        self.0.insert(Fact::Since, "cold-read".to_owned());
        self.0.remove(&Fact::Subscribed);
        self
    }

    /// The same on a server with these features.
    pub fn with_features(mut self, features: FeatureSet) -> Facts {
        self.0.insert(Fact::Features, features.to_string());
        self
    }

    /// Whether both have the same words, however the thread was loaded or unloaded.
    pub fn is_like(&self, other: &Facts) -> bool {
        let words = |facts: &Facts| {
            let mut words = facts.0.clone();
            words.remove(&Fact::Since);
            words
        };
        words(self) == words(other)
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.0.iter().map(|(fact, word)| format!("{fact}={word}")).collect();
        f.write_str(&words.join(" "))
    }
}
