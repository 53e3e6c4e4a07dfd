//! A WebSocket as a stream of lines, so that a client is the same over pipes and over a socket.
//!
//! A server with several clients speaks WebSocket, where a message is one frame of text without a
//! line end. A fault of the frames is read as a last line.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::HandshakeRole;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{HandshakeError, Message, WebSocket};

use super::lines::LINE_BYTES;

/// The address in the handshake: the server takes any host and any path.
const ADDRESS: &str = "ws://localhost/";

/// Reads the peer's messages, one a line.
#[derive(Debug)]
pub struct SocketReader {
    socket: WebSocket<Shared>,
    /// The line that is being handed out, and how much of it was.
    line: Vec<u8>,
    read: usize,
    over: bool,
}

/// Sends each line as a message. Dropping it ends the connection.
#[derive(Debug)]
pub struct SocketWriter {
    socket: WebSocket<Shared>,
    line: Vec<u8>,
}

/// The stream that reader and writer share. Both may write, one whole frame at a time: the reader
/// answers pings.
#[derive(Debug)]
struct Shared {
    stream: UnixStream,
    writes: Arc<Mutex<UnixStream>>,
}

/// Makes the handshake, and returns the two ends for [`super::Client::over`].
///
/// # Errors
/// When the peer does not answer within `timeout`, or the stream breaks.
pub fn open(stream: UnixStream, timeout: Duration) -> io::Result<(SocketReader, SocketWriter)> {
    ends(stream, timeout, Role::Client, |shared, config| {
        let connected = tungstenite::client::client_with_config(ADDRESS, shared, config);
        connected.map(|(socket, _)| socket).map_err(failure)
    })
}

/// Takes the handshake of a client, and returns the two ends as [`open`] does.
///
/// # Errors
/// When the client says nothing within `timeout`, or the stream breaks.
#[cfg(any(test, feature = "power"))]
pub fn accept(stream: UnixStream, timeout: Duration) -> io::Result<(SocketReader, SocketWriter)> {
    ends(stream, timeout, Role::Server, |shared, config| {
        tungstenite::accept_with_config(shared, config).map_err(failure)
    })
}

fn failure<R: HandshakeRole>(error: HandshakeError<R>) -> io::Error {
    match error {
        HandshakeError::Failure(error) => io::Error::other(error),
        HandshakeError::Interrupted(_) => io::ErrorKind::TimedOut.into(),
    }
}

fn ends(
    stream: UnixStream,
    timeout: Duration,
    role: Role,
    shake_hands: impl FnOnce(Shared, Option<WebSocketConfig>) -> io::Result<WebSocket<Shared>>,
) -> io::Result<(SocketReader, SocketWriter)> {
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let writes = Arc::new(Mutex::new(stream.try_clone()?));
    let other = Shared { stream: stream.try_clone()?, writes: Arc::clone(&writes) };
    let config = WebSocketConfig::default()
        .max_message_size(Some(LINE_BYTES))
        .max_frame_size(Some(LINE_BYTES));
    let socket = shake_hands(Shared { stream, writes }, Some(config))?;
    socket.get_ref().stream.set_read_timeout(None)?;
    socket.get_ref().stream.set_write_timeout(None)?;
    let writer = WebSocket::from_raw_socket(other, role, Some(config));
    let reader = SocketReader { socket, line: Vec::new(), read: 0, over: false };
    Ok((reader, SocketWriter { socket: writer, line: Vec::new() }))
}

impl SocketReader {
    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Vec<u8>> {
        while !self.over {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Some(text.as_bytes().to_vec()),
                Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
                Ok(Message::Close(_)) => self.over = true,
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_)) => {
                    self.over = true;
                }
                // A server that is terminated ends without a closing handshake.
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                    self.over = true;
                }
                Err(error) => {
                    self.over = true;
                    return Some(error.to_string().into_bytes());
                }
            }
        }
        None
    }
}

