//! G12: where the contract lets a policy be wider than the client asked for.
//!
//! Not a prediction and never a finding: the report lists it, since whoever relies on the policy
//! wants to know.

use super::{World, simple};
use crate::contract::Clause;
use crate::program::ops::Step;

/// The clause that lets the step leave a policy wider than was asked for, if one does.
pub fn wider_by_right(world: &World, step: &Step) -> Option<Clause> {
    match step {
        Step::SecondClient(_) | Step::KillDuring(..) | Step::Parallel(_) => None,
        operation => simple::permits_widening(world, operation),
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{wider_by_right, words};
    use crate::model::World;
    use crate::model::step::step;
    use crate::program::Program;

    /// What a line of the case lets be wider.
    fn check(lines: &str, expected: Expect) {
        let case = format!("# heirloom case v1\n{lines}\naudit\n");
        let program: Program = case.parse().expect("the lines are a case");
        let mut world = World::new(program.defaults.clone());
        let mut all = String::new();
        for each in &program.steps {
            let permitted = match wider_by_right(&world, each) {
                Some(clause) => format!("{clause}, {}", words(clause)),
                None => "nothing".to_owned(),
            };
            all += &format!("{each}: {permitted}\n");
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
                start   profile=p                     -> t0: nothing
                run     t0 "one"                      <- text "ok": nothing
                configure approval=on-request reviewer=user sandbox=read-only profiles=p:danger-full-access: nothing
                restart graceful: nothing
                resume  t0: R6, a profile that config redefined lets a thread do more
                resume  t0: nothing
            "#]],
        );
    }

    #[test]
    fn one_that_means_less_now_does_not() {
        check(
            "config profiles=p:workspace-write\nstart profile=p -> t0\n\
             run t0 \"one\" <- text \"ok\"\nconfigure profiles=p:read-only\n\
             restart graceful\nresume t0",
            expect![[r#"
                start   profile=p                     -> t0: nothing
                run     t0 "one"                      <- text "ok": nothing
                configure approval=on-request reviewer=user sandbox=read-only profiles=p:read-only: nothing
                restart graceful: nothing
                resume  t0: nothing
            "#]],
        );
    }
}
