//! Requests, answers, notifications over any byte stream.
//!
//! What a client sends is numbered and may be pipelined; what arrives is kept in order and handed
//! out once. Every wait has a deadline, a peer that reads nothing included. Knows lines and ids,
//! no method but those of the handshake, and nothing of processes.

mod lines;
pub mod socket;
mod writer;

use std::collections::VecDeque;
use std::fmt;
use std::io::{Read, Write};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Select, TryRecvError, select};
use lines::Lines;
use serde_json::Value;
use writer::{WRITE_DEADLINE, Writer};

use crate::protocol::rpc::{self, Id, Malformed, Message, RpcError, Surface};

/// One conversation. Dropping it lets go of the end it writes to.
///
/// ```
/// use std::time::{Duration, Instant};
/// use heirloom::client::Client;
/// use heirloom::server::{Launch, Server};
/// use heirloom::wire::rpc::{Message, Surface};
/// use serde_json::json;
///
/// let folder = tempfile::tempdir()?;
/// let mut launch = Launch::new("/bin/sh", folder.path());
/// let fake = r#"read hello; echo '{"id":1,"result":{"userAgent":"fake"}}'
///               read done; read ask; echo '{"method":"tick"}'; echo '{"id":2,"result":{}}'"#;
/// launch.arguments = vec!["-c".into(), fake.into()];
/// let mut server = Server::start(&launch)?;
/// let pipes = server.pipes().expect("nobody took them yet");
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
    arrivals: Receiver<Arrived>,
    backlog: VecDeque<Arrived>,
    calls: i64,
}

/// One thing that came from the peer.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrived {
    /// A message.
    Message(Message),
    /// A line that is none.
    Garbage(Malformed),
    /// The end: the peer closed its output. Nothing comes after it.
    Closed,
}

/// A request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(i64);

/// Why something did not go through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The peer lives and says nothing to the point.
    #[error("no {awaited} before the deadline; look at its stderr, or wait longer")]
    Deadline {
        /// What was waited for.
        awaited: String,
    },
    /// The peer went away first.
    #[error("no {awaited}: the process closed its stdout; look at how it ended")]
    Closed {
        /// What was waited for.
        awaited: String,
    },
    /// The peer does not read what it is sent.
    #[error("cannot send {sent}: the process has not read its stdin for {seconds} s; kill it")]
    Unread {
        /// What was to be sent.
        sent: String,
        /// How long the write was given.
        seconds: u64,
    },
    /// The peer closed its input.
    #[error("cannot send {sent}: {reason}; look at how the process ended")]
    Broken {
        /// What was to be sent.
        sent: String,
        /// What the operating system says.
        reason: String,
    },
}

impl Client {
    /// A conversation over what the peer says and what it hears.
    pub fn over(reader: impl Read + Send + 'static, writer: impl Write + Send + 'static) -> Client {
        Client {
            writer: Writer::over(writer, WRITE_DEADLINE),
            arrivals: Lines::over(reader).follow(),
            backlog: VecDeque::new(),
            calls: 0,
        }
    }

    /// Sends a request and does not wait for its answer.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn send(&mut self, method: &str, params: Value) -> Result<CallId, Lost> {
        self.calls += 1;
        let call = CallId(self.calls);
        self.say(method, rpc::request(&call.id(), method, params))?;
        Ok(call)
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn notify(&mut self, method: &str, params: Value) -> Result<(), Lost> {
        self.say(method, rpc::notification(method, params))
    }

