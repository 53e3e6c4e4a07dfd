//! What the contract demands of a deed: E1 to E4.
//!
//! Given the policy of a turn and what its model asks to do, lists what must not happen and what
//! must. Demands nothing where the contract says nothing: of a policy whose meaning is not known,
//! and of a place that the sandbox leaves open.

use crate::contract::Clause;
use crate::policy::order::{Need, lets_through};
use crate::policy::{Approval, Dimension, Policy, Profiles, Reviewer, Value};
use crate::program::reply::Probe;

/// One demand, and the value of the policy that it follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub clause: Clause,
    pub value: Value,
    pub must: Must,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// Nobody is asked (E1).
    AskNobody,
    /// Nothing lands unless it is approved (E2).
    StayInside,
    /// Where anybody is asked, it is the user alone, and in a deed that `asks` he is (E3).
    AskUser {
        /// Whether the deed itself asks for an approval.
        asks: bool,
    },
    /// The same of the reviewing model (E3).
    AskReviewer {
        /// Whether the deed itself asks for an approval.
        asks: bool,
    },
    /// The user is asked before it runs (E4).
    AskFirst,
}

/// What a probe needs of the sandbox.
pub fn need(probe: Probe) -> Need {
    match probe {
        Probe::Run => Need::Nothing,
        Probe::WriteInside | Probe::PatchInside => Need::Inside,
        Probe::WriteOutside | Probe::PatchOutside => Need::Outside,
        Probe::Escalate => Need::Leave,
    }
}

/// Everything that the contract demands of a deed in a turn under this policy.
pub fn demands(policy: &Policy, probe: Probe, profiles: &Profiles) -> Vec<Demand> {
    let approval = Value::Approval(policy.approval.clone());
    let closed = is_closed(policy, probe, profiles);
    let asked = match &policy.approval {
        Approval::Never => Some((Clause::E1, approval, Must::AskNobody)),
        Approval::Untrusted => Some((Clause::E4, approval, Must::AskFirst)),
        Approval::OnRequest => by_whom(policy, probe == Probe::Escalate && closed),
        Approval::OnFailure
        | Approval::Granular(_)
        | Approval::Open
        | Approval::Unrecognised(_) => None,
    };
    let permissions = Value::Permissions(policy.permissions.clone());
    let inside = closed.then_some((Clause::E2, permissions, Must::StayInside));
    let all = asked.into_iter().chain(inside);
    all.map(|(clause, value, must)| Demand { clause, value, must }).collect()
}

fn by_whom(policy: &Policy, asks: bool) -> Option<(Clause, Value, Must)> {
    let must = match policy.reviewer {
        Reviewer::User => Must::AskUser { asks },
        Reviewer::AutoReview => Must::AskReviewer { asks },
        Reviewer::Open | Reviewer::Unrecognised(_) => return None,
    };
    Some((Clause::E3, Value::Reviewer(policy.reviewer.clone()), must))
}

/// Whether the sandbox is known to keep the deed from its place. Where the thread works in another
/// folder than the workspace, what counts as inside is another matter.
fn is_closed(policy: &Policy, probe: Probe, profiles: &Profiles) -> bool {
    let elsewhere = policy.others.get(&Dimension::CWD).is_some_and(|place| place != "WS");
    let through = lets_through(&policy.permissions, need(probe), profiles);
    through == Some(false) && !elsewhere
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use strum::IntoEnumIterator;

    use super::demands;
    use crate::policy::{Approval, Defaults, Policy, Profiles, Reviewer};
    use crate::program::reply::Probe;

    fn check(approval: Approval, reviewer: Reviewer, expected: Expect) {
        let policy = Policy { approval, reviewer, ..Defaults::default().policy() };
        let of = |probe: Probe| {
            let all = demands(&policy, probe, &Profiles::new());
            let all = all.iter().map(|one| format!(" {} {:?}", one.clause, one.must));
            format!("{probe:?}:{}\n", all.collect::<String>())
        };
        expected.assert_eq(&Probe::iter().map(of).collect::<String>());
    }

    #[test]
    fn under_never_nobody_is_asked_and_nothing_lands_outside() {
        check(
            Approval::Never,
            Reviewer::User,
            expect![[r#"
                Run: E1 AskNobody
                WriteInside: E1 AskNobody E2 StayInside
                WriteOutside: E1 AskNobody E2 StayInside
                Escalate: E1 AskNobody E2 StayInside
                PatchInside: E1 AskNobody E2 StayInside
                PatchOutside: E1 AskNobody E2 StayInside
            "#]],
        );
    }

    #[test]
    fn under_untrusted_the_user_is_asked_first() {
        check(
            Approval::Untrusted,
            Reviewer::AutoReview,
            expect![[r#"
                Run: E4 AskFirst
                WriteInside: E4 AskFirst E2 StayInside
                WriteOutside: E4 AskFirst E2 StayInside
                Escalate: E4 AskFirst E2 StayInside
                PatchInside: E4 AskFirst E2 StayInside
                PatchOutside: E4 AskFirst E2 StayInside
            "#]],
        );
    }

    #[test]
    fn under_on_request_the_reviewer_is_asked_by_a_deed_that_asks() {
        check(
            Approval::OnRequest,
            Reviewer::AutoReview,
            expect![[r#"
                Run: E3 AskReviewer { asks: false }
                WriteInside: E3 AskReviewer { asks: false } E2 StayInside
                WriteOutside: E3 AskReviewer { asks: false } E2 StayInside
                Escalate: E3 AskReviewer { asks: true } E2 StayInside
                PatchInside: E3 AskReviewer { asks: false } E2 StayInside
                PatchOutside: E3 AskReviewer { asks: false } E2 StayInside
            "#]],
        );
    }
}
