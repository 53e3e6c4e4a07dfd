"""Plays the calls of heirloom through the Python SDK (`openai-codex`) of OpenAI Codex.

Started as `shim.py SOCKET python|python-async`. It imports the SDK once, listens on the socket, and
forks a process for each connection, which opens one client, and with it one server. Each line in
either direction is a JSON object. heirloom sends

    open    {executable, environment, directory}
    call    {call, function, thread?, turn?, arguments, deadline_s}
    kill    {}     SIGKILL for the server, and what the SDK makes of it
    close   {}     close() of the client

The lines of the server go to heirloom as they are. Beside them come `client/sent` (a line that the
SDK wrote to the server), `client/returned`, `client/raised`, `client/unsayable` (the SDK has no such
function or argument), `client/overdue`, and `client/ended` (the server's process). If the connection
ends, the server is killed. Knows the standard library and the SDK alone.
"""

import asyncio
import collections
import ctypes
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import openai_codex
import openai_codex.client

# How long a process may take to end after its stdout: milliseconds, and more on a loaded machine.
REAP_DEADLINE_S = 2
# How many of the last lines of the server's stderr are kept.
STDERR_LINES = 200


class Connection:
    """The line to heirloom; lines of several threads do not mix."""

    def __init__(self, stream):
        self.reader = stream.makefile("r", encoding="utf-8", newline="\n")
        self.stream = stream
        self.lock = threading.Lock()

    def write(self, line):
        with self.lock:
            self.stream.sendall(line.rstrip("\n").encode() + b"\n")

    def tell(self, event, **params):
        self.write(json.dumps({"method": "client/" + event, "params": params}))


class Input:
    """The server's stdin: a line is recorded before it is written."""

    def __init__(self, pipe, connection):
        self.pipe, self.connection = pipe, connection

    def write(self, text):
        for line in text.splitlines():
            self.connection.tell("sent", line=line)
        return self.pipe.write(text)

    def __getattr__(self, name):
        return getattr(self.pipe, name)


class Output:
    """The server's stdout: a line is recorded before the SDK reads it."""

    def __init__(self, pipe, server):
        self.pipe, self.server = pipe, server

    def readline(self):
        line = self.pipe.readline()
        if line:
            self.server.connection.write(line)
        else:
            self.server.output_closed.set()
        return line

    def __getattr__(self, name):
        return getattr(self.pipe, name)


class Errors:
    """The server's stderr, whose end is kept."""

    def __init__(self, pipe, kept):
        self.pipe, self.kept = pipe, kept

    def __iter__(self):
        for line in self.pipe:
            self.kept.append(line)
            yield line

    def __getattr__(self, name):
        return getattr(self.pipe, name)


