//! Waits for a child's end, and kills the rest of its process group then.
//!
//! A thread blocks until the child has ended, kills what is left of its group, and only then takes
//! the exit status. Until that is taken the system does not give the id to another process, so no
//! signal goes to a stranger.

use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::server::exit::Exit;

#[derive(Debug)]
pub(super) struct Reaper {
    pid: Pid,
    reaped: Arc<Mutex<bool>>,
    exits: Receiver<Exit>,
    exit: Option<Exit>,
}

impl Reaper {
    pub(super) fn new(child: Child) -> Reaper {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits its type"));
        let reaped = Arc::new(Mutex::new(false));
        let (send, exits) = bounded(1);
        let shared = Arc::clone(&reaped);
        thread::spawn(move || {
            let _ = send.send(reap(child, pid, &shared));
        });
        Reaper { pid, reaped, exits, exit: None }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Kills the whole group.
    pub(super) fn kill(&self) {
        self.unless_reaped(|| {
            let _ = killpg(self.pid, Signal::SIGKILL);
        });
    }

    /// Sends SIGTERM to the child alone, which ends the processes that it has started.
    pub(super) fn terminate(&self) {
        self.unless_reaped(|| {
            let _ = kill(self.pid, Signal::SIGTERM);
        });
    }

    fn unless_reaped(&self, signal: impl FnOnce()) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            signal();
        }
    }

    pub(super) fn exit_now(&mut self) -> Option<Exit> {
        self.exit = self.exit.or_else(|| self.exits.try_recv().ok());
        self.exit
    }

    pub(super) fn exit_by(&mut self, deadline: Instant) -> Option<Exit> {
        self.exit = self.exit.or_else(|| self.exits.recv_deadline(deadline).ok());
        self.exit
    }

    pub(super) fn exit_within(&mut self, timeout: Duration) -> Option<Exit> {
        self.exit = self.exit.or_else(|| self.exits.recv_timeout(timeout).ok());
        self.exit
    }
}

#[cfg(target_os = "linux")]
fn reap(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> Exit {
    use nix::errno::Errno;
    use nix::sys::wait::{Id, WaitPidFlag, waitid};

    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = killpg(pid, Signal::SIGKILL);
    let exit = child.wait();
    *reaped = true;
    exit.map_or(Exit::Unknown, Exit::from)
}

/// Other systems cannot wait without taking the status, so the group is killed a moment later.
#[cfg(not(target_os = "linux"))]
fn reap(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> Exit {
    let exit = child.wait();
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = killpg(pid, Signal::SIGKILL);
    *reaped = true;
    exit.map_or(Exit::Unknown, Exit::from)
}
