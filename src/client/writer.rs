//! Writes to a peer that may not read.
//!
//! A thread owns the stream and writes one line at a time. The caller waits until the line is
//! written, so that it was really sent before a stop or a kill, but not longer than a deadline.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// How long a peer may leave a line unread once its pipe is full: a server reads within
/// milliseconds, a loaded machine may take seconds.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Writer {
    lines: Sender<String>,
    written: Receiver<io::Result<()>>,
    timeout: Duration,
    stuck: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    Unread(Duration),
    Broken(String),
}

impl Writer {
    pub(super) fn over(stream: impl Write + Send + 'static, timeout: Duration) -> Writer {
        let (lines, queue) = bounded(1);
        let (done, written) = bounded(1);
        thread::spawn(move || write_all(stream, &queue, &done));
        Writer { lines, written, timeout, stuck: false }
    }

    /// Writes a line and its end. A peer that left one line unread gets no more time.
    pub(super) fn write(&mut self, line: String) -> Result<(), WriteError> {
        if self.stuck {
            return Err(WriteError::Unread(self.timeout));
        }
        let gone = || WriteError::Broken("the stream is closed".to_owned());
        self.lines.send(line).map_err(|_| gone())?;
        match self.written.recv_timeout(self.timeout) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(WriteError::Broken(error.to_string())),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                self.stuck = true;
                Err(WriteError::Unread(self.timeout))
            }
        }
    }
}

fn write_all(mut stream: impl Write, queue: &Receiver<String>, done: &Sender<io::Result<()>>) {
    for mut line in queue {
        line.push('\n');
        let written = stream.write_all(line.as_bytes()).and_then(|()| stream.flush());
        let failed = written.is_err();
        if done.send(written).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::time::Duration;

    use crossbeam_channel::{Receiver, unbounded};

    use super::{WriteError, Writer};

    /// Blocks for as long as the test runs.
    struct Blocked(Receiver<()>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_peer_that_reads_nothing_is_given_up() {
        let (running, never) = unbounded();
        let timeout = Duration::from_millis(20);
        let mut writer = Writer::over(Blocked(never), timeout);
        let mut write = || writer.write("hello".to_owned());
        let outcomes = [write(), write()];
        drop(running);
        assert_eq!(outcomes, [Err(WriteError::Unread(timeout)), Err(WriteError::Unread(timeout))]);
    }
}
