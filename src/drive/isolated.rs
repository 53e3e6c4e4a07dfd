//! A server with a home, a model and a client of its own, and nothing else.
//!
//! For tests of other clients and servers, which drive it themselves. Its home is apart from the
//! user's own, its model is on loopback, and everything goes when it is dropped. A request has the
//! deadline of the test bed, and one error type.

use std::fmt::Debug;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::session::Session;
use super::test_bed::{NoTestBed, ServerSlot, TestBed};
use crate::client::{Client, ClientError};
use crate::home::Home;
use crate::mock_model::session::ModelSession;
use crate::policy::{Defaults, Policy};
use crate::protocol::notifications::{self, Notification, thread_id, turn_error, turn_id};
use crate::protocol::policy::of_reply;
use crate::protocol::requests::{Call, resume_thread, start_thread, start_turn};
use crate::protocol::rpc::{Id, Message, RpcError};
use crate::server::Ended;

/// A running server with a home and a model of its own, and a connection to it.
///
/// [`Isolated::start`] provides one by release or path. With a [`TestBed`] of your own, which several
/// servers share, [`TestBed::open`] does.
#[derive(Debug)]
pub struct Isolated {
    // Dropped in this order: the server, then what it runs on, then the root of it all.
    session: Session,
    model: ModelSession,
    home: Home,
    test_bed: Arc<TestBed>,
    /// What keeps the executable from being removed.
    kept: Option<Box<dyn Debug + Send + Sync>>,
}

/// A thread that was started, resumed or forked. It can be given wherever its id is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// The server's id of it.
    pub id: String,
    /// The policy that the reply states, if it states one that can be read.
    pub policy: Option<Policy>,
    /// The reply as it came.
    pub reply: Value,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnEnd {
    /// The server's id of the turn.
    pub id: String,
    /// The status that the server gives: `completed`, `interrupted` or `failed`.
    pub status: String,
    /// The server's message about a turn that failed.
    pub error: Option<String>,
}

/// A request of the server, which waits for an answer: an approval, say.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerRequest {
    /// The id that the answer must name.
    pub id: Id,
    /// Its method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server refused the request.
    #[error("the server refused `{method}`: {error}")]
    Refused {
        /// The method of the request.
        method: String,
        /// The server's error.
        error: Box<RpcError>,
    },
    /// No answer came.
    #[error(transparent)]
    Lost(#[from] ClientError),
    /// The answer names no thread.
    #[error("the answer to `{method}` does not name a thread: {answer}")]
    NoThread {
        /// The method of the request.
        method: String,
        /// The answer, as JSON.
        answer: String,
    },
    /// The server asks something during a turn, and waits for the answer.
    #[error(
        "the server asks `{}` before the turn ends; answer it with `client().reply`, then call \
         `turn_end`",
        .0.method
    )]
    Asked(Box<ServerRequest>),
}

impl TestBed {
    /// Starts a server on a new home with these defaults.
    ///
    /// # Errors
    /// A home that cannot be made, or a server that fails the handshake.
    pub fn open(self: Arc<TestBed>, defaults: &Defaults) -> Result<Isolated, NoTestBed> {
        let (home, model) = self.place(defaults)?;
        let session = self.start(ServerSlot::Main, &home)?;
        Ok(Isolated { session, model, home, test_bed: self, kept: None })
    }

    /// The same through the SDK of the test bed. The connection is the one to the process of the SDK,
    /// which takes calls and reports what comes of them.
    ///
    /// # Errors
    /// As [`TestBed::open`]; a test bed without an SDK.
    #[doc(hidden)]
    pub fn open_sdk(self: Arc<TestBed>, defaults: &Defaults) -> Result<Isolated, NoTestBed> {
        let (home, model) = self.place(defaults)?;
        let none = || NoTestBed::Ours { what: "use an SDK", source: ErrorKind::NotFound.into() };
        let forker = self.sdk.as_ref().ok_or_else(none)?;
        let started = Session::start_sdk(self.site(ServerSlot::Main, &home), forker);
        let session = self.started(ServerSlot::Main, started)?;
        Ok(Isolated { session, model, home, test_bed: self, kept: None })
    }

    /// A new home with these defaults, and its model.
    fn place(&self, defaults: &Defaults) -> Result<(Home, ModelSession), NoTestBed> {
        let ours = |source| NoTestBed::Ours { what: "make a home", source };
        let (model, home) = (self.mock_model.session(), self.home(ServerSlot::Main).map_err(ours)?);
        home.configure(defaults, &model.base_url()).map_err(ours)?;
        Ok((home, model))
    }
}

impl Isolated {
    /// Keeps something until the server is dropped.
    #[must_use]
    pub fn keeping(mut self, kept: impl Debug + Send + Sync + 'static) -> Isolated {
        self.kept = Some(Box::new(kept));
        self
    }

