#!/usr/bin/env python3
"""no_opt.py - --no-opt: each optimisation of the JIT can be left out, and is: the code of a guest
that has something for every one of them, as --perf jitdump writes it down, has other sizes then."""

import os
import platform
import subprocess
import sys
import tempfile

from perf import read_dump
from tiny import POWER_OFF, T0, T1, T2, T3, addi, bne, lui, write
from vm import PATIENCE, Tap, check, run_cli, skip_all, vm_cli

NAMES = ["long-blocks", "chaining", "jump-cache", "memory", "groups", "atomics", "host-fpu",
         "fp-loops", "int-loops", "signed-loads", "streams", "vectors", "flags",
         "background"]
# What this guest's architecture has no use for; what makes no other code.
NOT_HERE = ["vectors", "flags", "background"]
A0, ROUNDS = 10, 16


def auipc(rd, upper):
    return upper << 12 | rd << 7 | 0x17


def load(rd, base, offset, size=3):
    return offset << 20 | base << 15 | size << 12 | rd << 7 | 0x03


FLOATS_ON = [lui(T1, 6), 0x300 << 20 | T1 << 15 | 2 << 12 | 0x73]  # csrs mstatus, FS
AMOADD = T1 << 20 | A0 << 15 | 3 << 12 | 0x2f
FADDS = [1 << 25 | f << 20 | f << 15 | 7 << 12 | f << 7 | 0x53 for f in range(1, 5)]
COUNTS = [addi(r, r, 1) for r in range(10, 18)]
JALR = T2 << 15 | T0 << 7 | 0x67
GUEST = FLOATS_ON + [
    auipc(A0, 16), lui(T3, ROUNDS),
    auipc(T2, 0), addi(T2, T2, 12), JALR,  # to what comes next
    load(T1, A0, 0), bne(0, 0, 8), load(T1, A0, 8), AMOADD,
    load(T1, A0, 16, 0), load(T1, A0, 20, 1), load(T1, A0, 24, 2), load(T1, A0, 28, 2),
    addi(T3, T3, -1), bne(T3, 0, -48),
    lui(T3, ROUNDS), load(T1, A0, 0)] + FADDS + COUNTS + [addi(T3, T3, -1), bne(T3, 0, -56)]


def sizes(options):
    """Of the code of each block."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "guest")
        write(path, GUEST, POWER_OFF)
        argv = [vm_cli(), "run", "--firmware", path, "--console", "none", "--memory", "128M",
                "--engine", "base", "--perf", "jitdump"] + options
        with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              encoding="utf-8") as process:
            _, said = process.communicate(timeout=PATIENCE)
        check(process.returncode == 0, "status %d: %s" % (process.returncode, said))
        _, loads = read_dump(os.path.join(folder, "jit-%d.dump" % process.pid))
        return sorted((load.name, load.size) for load in loads)


def repeats():
    """What the comparisons rest on."""
    check(sizes([]) == sizes([]), "two runs made other code")


def left_out(name):
    check(sizes(["--no-opt", name]) != sizes([]), "the code is the same without %s" % name)


def all_of_them():
    check(sizes(["--no-opt", "all"]) == sizes(["--no-opt", ",".join(NAMES)]),
          "all is not the sum of the names")


def unknown_name():
    status, _, said = run_cli(["--no-opt", "groups,speed"])
    want = "--no-opt speed is unknown: there is all " + " ".join(NAMES)
    check(status == 2 and want in said, "status %d: %s" % (status, said))


def main():
    if platform.machine() != "x86_64":
        skip_all("this host has no base tier")
    tap = Tap()
    tap.case("two runs make the same code", repeats)
    for name in sorted(set(NAMES) - set(NOT_HERE), key=NAMES.index):
        tap.case("without %s" % name, left_out, name)
    tap.case("all", all_of_them)
    tap.case("an unknown name is refused, the known ones are listed", unknown_name)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
