#!/usr/bin/env python3
"""kvm.py - a hypervisor in the guest: Debian's kernel at EL2 with VHE, and a machine under its KVM.

    kvm.py --arch arm64 [--all]   --all: with 2 CPUs, on the interpreter, and without VHE, too; and
                                  Debian's kernel in Debian's kernel, by VM_LKVM=FILE

The program that makes the machine is kvm_client.c; what it must print follows from its code.
VM_LKVM is kvmtool, linked statically for arm64 (`make lkvm-static`).
"""

import os
import sys
import tempfile

from initrd import initrd_with
from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args

BOARD = ["--machine", "arm-virt,virtualization=on"]
STORES, TICKS = 1000, 20
WANT = ("kvm: %d stores, sum %d, read 0x1234, psci 0x10001, %d interrupts, as many seen, intid 27, "
        "esr 0" % (STORES, STORES * (STORES - 1) // 2, TICKS))


def program(variable, otherwise):
    path = os.environ.get(variable)
    if not path or not os.path.exists(path):
        raise Skip(otherwise)
    with open(path, "rb") as file:
        return file.read()


def args_with(folder, files, words="", memory="512M"):
    """Options for Debian's kernel with these files in its initramfs."""
    initrd = os.path.join(folder, "initrd")
    initrd_with(initrd, files)
    args = linux_args(("vmtest=shell " + words).strip(), memory)
    args[args.index("--initrd") + 1] = initrd
    return args


def nested(engine, cpus=1, words="", mode="VHE mode initialized successfully"):
    client = program("VM_KVM_CLIENT", "kvm_client is not built: there is no aarch64-linux-gnu-gcc")
    with tempfile.TemporaryDirectory() as folder:
        args = args_with(folder, {"kvm_client": (0o755, client)}, words)
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


def linux_in_linux():
    files = {"lkvm": (0o755, program("VM_LKVM", "VM_LKVM names no kvmtool for arm64"))}
    for name in "Image", "initrd.cpio":
        with open(asset(name), "rb") as file:
            files[name] = (0o644, file.read())
    with tempfile.TemporaryDirectory() as folder:
        with Machine(args_with(folder, files, memory="1G") + BOARD + ["--cpu", "max", "--cpus", "2"]) as m:
            m.expect("vm# ")
            m.shell("mkdir -p /root /tmp; mount -t tmpfs none /tmp")
            m.type("/lkvm run -k /Image -i /initrd.cpio -c 2 -m 256 --console serial "
                   "-p 'console=ttyS0 vmtest=shell'\n")
            m.expect("vm-init: ready")
            m.expect("vm# ")
            # no line of more than 64 characters, which is what kvmtool's serial port holds
            for command, want in (("uname -m", "aarch64"), ("grep -c ^proc /proc/cpuinfo", "2"),
                                  ("grep -om1 paca /proc/cpuinfo", "paca")):
                got = m.shell(command).strip()
                check(got == want, "in the machine within, %s: %s" % (command, got))
            m.type("poweroff -f\n")
            m.expect("KVM session ended normally")
            m.expect("vm# ")
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
        tap.case("Debian's kernel in Debian's kernel", linux_in_linux)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
