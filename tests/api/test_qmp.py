#!/usr/bin/env python3
"""test_qmp.py - the control socket, as QMP's clients and as hostile peers see it.

    test_qmp.py VM-CLI

The guest is a loop of one instruction. With QEMU_QMP=DIR, where DIR/qemu/qmp is QEMU's own
Python client (in QEMU's source tree: python/), that client runs every command, too; and jq
reads the answers where it is installed.
"""
import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from test_cli_errors import Report, files

PATIENCE = float(os.environ.get("VM_TEST_PATIENCE", "120"))


class Client:
    """One connection."""

    def __init__(self, path, negotiate=True):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")
        self.events = []
        self.greeting = self.line()
        if negotiate:
            assert self.call("qmp_capabilities") == {}

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else json.dumps(data).encode())

    def line(self):
        """The next message; None at the end."""
        text = self.file.readline()
        return json.loads(text) if text else None

    def reply(self):
        """The next message that is no event."""
        while True:
            message = self.line()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def call(self, command, **arguments):
        """The answer's value; an error is returned whole."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {key.replace("_", "-"): value
                                    for key, value in arguments.items()}
        self.send(request)
        reply = self.reply()
        return reply.get("return", reply)

    def event(self, name):
        """Waits for an event, which may have come before."""
        while True:
            for message in self.events:
                if message["event"] == name:
                    self.events.remove(message)
                    return message
            message = self.line()
            assert message is not None, f"no event {name}"
            self.events.append(message)


class Machine:
    """vm-cli run with a control socket."""

    def __init__(self, program, kernel, folder, *options):
        self.path = os.path.join(folder, "control")
        self.process = subprocess.Popen(
            [program, "run", "--kernel", kernel, "--memory", "64M", "--console", "none",
             "--control", "unix:" + self.path, *options],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while self.process.poll() is None and not self.answers():
            time.sleep(0.01)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.path) == 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def client(self, negotiate=True):
        return Client(self.path, negotiate)

    def ends(self, status):
        assert self.process.wait(PATIENCE) == status, self.process.returncode
        assert not os.path.exists(self.path), "the socket is still there"


# --- the schema ------------------------------------------------------------------------


def conforms(types, name, value):
    """What is wrong with a value of that type; None."""
    info = types[name]
    kind = info["meta-type"]
    if kind == "builtin":
        python = {"value": object, "boolean": bool, "int": int, "string": str}[info["json-type"]]
        return None if isinstance(value, python) else f"{value!r} is no {name}"
    if kind == "enum":
        return None if value in info["values"] else f"{value!r} is no {name}"
    if kind == "array":
        wrong = [conforms(types, info["element-type"], item) for item in value]
        return next((text for text in wrong if text), None)
    members = {member["name"]: member for member in info["members"]}
    for key, item in value.items():
        if key not in members:
            return f"{name} has no member {key}"
        wrong = conforms(types, members[key]["type"], item)
        if wrong:
            return wrong
    missing = [key for key, member in members.items()
               if key not in value and "default" not in member]
    return f"{name} without {missing}" if missing else None


ARGUMENTS = {"qom-list": [{"path": "/"}, {"path": "/machine"}, {"path": "/machine/peripheral"},
                          {"path": "/machine/peripheral/uart-16550@10000000"}],
             "human-monitor-command": [{"command-line": "info nothing"}],
             "balloon": [{"value": 64 << 20}],
             "block_resize": [{"device": "disk0", "size": 1 << 20}]}
LATER = ["qmp_capabilities", "netdev-hostfwd-add", "netdev-hostfwd-remove", "quit",
         "system_reset", "system_powerdown"]


def schema_is_true(machine):
    client = machine.client()
    schema = client.call("query-qmp-schema")
    types = {row["name"]: row for row in schema if row["meta-type"] not in ("command", "event")}
    commands = {row["name"]: row for row in schema if row["meta-type"] == "command"}
    events = {row["name"]: row for row in schema if row["meta-type"] == "event"}
    assert len(types) + len(commands) + len(events) == len(schema), "a name is told twice"
    assert conforms(types, "[SchemaInfo]", schema) is None
    named = {row["name"] for row in client.call("query-commands")}
    assert named == set(commands), named ^ set(commands)
    for name, row in commands.items():
        if name in LATER:
            continue
        for arguments in ARGUMENTS.get(name, [{}]):
            wrong = conforms(types, row["ret-type"], client.call(name, **arguments))
            assert wrong is None, f"{name}: {wrong}"
        refused = client.call(name, unheard_of=1)
        assert "unheard-of" in refused["error"]["desc"], refused
    client.call("cont")
    client.call("system_reset")
    for name in ("STOP", "RESUME", "RESET"):
        event = client.event(name)
        assert conforms(types, events[name]["arg-type"], event.get("data", {})) is None, event
        assert event["timestamp"]["seconds"] > 1_000_000_000, event
        assert 0 <= event["timestamp"]["microseconds"] < 1_000_000, event
    client.close()


# --- the protocol ----------------------------------------------------------------------


def negotiation(machine):
    client = machine.client(negotiate=False)
    assert client.greeting["QMP"]["version"]["package"].startswith("vm "), client.greeting
    assert client.greeting["QMP"]["capabilities"] == []
    assert client.call("query-status")["error"]["class"] == "CommandNotFound"
    assert "QMPCapability" in str(client.call("qmp_capabilities", enable=["oob"])), "oob"
    assert client.call("qmp_capabilities", enable=[]) == {}
    assert client.call("qmp_capabilities")["error"]["class"] == "CommandNotFound"
    assert client.call("query-status") == {"running": True, "status": "running"}
    client.close()


def ids(machine):
    client = machine.client()
    for ident in (1, "a", None, True, 1.5, [1, {"b": []}], {"deep": {"er": ["\u00e9\n\""]}}):
        client.send({"execute": "query-version", "id": ident})
        reply = client.reply()
        assert reply["id"] == ident and "return" in reply, reply
        client.send({"execute": "nothing", "id": ident})
        reply = client.reply()
        assert reply["id"] == ident and reply["error"]["class"] == "CommandNotFound", reply
    client.send({"execute": "query-version"})
    assert "id" not in client.reply()
    client.close()


def stop_and_continue(machine):
    one, two = machine.client(), machine.client()
    assert one.call("stop") == {}
    one.event("STOP")
    assert two.call("query-status") == {"running": False, "status": "paused"}
    two.event("STOP")
    assert two.call("stop") == {}
    assert two.call("cont") == {}
    one.event("RESUME")
    assert one.call("query-status")["running"]
    assert not one.call("cont") and one.events == []
    # Several at once in one write, without spaces; answers come in order.
    one.send(b'{"execute":"stop","id":1}{"execute":"query-status","id":2}'
             b'{"execute":"cont","id":3}\n\n{"execute":"query-status","id":4}')
    replies = [one.reply() for _ in range(4)]
    assert [reply["id"] for reply in replies] == [1, 2, 3, 4], replies
    assert [replies[n]["return"]["running"] for n in (1, 3)] == [False, True], replies
    # One asks for a stop, another takes it back before it has happened, or after.
    for _ in range(20):
        one.send({"execute": "stop"})
        two.send({"execute": "cont"})
        assert one.reply()["return"] == {} and two.reply()["return"] == {}
        two.call("cont")
        assert one.call("query-status")["running"]
    one.close()
    two.close()


def reset_while_stopped(machine):
    client = machine.client()
    client.call("stop")
    client.call("system_reset")
    assert client.event("RESET")["data"] == {"guest": False, "reason": "host-qmp-system-reset"}
    assert client.call("query-status")["status"] == "paused"
    client.call("cont")
    client.event("RESUME")
    assert client.call("system_powerdown") == {}
    client.event("POWERDOWN")
    client.close()


BAD = [b"hello\n", b"[]\n", b'"x"\n', b"1 2 3\n", b"{}", b'{"execute":1}', b'{"execute":"stop"]',
       b'{"execute" "x"}', b'{"execute":"query-status","arguments":[]}', b'{"exec-oob":"stop"}',
       b'{"execute":"query-status","execute":"stop"}', b'{"execute":"\xff\xfe"}',
       b'{"execute":"a\\u0000b"}', b'{"execute":"query-status","id":1e999}',
       b'{"execute":"query-status","id":99999999999999999999}', b'}\n', b'{"a":"\\"}"}']


def malformed(machine):
    client = machine.client()
    for text in BAD:
        client.send(text)
        reply = client.reply()
        assert reply and reply["error"]["class"] in ("GenericError", "CommandNotFound"), text
        assert client.call("query-status")["running"], text
    client.close()
    for text in (b"[" * 65, b'{"a":' * 65, b'{"a":"' + b"x" * (300 << 10), b"x" * (300 << 10)):
        client = machine.client()
        if text[:1] == b"[":
            text = b'{"a":' + text
        try:
            client.send(text)
            reply = client.reply()
            assert reply is None or "nested" in reply["error"]["desc"], reply
            assert reply is None or client.line() is None
        except (BrokenPipeError, ConnectionResetError):
            pass
        client.close()
    client = machine.client()
    client.send(b'{"execute":"query-status","id":' + b"[" * 62 + b"]" * 62 + b"}")
    assert client.reply()["return"]["running"]
    client.close()


def deaf_peers(machine):
    """Peers that send and never read, that hang up half way, that come in crowds."""
    deaf = machine.client()
    deaf.sock.setblocking(False)
    try:
        while True:
            deaf.sock.send(b'{"execute":"query-qmp-schema"}' * 100)
    except BlockingIOError:
        pass
    half = machine.client(negotiate=False)
    half.send(b'{"execute":"qmp_capab')
    half.close()
    crowd = [machine.client() for _ in range(15)]
    extra = socket.socket(socket.AF_UNIX)
    extra.settimeout(PATIENCE)
    extra.connect(machine.path)
    assert b"as many clients" in extra.recv(1000)
    assert extra.recv(1000) == b""
    extra.close()
    assert all(client.call("query-status")["running"] for client in crowd)
    for client in crowd:
        client.send(b'{"execute":"stop"}' * 3)
        client.sock.close()  # with answers on their way
        client.file.close()
    deaf.close()
    late = machine.client()
    while not late.call("query-status")["running"]:  # until the last of those stops
        late.call("cont")
    late.close()


def half_closed(machine):
    """As `echo … | socat - UNIX:…` does: all is answered after the end of what is sent."""
    client = machine.client()
    client.send(b'{"execute":"stop"}{"execute":"cont"}{"execute":"query-version"}')
    client.sock.shutdown(socket.SHUT_WR)
    assert client.reply()["return"] == {} and client.reply()["return"] == {}
    assert client.reply()["return"]["package"]
    assert client.reply() is None
    client.close()


def port_of(text):
    return int(text.split("-")[0].split(":")[-1])


def forwards(machine):
    client = machine.client()
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        refused = client.call("netdev-hostfwd-add", hostfwd=f"tcp::{taken}-:22")
        assert str(taken) in refused["error"]["desc"], refused
    rule = f"tcp:127.0.0.1:{taken}"
    assert client.call("netdev-hostfwd-add", id="net0", hostfwd=f"tcp::{taken}-:22") == {}
    assert client.call("query-netdev") == [
        {"id": "net0", "type": "user", "hostfwd": [f"{rule}-10.0.2.15:22"]}]
    socket.create_connection(("127.0.0.1", taken), PATIENCE).close()
    assert client.call("netdev-hostfwd-remove", hostfwd=rule) == {}
    try:
        socket.create_connection(("127.0.0.1", taken), PATIENCE).close()
        raise AssertionError("the port is still served")
    except ConnectionRefusedError:
        pass
    assert "error" in client.call("netdev-hostfwd-remove", hostfwd=rule)
    assert client.call("netdev-hostfwd-add", id="net7", hostfwd=rule
                       )["error"]["class"] == "DeviceNotFound"
    assert "tcp:x" in client.call("netdev-hostfwd-add", hostfwd="tcp:x")["error"]["desc"]

    def human(line):
        return client.call("human-monitor-command", command_line=line)

    assert human(f"hostfwd_add tcp::{taken}-:80") == ""
    assert human(f"hostfwd_remove net0 tcp::{taken}") == "host forwarding rule removed\r\n"
    assert "no port" in human(f"hostfwd_remove tcp::{taken}")
    assert human("help").startswith("unknown command")
    assert client.call("query-netdev")[0]["hostfwd"] == []
    client.close()


def sizes(machine):
    """Disk and memory are asked for more and less; the guest of this test gives nothing."""
    client = machine.client()
    path = client.call("query-block")[0]["inserted"]["file"]
    for size in (3 << 20, 2 << 20):
        assert client.call("block_resize", device="disk0", size=size) == {}
        assert client.call("query-block")[0]["inserted"]["image"]["virtual-size"] == size
        assert os.path.getsize(path) == size
    for size, device, what in ((1000, "disk0", "512"), (0, "disk0", "more than 0"),
                               (-512, "disk0", "more than 0"), (512, "disk1", "query-block"),
                               ("1M", "disk0", "whole number"), (1.5, "disk0", "whole number")):
        refused = client.call("block_resize", device=device, size=size)["error"]["desc"]
        assert what in refused, refused
    assert os.path.getsize(path) == 2 << 20
    assert client.call("query-memory-size-summary") == {"base-memory": 64 << 20}
    for value in (1, 32 << 20, 64 << 20, 1 << 62):
        assert client.call("balloon", value=value) == {}
        assert client.call("query-balloon") == {"actual": 64 << 20}
    for value in (0, -1, "32M", True):
        assert "error" in client.call("balloon", value=value), value
    client.close()


def protected(machine):
    mode = os.stat(machine.path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600, oct(mode)


def tools(machine):
    if not shutil.which("jq"):
        return "jq is not installed"
    client = machine.client()
    client.send({"execute": "query-qmp-schema"})
    text = client.file.readline()
    client.close()
    got = subprocess.run(["jq", "-r", '.return[] | select(."meta-type"=="event") | .name'],
                         input=text, capture_output=True, check=True)
    assert b"SHUTDOWN" in got.stdout.split(), got.stdout
    return None


def qemu_client(machine):
    """QEMU's own client against every command."""
    folder = os.environ.get("QEMU_QMP")
    if not folder:
        return "QEMU_QMP names no folder of QEMU's Python client"
    sys.path.insert(0, folder)
    from qemu.qmp import ExecuteError, QMPClient  # pylint: disable=import-outside-toplevel

    async def run():
        client = QMPClient("test")
        await client.connect(machine.path)
        for row in await client.execute("query-commands"):
            name = row["name"]
            arguments = ARGUMENTS.get(name, [None])[0]
            if name.startswith("netdev-hostfwd"):
                arguments = {"hostfwd": "tcp:127.0.0.1:0-:1"}
            if name == "quit":
                continue
            try:
                await client.execute(name, arguments)
            except ExecuteError as refused:
                assert name.startswith("netdev-hostfwd") or name == "qmp_capabilities", refused
        await client.execute("cont")
        with client.listener("STOP") as stops:
            await client.execute("stop")
            assert (await stops.get())["event"] == "STOP"
        await client.execute("cont")
        await client.disconnect()

    asyncio.run(run())
    return None


