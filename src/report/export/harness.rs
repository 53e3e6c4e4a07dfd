//! The harness of an exported test: a home, a stand-in for the model, a server and its client.
//!
//! It is copied into every file, below the words about the finding. Standard library and serde_json.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};

const DEFAULT_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a notification is waited for that may be absent.
const OPTIONAL_READ_TIMEOUT: Duration = Duration::from_secs(5);

const NOT_STATED: &str = "the server does not state the value";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The folders of a server; removed at the end.
struct CodexHome {
    root: PathBuf,
    home: String,
    workspace: String,
    outside: String,
}

impl CodexHome {
    fn new() -> Result<CodexHome> {
        let root = env::temp_dir().join(format!("heirloom-test-{}", std::process::id()));
        for name in ["home", "workspace", "outside", "scratch", "temp"] {
            fs::create_dir_all(root.join(name))?;
        }
        let root = root.canonicalize()?;
        let folder = |name: &str| root.join(name).display().to_string();
        let (home, workspace) = (folder("home"), folder("workspace"));
        Ok(CodexHome { home, workspace, outside: folder("outside"), root })
    }

    fn remove_databases(&self) -> Result<()> {
        for entry in fs::read_dir(&self.home)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(".sqlite") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// What was seen, reduced to the fields that are due; an absent one counts as empty.
    fn stated(&self, seen: &Value, due: &Value) -> Value {
        match (seen, due) {
            (Value::Object(seen), Value::Object(due)) => {
                let field = |key: &String, due: &Value| match seen.get(key) {
                    Some(seen) => self.stated(seen, due),
                    None if due.is_array() => json!([]),
                    None if due.is_boolean() => json!(false),
                    None => Value::Null,
                };
                due.iter().map(|(key, due)| (key.clone(), field(key, due))).collect()
            }
            (Value::Array(seen), Value::Array(due)) => {
                // Old releases add this folder to every workspace.
                let memories = json!(format!("{}/memories", self.home));
                let kept: Vec<&Value> = seen.iter().filter(|item| **item != memories).collect();
                let same = kept.len() == due.len() && due.iter().all(|item| kept.contains(&item));
                if same { json!(due) } else { json!(kept) }
            }
            (Value::String(word), Value::Null) if word == "default" => Value::Null,
            (Value::String(word), _) if word == "guardian_subagent" => json!("auto_review"),
            _ => seen.clone(),
        }
    }
}

impl Drop for CodexHome {
    fn drop(&mut self) {
        // What the server started may still be ending.
        for _ in 0..50 {
            if fs::remove_dir_all(&self.root).is_ok() || !self.root.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The stand-in for the model: answers by thread, else "ok".
#[derive(Clone)]
struct MockResponses {
    url: String,
    shared: Arc<(Mutex<Script>, Condvar)>,
}

#[derive(Default)]
struct Script {
    queued: HashMap<String, VecDeque<Value>>,
    requests: HashMap<String, usize>,
    released: HashSet<String>,
    epoch: u64,
}

fn create_mock_responses_server() -> Result<MockResponses> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    let responses = MockResponses { url, shared: Arc::default() };
    let served = responses.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = served.clone();
            // A server that goes away in the middle of an answer is not worth a word.
            thread::spawn(move || drop(served.serve(stream)));
        }
    });
    Ok(responses)
}

