//! [edge] One plan, one trace.
