#!/usr/bin/env python3
"""test_walk_arm64.py - addresses of 52 bits: our engine against qemu-system-aarch64 10.

Random tables with granules of 64 KiB, and addresses of all sizes: what AT says of them, for sizes of
input and output that random programs choose. VM_CASES programs from seed VM_SEED; without it 3, in
a soak 200.

    test_walk_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from test_privileged_arm64 import against_qemu  # noqa: E402

STEPS = 1500
TABLE, BLOCK = 3, 1
MIDDLE, LAST = pp.TABLES + 0x10000, pp.TABLES + 0x20000  # of a root of up to 1024 entries
CODE = pp.RAM >> 29  # the block of 512 MiB that the program is in


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def steps(self):
        out = self.setting()
        for n in range(STEPS):
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1)
            out += self.setting() if self.rng.random() < 0.08 else self.walk()
            if n % 10 == 0:
                out += "    svc #5\n"  # a line of the log
        return out

    def setting(self):
        """Sizes of input, and of output."""
        sizes = [self.rng.choice([12, 12, 13, 14, 15, 16, 21, 22, 25]) for _ in range(2)]
        tcr = sizes[0] | sizes[1] << 16 | 1 << 14 | 3 << 30 | self.rng.choice([2, 5, 6, 6]) << 32
        # Roots of fewer levels begin further down.
        tables = [pp.TABLES if size < 22 else MIDDLE for size in sizes]
        high = self.rng.choice([0, 0, 0, self.rng.getrandbits(4) << 2])  # TTBR1's bits 51:48
        return ("    svc #5\n" + pp.move("x1", pp.SCTLR) + "    msr sctlr_el1, x1\n    isb\n" +
                pp.move("x1", tables[0]) + "    msr ttbr0_el1, x1\n" +
                pp.move("x1", tables[1] | high) + "    msr ttbr1_el1, x1\n" +
                pp.move("x1", tcr) + "    msr tcr_el1, x1\n" + pp.move("x1", pp.SCTLR | pp.M) +
                "    isb\n    tlbi vmalle1\n    dsb sy\n    msr sctlr_el1, x1\n    isb\n")

    def address(self):
        top = self.rng.choice([0, 0, 0, 1, 2, 3, self.rng.randrange(1024)])
        middle = self.rng.choice([0, 1, 2, 3, 4, 5, self.rng.randrange(8192)])
        at = top << 42 | middle << 29 | self.rng.randrange(16) << 16 | self.rng.randrange(16) << 12
        if self.rng.random() < 0.4:
            at |= pp.ANY << 52 & pp.ANY
        if self.rng.random() < 0.05:
            at ^= 1 << self.rng.randrange(48, 64)
        return at

    def walk(self):
        op = self.rng.choice(["s1e1r", "s1e1w", "s1e0r", "s1e0w"])
        return (pp.move("x2", self.address()) + "    at %s, x2\n    isb\n    mrs x1, par_el1\n" % op +
                # shareability and attributes are another test's
                "    tbnz x1, #0, 1f\n    and x1, x1, #0x000ffffffffff000\n1:\n    madd x26, x26, x25, x1\n")

    def leaf(self, bits, kind):
        """A block or page of so many bits, anywhere."""
        word = self.rng.getrandbits(52) & ~((1 << bits) - 1) & ~(0xf << 48)
        if self.rng.random() < 0.6:
            word &= (1 << 44) - 1
        high = self.rng.choice([0, self.rng.getrandbits(4)]) << 12
        word |= high | kind | pp.AF * (self.rng.random() < 0.9) | self.rng.getrandbits(2) << 6
        return word if self.rng.random() < 0.9 else word & ~1

    def tables(self):
        """Tables themselves are where there is memory, but for some that are out of range."""
        root = [MIDDLE | TABLE] + [self.leaf(42, BLOCK) for _ in range(3)] + [0] * 1020
        root[2] = MIDDLE | TABLE | self.rng.getrandbits(4) << 44
        middle = [self.leaf(29, BLOCK) for _ in range(64)]
        middle[CODE] = pp.RAM | BLOCK | pp.AF
        middle[3] = middle[5] = LAST | TABLE
        return {pp.TABLES: root, MIDDLE: middle, LAST: [self.leaf(16, TABLE) for _ in range(16)]}


def areas(end):
    return [(pp.LOG, end - pp.LOG)]


def text(seed):
    maker = Maker(seed)
    return pp.harness(maker.steps(), maker.tables())


if __name__ == "__main__":
    sys.exit(against_qemu(text, areas, STEPS // 16, ["max"]))
