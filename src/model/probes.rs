//! What the contract demands of a deed: E1 to E8, WR2.
//!
//! Given the policy of a turn and what its model asks to do, lists what must not happen and what
//! must. Demands nothing where the contract says nothing: of a policy whose meaning is not known,
//! and of a place that the sandbox leaves open.

use super::Citations;
use crate::contract::Clause;
use crate::policy::order::{Need, lets_through};
use crate::policy::{Approval, Dimension, Granular, Policy, Profiles, Reviewer, Value};
use crate::program::ops::Step;
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
    /// Nobody is asked (E1, E5).
    AskNobody,
    /// Nothing lands unless it is approved (E2, E7).
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
    /// It is done, unless somebody is asked (E5, E7).
    Succeed,
    /// It is done, or the user is asked (E5): which commands are known to be safe is each
    /// release's own, and releases from 0.149 know none.
    SucceedOrAskUser,
    /// Somebody is asked (E6).
    Ask(Category),
    /// It is not done, and nobody is asked (E6).
    Refuse(Category),
}

/// The approval that a deed needs, by the categories of a granular policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// It wants to leave the sandbox.
    Sandbox,
    /// It fails in the sandbox, and the release may then ask to try it outside.
    PerhapsSandbox,
    /// A rule asks about it.
    Rules,
    /// It asks for permissions.
    Permissions,
    /// An MCP server asks a question.
    Elicitations,
}

impl Demand {
    /// The form of what is due: that of the value, or the category of a granular policy.
    pub fn form(&self) -> &'static str {
        match self.must {
            Must::Ask(Category::Rules) => "rules:on",
            Must::Ask(Category::Permissions) => "request_permissions:on",
            Must::Ask(Category::Elicitations) => "mcp_elicitations:on",
            Must::Ask(Category::Sandbox | Category::PerhapsSandbox) => "sandbox_approval:on",
            Must::Refuse(Category::Rules) => "rules:off",
            Must::Refuse(Category::Permissions) => "request_permissions:off",
            Must::Refuse(Category::Elicitations) => "mcp_elicitations:off",
            Must::Refuse(Category::Sandbox | Category::PerhapsSandbox) => "sandbox_approval:off",
            _ => self.value.form(),
        }
    }
}

/// What a probe needs of the sandbox.
pub fn need(probe: Probe) -> Need {
    match probe {
        Probe::Run | Probe::Safe => Need::Nothing,
        Probe::RequestPermissions => Need::Permissions,
        Probe::Elicit => Need::Answer,
        Probe::ReadSecret => Need::Secret,
        Probe::Ruled => Need::Rule,
        Probe::Connect => Need::Network,
        Probe::WriteInside | Probe::PatchInside => Need::Inside,
        Probe::WriteOutside | Probe::PatchOutside => Need::Outside,
        Probe::Escalate => Need::Leave,
    }
}

/// The clause that a demand is cited as, in a turn whose values rest on these citations: a turn that
/// a client starts shows the demand's own clause, or that a profile came along or back (L5), and any
/// other that the demand holds there too (E8).
pub fn cited(demand: &Demand, step: &Step, turn: &Citations) -> Clause {
    let profile = demand.value.dimension() == Dimension::PP;
    match step {
        Step::Run(_) if profile && turn.of(Dimension::PP) == Clause::L5 => Clause::L5,
        Step::Run(_) => demand.clause,
        _ => Clause::E8,
    }
}

/// Everything that the contract demands of a deed in a turn under this policy.
pub fn demands(policy: &Policy, probe: Probe, profiles: &Profiles) -> Vec<Demand> {
    let closed = is_closed(policy, probe, profiles);
    let open = is_open(policy, probe, profiles);
    let mut all = of_approval(policy, probe, category(probe, closed), open);
    let network = probe == Probe::Connect;
    let allowed = open && policy.approval != Approval::Untrusted && asks_nothing(probe);
    let known = !matches!(policy.approval, Approval::Open | Approval::Unrecognised(_));
    let permissions = || Value::Permissions(policy.permissions.clone());
    let mut add = |clause, must| all.push(Demand { clause, value: permissions(), must });
    if closed {
        let inside = policy.is_in_workspace() || probe == Probe::ReadSecret;
        let inside = if inside { Clause::E2 } else { Clause::WR2 };
        add(if network { Clause::E7 } else { inside }, Must::StayInside);
    }
    if allowed && known {
        add(if network { Clause::E7 } else { Clause::E5 }, Must::Succeed);
    }
    all
}