impl MockResponses {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.0.lock().expect("no thread panics with the lock")
    }

    fn enqueue(&self, thread: &str, answer: Value) {
        let mut script = self.script();
        script.queued.entry(thread.to_owned()).or_default().push_back(answer);
        script.released.remove(thread);
    }

    fn release(&self, thread: &str) {
        self.script().released.insert(thread.to_owned());
        self.shared.1.notify_all();
    }

    fn forget(&self, thread: &str) {
        self.script().queued.remove(thread);
    }

    fn reset(&self) {
        let mut script = self.script();
        *script = Script { epoch: script.epoch + 1, ..Script::default() };
        self.shared.1.notify_all();
    }

    fn wait_for_requests(&self, thread: &str, count: usize) -> Result<()> {
        let few = |script: &mut Script| script.requests.get(thread).is_none_or(|n| *n < count);
        let waited = self.shared.1.wait_timeout_while(self.script(), DEFAULT_READ_TIMEOUT, few);
        let (_script, waited) = waited.expect("no thread panics with the lock");
        if waited.timed_out() {
            Err("the model got no request of the thread".into())
        } else {
            Ok(())
        }
    }

    /// Waits for the release of a thread; false where the answers were dropped.
    fn goes_on(&self, thread: &str, epoch: u64) -> bool {
        let held = |script: &mut Script| script.epoch == epoch && !script.released.contains(thread);
        let script = self.shared.1.wait_while(self.script(), held);
        script.expect("no thread panics with the lock").epoch == epoch
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut first, mut thread, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "thread-id" => value.trim().clone_into(&mut thread),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                _ => {}
            }
        }
        reader.read_exact(&mut vec![0; length])?;
        if first.starts_with("POST") {
            self.answer(&mut stream, &thread)
        } else {
            whole(&mut stream, 200, &json!({ "object": "list", "data": [], "models": [] }))
        }
    }

    fn answer(&self, stream: &mut TcpStream, thread: &str) -> std::io::Result<()> {
        let mut script = self.script();
        *script.requests.entry(thread.to_owned()).or_default() += 1;
        let (number, epoch) = (script.requests[thread], script.epoch);
        let queued = script.queued.get_mut(thread).and_then(VecDeque::pop_front);
        let answer = queued.unwrap_or_else(|| json!({ "text": "ok" }));
        drop(script);
        self.shared.1.notify_all();
        if answer["held"] == true && !self.goes_on(thread, epoch) {
            return Ok(());
        }
        if let Some(status) = answer["status"].as_u64() {
            let error = json!({ "message": "the script wants this status", "type": "scripted" });
            return whole(stream, status, &json!({ "error": error }));
        }
        // The stream ends with the connection.
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")?;
        write!(stream, "transfer-encoding: chunked\r\nconnection: close\r\n\r\n")?;
        let id = format!("response-{number}");
        event(stream, &json!({ "type": "response.created", "response": { "id": id } }))?;
        if answer["drop"] == true || answer["hold"] == true && !self.goes_on(thread, epoch) {
            return Ok(());
        }
        if answer["fail"] == true {
            let error =
                json!({ "code": "invalid_prompt", "message": "the script wants a failure" });
            let response = json!({ "id": id, "error": error });
            event(stream, &json!({ "type": "response.failed", "response": response }))?;
            return write!(stream, "0\r\n\r\n");
        }
        let mut item = answer["call"].clone();
        if item.is_null() {
            let text = answer["text"].as_str().unwrap_or("ok");
            let content = json!([{ "type": "output_text", "text": text }]);
            item = json!({ "type": "message", "role": "assistant", "id": id, "content": content });
        } else {
            item["type"] = json!("function_call");
            if item["call_id"].is_null() {
                item["call_id"] = json!(format!("call-{id}"));
            }
        }
        event(stream, &json!({ "type": "response.output_item.done", "item": item }))?;
        let usage = json!({
            "input_tokens": 1, "input_tokens_details": null,
            "output_tokens": 1, "output_tokens_details": null, "total_tokens": 2,
        });
        let response = json!({ "id": id, "usage": usage });
        event(stream, &json!({ "type": "response.completed", "response": response }))?;
        write!(stream, "0\r\n\r\n")
    }
}

