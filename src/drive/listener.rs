//! A listener on loopback that a probe tries to reach.
//!
//! It takes one connection and answers it, so that a proxy between the two has something to pass on.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The answer to whoever asks for something.
const ANSWER: &[u8] = b"HTTP/1.0 204 No Content\r\n\r\n";

/// The longest request of a probe or of its proxy that is read before the answer.
const REQUEST_MAX: usize = 4096;

/// How long the request may take: it follows the connection at once, and a peer that sends none and
/// stays would hold the run.
const REQUEST_DEADLINE: Duration = Duration::from_secs(1);

/// A listener for one connection.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    /// Ends with the first connection, and says whose it was.
    first: JoinHandle<Option<SocketAddr>>,
}

impl Listener {
    pub(super) fn new() -> io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let first = thread::Builder::new().spawn(move || {
            let (mut stream, peer) = listener.accept().ok()?;
            stream.set_read_timeout(Some(REQUEST_DEADLINE)).ok()?;
            // Who is gone again was here all the same.
            drop(stream.read(&mut [0; REQUEST_MAX]).and_then(|_| stream.write_all(ANSWER)));
            Some(peer)
        })?;
        Ok(Listener { address, first })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Whether a connection has come. The command is over, so one that it made came before this one.
    pub(super) fn was_reached(self) -> bool {
        let last = TcpStream::connect(self.address).ok();
        let own = last.as_ref().and_then(|stream| stream.local_addr().ok());
        drop(last);
        self.first.join().ok().flatten().is_some_and(|peer| Some(peer) != own)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::Listener;

    #[test]
    fn a_connection_is_answered_and_remembered() {
        let listener = Listener::new().expect("loopback is up");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port()))
            .expect("it takes a connection");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it takes a connection");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it takes a connection");
        assert!(answer.starts_with("HTTP/1.0 204"), "{answer}");
        assert!(listener.was_reached());
    }

    #[test]
    fn a_connection_that_is_gone_again_was_there() {
        let listener = Listener::new().expect("loopback is up");
        drop(
            TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port()))
                .expect("it takes a connection"),
        );
        assert!(listener.was_reached());
    }

    #[test]
    fn without_one_it_was_not_reached() {
        assert!(!Listener::new().expect("loopback is up").was_reached());
    }
}
