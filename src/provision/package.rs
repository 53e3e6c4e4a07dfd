//! A package to fetch, and a package that npm or pip brought.

use std::path::PathBuf;

use semver::Version;

use crate::provision::pins::Pinned;
use crate::provision::{Client, Clients};

pub(super) struct Request<'a> {
    pub(super) clients: &'a Clients,
    pub(super) version: &'a Version,
    /// npm's name of this machine.
    pub(super) platform: &'static str,
    pub(super) pinned: Option<Pinned>,
}

pub(super) struct Package {
    pub(super) client: Client,
    pub(super) file: PathBuf,
    /// `None` where only the client has checked the package.
    pub(super) expected: Option<ExpectedDigest>,
}

pub(super) struct ExpectedDigest {
    pub(super) digest: String,
    /// Who states it, for errors.
    pub(super) authority: &'static str,
}

impl Request<'_> {
    /// The release and the platform, for errors.
    pub(super) fn name(&self) -> String {
        format!("{} for {}", self.version, self.platform)
    }
}
