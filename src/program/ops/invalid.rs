//! `invalid`: a request that must be refused. `malformed` makes it from a valid one.

use strum::{Display, EnumIter, EnumString};

use crate::program::thread::ThreadRef;

/// A request that must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Invalid {
    /// The thread that it is about.
    pub thread: ThreadRef,
    /// Its method, by the word of a [`Sample`](crate::program::request::Sample).
    pub method: &'static str,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a request.
#[derive(
    Clone, Copy, Debug, Display, EnumIter, EnumString, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Wrong {
    /// A value that its enumeration does not have.
    UnknownValue,
    /// A value of another type.
    WrongType,
    /// A required field is missing.
    MissingField,
    /// The id of a thread that never existed.
    UnknownThread,
    /// It comes before `initialize`.
    BeforeInitialize,
}