    /// Sends a request and waits for its result.
    ///
    /// # Errors
    /// The server refuses it, or does not answer in time.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, RequestError> {
        let deadline = Instant::now() + self.test_bed.timeouts.reply;
        let answer = self.session.client.call(method, params, deadline)?;
        answer.map_err(|error| RequestError::Refused {
            method: method.to_owned(),
            error: Box::new(error),
        })
    }

    /// Sends `thread/start` with these parameters, in the workspace unless they name a folder.
    ///
    /// # Errors
    /// The server refuses it, does not answer in time, or does not name the thread.
    pub fn start_thread(&mut self, params: Value) -> Result<Thread, RequestError> {
        let call = start_thread(params, self.home.places());
        self.thread(call)
    }

    /// Sends `thread/resume` without an override.
    ///
    /// # Errors
    /// The server refuses it, does not answer in time, or does not name the thread.
    pub fn resume_thread(&mut self, thread: impl AsRef<str>) -> Result<Thread, RequestError> {
        self.thread(resume_thread(thread.as_ref()))
    }

    /// Starts a turn with this text and waits for its end. The model answers from its script, and
    /// else "ok".
    ///
    /// # Errors
    /// The server refuses the turn, does not end it in time, or asks something during it.
    pub fn turn(&mut self, thread: impl AsRef<str>, text: &str) -> Result<TurnEnd, RequestError> {
        let call = start_turn(thread.as_ref(), text);
        let reply = self.request(call.method, call.params)?;
        let started = turn_id(&reply).map(str::to_owned);
        self.end_of(thread.as_ref(), started.as_deref())
    }

    /// Waits for the next end of a turn of this thread, after a request of the server was answered.
    ///
    /// # Errors
    /// No turn of it ends in time, or the server asks something before.
    ///
    /// ```
    /// use heirloom::prelude::*;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # if std::env::var("HEIRLOOM_SERVER").as_deref() == Ok("none") { return Ok(()); }
    ///     let mut server = Isolated::start("0.169.0")?;
    ///     let policy = json!({ "approvalPolicy": "on-request", "sandbox": "read-only" });
    ///     let thread = server.start_thread(policy)?;
    ///     let arguments = json!({
    ///         "cmd": "touch note",
    ///         "sandbox_permissions": "require_escalated",
    ///         "justification": "may I?",
    ///     });
    ///     let (tool, arguments) = ("exec_command".to_owned(), arguments.to_string());
    ///     server.model().queue(&thread.id, Reply::Call { tool, arguments });
    ///
    ///     let Err(RequestError::Asked(request)) = server.turn(&thread, "hi") else {
    ///         panic!("the server asks before it runs the command");
    ///     };
    ///     assert_eq!(request.method, "item/commandExecution/requestApproval");
    ///     server.client().reply(&request.id, json!({ "decision": "decline" }))?;
    ///     let end = server.turn_end(&thread)?;
    ///     assert!(end.is_completed(), "{end:?}");
    ///     Ok(())
    /// }
    /// ```
    pub fn turn_end(&mut self, thread: impl AsRef<str>) -> Result<TurnEnd, RequestError> {
        self.end_of(thread.as_ref(), None)
    }

    /// Waits for the end of this turn of a thread, or of any.
    fn end_of(&mut self, thread: &str, turn: Option<&str>) -> Result<TurnEnd, RequestError> {
        let deadline = Instant::now() + self.test_bed.timeouts.turn;
        let places = self.home.places();
        let end = |method: &str, params: &Value| match notifications::read(method, params, places)?
        {
            Notification::TurnEnded { thread: of, turn: id, status }
                if of == thread && turn.is_none_or(|turn| turn == id) =>
            {
                Some(TurnEnd { id, status, error: turn_error(params) })
            }
            _ => None,
        };
        let arrived = self.session.client.wait(deadline, |message| match message {
            Message::Notification { method, params, .. } => end(method, params).is_some(),
            Message::Request { .. } => true,
            Message::Answer { .. } => false,
        })?;
        match arrived {
            Message::Request { id, method, params } => {
                Err(RequestError::Asked(Box::new(ServerRequest { id, method, params })))
            }
            Message::Notification { method, params, .. } => {
                Ok(end(&method, &params).expect("only the end of a turn fits"))
            }
            Message::Answer { .. } => unreachable!("an answer does not fit"),
        }
    }

    /// The connection.
    pub fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    /// The model: its scripts, and the requests that it got.
    pub fn model(&self) -> &ModelSession {
        &self.model
    }

    /// Its folders.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The policy that the reply to a start, a fork or a resume states, if it states one.
    pub fn policy(&self, reply: &Value) -> Option<Policy> {
        of_reply(reply, self.home.places())
    }

    /// Changes the defaults in config.toml, which the server reads when it is restarted.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn configure(&self, defaults: &Defaults) -> io::Result<()> {
        self.home.configure(defaults, &self.model.base_url())
    }

    /// Ends the server as a client does, and starts it again on the same home.
    ///
    /// # Errors
    /// A server that fails the handshake.
    pub fn restart(&mut self) -> Result<(), NoTestBed> {
        self.session.stop();
        self.session = self.test_bed.start(ServerSlot::Main, &self.home)?;
        Ok(())
    }

    /// Ends the server as a client does, and returns how it ended.
    pub fn stop(mut self) -> Ended {
        self.session.stop()
    }

    fn thread(&mut self, call: Call) -> Result<Thread, RequestError> {
        let reply = self.request(call.method, call.params)?;
        match thread_id(&reply).map(str::to_owned) {
            Some(id) => Ok(Thread { id, policy: self.policy(&reply), reply }),
            None => Err(RequestError::NoThread {
                method: call.method.to_owned(),
                answer: reply.to_string(),
            }),
        }
    }
}

impl AsRef<str> for Thread {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

impl TurnEnd {
    /// Whether it came to its end without a failure or an interrupt.
    pub fn is_completed(&self) -> bool {
        self.status == "completed"
    }
}