/// What follows from the approval policy and the reviewer.
fn of_approval(
    policy: &Policy,
    probe: Probe,
    category: Option<Category>,
    open: bool,
) -> Vec<Demand> {
    let of = |clause, must| {
        vec![Demand { clause, value: Value::Approval(policy.approval.clone()), must }]
    };
    let allowed = open && category.is_none() && asks_nothing(probe);
    match &policy.approval {
        Approval::Never => of(Clause::E1, Must::AskNobody),
        // The contract does not say who is asked for permissions under untrusted, nor, but for the
        // category, whose question that of an MCP server is.
        Approval::Untrusted if probe.is_question() => Vec::new(),
        Approval::OnRequest if probe == Probe::Elicit => Vec::new(),
        Approval::Untrusted if probe == Probe::Safe => of(Clause::E5, Must::SucceedOrAskUser),
        Approval::Untrusted => of(Clause::E4, Must::AskFirst),
        Approval::OnRequest | Approval::OnFailure | Approval::Granular(_) if allowed => {
            of(Clause::E5, Must::AskNobody)
        }
        Approval::OnRequest => {
            let asks = category.is_some_and(|category| category != Category::PerhapsSandbox);
            by_whom(policy, asks)
        }
        Approval::Granular(granular) => match category.map(|one| (one, one.is_on(granular))) {
            Some((category, false)) => of(Clause::E6, Must::Refuse(category)),
            Some((Category::PerhapsSandbox, true)) | None => by_whom(policy, false),
            Some((category, true)) => {
                let mut all = of(Clause::E6, Must::Ask(category));
                if probe != Probe::Elicit {
                    all.extend(by_whom(policy, false));
                }
                all
            }
        },
        Approval::OnFailure | Approval::Open | Approval::Unrecognised(_) => Vec::new(),
    }
}

fn by_whom(policy: &Policy, asks: bool) -> Vec<Demand> {
    let must = match policy.reviewer {
        Reviewer::User => Must::AskUser { asks },
        Reviewer::AutoReview => Must::AskReviewer { asks },
        Reviewer::Open | Reviewer::Unrecognised(_) => return Vec::new(),
    };
    vec![Demand { clause: Clause::E3, value: Value::Reviewer(policy.reviewer.clone()), must }]
}

impl Category {
    fn is_on(self, granular: &Granular) -> bool {
        match self {
            Category::Sandbox | Category::PerhapsSandbox => granular.sandbox_approval,
            Category::Rules => granular.rules,
            Category::Permissions => granular.request_permissions,
            Category::Elicitations => granular.mcp_elicitations,
        }
    }
}

fn category(probe: Probe, closed: bool) -> Option<Category> {
    match probe {
        Probe::Ruled => Some(Category::Rules),
        Probe::RequestPermissions => Some(Category::Permissions),
        Probe::Elicit => Some(Category::Elicitations),
        Probe::Escalate | Probe::PatchInside | Probe::PatchOutside => {
            closed.then_some(Category::Sandbox)
        }
        Probe::WriteInside | Probe::WriteOutside | Probe::Connect | Probe::ReadSecret => {
            closed.then_some(Category::PerhapsSandbox)
        }
        Probe::Run | Probe::Safe => None,
    }
}

/// Whether the deed needs no approval where the sandbox lets it through: a question is for somebody,
/// and a command that asks to
/// leave the sandbox may be refused, and asked about, even where it would not have to be.
fn asks_nothing(probe: Probe) -> bool {
    !matches!(probe, Probe::Escalate | Probe::Ruled) && !probe.is_question()
}

