//! The order "allows more than" between two policies.
//!
//! A policy allows more than another where some deed gets further under it: refused, a person is
//! asked, a reviewing model is asked, done at once. The deeds are a harmless command, writes here
//! and there, the network, and the categories of a granular policy. The order is partial: each of
//! two policies may allow more than the other.

use super::profile::{FURTHER_ROOT, lists_hosts};
use super::{
    Approval, Granular, Hosts, Permissions, Policy, Profile, Profiles, Reviewer, Sandbox,
    SandboxMode,
};

/// How far a deed gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It is refused, with nobody asked.
    Refused,
    /// A person is asked.
    AsksPerson,
    /// A reviewing model is asked.
    AsksModel,
    /// It is done, with nobody asked.
    Done,
}

/// What a deed needs of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: it changes no file.
    Nothing,
    /// A write into the workspace.
    Inside,
    /// A write outside the workspace and the temporary folders.
    Outside,
    /// A write there, with the wish to leave the sandbox for it.
    Leave,
    /// To read the folder of the workspace that a profile may deny.
    Secret,
    /// A connection.
    Network,
    /// An approval, since a rule wants one.
    Rule,
    /// Permissions, which somebody grants.
    Permissions,
    /// An answer of the user.
    Answer,
}

/// Whether some deed gets further under `seen` than under `due`, where named profiles mean what
/// these say.
pub fn allows_more(seen: &Policy, due: &Policy, profiles: &Profiles) -> bool {
    reaches(seen, profiles).iter().zip(reaches(due, profiles)).any(|(seen, due)| *seen > due)
}

/// Whether a command, a write or a connection gets less far under `seen` than under `due`. What is
/// refused at once in the place of a question does not count: it makes up for no access.
pub fn allows_less(seen: &Policy, due: &Policy, profiles: &Profiles) -> bool {
    let (seen, due) = (reaches(seen, profiles), reaches(due, profiles));
    seen.iter().zip(due).take(ACCESSES).any(|(seen, due)| *seen < due)
}

/// Whether some deed gets further under a policy where named profiles mean what these say `now`
/// than where they meant what they did `then`.
pub fn means_more(policy: &Policy, now: &Profiles, then: &Profiles) -> bool {
    reaches(policy, now).iter().zip(reaches(policy, then)).any(|(now, then)| *now > then)
}

/// How far a deed with this need gets.
pub fn reach(policy: &Policy, need: Need, profiles: &Profiles) -> Reach {
    let [inside, outside, .., network, secret] = open_places(policy, profiles);
    let through = match need {
        Need::Nothing => true,
        Need::Secret => secret,
        Need::Network => network,
        Need::Rule | Need::Permissions | Need::Answer => return of_question(policy, need),
        Need::Inside => inside,
        // Who asks nobody cannot be asked to let a command out, whatever the sandbox lets through.
        Need::Leave => outside && beyond(policy) != Reach::Refused,
        Need::Outside => outside,
    };
    reached(policy, through)
}

/// How far a deed gets that is asked about, whatever the sandbox is.
fn of_question(policy: &Policy, need: Need) -> Reach {
    let [rules, _, permissions, answers] = categories(&policy.approval);
    let asked = match need {
        Need::Permissions => permissions,
        Need::Answer => answers,
        _ => rules,
    };
    match policy.approval {
        _ if !asked => Reach::Refused,
        Approval::Untrusted => Reach::AsksPerson,
        _ if need == Need::Answer => Reach::AsksPerson,
        _ => by_reviewer(policy),
    }
}

