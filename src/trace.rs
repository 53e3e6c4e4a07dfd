//! [core] What was seen.
