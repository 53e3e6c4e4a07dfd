//! What a stand-in remembers of its threads, from one process to the next.
//!
//! It lies in the server's home, so that a restart, a kill and another server on the same home find
//! it. A copy of the home that has only the sessions begins without it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const FILE: &str = "stand-in.json";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Processes so far, this one included.
    pub processes: u32,
    /// Whether the last process came to its end.
    pub ended: bool,
    pub threads: BTreeMap<String, ThreadMemory>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadMemory {
    /// The process in which the thread began.
    pub born: u32,
    /// The thread that it was forked from.
    pub source: Option<String>,
    pub forks: u32,
    pub turns: u32,
    /// The status of its last turn.
    pub last_turn: String,
    /// The methods of the requests about it.
    pub methods: BTreeSet<String>,
    /// What the first answer about it stated.
    pub first: Map<String, Value>,
    /// What was stated last.
    pub last: Map<String, Value>,
    /// What is stated in the place of what is in force, by the key of an answer.
    pub claimed: Map<String, Value>,
}

impl Memory {
    /// What earlier processes in this home remember.
    pub fn load(home: &Path) -> Memory {
        let text = fs::read_to_string(file(home)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Keeps it for the next process.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, home: &Path) -> io::Result<()> {
        fs::write(file(home), serde_json::to_string(self)?)
    }

    /// What is known of a thread.
    pub fn thread(&mut self, id: &str) -> &mut ThreadMemory {
        self.threads.entry(id.to_owned()).or_default()
    }
}

fn file(home: &Path) -> PathBuf {
    home.join(FILE)
}
