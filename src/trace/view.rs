//! The views: the places where a policy shows. A view is a row.
//!
//! The row of a file also names the module in `drive/evidence/` that reads it; a view of this kind
//! takes nothing else.

use serde::{Deserialize, Serialize};

/// What of the model's world is corrected to what a view showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrects {
    /// The policy in force, and the stored one unless the read was warm.
    Both,
    InForce,
    /// Nothing: the view shows a copy, or one value of several.
    Nothing,
}

macro_rules! views {
    ($($(#[$meta:meta])* $name:ident corrects $corrects:ident: $meaning:literal
        $(, $words:literal read by $module:ident)?;)+) => {
        /// A place where a policy shows.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
            strum::Display, strum::EnumIter,
        )]
        #[serde(rename_all = "kebab-case")]
        #[strum(serialize_all = "kebab-case")]
        pub enum View { $($(#[$meta])* $name,)+ }

        impl View {
            /// What it looks at, for people.
            pub fn meaning(self) -> &'static str {
                match self { $(View::$name => $meaning,)+ }
            }

            /// What is corrected to what it showed.
            pub(crate) fn corrects(self) -> Corrects {
                match self { $(View::$name => Corrects::$corrects,)+ }
            }
        }

        /// The files that say something of a policy, each as a sentence names it.
        pub(crate) const EVIDENCE: &[(View, &str)] = &[$($((View::$name, $words),)?)+];

        /// Declares the module of each of these files, and lists how they are read.
        macro_rules! evidence_files {
            () => {
                $($(mod $module;)?)+

                /// In the order of the views.
                const FILES: &[(View, EvidenceFile)] =
                    &[$($((View::$name, $module::FILE),)?)+];
            };
        }
        pub(crate) use evidence_files;
    };
}

views! {
    /// The answer to start, resume and fork; of other requests, that they were answered or refused.
    Reply corrects Both: "the server's answer to the request";
    /// `thread/settings/updated`.
    Notice corrects InForce: "its thread/settings/updated notification";
    /// A warm resume without override.
    #[serde(alias = "reread")]
    WarmRead corrects InForce: "a resume of the loaded thread that changes nothing";
    /// A cold resume in a second process, on a copy of the home.
    #[serde(alias = "fresh")]
    ColdRead corrects Nothing: "a resume by a second process on a copy of the home";
    /// What the request to the model says.
    #[serde(alias = "told")]
    ModelContext corrects InForce: "the policy that the server states to the model";
    Rollout corrects Nothing: "the thread's file on disk", "the rollout" read by rollout;
    /// The thread's row in the state database.
    #[serde(alias = "store")]
    StateDb corrects Nothing: "the thread's row in the state database",
        "the state database" read by state_db;
    ConfigFile corrects Nothing: "config.toml after the step";
    /// What happened when the model asked for a command or a patch.
    #[serde(alias = "deed")]
    Probe corrects Nothing: "the outcome of a command that the model asked for";
    /// The lines, turns and processes themselves.
    #[serde(alias = "wire")]
    Protocol corrects Nothing: "messages, turns and processes";
    /// The requests of the SDK's client, the ends of its calls, its answers and its `close()`.
    Client corrects Nothing: "what the client of the SDK sent and did";
    /// Each line beside the schema that the server prints of itself.
    Schema corrects Nothing: "each message against the schema that the server prints";
}
