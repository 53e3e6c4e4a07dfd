//! Whether a wrong value allows more, less or both, and the value that newer releases have given up.

use expect_test::{Expect, expect};

use super::states;
use crate::judge::judge;
use crate::testing::trace;
use crate::trace::Trace;

/// What a start with this policy makes of the one that its reply states on a release.
fn check(policies: [&str; 2], release: &str, expected: Expect) {
    let [due, seen] = policies;
    let release = release.parse().expect("it is a release");
    let lines = format!("start {due} -> t0\n");
    let trace = Trace { server: Some(release), ..trace(&lines, states(0, 0, seen)) };
    let verdict = judge(&trace);
    let degrees = verdict.findings.iter().map(|finding| {
        let degree = match (finding.widened, finding.both_ways) {
            (true, _) => "allows more",
            (_, true) => "allows more and less",
            _ => "allows less",
        };
        format!("{}: {degree}", finding.signature())
    });
    expected.assert_eq(&degrees.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_value_that_allows_more_widens() {
    check(
        ["approval=never sandbox=read-only", "approval=never sandbox=workspace-write"],
        "0.169.0",
        expect!["S1/SB/start/read-only/unknown: allows more"],
    );
}

#[test]
fn a_value_that_asks_for_what_was_to_be_done_and_for_what_was_to_be_refused_differs_both_ways() {
    check(
        [
            "approval=never sandbox=danger-full-access",
            "approval=on-request sandbox=workspace-write",
        ],
        "0.169.0",
        expect![[r#"
            S1/AP/start/never/config: allows more and less
            S1/SB/start/danger-full-access/unknown: allows less"#]],
    );
}

#[test]
fn full_access_with_nobody_asked_widens_though_it_asks_less() {
    check(
        ["approval=on-request sandbox=read-only", "approval=never sandbox=danger-full-access"],
        "0.169.0",
        expect![[r#"
            S1/AP/start/on-request/unknown: allows less
            S1/SB/start/read-only/unknown: allows more"#]],
    );
}

#[test]
fn a_value_that_a_release_has_given_up_gives_way_to_one_that_is_not_wider() {
    let due = "approval=on-failure sandbox=read-only";
    check([due, "approval=on-request sandbox=read-only"], "0.169.0", expect![""]);
    check(
        [due, "approval=on-request sandbox=read-only"],
        "0.136.0",
        expect!["S1/AP/start/on-failure/config: allows less"],
    );
    check(
        [due, "approval=on-request sandbox=workspace-write"],
        "0.169.0",
        expect!["S1/SB/start/read-only/unknown: allows more"],
    );
}
