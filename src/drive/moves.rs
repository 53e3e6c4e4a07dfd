//! [edge] Several servers on one home, one after another.
//!
//! The bench has the server that is checked and the others that plans name; a restart that names
//! one starts that one, by its own schema, and the trace says which release goes on. A release that
//! the bench does not have is trouble of ours, told before anything is run.

use std::io;
use std::path::Path;

use semver::Version;

use super::session::Site;
use super::steps::Run;
use super::{Bench, Installed};
use crate::disk::Home;
use crate::plan::{Plan, Server};
use crate::trace::What;

/// A server's place on the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The server that is checked.
    Main,
    /// Another one, by its number.
    Other(usize),
}

impl Bench {
    /// Whether a plan can be run: every release that it names is here.
    pub fn has(&self, plan: &Plan) -> bool {
        self.lacks(plan).is_none()
    }

    /// The first release of a plan that is not here.
    fn lacks(&self, plan: &Plan) -> Option<Version> {
        let named = plan.releases().into_iter();
        named.map(Server::Release).find_map(|server| match (self.place(&server), server) {
            (None, Server::Release(release)) => Some(release),
            _ => None,
        })
    }

    /// Where a plan begins, if every release that it names is here.
    pub(super) fn places(&self, plan: &Plan) -> Result<Place, String> {
        match (self.lacks(plan), self.place(plan.begins_on())) {
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

    pub(super) fn place(&self, server: &Server) -> Option<Place> {
        let Server::Release(release) = server else {
            return Some(Place::Main);
        };
        let is = |installed: &Installed| installed.version.as_ref() == Some(release);
        match is(&self.main) {
            true => Some(Place::Main),
            false => self.others.iter().position(is).map(Place::Other),
        }
    }

    pub(super) fn installed(&self, place: Place) -> &Installed {
        match place {
            Place::Main => &self.main,
            Place::Other(number) => &self.others[number],
        }
    }

    /// A new home of a server, as prepared.
    pub(super) fn home_of(&self, place: Place) -> io::Result<Home> {
        Home::new(&self.root, Some(&self.installed(place).template))
    }

    /// What a session of a server on a home is started with.
    pub(super) fn site<'a>(&'a self, place: Place, home: &'a Home) -> Site<'a> {
        let executable: &Path = &self.installed(place).executable;
        Site { executable, home, patience: self.patience }
    }
}

impl Run<'_> {
    /// What another session of the present server is started with, on this home.
    pub(super) fn site<'s>(&'s self, home: &'s Home) -> Site<'s> {
        self.bench.site(self.seat.runs, home)
    }

    /// Which release runs now.
    pub(super) fn release(&self) -> Option<&Version> {
        self.bench.installed(self.seat.runs).version.as_ref()
    }

    /// From here on this server runs on the home.
    pub(super) fn goes_on_with(&mut self, server: &Server) {
        let place = self.bench.place(server).expect("a plan that lacks a release is not run");
        self.seat.runs = place;
        let Installed { version, schema, .. } = self.bench.installed(place);
        self.record.seen(What::Server { release: version.clone() });
        self.validity.becomes(schema.as_deref());
        self.record.all_seen(self.validity.begin());
    }
}
