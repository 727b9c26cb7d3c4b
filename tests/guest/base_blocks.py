#!/usr/bin/env python3
"""base_blocks.py - --base-blocks and tools/bisect-blocks.py: of a guest with many loops, one counts as
translated wrongly. That is decided here by what --perf jitdump says was translated, for want of a
wrong JIT, and the tool has to find it.

    base_blocks.py                           the tests
    base_blocks.py --judge BLOCKS OPTION...  runs the guest with --base-blocks; fails if the block
                                             was translated
"""

import os
import platform
import subprocess
import sys
import tempfile

from perf import read_dump
from tiny import LOOP, POWER_OFF, counting, write
from vm import PATIENCE, Tap, check, run_cli, skip_all, vm_cli

LOOPS, BAD = 40, 23
LOOP_SIZE = 4 * len(counting(4096))
BISECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools",
                      "bisect-blocks.py")


def translated(blocks, options=()):
    """(addresses of the blocks with host code, what was said)"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "guest")
        write(path, *[counting(4096)] * LOOPS, POWER_OFF)
        argv = [vm_cli(), "run", "--deterministic", "--firmware", path, "--console", "none",
                "--memory", "128M", "--perf", "jitdump", "--base-blocks", blocks] + list(options)
        with subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              encoding="utf-8") as process:
            _, said = process.communicate(timeout=PATIENCE)
        check(process.returncode == 0, "status %d: %s" % (process.returncode, said))
        _, loads = read_dump(os.path.join(folder, "jit-%d.dump" % process.pid))
        names = [load.name for load in loads]
        return [int(name.split(":")[1], 16) for name in names if not name.endswith(":thunks")], said


def address(loop):
    return LOOP + loop * LOOP_SIZE


def judge(blocks, options):
    found, said = translated(blocks, options)
    sys.stderr.write(said)
    return 1 if address(BAD) in found else 0


def only_the_range():
    every, _ = translated("0-999999")
    check(set(map(address, range(LOOPS))) <= set(every), "all of them: %s" % every)
    for first, last in ((0, 0), (5, 9), (len(every) - 1, len(every) - 1)):
        some, _ = translated("%d-%d" % (first, last))
        check(some == every[first:last + 1], "%d-%d of %s: %s" % (first, last, every, some))


def found():
    # This file is the command: it passes on what the tool adds.
    done = subprocess.run([sys.executable, BISECT, sys.executable, __file__, "--judge", "BLOCKS"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, encoding="utf-8", timeout=PATIENCE)
    check(done.returncode == 0, done.stdout)
    number = translated("0-999999")[0].index(address(BAD))
    check("first bad block: %d\n" % number in done.stdout, "it is %d: %s" % (number, done.stdout))
    want = "trace block: %d at %#x: 2 instructions" % (number, address(BAD))
    check(want in done.stdout, "where it is is not said: %s" % done.stdout)


def not_to_be_found():
    for command, want in ((["false", "BLOCKS"], "without any translated block"),
                          (["true", "BLOCKS"], "does not fail with all"),
                          (["true"], "no word of the command has BLOCKS")):
        done = subprocess.run([sys.executable, BISECT] + command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              encoding="utf-8", timeout=PATIENCE)
        check(done.returncode == 1 and want in done.stderr, "%s: %s" % (command, done.stderr))


def refused():
    for blocks in ("7", "2-1", "1-x", "-3"):
        status, _, said = run_cli(["--base-blocks=" + blocks])
        check(status == 2 and "--base-blocks %s is no range" % blocks in said, said)


def main():
    if sys.argv[1:2] == ["--judge"]:
        return judge(sys.argv[2], sys.argv[3:])
    if platform.machine() != "x86_64":
        skip_all("this host has no base tier")
    tap = Tap()
    tap.case("the blocks of a range are translated, and no others", only_the_range)
    tap.case("the first bad block is found", found)
    tap.case("when there is none to be found, that is said", not_to_be_found)
    tap.case("what is no range is refused", refused)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
