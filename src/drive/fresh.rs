//! The look of a second server: a cold resume on a copy of the home.
//!
//! Taken beside the running server, which hears nothing of it: the copy has files, folders and a
//! model of its own. A reply about a file outside the copy is our own trouble, since the look would
//! then have touched the live home. The second server is killed once it has answered.

use std::path::Path;
use std::time::Instant;

use super::session::{NoSession, Session};
use super::steps::{Aborted, Run};
use crate::client::Lost;
use crate::home::Home;
use crate::program::thread::ThreadRef;
use crate::protocol::notifications;
use crate::protocol::policy::of_reply;
use crate::protocol::requests;
use crate::trace::Observation;

impl Run<'_> {
    /// A look is taken where the thread has a history, loaded or not.
    pub(super) fn fresh(&mut self, who: ThreadRef) -> Result<(), Aborted> {
        let known = match who {
            ThreadRef::Thread(name) => self.record.threads.get(&name),
            ThreadRef::Unknown => None,
        };
        let reason = match known {
            None => "the thread does not exist",
            Some(thread) if !thread.begun => "the thread has no history yet",
            Some(thread) => {
                let id = thread.id.clone();
                return self.look_at_copy(&id);
            }
        };
        self.record.seen(Observation::NotTaken { reason: reason.to_owned() });
        Ok(())
    }

    fn look_at_copy(&mut self, id: &str) -> Result<(), Aborted> {
        let stage = self.test_bed.upstream.stage();
        let urls = (&*self.stage.base_url(), &*stage.base_url());
        let home = match self.seat.home.copied(&self.test_bed.root, urls) {
            Ok(home) => home,
            Err(error) => {
                return self.trouble(format!("cannot copy the home: {error}; free space"));
            }
        };
        let session = match Session::start(self.site(&home)) {
            Ok(session) => session,
            Err(why) => return self.no_second_server(why),
        };
        self.resume_cold((session, &home), id)
    }

    fn resume_cold(
        &mut self,
        (mut session, home): (Session, &Home),
        id: &str,
    ) -> Result<(), Aborted> {
        let call = requests::resume(id, &Default::default(), home.places());
        let timeouts = self.test_bed.timeouts.answer;
        let answer = session.client.call(call.method, call.params, Instant::now() + timeouts);
        let reply = match answer {
            Ok(Ok(reply)) => reply,
            Ok(Err(refusal)) => {
                let (code, message) = (refusal.code, self.record.named(&refusal.message));
                let thread = self.record.whose(id);
                self.record.seen(Observation::ColdReadRefused { thread, code, message });
                return self.end(session);
            }
            Err(Lost::Deadline { .. } | Lost::Unread { .. }) => {
                return self.silent("the answer to thread/resume on a copy of the home", timeouts);
            }
            Err(Lost::Closed { .. } | Lost::Broken { .. }) => {
                let ended = session.reap();
                self.ended(&ended, false);
                return self.cut();
            }
        };
        let path = notifications::thread_path(&reply).unwrap_or_default();
        if !home.holds(Path::new(path)) {
            let problem = format!("a resume on a copy of the home reached `{path}`");
            return self.trouble(format!("{problem}; report it, with the case"));
        }
        let thread = self.record.whose(notifications::thread_id(&reply).unwrap_or_default());
        let policy = of_reply(&reply, home.places());
        self.record.seen(Observation::ColdRead { thread, policy });
        self.end(session)
    }

    /// A panic is one wherever it is printed.
    fn end(&mut self, mut session: Session) -> Result<(), Aborted> {
        let ended = session.kill();
        if ended.panicked {
            self.ended(&ended, true);
        }
        Ok(())
    }

    fn no_second_server(&mut self, why: NoSession) -> Result<(), Aborted> {
        let reason = match why {
            NoSession::Ours(reason) => reason,
            NoSession::Refused(reason) => format!("it refused the handshake: {reason}"),
            NoSession::Silent(lost, ended, _) => format!("{lost}; it {ended}"),
        };
        self.trouble(format!("no second server on a copy of the home: {reason}; run it again"))
    }
}
