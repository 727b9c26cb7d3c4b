#!/usr/bin/env python3
"""test_wait_arm64.py - waiting with a time-out, and counters: our engine against qemu-system-aarch64 10.

Random programs at EL0 and EL1 wait until counts that have passed, that come soon, and, where the
kernel forbids it, that are far away; and read the counters by all their names, allowed or not.
VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_wait_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from test_privileged_arm64 import against_qemu  # noqa: E402

STEPS = 800
NTWI, NTWE, SOON = 1 << 16, 1 << 18, 4000
COUNTERS = {"cntpct_el0": "cntpct_el0", "cntvct_el0": "cntvct_el0", "cntpctss_el0": "s3_3_c14_c0_5",
            "cntvctss_el0": "s3_3_c14_c0_6"}


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.may_wait = False

    def steps(self):
        kinds = [(self.wait, 30), (self.setting, 10), (self.level, 10), (self.order, 20), (self.bits, 5)]
        out = self.setting()
        for n in range(STEPS):
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1) + kind()
        return out

    @staticmethod
    def seen():
        return "    madd x26, x26, x25, x1\n"

    def level(self):
        return "    svc #%d\n" % self.rng.choice([0, 0, 4, 5])

    def setting(self):
        self.may_wait = self.rng.random() < 0.5
        # what a WFE of EL0 is trapped by, qemu 10 does not look at
        sctlr = pp.SCTLR | NTWE | (NTWI if self.may_wait else 0)
        out = "    svc #5\n" + pp.move("x1", sctlr) + "    msr sctlr_el1, x1\n"
        out += pp.move("x1", self.rng.getrandbits(2)) + "    msr cntkctl_el1, x1\n    isb\n"
        return out + self.level()

    def bits(self):
        """What CNTKCTL_EL1 keeps."""
        return ("    svc #5\n" + pp.move("x1", 0x203ff) + "    msr cntkctl_el1, x1\n    mrs x1, cntkctl_el1\n" +
                self.seen() + self.setting())

    def wait(self):
        """x1: 1 where the count is not reached that was waited for."""
        name, number = self.rng.choice([("wfit", 1), ("wfit", 1), ("wfet", 0)])
        register = self.rng.choice([2, 3, 9])
        until = SOON
        if number == 1 and not self.may_wait and self.rng.random() < 0.5:
            # trapped at EL0, and not done at EL1
            return ("    mov x%d, #-1\n    mrs x1, currentel\n    cbnz x1, 1f\n    .inst %#x\n1:\n" %
                    (register, 0xd5031000 | number << 5 | register))
        # where it may not, whether the count has come in time depends on the host
        if self.rng.random() < 0.4 or not self.may_wait:
            until = 0
        out = "    mov x%d, #0\n    mrs x%d, cntvct_el0\n" % (register, register)
        out += "    add x%d, x%d, #%d\n" % (register, register, until)
        out += "    .inst %#x\n    mov x4, #-1\n    mrs x4, cntvct_el0\n" % (
            0xd5031000 | number << 5 | register)
        if number == 1:
            out += "    cmp x4, x%d\n    cset x1, lo\n" % register + self.seen()
        return out

    def order(self):
        """Counters do not run backwards, whatever their names."""
        names = self.rng.sample(sorted(COUNTERS), 2)
        return ("    mov x1, #0\n    mov x2, #0\n    mrs x1, %s\n    isb\n    mrs x2, %s\n    cmp x2, x1\n"
                "    cset x1, lo\n" % tuple(COUNTERS[name] for name in names) + self.seen())


def same(entry):
    """Which register WFIT has, qemu 10 does not say: RN and RV of D24.2.45."""
    step, total, esr, *rest = entry
    if esr >> 26 == 1 and esr & 2:
        esr &= ~0x3e4
    return (step, total, esr, *rest)


def areas(end):
    return [(pp.LOG, end - pp.LOG)]


def text(seed):
    return pp.harness(Maker(seed).steps(), {pp.TABLES: [0] * 512})


if __name__ == "__main__":
    sys.exit(against_qemu(text, areas, STEPS // 8, ["max"], same=same))
