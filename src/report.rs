//! [shell] Events to people.
