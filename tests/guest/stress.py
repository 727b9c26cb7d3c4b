#!/usr/bin/env python3
"""stress.py - stress-ng checks its own results in the guest and finds no fault.

Part of ./dev soak: 60 s each of the stressors below by the guest's clock, under Debian's
kernel, from an ext4 root on virtio-blk. A case fails on a failed verification, on a stressor
that did nothing, and on an oops of the kernel.

    stress.py --all [SECONDS]    without --all or VM_SOAK there is nothing to do
"""

import os
import re
import shutil
import sys
import tempfile

from vm import Machine, Tap, asset, check, linux_args, skip_all

PROMPT = "vm-root# "
# Memory by worker: 4 of them fit into 512 MiB.
STRESSORS = {"cpu": "", "vm": "--vm-bytes 48M", "mmap": "--mmap-bytes 48M", "fork": "",
             "futex": ""}
OOPS = re.compile(r"Kernel panic|Oops|BUG:|Unable to handle|segfault|Out of memory|Bad page")


def operations(printed, name):
    """The bogo operations of this stressor, from the table that --metrics prints."""
    rows = re.findall(r"metrc: \[\d+\] %s +(\d+) " % name, printed)
    check(len(rows) == 1, "no count of operations for %s:\n%s" % (name, printed))
    return int(rows[0])


def stressed(m, name, options, workers, seconds):
    # Without --oomable and with --abort: a worker that dies is a fault.
    printed = m.shell("stress-ng --verify --metrics --abort --temp-path /tmp --timeout %ds "
                      "--%s %d %s 2>&1" % (seconds, name, workers, options), PROMPT)
    count = operations(printed, name)
    check(count > 0, "%s did nothing:\n%s" % (name, printed))
    check("failed: 0" in printed and "skipped: 0" in printed and
          "passed: %d: %s (%d)" % (workers, name, workers) in printed,
          "%s did not pass:\n%s" % (name, printed))
    fault = OOPS.search(m.output.decode("utf-8", "replace"))
    check(not fault, "the kernel says %s" % (fault and fault.group()))
    print("# %s: %d operations" % (name, count), flush=True)


def guest(tap, engine, cpus, bus, seconds):
    with tempfile.TemporaryDirectory() as scratch:
        disk = os.path.join(scratch, "stress.ext4")
        shutil.copyfile(asset("stress.ext4"), disk)
        args = linux_args("vmtest=root") + ["--engine", engine, "--cpus", str(cpus),
                                            "--disk", "%s,bus=%s" % (disk, bus)]
        with Machine(args) as m:
            m.expect("vm-root: data is intact")
            m.expect(PROMPT)
            for name, options in STRESSORS.items():
                tap.case("%s, %d s, %s, %d harts" % (name, seconds, engine, cpus), stressed, m,
                         name, options, cpus, seconds)
            m.type("exit\n")
            m.expect("reboot: Power down")
            m.finish(0)


def main():
    if "--all" not in sys.argv[1:] and not os.environ.get("VM_SOAK"):
        skip_all("five minutes a guest: part of ./dev soak")
    seconds = int(([word for word in sys.argv[1:] if word.isdigit()] or ["60"])[0])
    tap = Tap()
    for engine, cpus, bus in (("base", 1, "pcie"), ("base", 4, "mmio"), ("interp", 1, "pcie")):
        tap.case("guest: %s, %d harts" % (engine, cpus), guest, tap, engine, cpus, bus, seconds)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
