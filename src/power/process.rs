//! The stand-in's process: it starts the real server, and passes on the lines of its clients.
//!
//! A server on pipes has one client. One on a socket has several: the stand-in listens in its place,
//! and the real server on a socket beside it. A line that is not JSON passes as it is. Arguments
//! other than those of a server go to the real one.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fs, io, thread};

use crossbeam_channel::{Receiver, bounded};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use super::memory::Memory;
use super::stand_in::{Passed, StandIn};
use super::{Change, Planted};
use crate::client::socket;

/// The argument that makes a server of the executable.
const SERVER: &str = "app-server";

/// The argument before the address of a server on a socket.
const LISTEN: &str = "--listen";

const CONFIG: &str = "config.toml";

/// The pause between two attempts to connect to the real server's socket.
const RETRY: Duration = Duration::from_millis(5);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The stand-in in the home of its server.
struct Site {
    home: PathBuf,
    stand_in: Mutex<StandIn>,
}

/// Runs the real server behind a fault; gives the exit code.
///
/// # Errors
/// The server cannot be started, or a pipe breaks in an unexpected way.
pub fn run(fault: Planted, real: &Path, arguments: &[String]) -> io::Result<i32> {
    let mut command = Command::new(real);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let address = match words[..] {
        [SERVER] => None,
        [SERVER, LISTEN, address] => Some(address),
        _ => return Err(command.args(arguments).exec()),
    };
    let home = PathBuf::from(env::var_os("CODEX_HOME").unwrap_or_default());
    let forgets = fault.change == Change::ForgetLastSettings;
    let stand_in = StandIn::new(fault, Memory::load(&home), read_config(&home));
    let site = Arc::new(Site { home, stand_in: Mutex::new(stand_in) });
    site.lock().memory.save(&site.home)?;
    let ended = match address.and_then(|address| address.strip_prefix("unix://")) {
        Some(path) => over_socket(&site, command, Path::new(path))?,
        None => over_pipes(&site, command.args(arguments))?,
    };
    if forgets {
        forget_last_settings(&site.home.join("sessions"))?;
    }
    let mut stand_in = site.lock();
    stand_in.memory.ended = true;
    stand_in.memory.save(&site.home)?;
    // The reader of stdin may wait for a client that does not know of the end.
    std::process::exit(ended.code().unwrap_or(1))
}

fn over_pipes(site: &Arc<Site>, command: &mut Command) -> io::Result<ExitStatus> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let input = Inlet::new(child.stdin.take().expect("it is piped"));
    let output = child.stdout.take().expect("it is piped");
    let (requests, to_server) = (Arc::clone(site), Arc::clone(&input));
    thread::spawn(move || requests.pass_requests(0, io::stdin(), &to_server));
    site.pass_answers(0, output, io::stdout(), &input);
    child.wait()
}

fn over_socket(site: &Arc<Site>, mut command: Command, path: &Path) -> io::Result<ExitStatus> {
    let inner = path.with_extension("real");
    // A killed server leaves its socket.
    let _ = fs::remove_file(&inner);
    let address = format!("unix://{}", inner.display());
    let child = command.args([SERVER, LISTEN, &address]).spawn()?;
    pass_signals(&child)?;
    let ends = end_of(child);
    while UnixStream::connect(&inner).is_err() {
        if let Ok(ended) = ends.recv_timeout(RETRY) {
            return ended;
        }
    }
    let listener = UnixListener::bind(path)?;
    let site = Arc::clone(site);
    thread::spawn(move || {
        for (client, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let (site, inner) = (Arc::clone(&site), inner.clone());
            // A client that does not speak is none.
            thread::spawn(move || site.serve(client, stream, &inner).ok());
        }
    });
    ends.recv().expect("its sender waits for the child")
}

/// A server on a socket is ended by a signal, which only this process receives.
fn pass_signals(child: &Child) -> io::Result<()> {
    let pid = Pid::from_raw(child.id().try_into().map_err(io::Error::other)?);
    let mut signals = Signals::new([SIGTERM])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = kill(pid, Signal::SIGTERM);
        }
    });
    Ok(())
}

