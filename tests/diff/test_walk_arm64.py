#!/usr/bin/env python3
"""test_walk_arm64.py - walks with all granules and sizes of addresses: our engine against
qemu-system-aarch64 10.

Random tables, the same for all granules, with addresses of 52 bits and without (FEAT_LPA, FEAT_LPA2): what
AT says of addresses at EL2, by EL1's stage 1, by stage 2 and by EL2's own translation, which the program
itself runs under, for settings that it changes. VM_CASES programs from seed VM_SEED; without it 3, in a
soak 200.

    test_walk_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_el2_program as pp2  # noqa: E402
import privileged_arm64_program as pp  # noqa: E402
from test_privileged_arm64 import against_qemu  # noqa: E402

STEPS = 1500
TABLE, BLOCK = 3, 1
GRAINS = {12: (0, 2), 14: (2, 1), 16: (1, 3)}  # TG0 and TG1
DS, DS_EL2 = 1 << 59, 1 << 32  # the latter of TCR_EL2 and VTCR_EL2
SL2 = 1 << 33
TABLE_BYTES = 0x10000
STAGE1, STAGE2 = pp.RAM + 0x300000, pp.RAM + 0x380000  # a table for each level from -1, of any granule
FILLED = 64  # the entries that a table begins with


def at_level(base, level):
    return base + (level + 1) * TABLE_BYTES


def start_level(size, grain):
    """Where stage 1 begins for addresses of 64 - size bits."""
    return 3 - (63 - size - grain) // (grain - 3)


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.halves = [(12, 16), (12, 16)]  # granule and size

    def chance(self, probability):
        return self.rng.random() < probability

    def steps(self):
        out = self.setting()
        for n in range(STEPS):
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1)
            out += self.setting() if self.chance(0.08) else self.walk()
            if n % 10 == 0:
                out += "    hvc #9\n"  # a line of the log
        return out

    def setting(self):
        values = [("sctlr_el2", pp.SCTLR), *self.el1(), *self.stage2(), ("hcr_el2", pp2.RW | self.chance(0.6))]
        self.single = self.chance(0.4)
        values += self.el2() if self.single else []
        out = "    hvc #9\n"
        for name, value in values:
            out += pp.move("x1", value) + "    msr %s, x1\n    isb\n" % name
        return out + "    tlbi alle1\n    tlbi alle2\n    dsb sy\n    isb\n" + (
            pp.move("x1", pp.SCTLR | pp.M) + "    msr sctlr_el2, x1\n    isb\n" if self.single else "")

    def size(self):
        return self.rng.choice([11, 12, 12, 12, 13, 14, 15, 16, 16, 16, 17, 20, 21, 22, 25, 28, 30])

    def outputs(self, ds):
        """TCR_EL1.IPS and its like. With DS not less than all bits: to qemu 10 bits 51:48 are zero then, in
        descriptors and TTBRs, and no fault (D8.3.1; "in all cases" in TCR_EL1.DS)."""
        return 6 if ds else self.rng.choice([1, 2, 5, 5, 6, 6, 6])

    def root(self, base, level):
        """A TTBR, seldom with bits 49:48. Not with 51:50, where qemu 10 does not align tables of less than 8
        entries to 64 bytes but has these in their address ("so that the table is aligned" in TCR_EL1.DS)."""
        return at_level(base, level) | self.rng.choice([0, 0, 0, 0, 0, self.rng.getrandbits(2) << 2])

    def el1(self):
        self.halves = [(self.rng.choice([12, 14, 16]), self.size()) for _ in range(2)]
        ds = self.chance(0.6)
        tcr = self.outputs(ds) << 32 | DS * ds | self.rng.getrandbits(2) << 12 | self.rng.getrandbits(2) << 28
        for half, (grain, size) in enumerate(self.halves):
            tcr |= size << 16 * half | GRAINS[grain][half] << (14, 30)[half]
        roots = [self.root(STAGE1, start_level(size, grain) if size > 11 else 0) for grain, size in self.halves]
        return [("tcr_el1", tcr), ("ttbr0_el1", roots[0]), ("ttbr1_el1", roots[1]),
                ("sctlr_el1", pp.SCTLR | pp.M * self.chance(0.9))]

    def stage2(self):
        """Mostly such as it can be; up to 16 tables are one behind the other where a walk begins."""
        grain, size, ds = self.rng.choice([12, 14, 16]), self.size(), self.chance(0.6)
        vtcr = 1 << 31 | self.outputs(ds) << 16 | GRAINS[grain][0] << 14 | size | DS_EL2 * ds
        level = start_level(max(size - self.rng.choice([0, 0, 0, 1]), 12), grain)
        if self.chance(0.3):  # with concatenated tables
            level = min(level + 1, 3 if grain > 12 else 2)
        if grain == 12:
            vtcr |= SL2 if level < 0 else 2 - level << 6
        else:
            vtcr |= 3 - level << 6
        vtcr |= SL2 * self.chance(0.1)
        if vtcr >> 6 & 3 == 3 and grain != 14:  # FEAT_TTST's, which is not ours
            vtcr &= ~(3 << 6)
        return [("vtcr_el2", vtcr), ("vttbr_el2", self.root(STAGE2, level))]

    def el2(self):
        """The program is in what all granules reach, with no address bits that depend on the size."""
        grain, ds = self.rng.choice([12, 14, 16]), self.chance(0.6)
        size = max(self.size(), 12 if ds or grain == 16 else 16)
        self.halves2 = [(grain, size)]
        tcr = 1 << 31 | 1 << 23 | self.outputs(ds) << 16 | GRAINS[grain][0] << 14 | size | DS_EL2 * ds
        tcr |= self.rng.getrandbits(2) << 12
        return [("tcr_el2", tcr), ("ttbr0_el2", at_level(STAGE1, start_level(size, grain)))]

    def sparse(self, grain, bits):
        """An address with small indices at all levels."""
        at = self.rng.getrandbits(12)
        for shift in range(grain, bits, grain - 3):
            at |= self.rng.choice([0, 0, 0, 1, 2, 3, 4, 5, 0x20, self.rng.randrange(FILLED)]) << shift
        return at & (1 << bits) - 1

    def address(self, halves):
        half = self.rng.randrange(len(halves))
        grain, size = halves[half]
        at = self.sparse(grain, 64 - size)
        if half:
            at |= pp.ANY << (64 - size) & pp.ANY
        if self.chance(0.05):
            at ^= 1 << self.rng.randrange(44, 64)
        return at

    def walk(self):
        ops = ["s1e1r", "s1e1w", "s1e0r", "s1e0w", "s12e1r", "s12e1w", "s12e0r", "s12e0w"]
        ops += ["s1e2r", "s1e2w"] * 3 if self.single else []
        op = self.rng.choice(ops)
        # Stage 1's shareability, where all memory is one type's; else the address alone.
        mask = 0x000ffffffffff180 if op.startswith("s1e") else 0x000ffffffffff000
        return (pp.move("x2", self.address(self.halves2 if "e2" in op else self.halves)) +
                "    mov x1, #0\n    msr par_el1, x1\n    at %s, x2\n    isb\n    mrs x1, par_el1\n" % op +
                "    tbnz x1, #0, 1f\n" + pp.move("x3", mask) + "    and x1, x1, x3\n1:\n" +
                "    madd x26, x26, x25, x1\n")

    def leaf(self, kind, attributes):
        """A block or page anywhere; half of them where tables of stage 2 can be that know of it."""
        at = self.rng.getrandbits(52) if self.chance(0.4) else self.sparse(self.rng.choice([12, 14, 16]), 52)
        if self.chance(0.5):
            at &= (1 << self.rng.choice([32, 36, 44, 48])) - 1
        at |= (at < pp.RAM) << 30  # below, a board has devices
        word = at & 0xfffffffff000
        layout = self.rng.randrange(3)
        if layout == 0:
            word = word & ~0xf000 | (at >> 48) << 12
        elif layout == 1:
            word |= at & 3 << 48 | (at >> 50) << 8
        if self.chance(0.2):
            word |= self.rng.getrandbits(2) << 8  # shareability
        word |= kind | attributes | pp.AF * self.chance(0.9) | self.rng.getrandbits(2) << 6
        word |= pp.CONTIG * self.chance(0.1)
        return word if self.chance(0.93) else word & ~1

    def entry(self, base, level, attributes):
        """Of a table: mostly leads on. One that leads where no memory is has a bit of the highest."""
        if level == 3:
            return self.leaf(TABLE if self.chance(0.95) else BLOCK, attributes)
        if self.chance(0.5):
            return self.leaf(BLOCK, attributes)
        word = at_level(base, level + 1) | TABLE
        if self.chance(0.1):
            word |= 1 << self.rng.choice([8, 9, 12, 13, 14, 15, 44, 47, 48, 49])
        return word

    def stage(self, base, attributes):
        """The tables of a stage; whatever the granule, the program's memory is where it is, by stage 2 also
        where it begins with tables one behind the other, the first of which may be of any level here."""
        out = {}
        for level in range(-1, 4):
            words = [self.entry(base, level, attributes) for _ in range(FILLED)]
            if level < 2:
                words[0] = at_level(base, level + 1) | TABLE
            here = pp.RAM | BLOCK | pp.AF | attributes
            if level == 1 or (base == STAGE2 and level < 3):
                words[1] = here  # of 1 GiB
            if level == 2 or (base == STAGE2 and level < 3):
                words[2] = words[0x20] = here  # of 512 MiB, and of 32
            out[at_level(base, level)] = words
        return out

    def tables(self):
        return {**self.stage(STAGE1, 0), **self.stage(STAGE2, 0xf << 2 | 3 << 6)}


def areas(end):
    return [(pp.LOG, end - pp.LOG)]


def same(entry):
    """All aborts are of tables in no memory (see walk()), for which HPFAR_EL2 is UNKNOWN (D24.2.63)."""
    return entry[:-1]


def text(seed):
    maker = Maker(seed)
    return pp2.harness(maker.steps(), maker.tables())


if __name__ == "__main__":
    sys.exit(against_qemu(text, areas, STEPS // 16, ["max"], "el2", same, board="virt,virtualization=on"))
