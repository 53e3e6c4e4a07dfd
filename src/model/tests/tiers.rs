//! The rules of service tiers: T8, and what clears one.
//!
//! A tier is judged only where a start's reply took it. A test names a case and the tier that is
//! due at its last step, one line a branch.

use expect_test::{Expect, expect};

use super::{branches, check};
use crate::policy::Dimension;

const T: &[Dimension] = &[Dimension::T];

#[test]
fn a_tier_is_judged_where_the_reply_of_start_took_it() {
    check(
        "config\nstart tier=flex -> t0",
        T,
        expect![[r#"
        T8 flex
        T8 default
    "#]],
    );
    check(
        "config tier=flex\nstart tier=null -> t0",
        T,
        expect![[r#"
        T8 flex
        T8 default
    "#]],
    );
    check(
        "config\nstart -> t0",
        T,
        expect![[r#"
        T8 not judged
    "#]],
    );
    check(
        "config\nstart -> t0\nsettings t0 tier=flex",
        T,
        expect![[r#"
        U4 not judged; a notice or none
    "#]],
    );
}

/// What another tier makes due wherever a thread is asked for it that has one, after this start.
fn asked_for_fast(start: &str, expected: Expect) {
    let turn = "run t1 \"one\" <- text \"ok\"\n";
    let begun = format!("config\n{start}start tier=flex -> t1\n{turn}");
    let asks = [
        "run t1 \"two\" tier=fast <- text \"ok\"",
        "settings t1 tier=fast",
        "fork t1 tier=fast -> t2",
        "restart graceful\nresume t1 tier=fast",
    ];
    let due = asks.map(|last| branches(&format!("{begun}{last}"), T));
    expected.assert_eq(&due.concat());
}

#[test]
fn a_tier_is_judged_in_every_thread_once_a_start_took_it_and_in_none_before() {
    asked_for_fast(
        "",
        expect![[r#"
        T1 not judged; a notice or none
        U1 not judged; a notice or none
        F3 not judged
        R11 not judged
    "#]],
    );
    asked_for_fast(
        "start tier=fast -> t0\n",
        expect![[r#"
        T1 fast; a notice
        U1 fast; a notice
        F3 fast
        R11 fast
    "#]],
    );
}

#[test]
fn a_tier_that_was_taken_is_cleared_by_settings_alone_kept_by_a_cold_resume_and_not_by_a_fork() {
    let taken = "config\nstart tier=flex -> t0\nrun t0 \"one\" <- text \"ok\"\n";
    check(
        &format!("{taken}settings t0 tier=null"),
        T,
        expect![[r#"
        U1 default; a notice
    "#]],
    );
    check(
        &format!("{taken}run t0 \"two\" tier=null <- text \"ok\""),
        T,
        expect![[r#"
        T2 flex; a notice or none
    "#]],
    );
    check(
        &format!("{taken}fork t0 -> t1"),
        T,
        expect![[r#"
        F7 default
    "#]],
    );
    check(
        &format!("{taken}restart graceful\nresume t0"),
        T,
        expect![[r#"
        G1 flex
    "#]],
    );
}
