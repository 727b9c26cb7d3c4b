#!/usr/bin/env python3
"""kvm.py - a hypervisor in the guest: Debian's kernel at EL2 with VHE, and a machine under its KVM.

    kvm.py --arch arm64 [--all]   --all: with 2 CPUs, on the interpreter, and without VHE, too

The program that makes the machine is kvm_client.c; what it must print follows from its code.
"""

import os
import sys
import tempfile

from initrd import initrd_with
from vm import GUEST, Machine, Skip, Tap, check, linux_args

BOARD = ["--machine", "arm-virt,virtualization=on"]
STORES, TICKS = 1000, 20
WANT = ("kvm: %d stores, sum %d, read 0x1234, psci 0x10001, %d interrupts, as many seen, intid 27, "
        "esr 0" % (STORES, STORES * (STORES - 1) // 2, TICKS))


def client():
    path = os.environ.get("VM_KVM_CLIENT")
    if not path or not os.path.exists(path):
        raise Skip("kvm_client is not built: there is no aarch64-linux-gnu-gcc")
    with open(path, "rb") as file:
        return file.read()


def nested(engine, cpus=1, words="", mode="VHE mode initialized successfully"):
    with tempfile.TemporaryDirectory() as folder:
        initrd = os.path.join(folder, "initrd")
        initrd_with(initrd, {"kvm_client": (0o755, client())})
        args = linux_args(("vmtest=shell " + words).strip())
        args[args.index("--initrd") + 1] = initrd
        with Machine(args + BOARD + ["--engine", engine, "--cpus", str(cpus)]) as m:
            m.expect("vm# ")
            log = m.shell("dmesg | grep -E 'CPU: All|kvm' | sed 's/^.*] //'")
            check("CPU: All CPU(s) started at EL2" in log, "not at EL2:\n" + log)
            check(mode in log, "kvm says otherwise:\n" + log)
            for _ in range(2):
                got = m.shell("/kvm_client")
                check("kvm: system event 1" in got, got)
                check(WANT in got, "want %s\ngot  %s" % (WANT, got))
            m.type("exit\n")
            m.expect("reboot: Power down")
            m.finish(0)


def main():
    check(GUEST.arch == "arm64", "kvm.py is for --arch arm64")
    tap = Tap()
    tap.case("a machine under KVM, base tier", nested, "auto")
    if "--all" in sys.argv:
        tap.case("interpreter", nested, "interp")
        tap.case("2 CPUs", nested, "auto", 2)
        tap.case("without VHE", nested, "auto", 1, "kvm-arm.mode=nvhe",
                 "Hyp nVHE mode initialized successfully")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
