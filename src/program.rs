//! Programs: the defaults in config.toml, then steps in order.
//!
//! Every list of steps is a legal program once it is normalised. A program has a text form, and
//! ends with an audit: a restart, then a cold read of every thread.

use crate::policy::features::FeatureSet;
use crate::policy::{CallOverrides, Defaults};

#[doc(hidden)]
pub mod generate;
pub mod line;
pub mod malformed;
mod normalise;
pub mod operation;
pub mod ops;
pub mod release_range;
mod releases;
pub mod reply;
pub mod request;
pub mod sdk;
pub mod simplify;
pub mod text;
pub mod thread;
mod v1;
mod values;

use self::ops::Step;
use self::ops::disk::Disk;
use self::ops::restart::{Restart, Stop};
use self::ops::resume::Resume;
use self::thread::{ThreadName, ThreadRef};

/// A program; an audit follows its last step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Program {
    /// The defaults that stand in config.toml when the program begins.
    pub defaults: Defaults,
    /// The steps before the audit.
    pub steps: Vec<Step>,
}

impl Program {
    /// The threads that it creates, in order.
    pub fn names(&self) -> Vec<ThreadName> {
        self.steps.iter().flat_map(Step::names).collect()
    }

    /// The same with these features of the server, whatever it said.
    pub fn with_features(mut self, features: FeatureSet) -> Program {
        self.defaults.features = features;
        for step in &mut self.steps {
            if let Step::Configure(configure) = step {
                configure.defaults.features = features;
            }
        }
        self
    }

    /// How many lines it has before its audit, config's not counted.
    pub fn lines(&self) -> usize {
        self.steps.len()
    }

    /// What follows the last line: room on the disk, a restart, then a cold read of every thread.
    pub fn audit(&self) -> Vec<Step> {
        let full = self.steps.contains(&Step::from(Disk { full: true }));
        let room = full.then(|| Step::from(Disk { full: false }));
        let restart = Step::from(Restart::by(Stop::Graceful));
        let read = |name| {
            let (thread, overrides) = (ThreadRef::Thread(name), CallOverrides::default());
            Step::from(Resume { thread, overrides })
        };
        room.into_iter().chain([restart]).chain(self.names().into_iter().map(read)).collect()
    }

    /// Every step that is run: the program's lines, then its audit.
    pub fn with_audit(&self) -> Vec<Step> {
        self.steps.iter().cloned().chain(self.audit()).collect()
    }
}
