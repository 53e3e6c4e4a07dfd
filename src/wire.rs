//! [core] JSON-RPC and model events.