/// Whether the sandbox is known to let the deed through. A folder other than the workspace may be
/// gone, and no command runs there.
fn is_open(policy: &Policy, probe: Probe, profiles: &Profiles) -> bool {
    lets_through(policy, need(probe), profiles) == Some(true) && policy.is_in_workspace()
}

/// Whether the sandbox is known to keep the deed from its place.
fn is_closed(policy: &Policy, probe: Probe, profiles: &Profiles) -> bool {
    lets_through(policy, need(probe), profiles) == Some(false)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use strum::IntoEnumIterator;

    use super::{Must, demands};
    use crate::policy::{
        Approval, Defaults, Dimension, Overrides, Policy, Profiles, Reviewer, Setting,
    };
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
    fn what_is_inside_depends_on_the_present_folder_and_roots() {
        let demanded = |folder: &str, roots: &str| {
            let mut policy =
                crate::testing::defaults("sandbox=workspace-write").policy().with(&Overrides {
                    others: [(Dimension::CWD, folder), (Dimension::WR, roots)]
                        .map(|(dimension, word)| (dimension, Setting::Set(word.to_owned())))
                        .into(),
                    ..Overrides::default()
                });
            policy.approval = Approval::Never;
            let inside = |probe: Probe| {
                let all = demands(&policy, probe, &Profiles::new());
                let closed = all.iter().find(|one| one.must == Must::StayInside);
                format!(" {probe} {}", closed.map_or("-".to_owned(), |one| one.clause.to_string()))
            };
            let probes = [Probe::WriteInside, Probe::WriteOutside];
            format!("{folder} {roots}:{}\n", probes.map(inside).concat())
        };
        let all = [("WS", "WS"), ("WS/sub", "WS/sub"), ("OUT", "OUT"), ("OUT", "WS+OUT")];
        let more = [("WS", "OUT"), ("WS", "none"), ("/elsewhere", "/elsewhere")];
        let all = all.iter().chain(&more).map(|(folder, roots)| demanded(folder, roots));
        expect![[r#"
            WS WS: write-inside - write-outside E2
            WS/sub WS/sub: write-inside WR2 write-outside WR2
            OUT OUT: write-inside WR2 write-outside -
            OUT WS+OUT: write-inside - write-outside -
            WS OUT: write-inside - write-outside -
            WS none: write-inside - write-outside WR2
            /elsewhere /elsewhere: write-inside - write-outside -
        "#]]
        .assert_eq(&all.collect::<String>());
    }

    #[test]
    fn under_never_nobody_is_asked_and_nothing_lands_outside() {
        check(
            Approval::Never,
            Reviewer::User,
            expect![[r#"
                Run: E1 AskNobody E5 Succeed
                Safe: E1 AskNobody E5 Succeed
                Ruled: E1 AskNobody
                Connect: E1 AskNobody E7 StayInside
                ReadSecret: E1 AskNobody
                RequestPermissions: E1 AskNobody
                Elicit: E1 AskNobody
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
                Safe: E5 SucceedOrAskUser
                Ruled: E4 AskFirst
                Connect: E4 AskFirst E7 StayInside
                ReadSecret: E4 AskFirst
                RequestPermissions:
                Elicit:
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
                Run: E5 AskNobody E5 Succeed
                Safe: E5 AskNobody E5 Succeed
                Ruled: E3 AskReviewer { asks: true }
                Connect: E3 AskReviewer { asks: false } E7 StayInside
                ReadSecret: E3 AskReviewer { asks: false }
                RequestPermissions: E3 AskReviewer { asks: true }
                Elicit:
                WriteInside: E3 AskReviewer { asks: false } E2 StayInside
                WriteOutside: E3 AskReviewer { asks: false } E2 StayInside
                Escalate: E3 AskReviewer { asks: true } E2 StayInside
                PatchInside: E3 AskReviewer { asks: true } E2 StayInside
                PatchOutside: E3 AskReviewer { asks: true } E2 StayInside
            "#]],
        );
    }
}
