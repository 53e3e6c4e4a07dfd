//! How heirloom was called.

use std::path::Path;

use super::finding::ReplayCommands;

/// How heirloom was called, for the commands that a report prints.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The program, such as `target/release/heirloom`.
    pub program: String,
    /// The flags that name the same server to another command.
    pub server_flags: String,
    /// The list of known deviations, as `the built-in list`.
    pub known_list: String,
}

impl Invocation {
    /// How findings are replayed whose files are in a folder.
    pub fn replay_commands(&self, folder: &Path) -> ReplayCommands {
        let flags = self.server_flags.clone();
        ReplayCommands { folder: folder.to_owned(), flags }
    }
}
