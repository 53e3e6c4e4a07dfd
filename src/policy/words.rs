//! One word for every value, in both directions.
//!
//! The words stand in case files, traces and reports. They hold no blank, so that a line splits at
//! blanks; only an `odd:` value, which no plan holds, may. `parse(print(v)) == v`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{
    Approval, ApprovalMode, Dimension, Granular, Permissions, Policy, Reviewer, Sandbox,
    SandboxMode, Value,
};

const ODD: &str = "odd:";
const PROFILE: &str = "profile:";

/// The word of a value that no reply has shown yet; no line of a program has it.
pub(crate) const OPEN: &str = "open";

/// A word that names no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {kind}; expected {expected}")]
pub struct UnknownWord {
    word: String,
    kind: &'static str,
    expected: &'static str,
}

pub(super) fn unknown(word: &str, kind: &'static str, expected: &'static str) -> UnknownWord {
    UnknownWord { word: word.to_owned(), kind, expected }
}

impl Dimension {
    /// The key of a secondary dimension in the text form.
    pub fn key(self) -> &'static str {
        match self {
            Dimension::AP => "approval",
            Dimension::RV => "reviewer",
            Dimension::SB => "sandbox",
            Dimension::PP => "profile",
            Dimension::M => "model",
            Dimension::E => "effort",
            Dimension::T => "tier",
            Dimension::CWD => "cwd",
            Dimension::CM => "collaboration",
            Dimension::DP => "plugins",
            Dimension::WR => "roots",
        }
    }

    /// Approvals, reviewers and permissions.
    pub const PRIMARY: [Dimension; 4] =
        [Dimension::AP, Dimension::RV, Dimension::SB, Dimension::PP];

    /// The secondary dimensions: those whose values are words.
    pub const SECONDARY: [Dimension; 7] = [
        Dimension::M,
        Dimension::E,
        Dimension::T,
        Dimension::CWD,
        Dimension::CM,
        Dimension::DP,
        Dimension::WR,
    ];
}

impl Granular {
    fn fields(self) -> [(&'static str, bool); 5] {
        [
            ("sandbox_approval", self.sandbox_approval),
            ("rules", self.rules),
            ("skill_approval", self.skill_approval),
            ("request_permissions", self.request_permissions),
            ("mcp_elicitations", self.mcp_elicitations),
        ]
    }

    fn parse(list: &str) -> Option<Granular> {
        let named: BTreeSet<&str> = list.split(',').filter(|name| !name.is_empty()).collect();
        let value = Granular {
            sandbox_approval: named.contains("sandbox_approval"),
            rules: named.contains("rules"),
            skill_approval: named.contains("skill_approval"),
            request_permissions: named.contains("request_permissions"),
            mcp_elicitations: named.contains("mcp_elicitations"),
        };
        let known = value.fields().iter().filter(|(_, on)| *on).count();
        (known == named.len()).then_some(value)
    }
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Approval::Untrusted => f.write_str("untrusted"),
            Approval::OnFailure => f.write_str("on-failure"),
            Approval::OnRequest => f.write_str("on-request"),
            Approval::Never => f.write_str("never"),
            Approval::Granular(granular) => {
                let on = granular.fields().into_iter().filter(|(_, on)| *on);
                let names: Vec<&str> = on.map(|(name, _)| name).collect();
                write!(f, "granular({})", names.join(","))
            }
            Approval::Open => f.write_str(OPEN),
            Approval::Unrecognised(text) => write!(f, "{ODD}{text}"),
        }
    }
}

impl FromStr for Approval {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Approval, UnknownWord> {
        let inner = word.strip_prefix("granular(").and_then(|rest| rest.strip_suffix(')'));
        match (word, inner.and_then(Granular::parse)) {
            (_, Some(granular)) => Ok(Approval::Granular(granular)),
            ("untrusted", _) => Ok(Approval::Untrusted),
            ("on-failure", _) => Ok(Approval::OnFailure),
            ("on-request", _) => Ok(Approval::OnRequest),
            ("never", _) => Ok(Approval::Never),
            (OPEN, _) => Ok(Approval::Open),
            _ => match word.strip_prefix(ODD) {
                Some(text) => Ok(Approval::Unrecognised(text.to_owned())),
                None => Err(unknown(
                    word,
                    "approval policy",
                    "untrusted, on-failure, on-request, never or granular(sandbox_approval,rules,\
                     skill_approval,request_permissions,mcp_elicitations)",
                )),
            },
        }
    }
}

impl fmt::Display for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reviewer::User => f.write_str("user"),
            Reviewer::AutoReview => f.write_str("auto_review"),
            Reviewer::Open => f.write_str(OPEN),
            Reviewer::Unrecognised(text) => write!(f, "{ODD}{text}"),
        }
    }
}

impl FromStr for Reviewer {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Reviewer, UnknownWord> {
        match word {
            "user" => Ok(Reviewer::User),
            "auto_review" => Ok(Reviewer::AutoReview),
            OPEN => Ok(Reviewer::Open),
            _ => match word.strip_prefix(ODD) {
                Some(text) => Ok(Reviewer::Unrecognised(text.to_owned())),
                None => Err(unknown(word, "reviewer", "user or auto_review")),
            },
        }
    }
}

impl SandboxMode {
    /// Its word, which is the form of the sandbox that it stands for.
    pub fn word(self) -> &'static str {
        match self {
            SandboxMode::ReadOnly => "read-only",
            SandboxMode::WorkspaceWrite => "workspace-write",
            SandboxMode::FullAccess => "danger-full-access",
        }
    }
}

