#!/usr/bin/env python3
"""resume.py - a boot saved half way goes on in a fresh process as if nothing had been.

The machine that was saved must go on to its shell too: saving changes nothing.

    resume.py         saved in the middle of the boot, once an engine
    resume.py --all   by text, time and count; 4 harts; AIA; deterministic
"""

import hashlib
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))

from vm import Machine, Tap, check, linux_args  # noqa: E402

SUM = hashlib.md5(b"".join(b"%d\n" % i for i in range(1, 5001))).hexdigest()
MIDDLE = "console:Freeing unused kernel image"


def to_shell(m, cpus):
    m.expect("vm-init: ready (riscv64, %d cpus)" % cpus)
    m.expect("vm# ")
    printed = m.shell("seq 1 5000 | md5sum")
    check(printed.split()[0] == SUM, "wrong sum of a text: " + printed)
    m.type("exit\n")
    m.expect("reboot: Power down")
    m.finish(0)


def resumed(engine, at, cpus=1, extra=()):
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        args = linux_args() + ["--engine", engine, "--cpus", str(cpus), *extra]
        with Machine(args + ["--save-state", "%s,at=%s" % (state, at)]) as m:
            to_shell(m, cpus)
            check("state saved to " + state in m.stderr(), "no state was saved: " + m.stderr())
        with Machine(args + ["--load-state", state]) as m:
            to_shell(m, cpus)
            check(b"Linux version" not in m.output, "it booted from the beginning")


def typed_then_resumed(engine):
    """What was done in the shell before the save is there after the load."""
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        args = linux_args() + ["--engine", engine]
        with Machine(args + ["--save-state", state + ",at=console:save now"]) as m:
            m.expect("vm# ")
            m.shell("seq 1 5000 >/tmp/kept; x=remembered")
            m.type("echo save' 'now\n")
            m.expect("save now")
            m.expect("vm# ")
        with Machine(args + ["--load-state", state]) as m:
            m.expect("vm# ")
            printed = m.shell("echo $x; wc -l /tmp/kept")
            check(printed.split()[:2] == ["remembered", "5000"], "lost: " + printed)
            m.type("exit\n")
            m.finish(0)


def main():
    tap = Tap()
    for engine in ("interp", "base"):
        tap.case("saved at a text, %s" % engine, resumed, engine, MIDDLE)
    if "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        for engine in ("interp", "base", "auto"):
            aia = ["--machine", "riscv-virt,irqchip=aia"]
            tap.case("saved at a count, %s" % engine, resumed, engine, "insns:700000000")
            tap.case("saved at a time, %s" % engine, resumed, engine, "seconds:2.5")
            tap.case("a shell's own state, %s" % engine, typed_then_resumed, engine)
            tap.case("4 harts, %s" % engine, resumed, engine, MIDDLE, 4)
            tap.case("4 harts, AIA, %s" % engine, resumed, engine, MIDDLE, 4, aia)
            tap.case("deterministic, %s" % engine, resumed, engine, MIDDLE, 1, ["--deterministic"])
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
