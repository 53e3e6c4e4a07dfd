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
            Err(error) => return Err(Unread::File("rollout", error)),
        };
        all.push(Stored { id: id.clone(), policy });
    }
    Ok(all)
}
