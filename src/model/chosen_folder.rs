//! R10: which folder a thread comes back in that had a turn in one that a cold resume chose.
//!
//! The contract allows that one and the one before. The report lists which it was, since whoever
//! relies on the folder wants to know.

use super::{Expected, World};
use crate::policy::{Dimension, Policy};
use crate::program::operation::Operation;
use crate::program::ops::Step;
use crate::program::ops::resume::Resume;

/// What to tell of a resume that reads a thread from its file: the folder of the branch that
/// happened, where either could come back.
pub fn words(before: &World, step: &Step, due: &Expected) -> Option<String> {
    let (Step::Resume(resume), Expected::Policy(name, policy, _)) = (step, due) else {
        return None;
    };
    let thread = before.threads.get(name).filter(|thread| thread.live.is_none())?;
    let chosen = thread.life.set_by[Dimension::CWD as usize] == Resume::KIND.word();
    let elsewhere = |maybe: &Policy| maybe.folder() != thread.stored.folder();
    let open =
        chosen && thread.maybe.iter().any(elsewhere) && !resume.overrides.sets(Dimension::CWD);
    let came = if policy.folder() == thread.stored.folder() {
        "the folder from before a cold resume chose another comes back"
    } else {
        "the folder that a cold resume chose comes back"
    };
    open.then(|| came.to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::model::step::step;
    use crate::testing::{program, world_after};

    /// What each branch of a last cold resume tells.
    fn check(lines: &str, expected: Expect) {
        let before = "start -> t0\nrun t0 \"one\"\nrestart graceful\n";
        let world = world_after(&format!("{before}{lines}\nrestart graceful"));
        let resume = program("start -> t0\nresume t0").steps.remove(1);
        let folder = |branch: &crate::model::Branch| match &branch.due {
            crate::model::Expected::Policy(_, policy, _) => policy.folder().to_owned(),
            _ => "-".to_owned(),
        };
        let told = step(&world, &resume).into_iter().map(|branch| {
            let words = super::words(&world, &resume, &branch.due);
            format!("{}: {}\n", folder(&branch), words.unwrap_or_else(|| "nothing".to_owned()))
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn a_folder_that_a_resume_chose_does_not_come_back_without_a_turn() {
        check(
            "resume t0 cwd=OUT",
            expect![[r#"
            WS: nothing
        "#]],
        );
    }

    #[test]
    fn after_a_turn_in_it_either_may() {
        for turn in ["run t0 \"two\"", "compact t0", "review t0"] {
            check(
                &format!("resume t0 cwd=OUT\n{turn}"),
                expect![[r#"
                    WS: the folder from before a cold resume chose another comes back
                    OUT: the folder that a cold resume chose comes back
                "#]],
            );
        }
    }

    #[test]
    fn a_folder_that_a_turn_asks_for_is_the_threads_own() {
        check(
            "resume t0 cwd=OUT\nrun t0 \"two\" cwd=HOME",
            expect![[r#"
            HOME: nothing
        "#]],
        );
    }
}
