//! The finding that is exported, and why it may have no script.

use std::collections::BTreeSet;

use itertools::Itertools;

use crate::judge::record::ProbeRecord;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::sdk::SdkClient;
use crate::trace::view::View;
use crate::transcript::Transcript;

/// A finding, and what is known of it.
#[derive(Clone, Debug)]
pub struct Exported<'a> {
    /// The name of its files.
    pub id: &'a str,
    pub finding: &'a Finding,
    pub program: &'a Program,
    /// The client of the SDK that performed it, if one did.
    pub client: Option<SdkClient>,
    /// A run that shows it.
    pub transcript: &'a Transcript,
    /// What its cause is called, where that is known.
    pub title: Option<&'a str>,
    /// The releases that are known to show it, in words.
    pub releases: Option<String>,
    /// How many runs showed it, in words.
    pub confirmed: Option<String>,
    pub probe: Option<&'a ProbeRecord>,
}

/// Why a finding has no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoExport {
    /// What it takes to show it.
    #[error("the program {0}, which a script cannot repeat; `heirloom replay` shows it")]
    Step(&'static str),
    #[error(
        "the finding is about the Python SDK, and a script speaks to the server without it; `heirloom \
         replay --client` shows it"
    )]
    Client,
    #[error(
        "the finding shows in {0}, and a script can only compare a value in a reply or in a settings \
         notice, or whether a request is granted; `heirloom replay` shows it"
    )]
    View(String),
    #[error("the run has no message that states the id of {0}, which a later request needs")]
    UnknownId(String),
    #[error("the run was cut before the request was answered that shows the finding")]
    Unanswered,
}

impl NoExport {
    pub(super) fn view(finding: &Finding) -> NoExport {
        let views: &BTreeSet<View> = &finding.views;
        let words = views.iter().map(|view| view.meaning()).join(" and ");
        NoExport::View(if words.is_empty() { "no single message".to_owned() } else { words })
    }
}