    /// Answers a request of the server.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn reply(&mut self, id: &Id, result: Value) -> Result<(), Lost> {
        self.say("an answer", rpc::answer(id, result))
    }

    /// Refuses a request of the server.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn refuse(&mut self, id: &Id, code: i64, message: &str) -> Result<(), Lost> {
        self.say("a refusal", rpc::refusal(id, code, message))
    }

    /// Sends one line as it is: for what no well-behaved client says.
    ///
    /// # Errors
    /// When the peer does not take it.
    pub fn say_line(&mut self, line: &str) -> Result<(), Lost> {
        self.say("a line", line.to_owned())
    }

    /// The next thing that arrived and was not handed out before; `None` at the deadline.
    ///
    /// After the end it says [`Arrived::Closed`] at every call, without waiting.
    pub fn next(&mut self, deadline: Instant) -> Option<Arrived> {
        match self.backlog.pop_front() {
            Some(arrived) => Some(arrived),
            None => self.fresh(deadline),
        }
    }

    /// The next thing that arrived in any of several conversations, with the place of that
    /// conversation; of several that wait, the first one's. `None` at the deadline.
    pub fn first(clients: &mut [&mut Client], deadline: Instant) -> Option<(usize, Arrived)> {
        loop {
            for (place, client) in clients.iter_mut().enumerate() {
                if let Some(arrived) = client.waiting() {
                    return Some((place, arrived));
                }
            }
            let mut any = Select::new();
            for client in clients.iter() {
                any.recv(&client.arrivals);
            }
            any.ready_deadline(deadline).ok()?;
        }
    }

    /// What has arrived already and was not handed out before.
    fn waiting(&mut self) -> Option<Arrived> {
        if let Some(arrived) = self.backlog.pop_front() {
            return Some(arrived);
        }
        match self.arrivals.try_recv() {
            Ok(arrived) => Some(arrived),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Arrived::Closed),
        }
    }

    /// Everything that arrived until now and was not handed out before.
    pub fn drain(&mut self) -> Vec<Arrived> {
        let mut all: Vec<Arrived> = self.backlog.drain(..).collect();
        loop {
            match self.arrivals.try_recv() {
                Ok(arrived) => all.push(arrived),
                Err(TryRecvError::Empty) => return all,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        all.push(Arrived::Closed);
        all
    }

    /// What comes from another source; what arrives meanwhile is kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn beside<T>(&mut self, other: &Receiver<T>, deadline: Instant) -> Result<T, Lost> {
        let lost = |end: Silence| end.lost("news from elsewhere".to_owned());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(lost(Silence::Deadline));
            }
            select! {
                recv(other) -> item => return item.map_err(|_| lost(Silence::Deadline)),
                recv(self.arrivals) -> arrived => match arrived {
                    Ok(arrived) => self.backlog.push_back(arrived),
                    Err(_) => return Err(lost(Silence::Closed)),
                },
                default(left) => return Err(lost(Silence::Deadline)),
            }
        }
    }

    /// The answer to a request; what else arrives meanwhile is kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn answer_to(
        &mut self,
        call: CallId,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, Lost> {
        let wanted = call.id();
        let fits =
            |message: &Message| matches!(message, Message::Answer { id, .. } if *id == wanted);
        match self.take(deadline, fits) {
            Ok(Message::Answer { outcome, .. }) => Ok(outcome),
            Ok(_) => unreachable!("only an answer fits"),
            Err(end) => Err(end.lost(format!("answer to call {call}"))),
        }
    }

    /// The first message that fits; what else arrives meanwhile is kept for [`Client::next`].
    ///
    /// # Errors
    /// When the deadline or the peer's end comes first.
    pub fn wait(
        &mut self,
        deadline: Instant,
        fits: impl Fn(&Message) -> bool,
    ) -> Result<Message, Lost> {
        self.take(deadline, fits).map_err(|end| end.lost("message that fits".to_owned()))
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// When the peer does not take it, or the deadline or the peer's end comes first.
    pub fn call(
        &mut self,
        method: &str,
        params: Value,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, Lost> {
        let call = self.send(method, params)?;
        self.answer_to(call, deadline).map_err(|lost| lost.about(method))
    }

    /// The handshake that opens every conversation; its result is the server's introduction.
    ///
    /// # Errors
    /// When the peer does not take it, or the deadline or the peer's end comes first.
    pub fn initialize(
        &mut self,
        name: &str,
        surface: Surface,
        deadline: Instant,
    ) -> Result<Result<Value, RpcError>, Lost> {
        let (method, params) = rpc::initialize(name, surface);
        let outcome = self.call(method, params, deadline)?;
        if outcome.is_ok() {
            let (method, params) = rpc::initialized();
            self.notify(method, params)?;
        }
        Ok(outcome)
    }

    fn say(&mut self, what: &str, line: String) -> Result<(), Lost> {
        self.writer.write(line).map_err(|failed| failed.lost(what))
    }

    fn fresh(&mut self, deadline: Instant) -> Option<Arrived> {
        match self.arrivals.recv_deadline(deadline) {
            Ok(arrived) => Some(arrived),
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
        if let Some(place) = self.backlog.iter().position(&fitting) {
            match self.backlog.remove(place) {
                Some(Arrived::Message(message)) => return Ok(message),
                _ => unreachable!("the place was found a line above"),
            }
        }
        loop {
            match self.fresh(deadline) {
                None => return Err(Silence::Deadline),
                Some(Arrived::Closed) => return Err(Silence::Closed),
                Some(Arrived::Message(message)) if fits(&message) => return Ok(message),
                Some(other) => self.backlog.push_back(other),
            }
            // A peer that never stops talking would else be listened to for ever.
            if Instant::now() >= deadline {
                return Err(Silence::Deadline);
            }
        }
    }
}

/// Why nothing came, before it is known what for.
enum Silence {
    Deadline,
    Closed,
}

impl Silence {
    fn lost(self, awaited: String) -> Lost {
        match self {
            Silence::Deadline => Lost::Deadline { awaited },
            Silence::Closed => Lost::Closed { awaited },
        }
    }
}

impl Lost {
    fn about(self, method: &str) -> Lost {
        let better = format!("answer to `{method}`");
        match self {
            Lost::Deadline { .. } => Lost::Deadline { awaited: better },
            Lost::Closed { .. } => Lost::Closed { awaited: better },
            other => other,
        }
    }
}

impl CallId {
    /// The id on the wire.
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
