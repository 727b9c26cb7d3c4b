#!/usr/bin/env python3
"""kvm.py - Debian's kernel for arm64 starts at EL2, and its KVM says so, with VHE and without.

    kvm.py --arch arm64 [--all]   --all: with 2 CPUs, on the interpreter, and without VHE, too
"""

import sys

from vm import GUEST, Machine, Tap, check, linux_args

BOARD = ["--machine", "arm-virt,virtualization=on"]


def boot(engine, cpus=1, words="", mode="VHE mode initialized successfully"):
    args = linux_args(("vmtest=shell " + words).strip()) + BOARD
    with Machine(args + ["--engine", engine, "--cpus", str(cpus)]) as m:
        m.expect("vm# ")
        log = m.shell("dmesg | grep -E 'CPU: All|kvm' | sed 's/^.*] //'")
        check("CPU: All CPU(s) started at EL2" in log, "not at EL2:\n" + log)
        check(mode in log, "kvm says otherwise:\n" + log)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def main():
    check(GUEST.arch == "arm64", "kvm.py is for --arch arm64")
    tap = Tap()
    tap.case("VHE, base tier", boot, "auto")
    if "--all" in sys.argv:
        tap.case("interpreter", boot, "interp")
        tap.case("2 CPUs", boot, "auto", 2)
        tap.case("without VHE", boot, "auto", 1, "kvm-arm.mode=nvhe",
                 "Hyp mode initialized successfully")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
