//! A server of its own in one call: provided, tried, and started on a new home.

use std::sync::Arc;

use super::{Unready, provided};
use crate::drive::isolated::Isolated;
use crate::drive::test_bed::TestBed;
use crate::drive::timeouts::Timeouts;
use crate::policy::Defaults;
use crate::provision::Executable;

impl Isolated {
    /// Starts a server on a new home: a release, `latest`, or a path to an executable. A release is
    /// fetched unless it is in the cache, which HEIRLOOM_CACHE may name. HEIRLOOM_SERVER is not
    /// read, so that a test checks the same server everywhere; pass its value where you want it.
    ///
    /// To start several servers of one release, prepare a [`TestBed`] once and
    /// [open](TestBed::open) each.
    ///
    /// # Errors
    /// The server cannot be provided, or is not an app-server.
    ///
    /// ```
    /// use heirloom::prelude::*;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return Ok(()); }
    ///     let mut server = Isolated::start("0.169.0")?;
    ///     let thread = server.start_thread(json!({ "approvalPolicy": "never" }))?;
    ///     let policy = thread.policy.as_ref().expect("the reply to a start states a policy");
    ///     assert!(policy.to_string().starts_with("approval=never reviewer=user"));
    ///
    ///     // The model answers "ok", unless it has a script.
    ///     server.model().queue(&thread.id, Reply::Text("hello".to_owned()));
    ///     assert!(server.turn(&thread, "hi")?.is_completed());
    ///     assert_eq!(server.model().requests().len(), 1);
    ///
    ///     server.restart()?;
    ///     let resumed = server.resume_thread(&thread)?;
    ///     assert_eq!(resumed.policy.map(|policy| policy.approval.to_string()), Some("never".into()));
    ///
    ///     let refused = server.request("thread/resume", json!({ "threadId": "no-thread" }));
    ///     assert!(matches!(refused, Err(RequestError::Refused { .. })));
    ///     Ok(())
    /// }
    /// ```
    pub fn start(server: &str) -> Result<Isolated, Unready> {
        let Executable { path, version, lease, .. } = provided(server)?;
        let test_bed = TestBed::prepare(path, version, Timeouts::default())?;
        Ok(Arc::new(test_bed).open(&Defaults::default())?.keeping(lease))
    }
}
