//! [shell] Seeds to verdicts.
