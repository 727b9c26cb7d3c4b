#!/usr/bin/env python3
"""test_debug_arm64.py - self-hosted debug: our engine against qemu-system-aarch64 10.

Random programs at EL0 are stepped, and run into breakpoints and watchpoints that EL1 has set for
them. What is logged of each exception must be equal. VM_CASES programs from seed VM_SEED; without
it 3, in a soak 200.

    x20 steps left    x26 the sum    x27 the program's step    x28 end of the log

    test_debug_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from riscv_tests import symbol  # noqa: E402
from system_qemu import Theirs, compare, run_programs  # noqa: E402
from test_privileged_arm64 import COMPILER, END, FIELDS, OBJCOPY, Ours  # noqa: E402
from vm import asset  # noqa: E402

STEPS = 300
KDE, MDE, SS = 1 << 13, 1 << 15, 1

HARNESS = """
    .globl start, finish
    .text
start:
    b begin
    .balign 2048
vectors:
    .skip 0x400
handler:
    stp x27, x26, [x28]
    mrs x11, esr_el1
    mrs x12, elr_el1
    mrs x13, far_el1
    mrs x14, spsr_el1
    stp x11, x12, [x28, #16]
    stp x13, x14, [x28, #32]
    add x28, x28, #%(record)d
    lsr x15, x11, #26
    and x11, x11, #0xffff
    cmp x15, #0x15
    b.eq call
    cmp x15, #0x32
    b.eq step
    cmp x15, #0x30
    b.eq breakpoint
    add x12, x12, #4            // what is watched, undefined or not aligned is left out
    msr elr_el1, x12
back:
    cbz x20, 1f
    orr x14, x14, #1 << 21      // the next is stepped, too
1:  msr spsr_el1, x14
    eret
step:
    subs x20, x20, #1
    b.ne back
    mrs x13, mdscr_el1
    bic x13, x13, #1
    msr mdscr_el1, x13
    b back
breakpoint:
    msr dbgbcr0_el1, xzr
    msr dbgbcr1_el1, xzr
    b back
call:
    cmp x11, #7
    b.eq finish
    cmp x11, #1
    b.eq points
    cmp x11, #2
    b.ne back
    mrs x13, mdscr_el1          // steps x0 instructions
    orr x13, x13, #1
    msr mdscr_el1, x13
    mov x20, x0
    b back
points:
    msr dbgbvr0_el1, x0
    msr dbgbcr0_el1, x1
    msr dbgbvr1_el1, x2
    msr dbgbcr1_el1, x3
    msr dbgwvr0_el1, x4
    msr dbgwcr0_el1, x5
    msr dbgwvr1_el1, x6
    msr dbgwcr1_el1, x7
    msr mdscr_el1, x8
    isb
    b back
finish:
    b finish
begin:
%(log)s%(multiplier)s%(sctlr)s
    msr sctlr_el1, x0
    msr oslar_el1, xzr
    msr mdscr_el1, xzr
    msr far_el1, xzr
    msr esr_el1, xzr
    adr x0, vectors
    msr vbar_el1, x0
    adr x0, program
    msr elr_el1, x0
    mov x0, #0x3c0
    msr spsr_el1, x0
    mov x20, #0
    mov x26, #0
    mov x27, #0
    isb
    eret
program:
%(steps)s
    svc #7
    .section .tables, "aw"
    .quad 0
"""


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def program(self):
        steps = ""
        for n in range(STEPS):
            kinds = [(self.points, 30), (self.stepping, 15), (self.access, 40), (self.code, 30)]
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            steps += "// %d\n" % (n + 1) + pp.move("x27", n + 1) + kind()
        return HARNESS % {"log": pp.move("x28", pp.LOG), "record": pp.RECORD, "steps": steps,
                          "multiplier": pp.move("x25", 0x9e3779b97f4a7c15),
                          "sctlr": pp.move("x0", pp.SCTLR)}

    def points(self):
        """Breakpoints at labels that follow, watchpoints on the data; or none."""
        control = (1 if self.rng.random() < 0.8 else 0)
        out = ""
        for n in range(2):
            bas = 15 << 5 | self.rng.choice([1, 2, 2, 3, 3]) << 1 | control
            out += "    adr x%d, %df\n" % (2 * n, n + 1) + pp.move("x%d" % (2 * n + 1), bas)
        # What one was met by before, qemu 10 does not forget, neither for the other's sake nor when it
        # tells a load from a store: one of the two, for one of these.
        loads_stores = self.rng.choice([(1, 0), (2, 0), (0, 1), (0, 2)])
        for n in range(2):
            if self.rng.random() < 0.3:
                mask = self.rng.randrange(3, 9)
                at = (pp.DATA + self.rng.randrange(512)) >> mask << mask
                how = mask << 24 | 0xff << 5
            else:
                at = pp.DATA + self.rng.randrange(64) * 8
                lowest = self.rng.randrange(8)
                how = ((1 << self.rng.randrange(1, 9 - lowest)) - 1) << lowest << 5
            how |= loads_stores[n] << 3 | self.rng.choice([1, 2, 2, 3]) << 1 | control
            out += pp.move("x%d" % (4 + 2 * n), at) + pp.move("x%d" % (5 + 2 * n), how)
        out += pp.move("x8", (MDE if self.rng.random() < 0.9 else 0) | (KDE if self.rng.random() < 0.2 else 0))
        return out + "    svc #1\n    nop\n1:  nop\n    add x1, x1, #1\n2:  nop\n"

    def stepping(self):
        out = pp.move("x0", self.rng.randrange(1, 12)) + "    svc #2\n"
        return out + self.code() + self.access()

    def access(self):
        at = pp.DATA + self.rng.randrange(512)
        size = self.rng.choice([1, 2, 4, 8])
        at &= ~(size - 1)
        code = {1: "b w", 2: "h w", 4: " w", 8: " x"}[size]
        out = pp.move("x2", at) + pp.move("x3", self.rng.getrandbits(64)) + "    mov x1, #0\n"
        pick = self.rng.randrange(4)
        if pick == 0:
            return out + "    ldr%s1, [x2]\n    madd x26, x26, x25, x1\n" % code
        if pick == 1:
            return out + "    str%s3, [x2]\n" % code
        if pick == 2:
            return out + "    and x2, x2, #~15\n    ldp x1, x4, [x2]\n    madd x26, x26, x25, x1\n"
        # What is stored before the half that is watched is free.
        return out + "    and x2, x2, #~15\n    str x1, [x2]\n    str x3, [x2, #8]\n"

    def code(self):
        return self.rng.choice([
            "    mov x1, #3\n1:  subs x1, x1, #1\n    b.ne 1b\n", "    b 1f\n    .inst 0\n1:\n",
            "    bl 1f\n    b 2f\n1:  ret\n2:\n", "    .inst 0x00000000\n", "    svc #0\n",
            "    mrs x1, nzcv\n", "    adr x1, 1f\n    br x1\n1:  nop\n", "    nop\n    nop\n",
            "    brk #5\n", "    cbz xzr, 1f\n    nop\n1:\n", "    mrs x1, esr_el1\n"])


def same(entry):
    """FAR is of watchpoints and aborts alone."""
    step, total, esr, elr, far, *rest = entry
    return (step, total, esr, elr, far if esr >> 26 in (0x24, 0x34) else 0, *rest)


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.DATA, 4096)]


def main():
    bare = sys.argv[1]
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None

    def compare_program(seed, engine, scratch):
        source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
        with open(source, "w", encoding="ascii") as out:
            out.write(Maker(seed).program())
        pp.assemble(COMPILER, OBJCOPY, source, path)
        argv = [asset("qemu-system-aarch64-10"), "-M", "virt", "-cpu", "neoverse-n1", "-m", "64M",
                "-nodefaults", "-kernel", path]
        theirs = Theirs(argv, scratch, symbol(path, "finish"), END, areas)
        compare(Ours(path, bare, engine), theirs, areas, FIELDS, pp.RECORD, STEPS, same)

    return run_programs("qemu-system-aarch64-10", (COMPILER, OBJCOPY), keep, compare_program)


if __name__ == "__main__":
    sys.exit(main())
