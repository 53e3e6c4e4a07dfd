//! The token of a case: what makes it again.
//!
//! `r1-s42-c17-o12` is case 17 of seed 42 with at most 12 operations, drawn and judged by model
//! revision 1; `r1-s42-c17-o12-p` is drawn without the secondary dimensions, and
//! `r1-s42-c17-o12@0.144.4,0.131.0` with moves to these releases. Another revision draws another
//! case, and says so instead of running it.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use crate::campaign::Campaign;
use crate::model::REVISION;
use crate::program::Program;
use crate::program::generate;

/// What makes a case again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The model's revision.
    pub revision: u32,
    /// The campaign's seed.
    pub seed: u64,
    /// The case's index.
    pub index: u64,
    /// Operations at the most.
    pub max_ops: usize,
    /// Whether the secondary dimensions are drawn too.
    pub secondary: bool,
    /// The releases that the case may move its home to, in their order.
    pub others: Vec<Version>,
}

/// A token as an example: N stands for the revision, since those of others are refused.
pub const EXAMPLE: &str = "rN-s42-c17-o12";

/// The last part of a token whose case is drawn without the secondary dimensions: policy alone.
const POLICY: &str = "p";

/// What stands before the releases that a case may move to: in no part before it.
const MOVES: char = '@';

/// A token that makes no case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCase {
    /// The text is no token.
    #[error("`{0}` is no token; expected the form {EXAMPLE}, as a campaign prints it")]
    Form(String),
    /// The token is of another revision.
    #[error(
        "{token} was drawn by model revision {}, and this heirloom is at revision {REVISION}, \
         which draws another case; replay the case file instead, or use the heirloom that \
         printed the token",
        token.revision
    )]
    Revision {
        /// The token.
        token: Token,
    },
}

impl Token {
    /// The token of a case of this campaign.
    pub fn new(campaign: &Campaign, index: u64) -> Token {
        let Campaign { seed, max_ops, secondary, .. } = *campaign;
        let others = campaign.others.clone();
        Token { revision: REVISION, seed, index, max_ops, secondary, others }
    }

    /// The case.
    ///
    /// # Errors
    /// When the token is of another revision of the model.
    pub fn case(self) -> Result<Program, NoCase> {
        match self.revision == REVISION {
            true => Ok(generate::drawn(
                self.seed,
                self.index,
                generate::Draw {
                    max_steps: self.max_ops,
                    secondary: self.secondary,
                    releases: self.others,
                },
            )),
            false => Err(NoCase::Revision { token: self }),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Token { revision, seed, index, max_ops, secondary, others } = self;
        write!(f, "r{revision}-s{seed}-c{index}-o{max_ops}")?;
        if !secondary {
            write!(f, "-{POLICY}")?;
        }
        let others: Vec<String> = others.iter().map(Version::to_string).collect();
        if others.is_empty() { Ok(()) } else { write!(f, "{MOVES}{}", others.join(",")) }
    }
}

impl FromStr for Token {
    type Err = NoCase;

    fn from_str(text: &str) -> Result<Token, NoCase> {
        read(text).ok_or_else(|| NoCase::Form(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Token> {
    let (text, others) = match text.split_once(MOVES) {
        None => (text, Vec::new()),
        Some((text, others)) => {
            let others: Result<Vec<Version>, _> = others.split(',').map(str::parse).collect();
            (text, others.ok()?)
        }
    };
    let parts: Vec<&str> = text.split('-').collect();
    let (parts, secondary) = match parts.split_last() {
        Some((last, rest)) if *last == POLICY => (rest, false),
        _ => (&parts[..], true),
    };
    let [revision, seed, index, max_ops] = *parts else { return None };
    Some(Token {
        revision: revision.strip_prefix('r')?.parse().ok()?,
        seed: seed.strip_prefix('s')?.parse().ok()?,
        index: index.strip_prefix('c')?.parse().ok()?,
        max_ops: max_ops
            .strip_prefix('o')?
            .parse()
            .ok()
            .filter(|most| *most <= generate::LONGEST)?,
        secondary,
        others,
    })
}
