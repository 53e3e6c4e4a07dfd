//! A JSON-RPC client over any byte stream.
//!
//! Requests are numbered and may be pipelined. Arrivals are kept in order, and each is handed out
//! once. Every wait has a deadline, also the wait for a peer that does not read.

mod lines;
pub mod socket;
#[doc(hidden)]
pub mod tape;
mod writer;

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Write};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Select, TryRecvError, select};
use lines::Lines;
use serde_json::Value;
use tape::Tape;
use writer::{WRITE_DEADLINE, WriteError, Writer};

use crate::protocol::rpc::{self, Id, Malformed, Message, RpcError, Surface};
use crate::transcript::Entry;

/// One connection. Dropping it closes the end that it writes to.
///
/// ```
/// use std::time::{Duration, Instant};
/// use heirloom::client::Client;
/// use heirloom::server::{Launch, Server};
/// use heirloom::protocol::rpc::{Message, Surface};
/// use serde_json::json;
///
/// let folder = tempfile::tempdir()?;
/// let mut launch = Launch::new("/bin/sh", folder.path());
/// let fake = r#"read hello; echo '{"id":1,"result":{"userAgent":"fake"}}'
///               read done; read ask; echo '{"method":"tick"}'; echo '{"id":2,"result":{}}'"#;
/// launch.arguments = vec!["-c".into(), fake.into()];
/// let mut server = Server::start(&launch)?;
/// let pipes = server.pipes().expect("this is the first call");
/// let mut client = Client::over(pipes.output, pipes.input);
///
/// let soon = Instant::now() + Duration::from_secs(10);
/// let hello = client.initialize("lab", Surface::Experimental, soon)??;
/// assert_eq!(hello["userAgent"], "fake");
/// let call = client.send("thread/list", json!({}))?;
/// assert_eq!(client.answer_to(call, soon)?, Ok(json!({})));
/// let tick = client.wait(soon, |message| matches!(message, Message::Notification { .. }))?;
/// assert!(format!("{tick:?}").contains("tick"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client {
    writer: Writer,
    arrivals: Receiver<Result<Message, Malformed>>,
    backlog: VecDeque<Arrived>,
    calls: i64,
    tape: Tape,
}

/// A line from the peer, or the end.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrived {
    /// A message.
    Message(Message),
    /// A line that is not a message.
    Garbage(Malformed),
    /// The peer closed its output. Nothing comes after it.
    Closed,
}

/// The number of a request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(i64);

/// Why a message was not sent or did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The peer runs, and the message did not come in time.
    #[error("no {awaited} before the deadline; look at its stderr, or wait longer")]
    Deadline {
        /// The message that was waited for.
        awaited: String,
    },
    /// The peer closed its output first.
    #[error("no {awaited}: the process closed its stdout; look at how it ended")]
    Closed {
        /// The message that was waited for.
        awaited: String,
    },
    /// The peer does not read its input.
    #[error("cannot send {sent}: the process has not read its stdin for {seconds} s; kill it")]
    Unread {
        /// The message that should have been sent.
        sent: String,
        /// How long the write was given.
        seconds: u64,
    },
    /// The peer closed its input.
    #[error("cannot send {sent}: {reason}; look at how the process ended")]
    Broken {
        /// The message that should have been sent.
        sent: String,
        /// The error of the operating system.
        reason: String,
    },
}

