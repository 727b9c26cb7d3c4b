#!/usr/bin/env python3
"""test_privileged.py - privileged instructions: vm-cli against qemu-system-riscv64 10.

Random programs (privileged_program.py) run in both to their end. What they logged, their page
tables and their data must be equal; qemu is read through its gdb stub, ours from a saved
state. VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_privileged.py [--keep DIR]
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_program as pp  # noqa: E402
from riscv_tests import run_until_saved, symbol  # noqa: E402
from vm import PATIENCE, Skip, Tap, asset, check, vm_cli  # noqa: E402

STEPS = 2000
INSNS = 1_000_000  # more than a program takes
COMPILER = "riscv64-linux-gnu-gcc"
CPU = ("rv64,h=false,svadu=true,svinval=true,svpbmt=true,svnapot=true,sstc=true,zicbom=true,"
       "zicboz=true,sscofpmf=true,debug=false,smaia=false,ssaia=false")
FIELDS = ("step", "sum", "cause", "address", "value", "status", "vector")


def assemble(seed, scratch):
    source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
    with open(source, "w", encoding="ascii") as out:
        out.write(pp.program(seed, STEPS))
    subprocess.run([COMPILER, "-march=rv64gc_zicbom_zicboz", "-mabi=lp64d", "-nostdlib", "-static",
                    "-no-pie", "-fno-pie", "-Wl,--build-id=none", "-Wl,--no-relax", "-Wl,--no-warn-rwx-segments", *pp.LINK, "-o",
                    path, source], check=True)
    return path


# --- ours ---


class Ours:
    def __init__(self, path, engine, scratch):
        state = os.path.join(scratch, "state")
        self.saved = run_until_saved(
            [vm_cli(), "run", "--firmware", path, "--memory", "64M", "--console", "none",
             "--deterministic", "--engine", engine,
             "--save-state", "%s,at=insns:%d" % (state, INSNS)], state)
        self.end = self.saved.lists["cpu0"]["x"][27]
        self.pc = self.saved.lists["cpu0"]["pc"]

    def memory(self, at, size):
        out = b""
        while len(out) < size:
            part = min(size - len(out), 4096 - (at + len(out)) % 4096)
            out += self.saved.bytes_at("ram", at + len(out) - pp.RAM, part)
        return out


# --- theirs ---


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
    # Two harts, of which one sleeps: with one alone qemu makes an atomic operation of a load and
    # a store, whose faults come in another order.
    def __init__(self, path, scratch):
        gdb = os.path.join(scratch, "gdb")
        argv = [asset("qemu-system-riscv64-10"), "-M", "virt", "-cpu", CPU, "-m", "64M", "-smp",
                "2", "-bios", path, "-display", "none", "-serial", "none", "-monitor", "none", "-S",
                "-chardev", "socket,id=gdb,path=%s,server=on,wait=on" % gdb, "-gdb", "chardev:gdb"]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=errors)
            try:
                while not os.path.exists(gdb) and process.poll() is None:
                    time.sleep(0.01)
                errors.seek(0)
                check(process.poll() is None, "qemu ended: " + errors.read().decode())
                self.read(Gdb(gdb), symbol(path, "finish"))
            finally:
                process.kill()
                process.wait()

    def read(self, gdb, finish):
        check(gdb.ask("Z0,%x,4" % finish) == b"OK", "qemu takes no breakpoint")
        check(gdb.ask("c")[:1] == b"T", "qemu did not stop at the program's end")
        self.end = gdb.register(27)
        self.parts = {at: gdb.memory(at, size) for at, size in areas(self.end)}

    def memory(self, at, size):
        return self.parts[at]


# --- comparing ---


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.TABLES, 0x6000), (pp.DATA, pp.DATA_SIZE)]


def entries(log):
    return [struct.unpack_from("<7Q", log, at) for at in range(0, len(log), pp.RECORD)]


def text(entry):
    return " ".join("%s %#x" % pair for pair in zip(FIELDS, entry)) if entry else "nothing"


def first_difference(ours, theirs):
    for i in range(max(len(ours), len(theirs))):
        one = ours[i] if i < len(ours) else None
        two = theirs[i] if i < len(theirs) else None
        if one != two:
            before = ours[i - 1] if i else None
            return "after  %s\nours   %s\ntheirs %s" % (text(before), text(one), text(two))
    return None


def compare(seed, engine, scratch):
    path = assemble(seed, scratch)
    theirs = Theirs(path, scratch)
    ours = Ours(path, engine, scratch)
    logs = [entries(m.memory(pp.LOG, m.end - pp.LOG)) for m in (ours, theirs)]
    check(len(logs[1]) > STEPS // 4, "the program logged only %d entries" % len(logs[1]))
    found = first_difference(*logs)
    check(not found, "%s" % found)
    for at, size in areas(theirs.end)[1:]:
        one, two = ours.memory(at, size), theirs.memory(at, size)
        check(one == two, "memory differs at %#x" % (
            at + next((i for i in range(size) if one[i] != two[i]), 0)))


def one_program(seed, engine, keep):
    with tempfile.TemporaryDirectory() as scratch:
        try:
            compare(seed, engine, scratch)
        finally:
            if keep:
                shutil.copytree(scratch, os.path.join(keep, str(seed)), dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("gdb"))


def main():
    tap = Tap()
    keep = sys.argv[2] if sys.argv[1:2] == ["--keep"] else None
    count = int(os.environ.get("VM_CASES", "200" if os.environ.get("VM_SOAK") else "3"))
    first = int(os.environ.get("VM_SEED", "1"))

    def tools():
        if not shutil.which(COMPILER):
            raise Skip("there is no " + COMPILER)
        asset("qemu-system-riscv64-10")

    for seed in range(first, first + count):
        for engine in ("interp", "base"):
            def case():
                tools()
                one_program(seed, engine, keep)
            tap.case("program %d, %s" % (seed, engine), case)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
