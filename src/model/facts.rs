//! The facts of a thread's life that a release may depend on, although the contract does not.
//!
//! The model keeps them beside each thread, and no rule reads them: two worlds that differ in
//! nothing else are the same. A finding carries the facts of its thread, and a cause is told from
//! another by those that matter.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

use super::{Branch, Expected, OpKind, Thread, World};
use crate::policy::{Dimension, Policy};
use crate::program::ops::Step;
use crate::program::ops::restart::{Restart, Stop};
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
    /// Whether it was ever archived: `yes` or `no`.
    Archived,
    /// Whether the thread that it came from was changed since: `none`, `unchanged` or `changed`.
    Parent,
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
            Fact::Parent => [NONE, UNCHANGED, CHANGED].map(str::to_owned).to_vec(),
            Fact::BrokenBeginning | Fact::Loaded | Fact::Subscribed | Fact::Archived => {
                [YES, NO].map(str::to_owned).to_vec()
            }
        }
    }
}

/// What is known of a thread: a word for each fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<Fact, String>);

/// What has happened to a thread. It has no part in what the contract allows: all are equal.
#[derive(Clone, Debug)]
pub struct Life {
    began: Option<OpKind>,
    broken_off: Option<OpKind>,
    broken_beginning: bool,
    last_turn: Option<TurnEnd>,
    since: &'static str,
    set_by: [&'static str; 10],
    archived: bool,
    /// The thread that it was forked from or spawned by.
    parent: Option<ThreadName>,
    parent_changed: bool,
    /// The policies that it had before.
    past: BTreeSet<Policy>,
}

/// The word of a fact that says no.
pub const NO: &str = "no";

/// The word of a fact that says yes.
pub const YES: &str = "yes";

/// The word of a value that no operation has set.
pub const NEVER_SET: &str = "default";

/// The words of a value that a fork or a subagent inherited.
const FROM_SOURCE: &str = "source";
const FROM_PARENT: &str = "parent";

/// The word of a value that went through the `config` of a request.
const BY_CONFIG: &str = "request-config";

/// The word of an operation that there was not.
const NOTHING: &str = "nothing";

/// The word of a turn or a parent that there is not.
const NONE: &str = "none";

/// The words of a parent, by whether it was changed since.
const UNCHANGED: &str = "unchanged";
const CHANGED: &str = "changed";

/// The words for an unload without a request and for a kill.
const IDLE: &str = "idle";
const KILLED: &str = "kill";

impl Default for Life {
    fn default() -> Life {
        Life {
            began: None,
            broken_off: None,
            broken_beginning: false,
            last_turn: None,
            since: "start",
            set_by: [NEVER_SET; 10],
            archived: false,
            parent: None,
            parent_changed: false,
            past: BTreeSet::new(),
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

    /// What is known of a thread in this world.
    pub fn of(thread: &Thread) -> Facts {
        let Life { began, broken_off, broken_beginning, last_turn, since, archived, .. } =
            &thread.life;
        let Life { parent, parent_changed, .. } = &thread.life;
        let loaded = thread.live.is_some();
        // An idle thread that nobody hears is unloaded without a request.
        let idle = !loaded && ["start", "fork", "resume", "spawn"].contains(since);
        let since = if idle { IDLE } else { since };
        let parent = match (parent, parent_changed) {
            (None, _) => NONE,
            (Some(_), false) => UNCHANGED,
            (Some(_), true) => CHANGED,
        };
        let turn = last_turn.map_or(NONE.to_owned(), |end| end.to_string());
        let kind = |kind: &Option<OpKind>| kind.map_or(NOTHING, OpKind::word).to_owned();
        let says = |yes: bool| if yes { YES } else { NO }.to_owned();
        let mut words = BTreeMap::from([
            (Fact::Began, kind(began)),
            (Fact::BrokenOff, kind(broken_off)),
            (Fact::BrokenBeginning, says(*broken_beginning)),
            (Fact::LastTurn, turn),
            (Fact::Loaded, says(loaded)),
            (Fact::Since, since.to_owned()),
            (Fact::Archived, says(*archived)),
            (Fact::Parent, parent.to_owned()),
        ]);
        if loaded {
            words.insert(Fact::Subscribed, says(!thread.unheard()));
        }
        Facts(words)
    }

    /// The same for another process, which reads what is stored and has not loaded it.
    pub fn elsewhere(mut self) -> Facts {
        self.0.insert(Fact::Loaded, NO.to_owned());
        self.0.insert(Fact::Since, "cold-read".to_owned());
        self.0.remove(&Fact::Subscribed);
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

    /// The same with the operation that set the thread's value in this dimension.
    pub fn with_setter(mut self, thread: &Thread, dimension: Dimension) -> Facts {
        let word = thread.life.set_by[dimension as usize];
        self.0.insert(Fact::SetBy, word.to_owned());
        self
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.0.iter().map(|(fact, word)| format!("{fact}={word}")).collect();
        f.write_str(&words.join(" "))
    }
}

/// Writes down what a step has made of each thread's life, in every branch.
pub(super) fn follow(before: &World, step: &Step, branches: &mut [Branch]) {
    for branch in branches {
        let refused =
            matches!(branch.due, Expected::Refusal(_) | Expected::Answer { granted: false });
        let names: Vec<ThreadName> = branch.world.threads.keys().copied().collect();
        for name in names {
            let change = Change { before, step, name, refused };
            let life = change.life(&branch.world);
            if let Some(thread) = branch.world.threads.get_mut(&name) {
                thread.life = life;
            }
        }
    }
}

/// What a step does to one thread.
struct Change<'a> {
    before: &'a World,
    step: &'a Step,
    name: ThreadName,
    refused: bool,
}

impl Change<'_> {
    fn life(&self, after: &World) -> Life {
        let new = &after.threads[&self.name];
        let Some(old) = self.before.threads.get(&self.name) else {
            return self.new_life();
        };
        let mut life = old.life.clone();
        if let Some(leaf) = self.leaf().filter(|_| !self.refused) {
            if !old.materialised && !old.uncertain && (new.materialised || new.uncertain) {
                life.began = Some(leaf.kind());
                life.broken_beginning = matches!(self.step, Step::KillDuring(..));
            }
            // What is sent while a turn runs steers that turn.
            let steers = old.running.is_some() && new.running.is_some();
            life.last_turn = leaf.leaves_turn().filter(|_| !steers).or(life.last_turn);
            if matches!(self.step, Step::KillDuring(..)) {
                life.broken_off = Some(leaf.kind());
                life.last_turn = leaf.leaves_turn().map(|_| TurnEnd::BrokenOff).or(life.last_turn);
            }
            self.set(leaf, &mut life);
        }
        life.archived |= new.archived;
        if old.live.is_some() != new.live.is_some() {
            life.since = self.loads();
        }
        if old.live.is_some() && new.live.is_none() && life.last_turn == Some(TurnEnd::Running) {
            life.last_turn = Some(TurnEnd::BrokenOff);
        }
        let policies = |thread: &Thread| (thread.live.clone(), thread.stored.clone());
        if policies(old) != policies(new) {
            life.past.extend(old.live.clone());
            life.past.insert(old.stored.clone());
        }
        let parents = life
            .parent
            .and_then(|name| Some((self.before.threads.get(&name)?, after.threads.get(&name)?)));
        life.parent_changed |= parents.is_some_and(|(old, new)| old.stored != new.stored);
        life
    }

    /// The life of a thread that the step creates.
    fn new_life(&self) -> Life {
        let mut life = Life::default();
        let Some(leaf) = self.leaf() else { return life };
        let kind = leaf.kind().word();
        life.since = kind;
        if let Some(parent) = leaf.uses().and_then(|thread| thread.name()) {
            life.parent = Some(parent);
            life.began = Some(leaf.kind());
            life.set_by = [if kind == "fork" { FROM_SOURCE } else { FROM_PARENT }; 10];
            let parent = self.before.threads.get(&parent);
            life.past.extend(parent.into_iter().flat_map(|parent| parent.life.past.clone()));
        }
        if matches!(self.step, Step::KillDuring(..)) {
            life.broken_off = Some(leaf.kind());
            life.broken_beginning = true;
        }
        self.set(leaf, &mut life);
        life
    }

    fn set(&self, leaf: &Step, life: &mut Life) {
        let Some((dimensions, by_config)) = leaf.sets() else { return };
        for dimension in dimensions {
            let word = if by_config { BY_CONFIG } else { leaf.kind().word() };
            life.set_by[dimension as usize] = word;
        }
    }

    /// The operation in the step that is about the thread or creates it.
    fn leaf(&self) -> Option<&Step> {
        let about = |leaf: &&Step| {
            let uses = || leaf.uses().and_then(|thread| thread.name()) == Some(self.name);
            leaf.names().contains(&self.name) || leaf.names().is_empty() && uses()
        };
        self.step.leaves().into_iter().find(about)
    }

    /// The word for what loaded or unloaded the thread.
    fn loads(&self) -> &'static str {
        match self.step {
            Step::KillDuring(..) | Step::Restart(Restart { stop: Stop::Kill, .. }) => KILLED,
            step => self.leaf().unwrap_or(step).kind().word(),
        }
    }
}
