//! Known deviations: what a release does differently, and is excused for.
//!
//! A row names a signature, the wrong forms that are seen, a range of releases, why it stands, and
//! the case that shows it. A row excuses exactly that, so it never hides a different wrong value. A
//! list with a row that cannot be defended is refused whole, with the line at fault. Reads texts
//! only.

use semver::Version;

use crate::judge::Finding;
use crate::judge::signature::Signature;
use crate::program::Program;
use crate::program::ops::restart::Server;
use crate::program::release_range::ReleaseRange;

pub mod day;
pub mod upgraded_homes;
mod read;
#[cfg(test)]
mod tests;
pub mod update;

use self::day::Day;

/// The list of the repository, as it stood when this was built.
const EMBEDDED: &str = include_str!("../ci/known.toml");

/// The case files of the repository, as they stood when this was built.
static CASES: include_dir::Dir = include_dir::include_dir!("$CARGO_MANIFEST_DIR/tests/cases");

/// A list of known deviations.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its rows, in the order of the file.
    pub rows: Vec<Row>,
}

/// One known deviation.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it excuses.
    pub signature: Signature,
    /// The forms of the wrong value that it excuses; empty where the clause is about no value.
    pub seen: Vec<String>,
    /// The releases it holds for; a prerelease counts as its release.
    pub releases: ReleaseRange,
    /// The other releases of which one must have had the home before, where it holds for such
    /// homes alone.
    pub from: Option<ReleaseRange>,
    /// Why it stands, in a sentence.
    pub reason: Option<String>,
    /// Where it is discussed.
    pub link: Option<String>,
    /// The case file's name.
    pub case: String,
    /// The program that shows it.
    pub program: Program,
    /// Whether it shows only sometimes; such a row is never stale.
    pub racy: bool,
    /// The day after which it is to be looked at again.
    pub expires: Option<Day>,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadList {
    /// The text is no list.
    #[error("the list of known deviations cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// A row that is refused.
    #[error("line {line}: {problem}")]
    Row {
        /// The line at fault, from 1.
        line: usize,
        /// What is wrong with it, and the way out.
        problem: String,
    },
}

impl Row {
    /// Whether a finding is what this row is about, whatever was seen: of its signature, and on a
    /// home such as it wants.
    pub fn shows_in(&self, finding: &Finding) -> bool {
        let before = &finding.residence.before;
        let from = |range: &ReleaseRange| before.iter().any(|release| range.contains(release));
        self.signature == finding.signature() && self.from.as_ref().is_none_or(from)
    }

    fn is_due(&self, checked: Option<&Version>) -> bool {
        let Some(from) = &self.from else {
            return checked.is_some_and(|release| self.releases.contains(release));
        };
        let run = |server: &Server| match server {
            Server::Main => checked.cloned(),
            Server::Release(release) => Some(release.clone()),
        };
        let first = std::iter::once(self.program.begins_on());
        let ran: Vec<Version> = first.chain(self.program.residents()).filter_map(run).collect();
        let after = |at: usize| ran[..at].iter().any(|one| *one != ran[at] && from.contains(one));
        (0..ran.len()).any(|at| self.releases.contains(&ran[at]) && after(at))
    }
}

impl Known {
    /// The list that is built in.
    pub fn embedded() -> Known {
        let case = |name: &str| CASES.get_file(name).and_then(|file| file.contents_utf8());
        let found = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            case(name).map(str::to_owned).ok_or_else(|| format!("no case {name} is built in"))
        };
        Known::parse(EMBEDDED, found).expect("a test reads the list that is built in")
    }

    /// Reads a list; `case` gives the text of a case file by its path as the list spells it.
    ///
    /// # Errors
    /// A text that is no list, or a row that is refused.
    pub fn parse(
        text: &str,
        case: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Known, BadList> {
        read::list(text, &case)
    }

    /// The row that excuses this finding on the release that ran where it showed.
    pub fn excuses(&self, finding: &Finding) -> Option<&Row> {
        self.on(finding.residence.release.as_ref()).find(|row| {
            let form = finding.seen_form.as_ref();
            row.shows_in(finding) && form.is_none_or(|form| row.seen.contains(form))
        })
    }

    /// The rows that hold for a release; none for a server that does not say which it is.
    pub fn on(&self, release: Option<&Version>) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| release.is_some_and(|release| row.releases.contains(release)))
    }

    /// The rows whose own case is to show them where this release is checked: its releases run
    /// there, and after one that it wants before it.
    pub fn due(&self, checked: Option<&Version>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_due(checked))
    }

    /// The rows that are to be looked at again, today being this day.
    pub fn expired(&self, today: Day) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.expires.is_some_and(|day| day < today))
    }
}
