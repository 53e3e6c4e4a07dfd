//! Several servers on one home, one after another.
//!
//! The bench has the server that is checked and the others that plans name; a restart that names
//! one starts that one, by its own schema, and the trace says which release goes on. A release that
//! the bench does not have is trouble of ours, told before anything is run.

use std::io;
use std::path::Path;

use semver::Version;

use super::session::Site;
use super::steps::Run;
use super::{Installed, TestBed};
use crate::home::Home;
use crate::program::Program;
use crate::program::ops::restart::Server;
use crate::trace::Observation;

/// A server's place on the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerSlot {
    /// The server that is checked.
    Main,
    /// Another one, by its number.
    Other(usize),
}

impl TestBed {
    /// Whether a plan can be run: every release that it names is here.
    pub fn has(&self, program: &Program) -> bool {
        self.lacks(program).is_none()
    }

    /// The first release of a plan that is not here.
    fn lacks(&self, program: &Program) -> Option<Version> {
        let named = program.releases().into_iter();
        named.map(Server::Release).find_map(|server| match (self.place(&server), server) {
            (None, Server::Release(release)) => Some(release),
            _ => None,
        })
    }

    /// Where a plan begins, if every release that it names is here.
    pub(super) fn places(&self, program: &Program) -> Result<ServerSlot, String> {
        match (self.lacks(program), self.place(program.begins_on())) {
            (None, Some(place)) => Ok(place),
            (lacks, _) => {
                let release = lacks.map_or(String::new(), |release| release.to_string());
                Err(format!(
                    "the program goes on with codex {release} (`server={release}`), which was not \
                     made ready; give it with --other {release}"
                ))
            }
        }
    }

    pub(super) fn place(&self, server: &Server) -> Option<ServerSlot> {
        let Server::Release(release) = server else {
            return Some(ServerSlot::Main);
        };
        let is = |installed: &Installed| installed.version.as_ref() == Some(release);
        match is(&self.main) {
            true => Some(ServerSlot::Main),
            false => self.others.iter().position(is).map(ServerSlot::Other),
        }
    }

    pub(super) fn installed(&self, place: ServerSlot) -> &Installed {
        match place {
            ServerSlot::Main => &self.main,
            ServerSlot::Other(number) => &self.others[number],
        }
    }

    /// A new home of a server, as prepared.
    pub(super) fn home_of(&self, place: ServerSlot) -> io::Result<Home> {
        Home::new(&self.root, Some(&self.installed(place).template))
    }

    /// What a session of a server on a home is started with.
    pub(super) fn site<'a>(&'a self, place: ServerSlot, home: &'a Home) -> Site<'a> {
        let executable: &Path = &self.installed(place).executable;
        Site { executable, home, timeouts: self.timeouts }
    }
}

impl Run<'_> {
    /// What another session of the present server is started with, on this home.
    pub(super) fn site<'s>(&'s self, home: &'s Home) -> Site<'s> {
        self.test_bed.site(self.seat.runs, home)
    }

    /// Which release runs now.
    pub(super) fn release(&self) -> Option<&Version> {
        self.test_bed.installed(self.seat.runs).version.as_ref()
    }

    /// From here on this server runs on the home.
    pub(super) fn goes_on_with(&mut self, server: &Server) {
        let place = self.test_bed.place(server).expect("a plan that lacks a release is not run");
        self.seat.runs = place;
        let Installed { version, schema, .. } = self.test_bed.installed(place);
        self.record.seen(Observation::Server { release: version.clone() });
        self.validity.becomes(schema.as_deref());
        self.record.all_seen(self.validity.begin());
    }
}