impl Read for SocketReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.line.len() {
            let Some(mut line) = self.next() else {
                return Ok(0);
            };
            line.push(b'\n');
            (self.line, self.read) = (line, 0);
        }
        let count = into.len().min(self.line.len() - self.read);
        into[..count].copy_from_slice(&self.line[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for SocketWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let rest = self.line.split_off(end + 1);
            let mut line = std::mem::replace(&mut self.line, rest);
            line.truncate(end);
            let text = String::from_utf8_lossy(&line).into_owned();
            self.socket.send(Message::text(text)).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().map_err(io::Error::other)
    }
}

impl Drop for SocketWriter {
    fn drop(&mut self) {
        // A stream that is broken already cannot be shut, and need not be.
        let _ = self.socket.get_ref().stream.shutdown(Shutdown::Both);
    }
}

impl Read for Shared {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.read(into)
    }
}

impl Write for Shared {
    /// Writes everything: each call is given whole frames.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::{Duration, Instant};

    use expect_test::{Expect, expect};
    use serde_json::json;
    use tungstenite::Message;

    use super::SocketReader;
    use crate::client::{Arrived, Client};

    const SOON: Duration = Duration::from_secs(10);

    /// What a client gets from a peer that pings it, answers its request and sends this.
    fn check(last: &'static str, expected: Expect) {
        let (ours, theirs) = UnixStream::pair().expect("the system grants a pair");
        let peer = thread::spawn(move || {
            let mut socket = tungstenite::accept(theirs).expect("the client shakes hands");
            socket.send(Message::Ping("are you there".into())).expect("it listens");
            let mut read = || socket.read().expect("it speaks").to_string();
            let mut received = [read(), read()];
            received.sort();
            socket.send(Message::text(r#"{"id":1,"result":{}}"#)).expect("it listens");
            socket.send(Message::text(last)).expect("it listens");
            received.join("\n")
        });
        let (reader, writer) = super::open(ours, SOON).expect("the peer shakes hands");
        let mut client = Client::over(reader, writer);
        let deadline = Instant::now() + SOON;
        let answer = client.call("thread/list", json!({}), deadline).expect("it is answered");
        let mut text = format!("{answer:?}\n{:?}\n", client.next(deadline));
        text.push_str(&peer.join().expect("the peer ends well"));
        text.push_str(&format!("\n{:?}", client.next(deadline) == Some(Arrived::Closed)));
        expected.assert_eq(&text);
    }

    #[test]
    fn messages_are_lines_and_pings_are_answered() {
        check(
            r#"{"method":"tick"}"#,
            expect![[r#"
                Ok(Object {})
                Some(Message(Notification { method: "tick", params: Null, beside: {} }))
                are you there
                {"id":1,"method":"thread/list","params":{}}
                true"#]],
        );
    }

    #[test]
    fn both_ends_of_a_socket_read_what_the_other_writes() {
        let (ours, theirs) = UnixStream::pair().expect("the system grants a pair");
        let peer = thread::spawn(move || super::accept(theirs, SOON));
        let (from_server, mut to_server) = super::open(ours, SOON).expect("the peer shakes hands");
        let peer = peer.join().expect("it does not panic");
        let (from_client, mut to_client) = peer.expect("the client shakes hands");
        to_server.write_all(b"request\n").expect("it listens");
        to_client.write_all(b"answer\n").expect("it listens");
        let first = |from: SocketReader| BufReader::new(from).lines().next().map(Result::ok);
        assert_eq!(first(from_client), Some(Some("request".to_owned())));
        drop(to_client);
        let mut rest = String::new();
        BufReader::new(from_server).read_to_string(&mut rest).expect("it ends");
        assert_eq!(rest, "answer\n");
    }

    #[test]
    fn a_text_that_is_not_a_message_is_garbage() {
        check(
            "hello",
            expect![[r#"
                Ok(Object {})
                Some(Garbage(Malformed { reason: "not JSON (expected value at line 1 column 1)", excerpt: "hello" }))
                are you there
                {"id":1,"method":"thread/list","params":{}}
                true"#]],
        );
    }

    #[test]
    fn a_peer_without_a_handshake_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().expect("the system grants a pair");
        let refused: io::Result<_> = super::open(ours, Duration::from_millis(20));
        expect!["true"].assert_eq(&refused.is_err().to_string());
    }
}