fn whole(stream: &mut TcpStream, status: u64, content: &Value) -> std::io::Result<()> {
    let body = content.to_string();
    write!(stream, "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n")?;
    write!(stream, "content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn event(stream: &mut TcpStream, content: &Value) -> std::io::Result<()> {
    let name = content["type"].as_str().unwrap_or_default();
    let text = format!("event: {name}\ndata: {content}\n\n");
    write!(stream, "{:x}\r\n{text}\r\n", text.len())?;
    stream.flush()
}

fn create_config_toml(home: &CodexHome, responses: &MockResponses, text: &str) -> Result<()> {
    let text = text.replace("<MODEL>", &responses.url).replace("<WS>", &home.workspace);
    let text = text.replace("<HOME>", &home.home).replace("<OUT>", &home.outside);
    Ok(fs::write(format!("{}/config.toml", home.home), text)?)
}

/// A running app-server and a client of it.
struct McpProcess {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    backlog: VecDeque<Value>,
    requests: i64,
    responses: MockResponses,
}

impl McpProcess {
    fn new(home: &CodexHome, responses: &MockResponses) -> Result<McpProcess> {
        let server = env::var("HEIRLOOM_SERVER")
            .map_err(|_| "set HEIRLOOM_SERVER to the path of a codex executable")?;
        let folder = |name: &str| home.root.join(name);
        let mut process = Command::new(fs::canonicalize(server)?)
            .arg("app-server")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LANG", "C.UTF-8")
            .env("HOME", folder("scratch"))
            .env("TMPDIR", folder("temp"))
            .env("CODEX_HOME", folder("home"))
            .env("CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG", "1")
            .current_dir(folder("scratch"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no stdout")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (stdin, backlog) = (process.stdin.take(), VecDeque::new());
        let responses = responses.clone();
        Ok(McpProcess { process, stdin, lines, backlog, requests: 0, responses })
    }

    fn initialize(&mut self) -> Result<()> {
        let params = json!({
            "clientInfo": { "name": "heirloom", "title": "heirloom", "version": "0" },
            "capabilities": { "experimentalApi": true },
        });
        let request = self.send_request("initialize", params)?;
        self.read_stream_until_response_message(request)?;
        self.send(&json!({ "method": "initialized" }))
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let stdin = self.stdin.as_mut().ok_or("the server is closed")?;
        writeln!(stdin, "{message}")?;
        Ok(stdin.flush()?)
    }

    fn send_request(&mut self, method: &str, params: Value) -> Result<i64> {
        self.requests += 1;
        let mut message = json!({ "id": self.requests, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message)?;
        Ok(self.requests)
    }

    /// The first message that fits; none at the deadline. Others are kept for later.
    fn next(&mut self, fits: impl Fn(&Value) -> bool, time: Duration) -> Result<Option<Value>> {
        if let Some(at) = self.backlog.iter().position(&fits) {
            return Ok(self.backlog.remove(at));
        }
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return Ok(None),
                Err(_) => return Err("the server ended".into()),
            };
            let message: Value = serde_json::from_str(&line)?;
            if message.get("method").is_some() && message.get("id").is_some() {
                let declined = json!({ "decision": "decline" });
                self.send(&json!({ "id": message["id"], "result": declined }))?;
            } else if fits(&message) {
                return Ok(Some(message));
            } else {
                self.backlog.push_back(message);
            }
        }
    }

    /// The answer to a request: its result, or the message of a refusal.
    fn read_stream_until_answer(
        &mut self,
        request: i64,
    ) -> Result<std::result::Result<Value, String>> {
        let fits = |message: &Value| message["id"] == request;
        let mut answer = self.next(fits, DEFAULT_READ_TIMEOUT)?.ok_or("no answer")?;
        let refusal = answer["error"]["message"].as_str().map(str::to_owned);
        Ok(refusal.map_or_else(|| Ok(answer["result"].take()), Err))
    }

    fn read_stream_until_response_message(&mut self, request: i64) -> Result<Value> {
        Ok(self.read_stream_until_answer(request)?.map_err(|why| format!("refused: {why}"))?)
    }

    fn read_stream_until_notification_message(&mut self, wanted: Wanted<'_>) -> Result<Value> {
        let found = self.next(|message| wanted.fits(message), DEFAULT_READ_TIMEOUT)?;
        Ok(found.ok_or_else(|| format!("no {}", wanted.method))?["params"].take())
    }

    /// The same, where the notification may be absent.
    fn read_stream_until_optional_notification(&mut self, wanted: Wanted<'_>) -> Result<()> {
        self.next(|message| wanted.fits(message), OPTIONAL_READ_TIMEOUT).map(drop)
    }

    /// Waits until the server says that no turn of the thread runs.
    fn read_stream_until_idle(&mut self, thread: &str) -> Result<()> {
        let fits = |message: &Value| {
            let status = &message["params"]["status"]["type"];
            message["params"]["threadId"] == thread && (status == "idle" || status == "systemError")
        };
        self.next(fits, OPTIONAL_READ_TIMEOUT).map(drop)
    }

    /// Closes its stdin, as a client does that goes away.
    fn close(mut self) {
        self.stdin = None;
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for McpProcess {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        self.responses.reset();
    }
}

/// A notification to wait for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    method: &'a str,
    thread: Option<&'a str>,
    /// Where a value must stand in its parameters, as a JSON pointer.
    has: &'a str,
}

impl Wanted<'_> {
    fn fits(&self, message: &Value) -> bool {
        message["method"] == self.method
            && self.thread.is_none_or(|thread| message["params"]["threadId"] == thread)
            && message["params"].pointer(self.has).is_some()
    }
}

/// The id at a JSON pointer.
fn id(from: &Value, pointer: &str) -> Result<String> {
    let id = from.pointer(pointer).and_then(Value::as_str);
    Ok(id.ok_or_else(|| format!("no id at {pointer}"))?.to_owned())
}
