#!/usr/bin/env python3
"""clock.py - the guest's date is right again soon after its process was stopped (SIGSTOP), and
after a pause on the control socket, and after the host slept. With VM_SOAK=1 for 60 s each, and within
0.2 s; and Linux reports no CPU that was stuck, after none of them."""

import os
import signal
import struct
import sys
import tempfile
import time

from vm import PATIENCE, Machine, Tap, check, linux_args, qmp, vm_cli

SOAK = bool(os.environ.get("VM_SOAK"))
STOPPED = 60 if SOAK else 3  # seconds
NEAR = 0.2 if SOAK else 1.0  # seconds; what was lost is much more
HOST_SLEPT = 60 if SOAK else 3600  # seconds
SLEEPER = os.environ.get("VM_HOST_SLEEP")  # host_sleep.c, built
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


def host_slept(machine, path):
    """The host's monotonic clock stands still meanwhile, as host_sleep.c has it."""
    with open(path + ".slept", "r+b") as f:
        f.write(struct.pack("=d", HOST_SLEPT))


def busy(interrupt):
    """A CPU that has work is what Linux takes for one that was stuck, when its clock jumps."""
    def busy_meanwhile(machine, path):
        machine.shell("while :; do :; done & busy=$!")
        interrupt(machine, path)
        machine.shell("sleep 10; kill $busy")
        check(b"soft lockup" not in machine.output, "the guest reports a CPU that was stuck")
    return busy_meanwhile


def kept(interrupt, ahead=0):
    """ahead: what the guest is to be ahead of this host's date, which did not jump."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        with open(path + ".slept", "wb") as f:
            f.write(struct.pack("=d", 0))
        command = ["env", "HOST_SLEEP=" + path + ".slept", "LD_PRELOAD=" + SLEEPER, vm_cli(),
                   "run"] if ahead else None
        with Machine(linux_args() + ["--control", "unix:" + path], command=command) as m:
            m.expect("vm# ")
            # A night in 3 s makes RCU complain: not into what is read here. A CPU that was stuck
            # is still told of.
            m.shell("dmesg -n 1")
            offset = error(m)  # an initramfs reads its clock once, to the second
            interrupt(m, path)
            began = time.monotonic()
            while True:
                gone = error(m) - offset - ahead
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
    if SLEEPER:
        tap.case("host asleep for %d s" % HOST_SLEPT, kept, host_slept, HOST_SLEPT)
    if SOAK:
        tap.case("no CPU is stuck after SIGSTOP", kept, busy(stopped_process))
        tap.case("no CPU is stuck after a pause", kept, busy(paused))
    if SOAK and SLEEPER:
        tap.case("no CPU is stuck after the host's sleep", kept, busy(host_slept), HOST_SLEPT)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
