//! Single values: defaults, approvals, reviewers, sandboxes.
//!
//! Each kind of value is drawn at large, or so that it differs from the default beside it.

use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use strum::IntoEnumIterator;

use crate::policy::{Approval, Defaults, Granular, Profiles, Reviewer, Sandbox, SandboxMode};
use crate::program::reply::{Consent, Probe, ProbeScript, Review};
use crate::program::thread::{ThreadName, ThreadRef};

/// Of 100 drawn threads, this many never existed.
const UNKNOWN_PERCENT: u32 = 3;

/// The threads that steps are about: a number stands for a thread once the program is normalised.
pub fn threads() -> BoxedStrategy<ThreadRef> {
    let named = (0..8_u16).prop_map(|number| ThreadRef::Thread(ThreadName(number))).boxed();
    let unknown = Just(ThreadRef::Unknown).boxed();
    Union::new_weighted(vec![(100 - UNKNOWN_PERCENT, named), (UNKNOWN_PERCENT, unknown)]).boxed()
}

/// Probes, approved or not.
pub fn probe_scripts() -> BoxedStrategy<ProbeScript> {
    let consents = (any::<bool>(), select(Review::iter().collect::<Vec<_>>()))
        .prop_map(|(client, review)| Consent { client, review });
    (select(Probe::iter().collect::<Vec<_>>()), consents)
        .prop_map(|(probe, consent)| ProbeScript { probe, consent })
        .boxed()
}

/// The same in so many of 100 turns.
pub fn rare_probes(percent: u32) -> BoxedStrategy<Option<ProbeScript>> {
    (0..100_u32, probe_scripts())
        .prop_map(move |(number, script)| (number < percent).then_some(script))
        .boxed()
}

/// The ids of the profiles that config defines in some cases.
pub(super) const PROFILES: [&str; 2] = ["alpha", "beta"];

/// `untrusted` is not a default: releases from 0.149 refuse to start with it.
pub fn defaults(profiles: bool) -> BoxedStrategy<Defaults> {
    let approval = Union::new(vec![
        select(vec![Approval::OnRequest, Approval::Never]).boxed(),
        granulars().prop_map(Approval::Granular).boxed(),
    ]);
    let reviewer = select(vec![Reviewer::User, Reviewer::AutoReview]);
    let defined = if profiles { defined() } else { Just((Profiles::new(), None)).boxed() };
    (approval, reviewer, modes(), any::<bool>(), defined)
        .prop_map(|(approval, reviewer, sandbox, network, (profiles, profile))| Defaults {
            approval,
            reviewer,
            sandbox,
            network,
            profiles,
            profile,
            ..Defaults::default()
        })
        .boxed()
}

/// Profiles, of which one may be missing or mean something else the next time, and which of them
/// is the default, if one is.
fn defined() -> BoxedStrategy<(Profiles, Option<String>)> {
    let each = || (any::<bool>(), any::<bool>(), modes());
    (each(), each(), select(vec![None, None, Some(0), Some(1)]))
        .prop_map(|(first, second, default)| {
            let bases = [first, second].into_iter().zip(PROFILES);
            let defined = bases.filter(|((one, other, _), _)| *one || *other);
            let profiles: Profiles =
                defined.map(|((_, _, base), id)| (id.to_owned(), base)).collect();
            let profile = default.map(|index: usize| PROFILES[index].to_owned());
            let profile = profile.filter(|id| profiles.contains_key(id));
            (profiles, profile)
        })
        .boxed()
}

pub fn approvals() -> BoxedStrategy<Approval> {
    let words = vec![Approval::Untrusted, Approval::OnRequest, Approval::Never];
    let granular = granulars().prop_map(Approval::Granular).boxed();
    Union::new_weighted(vec![(3, select(words).boxed()), (1, granular)]).boxed()
}

pub fn other_approvals(default: &Approval) -> BoxedStrategy<Approval> {
    let words = [Approval::Untrusted, Approval::OnRequest, Approval::Never];
    let words: Vec<Approval> = words.into_iter().filter(|word| word != default).collect();
    match default {
        Approval::Granular(_) => select(words).boxed(),
        _ => {
            let granular = granulars().prop_map(Approval::Granular).boxed();
            Union::new_weighted(vec![(2, select(words).boxed()), (1, granular)]).boxed()
        }
    }
}

pub fn granulars() -> impl Strategy<Value = Granular> {
    any::<[bool; 5]>().prop_map(|[a, b, c, d, e]| Granular {
        sandbox_approval: a,
        rules: b,
        skill_approval: c,
        request_permissions: d,
        mcp_elicitations: e,
    })
}

pub fn reviewers() -> BoxedStrategy<Reviewer> {
    select(vec![Reviewer::User, Reviewer::AutoReview]).boxed()
}

pub fn other_reviewer(default: &Reviewer) -> BoxedStrategy<Reviewer> {
    Just(match default {
        Reviewer::User => Reviewer::AutoReview,
        Reviewer::AutoReview | Reviewer::Unrecognised(_) => Reviewer::User,
    })
    .boxed()
}

pub fn modes() -> impl Strategy<Value = SandboxMode> {
    select(SandboxMode::ALL.to_vec())
}

/// Sandboxes of one mode, with fields; the external one goes with full access, whose place it
/// takes.
pub fn sandbox_of(mode: SandboxMode) -> BoxedStrategy<Sandbox> {
    match mode {
        SandboxMode::ReadOnly => {
            any::<bool>().prop_map(|network| Sandbox::ReadOnly { network }).boxed()
        }
        SandboxMode::WorkspaceWrite => workspaces(),
        SandboxMode::FullAccess => {
            let external = any::<bool>().prop_map(|network| Sandbox::External { network });
            Union::new(vec![Just(Sandbox::FullAccess).boxed(), external.boxed()]).boxed()
        }
    }
}

pub fn sandboxes() -> BoxedStrategy<Sandbox> {
    modes().prop_flat_map(sandbox_of).boxed()
}

pub fn workspaces() -> BoxedStrategy<Sandbox> {
    let roots = Union::new_weighted(vec![(3, Just(None).boxed()), (1, Just(Some("OUT")).boxed())]);
    (any::<[bool; 3]>(), roots)
        .prop_map(|([network, exclude_tmpdir, exclude_slash_tmp], root)| {
            let roots = root.into_iter().map(str::to_owned).collect();
            Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
        })
        .boxed()
}
