//! How far a campaign is that a page shows.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Running(Progress),
    /// Its files are written.
    Over,
}

/// The state of a running campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Counts the changes.
    pub number: u64,
    pub text: String,
    /// What is done about a finding meanwhile.
    pub investigation: Option<String>,
    pub done: u64,
    /// How much there is to do, where that is known.
    pub all: Option<u64>,
}
