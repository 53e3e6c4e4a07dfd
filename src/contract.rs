//! [core] The clauses as rows.
