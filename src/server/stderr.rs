//! A child's stderr, always read and never all kept.
//!
//! A thread reads it to its end, so that no child waits for us. Kept are the last bytes, the
//! count, and whether a panic was announced; a file may take the start.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

/// The bytes of stderr that are kept: a Rust backtrace fits several times.
const TAIL_BYTES: usize = 64 * 1024;

/// The bytes of stderr that go to a file: a chatty server must not fill a disk over many cases.
const FILE_BYTES: usize = 1024 * 1024;

/// The time a dead child's stderr may take to end: only a process that left the group holds it.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// The bytes of one read: what a pipe holds on Linux.
const CHUNK_BYTES: usize = 64 * 1024;

/// How Rust announces a panic.
const PANIC: &str = "panicked at";

#[derive(Debug)]
pub(super) struct Stderr {
    kept: Arc<Mutex<Kept>>,
    end: Receiver<Infallible>,
}

pub(super) struct Said {
    pub(super) tail: String,
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
        let (alive, end) = bounded(0);
        let shared = Arc::clone(&kept);
        let tee = Tee { file: tee, room: FILE_BYTES };
        thread::spawn(move || read(source, tee, (&shared, alive)));
        Stderr { kept, end }
    }

    /// What it said, once it has ended or has had time to.
    pub(super) fn said(&self) -> Said {
        let _ = self.end.recv_timeout(END_DEADLINE);
        let mut kept = lock(&self.kept);
        let tail = String::from_utf8_lossy(kept.tail.make_contiguous()).into_owned();
        Said { tail, bytes: kept.bytes, panicked: kept.panicked }
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

fn read(mut source: ChildStderr, mut tee: Tee, (kept, alive): (&Mutex<Kept>, Sender<Infallible>)) {
    let mut buffer = vec![0; CHUNK_BYTES];
    // The end of one chunk stays in front of the next: the announcement may stand across both.
    let mut carried = 0;
    while let Some(count) = more(&mut source, &mut buffer[carried..]) {
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
    drop(alive);
}

fn more(source: &mut ChildStderr, room: &mut [u8]) -> Option<usize> {
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
