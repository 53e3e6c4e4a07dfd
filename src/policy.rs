//! [core] Policy values.
