#!/usr/bin/env python3
"""stress.py - stress-ng checks its own results in the guest and finds no fault.

Part of ./dev soak: 60 s each of the stressors below by the guest's clock, under Debian's
kernel, from an ext4 root on virtio-blk. A case fails on a failed verification, on a stressor
that did nothing, and on an oops of the kernel.

    stress.py --all [SECONDS]           without an option or VM_SOAK there is nothing to do
    stress.py --tiny-cache [SECONDS]    8 harts and a code cache of 8 MiB, all stressors at once
                                        (10 minutes): blocks are dropped and made all the time
"""

import json
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
SMALL = dict(STRESSORS, vm="--vm-bytes 16M", mmap="--mmap-bytes 16M")  # 8 of them, all at once
OOPS = re.compile(r"Kernel panic|Oops|BUG:|Unable to handle|segfault|Out of memory|Bad page")


def operations(printed, name):
    """The bogo operations of this stressor, from the table that --metrics prints."""
    rows = re.findall(r"metrc: \[\d+\] %s +(\d+) " % name, printed)
    check(len(rows) == 1, "no count of operations for %s:\n%s" % (name, printed))
    return int(rows[0])


def stressed(m, stressors, workers, seconds):
    """These at the same time, so many workers each."""
    words = " ".join("--%s %d %s" % (name, workers, options)
                     for name, options in stressors.items())
    # Without --oomable and with --abort: a worker that dies is a fault.
    printed = m.shell("stress-ng --verify --metrics --abort --temp-path /tmp --timeout %ds "
                      "%s 2>&1" % (seconds, words), PROMPT, seconds)
    check("failed: 0" in printed and "skipped: 0" in printed, "a stressor failed:\n" + printed)
    for name in stressors:
        count = operations(printed, name)
        check(count > 0, "%s did nothing:\n%s" % (name, printed))
        check("%s (%d)" % (name, workers) in printed.split("passed: ", 1)[-1].split("\n")[0],
              "%s did not pass:\n%s" % (name, printed))
        print("# %s: %d operations" % (name, count), flush=True)
    fault = OOPS.search(m.output.decode("utf-8", "replace"))
    check(not fault, "the kernel says %s" % (fault and fault.group()))


def guest(engine, cpus, bus, work, extra=()):
    """Boots from the disk, does work(machine) at the shell, and powers off."""
    with tempfile.TemporaryDirectory() as scratch:
        disk = os.path.join(scratch, "stress.ext4")
        shutil.copyfile(asset("stress.ext4"), disk)
        args = linux_args("vmtest=root") + ["--engine", engine, "--cpus", str(cpus),
                                            "--disk", "%s,bus=%s" % (disk, bus), *extra]
        with Machine(args) as m:
            m.expect("vm-root: data is intact")
            m.expect(PROMPT)
            work(m)
            m.type("exit\n")
            m.expect("reboot: Power down")
            return m.finish(0)


def each_alone(tap, engine, cpus, bus, seconds):
    def work(m):
        for name, options in STRESSORS.items():
            tap.case("%s, %d s, %s, %d harts" % (name, seconds, engine, cpus), stressed, m,
                     {name: options}, cpus, seconds)
    guest(engine, cpus, bus, work)


def tiny_cache(seconds):
    """More harts than cores, and most code that is run has just been dropped by another."""
    with tempfile.TemporaryDirectory() as scratch:
        stats = os.path.join(scratch, "stats")
        guest("base", 8, "mmio", lambda m: stressed(m, SMALL, 8, seconds),
              ["--code-cache", "8M", "--stats=json:" + stats])
        with open(stats, encoding="utf-8") as f:
            evicted = json.load(f)["evictions"]
        check(evicted > 100000, "only %d blocks were dropped" % evicted)
        print("# %d blocks were dropped" % evicted, flush=True)


def main():
    soak = bool(os.environ.get("VM_SOAK"))
    every, tiny = "--all" in sys.argv[1:] or soak, "--tiny-cache" in sys.argv[1:] or soak
    if not every and not tiny:
        skip_all("five minutes a guest: part of ./dev soak")
    given = [int(word) for word in sys.argv[1:] if word.isdigit()]
    tap = Tap()
    if tiny:
        seconds = (given or [600])[0]
        tap.case("all, %d s, base, 8 harts, tiny code cache" % seconds, tiny_cache, seconds)
    for engine, cpus, bus in (("base", 1, "pcie"), ("base", 4, "mmio"), ("interp", 1, "pcie")):
        if every:
            tap.case("guest: %s, %d harts" % (engine, cpus), each_alone, tap, engine, cpus, bus,
                     (given or [60])[0])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
