//! The shards of one campaign, merged into what one machine would have reported, and one campaign
//! beside an earlier one.
//!
//! Counts are added, and causes that are the same become one. Times differ: the shards ran side by
//! side.

use std::collections::{BTreeMap, BTreeSet};

use super::Results;
use super::causes::CauseExample;
use super::run::results;
use crate::campaign::shard::Shard;
use crate::campaign::{FindingReport, Noticed, Outcome, Since};
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;

/// Outcomes that are not the shards of one campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMerge {
    #[error("shards {0} and {1} are not of one campaign: they differ in {2}")]
    Different(Shard, Shard, String),
    #[error("shard {0} is there twice")]
    Twice(Shard),
    #[error("shard {0} is missing")]
    Missing(Shard),
    #[error("there is nothing to merge")]
    Nothing,
}

/// Merges the shards of a campaign, in whatever order they come.
///
/// # Errors
/// They are not all the shards of one campaign.
pub fn merged(mut shards: Vec<Outcome>) -> Result<Outcome, NoMerge> {
    shards.sort_by_key(|outcome| outcome.shard);
    complete(&shards)?;
    let mut shards = shards.into_iter();
    let mut whole = shards.next().ok_or(NoMerge::Nothing)?;
    let mut joined = results(whole.clone(), Vec::new());
    for shard in shards {
        joined.add(results(shard.clone(), Vec::new()));
        whole.add(shard);
    }
    whole.shard = Shard::default();
    (whole.causes, whole.findings) = in_order(joined);
    Ok(whole)
}

/// Refuses shards of different campaigns, and those that are not all there.
fn complete(shards: &[Outcome]) -> Result<(), NoMerge> {
    let first = shards.first().ok_or(NoMerge::Nothing)?;
    for other in shards {
        let differs = [
            ("the seed", first.seed != other.seed),
            ("the server", first.subject.digest != other.subject.digest),
            ("the client", first.subject.client != other.subject.client),
            ("the releases of --other", first.subject.others != other.subject.others),
            ("the number of shards", first.shard.of != other.shard.of),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            return Err(NoMerge::Different(first.shard, other.shard, what.to_owned()));
        }
    }
    for number in 1..=first.shard.of {
        let shard = Shard { number, ..first.shard };
        match shards.iter().filter(|outcome| outcome.shard == shard).count() {
            0 => return Err(NoMerge::Missing(shard)),
            1 => {}
            _ => return Err(NoMerge::Twice(shard)),
        }
    }
    Ok(())
}

/// Causes and findings in the order of a campaign, the case of each finding named after it.
fn in_order(joined: Results) -> (Vec<CauseRecord>, Vec<FindingReport>) {
    let Results { mut causes, mut findings, .. } = joined;
    for report in &mut findings {
        let case = format!("findings/{}.case", report.record.id);
        let is_own = |cause: &&mut CauseRecord| Some(&cause.id) == report.record.cause.as_ref();
        let cause = causes.iter_mut().find(is_own);
        if let Some(cause) = cause.filter(|cause| cause.case == report.record.case) {
            cause.case.clone_from(&case);
        }
        report.record.case = case;
    }
    causes.sort_by_key(|cause| (cause.status, !cause.widened));
    findings
        .sort_by_key(|report| (report.status, report.finding.rank(), report.finding.signature()));
    (causes, findings)
}

impl Outcome {
    /// Adds the counts of another shard; causes and findings are joined elsewhere.
    fn add(&mut self, more: Outcome) {
        self.cases += more.cases;
        self.steps += more.steps;
        self.wall = self.wall.max(more.wall);
        self.server_cpu += more.server_cpu;
        self.harness_cpu += more.harness_cpu;
        self.work += more.work;
        for (cell, count) in more.tally {
            *self.tally.entry(cell).or_default() += count;
        }
        for (own, other) in [
            (&mut self.inconclusive, more.inconclusive),
            (&mut self.performed, more.performed),
            (&mut self.left_out, more.left_out),
        ] {
            add_counts(own, other);
        }
        self.withheld.extend(more.withheld);
        self.investigation.per_cause.extend(more.investigation.per_cause);
        self.investigation.trials += more.investigation.trials;
        self.investigation.all += more.investigation.all;
        self.add_notices(more.notices);
        self.no_sandbox = self.no_sandbox.take().or(more.no_sandbox);
        // Each shard replays the known deviations: one that a shard has seen is not stale.
        self.stale.retain(|stale| more.stale.iter().any(|other| other.id == stale.id));
        self.gone.retain(|gone| more.gone.contains(gone));
        self.interrupted |= more.interrupted;
    }

    fn add_notices(&mut self, more: Vec<Noticed>) {
        for notice in more {
            let same = |own: &&mut Noticed| own.clause == notice.clause && own.text == notice.text;
            match self.notices.iter_mut().find(same) {
                Some(own) => own.count += notice.count,
                None => self.notices.push(notice),
            }
        }
        self.notices
            .sort_by(|one, other| (one.clause, &one.text).cmp(&(other.clause, &other.text)));
    }

    /// What is another than in an earlier campaign, whose folder is `run`.
    pub fn since(&self, before: &Outcome, run: String) -> Since {
        let (now, before) =
            (results(self.clone(), Vec::new()), results(before.clone(), Vec::new()));
        Since { run, more: lacking(&now, &before), fewer: lacking(&before, &now) }
    }
}

fn add_counts(own: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (what, count) in more {
        *own.entry(what).or_default() += count;
    }
}

