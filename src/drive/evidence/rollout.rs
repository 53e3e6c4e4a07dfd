//! The last settings in each thread's own file.

use std::{fs, io};

use super::{EvidenceFile, Stored, ThreadFile, Unread};
use crate::home::Home;
use crate::protocol::rollout;

pub(super) const FILE: EvidenceFile = EvidenceFile { holds_after_kill: true, read };

fn read(home: &Home, threads: &[ThreadFile]) -> Result<Vec<Stored>, Unread> {
    let mut all = Vec::new();
    for ThreadFile { id, path } in threads {
        let Some(path) = path else { continue };
        let policy = match fs::read(path) {
            Ok(bytes) => rollout::policy(&String::from_utf8_lossy(&bytes), id, home.places()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Unread::File(path.clone(), error)),
        };
        all.push(Stored { id: id.clone(), policy });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{ThreadFile, read};
    use crate::home::Home;
    use crate::home::root::Root;

    #[test]
    fn a_rollout_that_cannot_be_read_is_named_and_one_that_is_gone_holds_nothing() {
        let place = tempfile::tempdir().expect("a folder can be made");
        let root = Root::below(place.path()).expect("a root can be made");
        let home = Home::new(&root, None).expect("a home can be made");
        let of = |path| read(&home, &[ThreadFile { id: "a".to_owned(), path: Some(path) }]);
        let gone = of(place.path().join("gone")).expect("a file may be gone");
        assert_eq!(gone.into_iter().map(|stored| stored.policy).collect::<Vec<_>>(), [None]);
        // A folder is no file that can be read.
        let problem = of(place.path().to_owned()).map(drop).expect_err("a folder has no lines");
        let begins = format!("cannot read {}: ", place.path().display());
        assert!(problem.to_string().starts_with(&begins), "{problem}");
    }
}