fn end_of(mut child: Child) -> Receiver<io::Result<ExitStatus>> {
    let (send, ends) = bounded(1);
    thread::spawn(move || send.send(child.wait()));
    ends
}

fn read_config(home: &Path) -> toml::Table {
    let text = fs::read_to_string(home.join(CONFIG)).unwrap_or_default();
    text.parse().unwrap_or_default()
}

impl Site {
    fn lock(&self) -> MutexGuard<'_, StandIn> {
        self.stand_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the lines of one client of a socket, until either side ends.
    fn serve(self: Arc<Site>, client: usize, stream: UnixStream, inner: &Path) -> io::Result<()> {
        let (from_client, to_client) = socket::accept(stream, HANDSHAKE)?;
        let (from_server, to_server) = socket::open(UnixStream::connect(inner)?, HANDSHAKE)?;
        let to_server = Inlet::new(to_server);
        let (requests, inlet) = (Arc::clone(&self), Arc::clone(&to_server));
        thread::spawn(move || requests.pass_requests(client, from_client, &inlet));
        self.pass_answers(client, from_server, to_client, &to_server);
        Ok(())
    }

    fn pass_requests(&self, client: usize, from: impl Read, to: &Inlet<impl Write>) {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let passed = through(&line, |message| {
                let mut stand_in = self.lock();
                // Config may change between two requests.
                let config = read_config(&self.home);
                stand_in.config = config.clone();
                let lines = stand_in.request(client, message);
                if stand_in.config != config {
                    let text = stand_in.config.to_string();
                    fs::write(self.home.join(CONFIG), text).expect("config can be written");
                }
                Passed { lines, ..Passed::default() }
            });
            if to.write(&passed.lines).is_err() {
                break;
            }
        }
        to.close();
    }

    fn pass_answers(
        &self,
        client: usize,
        from: impl Read,
        mut to: impl Write,
        back: &Inlet<impl Write>,
    ) {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let passed = through(&line, |message| self.lock().answer(client, message));
            let _ = self.lock().memory.save(&self.home);
            if passed.dies {
                // The group of the process goes with it.
                std::process::exit(1);
            }
            // The server may be gone.
            back.write(&passed.back).ok();
            for line in passed.lines {
                // The client may be gone, and the server goes on.
                writeln!(to, "{line}").and_then(|()| to.flush()).ok();
            }
        }
    }
}

/// A line as text; one that is not an object passes unchanged.
fn through(line: &str, pass: impl FnOnce(Value) -> Passed) -> PassedText {
    match serde_json::from_str::<Value>(line) {
        Ok(message) if message.is_object() => {
            let Passed { lines, back, dies } = pass(message);
            let texts = |lines: Vec<Value>| lines.iter().map(Value::to_string).collect();
            PassedText { lines: texts(lines), back: texts(back), dies }
        }
        _ => PassedText { lines: vec![line.to_owned()], back: Vec::new(), dies: false },
    }
}

struct PassedText {
    lines: Vec<String>,
    back: Vec<String>,
    dies: bool,
}

/// The way to the server, for the lines of a client and of the stand-in.
struct Inlet<W>(Mutex<Option<W>>);

impl<W: Write> Inlet<W> {
    fn new(to: W) -> Arc<Inlet<W>> {
        Arc::new(Inlet(Mutex::new(Some(to))))
    }

    fn write(&self, lines: &[String]) -> io::Result<()> {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(to) = to.as_mut() else { return Ok(()) };
        lines.iter().try_for_each(|line| writeln!(to, "{line}"))
    }

    /// A server on pipes ends with its input.
    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Takes the last settings out of every file of a thread that has earlier ones, too.
fn forget_last_settings(folder: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            forget_last_settings(&path)?;
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let lines: Vec<&str> = text.lines().collect();
        let settings = |line: &str| {
            line.contains("\"turn_context\"") || line.contains("thread_settings_applied")
        };
        let places: Vec<usize> = (0..lines.len()).filter(|at| settings(lines[*at])).collect();
        if let [_, .., last] = places[..] {
            let kept = lines.iter().enumerate().filter(|(at, _)| *at != last);
            let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
            fs::write(&path, kept)?;
        }
    }
    Ok(())
}
