//! The rows of threads in the server's state database.
//!
//! A row has an approval policy, as a word or as JSON, and a sandbox, as older releases spell it or
//! as the profile that newer releases keep in its place. Under a profile that is no more than what
//! the profile allows. It has no reviewer and no profile name.
//!
//! Rows are read from a copy of the database with its journal, since SQLite writes beside the file
//! that it opens, and only the server may write to the live home. A home without a database has no
//! rows.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::{EvidenceFile, Stored, ThreadFile, Unread};
use crate::home::Home;
use crate::policy::{Approval, Permissions, Policy, Reviewer, Sandbox};
use crate::protocol::policy::{Places, approval, sandbox};
use crate::protocol::rollout::profile_sandbox;

pub(super) const FILE: EvidenceFile = EvidenceFile { holds_after_kill: false, read };

/// The file's name: this, a version, and the ending.
const PREFIX: &str = "state_";
const ENDING: &str = ".sqlite";

/// The file of the changes that are not in the database file yet.
const JOURNAL: &str = "-wal";

/// Selects the texts of a thread by its id.
const ROW: &str = "SELECT approval_mode, sandbox_policy, cwd FROM threads WHERE id = ?1";

/// A thread without a row is left out.
fn read(home: &Home, threads: &[ThreadFile]) -> Result<Vec<Stored>, Unread> {
    let copy = copied(home).map_err(|error| Unread::File(home.places().home.clone(), error))?;
    let Some((_folder, database)) = copy else { return Ok(Vec::new()) };
    let unrecognised =
        |error: rusqlite::Error| Unread::Unrecognised("the state database", error.to_string());
    rows(&database, threads, home.places()).map_err(unrecognised)
}

fn rows(database: &Path, threads: &[ThreadFile], places: &Places) -> rusqlite::Result<Vec<Stored>> {
    let database = Connection::open(database)?;
    let mut query = database.prepare(ROW)?;
    let mut rows = Vec::new();
    for ThreadFile { id, .. } in threads {
        let texts = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[String; 3]> {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        };
        if let Some(row) = query.query_row([id], texts).optional()? {
            let row = [&row[0], &row[1], &row[2]].map(String::as_str);
            rows.push(Stored { id: id.clone(), policy: Some(policy(row, places)) });
        }
    }
    Ok(rows)
}

/// A copy of the newest database, in a folder that goes with the first of the two.
fn copied(home: &Home) -> io::Result<Option<(tempfile::TempDir, PathBuf)>> {
    let Some(live) = newest(&home.places().home)? else {
        return Ok(None);
    };
    let folder = tempfile::Builder::new().prefix("store").tempdir_in(home.folder())?;
    let path = folder.path().join("state.sqlite");
    fs::copy(&live, &path)?;
    let journal = journal_of(&live);
    if journal.exists() {
        fs::copy(journal, journal_of(&path))?;
    }
    Ok(Some((folder, path)))
}

fn policy(row: [&str; 3], places: &Places) -> Policy {
    let [approval_mode, sandbox_policy, cwd] = row;
    Policy {
        approval: approval_of(approval_mode).unwrap_or(Approval::Open),
        reviewer: Reviewer::Open,
        permissions: Permissions::Legacy(sandbox_of(sandbox_policy, cwd, places)),
        others: BTreeMap::new(),
    }
}

fn approval_of(text: &str) -> Option<Approval> {
    let json = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    (!text.is_empty()).then(|| approval(&json))
}

/// Open where the text cannot be read.
fn sandbox_of(text: &str, cwd: &str, places: &Places) -> Sandbox {
    let Ok(json) = serde_json::from_str(text) else {
        return Sandbox::Open;
    };
    let folder = places.word(cwd);
    profile_sandbox(&json, Some(&folder), places).unwrap_or_else(|| match sandbox(&json, places) {
        Sandbox::Unrecognised(_) => Sandbox::Open,
        sandbox => sandbox,
    })
}

