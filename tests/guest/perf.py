#!/usr/bin/env python3
"""perf.py - the files that tell Linux's perf about translated code, read as their descriptions in
the kernel's sources say (tools/perf/Documentation/jit-interface.txt and
jitdump-specification.txt), and by perf itself where it is installed and may record."""

import collections
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import tiny
from vm import PATIENCE, Machine, Skip, Tap, check, run_cli, skip_all, vm_cli

SYMBOL = "riscv64:%#x" % tiny.LOOP
THUNKS = "riscv64:thunks"
ELF_X86_64 = 62
Load = collections.namedtuple("Load", "time pid tid vma address size index name code")


def guest(folder, rounds):
    path = os.path.join(folder, "guest")
    tiny.write(path, tiny.counting(rounds) if rounds else [0x1 << 7 | 0x13, tiny.JUMP_HERE],
               tiny.POWER_OFF)
    return ["--firmware", path, "--console", "none", "--memory", "128M", "--engine", "base"]


def run(folder, kind, rounds=1 << 24):
    """Runs a guest in the folder; its process's number."""
    argv = [vm_cli(), "run"] + guest(folder, rounds) + ["--perf", kind]
    with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          encoding="utf-8") as process:
        _, said = process.communicate(timeout=PATIENCE)
        check(process.returncode == 0, "status %d: %s" % (process.returncode, said))
        return process.pid


# --- the map ---------------------------------------------------------------------------


def read_map(path):
    pieces = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            address, size, name = line.rstrip("\n").split(" ", 2)
            check(name not in pieces, "%s is there twice" % name)
            pieces[name] = (int(address, 16), int(size, 16))
    return pieces


def apart(pieces):
    ordered = sorted(pieces)
    for one, next_ in zip(ordered, ordered[1:]):
        check(one[0] + one[1] <= next_[0], "pieces overlap: %s, %s" % (one, next_))


def map_names_the_blocks():
    with tempfile.TemporaryDirectory() as folder:
        path = "/tmp/perf-%d.map" % run(folder, "map")
    try:
        check(os.stat(path).st_mode & 0o777 == 0o600, "others may read or write the file")
        pieces = read_map(path)
    finally:
        os.unlink(path)
    check(SYMBOL in pieces and THUNKS in pieces, "who is there: %s" % pieces)
    check(all(size > 0 for _, size in pieces.values()), "an empty piece: %s" % pieces)
    apart(pieces.values())


def a_link_is_not_followed():
    """Somebody else may have put a link there: /tmp is everybody's."""
    with tempfile.TemporaryDirectory() as folder:
        victim, dump = (os.path.join(folder, name) for name in ("victim", "run.sh"))
        with open(victim, "w", encoding="ascii") as file:
            file.write("mine")
        # The shell's number stays that of the program it becomes.
        with open(dump, "w", encoding="ascii") as file:
            file.write('ln -s "$1" "/tmp/perf-$$.map"; echo $$ >&2; shift; exec "$@"\n')
        status, _, said = run_cli(guest(folder, 1 << 16) + ["--perf", "map"],
                                  command=["sh", dump, victim, vm_cli(), "run"])
        os.unlink("/tmp/perf-%d.map" % int(said.split()[0]))
        with open(victim, encoding="ascii") as file:
            check(file.read() == "mine", "the file that the link names was written")
    check(status == 1 and "--perf: /tmp/perf-" in said, "status %d: %s" % (status, said))


# --- jitdump ---------------------------------------------------------------------------


def read_dump(path):
    """(header, LOAD records); the last record is a CLOSE."""
    with open(path, "rb") as file:
        data = file.read()
    magic, version, at, machine, _, pid, began, flags = struct.unpack_from("<IIIIIIQQ", data)
    check((magic, version, at, machine, flags) == (0x4A695444, 1, 40, ELF_X86_64, 0),
          "the header: %r" % (data[:40],))
    loads, closed, last = [], False, began
    while at < len(data):
        check(not closed, "something follows the CLOSE record")
        kind, size, moment = struct.unpack_from("<IIQ", data, at)
        check(size >= 16 and at + size <= len(data), "a record of %d bytes at %d" % (size, at))
        check(moment >= last, "time goes back at %d" % at)
        if kind == 3:
            closed = size == 16
        else:
            check(kind == 0, "an unknown record: %d" % kind)
            fields = struct.unpack_from("<IIQQQQ", data, at + 16)
            name, _, code = data[at + 56:at + size].partition(b"\0")
            loads.append(Load(moment, *fields, name.decode(), code))
        at, last = at + size, moment
    check(closed, "there is no CLOSE record")
    return pid, loads


