//! Writing to a peer that may not read.
//!
//! A thread owns the stream and writes one line at a time; whoever sends waits until the line is
//! gone, so that what was sent before a stop or a kill was really sent, and not for ever.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::client::Lost;

/// The time a peer may leave a line unread once its pipe is full: a live server reads within
/// milliseconds, and a loaded machine may take seconds.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Writer {
    lines: Sender<String>,
    written: Receiver<io::Result<()>>,
    timeouts: Duration,
    stuck: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    Unread(Duration),
    Broken(String),
}

impl Writer {
    pub(super) fn over(stream: impl Write + Send + 'static, timeouts: Duration) -> Writer {
        let (lines, queue) = bounded(1);
        let (told, written) = bounded(1);
        thread::spawn(move || write_all(stream, &queue, &told));
        Writer { lines, written, timeouts, stuck: false }
    }

    /// Writes a line and its end; a peer that left one line unread is given no further time.
    pub(super) fn write(&mut self, line: String) -> Result<(), Failed> {
        if self.stuck {
            return Err(Failed::Unread(self.timeouts));
        }
        let gone = || Failed::Broken("the stream is closed".to_owned());
        self.lines.send(line).map_err(|_| gone())?;
        match self.written.recv_timeout(self.timeouts) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failed::Broken(error.to_string())),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                self.stuck = true;
                Err(Failed::Unread(self.timeouts))
            }
        }
    }
}

impl Failed {
    pub(super) fn lost(self, what: &str) -> Lost {
        let sent = format!("`{what}`");
        match self {
            Failed::Unread(timeouts) => Lost::Unread { sent, seconds: timeouts.as_secs() },
            Failed::Broken(reason) => Lost::Broken { sent, reason },
        }
    }
}

fn write_all(mut stream: impl Write, queue: &Receiver<String>, told: &Sender<io::Result<()>>) {
    for mut line in queue {
        line.push('\n');
        let written = stream.write_all(line.as_bytes()).and_then(|()| stream.flush());
        let failed = written.is_err();
        if told.send(written).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::time::Duration;

    use crossbeam_channel::{Receiver, unbounded};

    use super::{Failed, Writer};

    /// Takes nothing for as long as the test runs.
    struct Deaf(Receiver<()>);

    impl Write for Deaf {
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
        let timeouts = Duration::from_millis(20);
        let mut writer = Writer::over(Deaf(never), timeouts);
        let mut said = || writer.write("hello".to_owned());
        let outcomes = [said(), said()];
        drop(running);
        assert_eq!(outcomes, [Err(Failed::Unread(timeouts)), Err(Failed::Unread(timeouts))]);
    }
}
