//! [core] Named steps.
