//! How a program names threads.

use std::fmt;

/// The name of a thread in a program: `t0`, `t1`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadName(pub u16);

/// The thread that a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThreadRef {
    /// A thread that an earlier step created.
    Thread(ThreadName),
    /// A thread that never existed: the server is sent an id that it never issued.
    Unknown,
}

impl ThreadName {
    /// The name of a drawn step's new thread; normalising gives it a real one.
    pub const NEW: ThreadName = ThreadName(u16::MAX);
}

impl ThreadRef {
    /// The name, unless the thread is unknown.
    pub fn name(self) -> Option<ThreadName> {
        match self {
            ThreadRef::Thread(name) => Some(name),
            ThreadRef::Unknown => None,
        }
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for ThreadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThreadRef::Thread(name) => name.fmt(f),
            ThreadRef::Unknown => f.write_str("unknown"),
        }
    }
}
