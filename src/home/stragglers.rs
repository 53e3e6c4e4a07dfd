//! Processes that outlive their server.
//!
//! The sandbox of a command is not in its server's group, and asks the system to end with the server.
//! One whose server is killed before that waits for ever. Its temporary folder says whose it is.

use std::path::Path;

/// Kills this user's processes whose temporary folder lies below this one.
#[cfg(target_os = "linux")]
pub(super) fn kill_below(folder: &Path) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    for path in processes.flatten().map(|entry| entry.path()) {
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let Some(pid) = number.and_then(Pid::from_raw) else { continue };
        // Opened first: the signal then reaches the process that is read about, or none.
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && lives_below(&path, folder)
        {
            // It may have ended by now.
            let _ = pidfd_send_signal(&process, Signal::KILL);
        }
    }
}

/// Without `/proc` nothing says whose a process is.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_below(_: &Path) {}

/// Whether a process has its temporary folder there. Those of other users cannot be read.
#[cfg(target_os = "linux")]
fn lives_below(process: &Path, folder: &Path) -> bool {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let environment = std::fs::read(process.join("environ")).unwrap_or_default();
    let mut folders = environment.split(|byte| *byte == 0).filter_map(|variable| {
        variable.strip_prefix(b"TMPDIR=").map(|value| Path::new(OsStr::from_bytes(value)))
    });
    folders.any(|temporary| temporary.starts_with(folder))
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::path::Path;
    use std::process::{Child, Command};

    use super::kill_below;

    /// A process in a group of its own that waits.
    fn waiting(temporary: &Path) -> Child {
        let mut command = Command::new("sleep");
        command.arg("60").env("TMPDIR", temporary).process_group(0);
        let child = command.spawn().expect("the system has sleep");
        // A program that was started has its environment a moment later.
        let environment = format!("/proc/{}/environ", child.id());
        while std::fs::read(&environment).expect("the process is there").is_empty() {
            std::thread::yield_now();
        }
        child
    }

    #[test]
    fn a_process_in_the_folder_ends_and_no_other_does() {
        let base = tempfile::tempdir().expect("a folder can be made");
        let mut own = waiting(&base.path().join("root/0/temp"));
        let mut other = waiting(&base.path().join("roots"));
        kill_below(&base.path().join("root"));
        assert_eq!(own.wait().expect("it was started").signal(), Some(9));
        assert_eq!(other.try_wait().expect("it was started"), None);
        other.kill().and_then(|()| other.wait()).expect("it was started");
    }
}
