#!/usr/bin/env python3
"""pmu.py - Debian's kernel for arm64 takes the performance monitors into use, and a program counts by them.

    pmu.py --arch arm64 [--all]    --all: with a GICv2, and on the interpreter, too

The guest's program is perf_count.c.
"""

import os
import re
import sys
import tempfile

from initrd import initrd_with
from vm import GUEST, Machine, Tap, check, linux_args

LOOPS, PERIOD = 10_000_000, 1_000_000


def numbers(text):
    return {name: int(value) for name, value in re.findall(r"^(\w+) (\d+)\s*$", text, re.M)}


def counts(engine, options=()):
    with tempfile.TemporaryDirectory() as scratch:
        initrd = os.path.join(scratch, "initrd")
        with open(os.environ["VM_PERF_COUNT"], "rb") as program:
            initrd_with(initrd, {"perf_count": (0o755, program.read())})
        args = linux_args("vmtest=shell")
        args[args.index("--initrd") + 1] = initrd
        with Machine(args + ["--engine", engine, *options]) as m:
            m.expect("vm# ")
            log = m.shell("dmesg | grep armv8_pmuv3 | sed 's/^.*] //'")
            check(re.search(r"armv8_pmuv3\w* PMU driver, 7 \(0,8000003f\) counters available", log),
                  "dmesg says: " + log)
            seen = numbers(m.shell("/perf_count %d %d" % (LOOPS, PERIOD)))
            check(3 * LOOPS <= seen["instructions"] < 3.1 * LOOPS, "%r" % seen)
            check(seen["cycles"] > 0, "%r" % seen)
            # Each comes a little late.
            most = 3 * LOOPS // PERIOD
            check(most // 2 <= seen["signals"] <= most, "%r" % seen)
            m.type("exit\n")
            m.expect("reboot: Power down")
            m.finish(0)


def main():
    check(GUEST.arch == "arm64", "pmu.py is for --arch arm64")
    tap = Tap()
    tap.case("base tier", counts, "auto")
    if "--all" in sys.argv:
        tap.case("GICv2", counts, "auto", ["--machine", "arm-virt,irqchip=gicv2"])
        tap.case("interpreter", counts, "interp")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
