//! [shell] Arguments to configuration.
