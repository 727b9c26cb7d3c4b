#!/usr/bin/env python3
"""test_privileged_arm64.py - EL1's instructions: our engine against qemu-system-aarch64 10.

Random programs (privileged_arm64_program.py) run in both to their end. What they logged, their
page tables and their data must be equal; qemu is read through its gdb stub, ours is what
arm64_bare prints. VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_privileged_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from riscv_tests import symbol  # noqa: E402
from system_qemu import Theirs, compare, run_programs  # noqa: E402
from vm import asset, check  # noqa: E402

STEPS = 2000
INSNS = 1_000_000  # more than a program takes
COMPILER, OBJCOPY = "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objcopy"
FIELDS = ("step", "sum", "esr", "elr", "far", "spsr", "vector")
REGISTERS, END, PC = 34, 28, 32


def assemble(seed, scratch):
    source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
    with open(source, "w", encoding="ascii") as out:
        out.write(pp.program(seed, STEPS))
    subprocess.run([COMPILER, "-march=armv8.2-a", "-nostdlib", "-static", "-no-pie", "-fno-pie",
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", *pp.LINK, "-o", path,
                    source], check=True)
    subprocess.run([OBJCOPY, "-O", "binary", path, path + ".bin"], check=True)
    return path


class Ours:
    def __init__(self, path, bare, engine):
        out = subprocess.run([bare, path + ".bin", engine, str(INSNS)], stdout=subprocess.PIPE,
                             check=True).stdout
        registers = struct.unpack_from("<%dQ" % REGISTERS, out)
        self.end, self.ram = registers[END], out[8 * REGISTERS:]
        check(registers[PC] == symbol(path, "finish"), "ours ended at %#x" % registers[PC])

    def memory(self, at, size):
        return self.ram[at - pp.RAM:at - pp.RAM + size]


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.TABLES, pp.TABLES_SIZE), (pp.DATA, pp.DATA_SIZE)]


# A CPU without what is not described here in that it matters: EL2, other traps of EL0.
def theirs(path, scratch):
    argv = [asset("qemu-system-aarch64-10"), "-M", "virt", "-cpu", "neoverse-n1", "-m", "64M", "-nodefaults",
            "-kernel", path]
    return Theirs(argv, scratch, symbol(path, "finish"), END, areas)


def same(entry):
    """qemu 10 exchanges Op1 and Op2 in the syndrome of a trapped MSR (immediate): D24.2.45."""
    step, total, esr, *rest = entry
    if esr >> 26 == 0x18 and esr >> 20 & 3 == 0:
        esr &= ~(0x3f << 14)
    return (step, total, esr, *rest)


def main():
    bare = sys.argv[1]
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None

    def compare_program(seed, engine, scratch):
        path = assemble(seed, scratch)
        compare(Ours(path, bare, engine), theirs(path, scratch), areas, FIELDS, pp.RECORD,
                STEPS // 4, same)

    return run_programs("qemu-system-aarch64-10", (COMPILER, OBJCOPY), keep, compare_program)


if __name__ == "__main__":
    sys.exit(main())