impl fmt::Display for SandboxMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for SandboxMode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<SandboxMode, UnknownWord> {
        match word {
            "read-only" => Ok(SandboxMode::ReadOnly),
            "workspace-write" => Ok(SandboxMode::WorkspaceWrite),
            "danger-full-access" => Ok(SandboxMode::FullAccess),
            _ => Err(unknown(
                word,
                "sandbox mode",
                "read-only, workspace-write or danger-full-access",
            )),
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |on: bool, word: &'static str| if on { word } else { "" };
        match self {
            Sandbox::ReadOnly { network } => write!(f, "read-only{}", mark(*network, "+network")),
            Sandbox::External { network } => write!(f, "external{}", mark(*network, "+network")),
            Sandbox::FullAccess => f.write_str("danger-full-access"),
            Sandbox::Open => f.write_str(OPEN),
            Sandbox::Unrecognised(text) => write!(f, "{ODD}{text}"),
            Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => {
                f.write_str("workspace-write")?;
                f.write_str(mark(*network, "+network"))?;
                f.write_str(mark(*exclude_tmpdir, "+exclude_tmpdir"))?;
                f.write_str(mark(*exclude_slash_tmp, "+exclude_slash_tmp"))?;
                let roots: BTreeSet<String> = roots.iter().map(|root| escaped(root)).collect();
                roots.iter().try_for_each(|root| write!(f, "+root:{root}"))
            }
        }
    }
}

impl FromStr for Sandbox {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Sandbox, UnknownWord> {
        if let Some(text) = word.strip_prefix(ODD) {
            return Ok(Sandbox::Unrecognised(text.to_owned()));
        }
        let mut marks = word.split('+');
        let head = marks.next().unwrap_or_default();
        let marks: BTreeSet<&str> = marks.collect();
        let roots: BTreeSet<String> =
            marks.iter().filter_map(|mark| mark.strip_prefix("root:")).map(unescaped).collect();
        let network = marks.contains("network");
        let exclude_tmpdir = marks.contains("exclude_tmpdir");
        let exclude_slash_tmp = marks.contains("exclude_slash_tmp");
        let sandbox = match head {
            "read-only" => Sandbox::ReadOnly { network },
            "external" => Sandbox::External { network },
            "danger-full-access" => Sandbox::FullAccess,
            OPEN => Sandbox::Open,
            _ => Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots },
        };
        if sandbox.to_string() == canonical(head, &marks) {
            return Ok(sandbox);
        }
        Err(unknown(
            word,
            "sandbox",
            "read-only, workspace-write, danger-full-access or external, with +network, \
             +exclude_tmpdir, +exclude_slash_tmp or +root:PATH where they apply",
        ))
    }
}

/// A path without the blanks and the `+` that would end its mark.
fn escaped(path: &str) -> String {
    let letter = |letter: char| match letter {
        odd if odd.is_whitespace() || "%+".contains(odd) => format!("%{:x}.", u32::from(odd)),
        other => other.to_string(),
    };
    path.chars().map(letter).collect()
}

/// The path that was escaped; other text stands for itself.
fn unescaped(mark: &str) -> String {
    let mut parts = mark.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| {
        let letter = part.split_once('.').and_then(|(code, rest)| {
            let letter = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
            Some(format!("{letter}{rest}"))
        });
        path + &letter.unwrap_or_else(|| format!("%{part}"))
    })
}

/// The marks in the order in which they are printed, whatever order they were written in.
fn canonical(head: &str, marks: &BTreeSet<&str>) -> String {
    let rank = |mark: &str| match mark {
        "network" => 0,
        "exclude_tmpdir" => 1,
        "exclude_slash_tmp" => 2,
        _ => 3,
    };
    let mut marks: Vec<&str> = marks.iter().copied().collect();
    marks.sort_by_key(|mark| (rank(mark), *mark));
    marks.iter().fold(head.to_owned(), |text, mark| format!("{text}+{mark}"))
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Permissions::Legacy(sandbox) => sandbox.fmt(f),
            Permissions::Profile(id) => write!(f, "{PROFILE}{id}"),
        }
    }
}

impl FromStr for Permissions {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Permissions, UnknownWord> {
        match word.strip_prefix(PROFILE) {
            Some(id) => Ok(Permissions::Profile(id.to_owned())),
            None => word.parse().map(Permissions::Legacy),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Approval(value) => value.fmt(f),
            Value::Reviewer(value) => value.fmt(f),
            Value::Permissions(value) => value.fmt(f),
            Value::Other(_, word) => f.write_str(word),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy { approval, reviewer, permissions, others } = self;
        write!(f, "approval={approval} reviewer={reviewer} sandbox={permissions}")?;
        others.iter().try_for_each(|(dimension, word)| write!(f, " {}={word}", dimension.key()))
    }
}

impl FromStr for ApprovalMode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<ApprovalMode, UnknownWord> {
        match word {
            "deny_all" => Ok(ApprovalMode::DenyAll),
            "auto_review" => Ok(ApprovalMode::AutoReview),
            "dangerously_bypass_approvals_and_sandbox" => Ok(ApprovalMode::Bypass),
            _ => Err(unknown(
                word,
                "approval mode",
                "deny_all, auto_review or dangerously_bypass_approvals_and_sandbox",
            )),
        }
    }
}

macro_rules! serde_as_word {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(from)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

serde_as_word!(Approval, Reviewer, Permissions);
