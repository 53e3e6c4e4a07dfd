//! Known deviations: differences of a release that are excused.
//!
//! A row names a signature, the wrong values, a range of releases, a reason, and the case that
//! shows it. It excuses exactly that, so it never hides a different wrong value. A list with a row
//! that lacks one of these is refused as a whole, with the line at fault.

use semver::Version;
use toml::value::Date;

use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::ops::restart::Server;
use crate::program::release_range::ReleaseRange;

pub mod evidence;
pub mod explain;
pub mod read;
pub mod record;
pub mod scope;
mod substitution;
pub mod variations;
pub mod words;
#[cfg(test)]
mod tests;
pub mod update;
mod upgraded_homes;

/// The list of the repository, as it stood when this was built.
const EMBEDDED: &str = include_str!("../ci/known.toml");

/// The case files of the repository, as they stood when this was built.
static CASES: include_dir::Dir = include_dir::include_dir!("$CARGO_MANIFEST_DIR/tests/cases");

/// A list of known deviations, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub title: String,
    pub scope: scope::Scope,
    pub signature: Signature,
    /// The forms of the wrong value that it excuses; empty where the clause is not about a value.
    pub seen: Vec<String>,
    /// A prerelease counts as its release.
    pub releases: ReleaseRange,
    /// For a row about upgraded homes: one of these releases must have used the home before.
    pub from: Option<ReleaseRange>,
    pub reason: Option<String>,
    pub link: Option<String>,
    /// The path of the case file, as the list spells it.
    pub case: String,
    /// The program of the case.
    pub program: Program,
    /// Whether it shows only sometimes; such a row is never stale.
    pub racy: bool,
    /// The last day on which it is not stale.
    pub expires: Option<Date>,
    /// The line where it begins, from 1.
    pub line: usize,
}

impl Row {
    /// Whether a finding has the signature of this row, and is on a home such as it is about,
    /// whatever value was seen on whichever release.
    pub fn shows_in(&self, finding: &Finding) -> bool {
        let before = &finding.home_history.before;
        let upgraded = |from: &ReleaseRange| before.iter().any(|release| from.contains(release));
        self.signature == finding.signature() && self.from.as_ref().is_none_or(upgraded)
    }

    fn excuses(&self, finding: &Finding) -> bool {
        let release = finding.home_history.release.as_ref();
        self.shows_in(finding)
            && self.holds_on(release)
            && finding.seen_form.as_ref().is_none_or(|form| self.seen.contains(form))
    }

    /// Whether it holds on a release; never on a server that does not say its release.
    pub fn holds_on(&self, release: Option<&Version>) -> bool {
        release.is_some_and(|release| self.releases.contains(release))
    }

    /// Whether its own case must show it where this release is checked.
    fn is_due(&self, checked: Option<&Version>) -> bool {
        let Some(from) = &self.from else {
            return self.holds_on(checked);
        };
        let release = |server: &Server| match server {
            Server::Main => checked.cloned(),
            Server::Release(release) => Some(release.clone()),
        };
        let first = std::iter::once(self.program.begins_on());
        let ran: Vec<Version> = first.chain(self.program.residents()).filter_map(release).collect();
        let upgraded =
            |at: usize| ran[..at].iter().any(|one| *one != ran[at] && from.contains(one));
        (0..ran.len()).any(|at| self.releases.contains(&ran[at]) && upgraded(at))
    }
}

impl Known {
    /// The list that is built in.
    pub fn embedded() -> Known {
        let case = |path: &str| {
            let name = path.strip_prefix("../tests/cases/").unwrap_or(path);
            let text = CASES.get_file(name).and_then(|file| file.contents_utf8());
            text.map(str::to_owned).ok_or_else(|| format!("no case {name} is built in"))
        };
        Known::parse(EMBEDDED, case).expect("a test reads the list that is built in")
    }

    /// The row that excuses this finding on the release that ran where it showed.
    pub fn excuses(&self, finding: &Finding) -> Option<&Row> {
        self.rows.iter().find(|row| row.excuses(finding))
    }

    /// The rows whose own case must show them where this release is checked: one of their releases
    /// runs in the case, for a row about upgraded homes after one of the releases in `from`.
    pub fn due(&self, checked: Option<&Version>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_due(checked))
    }

    pub fn expired(&self, today: Date) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.expires.is_some_and(|day| day < today))
    }
}
