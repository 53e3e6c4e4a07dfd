//! The signature: what makes two findings the same fault.
//!
//! Clause / dimension / kind of operation / form of the expected value / origin. Views, values and
//! names stand inside it, not in it. Printed and read as five words with slashes between.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::origin::Origin;
use crate::contract::Clause;
use crate::policy::Dimension;
use crate::program::operation::OpKind;

/// What deduplication, shrinking, known deviations and the release matrix go by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// The clause that is broken.
    pub clause: Clause,
    /// The dimension, where it is about one.
    pub dimension: Option<Dimension>,
    pub kind: OpKind,
    /// The form of what was due.
    pub form: String,
    /// Where the wrong value comes from.
    pub origin: Origin,
}

/// A text that is not a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a signature; expected clause/dimension/kind/form/origin, as \
     `R4/AP/resume/never/config`"
)]
pub struct NoSignature(String);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dimension = self.dimension.map_or("-".to_owned(), |dimension| dimension.to_string());
        write!(f, "{}/{dimension}/{}/{}/{}", self.clause, self.kind, self.form, self.origin)
    }
}

impl FromStr for Signature {
    type Err = NoSignature;

    fn from_str(text: &str) -> Result<Signature, NoSignature> {
        read(text).ok_or_else(|| NoSignature(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Signature> {
    let parts: Vec<&str> = text.split('/').collect();
    let [clause, dimension, kind, form, origin] = parts[..] else {
        return None;
    };
    let dimension = match dimension {
        "-" => None,
        word => Some(Dimension::ALL.into_iter().find(|one| one.to_string() == word)?),
    };
    Some(Signature {
        clause: clause.parse().ok()?,
        dimension,
        kind: kind.parse().ok()?,
        form: (!form.is_empty()).then(|| form.to_owned())?,
        origin: origin.parse().ok()?,
    })
}

impl Signature {
    /// The signature as the name of a file, without an ending.
    pub fn file_stem(&self) -> String {
        let text = self.to_string().to_lowercase();
        text.replace("/-/", "/").replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
    }
}

impl Serialize for OpKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OpKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<OpKind, D::Error> {
        String::deserialize(from)?.parse().map_err(Error::custom)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Signature, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(Error::custom)
    }
}
