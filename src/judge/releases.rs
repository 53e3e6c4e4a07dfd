//! Which release ran at which point of a trace, and which had the home before it.
//!
//! A trace names the server under test, and says from which entry on another one runs. A finding
//! belongs to the release that ran where it showed; the others that had the home until then may
//! have caused it.

use std::collections::BTreeSet;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::trace::{Entry, Observation, Trace};

/// The releases that run on the home, one after another.
#[derive(Clone, Debug, Default)]
pub struct ReleaseTimeline(Vec<Tenure>);

/// From which entry on, in which step, a release has the home.
#[derive(Clone, Debug)]
struct Tenure {
    entry: usize,
    step: usize,
    release: Option<Version>,
}

/// The release that ran, and those that had run before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HomeHistory {
    /// The release that ran, where it is known.
    pub release: Option<Version>,
    /// The other releases that had the home before.
    pub before: BTreeSet<Version>,
}

impl ReleaseTimeline {
    pub fn new(trace: &Trace) -> ReleaseTimeline {
        let upgrade = |(entry, Entry { step, observation: what }): (usize, &Entry)| match what {
            Observation::Server { release } => {
                Some(Tenure { entry, step: *step, release: release.clone() })
            }
            _ => None,
        };
        let upgrades: Vec<Tenure> = trace.entries.iter().enumerate().filter_map(upgrade).collect();
        // Where the first step names a release, nothing runs before it.
        let first = trace.program.steps.first().and_then(|step| step.moves_to());
        let tested = Tenure { entry: 0, step: 0, release: trace.server.clone() };
        let tested = (first.is_none() || upgrades.is_empty()).then_some(tested);
        ReleaseTimeline(tested.into_iter().chain(upgrades).collect())
    }

    /// At the end of a step.
    pub fn at_step(&self, step: usize) -> HomeHistory {
        self.until(|tenure| tenure.step <= step)
    }

    pub fn at_entry(&self, entry: usize) -> HomeHistory {
        self.until(|tenure| tenure.entry <= entry)
    }

    fn until(&self, has_begun: impl Fn(&Tenure) -> bool) -> HomeHistory {
        let begun = || self.0.iter().take_while(|tenure| has_begun(tenure));
        let release = begun().last().or(self.0.first()).and_then(|tenure| tenure.release.clone());
        let others = begun().filter_map(|tenure| tenure.release.clone());
        let before = others.filter(|other| Some(other) != release.as_ref()).collect();
        HomeHistory { release, before }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use semver::Version;

    use super::ReleaseTimeline;
    use crate::testing::trace;
    use crate::trace::{Entry, Observation, Trace};

    fn upgraded(step: usize, release: (u64, u64, u64)) -> Entry {
        let release = Some(Version::new(release.0, release.1, release.2));
        Entry { step, observation: Observation::Server { release } }
    }

    /// The releases at each of the first steps of a program that tests 0.169.0.
    fn check(lines: &str, entries: Vec<Entry>, expected: Expect) {
        let trace = Trace { server: Some(Version::new(0, 169, 0)), ..trace(lines, entries) };
        let timeline = ReleaseTimeline::new(&trace);
        let lines = (0..4).map(|step| {
            let history = timeline.at_step(step);
            let before: Vec<String> = history.before.iter().map(ToString::to_string).collect();
            let release = history.release.map_or("none".to_owned(), |it| it.to_string());
            format!("{release} after [{}]\n", before.join(" "))
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn a_home_that_is_never_upgraded_is_that_of_the_server_under_test() {
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
        let entries =
            vec![upgraded(1, (0, 144, 4)), upgraded(2, (0, 169, 0)), upgraded(3, (0, 144, 4))];
        let there = "restart graceful release=0.144.4\nrestart graceful release=main\n";
        check(
            &format!("start -> t0\n{there}"),
            entries,
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
        let entries = vec![upgraded(0, (0, 144, 4)), upgraded(2, (0, 169, 0))];
        let lines = "restart graceful release=0.144.4\nstart -> t0\nrestart kill release=main\n";
        check(
            lines,
            entries,
            expect![[r#"
            0.144.4 after []
            0.144.4 after []
            0.169.0 after [0.144.4]
            0.169.0 after [0.144.4]
        "#]],
        );
    }
}
