//! What each step makes of the facts of a thread's life, and what is known of a thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::life::{
    BY_CONFIG, CHANGED, FROM_PARENT, FROM_SOURCE, Fact, Facts, IDLE, KILLED, Life, NO, NONE,
    NOTHING, UNCHANGED, YES,
};
use super::{Branch, Expected, OpKind, Thread, World};
use crate::policy::Dimension;
use crate::program::ops::Step;
use crate::program::ops::restart::{Restart, Stop};
use crate::program::reply::TurnEnd;
use crate::program::thread::ThreadName;

impl Facts {
    /// What is known of a thread in this world.
    pub fn of(thread: &Thread) -> Facts {
        let Life { began, broken_off, broken_beginning, last_turn, since, archived, .. } =
            &thread.life;
        let Life { parent, parent_changed, reverted, full_disk, .. } = &thread.life;
        let loaded = thread.live.is_some();
        // An idle thread without a subscriber is unloaded without a request.
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
            (Fact::Reverted, says(*reverted)),
            (Fact::Parent, parent.to_owned()),
            (Fact::FullDisk, says(*full_disk)),
        ]);
        if loaded {
            words.insert(Fact::Subscribed, says(!thread.unheard()));
        }
        Facts(words)
    }

    /// The same with the operation that set the thread's value in this dimension.
    pub fn with_setter(mut self, thread: &Thread, dimension: Dimension) -> Facts {
        let word = thread.life.set_by[dimension as usize];
        self.0.insert(Fact::SetBy, word.to_owned());
        self
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
        // On a full disk a call that is refused may have begun the history.
        if let Some(leaf) = self.leaf()
            && !old.may_have_history()
            && new.may_have_history()
        {
            life.began = Some(leaf.kind());
            life.broken_beginning = matches!(self.step, Step::KillDuring(..));
        }
        if let Some(leaf) = self.leaf().filter(|_| !self.refused) {
            life.reverted |= leaf.kind() == OpKind("revert");
            // What is sent while a turn runs steers that turn.
            let steers = old.running.is_some() && new.running.is_some();
            // An end without a turn ends nothing.
            let ends_nothing = matches!(leaf, Step::Finish(_)) && old.running.is_none();
            // A goal of a thread that is not loaded is kept, and starts no turn.
            let unloaded = old.live.is_none() && new.live.is_none();
            let end = leaf.leaves_turn().filter(|_| !steers && !ends_nothing && !unloaded);
            life.last_turn = end.or(life.last_turn);
            if matches!(self.step, Step::KillDuring(..)) {
                life.broken_off = Some(leaf.kind());
                life.last_turn = leaf.leaves_turn().map(|_| TurnEnd::BrokenOff).or(life.last_turn);
            }
            self.set(leaf, &mut life);
        }
        life.archived |= new.archived;
        life.full_disk |= self.before.full && self.leaf().is_some();
        if old.live.is_some() != new.live.is_some() {
            life.since = self.loads();
        }
        if old.live.is_some() && new.live.is_none() && life.last_turn == Some(TurnEnd::Running) {
            life.last_turn = Some(TurnEnd::BrokenOff);
        }
        if old.live != new.live || old.stored != new.stored {
            let past = Arc::make_mut(&mut life.past);
            past.extend(old.live.clone());
            past.insert(old.stored.clone());
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
            life.set_by =
                [if kind == "fork" { FROM_SOURCE } else { FROM_PARENT }; Dimension::ALL.len()];
            let parent = self.before.threads.get(&parent);
            life.past = parent.map(|parent| parent.life.past.clone()).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::model::life::Facts;
    use crate::policy::Dimension;
    use crate::testing::world_after;

    /// The facts of the last thread after these lines, and of its approval policy.
    fn facts_after(lines: &str) -> Facts {
        let world = world_after(&format!("start -> t0\n{lines}"));
        let (_, thread) = world.threads.last_key_value().expect("a thread is there");
        Facts::of(thread).with_setter(thread, Dimension::AP)
    }

    /// What is known of the last thread after these lines, and was not when the first one started.
    fn check(lines: &str, expected: Expect) {
        let (before, mut after) = (facts_after(""), facts_after(lines));
        after.0.retain(|fact, word| before.word(*fact) != Some(word));
        expected.assert_eq(&after.to_string());
    }

    #[test]
    fn a_thread_that_was_named_began_so_whatever_comes_later() {
        check(
            "name t0\nrun t0 \"hi\" approval=never\n",
            expect!["began=name last-turn=completed set-by=run"],
        );
    }

    #[test]
    fn a_goal_of_a_thread_that_is_not_loaded_ends_no_turn() {
        check(
            "shell t0\nrestart graceful\ninterrupt goal t0\n",
            expect!["began=shell loaded=no since=restart"],
        );
        check("shell t0\ninterrupt goal t0\n", expect!["began=shell last-turn=interrupted"]);
    }

    #[test]
    fn the_end_of_a_turn_that_does_not_run_ends_nothing() {
        check("finish t0 complete\n", expect![""]);
        check("run t0 \"hi\" <- fail\nfinish t0 complete\n", expect!["began=run last-turn=failed"]);
        check("begin t0\nfinish t0 interrupt\n", expect!["began=run last-turn=interrupted"]);
    }

    #[test]
    fn a_kill_breaks_off_the_call_that_began_the_history() {
        check(
            "kill-during after=20ms run t0 \"hi\"\n",
            expect![
                "began=run broken-off=run broken-beginning=yes last-turn=broken-off loaded=no since=kill"
            ],
        );
        check(
            "run t0 \"hi\"\nkill-during after=20ms revert t0\n",
            expect![
                "began=run broken-off=revert last-turn=completed loaded=no since=kill reverted=yes"
            ],
        );
        check(
            "begin t0\nrestart graceful\n",
            expect!["began=run last-turn=broken-off loaded=no since=restart"],
        );
    }

    #[test]
    fn a_fork_says_whether_its_source_changed_since() {
        check(
            "run t0 \"hi\"\nfork t0 -> t1\n",
            expect!["began=fork since=fork set-by=source parent=unchanged"],
        );
        check(
            "run t0 \"hi\"\nfork t0 -> t1\nsettings t0 approval=never\n",
            expect!["began=fork since=fork set-by=source parent=changed"],
        );
    }

    #[test]
    fn a_thread_says_what_unloaded_it_and_what_set_its_value() {
        let run = "run t0 \"hi\"\n";
        check(
            &format!("{run}archive t0\n"),
            expect!["began=run last-turn=completed loaded=no since=archive archived=yes"],
        );
        check(
            &format!("{run}restart kill\nresume t0 approval=never via=config\n"),
            expect!["began=run last-turn=completed since=resume set-by=request-config"],
        );
        check(
            &format!("{run}unsubscribe t0\n"),
            expect!["began=run last-turn=completed loaded=no since=unsubscribe"],
        );
        check(
            "disk full\nrun t0 \"hi\"\ndisk free\n",
            expect!["began=run last-turn=completed full-disk=yes"],
        );
    }
}
