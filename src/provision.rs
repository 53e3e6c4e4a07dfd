//! [edge] A server by version or path.
