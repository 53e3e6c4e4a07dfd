//! `cold-read`: a resume by a second process, on a copy of the home.
//!
//! It is taken while the server runs, which does not notice: the copy has files, folders and a
//! model of its own. A reply about a file outside the copy is trouble of our own, since the read
//! would then have touched the live home. The second process is killed once it has answered.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::Perform;
use crate::client::ClientError;
use crate::drive::run::{Aborted, Runner};
use crate::drive::session::{NoSession, Session};
use crate::home::Home;
use crate::program::operation::Operation;
use crate::program::ops::cold_read::ColdRead;
use crate::program::ops::resume::Resume;
use crate::protocol::notifications;
use crate::protocol::policy::of_reply;
use crate::protocol::requests::{self, Ids};
use crate::trace::Observation;

impl Perform for ColdRead {
    fn perform(&self, run: &mut Runner<'_>) -> Result<(), Aborted> {
        let Some(thread) = run.thread(self.thread) else {
            return run.not_taken("the thread does not exist");
        };
        if !thread.has_history {
            return run.not_taken("the thread has no history yet");
        }
        let id = thread.id.clone();
        let model = run.test_bed.mock_model.session();
        let (live_url, copy_url) = (run.model.base_url(), model.base_url());
        let home = &run.active.home;
        let home = match home.cold_copy(&run.test_bed.root, &live_url, &copy_url) {
            Ok(home) => home,
            Err(error) => {
                return run.trouble(format!("cannot copy the home: {error}; free space"));
            }
        };
        match Session::start(run.site(&home)) {
            Ok(session) => self.resume(run, HomeCopy { session, home: &home, id: &id }),
            Err(none) => no_server(run, none),
        }
    }
}

/// A server on a copy of the home.
struct HomeCopy<'a> {
    session: Session,
    home: &'a Home,
    /// The server's id of the thread.
    id: &'a str,
}

impl ColdRead {
    fn resume(&self, run: &mut Runner<'_>, copy: HomeCopy<'_>) -> Result<(), Aborted> {
        let HomeCopy { mut session, home, id } = copy;
        let request = Resume::plain(self.thread).request(run.request_context());
        let request = request.expect("a resume has a request");
        let call = requests::call(&request, &Ids::of(id), home.places());
        let timeout = run.timeouts.reply;
        let answer = session.client.call(call.method, call.params, Instant::now() + timeout);
        let reply = match answer {
            Ok(Ok(reply)) => reply,
            Ok(Err(refusal)) => {
                let (code, message) = (refusal.code, run.recorder.with_names(&refusal.message));
                let thread = run.recorder.label(id);
                run.recorder.record(Observation::ColdReadRefused { thread, code, message });
                end(run, session);
                return Ok(());
            }
            Err(ClientError::Deadline { .. } | ClientError::Unread { .. }) => {
                return run.silent("the answer to thread/resume on a copy of the home", timeout);
            }
            Err(ClientError::Closed { .. } | ClientError::Broken { .. }) => {
                return run.ended_unasked(&session.reap());
            }
        };
        let path = notifications::thread_path(&reply).unwrap_or_default();
        if !home.contains(Path::new(path)) {
            let problem = format!("a resume on a copy of the home reached `{path}`");
            return run.trouble(format!("{problem}; report it, with the case"));
        }
        let thread = run.recorder.label(notifications::thread_id(&reply).unwrap_or_default());
        let (live, copied) = (&run.active.home.places().home, &home.places().home);
        let policy = of_reply(&moved(&reply, live, copied), home.places());
        run.recorder.record(Observation::ColdRead { thread, policy });
        end(run, session);
        Ok(())
    }
}

/// A reply with paths in the live home, which the copied files hold, as paths in the copy.
fn moved(reply: &Value, live: &Path, copied: &Path) -> Value {
    match reply {
        Value::String(text) => match Path::new(text).strip_prefix(live) {
            Ok(rest) => copied.join(rest).to_string_lossy().trim_end_matches('/').into(),
            Err(_) => reply.clone(),
        },
        Value::Array(all) => all.iter().map(|one| moved(one, live, copied)).collect(),
        Value::Object(all) => {
            all.iter().map(|(key, value)| (key.clone(), moved(value, live, copied))).collect()
        }
        other => other.clone(),
    }
}

/// Kills the server; its end is recorded only if it has panicked.
fn end(run: &mut Runner<'_>, mut session: Session) {
    let ended = session.kill();
    if ended.panicked {
        run.record_end(&ended, true);
    }
}

fn no_server(run: &mut Runner<'_>, none: NoSession) -> Result<(), Aborted> {
    let reason = match none {
        NoSession::Ours(reason) => reason,
        NoSession::Refused(reason) => format!("it refused the handshake: {reason}"),
        NoSession::Silent { lost, ended, .. } => format!("{lost}; it {ended}"),
    };
    run.trouble(format!("no second server on a copy of the home: {reason}; run it again"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::moved;

    #[test]
    fn a_path_in_the_live_home_is_one_in_the_copy_and_others_stay() {
        let reply = json!({ "cwd": "/a/home", "roots": ["/a/home/sub", "/a/homes"], "n": 1 });
        let expected = json!({ "cwd": "/b/home", "roots": ["/b/home/sub", "/a/homes"], "n": 1 });
        assert_eq!(moved(&reply, Path::new("/a/home"), Path::new("/b/home")), expected);
    }
}
