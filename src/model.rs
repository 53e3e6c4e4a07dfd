//! The reference world: what the contract allows next.
//!
//! Given a world and a step, it lists every answer that the contract allows, each with the world
//! after it and the clauses that it rests on. The list is never empty. The model knows no JSON, no
//! clock, no chance, and nothing about any release.

use std::collections::{BTreeMap, BTreeSet};

use self::life::Life;
use crate::contract::Clause;
use crate::policy::{
    DEFAULT, Defaults, Dimension, Overrides, Permissions, Policy, Profile, Sandbox, Trust, Value,
};
use crate::program::operation::{OpKind, Operation};
use crate::program::ops::configure::Configure;
use crate::program::ops::restart::Stop;
use crate::program::ops::resume::Resume;
use crate::program::sdk::SdkClient;
use crate::program::thread::{ThreadName, ThreadRef};

mod branch;
pub mod chosen_folder;
mod concurrent;
pub mod expectations;
mod facts;
mod full_disk;
mod interrupted;
pub mod life;
mod ops;
pub mod permitted_widening;
pub mod probes;
mod rule;
mod simple;
pub mod states;
pub mod step;
#[cfg(test)]
mod tests;
mod turns;

/// Raised whenever a prediction or a draw changes, so that a token names the case that it did.
pub const REVISION: u32 = 17;

/// The state that the contract gives after the steps so far.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct World {
    /// The defaults in config.toml now.
    pub defaults: Defaults,
    /// The threads that exist, by name.
    pub threads: BTreeMap<ThreadName, Thread>,
    /// Whether writes to files fail now.
    pub full: bool,
    /// Whether a further client is connected to the running server.
    pub joined: bool,
    /// The connection that sends the present step: 0, or 1 for the second client.
    pub speaker: usize,
    /// The profiles that config.toml gained under the running server.
    pub gained: BTreeSet<String>,
    /// Whether config.toml has had writable roots that it has no more: loaded threads may know them.
    pub had_roots: bool,
    /// The service tiers that the reply to a start has stated (T8).
    pub tiers: BTreeSet<String>,
    /// The folders that were removed, though they may be there again.
    pub gone: BTreeSet<String>,
    /// The defaults that config does not state, as replies have shown them: for a folder with its
    /// trust, the policy that is open in all other values (L3).
    pub unstated: BTreeMap<(String, Option<Trust>), Policy>,
    /// The client of the SDK that sends the requests; none where heirloom itself does.
    pub client: Option<SdkClient>,
}

/// One thread as the contract has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thread {
    /// The policy of the next turn, while the thread is loaded.
    pub live: Option<Policy>,
    /// The policy that a cold read must give.
    pub stored: Policy,
    /// Other policies that a cold read may give: those of changes that were not acknowledged.
    pub maybe: BTreeSet<Policy>,
    /// Whether the thread can be resumed and forked at all.
    pub materialised: bool,
    /// Whether it is open that an unmaterialised thread can be resumed.
    pub uncertain: bool,
    /// Whether it is kept in memory alone.
    pub ephemeral: bool,
    pub archived: bool,
    /// Whether the first and the second connection are subscribed to it.
    pub heard_by: [bool; 2],
    /// The policy of the turn that runs, if one does.
    pub running: Option<Policy>,
    /// The policies of its own turns, in order.
    pub turns: Vec<Policy>,
    /// Whether a kill broke one of them off: it is open whether a fork can be cut there.
    pub broken_off: bool,
    /// The thread that spawned it, where it is a subagent.
    pub parent: Option<ThreadName>,
    /// Which clause gave each value of the live policy, and by which operation.
    pub cited: Citations,
    /// The clauses by which a cold read restores each value of the stored policy.
    pub restored: Citations,
    /// The clauses that the next read relies on: of kills, unloads and actions since the last one.
    pub trail: BTreeSet<Clause>,
    /// The policy before the last change.
    pub before: Option<Policy>,
    /// The source's policy at the fork, where the thread is one.
    pub source: Option<Policy>,
    /// Whether a full disk may have left it so that it cannot be loaded until the next restart.
    pub stuck: bool,
    /// The profile that only the `config` of a request defines (L4).
    pub own_profile: Option<(String, Profile)>,
    /// Whether its profile came along by a fork, or came back by a cold resume (L5).
    pub kept_profile: bool,
    /// What its profile meant when config.toml first changed since the thread was read.
    pub meant: Option<Profile>,
    /// What has happened to it; no rule reads it.
    pub life: Life,
}

