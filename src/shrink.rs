//! [core] Smaller cases.
