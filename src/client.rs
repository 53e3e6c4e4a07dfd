//! [edge] Requests and answers.
