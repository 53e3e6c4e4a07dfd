//! The words of the alphabet's small values, in both directions.
//!
//! One table a type, so that what is printed is what is read. A word that is in no table is
//! answered with the words that are.

use crate::op::{Action, Finish, Flaw, Method, Probe, Review, Stop, Wrong};
use crate::policy::SandboxMode;

/// A type whose values have a word each.
pub(super) trait Worded: Copy + PartialEq + 'static {
    /// What a value is called in an error.
    const KIND: &'static str;

    /// Every value with its word.
    fn table() -> Vec<(Self, &'static str)>;

    /// The word of this value.
    fn word(self) -> &'static str {
        let found = Self::table().into_iter().find(|(value, _)| *value == self);
        found.map(|(_, word)| word).expect("every value has a word")
    }

    /// The value of a word.
    fn read(word: &str) -> Result<Self, String> {
        let found = Self::table().into_iter().find(|(_, known)| *known == word);
        found.map(|(value, _)| value).ok_or_else(|| {
            let words: Vec<&str> = Self::table().into_iter().map(|(_, word)| word).collect();
            format!("`{word}` is no {}; expected one of {}", Self::KIND, words.join(", "))
        })
    }
}

macro_rules! worded {
    ($name:ty, $kind:literal, $($value:path => $word:literal),+ $(,)?) => {
        impl Worded for $name {
            const KIND: &'static str = $kind;

            fn table() -> Vec<(Self, &'static str)> {
                vec![$(($value, $word)),+]
            }
        }
    };
}

worded!(Stop, "way to end a server", Stop::Graceful => "graceful", Stop::Kill => "kill");
worded!(
    Finish,
    "way to end a turn",
    Finish::Complete => "complete",
    Finish::Interrupt => "interrupt",
);
worded!(
    Flaw,
    "flaw",
    Flaw::UnknownApproval => "unknown-approval",
    Flaw::UnknownReviewer => "unknown-reviewer",
    Flaw::UnknownSandbox => "unknown-sandbox",
    Flaw::RelativeRoot => "relative-root",
    Flaw::UnknownProfile => "unknown-profile",
    Flaw::ProfileWithSandbox => "profile-with-sandbox",
);
worded!(
    Action,
    "act",
    Action::Name => "name",
    Action::Read => "read",
    Action::List => "list",
    Action::Archive => "archive",
    Action::Unarchive => "unarchive",
    Action::Unsubscribe => "unsubscribe",
    Action::Unload => "unload",
    Action::Revert => "revert",
    Action::Compact => "compact",
    Action::Shell => "shell",
    Action::Review => "review",
    Action::Goal => "goal",
    Action::Queue => "queue",
    Action::Inject => "inject",
);
worded!(
    Wrong,
    "way to be wrong",
    Wrong::UnknownValue => "unknown-value",
    Wrong::WrongType => "wrong-type",
    Wrong::MissingField => "missing-field",
    Wrong::UnknownThread => "unknown-thread",
    Wrong::BeforeInitialize => "before-initialize",
);
worded!(
    Probe,
    "probe",
    Probe::Run => "py",
    Probe::WriteInside => "tin",
    Probe::WriteOutside => "tout",
    Probe::Escalate => "esc",
    Probe::PatchInside => "pin",
    Probe::PatchOutside => "pout",
);
worded!(
    Review,
    "review",
    Review::Allow => "allow",
    Review::Deny => "deny",
    Review::Garbage => "garbage",
    Review::Silence => "silence",
);
worded!(
    SandboxMode,
    "sandbox mode",
    SandboxMode::ReadOnly => "read-only",
    SandboxMode::WorkspaceWrite => "workspace-write",
    SandboxMode::FullAccess => "danger-full-access",
);

impl Worded for Method {
    const KIND: &'static str = "method";

    fn table() -> Vec<(Self, &'static str)> {
        let own = [
            (Method::Start, "start"),
            (Method::Run, "run"),
            (Method::Fork, "fork"),
            (Method::Resume, "resume"),
            (Method::Settings, "settings"),
            (Method::Steer, "steer"),
            (Method::TurnSettings, "retune"),
            (Method::Interrupt, "interrupt"),
        ];
        let acts = Action::table().into_iter().map(|(act, word)| (Method::Action(act), word));
        own.into_iter().chain(acts).collect()
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
