//! What can be compared with a release, and what the configs so far mean to it.

use itertools::Itertools;
use semver::Version;

use crate::contract::Clause;
use crate::model::World;
use crate::policy::profile::lists_hosts;
use crate::policy::{Defaults, Profiles};

/// The first release that sends `thread/settings/updated`.
const NOTICES_SINCE: (u64, u64) = (0, 133);

/// The first release that is known to take `extends` in a named profile: what one of the home's own
/// means to those before is not known.
const EXTENDS_SINCE: (u64, u64) = (0, 136);

/// The first release that is known to let a profile allow an address of loopback: those before want
/// all local addresses allowed for it.
const HOSTS_SINCE: (u64, u64) = (0, 155);

/// The last minor version that is known to have the approval policy `on-failure`; 0.144 lacks it.
const ON_FAILURE_UNTIL: (u64, u64) = (0, 136);

#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Whether the server sends `thread/settings/updated`.
    pub notices: bool,
    /// Whether a thread may have the approval policy `on-failure`.
    pub on_failure: bool,
    /// The named profiles, as config.toml last defined them.
    pub profiles: Profiles,
    /// Those that have meant one thing throughout: the contract does not say what a loaded thread
    /// makes of a profile that is redefined.
    pub settled: Profiles,
    /// Whether model contexts and probes follow from the policy: on a full disk a thread may be
    /// loaded in part, and no file is written.
    pub disk_works: bool,
    /// Whether it follows from the policy which connections are open: where one config lists hosts
    /// and another does not, a proxy that a loaded thread has or lacks decides.
    pub network_is_known: bool,
}

impl Capabilities {
    /// What a release can be asked for; an unknown release, for everything.
    pub fn of(release: Option<&Version>) -> Capabilities {
        Capabilities {
            notices: is_since(release, NOTICES_SINCE),
            on_failure: release
                .is_none_or(|version| (version.major, version.minor) <= ON_FAILURE_UNTIL),
            profiles: Profiles::new(),
            settled: Profiles::new(),
            disk_works: true,
            network_is_known: true,
        }
    }

    /// The same after these configs, in these worlds.
    pub(super) fn in_worlds(
        release: Option<&Version>,
        defaults: &[Defaults],
        worlds: &[World],
    ) -> Capabilities {
        // A thread may hold a profile that config.toml no longer has: it means what it last did.
        let profiles = defaults.iter().flat_map(|defaults| defaults.profiles.clone());
        let threads = worlds.iter().flat_map(|world| world.threads.values());
        let own: Profiles = threads.filter_map(|thread| thread.own_profile.clone()).collect();
        let profiles = own.into_iter().chain(profiles).collect();
        let hosts = defaults.iter().map(|defaults| lists_hosts(&defaults.profiles));
        let lists: Vec<bool> = hosts.dedup().collect();
        let takes_hosts = is_since(release, HOSTS_SINCE) || !lists.contains(&true);
        let network_is_known = takes_hosts && lists.len() <= 1;
        let disk_works = worlds.iter().all(|world| !world.full);
        let extends = is_since(release, EXTENDS_SINCE);
        let settled = if extends { settled(defaults) } else { Profiles::new() };
        Capabilities {
            profiles,
            settled,
            disk_works,
            network_is_known,
            ..Capabilities::of(release)
        }
    }

    pub(super) fn without_notices(&self) -> Capabilities {
        Capabilities { notices: false, ..self.clone() }
    }

    /// The clauses that cannot be tested.
    pub fn untestable(&self) -> Vec<Clause> {
        if self.notices { Vec::new() } else { vec![Clause::T9] }
    }
}

fn is_since(release: Option<&Version>, since: (u64, u64)) -> bool {
    release.is_none_or(|release| (release.major, release.minor) >= since)
}

/// The profiles that have meant one thing in every config so far.
fn settled(defaults: &[Defaults]) -> Profiles {
    let mut settled: Profiles = defaults.iter().flat_map(|each| each.profiles.clone()).collect();
    settled.retain(|id, base| {
        let mut meanings = defaults.iter().filter_map(|each| each.profiles.get(id));
        meanings.all(|meaning| meaning == base)
    });
    settled
}

#[cfg(test)]
mod tests {
    use super::Capabilities;
    use crate::policy::{Defaults, Profile, Profiles, SandboxMode};

    #[test]
    fn the_meaning_of_a_profile_is_known_since_profiles_extend() {
        let profiles = Profiles::from([("p-ro".to_owned(), Profile::plain(SandboxMode::ReadOnly))]);
        let defaults = [Defaults { profiles: profiles.clone(), ..Defaults::default() }];
        let settled = |release: Option<&str>| {
            let release = release.map(|text| text.parse().expect("it is a release"));
            Capabilities::in_worlds(release.as_ref(), &defaults, &[]).settled
        };
        assert_eq!(settled(Some("0.131.0")), Profiles::new());
        assert_eq!([settled(Some("0.136.0")), settled(None)], [profiles.clone(), profiles]);
    }
}
