//! [core] Known deviations.
