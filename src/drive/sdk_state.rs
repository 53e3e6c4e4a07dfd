//! What a run knows of the calls of the SDK.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::thread::ThreadName;
use crate::protocol::rpc::Id;
use crate::server::Ended;

/// What a run knows of the calls of the SDK.
#[derive(Debug, Default)]
pub(super) struct SdkCalls {
    /// Whether the next turn is run to its end by one call.
    pub(super) whole_turn: bool,
    /// The call whose request the SDK has not sent yet.
    pub(super) unsent: Option<Unsent>,
    /// The calls that have not ended, and whether each one runs a whole turn.
    pub(super) open: BTreeMap<u32, bool>,
    /// The calls whose turns are being streamed.
    pub(super) streams: BTreeSet<u32>,
    /// The ids of requests that no call of the program asked for.
    pub(super) own_requests: BTreeSet<Id>,
    /// The methods of the server's requests that the SDK has not answered yet.
    pub(super) questions: BTreeMap<Id, String>,
    /// Whether the client is being closed, or its server killed.
    pub(super) stopping: bool,
    pub(super) closed: bool,
    pub(super) ended: Option<Ended>,
}

/// A call whose request the SDK has not sent yet.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) number: u32,
    pub(super) method: &'static str,
    pub(super) asked: BTreeMap<String, String>,
    pub(super) unbound: bool,
    pub(super) new: Option<ThreadName>,
}
