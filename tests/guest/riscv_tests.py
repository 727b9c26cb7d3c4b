#!/usr/bin/env python3
"""riscv_tests.py - runs the riscv-tests that were built in RISCV_TESTS=DIR.

Each ELF program of rv64u*, rv64s* and rv64m* runs as it is, in M-mode from reset. It
writes its verdict into its variable `tohost` and then spins; there is no such device
here, so the machine runs deterministically up to an instruction count, its state is
saved, and the verdict is read from the saved RAM: 1 is a pass, 2n + 1 says that case n
failed, 0 that the program did not end.

    RISCV_TESTS=DIR riscv_tests.py [--engine interp|base]... [PATTERN]...
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile

from state_file import StateFile
from vm import PATIENCE, Skip, Tap, TestFailed, check, skip_all, vm_cli

RAM = 0x80000000
# What the programs need: p at most thousands of instructions, v up to a few million.
INSNS = {"p": 300_000, "v": 6_000_000}
NAME = re.compile(r"^(rv64[a-z0-9]+)-([pv])-([a-z0-9_-]+)$")  # not its .dump

# Programs of the suite that do not apply, by pattern, each with the reason.
NOT_OURS = {
    "rv64uzfh-*": "half-precision arithmetic (Zfh) is not offered, only Zfhmin",
    "rv64uzbkx-*": "crossbar permutations (Zbkx) are not offered",
    "rv64up-*": "packed SIMD (P) is not offered",
}


def not_ours(name):
    for pattern, reason in NOT_OURS.items():
        if fnmatch.fnmatch(name, pattern):
            return reason
    return None


def symbol(path, wanted):
    """The value of a symbol of a little-endian ELF-64 file."""
    with open(path, "rb") as file:
        data = file.read()
    check(data[:6] == b"\x7fELF\x02\x01", "%s is no ELF-64 program" % path)
    table, size, count = (struct.unpack_from("<Q", data, 40)[0],
                          *struct.unpack_from("<HH", data, 58))
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    for section in sections:
        if section[1] != 2:  # SHT_SYMTAB
            continue
        names = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            end = data.index(b"\0", names + name)
            if data[names + name:end].decode() == wanted:
                return value
    raise TestFailed("%s has no symbol %s" % (path, wanted))


def run_until_saved(args, state):
    """Runs vm-cli until it has written its state, then ends it."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        try:
            for line in process.stderr:
                errors.write(line)
                if b"state saved" in line:
                    break
            else:
                errors.seek(0)
                raise TestFailed("ended with status %s without a state: %s" % (
                    process.wait(PATIENCE), errors.read().decode()))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)
            process.stderr.close()
    return StateFile(state)


def verdict(path, kind, engine):
    tohost = symbol(path, "tohost")
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        saved = run_until_saved(
            [vm_cli(), "run", "--firmware", path, "--memory", "64M", "--console", "none",
             "--deterministic", "--engine", engine,
             "--save-state", "%s,at=insns:%d" % (state, INSNS[kind])], state)
    code = struct.unpack("<Q", saved.bytes_at("ram", tohost - RAM, 8))[0]
    cpu = saved.lists["cpu0"]
    if code == 0:
        raise TestFailed("did not end in %d instructions: pc %#x mcause %#x mepc %#x mtval %#x "
                         "gp %d" % (INSNS[kind], cpu["pc"], cpu["mcause"], cpu["mepc"],
                                    cpu["mtval"], cpu["x"][3]))
    check(code == 1, "case %d failed (tohost %#x, mcause %#x mepc %#x mtval %#x)" % (
        code >> 1, code, cpu["mcause"], cpu["mepc"], cpu["mtval"]))


def run_one(path, kind, engine):
    reason = not_ours(os.path.basename(path))
    if reason:
        raise Skip(reason)
    verdict(path, kind, engine)


def find_programs(top, patterns):
    found = []
    for folder, _, files in os.walk(top):
        for name in files:
            match = NAME.match(name)
            if match and (not patterns or any(fnmatch.fnmatch(name, p) for p in patterns)):
                found.append((name, match.group(2), os.path.join(folder, name)))
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(description="Runs the riscv-tests of RISCV_TESTS=DIR.")
    parser.add_argument("--engine", action="append", choices=["interp", "base"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("pattern", nargs="*")
    args = parser.parse_args()
    top = os.environ.get("RISCV_TESTS")
    if not top:
        skip_all("RISCV_TESTS names no directory of built riscv-tests")
    programs = find_programs(top, args.pattern)
    if not programs:
        print("Bail out! no program like rv64ui-p-add below %s" % top)
        return 1
    work = [(name, kind, path, engine) for engine in args.engine or ["interp", "base"]
            for name, kind, path in programs]
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        ends = [pool.submit(run_one, path, kind, engine) for _, kind, path, engine in work]
        for (name, _, _, engine), end in zip(work, ends):
            tap.case("%s, %s" % (name, engine), end.result)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
