#!/usr/bin/env python3
"""clock.py - the guest's date is right again soon after its process was stopped (SIGSTOP), and
after a pause on the control socket. With VM_SOAK=1 for 60 s each, and within 0.2 s."""

import os
import signal
import sys
import tempfile
import time

from vm import PATIENCE, Machine, Tap, check, linux_args, qmp

SOAK = bool(os.environ.get("VM_SOAK"))
STOPPED = 60 if SOAK else 3  # seconds
NEAR = 0.2 if SOAK else 1.0  # seconds; what was lost is much more
SOON = 5.0 if SOAK else PATIENCE


def error(machine):
    """Seconds that the guest's date is ahead of the host's. The guest waits for its next whole
    second, prints it, and the host looks at its clock as it reads that."""
    machine.type("a=$(date +%s); while [ $a = $(date +%s) ]; do :; done; echo seco''nd=$(date +%s)\n")
    machine.expect("second=")
    now = time.time()
    second = int(machine.expect("\n"))
    machine.expect("vm# ")
    return second - now


def stopped_process(machine, path):
    machine.process.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED)
    machine.process.send_signal(signal.SIGCONT)


def paused(machine, path):
    qmp(path, "stop")
    time.sleep(STOPPED)
    qmp(path, "cont")


def kept(interrupt):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        with Machine(linux_args() + ["--control", "unix:" + path]) as m:
            m.expect("vm# ")
            offset = error(m)  # an initramfs reads its clock once, to the second
            interrupt(m, path)
            began = time.monotonic()
            while True:
                gone = error(m) - offset
                if abs(gone) <= NEAR:
                    break
                check(time.monotonic() - began < SOON,
                      "the guest's clock is %.2f s ahead" % gone)
            print("# %.3f s ahead after %.1f s" % (gone, time.monotonic() - began), flush=True)
            m.type("exit\n")
            m.finish(0)


def main():
    """Prints TAP."""
    tap = Tap()
    tap.case("SIGSTOP for %d s" % STOPPED, kept, stopped_process)
    tap.case("pause for %d s" % STOPPED, kept, paused)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
