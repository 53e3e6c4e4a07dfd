//! Single values: defaults, approvals, reviewers, sandboxes.
//!
//! Each kind of value is drawn at large, or so that it differs from the default beside it.

use proptest::prelude::{Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};
use strum::IntoEnumIterator;

use super::shape::Shape;
use crate::policy::{
    Approval, Defaults, Granular, Hosts, Layer, Profile, Profiles, Reviewer, Sandbox, SandboxMode,
    Trust,
};
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

/// Probes, approved or not. What only tables of profiles decide about is tried where programs have
/// them, and often there.
pub fn probe_scripts(shape: &Shape) -> BoxedStrategy<ProbeScript> {
    let consents = (any::<bool>(), select(Review::iter().collect::<Vec<_>>()))
        .prop_map(|(client, review)| Consent { client, review });
    let questions = shape.questions;
    let plain = Probe::iter()
        .filter(|probe| *probe != Probe::ReadSecret)
        .filter(|probe| questions || !probe.is_question());
    let tables = [Probe::ReadSecret, Probe::Connect, Probe::WriteOutside];
    let tables = tables.into_iter().cycle().take(if shape.has_tables() { 9 } else { 0 });
    (select(plain.chain(tables).collect::<Vec<_>>()), consents)
        .prop_map(|(probe, consent)| ProbeScript { probe, consent })
        .boxed()
}

/// The same in so many of 100 turns as the shape says.
pub fn rare_probes(shape: &Shape) -> BoxedStrategy<Option<ProbeScript>> {
    let percent = shape.probe_percent();
    (0..100_u32, probe_scripts(shape))
        .prop_map(move |(number, script)| (number < percent).then_some(script))
        .boxed()
}

/// The ids of the profiles that config defines in some cases.
pub(super) const PROFILES: [&str; 2] = ["alpha", "beta"];

/// Defaults, with profiles and layers of config where the program has them.
pub fn defaults(shape: &Shape) -> BoxedStrategy<Defaults> {
    let none = || Just((Profiles::new(), None)).boxed();
    let defined = if shape.profiles { defined(shape.has_tables()) } else { none() };
    let plain = (full_layer(), any::<bool>(), defined).prop_map(|(user, network, defined)| {
        let (profiles, profile) = defined;
        Defaults { user, network, profiles, profile, ..Defaults::default() }
    });
    if !shape.layers {
        return plain.boxed();
    }
    let trust =
        select(vec![None, Some(Trust::Trusted), Some(Trust::Trusted), Some(Trust::Untrusted)]);
    let roots = select(vec![None, None, Some("OUT".to_owned())]);
    (plain, some_of(2), some_of(1), trust, roots)
        .prop_map(|(plain, user, project, trust, roots)| {
            let roots = roots.into_iter().collect();
            let layered = Defaults { user, project, trust, roots, ..plain.clone() };
            if layered.is_complete() { layered } else { plain }
        })
        .boxed()
}

/// `untrusted` is not a default: releases from 0.149 refuse to start with it.
fn full_layer() -> impl Strategy<Value = Layer> {
    let approval = Union::new(vec![
        select(vec![Approval::OnRequest, Approval::Never]).boxed(),
        granulars().prop_map(Approval::Granular).boxed(),
    ]);
    (approval, reviewers(), modes()).prop_map(|(approval, reviewer, sandbox)| Layer {
        approval: Some(approval),
        reviewer: Some(reviewer),
        sandbox: Some(sandbox),
    })
}

/// A layer that states each value in `of` of 4 cases.
fn some_of(of: u8) -> impl Strategy<Value = Layer> {
    let states = || (0..4_u8).prop_map(move |number| number < of);
    (full_layer(), states(), states(), states()).prop_map(|(full, approval, reviewer, sandbox)| {
        Layer {
            approval: full.approval.filter(|_| approval),
            reviewer: full.reviewer.filter(|_| reviewer),
            sandbox: full.sandbox.filter(|_| sandbox),
        }
    })
}

/// What a profile allows; with tables, one of them in two of three.
fn profiles(tables: bool) -> impl Strategy<Value = Profile> {
    let table = if tables { 0..9_u8 } else { 0..1_u8 };
    (modes(), table).prop_map(|(base, table)| {
        let plain = Profile::plain(base);
        match table {
            3 | 4 => Profile { denies_secret: true, ..plain },
            5 => Profile { network: true, ..plain },
            6 => Profile { has_root: true, ..plain },
            7 => Profile { network: true, hosts: Hosts::Loopback, ..plain },
            8 => Profile { network: true, hosts: Hosts::WithoutLoopback, ..plain },
            _ => plain,
        }
    })
}

/// Profiles, of which one may be missing or mean something else the next time, and which of them
/// is the default, if one is.
fn defined(tables: bool) -> BoxedStrategy<(Profiles, Option<String>)> {
    let each = || (any::<bool>(), any::<bool>(), profiles(tables));
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
        _ => Reviewer::User,
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
