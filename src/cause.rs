//! Known deviations: differences of a release that are excused.
//!
//! A row is about a cause. It names the clauses and dimensions in which the cause shows, the facts of
//! the thread that bring it about, where the wrong value comes from, a range of releases, a reason,
//! and the case that shows it. It excuses exactly that, so it hides neither another wrong value nor
//! the same one for another reason. A list with a row that cannot be read is refused as a whole,
//! with the line at fault.

use semver::Version;
use toml::value::Date;

use crate::judge::origin::Origin;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::operation::OpKind;
use crate::program::ops::restart::Server;
use crate::program::release_range::ReleaseRange;

use self::scope::Scope;

pub mod convert;
pub mod evidence;
pub mod explain;
mod form;
mod ids;
mod old_form;
mod parts;
pub mod read;
pub mod record;
pub mod row_text;
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
    /// Words with hyphens; no other row has it.
    pub id: String,
    /// What happens, in plain words.
    pub title: String,
    /// What it explains, whatever the release.
    pub scope: Scope,
    /// A prerelease counts as its release.
    pub releases: ReleaseRange,
    /// The first release that is known not to show it; from there on the same is new.
    pub repaired: Option<Version>,
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

/// The row that explains a finding.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub row: &'a Row,
    /// Whether the release is newer than the last that the row names.
    pub carried: bool,
}

impl Row {
    /// Why it is excused: the reason, or the link where it has none.
    pub fn why(&self) -> &str {
        self.reason.as_deref().or(self.link.as_deref()).unwrap_or_default()
    }

    /// Whether it is about the clients of the SDK, and shows only where one performs the program.
    pub fn is_about_sdk(&self) -> bool {
        self.scope.clauses.iter().any(|clause| clause.is_about_sdk())
    }

    /// A signature with which it may show; what its case shows may have another one.
    pub fn signature(&self) -> Option<Signature> {
        let Scope { clauses, operations, dimensions, expected, wrong, .. } = &self.scope;
        let dimension = dimensions.first().copied();
        let form = || dimension.and_then(|one| one.forms().first().copied()).unwrap_or("any");
        Some(Signature {
            clause: *clauses.first()?,
            dimension,
            kind: operations.first().copied().or_else(|| OpKind::all().first().copied())?,
            form: expected.first().cloned().unwrap_or_else(|| form().to_owned()),
            origin: wrong.first().copied().unwrap_or(Origin::Unknown),
        })
    }

    /// Whether it explains a finding, and the home is such as it is about, on whichever release.
    pub fn shows_in(&self, finding: &Finding) -> bool {
        let before = &finding.home_history.before;
        let upgraded = |from: &ReleaseRange| before.iter().any(|release| from.contains(release));
        self.scope.explains(finding) && self.from.as_ref().is_none_or(upgraded)
    }

    fn excuses(&self, finding: &Finding) -> bool {
        self.holds_on(finding.home_history.release.as_ref()) && self.shows_in(finding)
    }

    /// Whether it holds on a release; never on a server that does not say its release.
    pub fn holds_on(&self, release: Option<&Version>) -> bool {
        release.is_some_and(|release| self.releases.contains(release))
    }

    /// Whether its own case shows it, where this release is checked, on a release that is meant.
    fn is_shown_on(&self, checked: Option<&Version>, is_meant: impl Fn(&Version) -> bool) -> bool {
        let Some(from) = &self.from else {
            return checked.is_some_and(is_meant);
        };
        let release = |server: &Server| match server {
            Server::Main => checked.cloned(),
            Server::Release(release) => Some(release.clone()),
        };
        let first = std::iter::once(self.program.begins_on());
        let ran: Vec<Version> = first.chain(self.program.residents()).filter_map(release).collect();
        let upgraded =
            |at: usize| ran[..at].iter().any(|one| *one != ran[at] && from.contains(one));
        (0..ran.len()).any(|at| is_meant(&ran[at]) && upgraded(at))
    }

    /// Whether it may be carried over to a release: a newer one than those that it names, and older
    /// than the one that repaired it.
    fn carries_to(&self, release: &Version) -> bool {
        self.releases.ends_before(release)
            && self.repaired.as_ref().is_none_or(|repaired| release < repaired)
    }

    fn is_due(&self, checked: Option<&Version>) -> bool {
        self.is_shown_on(checked, |release| self.releases.contains(release))
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

    /// The row that explains this finding: the first that does so on its own releases, else the
    /// first that may be carried over. `checked` stands in where a finding does not say its
    /// release.
    pub fn standing(&self, finding: &Finding, checked: Option<&Version>) -> Option<Standing<'_>> {
        let release = finding.home_history.release.as_ref().or(checked)?;
        let explains = || self.rows.iter().filter(|row| row.shows_in(finding));
        let known = explains().find(|row| row.releases.contains(release));
        let carried = || explains().find(|row| row.carries_to(release));
        let known = known.map(|row| Standing { row, carried: false });
        known.or_else(|| Some(Standing { row: carried()?, carried: true }))
    }

    /// The row that excuses this finding on the release that ran where it showed: the first in the
    /// file that does.
    pub fn excuses(&self, finding: &Finding) -> Option<&Row> {
        self.rows.iter().find(|row| row.excuses(finding))
    }

    /// The rows whose own case must show them where this release is checked: one of their releases
    /// runs in the case, for a row about upgraded homes after one of the releases in `from`.
    pub fn due(&self, checked: Option<&Version>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.is_due(checked))
    }

    /// The rows whose releases are all older than the one that runs in their case where this
    /// release is checked: the deviation may be carried over, or gone.
    pub fn outlived(&self, checked: Option<&Version>) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| {
            !row.is_due(checked) && row.is_shown_on(checked, |release| row.carries_to(release))
        })
    }

    pub fn expired(&self, today: Date) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.expires.is_some_and(|day| day < today))
    }
}