# --- the end ---------------------------------------------------------------------------


def quits(start):
    with start() as machine:
        client = machine.client()
        client.call("stop")
        assert client.call("quit") == {}
        assert client.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-qmp-quit"}
        assert client.line() is None
        machine.ends(1)


def signalled(start):
    with start() as machine:
        client = machine.client()
        client.call("stop")
        machine.process.send_signal(signal.SIGTERM)
        assert client.event("SHUTDOWN")["data"] == {"guest": False, "reason": "host-signal"}
        machine.ends(1)


def deterministic(start):
    with start("--deterministic") as machine:
        client = machine.client()
        for _ in range(3):
            assert client.call("stop") == {}
            assert client.call("query-status")["status"] == "paused"
            assert client.call("cont") == {}
        assert client.call("query-cpus-fast")[0]["thread-id"] > 0
        client.call("quit")
        machine.ends(1)


def places(start):
    """A socket that was left behind is replaced, one that is served is not."""
    with start() as machine:
        os.kill(machine.process.pid, signal.SIGKILL)
        machine.process.wait()
        assert os.path.exists(machine.path)
        with start() as second:
            second.client().close()
            with start() as third:
                assert third.process.wait(PATIENCE) == 1
                said = third.process.stderr.read()
                assert "taken" in said and said.count("\n") == 1, said
            second.client().close()


