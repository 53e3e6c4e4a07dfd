//! Named permission profiles: the built-in one that a profile extends, and what its tables add.
//!
//! A profile is `workspace-write+network+deny-secret` in the text form. What it adds is each one of
//! two: the folder [`SECRET`] may be read or not, the network is open or not.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::words::{UnknownWord, unknown};
use super::{Hosts, Profile, Profiles, SandboxMode};

/// The folder that a profile may deny.
pub const SECRET: &str = "WS/secret";

/// The folder that a profile may have as a further root.
pub const FURTHER_ROOT: &str = "OUT";

/// Whether any of these profiles lists hosts: then a proxy decides about every connection.
pub fn lists_hosts(profiles: &Profiles) -> bool {
    profiles.values().any(|profile| profile.hosts != Hosts::All)
}

impl Profile {
    /// A profile that adds nothing to the one that it extends.
    pub fn plain(base: SandboxMode) -> Profile {
        Profile { base, network: false, hosts: Hosts::All, denies_secret: false, has_root: false }
    }

    /// Whether it adds something to the one that it extends.
    pub fn has_tables(self) -> bool {
        self != Profile::plain(self.base)
    }

    /// Whether a connection to loopback is open.
    pub fn opens_network(self) -> bool {
        let network = self.network || self.base == SandboxMode::FullAccess;
        network && self.hosts != Hosts::WithoutLoopback
    }

    /// The same with one addition less, for each of them.
    pub fn simpler(self) -> Vec<Profile> {
        let fewer = [
            Profile::plain(self.base),
            Profile { hosts: Hosts::All, ..self },
            Profile { network: false, hosts: Hosts::All, ..self },
            Profile { denies_secret: false, ..self },
            Profile { has_root: false, ..self },
        ];
        fewer.into_iter().filter(|fewer| *fewer != self).collect()
    }

    /// In the order in which they are printed.
    fn marks(self) -> Vec<&'static str> {
        let marks = [
            (self.network, NETWORK),
            (self.hosts == Hosts::Loopback, ALLOW_LOOPBACK),
            (self.hosts == Hosts::WithoutLoopback, DENY_LOOPBACK),
            (self.denies_secret, DENY_SECRET),
            (self.has_root, ROOT),
        ];
        marks.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark).collect()
    }
}

const NETWORK: &str = "network";
const ALLOW_LOOPBACK: &str = "allow-loopback";
const DENY_LOOPBACK: &str = "deny-loopback";
const DENY_SECRET: &str = "deny-secret";
const ROOT: &str = "root-out";

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)?;
        self.marks().into_iter().try_for_each(|mark| write!(f, "+{mark}"))
    }
}

impl FromStr for Profile {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Profile, UnknownWord> {
        let mut marks = word.split('+');
        let base = marks.next().unwrap_or_default().parse()?;
        let marks: BTreeSet<&str> = marks.collect();
        let has = |mark: &str| marks.contains(mark);
        let hosts = match (has(ALLOW_LOOPBACK), has(DENY_LOOPBACK)) {
            (true, _) => Hosts::Loopback,
            (false, true) => Hosts::WithoutLoopback,
            (false, false) => Hosts::All,
        };
        let profile = Profile {
            base,
            network: has(NETWORK),
            hosts,
            denies_secret: has(DENY_SECRET),
            has_root: has(ROOT),
        };
        if BTreeSet::from_iter(profile.marks()) == marks && (profile.network || hosts == Hosts::All)
        {
            return Ok(profile);
        }
        Err(unknown(
            word,
            "profile",
            "read-only, workspace-write or danger-full-access, with +network, +deny-secret or \
             +root-out, and behind +network with +allow-loopback or +deny-loopback",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn a_profile_reads_back_and_hosts_want_the_network() {
        let words = [
            "read-only",
            "workspace-write+deny-secret+root-out",
            "workspace-write+network+allow-loopback",
            "danger-full-access+network+deny-loopback+deny-secret",
        ];
        let read = words.map(|word| word.parse::<Profile>().expect("it is one").to_string());
        assert_eq!(read, words);
        let odd = ["workspace-write+deny-loopback", "read-only+networks", "mixed"];
        assert!(odd.iter().all(|word| word.parse::<Profile>().is_err()));
    }

    #[test]
    fn each_simpler_profile_has_less() {
        let profile: Profile =
            "workspace-write+network+deny-loopback+deny-secret".parse().expect("it is one");
        let simpler: Vec<String> = profile.simpler().iter().map(ToString::to_string).collect();
        assert_eq!(
            simpler,
            [
                "workspace-write",
                "workspace-write+network+deny-secret",
                "workspace-write+deny-secret",
                "workspace-write+network+deny-loopback",
            ]
        );
    }
}
