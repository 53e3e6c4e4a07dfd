//! G12: where the contract lets a policy be wider than the client asked for.
//!
//! Not a prediction and never a finding: the report lists it, since whoever relies on the policy
//! wants to know.

use super::{Thread, World};
use crate::contract::Clause;
use crate::policy::order::{self, allows_more};
use crate::policy::{CallOverrides, Dimension, Permissions, Policy, Profiles};
use crate::program::ops::Step;
use crate::program::ops::begin::Begin;
use crate::program::ops::fork::Fork;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::request::Cut;
use crate::program::thread::ThreadRef;

/// The clause that lets the step leave a policy wider than was asked for, if one does.
pub fn wider_by_right(world: &World, step: &Step) -> Option<Clause> {
    match step {
        Step::Resume(Resume { thread, overrides }) => resumed(world, *thread, overrides),
        Step::Fork(Fork { source: from, overrides, cut: Some(cut), .. })
            if !overrides.sets_any() =>
        {
            cut_short(world, *from, *cut)
        }
        Step::Run(Run { thread, overrides, flaw: None, .. })
        | Step::Begin(Begin { thread, overrides }) => {
            let (_, thread) = world.thread(*thread)?;
            let running = thread.running.as_ref()?;
            let asked = thread.live.as_ref()?.with(overrides);
            wider(world, running, &asked).then_some(Clause::T6)
        }
        _ => None,
    }
}

/// What the clause lets be wider, as a sentence without its full stop.
pub fn words(clause: Clause) -> &'static str {
    match clause {
        Clause::R6 => "a profile that config redefined lets a thread do more",
        Clause::R7 => "a profile that is gone gives way to a wider default",
        Clause::F2 => "a fork takes a wider policy than stood where it is cut",
        Clause::T6 => "a running turn stays wider than the turn that steers it asks for",
        _ => "a loaded thread stays wider than its resume asks for",
    }
}

fn wider(world: &World, has: &Policy, asked: &Policy) -> bool {
    allows_more(has, asked, &world.defaults.profiles)
}

fn resumed(world: &World, who: ThreadRef, overrides: &CallOverrides) -> Option<Clause> {
    let (_, thread) = world.thread(who)?;
    if !thread.materialised || thread.archived {
        return None;
    }
    match &thread.live {
        Some(live) => {
            let asked = live.with(&world.defaults.resolve(overrides));
            let ignored = thread.running.is_some() || !thread.unheard();
            (ignored && wider(world, live, &asked)).then_some(Clause::R2)
        }
        None => read_again(world, thread).filter(|_| !overrides.sets(Dimension::PP)),
    }
}

/// What became of the profile of a thread that is read again.
fn read_again(world: &World, thread: &Thread) -> Option<Clause> {
    let Permissions::Profile(id) = &thread.stored.permissions else {
        return None;
    };
    if !world.defaults.defines(id) {
        let fallen = Policy { permissions: world.defaults.permissions(), ..thread.stored.clone() };
        return wider(world, &fallen, &thread.stored).then_some(Clause::R7);
    }
    let meant = Profiles::from([(id.clone(), thread.meant?)]);
    let now = &world.defaults.profiles;
    order::means_more(&thread.stored, now, &meant).then_some(Clause::R6)
}

/// The policy that stood at the cut, where the fork's is wider.
fn cut_short(world: &World, who: ThreadRef, cut: Cut) -> Option<Clause> {
    let (_, source) = world.thread(who)?;
    let (Cut::Last(turn) | Cut::Before(turn)) = cut;
    let count = source.turns.len();
    let then = source.turns.get(usize::from(turn).checked_rem(count)?)?;
    let latest = source.live.as_ref().unwrap_or(&source.stored);
    wider(world, latest, then).then_some(Clause::F2)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{wider_by_right, words};
    use crate::model::World;
    use crate::model::rules::step;
    use crate::program::Program;

    /// What a line of the case lets be wider.
    fn check(lines: &str, expected: Expect) {
        let case = format!("# heirloom case v1\n{lines}\naudit\n");
        let program: Program = case.parse().expect("the lines are a case");
        let mut world = World::new(program.defaults.clone());
        let mut all = String::new();
        for each in &program.steps {
            if let Some(clause) = wider_by_right(&world, each) {
                all += &format!("{each}: {clause}, {}\n", words(clause));
            }
            world = step(&world, each).swap_remove(0).world;
        }
        expected.assert_eq(&all);
    }

    #[test]
    fn a_profile_that_is_redefined_lets_a_thread_do_more() {
        check(
            "config profiles=p:read-only\nstart profile=p -> t0\nrun t0 \"one\" <- text \"ok\"\n\
             configure profiles=p:danger-full-access\nrestart graceful\nresume t0\nresume t0",
            expect![[r#"
                resume  t0: R6, a profile that config redefined lets a thread do more
            "#]],
        );
    }

    #[test]
    fn one_that_means_less_now_does_not() {
        check(
            "config profiles=p:workspace-write\nstart profile=p -> t0\n\
             run t0 \"one\" <- text \"ok\"\nconfigure profiles=p:read-only\n\
             restart graceful\nresume t0",
            expect![[""]],
        );
    }
}
