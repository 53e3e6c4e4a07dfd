//! A list of the old form in the new one.
//!
//! Rows of the old form that share reason, releases and homes are about one cause, and become one
//! row, with the case of the first. The facts of the cause are not in the old form: a person adds
//! them, or a run does.

use super::ids::{of_title, unused};
use super::row_text::{RowText, WIDENING};
use super::{Known, Row};

/// The text of the list in the new form, with the comments at its head.
pub fn converted(text: &str, known: &Known) -> String {
    let is_head = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    let head: Vec<&str> = text.lines().take_while(is_head).collect();
    let head = head.join("\n");
    // The comment about a widening belongs to the row below it.
    let head = head.trim_end().trim_end_matches(WIDENING).trim_end();
    let mut parts: Vec<String> = (!head.is_empty()).then(|| head.to_owned()).into_iter().collect();
    let widens = |line: usize| line > 1 && text.lines().nth(line - 2) == Some(WIDENING);
    let causes = causes(known);
    let lines = causes.iter().map(|cause| {
        let widened = cause.lines.iter().any(|line| widens(*line));
        RowText::of(&cause.row, widened).lines().join("\n")
    });
    parts.extend(lines);
    format!("{}\n", parts.join("\n\n"))
}

/// A row, and where the rows that it was made of begin.
struct Merged {
    row: Row,
    lines: Vec<usize>,
}

fn causes(known: &Known) -> Vec<Merged> {
    let mut causes: Vec<Merged> = Vec::new();
    for row in &known.rows {
        match causes.iter_mut().find(|cause| is_same(&cause.row, row)) {
            None => causes.push(Merged { row: row.clone(), lines: vec![row.line] }),
            Some(cause) => cause.take(row),
        }
    }
    let mut named: Vec<String> = Vec::new();
    for cause in &mut causes {
        if cause.lines.len() > 1 {
            cause.row.id = of_title(&cause.row.title);
        }
        cause.row.id = unused(&cause.row.id, &named);
        named.push(cause.row.id.clone());
    }
    causes
}

/// Whether two rows are about one cause. What is about a value is apart from what is not.
fn is_same(one: &Row, other: &Row) -> bool {
    let about_value = |row: &Row| !row.scope.dimensions.is_empty();
    one.title == other.title
        && one.scope.facts == other.scope.facts
        && about_value(one) == about_value(other)
        && (&one.reason, &one.link) == (&other.reason, &other.link)
        && (&one.releases, &one.repaired, &one.from)
            == (&other.releases, &other.repaired, &other.from)
        && one.expires == other.expires
}

impl Merged {
    fn take(&mut self, row: &Row) {
        let (scope, more) = (&mut self.row.scope, row.scope.clone());
        scope.clauses.extend(more.clauses);
        scope.operations.extend(more.operations);
        scope.dimensions.extend(more.dimensions);
        scope.expected.extend(more.expected);
        scope.wrong.extend(more.wrong);
        scope.seen.extend(more.seen);
        self.lines.push(row.line);
        // The case of a row that shows each time is the better one.
        if self.row.racy && !row.racy {
            self.row.racy = false;
            self.row.case.clone_from(&row.case);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::converted;
    use crate::cause::Known;

    /// The list of 0.169.0 as it was before rows were about causes.
    const OLD: &str = include_str!("../../tests/known/old-form.toml");

    const CASE: &str = "# heirloom case v2\nconfig\nrestart graceful release=0.144.4\naudit\n";

    fn known(text: &str) -> Known {
        Known::parse(text, |_| Ok(CASE.to_owned())).expect("it is a list")
    }

    #[test]
    fn a_list_of_the_old_form_becomes_a_row_for_each_reason() {
        let old = known(OLD);
        let new = converted(OLD, &old);
        let again = known(&new);
        let ids: Vec<&str> = again.rows.iter().map(|row| row.id.as_str()).collect();
        expect![[r#"
            172 rows became 36:
            r8-sb-resume-workspace-write-config
            r8-sb-resume-external-config
            f1-sb-fork-workspace-write-config
            f1-sb-fork-external-config
            f4-sb-resume-workspace-write-config
            r11-sb-resume-workspace-write-config
            t5-revert-loaded-unknown
            workspace-write-and-external-sandboxes-are-not
            r10-cwd-resume-cwd-unknown
            a-fork-ignores-config-approval-policy-in-its
            a-fork-takes-configs-sandbox-where-its-source
            a-thread-that-begins-with-a-name-or-a-shell
            w4-review-turn-unknown
            f6-dp-fork-plugins-unknown
            o10-sb-subagent-turn-read-only-unknown
            a-thread-that-is-archived-before-its-first-turn
            o10-ap-subagent-turn-untrusted-unknown
            a-null-servicetier-clears-the-tier-outside
            a-subagent-keeps-the-policy-that-it-was-spawned
            after-a-turn-that-failed-a-resume-of-an-idle
            a-subagent-keeps-its-wider-policy-after-its
            r8-sb-resume-danger-full-access-config
            f1-sb-fork-danger-full-access-config
            u3-sb-resume-danger-full-access-config
            r6-pp-resume-profile-config
            f1-pp-fork-profile-config
            r4-resume-accepted-unknown
            f1-fork-accepted-unknown
            r8-sb-resume-read-only-config
            f1-sb-fork-read-only-config
            r5-rv-resume-auto-review-config
            f1-rv-fork-auto-review-config
            a-thread-whose-first-history-a-kill-broke-off-or
            a-thread-that-is-archived-before-its-first-turn-2
            a-thread-that-begins-with-a-name-or-a-shell-2
            r12-ap-resume-never-config"#]]
        .assert_eq(&format!("{} rows became {}:\n{}", old.rows.len(), ids.len(), ids.join("\n")));
        assert_eq!(converted(&new, &again), new, "a list of the new form stays as it is");
    }

    #[test]
    fn comments_at_the_head_stay_and_a_widening_goes_with_its_row() {
        let old = "# Ours.\n\n# WIDENED: see SECURITY.md before publishing\n[[deviation]]\n\
            signature = \"R4/AP/resume/untrusted/config\"\nseen = \"never\"\nreleases = \"0.169.0\"\n\
            reason = \"it forgets\"\ncase = \"a.case\"\nracy = true\n\n[[deviation]]\n\
            signature = \"R5/RV/fork/user/unknown\"\nseen = \"auto_review\"\n\
            releases = \"0.169.0\"\nreason = \"it forgets\"\ncase = \"b.case\"\n";
        expect![[r##"
            # Ours.

            # WIDENED: see SECURITY.md before publishing
            [[cause]]
            id = "it-forgets"
            title = "it forgets"
            clauses = ["R4", "R5"]
            operations = ["fork", "resume"]
            dimensions = ["AP", "RV"]
            expected = ["untrusted", "user"]
            wrong = ["config", "before", "unset", "unknown"]
            seen = ["auto_review", "never"]
            releases = "0.169.0"
            reason = "it forgets"
            case = "b.case"
        "##]]
        .assert_eq(&converted(old, &known(old)));
    }
}