/// Titles of causes, and of findings without one, that the others do not have.
fn lacking(own: &Results, others: &Results) -> Vec<String> {
    let has = |example: &CauseExample<'_>| {
        CauseExample::all(others).any(|other| other.likeness(example).is_some())
    };
    let causes = CauseExample::all(own).filter(|example| !has(example));
    let causes = causes.map(|example| example.record.title.clone());
    let signatures: BTreeSet<_> =
        others.findings.iter().map(|report| report.finding.signature()).collect();
    let alone = own.findings.iter().filter(|report| {
        let sure = report.cause.is_none() && report.status != Status::Flaky;
        sure && !signatures.contains(&report.finding.signature())
    });
    causes.chain(alone.map(|report| report.finding.signature().to_string())).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::merged;
    use crate::campaign::shard::Shard;
    use crate::campaign::{Noticed, Outcome, Stale, Why};
    use crate::contract::Clause;
    use crate::matrix::tests::{Found, found};

    fn outcome(shard: &str, found: Vec<Found>) -> Outcome {
        let (causes, findings): (Vec<_>, Vec<_>) =
            found.into_iter().map(|one| (one.cause, one.report)).unzip();
        let shard: Shard = shard.parse().expect("it is a shard");
        let text = "a thread stays wider".to_owned();
        let notice = Noticed { clause: Clause::G12, text, count: 2, token: shard.to_string() };
        let notices = vec![notice];
        Outcome {
            seed: 7,
            shard,
            cases: 10,
            steps: 70,
            causes,
            findings,
            notices,
            ..Outcome::default()
        }
    }

    fn stale(id: &str) -> Stale {
        let (title, case) = ("a resume loses it".to_owned(), "lost.case".to_owned());
        Stale { id: id.to_owned(), title, case, line: 9, moved: false, why: Why::Unseen }
    }

    fn check(shards: Vec<Outcome>, expected: Expect) {
        let text = merged(shards).map_or_else(
            |error| error.to_string(),
            |whole| {
                let causes = whole.causes.iter().map(|cause| {
                    format!("\n  {}: {} in {}", cause.id, cause.findings.join(" "), cause.case)
                });
                let findings = whole.findings.iter().map(|report| {
                    format!(
                        "\n  {} of {}",
                        report.record.case,
                        report.cause.as_deref().unwrap_or("none")
                    )
                });
                let notices =
                    whole.notices.iter().map(|one| format!("\n  {} by {}", one.count, one.token));
                let counts = format!("{} cases, {} steps", whole.cases, whole.steps);
                [counts, causes.collect(), findings.collect(), notices.collect()].concat()
            },
        );
        expected.assert_eq(&text);
    }

    #[test]
    fn what_two_shards_show_is_one_cause_and_what_one_shows_stays() {
        let shards = vec![
            outcome(
                "2/2",
                vec![found("lost", "fork", &["fork", "run"]), found("other", "name", &["name"])],
            ),
            outcome("1/2", vec![found("lost", "run", &["run"])]),
        ];
        check(
            shards,
            expect![[r#"
            20 cases, 140 steps
              lost: r4-ap-resume-never-config-of-lost in findings/r4-ap-resume-never-config-of-lost.case
              other: r4-ap-resume-never-config-of-other in findings/r4-ap-resume-never-config-of-other.case
              findings/r4-ap-resume-never-config-of-lost.case of lost
              findings/r4-ap-resume-never-config-of-other.case of other
              4 by 1/2"#]],
        );
    }

    #[test]
    fn shards_that_are_not_one_campaign_are_refused() {
        let of = |shards: &[&str]| shards.iter().map(|shard| outcome(shard, Vec::new())).collect();
        check(of(&["1/3", "3/3"]), expect!["shard 2/3 is missing"]);
        check(of(&["1/2", "2/2", "1/2"]), expect!["shard 1/2 is there twice"]);
        check(
            of(&["1/2", "2/3"]),
            expect![
                "shards 1/2 and 2/3 are not of one campaign: they differ in the number of shards"
            ],
        );
        check(of(&[]), expect!["there is nothing to merge"]);
        let other = Outcome { seed: 8, ..outcome("2/2", Vec::new()) };
        check(
            vec![outcome("1/2", Vec::new()), other],
            expect!["shards 1/2 and 2/2 are not of one campaign: they differ in the seed"],
        );
    }

    #[test]
    fn a_row_that_one_shard_has_seen_is_not_stale() {
        let mut shards = ["1/2", "2/2"].map(|shard| outcome(shard, Vec::new()));
        shards[0].stale = vec![stale("seen"), stale("unseen")];
        shards[1].stale = vec![stale("unseen")];
        let whole = merged(shards.to_vec()).expect("they are all there");
        let ids: Vec<&str> = whole.stale.iter().map(|stale| stale.id.as_str()).collect();
        assert_eq!(ids, ["unseen"]);
    }

    #[test]
    fn an_earlier_campaign_shows_what_is_new_and_what_is_gone() {
        let now = outcome(
            "1/1",
            vec![found("lost", "fork", &["fork"]), found("other", "name", &["name"])],
        );
        let before = outcome(
            "1/1",
            vec![found("lost", "fork", &["fork"]), found("gone", "spawn", &["spawn"])],
        );
        let since = now.since(&before, "runs/a".to_owned());
        assert_eq!(
            (since.more, since.fewer),
            (vec!["title of other".to_owned()], vec!["title of gone".to_owned()])
        );
        let same = now.since(&now, "runs/a".to_owned());
        assert_eq!((same.more, same.fewer), (Vec::new(), Vec::new()));
    }
}