/// The clauses that a policy's values rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citations {
    pub kind: OpKind,
    /// The clause of the operation as a whole.
    own: Clause,
    /// The clause of each dimension, in the order of [`Dimension::ALL`].
    clauses: [Clause; 11],
}

/// One answer that the contract allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    pub world: World,
    pub due: Expected,
    /// The clauses that this answer rests on, the general ones included.
    pub relies_on: Vec<Clause>,
}

/// What a step must show to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The step sends nothing, or the contract says nothing about the answer.
    Nothing,
    Refusal(Clause),
    /// One of two answers that are both allowed: whether the request is granted.
    Answer {
        /// Whether this branch is the one in which it is.
        granted: bool,
    },
    /// One of two outcomes that are both allowed: whether the thread is unloaded now.
    Closing {
        thread: ThreadName,
        /// Whether this branch is the one in which it is.
        closed: bool,
    },
    /// The reply states this policy of this thread.
    Policy(ThreadName, Policy, Citations),
    /// The same, by a warm read of what an earlier operation left.
    Look(ThreadName, Policy, Citations),
    /// The same, by a second process on a copy of the home.
    ColdRead(ThreadName, Policy, Citations),
    /// A turn runs under this policy; `notice` says whether it changed something.
    Turn {
        thread: ThreadName,
        /// The policy of the turn and of those after it.
        policy: Policy,
        /// What its values rest on.
        citations: Citations,
        /// Whether `thread/settings/updated` is due (T9); none where it is left open.
        notice: Option<bool>,
    },
    /// The thread's next turn has this policy from now on; no turn starts.
    Change {
        thread: ThreadName,
        /// The policy of the next turn.
        policy: Policy,
        /// What its values rest on.
        citations: Citations,
        /// Whether `thread/settings/updated` is due (T9); none where it is left open.
        notice: Option<bool>,
    },
    /// The server starts a turn, and the request to the model states this policy.
    ModelContext {
        thread: ThreadName,
        /// The policy of that turn.
        policy: Policy,
        /// What its values rest on.
        citations: Citations,
    },
    /// The request of a subagent states a policy that is not wider than this one.
    Within {
        thread: ThreadName,
        /// The policy that the subagent's turn has in this branch.
        policy: Policy,
        bound: Policy,
    },
    /// A call that a kill broke off when it had come so far.
    Interrupted {
        /// How far it had come.
        stage: Stage,
        /// What would have been expected of it.
        due: Box<Expected>,
    },
    /// What is expected of each of several calls at once, in the order of the step.
    All(Vec<Expected>),
}

/// How far a call had come when the server was killed (R17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was heard of it.
    Nothing,
    /// Its turn was heard to start.
    Started,
    /// A reply, a notice or the end of its turn has shown what it changes.
    Acknowledged,
    StartedAndAcknowledged,
}

impl Stage {
    /// Whether what it changes was shown.
    pub fn acknowledged(self) -> bool {
        matches!(self, Stage::Acknowledged | Stage::StartedAndAcknowledged)
    }

    /// Whether its turn was heard to start.
    pub fn started(self) -> bool {
        matches!(self, Stage::Started | Stage::StartedAndAcknowledged)
    }
}

impl Citations {
    /// What a cold read restores once a turn has run.
    pub const RESTORED: Citations = Citations {
        kind: Resume::KIND,
        own: Clause::R4,
        clauses: [
            Clause::R4,
            Clause::R5,
            Clause::R8,
            Clause::R6,
            Clause::R9,
            Clause::R9,
            Clause::G1,
            Clause::R10,
            Clause::R13,
            Clause::R13,
            Clause::WR1,
        ],
    };

    /// The same clause for every value.
    pub fn all(kind: OpKind, clause: Clause) -> Citations {
        Citations { kind, own: clause, clauses: [clause; 11] }
    }

    /// What a request to the model states rests on: this clause, and CM1 for the mode.
    pub fn in_model_context(kind: OpKind, clause: Clause) -> Citations {
        Citations::all(kind, clause).with(&[Dimension::CM], Clause::CM1)
    }

    /// The clause of a value.
    pub fn clause(&self, value: &Value) -> Clause {
        self.of(value.dimension())
    }

    /// The clause of a dimension.
    pub fn of(&self, dimension: Dimension) -> Clause {
        self.clauses[dimension as usize]
    }

    /// The clause of the operation as a whole.
    pub fn main(&self) -> Clause {
        self.own
    }

    /// This ruling with another clause for the operation as a whole.
    pub fn cited_as(self, own: Clause) -> Citations {
        Citations { own, ..self }
    }

