//! The lines of a transcript, and the placeholders in them.

use serde_json::Value;

use crate::protocol::policy::Places;
use crate::protocol::rpc::{self, Message};

/// The name in a placeholder.
pub(super) fn name(placeholder: &str) -> String {
    placeholder.trim_matches(['<', '>']).to_owned()
}

/// A line as a message.
pub(super) fn message(line: &Value) -> Option<Message> {
    rpc::parse(&line.to_string()).ok()
}

/// The folders of a run as a transcript has them.
pub(super) fn places() -> Places {
    Places { workspace: "<WS>".into(), home: "<HOME>".into(), outside: "<OUT>".into() }
}
