//! [edge] A home.
