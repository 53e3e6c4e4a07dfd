//! [edge] The stand-in for the model.
