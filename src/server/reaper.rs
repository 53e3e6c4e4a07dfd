//! A child's end: waits for it, and takes the whole group along.
//!
//! One thread blocks until the child is over, kills what is left of its group, and only then
//! takes the exit status: until it is taken the id cannot be given to a stranger, so that no
//! signal ever goes to one.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::server::Exit;

#[derive(Debug)]
pub(super) struct Reaper {
    pid: Pid,
    reaped: Arc<Mutex<bool>>,
    exits: Receiver<Exit>,
    exit: Option<Exit>,
}

impl Reaper {
    pub(super) fn hold(child: Child) -> Reaper {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id fits its type"));
        let reaped = Arc::new(Mutex::new(false));
        let (told, exits) = bounded(1);
        let shared = Arc::clone(&reaped);
        thread::spawn(move || {
            let _ = told.send(outlive(child, pid, &shared));
        });
        Reaper { pid, reaped, exits, exit: None }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// Kills the whole group.
    pub(super) fn kill(&self) {
        self.unless_gone(|| {
            let _ = killpg(self.pid, Signal::SIGKILL);
        });
    }

    /// Asks the child alone to end: whatever it has started is its own to end.
    pub(super) fn ask(&self) {
        self.unless_gone(|| {
            let _ = kill(self.pid, Signal::SIGTERM);
        });
    }

    fn unless_gone(&self, signal: impl FnOnce()) {
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

    pub(super) fn exit_within(&mut self, timeouts: Duration) -> Option<Exit> {
        self.exit = self.exit.or_else(|| self.exits.recv_timeout(timeouts).ok());
        self.exit
    }
}

#[cfg(target_os = "linux")]
fn outlive(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> Exit {
    use nix::errno::Errno;
    use nix::sys::wait::{Id, WaitPidFlag, waitid};

    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(pid), flags) == Err(Errno::EINTR) {}
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = killpg(pid, Signal::SIGKILL);
    let exit = child.wait();
    *reaped = true;
    exit.map_or(Exit::Unknown, spell)
}

/// Elsewhere nothing waits without taking the status: the group is looked after a moment later.
#[cfg(not(target_os = "linux"))]
fn outlive(mut child: Child, pid: Pid, reaped: &Mutex<bool>) -> Exit {
    let exit = child.wait();
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = killpg(pid, Signal::SIGKILL);
    *reaped = true;
    exit.map_or(Exit::Unknown, spell)
}

fn spell(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}