/// Whether the sandbox lets a deed with this need through; none where what the permissions mean is
/// not known, or whether the place is in the thread's workspace (WR2), and for the network of a
/// sandbox that is not the server's own.
pub fn lets_through(policy: &Policy, need: Need, profiles: &Profiles) -> Option<bool> {
    if let Some(place) = need.place().filter(|_| is_workspace(&policy.permissions, profiles)) {
        return workspace_has(policy, place, profiles);
    }
    let permissions = &policy.permissions;
    let known = match permissions {
        // Where config lists hosts, a proxy decides about those that no list names.
        _ if need == Need::Network && !hosts_are_known(permissions, profiles) => false,
        // Whether the denied folders of config's profiles are closed to other threads, too, is open.
        Permissions::Legacy(_) if need == Need::Secret => {
            !profiles.values().any(|profile| profile.denies_secret)
        }
        Permissions::Profile(id) => id.starts_with(':') || profiles.contains_key(id),
        Permissions::Legacy(Sandbox::Open | Sandbox::Unrecognised(_)) => false,
        Permissions::Legacy(Sandbox::External { network }) => *network || need != Need::Network,
        Permissions::Legacy(_) => true,
    };
    let [inside, outside, .., network, secret] = open(permissions, profiles);
    // A sandbox that writes nowhere has a /dev of its own, without the RAM disk of a run's folders.
    let hidden = need == Need::Secret && secret && !inside;
    (known && !hidden).then_some(match need {
        Need::Nothing | Need::Rule | Need::Permissions | Need::Answer => true,
        Need::Secret => secret,
        Need::Network => network,
        Need::Inside => inside,
        Need::Outside | Need::Leave => outside,
    })
}

/// How far a deed gets by whether the sandbox lets it through.
fn reached(policy: &Policy, through: bool) -> Reach {
    match (&policy.approval, through) {
        (Approval::Untrusted, _) => Reach::AsksPerson,
        (_, true) => Reach::Done,
        (_, false) => beyond(policy),
    }
}

/// Whether what is known of the hosts decides about loopback.
fn hosts_are_known(permissions: &Permissions, profiles: &Profiles) -> bool {
    let lists = |own: &Profile| own.base != SandboxMode::FullAccess && own.hosts != Hosts::All;
    !lists_hosts(profiles)
        || profile(permissions, profiles).is_some_and(lists)
        || !open(permissions, profiles)[4]
}

/// So many of [`reaches`] are about what a command may reach.
const ACCESSES: usize = 7;

/// Harmless command, write inside, outside, in `$TMPDIR`, in `/tmp`, network, secret; then what a granular
/// policy may refuse at once: leaving a rule, a skill, a request for permissions, a question.
fn reaches(policy: &Policy, profiles: &Profiles) -> [Reach; 11] {
    let open = open(&policy.permissions, profiles);
    let [mut inside, mut outside, tmpdir, slash_tmp, network, secret] = open;
    if is_workspace(&policy.permissions, profiles) {
        (inside, outside) = (policy.owns_folder(), outside || policy.has_further_roots());
    }
    let reach = |open: bool| reached(policy, open);
    let [rules, skills, permissions, questions] = categories(&policy.approval);
    let asked = |asks: bool| if asks { Reach::AsksPerson } else { Reach::Refused };
    [
        reach(true),
        reach(inside),
        reach(outside),
        reach(tmpdir),
        reach(slash_tmp),
        reach(network),
        reach(secret),
        asked(rules),
        asked(skills),
        asked(permissions),
        asked(questions),
    ]
}

/// Which categories besides the sandbox's are asked about.
fn categories(approval: &Approval) -> [bool; 4] {
    match approval {
        Approval::Never => [false; 4],
        Approval::Granular(granular) => [
            granular.rules,
            granular.skill_approval,
            granular.request_permissions,
            granular.mcp_elicitations,
        ],
        _ => [true; 4],
    }
}

/// How far a deed gets that the sandbox does not let through.
fn beyond(policy: &Policy) -> Reach {
    let refused = matches!(
        policy.approval,
        Approval::Never | Approval::Granular(Granular { sandbox_approval: false, .. })
    );
    if refused { Reach::Refused } else { by_reviewer(policy) }
}

/// Who is asked where anybody is.
fn by_reviewer(policy: &Policy) -> Reach {
    match policy.reviewer {
        Reviewer::AutoReview => Reach::AsksModel,
        Reviewer::User | Reviewer::Open | Reviewer::Unrecognised(_) => Reach::AsksPerson,
    }
}

impl Need {
    /// The place that it is about, where it is about one.
    fn place(self) -> Option<&'static str> {
        match self {
            Need::Inside => Some("WS"),
            Need::Outside | Need::Leave => Some("OUT"),
            _ => None,
        }
    }
}