class Server(subprocess.Popen):
    """The process that the SDK starts, as the SDK starts it, with recorded pipes."""

    connection = None
    started = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = collections.deque(maxlen=STDERR_LINES)
        self.output_closed = threading.Event()
        self.stdin = Input(self.stdin, self.connection)
        self.stdout = Output(self.stdout, self)
        self.stderr = Errors(self.stderr, self.kept)
        Server.started = self
        threading.Thread(target=self.tell_end, daemon=True).start()

    def tell_end(self):
        self.output_closed.wait()
        try:
            code = self.wait(REAP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            code = None
        self.connection.tell("ended", pid=self.pid, code=code, stderr="".join(self.kept))


class Sync:
    """The synchronous client; each call has a thread of its own."""

    make = openai_codex.Codex

    def open(self, config):
        self.codex = openai_codex.Codex(config)

    def run(self, work):
        threading.Thread(target=work, daemon=True).start()

    def wait(self, value):
        return value

    def events(self, handle):
        yield from handle.stream()


class Async:
    """The asynchronous client; all calls are tasks of one event loop."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def open(self, config):
        async def enter():
            return await openai_codex.AsyncCodex(config).__aenter__()

        self.codex = self.wait(enter())

    def run(self, work):
        threading.Thread(target=work, daemon=True).start()

    def wait(self, value):
        if not inspect.isawaitable(value):
            return value

        async def awaited():
            return await value

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result()

    def events(self, handle):
        async def collected():
            return [event async for event in handle.stream()]

        yield from self.wait(collected())


class Unsayable(Exception):
    """The SDK has no way to say this."""


# The functions of a client, of a thread and of a turn that heirloom may call.
OF_CLIENT = {
    "thread_start", "thread_resume", "thread_fork", "thread_archive", "thread_unarchive",
    "thread_list", "models",
}
OF_THREAD = {"run", "turn", "read", "set_name", "compact"}
OF_TURN = {"steer", "interrupt"}


class Session:
    """One client, its threads and its turns."""

    def __init__(self, kind, connection):
        self.connection = connection
        self.client = Async() if kind == "python-async" else Sync()
        self.threads, self.turns = {}, {}

    def open(self, executable, environment, directory):
        config = openai_codex.CodexConfig(
            codex_bin=executable, env=environment, cwd=directory, client_name="heirloom"
        )
        self.client.open(config)

    def function(self, order):
        name = order["function"]
        if name in OF_CLIENT:
            owner, what = self.client.codex, "client"
        elif name in OF_THREAD:
            owner, what = self.threads.get(order["thread"]), "thread"
        elif name in OF_TURN:
            owner, what = self.turns.get(order["turn"]), "turn"
        else:
            raise Unsayable(name)
        if owner is None:
            raise Unsayable(f"{name}: the program holds no object of this {what}")
        function = getattr(owner, name, None)
        if function is None:
            raise Unsayable(name)
        return function

    def call(self, order):
        """Performs one call and says how it ended."""
        number = order["call"]
        begun = time.monotonic()
        timer = threading.Timer(order["deadline_s"], self.overdue, [number, order["deadline_s"]])
        timer.daemon = True
        timer.start()
        try:
            function = self.function(order)
            arguments = converted(function, order["arguments"])
            value = self.client.wait(function(**arguments))
            timer.cancel()
            self.connection.tell("returned", call=number, value=self.kept(order, value))
            if order["function"] == "turn":
                self.follow(number, value)
        except Unsayable as error:
            self.connection.tell("unsayable", call=number, what=str(error))
        except BaseException as error:  # whatever the SDK raises is what its user gets
            self.raised(number, error, begun)
        finally:
            timer.cancel()

    def overdue(self, number, seconds):
        self.connection.tell("overdue", call=number, seconds=seconds)

    def raised(self, number, error, begun):
        self.connection.tell(
            "raised",
            call=number,
            error=type(error).__name__,
            sdk=isinstance(error, openai_codex.CodexError),
            message=str(error)[:400],
            seconds=round(time.monotonic() - begun, 3),
        )

    def follow(self, number, handle):
        """Reads a turn's stream to its end."""
        try:
            events = [streamed(event) for event in self.client.events(handle)]
            self.connection.tell("streamed", call=number, events=events)
        except BaseException as error:
            self.raised(number, error, time.monotonic())

    def kept(self, order, value):
        """Keeps the objects that later calls need, and gives what heirloom may want to see."""
        name = order["function"]
        if hasattr(value, "set_name"):
            self.threads[value.id] = value
            return {"thread": value.id}
        if name == "thread_archive":
            return {}
        if name == "turn":
            self.turns[value.id] = value
            return {"turn": value.id}
        if name == "run":
            return {
                "turn": value.id,
                "status": value.status.value,
                "final_response": value.final_response,
                "items": [said(item) for item in value.items],
                "usage": value.usage.model_dump(by_alias=True, mode="json") if value.usage else None,
            }
        if name == "thread_list":
            return {"threads": [thread.id for thread in value.data]}
        if name == "read":
            turns = [[said(item) for item in turn.items] for turn in value.thread.turns]
            return {"thread": value.thread.id, "name": value.thread.name, "turns": turns}
        return {}

    def close(self):
        """Closes the client, and says whether its server is still there."""
        server = Server.started
        begun = time.monotonic()
        try:
            self.client.wait(self.client.codex.close())
        except BaseException as error:
            self.raised(0, error, begun)
        left = server.poll() is None
        self.connection.tell(
            "closed", pid=server.pid, left=left, seconds=round(time.monotonic() - begun, 3)
        )


def said(item):
    """The kind of an item, its phase, and its text; of a user's, one text for each input."""
    item = getattr(item, "root", item)
    shown = {"type": item.type, "text": getattr(item, "text", None)}
    if item.type == "userMessage":
        parts = [getattr(part, "root", part) for part in item.content]
        shown["text"] = [getattr(part, "text", None) or part.type for part in parts]
    phase = getattr(item, "phase", None)
    return {**shown, "phase": phase.value if phase else None}


def streamed(event):
    """The method of a notification, the turn that it is about, and the piece of text in it."""
    turn = getattr(event.payload, "turn", None)
    turn = getattr(event.payload, "turn_id", None) or getattr(turn, "id", None)
    return {"method": event.method, "turn": turn, "text": getattr(event.payload, "delta", None)}


def converted(function, arguments):
    """Arguments in the SDK's own types; one that it does not have cannot be said."""
    known = inspect.signature(function).parameters
    for name in arguments:
        if name not in known:
            raise Unsayable(f"{function.__name__} {name}")
    return {name: value(name, word) for name, word in arguments.items()}


def value(name, word):
    kinds = {"approval_mode": openai_codex.ApprovalMode, "sandbox": openai_codex.Sandbox}
    if name in kinds and word is not None:
        try:
            return kinds[name](word)
        except ValueError:
            raise Unsayable(f"{name}={word}") from None
    if name == "input" and isinstance(word, list):
        return [item(**part) for part in word]
    return word


def item(type, **fields):
    kinds = {
        "text": openai_codex.TextInput,
        "image": openai_codex.ImageInput,
        "localImage": openai_codex.LocalImageInput,
        "skill": openai_codex.SkillInput,
    }
    return kinds[type](**fields)


def end_with_parent():
    """On Linux the process is killed when the one that imported the SDK ends."""
    try:
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
    except (AttributeError, OSError):
        pass  # elsewhere the end of the connection is what ends it


def serve(stream, kind):
    """One connection, in a process of its own."""
    os.setsid()
    end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # What the SDK or its user prints must not reach the lines of the protocol.
    os.dup2(2, 1)
    connection = Connection(stream)
    Server.connection = connection
    names = {name: getattr(subprocess, name) for name in subprocess.__all__}
    openai_codex.client.subprocess = types.SimpleNamespace(**{**names, "Popen": Server})
    connection.tell("hello", pid=os.getpid(), sdk=openai_codex.__version__)
    session = Session(kind, connection)
    for line in connection.reader:
        order = json.loads(line)
        method, params = order["method"], order.get("params", {})
        if method == "open":
            begun = time.monotonic()
            os.environ.clear()
            os.environ.update(params["environment"])
            try:
                session.open(**params)
                connection.tell("returned", call=0, value={"server": Server.started.pid})
            except BaseException as error:
                session.raised(0, error, begun)
        elif method == "call":
            session.client.run(lambda params=params: session.call(params))
        elif method == "kill":
            Server.started.kill()
        elif method == "close":
            session.close()


def reap(*_):
    """Takes the exit status of the sessions that have ended, and with it their CPU time."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main(path, kind):
    signal.signal(signal.SIGCHLD, reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        ready = {"method": "client/ready", "params": {"sdk": openai_codex.__version__}}
        print(json.dumps(ready), flush=True)
        while True:
            stream, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                try:
                    serve(stream, kind)
                except OSError:
                    pass  # heirloom has hung up
                finally:
                    # The server and its commands go with the process.
                    os.killpg(0, signal.SIGKILL)
            stream.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
