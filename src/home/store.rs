//! The rows of threads in the server's state database.
//!
//! They are read from a copy of the database with its journal, since SQLite writes beside the file
//! that it opens, and only the server may write to the live home. No server may run meanwhile, or
//! the copy may be half written. A home without a database has no rows.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::{Connection, OptionalExtension};

use super::Home;
use crate::protocol::store::{ROW, Stored, read};

/// The file's name: this, a version, and the ending.
const PREFIX: &str = "state_";
const ENDING: &str = ".sqlite";

/// The file of the changes that are not in the database file yet.
const JOURNAL: &str = "-wal";

/// A state database that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file that cannot be copied.
    #[error("cannot copy the state database: {0}")]
    Copy(#[from] io::Error),
    /// A file that is not a database, or has an unknown schema.
    #[error("cannot read the state database: {0}")]
    Unrecognised(#[from] rusqlite::Error),
}

impl Home {
    /// The rows of these threads, by id; a thread without a row is left out.
    ///
    /// # Errors
    /// A database that cannot be copied, or has an unknown schema.
    pub fn stored(&self, threads: &[String]) -> Result<Vec<(String, Stored)>, StoreError> {
        let Some(live) = newest(&self.places.home)? else {
            return Ok(Vec::new());
        };
        let copied = tempfile::Builder::new().prefix("store").tempdir_in(&self.folder)?;
        let path = copied.path().join("state.sqlite");
        fs::copy(&live, &path)?;
        let journal = journal_of(&live);
        if journal.exists() {
            fs::copy(journal, journal_of(&path))?;
        }
        let database = Connection::open(&path)?;
        let mut query = database.prepare(ROW)?;
        let mut rows = Vec::new();
        for id in threads {
            let texts = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[String; 3]> {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?])
            };
            if let Some(row) = query.query_row([id], texts).optional()? {
                let texts = [&row[0], &row[1], &row[2]].map(String::as_str);
                rows.push((id.clone(), read(texts, &self.places)));
            }
        }
        Ok(rows)
    }
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

    use super::{Home, StoreError, Stored};
    use crate::home::root::Root;

    const TABLE: &str =
        "CREATE TABLE threads (id TEXT, approval_mode TEXT, sandbox_policy TEXT, cwd TEXT);";

    fn words(rows: Result<Vec<(String, Stored)>, StoreError>) -> String {
        let line = |(id, Stored { approval, sandbox }): &(String, Stored)| {
            let approval = approval.as_ref().map_or("none".to_owned(), ToString::to_string);
            let sandbox = sandbox.as_ref().map_or("none".to_owned(), ToString::to_string);
            format!("{id}: {approval} {sandbox}\n")
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
        expected.assert_eq(&words(home.stored(&["a".to_owned(), "b".to_owned()])));
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
                b: none workspace-write+network
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