def dump_holds_the_code():
    with tempfile.TemporaryDirectory() as folder:
        pid = run(folder, "jitdump")
        said, loads = read_dump(os.path.join(folder, "jit-%d.dump" % pid))
    check(said == pid and all(load.pid == pid for load in loads), "whose dump it is")
    check([load.index for load in loads] == list(range(len(loads))), "the numbers of the pieces")
    for load in loads:
        check(load.size == len(load.code) > 0 and load.vma == load.address, "a LOAD: %s" % (load,))
    names = [load.name for load in loads]
    check(SYMBOL in names and THUNKS in names, "who is there: %s" % names)
    apart([(load.address, load.size) for load in loads])
    # Every block begins by a look at the request to leave: 83, /7, memory, 0.
    loop = loads[names.index(SYMBOL)].code
    check(loop[0] == 0x83 and loop[1] >> 3 & 7 == 7 and loop[1] >> 6 != 3 and loop[6] == 0,
          "this is no block's code: %s" % loop.hex())


def dump_is_mapped():
    """By this perf learns of the file."""
    with tempfile.TemporaryDirectory() as folder:
        with Machine(guest(folder, 0) + ["--perf", "jitdump"],
                     command=["sh", "-c", 'cd "$1"; shift; exec "$@"', "sh", folder, vm_cli(),
                              "run"]) as m:
            name = os.path.join(os.path.realpath(folder), "jit-%d.dump" % m.process.pid)
            deadline = time.monotonic() + PATIENCE
            mapped = []
            while not mapped and time.monotonic() < deadline and m.process.poll() is None:
                with open("/proc/%d/maps" % m.process.pid, encoding="utf-8") as maps:
                    mapped = [line.split() for line in maps if line.rstrip().endswith(name)]
                m.pump(0.05)
            check(mapped, "the file is not mapped: %s" % m.stderr())
            check(mapped[0][1] == "r-xp", "it is mapped as %s" % mapped[0][1])


# --- perf itself -----------------------------------------------------------------------


def perf(folder, *argv):
    done = subprocess.run(["perf", "--buildid-dir", os.path.join(folder, "ids")] + list(argv),
                          cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", check=False, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def recording(folder, kind):
    """Records a guest; the symbols that perf reports."""
    if not shutil.which("perf"):
        raise Skip("perf is not installed")
    status, _, said = perf(folder, "record", "-e", "cpu-clock", "-k", "mono", "-o", "try", "true")
    if status:
        raise Skip("perf may not record here: %s" % (said.splitlines() or ["?"])[0])
    status, _, said = perf(folder, "record", "-e", "cpu-clock", "-k", "mono", "-o", "raw", "sh",
                           "-c", 'echo $$ >pid; exec "$@"', "sh", vm_cli(), "run",
                           *guest(folder, 1 << 29), "--perf", kind)
    check(status == 0, said)
    source = "raw"
    if kind == "jitdump":
        status, _, said = perf(folder, "inject", "--jit", "-i", "raw", "-o", "whole")
        check(status == 0, said)
        source = "whole"
    status, report, said = perf(folder, "report", "-i", source, "--stdio", "--sort", "symbol")
    check(status == 0, said)
    return report


def perf_finds(kind):
    with tempfile.TemporaryDirectory() as folder:
        report = recording(folder, kind)
        if kind == "map":
            with open(os.path.join(folder, "pid"), encoding="ascii") as file:
                os.unlink("/tmp/perf-%d.map" % int(file.read()))
    check(SYMBOL in report, "perf does not name the loop:\n%s" % report)


def unknown_kind():
    status, _, said = run_cli(["--perf", "yes"])
    check(status == 2 and "--perf yes is unknown: give map or jitdump" in said, said)


def interpreter_alone():
    with tempfile.TemporaryDirectory() as folder:
        status, _, said = run_cli(guest(folder, 4096) + ["--engine", "interp", "--perf", "map"])
    check(status == 1 and "about translated code" in said, said)


def main():
    if platform.machine() != "x86_64":
        skip_all("this host has no base tier")
    tap = Tap()
    tap.case("the map names the blocks", map_names_the_blocks)
    tap.case("the map is not written through a link", a_link_is_not_followed)
    tap.case("the dump holds the code of the blocks", dump_holds_the_code)
    tap.case("the dump is mapped for perf to see", dump_is_mapped)
    tap.case("perf reads the map", perf_finds, "map")
    tap.case("perf reads the dump", perf_finds, "jitdump")
    tap.case("an unknown kind is refused", unknown_kind)
    tap.case("the interpreter has nothing to tell", interpreter_alone)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
