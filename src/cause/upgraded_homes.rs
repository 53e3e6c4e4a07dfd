//! Evidence from homes that were upgraded or downgraded from one release to another.
//!
//! Kept apart from evidence on homes of one release, since the one says nothing about the other.
//! What no row excuses becomes a row with `from`: one for each release that shows it and the newest
//! release that used the home before.

use std::collections::BTreeMap;

use semver::Version;

use super::Known;
use super::evidence::{Evidence, Proposed, Sighting};
use crate::judge::signature::Signature;
use crate::program::release_range::ReleaseRange;

impl Evidence {
    /// What is shown on upgraded homes alone and not excused. One release must be named in `from`,
    /// and no run says more.
    pub(super) fn proposed_for_upgraded_homes(
        &self,
        known: &Known,
        new: &[Proposed],
    ) -> Vec<Proposed> {
        let mut rows: BTreeMap<(Signature, &Version, &Version), Vec<&Sighting>> = BTreeMap::new();
        for sighting in self.on_upgraded_homes().filter(|one| !self.has_cause(one)) {
            let Sighting { release, record } = sighting;
            let is_new = new.iter().any(|proposed| proposed.covers(sighting));
            let Some(from) = record.finding.home_history.before.last() else { continue };
            if !is_new && known.excuses(&record.finding).is_none() {
                let place = (record.finding.signature(), release, from);
                rows.entry(place).or_default().push(sighting);
            }
        }
        let proposed = rows.into_iter().map(|((_, release, from), shown)| {
            let proposed = Proposed::of_signature(&shown, ReleaseRange::between(release, release));
            let id = format!("{}-from-{from}", proposed.id).replace('.', "-");
            Proposed { id, from: Some(from.clone()), ..proposed }
        });
        proposed.collect()
    }
}

impl Proposed {
    /// Whether it will excuse this, on whatever home.
    fn covers(&self, sighting: &Sighting) -> bool {
        self.scope.explains(&sighting.record.finding) && self.releases.contains(&sighting.release)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use crate::cause::Known;
    use crate::cause::evidence::Evidence;
    use crate::cause::update::{Change, changes};
    use crate::judge::record::FindingRecord;

    const CASE: &str = "# heirloom case v1\nconfig\nrestart graceful server=0.144.4\naudit\n";

    const SIGNATURE: &str = "R4/AP/resume/never/config";

    const LIST: &str = "[[deviation]]\nsignature = \"R4/AP/resume/never/config\"\n\
        seen = \"on-request\"\nreleases = \"=0.169.0\"\nfrom = \"=0.144.4\"\nreason = \"x\"\n\
        case = \"a.case\"\n";

    /// 0.169.0 shows a wrong form, on a home that these releases used before.
    fn shown(form: &str, before: &[&str]) -> FindingRecord {
        serde_json::from_value(json!({
            "status": "new", "signature": SIGNATURE, "release": "0.169.0", "before": before,
            "expected": "never", "seen": form, "seen_form": form,
        }))
        .expect("it is a record")
    }

    /// What runs would change in a list that excuses on-request on homes from 0.144.4.
    fn check(evidence: &Evidence, expected: Expect) {
        let known = Known::parse(LIST, |_| Ok(CASE.to_owned())).expect("it is a list");
        let lines = changes(&known, evidence).into_iter().map(|change| match change {
            Change::Add(proposed) => {
                format!("{}\n", proposed.lines("b.case", "a resume says no").join("\n"))
            }
            other => format!("{other:?}\n"),
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn what_shows_on_homes_of_another_release_becomes_a_row_with_from() {
        let findings = [shown("on-request", &["0.131.0"]), shown("on-request", &["0.144.4"])];
        check(
            &Evidence::new([].into(), findings),
            expect![[r#"
                [[cause]]
                id = "r4-ap-resume-never-config-from-0-131-0"
                title = "on a home that 0.131.0 used before, a resume says no"
                clauses = "R4"
                operations = "resume"
                dimensions = "AP"
                expected = "never"
                wrong = "config"
                seen = "on-request"
                releases = "0.169.0"
                from = "0.131.0"
                reason = "not looked into yet"
                case = "b.case"
            "#]],
        );
    }

    #[test]
    fn what_shows_without_an_upgrade_too_needs_no_row_with_from() {
        let release = "0.169.0".parse().expect("it is a version");
        let signature = SIGNATURE.parse().expect("it is a signature");
        let asked = [(release, [signature].into())].into();
        let findings = [shown("untrusted", &["0.131.0"]), shown("untrusted", &[])];
        check(
            &Evidence::new(asked, findings),
            expect![[r#"
                [[cause]]
                id = "r4-ap-resume-never-config-2"
                title = "a resume says no"
                clauses = "R4"
                operations = "resume"
                dimensions = "AP"
                expected = "never"
                wrong = "config"
                seen = "untrusted"
                releases = "0.169.0"
                reason = "not looked into yet"
                case = "b.case"
            "#]],
        );
    }
}
