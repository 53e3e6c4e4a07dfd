//! What the workers of a campaign spent their time on.

use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time of all workers together, by what they did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkTime {
    /// Running and judging cases.
    #[serde(rename = "cases_seconds", with = "crate::judge::record::seconds")]
    pub cases: Duration,
    /// Reproducing, shrinking, confirming and explaining new findings.
    #[serde(rename = "causes_seconds", with = "crate::judge::record::seconds")]
    pub causes: Duration,
    /// Replaying the cases of known deviations.
    #[serde(rename = "replays_seconds", with = "crate::judge::record::seconds")]
    pub replays: Duration,
    /// Waiting for work.
    #[serde(rename = "idle_seconds", with = "crate::judge::record::seconds")]
    pub idle: Duration,
}

impl WorkTime {
    /// Each part with its name, and all of them together.
    pub fn parts(&self) -> [(&'static str, Duration); 4] {
        let WorkTime { cases, causes, replays, idle } = *self;
        [
            ("cases", cases),
            ("looking for causes", causes),
            ("replaying known deviations", replays),
            ("idle", idle),
        ]
    }

    pub fn whole(&self) -> Duration {
        self.parts().iter().map(|(_, time)| *time).sum()
    }
}

impl AddAssign for WorkTime {
    fn add_assign(&mut self, more: WorkTime) {
        self.cases += more.cases;
        self.causes += more.causes;
        self.replays += more.replays;
        self.idle += more.idle;
    }
}
