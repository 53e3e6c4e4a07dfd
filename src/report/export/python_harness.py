class Trouble(Exception):
    """A step that did not happen, so that nothing is known of the bug."""


class Responses:
    """A stand-in for the model, on loopback. Without a script it answers "ok"."""

    def __init__(self):
        self.changed = threading.Condition()
        self.queued, self.requests, self.released = {}, {}, set()
        self.epoch = 0
        responses = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.whole(200, {"object": "list", "data": [], "models": []})

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                responses.answer(self)

            def whole(self, status, content):
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def begin(self):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()

            def event(self, content):
                text = "event: %s\ndata: %s\n\n" % (content["type"], json.dumps(content))
                self.chunk(text.encode())

            def chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A server that goes away in the middle of an answer is not worth a word."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/v1" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def enqueue(self, thread, answer):
        """Queues an answer for the thread; `held` sends nothing of it before `release`."""
        with self.changed:
            self.queued.setdefault(thread, []).append(answer)
            self.released.discard(thread)

    def release(self, thread):
        with self.changed:
            self.released.add(thread)
            self.changed.notify_all()

    def forget(self, thread):
        with self.changed:
            self.queued.pop(thread, None)

    def reset(self):
        """Drops all answers, those that are held included."""
        with self.changed:
            self.epoch += 1
            self.queued, self.requests, self.released = {}, {}, set()
            self.changed.notify_all()

    def wait_for_requests(self, thread, count):
        with self.changed:
            enough = lambda: self.requests.get(thread, 0) >= count
            if not self.changed.wait_for(enough, TIMEOUT):
                raise Trouble("the model got no request of the thread")

    def close(self):
        self.reset()
        self.server.shutdown()
        self.server.server_close()

    def goes_on(self, thread, epoch):
        """Waits for the release of a thread; false where the answers were dropped."""
        self.changed.wait_for(lambda: epoch != self.epoch or thread in self.released)
        return epoch == self.epoch

    def answer(self, http):
        thread = http.headers.get("thread-id")
        with self.changed:
            self.requests[thread] = self.requests.get(thread, 0) + 1
            queue, epoch = self.queued.get(thread), self.epoch
            answer = queue.pop(0) if queue else {"text": "ok"}
            self.changed.notify_all()
            if answer.get("held") and not self.goes_on(thread, epoch):
                http.close_connection = True
                return
        if "status" in answer:
            error = {"message": "the script wants this status", "type": "scripted"}
            http.whole(answer["status"], {"error": error})
            return
        http.begin()
        number = "response-%d" % self.requests[thread]
        http.event({"type": "response.created", "response": {"id": number}})
        if "drop" in answer:
            http.close_connection = True
            return
        if "hold" in answer:
            with self.changed:
                if not self.goes_on(thread, epoch):
                    http.close_connection = True
                    return
            answer = {"text": "ok"}
        if "fail" in answer:
            error = {"code": "invalid_prompt", "message": "the script wants a failure"}
            http.event({"type": "response.failed", "response": {"id": number, "error": error}})
        else:
            if "call" in answer:
                item = dict({"type": "function_call"}, **answer["call"])
                item.setdefault("call_id", "call-" + number)
            else:
                content = [{"type": "output_text", "text": answer["text"]}]
                item = {"type": "message", "role": "assistant", "id": "message-" + number,
                        "content": content}
            http.event({"type": "response.output_item.done", "item": item})
            usage = {"input_tokens": 1, "input_tokens_details": None, "output_tokens": 1,
                     "output_tokens_details": None, "total_tokens": 2}
            http.event({"type": "response.completed", "response": {"id": number, "usage": usage}})
        http.chunk(b"")