    /// This ruling with another clause for these dimensions.
    pub fn with(mut self, dimensions: &[Dimension], clause: Clause) -> Citations {
        for dimension in dimensions {
            self.clauses[*dimension as usize] = clause;
        }
        self
    }

    /// `set` where the overrides set a value, this ruling's clause elsewhere.
    pub fn where_set<S>(self, set: Clause, overrides: &Overrides<S>) -> Citations {
        let dimensions: Vec<Dimension> =
            Dimension::ALL.into_iter().filter(|one| overrides.sets(*one)).collect();
        self.with(&dimensions, set)
    }
}

impl World {
    /// The world before the first step.
    pub fn new(defaults: Defaults) -> World {
        World {
            defaults,
            threads: BTreeMap::new(),
            full: false,
            joined: false,
            speaker: 0,
            gained: BTreeSet::new(),
            had_roots: false,
            tiers: BTreeSet::new(),
            gone: BTreeSet::new(),
            unstated: BTreeMap::new(),
            client: None,
        }
    }

    /// The thread, if it exists.
    pub fn thread(&self, who: ThreadRef) -> Option<(ThreadName, &Thread)> {
        match who {
            ThreadRef::Unknown => None,
            ThreadRef::Thread(name) => self.threads.get(&name).map(|thread| (name, thread)),
        }
    }

    /// The policy in a folder of a thread that overrides nothing, as far as it is known.
    pub fn policy_in(&self, folder: &str) -> Policy {
        let policy = self.defaults.policy_in(folder);
        match self.unstated.get(&self.situation(folder)) {
            Some(unstated) => policy.filled(unstated),
            None => policy,
        }
    }

    /// Whether a thread has a profile that came along or back with it, and that says more than what
    /// it extends (L5).
    fn keeps_tables(&self, thread: &Thread, policy: &Policy) -> bool {
        let Permissions::Profile(id) = &policy.permissions else { return false };
        let own = thread.own_profile.as_ref().filter(|(own, _)| own == id);
        let profile = self.defaults.profiles.get(id).or(own.map(|(_, profile)| profile));
        thread.kept_profile && profile.is_some_and(|profile| profile.has_tables())
    }

    /// L3: what a reply states of a thread in the place of defaults that are not known yet is the
    /// thread's own, and is the default of every later start in the same folder with the same trust.
    /// The folders of a sandbox are the default's only where the thread has no other roots.
    pub fn learn_defaults(&mut self, name: ThreadName, stated: &Policy) {
        let Some(thread) = self.threads.get_mut(&name) else { return };
        let policies = thread.live.iter_mut().chain([&mut thread.stored]);
        for policy in policies.filter(|policy| policy.is_open()) {
            let folder = policy.folder().to_owned();
            let place = (folder.clone(), self.defaults.trust_in(&folder));
            let mut shown = stated.where_open(policy);
            if !stated.has_plain_roots() {
                shown.permissions = Permissions::Legacy(Sandbox::Open);
            }
            let known = self.unstated.get(&place).map(|known| known.filled(&shown));
            self.unstated.insert(place, known.unwrap_or(shown));
            *policy = policy.filled(stated);
        }
    }

    fn situation(&self, folder: &str) -> (String, Option<Trust>) {
        (folder.to_owned(), self.defaults.trust_in(folder))
    }

    /// The policy without a tier that no start's reply stated: the contract does not say what the
    /// server makes of it (T8).
    fn judged(&self, mut policy: Policy) -> Policy {
        let known = |tier: &String| tier == DEFAULT || self.tiers.contains(tier);
        if !policy.others.get(&Dimension::T).is_none_or(known) {
            policy.others.remove(&Dimension::T);
        }
        policy
    }

    /// The one that speaks hears, and nobody else.
    fn only_speaker(&self) -> [bool; 2] {
        [self.speaker == 0, self.speaker == 1]
    }

    /// The subagents of a thread, and theirs.
    fn spawned_by(&self, name: ThreadName) -> Vec<ThreadName> {
        let children = self.threads.iter().filter(|(_, thread)| thread.parent == Some(name));
        children.flat_map(|(child, _)| [vec![*child], self.spawned_by(*child)].concat()).collect()
    }

    fn with(&self, name: ThreadName, thread: Thread) -> World {
        let mut world = self.clone();
        world.threads.insert(name, thread);
        world
    }

