//! What a verdict says besides signatures: that there was too much to follow, permitted widening,
//! and where else a wrong value may come from.

use expect_test::{Expect, expect};

use super::{granted, request, stated_sandbox, states};
use crate::judge::judge;
use crate::judge::verdict::Verdict;
use crate::testing::{self, at, policy, sent, thread, trace};

/// So many threads, each with two changes at once of which nothing says which came last.
fn raced(threads: u16) -> Option<String> {
    let names = 0..threads;
    let starts = names.clone().map(|name| format!("start -> t{name}\n"));
    let races = names.clone().map(|name| {
        format!("parallel settings t{name} approval=never | settings t{name} approval=untrusted\n")
    });
    let started = names.clone().flat_map(|name| states(name.into(), name, ""));
    let changed = names.flat_map(|name| {
        let (step, calls) =
            (usize::from(threads + name), [100, 101].map(|call| call + 2 * u32::from(name)));
        let granted = calls.map(testing::granted);
        at(step, [calls.map(sent).to_vec(), granted.to_vec()].concat())
    });
    let lines: String = starts.chain(races).collect();
    judge(&trace(&lines, started.chain(changed).collect())).inconclusive
}

#[test]
fn a_case_that_leaves_too_many_worlds_to_follow_is_inconclusive() {
    assert_eq!(raced(6), None);
    expect!["step 13 leaves more than 64 worlds to follow"]
        .assert_eq(&raced(7).expect("it leaves more worlds than that"));
}

/// The notices about a loaded thread of full access that is resumed with this sandbox.
fn check_widened(asked: &str, expected: Expect) {
    let full = "sandbox=danger-full-access";
    let lines = format!("start {full} -> t0\nrun t0 \"hi\"\nresume t0 sandbox={asked}\n");
    let resumed = request(2, |call| testing::stated(call, thread(0), policy(full)));
    let entries = [states(0, 0, full), granted(1), resumed].concat();
    let Verdict { notices, .. } = judge(&trace(&lines, entries));
    let texts: Vec<String> = notices.into_iter().map(|notice| notice.text).collect();
    expected.assert_eq(&texts.join("\n"));
}

#[test]
fn a_thread_that_stays_wider_than_its_resume_asks_for_is_noted() {
    check_widened(
        "read-only",
        expect!["a loaded thread stays wider than its resume asks for; clause R2 permits it"],
    );
    check_widened("danger-full-access", expect![""]);
}

#[test]
fn full_access_that_is_stated_to_the_model_may_be_an_external_sandbox_that_the_thread_had() {
    let lines = "config approval=never sandbox=workspace-write\nstart -> t0\n\
                 run t0 \"hi\" sandbox=external\nrun t0 \"hi\" sandbox=read-only\n";
    let own = "approval=never sandbox=workspace-write";
    let turn = [granted(2), stated_sandbox(2, 0, "danger-full-access")].concat();
    let verdict = judge(&trace(lines, [states(0, 0, own), granted(1), turn].concat()));
    let of_values = verdict.findings.iter().filter(|finding| finding.dimension.is_some());
    let signatures = of_values.map(|finding| finding.signature().to_string());
    expect!["G9/SB/run/read-only/before"].assert_eq(&signatures.collect::<Vec<_>>().join("\n"));
}
