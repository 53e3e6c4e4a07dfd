//! A child's stderr.
//!
//! A thread reads it to its end, so that the child never blocks on it. Kept are the last bytes, the
//! count, and whether there was a panic; a file may take the first bytes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

/// How much of stderr is kept: several Rust backtraces fit.
const TAIL_BYTES: usize = 64 * 1024;

/// How much of stderr goes to a file: a chatty server must not fill a disk over many cases.
const FILE_BYTES: usize = 1024 * 1024;

/// The time a dead child's stderr may take to end: only a process that left the group holds it.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// The bytes of one read: what a pipe holds on Linux.
const CHUNK_BYTES: usize = 64 * 1024;

/// How Rust reports a panic.
const PANIC: &str = "panicked at";

#[derive(Debug)]
pub(super) struct Stderr {
    kept: Arc<Mutex<Kept>>,
    end: Receiver<Infallible>,
}

/// What is left of a stderr that has ended.
pub(super) struct Finished {
    pub(super) tail: String,
    /// How many bytes there were in all.
    pub(super) bytes: u64,
    pub(super) panicked: bool,
}

#[derive(Debug, Default)]
struct Kept {
    tail: VecDeque<u8>,
    bytes: u64,
    panicked: bool,
}

#[derive(Debug)]
struct Tee {
    file: Option<File>,
    room: usize,
}

impl Stderr {
    pub(super) fn follow(source: ChildStderr, tee: Option<File>) -> Stderr {
        let kept = Arc::new(Mutex::new(Kept::default()));
        // Nothing is ever sent: the channel ends with the thread.
        let (alive, end) = bounded::<Infallible>(0);
        let shared = Arc::clone(&kept);
        let tee = Tee { file: tee, room: FILE_BYTES };
        thread::spawn(move || {
            read(source, tee, &shared);
            drop(alive);
        });
        Stderr { kept, end }
    }

    /// Waits for the end of stderr, but not for ever.
    pub(super) fn finish(&self) -> Finished {
        let _ = self.end.recv_timeout(END_DEADLINE);
        let mut kept = lock(&self.kept);
        let tail = String::from_utf8_lossy(kept.tail.make_contiguous()).into_owned();
        Finished { tail, bytes: kept.bytes, panicked: kept.panicked }
    }
}

impl Kept {
    fn add(&mut self, chunk: &[u8]) {
        self.bytes += chunk.len() as u64;
        let new = &chunk[chunk.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (self.tail.len() + new.len()).saturating_sub(TAIL_BYTES);
        self.tail.drain(..surplus);
        self.tail.extend(new);
    }
}

impl Tee {
    fn add(&mut self, chunk: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let fits = &chunk[..chunk.len().min(self.room)];
        let mut written = file.write_all(fits);
        self.room -= fits.len();
        let full = fits.len() < chunk.len();
        if full && written.is_ok() {
            written = file.write_all(b"\n[cut here: more followed]\n");
        }
        if full || written.is_err() {
            self.file = None;
        }
    }
}

fn read(mut source: ChildStderr, mut tee: Tee, kept: &Mutex<Kept>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    // The end of one chunk stays in front of the next: a report of a panic may span both.
    let mut carried = 0;
    while let Some(count) = read_chunk(&mut source, &mut buffer[carried..]) {
        let filled = carried + count;
        let chunk = &buffer[carried..filled];
        let panicked = String::from_utf8_lossy(&buffer[..filled]).contains(PANIC);
        tee.add(chunk);
        let mut kept = lock(kept);
        kept.add(chunk);
        kept.panicked |= panicked;
        drop(kept);
        carried = filled.min(PANIC.len() - 1);
        buffer.copy_within(filled - carried..filled, 0);
    }
}

fn read_chunk(source: &mut ChildStderr, room: &mut [u8]) -> Option<usize> {
    loop {
        match source.read(room) {
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