/// Whether the sandbox lets writes into the thread's workspace through, and no others. What a
/// profile allows that is not known is not.
fn is_workspace(permissions: &Permissions, profiles: &Profiles) -> bool {
    match (permissions, profile(permissions, profiles)) {
        (_, Some(profile)) => profile.base == SandboxMode::WorkspaceWrite,
        (Permissions::Profile(id), None) => id == ":workspace",
        (Permissions::Legacy(sandbox), None) => matches!(sandbox, Sandbox::WorkspaceWrite { .. }),
    }
}

/// The profile that the permissions name, where it is one of the home's own.
fn profile<'a>(permissions: &Permissions, profiles: &'a Profiles) -> Option<&'a Profile> {
    match permissions {
        Permissions::Profile(id) => profiles.get(id),
        Permissions::Legacy(_) => None,
    }
}

/// Whether a place lies in the thread's workspace, to which a profile may add a root.
fn workspace_has(policy: &Policy, place: &str, profiles: &Profiles) -> Option<bool> {
    let own = profile(&policy.permissions, profiles);
    let is_root = place == FURTHER_ROOT && own.is_some_and(|profile| profile.has_root);
    if is_root { Some(true) } else { policy.workspace_has(place) }
}

/// What the sandbox lets through by the thread's present folder and roots: the same as [`open`].
/// What is not known counts as open.
fn open_places(policy: &Policy, profiles: &Profiles) -> [bool; 6] {
    let mut all = open(&policy.permissions, profiles);
    if is_workspace(&policy.permissions, profiles) {
        all[0] = workspace_has(policy, "WS", profiles).unwrap_or(true);
        all[1] = workspace_has(policy, "OUT", profiles).unwrap_or(true);
    }
    all
}

/// What the sandbox lets through: a write inside, outside, in `$TMPDIR`, in `/tmp`, the network, and
/// to read the folder that a profile may deny. What has no known form is taken as fully open, so that
/// an unknown value is never told as harmless; a profile as a workspace. A default that is not known
/// yet counts as the least.
fn open(permissions: &Permissions, profiles: &Profiles) -> [bool; 6] {
    match permissions {
        Permissions::Profile(id) => match (id.as_str(), profiles.get(id)) {
            (":read-only", _) => of_mode(SandboxMode::ReadOnly),
            (":danger-full-access", _) => of_mode(SandboxMode::FullAccess),
            (_, Some(profile)) => of_profile(*profile),
            _ => of_mode(SandboxMode::WorkspaceWrite),
        },
        Permissions::Legacy(sandbox) => match sandbox {
            Sandbox::Open => [false, false, false, false, false, true],
            Sandbox::ReadOnly { network } => [false, false, false, false, *network, true],
            Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => {
                [true, !roots.is_empty(), !exclude_tmpdir, !exclude_slash_tmp, *network, true]
            }
            Sandbox::External { network } => [true, true, true, true, *network, true],
            Sandbox::FullAccess | Sandbox::Unrecognised(_) => [true; 6],
        },
    }
}

fn of_mode(mode: SandboxMode) -> [bool; 6] {
    match mode {
        SandboxMode::ReadOnly => [false, false, false, false, false, true],
        SandboxMode::WorkspaceWrite => [true, false, true, true, false, true],
        SandboxMode::FullAccess => [true; 6],
    }
}

fn of_profile(profile: Profile) -> [bool; 6] {
    let [inside, outside, tmpdir, slash_tmp, ..] = of_mode(profile.base);
    let root = profile.has_root && profile.base == SandboxMode::WorkspaceWrite;
    let network = profile.opens_network();
    [inside, outside || root, tmpdir, slash_tmp, network, !profile.denies_secret]
}

#[cfg(test)]
mod tests {
    use super::allows_more;
    use crate::policy::{
        Approval, Permissions, Policy, Profile, Profiles, Reviewer, Sandbox, SandboxMode,
    };

    fn policy(approval: Approval, reviewer: Reviewer, sandbox: Sandbox) -> Policy {
        let others = std::collections::BTreeMap::new();
        Policy { approval, reviewer, permissions: Permissions::Legacy(sandbox), others }
    }

