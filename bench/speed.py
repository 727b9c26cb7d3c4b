#!/usr/bin/env python3
"""speed.py - guest instructions a second, per engine: a boot, and integer code above it.

Each row is a machine of its own. The second row of an engine subtracts the first: what is
left is busybox's sha256sum over 64 MiB of zeros, in user mode with paging on. Figures are
minima of BENCH_RUNS runs (default 3); run them on a machine that does nothing else.
"""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "guest"))
import vm

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
WORK = "dd if=/dev/zero bs=1M count=64 2>/dev/null | sha256sum"
DIGEST = "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351"


def run(engine, command):
    """(instructions, seconds the CPU ran) of a boot, command and power-off."""
    with tempfile.NamedTemporaryFile(suffix=".json") as stats:
        args = ["--engine", engine, "--stats=json:" + stats.name] + vm.linux_args()
        with vm.Machine(args) as guest:
            guest.expect("vm# ")
            if command:
                out = guest.shell(command)
                vm.check(DIGEST in str(out), "the guest computed another digest: %s" % (out,))
            guest.type("poweroff -f\n")
            guest.finish(0)
        with open(stats.name, encoding="utf-8") as f:
            figures = json.load(f)
    return figures["insns"], figures["run_ns"] / 1e9


def row(engine, name, insns, seconds):
    print("%-8s %-22s %10.1f M insns %8.2f s %8.1f M insns/s"
          % (engine, name, insns / 1e6, seconds, insns / 1e6 / seconds), flush=True)


def main():
    for engine in ("interp", "base"):
        boot = min((run(engine, None) for _ in range(RUNS)), key=lambda r: r[1])
        both = min((run(engine, WORK) for _ in range(RUNS)), key=lambda r: r[1])
        row(engine, "boot and power-off", *boot)
        row(engine, "sha256 of 64 MiB", both[0] - boot[0], both[1] - boot[1])


if __name__ == "__main__":
    main()
