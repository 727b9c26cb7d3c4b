#!/usr/bin/env python3
"""test_pmu_arm64.py - the performance monitors: our engine against qemu-system-aarch64 10.

Random programs at EL0 and EL1 set the monitors' registers and read them, count by software, by
instructions and by cycles, which both make one of an instruction here. VM_CASES programs from seed
VM_SEED; without it 3, in a soak 200.

    test_pmu_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from test_privileged_arm64 import against_qemu  # noqa: E402

STEPS, COUNTERS = 1500, 6
MASK = 1 << 31 | (1 << COUNTERS) - 1
E, P, C, LC = 1, 2, 4, 64
SW_INCR, INST_RETIRED, CYCLES, STALL, REFILL = 0, 8, 0x11, 0x23, 3
FILTERS = 3 << 30
PLAIN = ["cnten", "ovs", "inten"]


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def steps(self):
        kinds = [(self.write, 30), (self.read, 30), (self.software, 20), (self.measure, 12), (self.level, 12),
                 (self.control, 6), (self.users, 6)]
        out = "    svc #5\n" + "".join("    msr %s, xzr\n" % name for name in self.writable())
        out += pp.move("x1", MASK) + "".join("    msr %s, x1\n" % name for name in (
            "pmcntenclr_el0", "pmovsclr_el0", "pmintenclr_el1"))
        for n in range(STEPS):
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1) + kind()
        return out

    @staticmethod
    def writable():
        return (["pmselr_el0", "pmccntr_el0", "pmccfiltr_el0", "pmuserenr_el0", "pmcr_el0"] +
                ["pm%s%d_el0" % (kind, n) for n in range(COUNTERS) for kind in ("evcntr", "evtyper")])

    @staticmethod
    def seen():
        return "    madd x26, x26, x25, x1\n"

    def level(self):
        return "    svc #%d\n" % self.rng.choice([0, 0, 4, 5])

    @staticmethod
    def name(which, how):
        return "pm%s%s_el%d" % (which, how, which == "inten")

    def event(self):
        """Filters, and an event that does not count by itself."""
        return self.rng.getrandbits(2) << 30 | self.rng.choice([SW_INCR] * 4 + [STALL, REFILL])

    def value(self):
        return self.rng.choice([0, 0xffffffff, 0xfffffffe, self.rng.getrandbits(32)])

    def write(self):
        n = self.rng.randrange(COUNTERS)
        name, value = self.rng.choice([
            (self.name(self.rng.choice(PLAIN), self.rng.choice(["set", "set", "clr"])),
             self.rng.getrandbits(32) & MASK & ~(1 << 31)),
            ("pmselr_el0", n), ("pmevtyper%d_el0" % n, self.event()), ("pmxevtyper_el0", self.event()),
            ("pmccfiltr_el0", self.rng.getrandbits(2) << 30), ("pmevcntr%d_el0" % n, self.value()),
            ("pmxevcntr_el0", self.value()), ("pmccntr_el0", self.rng.getrandbits(64))])
        return pp.move("x1", value) + "    msr %s, x1\n" % name

    def read(self):
        n = self.rng.randrange(COUNTERS)
        names = [self.name(which, how) for which in PLAIN for how in ("set", "clr")] + [
            "pmselr_el0", "pmxevtyper_el0", "pmxevcntr_el0", "pmuserenr_el0", "pmccfiltr_el0", "pmccntr_el0",
            "pmcr_el0", "pmceid0_el0"] + ["pmevtyper%d_el0" % n, "pmevcntr%d_el0" % n] * 4
        name = self.rng.choice(names)
        out = "    mov x1, #0\n    mrs x1, %s\n" % name
        if name == "pmcr_el0":  # who made it is of each its own, and LC always set, but not in qemu 10
            out += "    and x1, x1, #0xffff\n    orr x1, x1, #%d\n" % LC
        if name == "pmceid0_el0":
            out += pp.move("x2", 1 << SW_INCR | 1 << INST_RETIRED | 1 << CYCLES) + "    and x1, x1, x2\n"
        return out + self.seen()

    def software(self):
        return pp.move("x1", self.rng.getrandbits(COUNTERS)) + "    msr pmswinc_el0, x1\n"

    def control(self):
        return pp.move("x1", LC | self.rng.choice([E, E, E, 0]) | self.rng.choice([0, 0, 0, P, C]) |
                       self.rng.getrandbits(2) << 4) + "    msr pmcr_el0, x1\n"

    def users(self):
        return pp.move("x1", self.rng.getrandbits(4)) + "    msr pmuserenr_el0, x1\n"

    def measure(self):
        """An event that counts by itself, at EL1; and back to one that does not."""
        n, event = self.rng.randrange(COUNTERS), self.rng.choice([INST_RETIRED, CYCLES])
        filters = self.rng.choice([0, 0, 1 << 30, 1 << 31])
        code = "".join(self.rng.choice(["    nop\n", "    add x2, x2, #1\n", "    cbz xzr, 1f\n    nop\n1:\n",
                                        "    isb\n", "    mrs x2, pmovsset_el0\n"])
                       for _ in range(self.rng.randrange(20)))
        cycles = self.rng.random() < 0.3
        counter = "pmccntr_el0" if cycles else "pmevcntr%d_el0" % n
        bit = 1 << 31 if cycles else 1 << n
        start = self.rng.choice([0, 0xfffffff8, 0xfffffffffffffff8 if cycles else 0xfffffff0])
        out = "    svc #5\n" + pp.move("x1", LC | E) + "    msr pmcr_el0, x1\n" + pp.move("x1", bit)
        out += "    msr pmcntenclr_el0, x1\n" + pp.move("x2", filters | event) + "    msr pmevtyper%d_el0, x2\n" % n
        out += pp.move("x2", filters) + "    msr pmccfiltr_el0, x2\n" + pp.move("x2", start)
        out += "    msr %s, x2\n    msr pmcntenset_el0, x1\n" % counter + code
        out += "    msr pmcntenclr_el0, x1\n    mrs x1, %s\n" % counter + self.seen()
        return out + "    mrs x1, pmovsset_el0\n" + self.seen() + "    msr pmevtyper%d_el0, xzr\n" % n


def areas(end):
    return [(pp.LOG, end - pp.LOG)]


def text(seed):
    return pp.harness(Maker(seed).steps(), {pp.TABLES: [0] * 512})


if __name__ == "__main__":
    sys.exit(against_qemu(text, areas, STEPS // 8, ["neoverse-n1", "-icount", "shift=0"], "neoverse-n1"))
