"""system_qemu.py - a program in qemu-system, run to an address and read by its gdb stub."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from vm import PATIENCE, Skip, Tap, asset, check


class Gdb:
    """As much of gdb's remote protocol as this needs."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(PATIENCE)
        while self.link.connect_ex(path):  # qemu made its socket and does not listen yet
            time.sleep(0.01)
        self.buffer = b""

    def receive(self):
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if start >= 0 and 0 <= end <= len(self.buffer) - 3:
                packet, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                self.link.sendall(b"+")
                return packet
            data = self.link.recv(65536)
            check(data, "qemu's gdb stub has gone")
            self.buffer += data

    def ask(self, text):
        data = text.encode()
        self.link.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))
        return self.receive()

    def memory(self, at, size):
        out = b""
        while len(out) < size:
            part = self.ask("m%x,%x" % (at + len(out), min(1024, size - len(out))))
            check(part[:1] != b"E", "qemu cannot read %#x" % (at + len(out)))
            out += bytes.fromhex(part.decode())
        return out

    def register(self, number):
        return struct.unpack("<Q", bytes.fromhex(self.ask("p%x" % number).decode()))[0]


class Theirs:
    """A program that has run in qemu until `finish`. end: register number `end_register` then;
    memory() of what areas(end) names. argv: qemu with its machine and program."""

    def __init__(self, argv, scratch, finish, end_register, areas):
        gdb = os.path.join(scratch, "gdb")
        argv = [*argv, "-display", "none", "-serial", "none", "-monitor", "none", "-S", "-chardev",
                "socket,id=gdb,path=%s,server=on,wait=on" % gdb, "-gdb", "chardev:gdb"]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=errors)
            try:
                while not os.path.exists(gdb) and process.poll() is None:
                    time.sleep(0.01)
                errors.seek(0)
                check(process.poll() is None, "qemu ended: " + errors.read().decode())
                self.read(Gdb(gdb), finish, end_register, areas)
            finally:
                process.kill()
                process.wait()

    def read(self, gdb, finish, end_register, areas):
        check(gdb.ask("Z1,%x,4" % finish) == b"OK", "qemu takes no breakpoint")
        check(gdb.ask("c")[:1] == b"T", "qemu did not stop at the program's end")
        self.end = gdb.register(end_register)
        self.parts = {at: gdb.memory(at, size) for at, size in areas(self.end)}

    def memory(self, at, size):
        return self.parts[at]


def entries(log, fields, record):
    """What a log holds: a tuple of 8-byte words for each record."""
    return [struct.unpack_from("<%dQ" % fields, log, at) for at in range(0, len(log), record)]


def first_difference(ours, theirs, fields):
    """A text about the first entry that differs, or None."""
    def text(entry):
        return " ".join("%s %#x" % pair for pair in zip(fields, entry)) if entry else "nothing"

    for i in range(max(len(ours), len(theirs))):
        one = ours[i] if i < len(ours) else None
        two = theirs[i] if i < len(theirs) else None
        if one != two:
            before = ours[i - 1] if i else None
            return "after  %s\nours   %s\ntheirs %s" % (text(before), text(one), text(two))
    return None


def compare(ours, theirs, areas, fields, record, least, same=None):
    """ours and theirs have end and memory(); areas(end) begins with the log. same: makes of an
    entry what is compared, where qemu is known to differ."""
    logs = [entries(m.memory(*areas(m.end)[0]), len(fields), record) for m in (ours, theirs)]
    logs = [[same(entry) for entry in log] for log in logs] if same else logs
    check(len(logs[1]) > least, "the program logged only %d entries" % len(logs[1]))
    found = first_difference(*logs, fields)
    check(not found, "%s" % found)
    for at, size in areas(theirs.end)[1:]:
        one, two = ours.memory(at, size), theirs.memory(at, size)
        check(one == two, "memory differs at %#x" % (
            at + next((i for i in range(size) if one[i] != two[i]), 0)))


def run_programs(qemu, tools, keep, compare_program):
    """A case for each of VM_CASES programs from seed VM_SEED and each engine: compare_program(seed,
    engine, scratch). Skipped without the asset qemu and the tools. keep: a folder that scratch
    folders are copied to, or None."""
    tap = Tap()
    count = int(os.environ.get("VM_CASES", "200" if os.environ.get("VM_SOAK") else "3"))
    first = int(os.environ.get("VM_SEED", "1"))

    def case(seed, engine):
        for tool in tools:
            if not shutil.which(tool):
                raise Skip("there is no " + tool)
        asset(qemu)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                compare_program(seed, engine, scratch)
            finally:
                if keep:
                    shutil.copytree(scratch, os.path.join(keep, str(seed)), dirs_exist_ok=True,
                                    ignore=shutil.ignore_patterns("gdb"))

    for seed in range(first, first + count):
        for engine in ("interp", "base"):
            tap.case("program %d, %s" % (seed, engine), case, seed, engine)
    return tap.finish()