    /// S2: a thread's values are its own, and a look after a change of config says whether they
    /// are.
    fn configured(&self, defaults: &Defaults) -> World {
        // A default that config does not state may depend on what else it states.
        let unstated = BTreeMap::new();
        let mut world = World { defaults: defaults.clone(), unstated, ..self.clone() };
        let new = |id: &&String| !self.defaults.defines(id);
        world.gained.extend(defaults.profiles.keys().filter(new).cloned());
        world.had_roots |= !self.defaults.roots.is_empty();
        for thread in world.threads.values_mut() {
            thread.cited = Citations::all(Configure::KIND, Clause::S2);
            if let Permissions::Profile(id) = &thread.stored.permissions {
                thread.meant = thread.meant.or_else(|| self.defaults.profiles.get(id).copied());
            }
        }
        world
    }

    /// The world once this thread is unloaded by idleness, where it can be: loaded, idle, and
    /// heard by nobody.
    pub fn closed(&self, name: ThreadName) -> Option<World> {
        let thread = self.threads.get(&name)?;
        let idle = thread.live.is_some() && thread.running.is_none() && thread.unheard();
        idle.then(|| {
            let mut without = self.clone();
            without.threads.entry(name).and_modify(|gone| gone.trail.extend([Clause::R18]));
            without.unload(name);
            without
        })
    }

    /// The same with this thread unloaded.
    fn with_unloaded(&self, name: ThreadName) -> World {
        let mut world = self.clone();
        world.unload(name);
        world
    }

    /// The same with this thread idle, and the first client not subscribed to it.
    fn without_listener(&self, name: ThreadName) -> World {
        let mut world = self.clone();
        world.threads.entry(name).and_modify(|thread| {
            thread.heard_by[0] = false;
            thread.running = None;
        });
        world
    }

    /// This thread is not loaded any more, and if it was never kept, not there.
    pub fn unload(&mut self, name: ThreadName) {
        if let Some(thread) = self.threads.get_mut(&name) {
            thread.unload();
        }
        self.threads.retain(|_, thread| thread.live.is_some() || thread.can_return());
    }

    fn unloaded(&self, stop: Stop, drop_db: bool) -> World {
        let mut world = World { joined: false, ..self.clone() };
        world.gained.clear();
        for thread in world.threads.values_mut() {
            if thread.live.is_some() && stop == Stop::Kill {
                thread.trail.insert(Clause::R17);
            }
            if drop_db {
                thread.trail.insert(Clause::G10);
            }
            thread.stuck = false;
            thread.unload();
        }
        world.threads.retain(|_, thread| thread.can_return());
        world
    }
}

impl Thread {
    /// Whether it has a history from which it can be resumed, or may have one.
    pub fn may_have_history(&self) -> bool {
        self.materialised || self.uncertain
    }

    /// A thread that was just started or forked, and is loaded.
    pub fn new(policy: Policy, cited: Citations) -> Thread {
        Thread {
            live: Some(policy.clone()),
            stored: policy,
            maybe: BTreeSet::new(),
            materialised: false,
            uncertain: false,
            ephemeral: false,
            archived: false,
            heard_by: [true, false],
            running: None,
            turns: Vec::new(),
            broken_off: false,
            parent: None,
            cited,
            restored: Citations::RESTORED,
            trail: BTreeSet::new(),
            before: None,
            source: None,
            stuck: false,
            own_profile: None,
            kept_profile: false,
            meant: None,
            life: Life::default(),
        }
    }

    /// This thread with another policy in force, live and stored. Whether what is done in a folder
    /// that a resume chose writes that folder down is left open (R10).
    fn moved(&self, policy: Policy, cited: Citations) -> Thread {
        let last = self.live.as_ref().unwrap_or(&self.stored);
        let before = if *last == policy { self.before.clone() } else { Some(last.clone()) };
        let folder = |policy: &Policy| policy.others.get(&Dimension::CWD).cloned();
        let chosen = folder(last) == folder(&policy) && folder(last) != folder(&self.stored);
        let (stored, maybe) = if chosen {
            (policy.clone().in_folder_of(&self.stored), BTreeSet::from([policy.clone()]))
        } else {
            (policy.clone(), BTreeSet::new())
        };
        Thread { live: Some(policy), stored, before, cited, maybe, ..self.clone() }
    }

    fn unload(&mut self) {
        self.broken_off |= self.running.is_some();
        self.live = None;
        self.running = None;
        self.heard_by = [false; 2];
    }

    /// Whether the thread is there at all once nothing is loaded.
    fn can_return(&self) -> bool {
        !self.ephemeral && (self.materialised || self.uncertain)
    }

    /// Whether it is certain that it cannot be resumed yet.
    fn can_begin(&self) -> bool {
        !self.materialised && !self.uncertain
    }

    /// Whether no connection hears of it.
    fn unheard(&self) -> bool {
        self.heard_by == [false; 2]
    }
}
