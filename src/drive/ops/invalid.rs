//! `invalid` sends a request that must be refused, or one before `initialize`.

use super::Perform;
use crate::client::ClientError;
use crate::drive::run::{Aborted, Prepared, Runner};
use crate::drive::session::BeforeInitialize;
use crate::program::malformed::malformed;
use crate::program::ops::invalid::{Invalid, Wrong};
use crate::trace::Observation;

impl Perform for Invalid {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let Some(request) = malformed(self, run.request_context()) else {
            return run.not_taken("the method cannot be wrong in this way");
        };
        let request = run.prepared(&request, Some(self.thread));
        if self.wrong == Wrong::BeforeInitialize {
            return ask_before_initialize(run, request);
        }
        run.ask(request)
    }
}

/// Asks another process on the same home, to which no client has introduced itself.
fn ask_before_initialize(run: &mut Runner<'_>, request: Prepared) -> Result<(), Aborted> {
    let call = run.recorder.sent(request.call.method, request.unbound);
    let answer = match BeforeInitialize::ask(run.site(&run.active.home), request.call) {
        BeforeInitialize::Granted => Observation::Answered { call, thread: None, policy: None },
        BeforeInitialize::Refused(error) => {
            Observation::Refused { call, code: error.code, message: error.message }
        }
        BeforeInitialize::Ours(reason) => return run.trouble(reason),
        BeforeInitialize::Lost(ClientError::Deadline { .. }, _) => {
            return run.silent("the answer before initialize", run.timeouts.reply);
        }
        BeforeInitialize::Lost(_, ended) => return run.ended_unasked(&ended),
    };
    run.recorder.record(answer);
    Ok(())
}