/// The database of the highest version is the one that the server uses.
fn newest(home: &Path) -> io::Result<Option<PathBuf>> {
    let version = |name: &OsStr| -> Option<u32> {
        name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(ENDING)?.parse().ok()
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(home)? {
        let entry = entry?;
        found.extend(version(&entry.file_name()).map(|version| (version, entry.path())));
    }
    Ok(found.into_iter().max().map(|(_, path)| path))
}

fn journal_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(JOURNAL);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use rusqlite::Connection;

    use super::{Stored, ThreadFile, Unread, read};
    use crate::home::Home;
    use crate::home::root::Root;

    const TABLE: &str =
        "CREATE TABLE threads (id TEXT, approval_mode TEXT, sandbox_policy TEXT, cwd TEXT);";

    fn words(rows: Result<Vec<Stored>, Unread>) -> String {
        let line = |Stored { id, policy }: &Stored| {
            let policy = policy.as_ref().expect("a row has a policy");
            format!("{id}: {} {}\n", policy.approval, policy.permissions)
        };
        match rows {
            Ok(rows) => rows.iter().map(line).collect(),
            Err(error) => error.to_string(),
        }
    }

    /// The rows of `a` and `b` after these statements ran on these files.
    fn check(files: &[(&str, &str)], expected: Expect) {
        let place = tempfile::tempdir().expect("a folder can be made");
        let root = Root::below(place.path()).expect("a root can be made");
        let home = Home::new(&root, None).expect("a home can be made");
        // Held open, as by a server that was killed: the changes stay in the journal.
        let mut open = Vec::new();
        for (name, statements) in files {
            let path = home.places().home.join(name);
            let database = Connection::open(path).expect("a database can be made");
            database.pragma_update(None, "journal_mode", "WAL").expect("it has a journal");
            database.execute_batch(statements).expect("the statements are SQL");
            open.push(database);
        }
        let threads = ["a", "b"].map(|id| ThreadFile { id: id.to_owned(), path: None });
        expected.assert_eq(&words(read(&home, &threads)));
    }

    #[test]
    fn a_row_is_read_out_of_the_journal_of_the_newest_database() {
        let row = r#"INSERT INTO threads VALUES ('b', 'untrusted', '{"type":"disabled"}', '/ws');"#;
        let old = r#"INSERT INTO threads VALUES ('a', 'never', '{"type":"read-only"}', '/ws');"#;
        check(
            &[
                ("state_10.sqlite", &format!("{TABLE}{row}")),
                ("state_5.sqlite", &format!("{TABLE}{old}")),
            ],
            expect![[r#"
                b: untrusted danger-full-access
            "#]],
        );
    }

    #[test]
    fn each_release_spells_a_row_its_own_way() {
        let rows = r#"
            INSERT INTO threads VALUES ('a', '{"granular":{"rules":true}}',
                '{"type":"external","network":"enabled"}', '/ws');
            INSERT INTO threads VALUES ('b', '', '{"type":"workspace-write","network_access":true}', '/ws');
        "#;
        check(
            &[("state_5.sqlite", &format!("{TABLE}{rows}"))],
            expect![[r#"
                a: granular(rules) external+network
                b: open workspace-write+network
            "#]],
        );
    }

    #[test]
    fn the_folder_of_a_managed_profile_is_no_root() {
        let row = r#"INSERT INTO threads VALUES ('a', 'never', '{"type":"managed","file_system":
            {"entries":[{"access":"write","path":{"path":"/else"}}]}}', '/else');"#;
        check(
            &[("state_5.sqlite", &format!("{TABLE}{row}"))],
            expect![[r#"
            a: never workspace-write+exclude_tmpdir+exclude_slash_tmp
        "#]],
        );
    }

    #[test]
    fn a_home_without_a_database_has_no_rows() {
        check(&[], expect![""]);
    }

    #[test]
    fn a_database_with_an_unknown_schema_is_reported() {
        check(
            &[("state_6.sqlite", "CREATE TABLE threads (id TEXT);")],
            expect![
                "cannot read the state database: no such column: approval_mode in SELECT approval_mode, sandbox_policy, cwd FROM threads WHERE id = ?1 at offset 7"
            ],
        );
    }
}
