//! The thread that starts every child.
//!
//! Linux sends a parent-death signal when the *thread* that started a child ends, so one thread
//! that lives as long as this process starts them all. Each child gets a process group of its own,
//! and SIGKILL when this process ends, however that happens.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

struct Job {
    command: Command,
    done: Sender<io::Result<Child>>,
}

pub(super) fn spawn(mut command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();

    command.process_group(0);
    die_with_parent(&mut command);
    let (done, child) = bounded(1);
    let jobs = SPAWNER.get_or_init(|| {
        let (jobs, queue) = unbounded();
        thread::spawn(move || run_jobs(&queue));
        jobs
    });
    jobs.send(Job { command, done }).expect("the spawner lives as long as the process");
    child.recv().expect("the spawner answers every job")
}

fn run_jobs(queue: &Receiver<Job>) {
    for mut job in queue {
        let _ = job.done.send(job.command.spawn());
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "between fork and exec only three system calls run, all allowed")]
fn die_with_parent(command: &mut Command) {
    use nix::errno::Errno;
    use nix::sys::prctl;
    use nix::sys::signal::{SigHandler, Signal, signal};
    use nix::unistd::{Pid, getppid};

    let parent = Pid::this();
    let before_exec = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // SAFETY: no handler is installed that could run.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn)? };
        // A parent that died before the call above sends no signal.
        if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
    };
    // SAFETY: `before_exec` allocates nothing and takes no lock; its calls are async-signal-safe.
    unsafe { command.pre_exec(before_exec) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