    fn check(seen: (Approval, Sandbox), due: (Approval, Sandbox), more: bool) {
        let seen = policy(seen.0, Reviewer::User, seen.1);
        let due = policy(due.0, Reviewer::User, due.1);
        assert_eq!(allows_more(&seen, &due, &Profiles::new()), more, "{seen:?} beside {due:?}");
    }

    #[test]
    fn a_command_that_was_to_be_asked_for_runs_under_never() {
        let read_only = Sandbox::ReadOnly { network: false };
        check((Approval::Never, read_only.clone()), (Approval::Untrusted, read_only), true);
    }

    #[test]
    fn an_escalation_that_was_to_be_refused_is_asked_under_on_request() {
        let read_only = Sandbox::ReadOnly { network: false };
        let due = (Approval::Never, read_only.clone());
        check((Approval::OnRequest, read_only), due, true);
    }

    #[test]
    fn never_allows_no_more_than_on_request() {
        let read_only = Sandbox::ReadOnly { network: false };
        let due = (Approval::OnRequest, read_only.clone());
        check((Approval::Never, read_only), due, false);
    }

    #[test]
    fn a_workspace_allows_more_than_read_only_and_not_the_reverse() {
        let read_only = || Sandbox::ReadOnly { network: false };
        let never = || Approval::Never;
        check((never(), Sandbox::workspace(false)), (never(), read_only()), true);
        check((never(), read_only()), (never(), Sandbox::workspace(false)), false);
    }

    #[test]
    fn full_access_hides_the_approval_policy_but_not_untrusted() {
        let full = || Sandbox::FullAccess;
        check((Approval::Never, full()), (Approval::OnRequest, full()), false);
        check((Approval::Never, full()), (Approval::Untrusted, full()), true);
    }

    #[test]
    fn a_profile_allows_what_config_says_that_it_means() {
        let profiles = Profiles::from([
            ("p-full".to_owned(), Profile::plain(SandboxMode::FullAccess)),
            ("p-ro".to_owned(), Profile::plain(SandboxMode::ReadOnly)),
        ]);
        let of = |permissions| Policy {
            permissions,
            ..policy(Approval::Never, Reviewer::User, Sandbox::FullAccess)
        };
        let profile = |id: &str| of(Permissions::Profile(id.to_owned()));
        let wider = [
            ("p-full", ":workspace"),
            (":workspace", "p-ro"),
            ("p-ro", ":read-only"),
            (":danger-full-access", "p-full"),
        ]
        .map(|(seen, due)| allows_more(&profile(seen), &profile(due), &profiles));
        assert_eq!(wider, [true, true, false, false]);
        let sandbox = of(Permissions::Legacy(Sandbox::workspace(false)));
        let both = [(&sandbox, "p-ro"), (&sandbox, ":workspace"), (&sandbox, "p-full")]
            .map(|(seen, due)| allows_more(seen, &profile(due), &profiles));
        assert_eq!(both, [true, false, false]);
    }

    #[test]
    fn a_temporary_folder_that_was_to_be_closed_is_more() {
        let never = || Approval::Never;
        let closed = || Sandbox::WorkspaceWrite {
            network: false,
            exclude_tmpdir: true,
            exclude_slash_tmp: true,
            roots: std::collections::BTreeSet::new(),
        };
        check((never(), Sandbox::workspace(false)), (never(), closed()), true);
        check((never(), closed()), (never(), Sandbox::workspace(false)), false);
    }

    #[test]
    fn a_profile_without_its_tables_allows_more_or_less() {
        let profile = |word: &str| ("p".to_owned(), word.parse().expect("it is a profile"));
        let plain = Profiles::from([profile("workspace-write")]);
        let of = Policy {
            permissions: Permissions::Profile("p".to_owned()),
            ..policy(Approval::Never, Reviewer::User, Sandbox::FullAccess)
        };
        let more = |word: &str| {
            let tables = Profiles::from([profile(word)]);
            [super::means_more(&of, &plain, &tables), super::means_more(&of, &tables, &plain)]
        };
        assert_eq!(more("workspace-write+deny-secret"), [true, false]);
        assert_eq!(more("workspace-write+network"), [false, true]);
        assert_eq!(more("workspace-write+root-out"), [false, true]);
        assert_eq!(more("workspace-write+network+deny-loopback"), [false, false]);
    }
}
