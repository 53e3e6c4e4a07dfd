//! How a simulated server enforces the policy of a turn: as it should, or with a fault.

use heirloom::model::probes::need;
use heirloom::policy::order::{Need, Reach, reach};
use heirloom::policy::{Approval, Permissions, Policy, Profile, Profiles, Reviewer, Sandbox};
use heirloom::program::ops::Step;
use heirloom::program::reply::{Probe, ProbeScript, Review};
use heirloom::protocol::probe::{ProbeResultText, Question};
use heirloom::trace::{Observation, ThreadLabel};

/// What is wrong with how a server enforces policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enforcement {
    Correct,
    /// It runs no command and no patch.
    BlocksEverything,
    /// It asks the user about what the sandbox lets through.
    AsksAboutEverything,
    /// It takes a granular policy for on-request.
    HasNoCategories,
    /// It refuses at once what a granular policy has it ask about.
    AsksForNoCategory,
    /// Its sandbox never stops a connection.
    OpensTheNetwork,
    /// Its sandbox always stops a connection.
    ClosesTheNetwork,
    /// It takes a profile for the one that it extends.
    ForgetsTables,
    /// It has full access in the turns that no client starts.
    OpensOtherTurns,
    /// It sends the requests of a running turn to the other reviewer.
    SwapsReviewersInOtherTurns,
}

impl Enforcement {
    /// What comes of a probe in a turn with this policy.
    pub(super) fn probe(
        self,
        step: &Step,
        thread: ThreadLabel,
        turn: (&Policy, &Profiles),
    ) -> Option<Observation> {
        let ProbeScript { probe, consent } = step.probe()?;
        let (policy, profiles) = turn;
        let reached = self.reach(&self.in_force(policy, step), probe, profiles);
        let approved = match reached {
            Reach::AsksPerson => consent.client,
            Reach::AsksModel => consent.review == Review::Allow,
            Reach::Done | Reach::Refused => false,
        };
        let done = reached == Reach::Done || approved;
        let has_target = probe.leaves_file() || probe == Probe::Connect;
        Some(Observation::Probe {
            thread,
            probe,
            asked: (reached == Reach::AsksPerson).then_some(Question::Command),
            reviewed: reached == Reach::AsksModel,
            landed: has_target.then_some(done),
            upshot: if done { ProbeResultText::Done } else { ProbeResultText::Refused },
            unsandboxed: false,
        })
    }

    /// The policy that it has in force in the turn of this step.
    fn in_force(self, policy: &Policy, step: &Step) -> Policy {
        let mut policy = policy.clone();
        let own = matches!(step, Step::Run(_));
        match self {
            Enforcement::OpensOtherTurns if !own => {
                policy.permissions = Permissions::Legacy(Sandbox::FullAccess);
            }
            Enforcement::SwapsReviewersInOtherTurns if !own => {
                policy.reviewer = match policy.reviewer {
                    Reviewer::User => Reviewer::AutoReview,
                    _ => Reviewer::User,
                };
            }
            Enforcement::HasNoCategories if matches!(policy.approval, Approval::Granular(_)) => {
                policy.approval = Approval::OnRequest;
            }
            _ => {}
        }
        policy
    }

    fn reach(self, policy: &Policy, probe: Probe, profiles: &Profiles) -> Reach {
        let plain = |(id, profile): (&String, &Profile)| (id.clone(), Profile::plain(profile.base));
        let reached = if self == Enforcement::ForgetsTables {
            reach(policy, need(probe), &profiles.iter().map(plain).collect())
        } else {
            reach(policy, need(probe), profiles)
        };
        let asks = matches!(reached, Reach::AsksPerson | Reach::AsksModel);
        match self {
            Enforcement::BlocksEverything => Reach::Refused,
            Enforcement::AsksAboutEverything if reached == Reach::Done => Reach::AsksPerson,
            Enforcement::AsksForNoCategory
                if asks && matches!(policy.approval, Approval::Granular(_)) =>
            {
                Reach::Refused
            }
            Enforcement::OpensTheNetwork if need(probe) == Need::Network => Reach::Done,
            Enforcement::ClosesTheNetwork if need(probe) == Need::Network => Reach::Refused,
            _ => reached,
        }
    }
}