class Codex:
    """A running app-server and a client of it. `codex.thread_start(...)` sends `thread/start`."""

    def __init__(self, harness):
        self.harness, self.calls, self.backlog = harness, 0, []
        self.lines = queue.Queue()
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "HOME": harness.scratch,
            "TMPDIR": harness.temp,
            "CODEX_HOME": harness.home,
            "CODEX_APP_SERVER_DISABLE_MANAGED_CONFIG": "1",
        }
        try:
            self.process = subprocess.Popen(
                [harness.server, "app-server"], env=environment, cwd=harness.scratch,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True)
        except OSError as error:
            raise Trouble("cannot start %s: %s" % (harness.server, error))
        harness.running = self
        threading.Thread(target=self.read, daemon=True).start()
        capabilities = {"experimentalApi": True}
        client = {"name": "heirloom", "title": "heirloom", "version": "0"}
        self.request("initialize", {"clientInfo": client, "capabilities": capabilities})
        self.send({"method": "initialized"})

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def send(self, message):
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Trouble("the server does not read: %s" % error)

    def next(self, fits, seconds):
        """The first message that fits, or None at the deadline. Others are kept for later."""
        for message in self.backlog:
            if fits(message):
                self.backlog.remove(message)
                return message
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                raise Trouble("the server ended")
            try:
                message = json.loads(line)
            except ValueError:
                raise Trouble("the server wrote a line that is not JSON: %r" % line[:200])
            if "id" in message and "method" in message:
                self.send({"id": message["id"], "result": {"decision": "decline"}})
            elif fits(message):
                return message
            else:
                self.backlog.append(message)

    def attempt(self, method, params=None):
        """Sends a request; its result, and the message of a refusal."""
        self.calls += 1
        call = self.calls
        message = {"id": call, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        answer = self.next(lambda found: found.get("id") == call, TIMEOUT)
        if answer is None:
            raise Trouble("no answer to %s" % method)
        if "error" in answer:
            return None, answer["error"].get("message", "")
        return answer.get("result"), None

    def request(self, method, params=None):
        """The result of a request, which the server must grant."""
        result, refusal = self.attempt(method, params)
        if refusal is not None:
            raise Trouble("%s was refused: %s" % (method, refusal))
        return result

    def __getattr__(self, name):
        return lambda **params: self.request(name.replace("_", "/"), params)

    def wait_for(self, method, thread=None, has=()):
        """The parameters of the next such notification, which must come."""
        found = self.watch_for(method, thread, has, TIMEOUT)
        if found is None:
            raise Trouble("no %s" % method)
        return found

    def watch_for(self, method, thread=None, has=(), seconds=5):
        """The same, where it may be absent."""
        def fits(message):
            params = message.get("params") or {}
            return (message.get("method") == method
                    and (thread is None or params.get("threadId") == thread)
                    and (not has or at(params, *has) is not None))
        found = self.next(fits, seconds)
        return found and (found.get("params") or {})

    def watch_for_idle(self, thread):
        """Waits until the server says that no turn of the thread runs."""
        def fits(message):
            params = message.get("params") or {}
            return (params.get("threadId") == thread
                    and at(params, "status", "type") in ("idle", "systemError"))
        self.next(fits, 5)

    def close(self):
        """Closes its stdin, as a client does that goes away."""
        try:
            self.process.stdin.close()
            self.process.wait(15)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.kill()

    def kill(self):
        self.harness.running = None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()
        self.harness.responses.reset()


class AppServerHarness:
    """A folder with a home for the server, and a stand-in for the model."""

    def __init__(self, folder, server):
        self.server, self.running = os.path.abspath(server), None
        self.folder = os.path.realpath(str(folder))
        names = ["home", "workspace", "outside", "scratch", "temp"]
        folders = [os.path.join(self.folder, name) for name in names]
        self.home, self.workspace, self.outside, self.scratch, self.temp = folders
        for path in folders:
            os.makedirs(path)
        self.responses = Responses()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.running.kill()
        self.responses.close()

    def config(self, text):
        text = text.replace("<MODEL>", self.responses.url)
        for word, path in [("WS", self.workspace), ("HOME", self.home), ("OUT", self.outside)]:
            text = text.replace("<%s>" % word, path)
        with open(os.path.join(self.home, "config.toml"), "w") as file:
            file.write(text)

    def start(self):
        return Codex(self)

    def remove_databases(self):
        for name in os.listdir(self.home):
            if ".sqlite" in name:
                os.remove(os.path.join(self.home, name))

    def stated(self, seen, due):
        """What was seen, reduced to the fields that are due; an absent one counts as empty."""
        if isinstance(due, dict) and isinstance(seen, dict):
            return {key: self.stated(seen.get(key, type(value)()), value)
                    for key, value in due.items()}
        if isinstance(due, list) and isinstance(seen, list):
            # Old releases add this folder to every workspace.
            memories = os.path.join(self.home, "memories")
            kept = [item for item in seen if item != memories]
            return due if sorted(map(str, kept)) == sorted(map(str, due)) else kept
        older = {"guardian_subagent": "auto_review"}
        if due is None and seen == "default":
            return None
        return older.get(seen, seen) if isinstance(seen, str) else seen


def at(value, *path):
    """The value at a path of keys and indices, or None."""
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def field(message, *path):
    """The value at a path of keys, which the server must state."""
    for key in path:
        if not isinstance(message, dict) or key not in message:
            raise Trouble("the server does not state %s" % ".".join(path))
        message = message[key]
    return message


TIMEOUT = 60