def path_errors(program, kernel, folder):
    for path, words in (("x" * 200, "too long"), (folder + "/no/where", "no/where")):
        got = subprocess.run([program, "run", "--kernel", kernel, "--memory", "64M", "--console",
                              "none", "--control", "unix:" + path], capture_output=True,
                             text=True, timeout=PATIENCE, check=False)
        assert got.returncode == 1 and words in got.stderr, got
        assert got.stderr.count("\n") == 1, got
    got = subprocess.run([program, "run", "--control", "tcp:1"], capture_output=True, text=True,
                         timeout=PATIENCE, check=False)
    assert got.returncode == 2 and "unix:PATH" in got.stderr, got


def main():
    """Prints TAP."""
    program = sys.argv[1]
    shared = [protected, negotiation, ids, schema_is_true, stop_and_continue, reset_while_stopped,
              malformed, half_closed, deaf_peers, forwards, sizes, tools, qemu_client]
    alone = [quits, signalled, deterministic, places]
    report = Report(len(shared) + len(alone) + 1)

    def run(function, *args):
        problems, skip = [], None
        try:
            skip = function(*args)
        except (AssertionError, OSError, ValueError, KeyError, TypeError) as why:
            problems = [f"{type(why).__name__}: {why}"]
        report.line(function.__name__ + (f" # SKIP {skip}" if skip else ""), problems)

    with tempfile.TemporaryDirectory() as folder:
        kernel = files(folder)["loop"]

        def start(*options):
            return Machine(program, kernel, folder, *options)

        disk = os.path.join(folder, "disk.img")
        with open(disk, "wb") as image:
            image.truncate(1 << 20)
        with start("--net", "user", "--disk", disk) as machine:
            for function in shared:
                run(function, machine)
        for function in alone:
            run(function, start)
        run(path_errors, program, kernel, folder)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
