#!/usr/bin/env python3
"""kvm_unit_tests.py - runs the programs of kvm-unit-tests that were built in KVM_UNIT_TESTS=DIR.

    KVM_UNIT_TESTS=DIR kvm_unit_tests.py --arch arm64 [--engine E] [--el2] [PATTERN]...

DIR is where `configure --arch=arm64` and `make` were run. arm/unittests.cfg there says which
programs there are, with which arguments, and how many CPUs. --el2: from EL2, with VHE. A program
is no Linux Image: it gets the header of one in front. It says how it went on its console.
"""

import argparse
import fnmatch
import os
import re
import struct
import sys
import tempfile

from vm import GUEST, Skip, Tap, check, run_cli, skip_all

MAX_CPUS = 4
SECONDS = 300
HEAD = 0x10000  # programs are linked for a multiple of it
SPAN = 16 << 20  # of memory that a program takes for itself
STATUS = re.compile(r"^EXIT: STATUS=(\d+)", re.M)
SKIPPED = 77 >> 1  # as automake has it; the console says twice as much and 1

# Not for this machine, or not for a program alone, by pattern: each with the reason.
NOT_OURS = {
    "mte-*": "memory tagging (MTE) is not offered",
    "*migrat*": "is told from outside when it has been migrated",
    "micro-bench": "measures, and asks for a device of QEMU's",
    "fpu-context": "is about SVE",
    "pci-test": "asks for a device of QEMU's",
    "gicv2-mmio-up": "targets of one CPU read as zero (IHI 0048), as QEMU has them, too",
}


def rows(path):
    """Sections of unittests.cfg: (name, {key: value})."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            section = re.match(r"\[(.+)\]", line)
            pair = re.match(r"(\w+)\s*=\s*(.*)", line)
            if section:
                found.append((section.group(1), {}))
            elif pair and found:
                found[-1][1][pair.group(1)] = pair.group(2).strip().strip("'\"")
    return found


def cpus_of(text):
    """A number, or an expression of $MAX_SMP that compares it with one."""
    if text.isdigit():
        return int(text)
    limit = re.search(r"< *(\d+)", text)
    return min(MAX_CPUS, int(limit.group(1))) if limit else MAX_CPUS


def image_of(flat):
    """A Linux Image (Documentation/arch/arm64/booting.rst) that goes on to the program."""
    over = 0x14000000 | HEAD // 4  # b
    head = struct.pack("<IIQQQ24x4sI", over, 0, 0x80000, SPAN, 0xa, b"ARM\x64", 0)
    return head + bytes(HEAD - len(head)) + flat


def options_of(row, args):
    gic = "gicv2" if "gic-version=2" in row.get("qemu_params", "") else "gicv3"
    memory = re.search(r"-m (\d+)", row.get("qemu_params", ""))
    return ["--machine", "arm-virt,irqchip=" + gic + (",virtualization=on" if args.el2 else ""),
            "--cpus", str(cpus_of(row.get("smp", "1"))), "--engine", args.engine,
            "--memory", (memory.group(1) if memory else "256") + "M"]


def not_ours(name, row, args):
    for pattern, reason in NOT_OURS.items():
        if fnmatch.fnmatch(name, pattern):
            return reason
    if args.el2 and "gic-version=2" in row.get("qemu_params", ""):
        return "virtualization=on is with a GICv3"
    return None


def run_one(top, name, row, args):
    reason = not_ours(name, row, args)
    if reason:
        raise Skip(reason)
    with open(os.path.join(top, "arm", row["file"]), "rb") as file:
        image = image_of(file.read())
    with tempfile.TemporaryDirectory() as folder:
        kernel, environ = os.path.join(folder, "Image"), os.path.join(folder, "environ")
        with open(kernel, "wb") as file:
            file.write(image)
        with open(environ, "w", encoding="ascii") as file:
            file.write("ERRATA_FORCE=y\n")  # what old kernels with KVM could not do is tried, too
        _, out, err = run_cli(["--kernel", kernel, "--initrd", environ, "--append",
                               row.get("test_args", "")] + GUEST.options + options_of(row, args),
                              timeout=SECONDS)
    status = STATUS.search(out.replace("\r", ""))
    lines = [line.strip() for line in out.splitlines()]
    check(status, "no status; it said\n%s%s" % ("\n".join(lines[-12:]), err))
    code = int(status.group(1)) >> 1
    if code == SKIPPED:
        why = next((line for line in lines if re.match("SKIP|No ", line)), "the program does not say why")
        raise Skip(why.removeprefix("SKIP: "))
    check(code == 0, "status %d\n%s" % (code, "\n".join(lines[-20:])))


def main():
    parser = argparse.ArgumentParser(description="Runs kvm-unit-tests of KVM_UNIT_TESTS=DIR.")
    parser.add_argument("--arch", choices=["arm64"], default="arm64")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--el2", action="store_true")
    parser.add_argument("pattern", nargs="*")
    args = parser.parse_args()
    top = os.environ.get("KVM_UNIT_TESTS")
    if not top:
        skip_all("KVM_UNIT_TESTS names no directory of built kvm-unit-tests")
    tap = Tap()
    for name, row in rows(os.path.join(top, "arm", "unittests.cfg")):
        if row.get("arch", "arm64") == "arm64" and (
                not args.pattern or any(fnmatch.fnmatch(name, p) for p in args.pattern)):
            tap.case(name, run_one, top, name, row, args)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
