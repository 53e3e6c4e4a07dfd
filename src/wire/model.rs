//! [core] The model.
