#!/usr/bin/env python3
"""test_bti_arm64.py - branch target identification: our engine against qemu-system-aarch64 10.

Random programs at EL0 and EL1 branch, by instructions of all kinds, into pages that are guarded and
that are not, to what is a landing pad and what is not, and return there with PSTATE.BTYPE set. The
same code lies 4 GiB higher once more, guarded. VM_CASES programs from seed VM_SEED; without it 3, in
a soak 200.

    test_bti_arm64.py ARM64_BARE [--keep DIR]
"""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from test_privileged_arm64 import against_qemu  # noqa: E402

STEPS = 1500
GP = 1 << 50
BT0, BT1, ENIA, ENIB = (1 << n for n in (35, 36, 31, 30))
GUARDED = "#0x100000000"
# Exceptions whose SPSR.BTYPE is the branch's; of others it may be 0 (AArch64.TakeException()).
EXACT = (0x0d, 0x0e, 0x20, 0x21, 0x22, 0x3c)


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def steps(self):
        kinds = [(self.branch, 40), (self.call, 20), (self.back, 20), (self.setting, 8),
                 (self.level, 8), (self.nowhere, 4)]
        # A load tells ours that there are guarded pages, before the first branch into one.
        out = self.setting(5) + "    adr x2, start\n    orr x2, x2, %s\n    ldr x1, [x2]\n    svc #5\n" % GUARDED
        for n in range(STEPS):
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1) + kind()
        return out

    def level(self):
        return "    svc #%d\n" % self.rng.choice([0, 4, 5])

    def setting(self, level=None):
        sctlr = pp.SCTLR | pp.M
        for bit in (BT0, BT1, ENIA, ENIB):
            sctlr |= bit if self.rng.random() < 0.5 else 0
        return ("    svc #5\n" + pp.move("x1", sctlr) + "    msr sctlr_el1, x1\n" + pp.move("x1", pp.TCR) +
                "    msr tcr_el1, x1\n    isb\n" + ("    svc #%d\n" % level if level else self.level()))

    def to(self, register, label="1f"):
        """A label's address, guarded or not."""
        op = self.rng.choice(["orr", "orr", "bic"])
        return "    adr %s, %s\n    %s %s, %s, %s\n" % (register, label, op, register, register, GUARDED)

    def landing(self):
        return "    %s\n" % self.rng.choice(
            ["bti", "bti c", "bti j", "bti jc", "bti c", "bti j", "paciasp", "pacibsp", "nop", "brk #9",
             "hlt #1", "svc #5", "add x1, x1, #3", ".inst 0", "paciaz", "ldr x1, [x28]",
             "b 3f\n3:"])

    @staticmethod
    def seen():
        return "    adr x1, .\n    madd x26, x26, x25, x1\n"

    def by(self, link):
        """An indirect branch, and the register that it takes."""
        register = self.rng.choice(["x17", "x17", "x2"])
        op, sign = self.rng.choice([("br", ""), ("br", ""), ("br", ""), ("braaz", "paciza"),
                                    ("brabz", "pacizb"), ("braa", "pacia"), ("brab", "pacib")])
        if link:
            op = {"br": "blr", "braaz": "blraaz", "brabz": "blrabz", "braa": "blraa", "brab": "blrab"}[op]
        more = ", x3" if op[-1] != "z" and sign else ""
        return register, "    %s%s\n    %s %s%s\n" % (
            "%s %s" % (sign, register) if sign else "nop", more, op, register, more)

    def branch(self):
        register, how = self.by(False)
        # Where this one is fetched from is as where the last one led to.
        return (self.to(register) + "    adr x17, 1f\n" * (register != "x17") + how + "1:" +
                self.landing() + self.seen())

    def call(self):
        register, how = self.by(True)
        return (self.to(register) + "    adr x17, 1f\n" * (register != "x17") + "    adr x30, 2f\n" + how +
                "    b 2f\n1:" + self.landing() + "    adr x30, 2f\n    ret\n2:" + self.seen())

    def back(self):
        mode = self.rng.choice([0, 4, 5])
        spsr = mode | 0x3c0 | self.rng.getrandbits(2) << 10
        if self.rng.random() < 0.1:
            spsr |= 1 << 20
        # at EL0 there is no such thing: the rest is of who comes there
        return ("    adr x17, 1f\n    svc #5\n" + self.to("x2") +
                ("    add x2, x2, x16\n" if mode == 0 else "") + "    msr elr_el1, x2\n" +
                pp.move("x3", spsr) + "    msr spsr_el1, x3\n    eret\n1:" + self.landing() + self.seen())

    def nowhere(self):
        """Where nothing can be fetched from; x17 is where it goes on."""
        out = self.to("x2") + "    adr x17, 1f\n"
        out += self.rng.choice(["    orr x2, x2, #2\n", "    orr x2, x2, #0x200000000\n"])
        return out + "    %s x2\n1:\n" % self.rng.choice(["br", "blr"]) + self.seen()


def pages():
    block = pp.VALID | pp.AF
    root = [0] * 512
    for at, guard in ((0, 0), (4, GP)):
        root[at + 1] = pp.RAM | block | pp.UXN | guard
        root[at + 2] = pp.RAM | block | pp.AP_EL0 | pp.NG | guard
    return {pp.TABLES: root}


def program(seed):
    """SPSR.BTYPE is logged, and cleared before the program goes on."""
    text = pp.harness(Maker(seed).steps(), pages()).replace("#0x03df", "#0x0fdf")
    clear = "    bic x22, x22, #1 << 20\n"
    assert clear in text
    return text.replace(clear, clear + "    bic x22, x22, #0xc00\n")


def same(entry):
    step, total, esr, elr, far, spsr, *rest = entry
    if esr >> 26 not in EXACT:
        spsr &= ~0xc00
    return (step, total, esr, elr, far, spsr, *rest)


def areas(end):
    return [(pp.LOG, end - pp.LOG)]


if __name__ == "__main__":
    sys.exit(against_qemu(program, areas, STEPS // 4, ["max,pauth-impdef=on"], "max,bti=on", same, "armv8.5-a"))
