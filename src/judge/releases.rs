//! Which release ran where in a trace, and which had the home before it.
//!
//! A trace names the server that is checked, and says from which fact on another one runs. A
//! finding belongs to the release that ran where it showed; the others that had the home until then
//! may have left what it shows.

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::trace::{Entry, Observation, Trace};

/// The releases that run on the home, one after another.
#[derive(Clone, Debug, Default)]
pub struct ReleaseTimeline {
    /// From which fact on, of which step, and which release.
    all: Vec<(usize, usize, Option<Version>)>,
}

/// Who ran, and who had run before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HomeHistory {
    /// The release that ran, where it is known.
    pub release: Option<Version>,
    /// The other releases that had the home before.
    pub before: BTreeSet<Version>,
}

impl ReleaseTimeline {
    /// Those of a trace.
    pub fn of(trace: &Trace) -> ReleaseTimeline {
        let moved = trace.facts.iter().enumerate().filter_map(|(at, fact)| match fact {
            Entry { step, what: Observation::Server { release } } => {
                Some((at, *step, release.clone()))
            }
            _ => None,
        });
        let moved: Vec<_> = moved.collect();
        // Nothing that is run comes before the move with which a plan begins.
        let begins = trace.program.steps.first().and_then(|step| step.moves_to()).is_some();
        let main = (!begins || moved.is_empty()).then(|| (0, 0, trace.server.clone()));
        ReleaseTimeline { all: main.into_iter().chain(moved).collect() }
    }

    /// At the end of a step.
    pub fn at_step(&self, step: usize) -> HomeHistory {
        self.until(|(_, begins, _)| *begins <= step)
    }

    /// At a fact.
    pub fn at_fact(&self, fact: usize) -> HomeHistory {
        self.until(|(from, _, _)| *from <= fact)
    }

    fn until(&self, is: impl Fn(&(usize, usize, Option<Version>)) -> bool) -> HomeHistory {
        let so_far: Vec<&Option<Version>> =
            self.all.iter().take_while(|one| is(one)).map(|(_, _, release)| release).collect();
        let release = so_far.last().copied().or(self.all.first().map(|(_, _, first)| first));
        let release = release.cloned().flatten();
        let others = so_far.into_iter().flatten().filter(|one| Some(*one) != release.as_ref());
        HomeHistory { before: others.cloned().collect(), release }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::ReleaseTimeline;
    use crate::trace::{Entry, Observation, Trace};

    fn moved(step: usize, release: (u64, u64, u64)) -> Entry {
        let release = Some(Version::new(release.0, release.1, release.2));
        Entry { step, what: Observation::Server { release } }
    }

    /// Who ran at each of the first steps of a program that is checked on 0.169.0.
    fn check(lines: &str, facts: Vec<Entry>, expected: Expect) {
        let program = format!("# heirloom case v1\nconfig\n{lines}audit\n");
        let program = program.parse().expect("it is a plan");
        let times_us = vec![0; facts.len()];
        let trace = Trace { program, server: Some(Version::new(0, 169, 0)), facts, times_us };
        let residents = ReleaseTimeline::of(&trace);
        let told = (0..4).map(|step| {
            let ran = residents.at_step(step);
            let before: Vec<String> = ran.before.iter().map(ToString::to_string).collect();
            let now = ran.release.map_or("nobody".to_owned(), |release| release.to_string());
            format!("{now} after [{}]\n", before.join(" "))
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn a_home_that_never_moves_is_that_of_the_server_that_is_checked() {
        check(
            "start -> t0\n",
            Vec::new(),
            expect![[r#"
            0.169.0 after []
            0.169.0 after []
            0.169.0 after []
            0.169.0 after []
        "#]],
        );
    }

    #[test]
    fn a_release_is_not_among_those_before_itself() {
        let facts = vec![moved(1, (0, 144, 4)), moved(2, (0, 169, 0)), moved(3, (0, 144, 4))];
        let there = "restart graceful server=0.144.4\nrestart graceful server=main\n";
        check(
            &format!("start -> t0\n{there}"),
            facts,
            expect![[r#"
            0.169.0 after []
            0.144.4 after [0.169.0]
            0.169.0 after [0.144.4]
            0.144.4 after [0.169.0]
        "#]],
        );
    }

    #[test]
    fn a_program_that_begins_on_another_release_has_no_other_before() {
        let facts = vec![moved(0, (0, 144, 4)), moved(2, (0, 169, 0))];
        let lines = "restart graceful server=0.144.4\nstart -> t0\nrestart kill server=main\n";
        check(
            lines,
            facts,
            expect![[r#"
            0.144.4 after []
            0.144.4 after []
            0.169.0 after [0.144.4]
            0.169.0 after [0.144.4]
        "#]],
        );
    }
}