impl Client {
    /// A connection that reads the peer's output and writes to its input.
    pub fn over(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Client {
        Client {
            writer: Writer::over(writer, WRITE_DEADLINE),
            arrivals: Lines::over(reader).receive(),
            backlog: VecDeque::new(),
            calls: 0,
            tape: Tape::default(),
        }
    }

    /// Records every line from now on.
    pub(crate) fn record_on(&mut self, tape: &Tape) {
        self.tape = tape.clone();
    }

    /// Sends a request and does not wait for its answer.
    ///
    /// # Errors
    /// When the peer does not read it.
    pub fn send(&mut self, method: &str, params: Value) -> Result<CallId, ClientError> {
        self.calls += 1;
        let call = CallId(self.calls);
        self.write(method, rpc::request(&call.id(), method, params))?;
        Ok(call)
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// When the peer does not read it.
    pub fn notify(&mut self, method: &str, params: Value) -> Result<(), ClientError> {
        self.write(method, rpc::notification(method, params))
    }

    /// Answers a request of the server.
    ///
    /// # Errors
    /// When the peer does not read it.
    pub fn reply(&mut self, id: &Id, result: Value) -> Result<(), ClientError> {
        self.write("an answer", rpc::answer(id, result))
    }

    /// Refuses a request of the server.
    ///
    /// # Errors
    /// When the peer does not read it.
    pub fn refuse(&mut self, id: &Id, code: i64, message: &str) -> Result<(), ClientError> {
        self.write("a refusal", rpc::refusal(id, code, message))
    }

    /// Sends one line as it is, for lines that no well-behaved client sends.
    ///
    /// # Errors
    /// When the peer does not read it.
    pub fn send_line(&mut self, line: &str) -> Result<(), ClientError> {
        self.write("a line", line.to_owned())
    }

    /// The next arrival that was not handed out before; `None` at the deadline.
    ///
    /// After the end every call returns [`Arrived::Closed`] at once.
    pub fn next(&mut self, deadline: Instant) -> Option<Arrived> {
        match self.backlog.pop_front() {
            Some(arrived) => Some(arrived),
            None => self.receive(deadline),
        }
    }

    /// The next arrival of any of several clients, with the index of that client; the first client
    /// that has one counts. `None` at the deadline.
    pub fn next_of(clients: &mut [&mut Client], deadline: Instant) -> Option<(usize, Arrived)> {
        loop {
            for (index, client) in clients.iter_mut().enumerate() {
                if let Some(arrived) = client.next_now() {
                    return Some((index, arrived));
                }
            }
            let mut any = Select::new();
            for client in clients.iter() {
                any.recv(&client.arrivals);
            }
            any.ready_deadline(deadline).ok()?;
        }
    }

    /// The next arrival, if it is here already.
    fn next_now(&mut self) -> Option<Arrived> {
        if let Some(arrived) = self.backlog.pop_front() {
            return Some(arrived);
        }
        match self.arrivals.try_recv() {
            Ok(line) => Some(self.take_line(line)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Arrived::Closed),
        }
    }

    /// Every arrival until now that was not handed out before.
    pub fn drain(&mut self) -> Vec<Arrived> {
        let mut drained = Vec::new();
        while let Some(arrived) = self.next_now() {
            let is_end = arrived == Arrived::Closed;
            drained.push(arrived);
            if is_end {
                break;
            }
        }
        drained
    }

    /// Waits for an item of another channel; arrivals meanwhile are kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn wait_beside<T>(
        &mut self,
        channel: &Receiver<T>,
        deadline: Instant,
    ) -> Result<T, ClientError> {
        let error = |end: Silence| end.awaiting("item of another channel".to_owned());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(error(Silence::Deadline));
            }
            select! {
                recv(channel) -> item => return item.map_err(|_| error(Silence::Deadline)),
                recv(self.arrivals) -> line => match line {
                    Ok(line) => {
                        let arrived = self.take_line(line);
                        self.backlog.push_back(arrived);
                    }
                    Err(_) => return Err(error(Silence::Closed)),
                },
                default(left) => return Err(error(Silence::Deadline)),
            }
        }
    }

    /// The answer to a request; other arrivals meanwhile are kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn answer_to(
        &mut self,
        call: CallId,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, ClientError> {
        let wanted = call.id();
        let fits =
            |message: &Message| matches!(message, Message::Answer { id, .. } if *id == wanted);
        match self.take(deadline, fits) {
            Ok(Message::Answer { outcome, .. }) => Ok(outcome),
            Ok(_) => unreachable!("only an answer fits"),
            Err(end) => Err(end.awaiting(format!("answer to call {call}"))),
        }
    }

    /// The first message that fits; other arrivals meanwhile are kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn wait(
        &mut self,
        deadline: Instant,
        fits: impl Fn(&Message) -> bool,
    ) -> Result<Message, ClientError> {
        self.take(deadline, fits).map_err(|end| end.awaiting("message that fits".to_owned()))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the peer does not read it, or the deadline or the peer's end comes first.
    pub fn call(
        &mut self,
        method: &str,
        params: Value,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, ClientError> {
        let call = self.send(method, params)?;
        self.answer_to(call, deadline).map_err(|error| error.for_answer_to(method))
    }

    /// The handshake that opens every connection; its result is the server's introduction.
    ///
    /// # Errors
    /// When the peer does not read it, or the deadline or the peer's end comes first.
    pub fn initialize(
        &mut self,
        name: &str,
        surface: Surface,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, ClientError> {
        let (method, params) = rpc::initialize(name, surface);
        let outcome = self.call(method, params, deadline)?;
        if outcome.is_ok() {
            let (method, params) = rpc::initialized();
            self.notify(method, params)?;
        }
        Ok(outcome)
    }

    fn write(&mut self, name: &str, line: String) -> Result<(), ClientError> {
        self.tape.record(|| Entry::Sent(json(&line)));
        self.writer.write(line).map_err(|error| ClientError::unsent(name, error))
    }

    fn take_line(&self, line: Result<Message, Malformed>) -> Arrived {
        self.tape.record(|| {
            Entry::Received(match &line {
                Ok(message) => message.to_json(),
                Err(malformed) => Value::String(malformed.excerpt.clone()),
            })
        });
        line.into()
    }

    fn receive(&mut self, deadline: Instant) -> Option<Arrived> {
        match self.arrivals.recv_deadline(deadline) {
            Ok(line) => Some(self.take_line(line)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Arrived::Closed),
        }
    }

    fn take(
        &mut self,
        deadline: Instant,
        fits: impl Fn(&Message) -> bool,
    ) -> Result<Message, Silence> {
        let fitting = |arrived: &Arrived| matches!(arrived, Arrived::Message(m) if fits(m));
        let fitting = self.backlog.iter().position(fitting);
        if let Some(Arrived::Message(message)) = fitting.and_then(|at| self.backlog.remove(at)) {
            return Ok(message);
        }
        loop {
            match self.receive(deadline) {
                None => return Err(Silence::Deadline),
                Some(Arrived::Closed) => return Err(Silence::Closed),
                Some(Arrived::Message(message)) if fits(&message) => return Ok(message),
                Some(other) => self.backlog.push_back(other),
            }
            // Without this check a peer that never stops sending would hold us for ever.
            if Instant::now() >= deadline {
                return Err(Silence::Deadline);
            }
        }
    }
}

/// Why nothing came.
enum Silence {
    Deadline,
    Closed,
}

impl Silence {
    fn awaiting(self, awaited: String) -> ClientError {
        match self {
            Silence::Deadline => ClientError::Deadline { awaited },
            Silence::Closed => ClientError::Closed { awaited },
        }
    }
}

impl From<Result<Message, Malformed>> for Arrived {
    fn from(line: Result<Message, Malformed>) -> Arrived {
        line.map_or_else(Arrived::Garbage, Arrived::Message)
    }
}

impl ClientError {
    fn unsent(message: &str, error: WriteError) -> ClientError {
        let sent = format!("`{message}`");
        match error {
            WriteError::Unread(timeout) => ClientError::Unread { sent, seconds: timeout.as_secs() },
            WriteError::Broken(reason) => ClientError::Broken { sent, reason },
        }
    }

    fn for_answer_to(self, method: &str) -> ClientError {
        let awaited = format!("answer to `{method}`");
        match self {
            ClientError::Deadline { .. } => ClientError::Deadline { awaited },
            ClientError::Closed { .. } => ClientError::Closed { awaited },
            other => other,
        }
    }
}

impl CallId {
    /// The id in JSON-RPC.
    #[must_use]
    pub fn id(self) -> Id {
        Id::Number(self.0)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// A line as JSON; one that is not JSON is a text.
fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))
}
