//! The area that a campaign's programs lean to.
//!
//! Without one, every area is drawn now and then, and what every client does most often. A focus
//! turns the weights to its area; nothing that it needs is left out.

/// An area of the contract.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Focus {
    /// Everything, the core most often.
    #[default]
    All,
    /// Approvals, reviewers and permissions in starts, turns, forks, resumes and settings.
    Core,
    /// Values that config.toml leaves out, its layers and trust, and its changes.
    Config,
    /// Model, effort, tier, folder, collaboration mode and plugins.
    Modes,
    /// Named profiles.
    Profiles,
    /// Folders and workspace roots.
    Folders,
    /// What happens when the model asks for a command or a patch.
    Enforcement,
    /// Requests while a turn runs.
    Running,
    /// Subagents.
    Subagents,
    /// Several clients, and calls at once.
    Clients,
    /// Kills during calls, lost databases and full disks.
    Crashes,
}
