//! [core] Known deviations: what a release does differently, and is excused for.
//!
//! A row names a signature, a range of releases, why it stands, and the case that shows it. A row
//! excuses exactly its signature, so it never hides a different wrong value. A list with a row that
//! is unreasoned, doubled or unreadable is refused whole, with the line at fault. Reads texts only.

use std::collections::BTreeSet;

use semver::{Version, VersionReq};
use serde::Deserialize;
use toml::Spanned;

use crate::judge::signature::{NoSignature, Signature};
use crate::plan::Plan;
use crate::plan::text::Malformed;

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
    /// The releases it holds for; a prerelease counts as its release.
    pub releases: VersionReq,
    /// Why it stands, in a sentence.
    pub reason: Option<String>,
    /// Where it is discussed.
    pub link: Option<String>,
    /// The case file's name.
    pub case: String,
    /// The program that shows it.
    pub plan: Plan,
    /// Whether it shows only sometimes; such a row is never stale.
    pub racy: bool,
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
        /// The line where the row begins, from 1.
        line: usize,
        /// What is wrong with it, and the way out.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deviation: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    signature: String,
    releases: String,
    reason: Option<String>,
    link: Option<String>,
    case: String,
    #[serde(default)]
    racy: bool,
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
        let file: File = toml::from_str(text)?;
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for written in file.deviation {
            let line = text[..written.span().start].lines().count() + 1;
            let bad = |problem: String| BadList::Row { line, problem };
            let written = written.into_inner();
            let key = (written.signature.clone(), written.releases.clone());
            if !seen.insert(key) {
                return Err(bad("the row stands twice; remove one".to_owned()));
            }
            rows.push(row(written, &case).map_err(bad)?);
        }
        Ok(Known { rows })
    }

    /// The row that excuses this signature on this release.
    pub fn excuses(&self, signature: &Signature, release: Option<&Version>) -> Option<&Row> {
        self.on(release).find(|row| row.signature == *signature)
    }

    /// The rows that hold for a release; none for a server that does not say which it is.
    pub fn on(&self, release: Option<&Version>) -> impl Iterator<Item = &Row> {
        let release =
            release.map(|version| Version::new(version.major, version.minor, version.patch));
        self.rows.iter().filter(move |row| {
            release.as_ref().is_some_and(|release| row.releases.matches(release))
        })
    }
}

fn row(written: Written, case: &impl Fn(&str) -> Result<String, String>) -> Result<Row, String> {
    let Written { signature, releases, reason, link, case: path, racy } = written;
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    if !says(&reason) && !says(&link) {
        return Err(format!("{signature} has neither reason nor link; say why it is excused"));
    }
    let parsed = signature.parse().map_err(|error: NoSignature| error.to_string())?;
    let releases = releases
        .parse()
        .map_err(|error| format!("`{releases}` is no range of releases: {error}"))?;
    let plan = case(&path)?
        .parse()
        .map_err(|error: Malformed| format!("the case {path} cannot be read: {error}"))?;
    Ok(Row { signature: parsed, releases, reason, link, case: path, plan, racy })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Known;

    const CASE: &str = "# heirloom case v1\nconfig\naudit\n";

    fn check(list: &str, expected: Expect) {
        let read = Known::parse(list, |_| Ok(CASE.to_owned()));
        expected.assert_eq(&match read {
            Ok(known) => format!("{} rows", known.rows.len()),
            Err(error) => error.to_string(),
        });
    }

    fn row(signature: &str, rest: &str) -> String {
        format!("[[deviation]]\nsignature = \"{signature}\"\ncase = \"a.case\"\n{rest}\n")
    }

    #[test]
    fn a_row_with_a_reason_is_read() {
        let list = row("R4/AP/resume/never/config", "releases = \"<0.150.0\"\nreason = \"x\"");
        check(&list, expect!["1 rows"]);
    }

    #[test]
    fn a_row_without_reason_or_link_is_refused() {
        let list = row("R4/AP/resume/never/config", "releases = \"<0.150.0\"");
        check(
            &list,
            expect![[r#"
                line 1: R4/AP/resume/never/config has neither reason nor link; say why it is excused"#]],
        );
    }

    #[test]
    fn a_row_that_stands_twice_is_refused_with_its_line() {
        let once = row("R4/AP/resume/never/config", "releases = \"*\"\nreason = \"x\"");
        check(&format!("{once}{once}"), expect!["line 6: the row stands twice; remove one"]);
    }

    #[test]
    fn a_signature_that_is_none_is_refused() {
        let list = row("R4/AP", "releases = \"*\"\nreason = \"x\"");
        check(
            &list,
            expect![[r#"
                line 1: `R4/AP` is no signature; expected clause/dimension/kind/form/origin, as `R4/AP/resume/never/config`"#]],
        );
    }

    #[test]
    fn the_list_that_is_built_in_can_be_read() {
        let known = Known::embedded();
        assert!(known.rows.iter().all(|row| row.plan.lines() > 0), "every case has lines");
    }
}
