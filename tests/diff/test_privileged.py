#!/usr/bin/env python3
"""test_privileged.py - privileged instructions: vm-cli against qemu-system-riscv64 10.

Random programs (privileged_program.py) run in both to their end. What they logged, their page
tables and their data must be equal; qemu is read through its gdb stub, ours from a saved
state. VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_privileged.py [--keep DIR]
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_program as pp  # noqa: E402
from riscv_tests import run_until_saved, symbol  # noqa: E402
from system_qemu import Theirs, compare, run_programs  # noqa: E402
from vm import asset, vm_cli  # noqa: E402

STEPS = 2000
INSNS = 1_000_000  # more than a program takes
COMPILER = "riscv64-linux-gnu-gcc"
CPU = ("rv64,h=false,svadu=true,svinval=true,svpbmt=true,svnapot=true,sstc=true,zicbom=true,"
       "zicboz=true,sscofpmf=true,debug=false,smaia=false,ssaia=false")
FIELDS = ("step", "sum", "cause", "address", "value", "status", "vector")


def assemble(seed, scratch):
    source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
    with open(source, "w", encoding="ascii") as out:
        out.write(pp.program(seed, STEPS))
    subprocess.run([COMPILER, "-march=rv64gc_zicbom_zicboz", "-mabi=lp64d", "-nostdlib", "-static",
                    "-no-pie", "-fno-pie", "-Wl,--build-id=none", "-Wl,--no-relax", "-Wl,--no-warn-rwx-segments", *pp.LINK, "-o",
                    path, source], check=True)
    return path


# --- ours ---


class Ours:
    def __init__(self, path, engine, scratch):
        state = os.path.join(scratch, "state")
        self.saved = run_until_saved(
            [vm_cli(), "run", "--firmware", path, "--memory", "64M", "--console", "none",
             "--deterministic", "--engine", engine,
             "--save-state", "%s,at=insns:%d" % (state, INSNS)], state)
        self.end = self.saved.lists["cpu0"]["x"][27]
        self.pc = self.saved.lists["cpu0"]["pc"]

    def memory(self, at, size):
        out = b""
        while len(out) < size:
            part = min(size - len(out), 4096 - (at + len(out)) % 4096)
            out += self.saved.bytes_at("ram", at + len(out) - pp.RAM, part)
        return out


# --- theirs ---


# Two harts, of which one sleeps: with one alone qemu makes an atomic operation of a load and
# a store, whose faults come in another order.
def theirs(path, scratch):
    argv = [asset("qemu-system-riscv64-10"), "-M", "virt", "-cpu", CPU, "-m", "64M", "-smp", "2",
            "-bios", path]
    return Theirs(argv, scratch, symbol(path, "finish"), 27, areas)


# --- comparing ---


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.TABLES, 0x6000), (pp.DATA, pp.DATA_SIZE)]


def compare_program(seed, engine, scratch):
    path = assemble(seed, scratch)
    compare(Ours(path, engine, scratch), theirs(path, scratch), areas, FIELDS, pp.RECORD,
            STEPS // 4)


def main():
    keep = sys.argv[2] if sys.argv[1:2] == ["--keep"] else None

    return run_programs("qemu-system-riscv64-10", (COMPILER,), keep, compare_program)


if __name__ == "__main__":
    sys.exit(main())
