//! `second-server`: another server on the same home, for as long as its one request takes.
//!
//! What it has loaded does not concern the first server.

use std::time::Instant;

use super::{Perform, Prepare};
use crate::client::ClientError;
use crate::drive::run::{Aborted, Runner};
use crate::drive::session::Session;
use crate::program::ops::resume::Resume;
use crate::program::ops::second_server::SecondServer;
use crate::protocol::notifications;
use crate::protocol::policy::of_reply;
use crate::protocol::rpc::RpcError;
use crate::server::Cause;
use crate::trace::Observation;

impl Perform for SecondServer {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let request = Resume::plain(self.thread).prepare(run).expect("a resume has a request");
        let mut server = match Session::start(run.site(&run.active.home)) {
            Ok(session) => session,
            Err(none) => return run.no_session(none),
        };
        let call = run.recorder.sent(request.call.method, request.unbound);
        let deadline = Instant::now() + run.timeouts.reply;
        let answer = server.client.call(request.call.method, request.call.params, deadline);
        let answer = match answer {
            Ok(Ok(reply)) => {
                let policy = of_reply(&reply, run.active.home.places());
                let thread = notifications::thread_id(&reply).map(|id| run.recorder.label(id));
                Observation::Answered { call, thread, policy }
            }
            Ok(Err(RpcError { code, message, .. })) => {
                let message = run.recorder.with_names(&message);
                Observation::Refused { call, code, message }
            }
            Err(lost) => return lose(run, server, &lost),
        };
        run.recorder.record(answer);
        let ended = server.stop();
        run.ended(&ended);
        if ended.cause == Cause::Itself { run.abort() } else { Ok(()) }
    }
}

/// The second server gives no answer.
fn lose(run: &mut Runner<'_>, mut server: Session, lost: &ClientError) -> Result<(), Aborted> {
    match lost {
        ClientError::Closed { .. } | ClientError::Broken { .. } => {
            run.ended_unasked(&server.reap())
        }
        ClientError::Deadline { .. } | ClientError::Unread { .. } => {
            drop(server.kill());
            run.lost(lost)
        }
    }
}
