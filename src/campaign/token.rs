//! The token of a case: what makes it again.
//!
//! `r1-s42-c17-o12` is program 17 of seed 42 with at most 12 operations, drawn and judged by model
//! revision 1; one program of four becomes a case. `r1-s42-c17-o12-fcore` leans to an area, and
//! `r1-s42-c17-o12@0.144.4,0.131.0` with these releases to upgrade and downgrade to. Another
//! revision draws another case, so a token of one is refused.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::campaign::Campaign;
use crate::model::REVISION;
use crate::program::generate::focus::Focus;
use crate::program::sdk::SdkClient;
use crate::program::{Program, generate};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub revision: u32,
    pub seed: u64,
    pub index: u64,
    /// Most operations in the case.
    pub max_ops: usize,
    /// The area that the case leans to.
    pub focus: Focus,
    /// The releases that the case may upgrade and downgrade to, in order.
    pub others: Vec<Version>,
}

/// An example; N stands for the revision, since a token of another one is refused.
pub const EXAMPLE: &str = "rN-s42-c17-o12";

/// Stands before the other releases, and in no part before them.
const RELEASES: char = '@';

/// A token that gives no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCase {
    #[error("`{0}` is not a token; expected the form {EXAMPLE}, as a campaign prints it")]
    Form(String),
    #[error(
        "{token} was drawn by model revision {}, and this heirloom is at revision {REVISION}, \
         which draws another case; replay the case file instead, or use the heirloom that \
         printed the token",
        token.revision
    )]
    Revision { token: Token },
}

impl Token {
    /// The token of a case of this campaign.
    pub fn new(campaign: &Campaign, index: u64) -> Token {
        let Campaign { seed, max_ops, focus, .. } = *campaign;
        let others = campaign.others.clone();
        Token { revision: REVISION, seed, index, max_ops, focus, others }
    }

    /// The case.
    ///
    /// # Errors
    /// When the token is of another revision of the model.
    pub fn case(self) -> Result<Program, NoCase> {
        self.case_of(None)
    }

    /// The case, as it is drawn for a client of the SDK.
    ///
    /// # Errors
    /// When the token is of another revision of the model.
    pub fn case_of(self, client: Option<SdkClient>) -> Result<Program, NoCase> {
        if self.revision != REVISION {
            return Err(NoCase::Revision { token: self });
        }
        let Token { seed, index, max_ops: max_steps, focus, others: releases, .. } = self;
        Ok(generate::drawn(
            seed,
            index,
            generate::Draw { max_steps, focus, releases, client, ..generate::Draw::default() },
        ))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { revision, seed, index, max_ops, focus, others } = self;
        write!(f, "r{revision}-s{seed}-c{index}-o{max_ops}")?;
        if *focus != Focus::All {
            write!(f, "-f{focus}")?;
        }
        let others: Vec<String> = others.iter().map(Version::to_string).collect();
        if others.is_empty() { Ok(()) } else { write!(f, "{RELEASES}{}", others.join(",")) }
    }
}

impl FromStr for Token {
    type Err = NoCase;

    fn from_str(text: &str) -> Result<Token, NoCase> {
        read(text).ok_or_else(|| NoCase::Form(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Token> {
    let (text, others) = match text.split_once(RELEASES) {
        None => (text, Vec::new()),
        Some((text, others)) => {
            let others: Result<Vec<Version>, _> = others.split(',').map(str::parse).collect();
            (text, others.ok()?)
        }
    };
    let parts: Vec<&str> = text.split('-').collect();
    let (revision, seed, index, max_ops, focus) = match *parts {
        [revision, seed, index, max_ops] => (revision, seed, index, max_ops, Focus::All),
        [revision, seed, index, max_ops, focus] => {
            (revision, seed, index, max_ops, focus.strip_prefix('f')?.parse().ok()?)
        }
        _ => return None,
    };
    Some(Token {
        revision: revision.strip_prefix('r')?.parse().ok()?,
        seed: seed.strip_prefix('s')?.parse().ok()?,
        index: index.strip_prefix('c')?.parse().ok()?,
        max_ops: max_ops
            .strip_prefix('o')?
            .parse()
            .ok()
            .filter(|most| *most <= generate::LONGEST)?,
        focus,
        others,
    })
}
