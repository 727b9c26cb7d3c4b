#!/usr/bin/env python3
"""test_privileged_arm64.py - EL1's instructions: our engine against qemu-system-aarch64 10.

Random programs (privileged_arm64_program.py) run in both to their end. What they logged, their
page tables and their data must be equal; qemu is read through its gdb stub, ours is what
arm64_bare prints. VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_privileged_arm64.py ARM64_BARE [--el2] [--keep DIR]

--el2: programs of EL2's instructions (privileged_arm64_el2_program.py).
"""

import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_el2_program as pp2  # noqa: E402
import privileged_arm64_program as pp  # noqa: E402
from riscv_tests import symbol  # noqa: E402
from system_qemu import Theirs, compare, run_programs  # noqa: E402
from vm import asset, check  # noqa: E402

STEPS = 2000
INSNS = 1_000_000  # more than a program takes,
SECONDS = 300  # as faults are no instructions
COMPILER, OBJCOPY = "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objcopy"
FIELDS = ("step", "sum", "esr", "elr", "far", "spsr", "vector", "hpfar")
EL2 = "--el2" in sys.argv
TABLES_SIZE = pp2.TABLES_SIZE if EL2 else pp.TABLES_SIZE
REGISTERS, END, PC = 34, 28, 32


def assemble(seed, scratch):
    source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
    with open(source, "w", encoding="ascii") as out:
        out.write((pp2 if EL2 else pp).program(seed, STEPS))
    pp.assemble(COMPILER, OBJCOPY, source, path)
    return path


class Ours:
    def __init__(self, path, bare, engine, model=None):
        argv = [bare, path + ".bin", engine, str(INSNS)] + ([model] if model else ["el2"] if EL2 else [])
        out = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=SECONDS).stdout
        registers = struct.unpack_from("<%dQ" % REGISTERS, out)
        self.end, self.ram = registers[END], out[8 * REGISTERS:]
        check(registers[PC] == symbol(path, "finish"), "ours ended at %#x" % registers[PC])

    def memory(self, at, size):
        return self.ram[at - pp.RAM:at - pp.RAM + size]


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.TABLES, TABLES_SIZE), (pp.DATA, pp.DATA_SIZE)]


# A CPU without what is not described here in that it matters: other traps of EL0.
def theirs(path, scratch):
    board = "virt,virtualization=on" if EL2 else "virt"
    argv = [asset("qemu-system-aarch64-10"), "-M", board, "-cpu", "neoverse-n1", "-m", "64M", "-nodefaults",
            "-kernel", path]
    return Theirs(argv, scratch, symbol(path, "finish"), END, areas)


def same(entry):
    """qemu 10 exchanges Op1 and Op2 in the syndrome of a trapped MSR (immediate), and has no level for
    a walk that HCR_EL2.PTW keeps from device memory: D24.2.45."""
    step, total, esr, *rest = entry
    hpfar = rest.pop() if EL2 else rest.pop() * 0
    if esr >> 26 == 0x18 and esr >> 20 & 3 == 0:
        esr &= ~(0x3f << 14)
    if esr >> 26 & ~5 == 0x20 and esr & 0xbc == 0x8c:
        esr &= ~3
    return (step, total, esr, *rest, hpfar)


def against_qemu(text, areas, least, qemu, model=None, same=None, march="armv8.2-a", board="virt"):
    """What main() of another file of such programs does. text(seed): a program's source; qemu: options
    for its CPU; model: of ours; the others as compare() and assemble() have them, board as qemu has it."""
    bare = sys.argv[1]
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None

    def compare_program(seed, engine, scratch):
        source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
        with open(source, "w", encoding="ascii") as out:
            out.write(text(seed))
        pp.assemble(COMPILER, OBJCOPY, source, path, march)
        argv = [asset("qemu-system-aarch64-10"), "-M", board, "-cpu", *qemu, "-m", "64M", "-nodefaults",
                "-kernel", path]
        theirs_now = Theirs(argv, scratch, symbol(path, "finish"), END, areas)
        compare(Ours(path, bare, engine, model), theirs_now, areas, FIELDS, pp.RECORD, least, same)

    return run_programs("qemu-system-aarch64-10", (COMPILER, OBJCOPY), keep, compare_program)


def main():
    bare = sys.argv[1]
    keep = sys.argv[sys.argv.index("--keep") + 1] if "--keep" in sys.argv else None

    def compare_program(seed, engine, scratch):
        path = assemble(seed, scratch)
        compare(Ours(path, bare, engine), theirs(path, scratch), areas, FIELDS, pp.RECORD,
                STEPS // 4, same)

    return run_programs("qemu-system-aarch64-10", (COMPILER, OBJCOPY), keep, compare_program)


if __name__ == "__main__":
    sys.exit(main())
