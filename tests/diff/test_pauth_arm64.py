#!/usr/bin/env python3
"""test_pauth_arm64.py - pointer authentication: our engine against qemu-system-aarch64 10.

Which codes there are is of each its own. So random programs log what does not hang on them: what
comes back where a code is right, faults where one was tampered with, pointers without their codes;
for pointers and TCR_EL1 of all kinds, keys that are and are not enabled, at EL0 and EL1.
VM_CASES programs from seed VM_SEED; without it 3, in a soak 200.

    test_pauth_arm64.py ARM64_BARE [--keep DIR]
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

STEPS = 1500
ENABLES = {"ia": 1 << 31, "ib": 1 << 30, "da": 1 << 27, "db": 1 << 13}
TBI0, TBI1, TBID0, TBID1 = (1 << n for n in (37, 38, 51, 52))


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def pointer(self):
        pick = self.rng.random()
        low = self.rng.getrandbits(64)
        if pick < 0.3:
            return low & (1 << 24) - 1
        if pick < 0.6:
            return low | ~((1 << 24) - 1) & pp.ANY
        if pick < 0.8:  # a tag
            return low & (1 << 24) - 1 | (pp.ANY << 24 & pp.ANY if pick < 0.7 else 0) ^ low & 0xff << 56
        return low

    def tamper(self, register):
        """A bit of the code, whatever the setting, that is above physical addresses of both."""
        return "    eor %s, %s, #1 << %d\n" % (register, register, self.rng.randrange(52, 55))

    def steps(self):
        kinds = [(self.sign_and_check, 40), (self.setting, 8), (self.strip, 8), (self.branch, 10),
                 (self.call, 6), (self.fetch, 10), (self.link, 8), (self.implied, 6),
                 (self.generic, 4), (self.back, 6), (self.level, 6)]
        out = "    svc #5\n" + self.setting()
        for n in range(STEPS):
            kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
            out += "// %d\n" % (n + 1) + pp.move("x27", n + 1) + kind()
        return out

    @staticmethod
    def seen(register="x1"):
        return "    madd x26, x26, x25, %s\n" % register

    def level(self):
        return "    svc #%d\n" % self.rng.choice([0, 4, 5])

    def setting(self):
        """Keys, which are enabled, and where codes are; on at any level."""
        # Where a pointer's top bit and bit 55 differ, qemu 10 goes by bit 55 to see what its half's
        # settings are, and by both halves' own to see which bit says the half (AddPAC()): here both
        # halves have the same.
        sctlr, tcr = pp.SCTLR, self.rng.choice([16, 17, 25, 28, 32, 39]) * 0x10001
        for bit in ENABLES.values():
            sctlr |= bit if self.rng.random() < 0.8 else 0
        if sctlr == pp.SCTLR:
            sctlr |= ENABLES["ia"]  # without any, XPACI and XPACD do nothing in qemu 10
        for bits in (TBI0 | TBI1, TBID0 | TBID1):
            tcr |= bits if self.rng.random() < 0.4 else 0
        out = "    svc #5\n"
        for key in (*ENABLES, "ga"):
            for half in ("lo", "hi"):
                out += pp.move("x1", self.rng.getrandbits(64)) + "    msr ap%skey%s_el1, x1\n" % (key, half)
                out += "    mrs x1, ap%skey%s_el1\n" % (key, half) + self.seen()
        return (out + pp.move("x1", sctlr) + "    msr sctlr_el1, x1\n" + pp.move("x1", tcr | 2 << 30) +
                "    msr tcr_el1, x1\n    isb\n" + self.level())

    def sign_and_check(self):
        key = self.rng.choice(list(ENABLES))
        zero = self.rng.random() < 0.3
        args = (key[0], "z" if zero else "", key[1], "x1" if zero else "x1, " + self.rng.choice(["x2", "sp"]))
        out = pp.move("x1", self.pointer()) + pp.move("x2", self.rng.getrandbits(64))
        out += "    pac%s%s%s %s\n" % args
        if self.rng.random() < 0.3:
            out += self.tamper("x1")
        out += "    aut%s%s%s %s\n" % args
        # a code that is there still, is not to be seen
        return out + "    xpac%s x1\n" % key[0] + self.seen()

    def strip(self):
        return pp.move("x1", self.pointer()) + "    xpac%s x1\n" % self.rng.choice("di") + self.seen()

    def link(self):
        key, how = self.rng.choice("ab"), self.rng.choice(["sp", "z"])
        out = pp.move("x30", self.pointer()) + "    paci%s%s\n" % (key, how)
        if self.rng.random() < 0.3:
            out += self.tamper("x30")
        return out + "    auti%s%s\n    xpaclri\n" % (key, how) + self.seen("x30")

    def implied(self):
        key = self.rng.choice("ab")
        out = pp.move("x17", self.pointer()) + pp.move("x16", self.rng.getrandbits(64))
        return (out + "    paci%s1716\n    auti%s1716\n    mov x16, #0\n    xpaci x17\n" % (key, key) +
                self.seen("x17"))

    def branch(self):
        key, zero = self.rng.choice("ab"), self.rng.random() < 0.5
        args = "x1" if zero else "x1, " + self.rng.choice(["x2", "sp"])
        out = "    adr x1, 1f\n    adr x17, 1f\n" + pp.move("x2", self.rng.getrandbits(64))
        out += "    paci%s%s %s\n" % ("z" if zero else "", key, args)
        # one that is not enabled is where nothing is fetched from
        if self.rng.random() < 0.3:
            out += self.tamper("x1")
        return out + "    bra%s%s %s\n1:\n" % (key, "z" if zero else "", args)

    def call(self):
        key = self.rng.choice("ab")
        return ("    adr x1, 1f\n    adr x17, 2f\n    mov x30, #0\n    paciz%s x1\n    blra%sz x1\n    b 2f\n"
                "1:  adr x17, 2f\n    paci%ssp\n    reta%s\n2:  xpaclri\n    adr x1, 2b\n"
                "    sub x1, x1, x30\n" % ((key,) + (key,) * 3) + self.seen())

    def fetch(self):
        key, at = self.rng.choice("ab"), pp.DATA + 0x4000
        out = pp.move("x1", at) + pp.move("x4", self.rng.getrandbits(64)) + "    str x4, [x1, #64]\n"
        out += "    mov x4, #0\n    pacdz%s x1\n" % key
        tampered = self.rng.random() < 0.3
        if tampered:
            out += self.tamper("x1")
        if self.rng.random() < 0.5:
            out += "    ldra%s x4, [x1, #64]\n" % key
        else:
            out += "    ldra%s x4, [x1, #64]!\n" % key
        return out + "    xpacd x1\n" + self.seen("x4") + self.seen()

    def generic(self):
        return (pp.move("x1", self.rng.getrandbits(64)) + "    pacga x1, x1, %s\n    mov w1, w1\n" %
                self.rng.choice(["x2", "sp"]) + self.seen())

    def back(self):
        key, mode = self.rng.choice("ab"), self.rng.choice([0, 4, 5])
        out = "    adr x1, 1f\n    adr x17, 1f\n    paci%s x1, sp\n" % key
        if self.rng.random() < 0.3:
            out += self.tamper("x1")
        return (out + "    msr elr_el1, x1\n    mov x1, #%#x\n    msr spsr_el1, x1\n    ereta%s\n1:\n" %
                (mode | 0x3c0, key))


def areas(end):
    return [(pp.LOG, end - pp.LOG), (pp.DATA, pp.DATA_SIZE)]


def main():
    bare = sys.argv[1]
    keep = sys.argv[3] if sys.argv[2:3] == ["--keep"] else None

    def compare_program(seed, engine, scratch):
        source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
        with open(source, "w", encoding="ascii") as out:
            out.write(pp.harness(Maker(seed).steps(), {pp.TABLES: [0] * 512}))
        pp.assemble(COMPILER, OBJCOPY, source, path, "armv8.3-a")
        argv = [asset("qemu-system-aarch64-10"), "-M", "virt", "-cpu", "max,pauth-impdef=on", "-m",
                "64M", "-nodefaults", "-kernel", path]
        theirs = Theirs(argv, scratch, symbol(path, "finish"), END, areas)
        compare(Ours(path, bare, engine), theirs, areas, FIELDS, pp.RECORD, STEPS // 8)

    return run_programs("qemu-system-aarch64-10", (COMPILER, OBJCOPY), keep, compare_program)


if __name__ == "__main__":
    sys.exit(main())
