//! A byte stream, read line by line.
//!
//! A thread reads to the end of the stream. A line longer than the limit is skipped to its end and
//! counts as garbage. While too many lines wait to be taken the thread stops reading, so that
//! memory stays bounded.

use std::io::{BufRead, BufReader, Read};
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use crate::protocol::rpc::{self, EXCERPT_BYTES, Malformed, Message};

/// The longest line: the longest answer seen is far below it.
pub(super) const LINE_BYTES: usize = 64 * 1024 * 1024;

/// How many lines may wait to be taken: a turn sends a few dozen.
const WAITING: usize = 1024;

/// The bytes of one read: what a pipe holds on Linux.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) struct Lines<R> {
    source: BufReader<R>,
}

/// A line, without its end where it is whole.
enum Line {
    Whole(Vec<u8>),
    Overlong(Vec<u8>),
}

impl<R: Read + Send + 'static> Lines<R> {
    pub(super) fn over(reader: R) -> Lines<R> {
        Lines { source: BufReader::with_capacity(CHUNK_BYTES, reader) }
    }

    /// Receives every line as it comes; the channel ends with the stream.
    pub(super) fn receive(mut self) -> Receiver<Result<Message, Malformed>> {
        let (send, arrivals) = bounded(WAITING);
        thread::spawn(move || {
            while let Some(line) = self.next() {
                if send.send(parse(line)).is_err() {
                    return;
                }
            }
        });
        arrivals
    }

    fn next(&mut self) -> Option<Line> {
        let mut line = Vec::new();
        let limit = LINE_BYTES as u64 + 1;
        // A stream that fails has ended: the bytes before the failure are a last line.
        let _ = self.source.by_ref().take(limit).read_until(b'\n', &mut line);
        if line.is_empty() {
            return None;
        }
        if line.ends_with(b"\n") || line.len() <= LINE_BYTES {
            return Some(Line::Whole(line));
        }
        line.truncate(EXCERPT_BYTES);
        let _ = self.source.skip_until(b'\n');
        Some(Line::Overlong(line))
    }
}

fn parse(line: Line) -> Result<Message, Malformed> {
    match line {
        Line::Overlong(start) => {
            Err(Malformed::new(format!("longer than {LINE_BYTES} bytes"), &start))
        }
        Line::Whole(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => rpc::parse(text),
            Err(_) => Err(Malformed::new("not UTF-8", &bytes)),
        },
    }
}
