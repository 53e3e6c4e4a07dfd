//! [core] The alphabet.
