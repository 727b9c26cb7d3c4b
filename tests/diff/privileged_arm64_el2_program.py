"""privileged_arm64_el2_program.py - random programs of EL2's instructions, with VHE and without.

As privileged_arm64_program.py, which this builds on, but begun at EL2, with handlers at EL1 and EL2:
what EL2 takes is logged with 0x1000 added to the vector, and HPFAR_EL2. EL2 changes HCR_EL2 and what
else it traps by, and runs EL0 and EL1 behind a stage 2 whose pages of data have random rights, and so
has the page that holds stage 1's last level.

EL2's handler keeps what it uses on its stack, as it may interrupt EL1's. HVC and SVC with a mode's
number go there; 4 and 5 while TGE is set go to 9.
"""

from privileged_arm64_program import (AF, ANY, AS, DATA, DATA_SIZE, DBM, DZE, HA, HD, LOG, M, NORMAL, PLAIN, RAM,
                                      READ, RECORD, SCTLR, SPAN, TABLES, TBI0, TCR, UCI, UCT, UMA,
                                      UNSEEN, Maker, move)

TABLES_SIZE = 0x8000
SINGLE_ROOT, STAGE2, STAGE2_MIDDLE, STAGE2_LAST = (TABLES + 0x1000 * n for n in (4, 5, 6, 7))
STACK2 = RAM + 0x180000
HPFAR_MASK = 0xfffffffff0

E2H, TGE, VM, RW = 1 << 34, 1 << 27, 1, 1 << 31
TVM, PTW = 1 << 26, 1 << 2
TRAPS = [1 << n for n in (2, 6, 7, 8, 9, 16, 17, 18, 19, 21, 22, 23, 24, 25, 28)]
ROUTES = [1 << n for n in (3, 4, 5)]
VTCR = 1 << 31 | 2 << 16 | 1 << 6 | 25  # 40 bits out, from level 1, 39 bits in
SINGLE_TCR = 1 << 31 | 1 << 23 | 5 << 16 | 25

PLAIN2 = dict(PLAIN)
PLAIN2.update({"elr_el2": ANY, "spsr_el2": PLAIN["spsr_el1"], "esr_el2": 0xffffffff, "far_el2": ANY,
               "hpfar_el2": HPFAR_MASK, "tpidr_el2": ANY, "mair_el2": ANY,
               "contextidr_el2": 0xffffffff, "vpidr_el2": 0xffffffff, "vmpidr_el2": 0x80ffffff,
               "cnthctl_el2": 0xfff, "s3_5_c4_c0_1": ANY, "s3_5_c6_c0_0": ANY,
               "s3_5_c5_c2_0": 0xffffffff, "s3_5_c10_c2_0": ANY, "s3_5_c14_c1_0": 0x3ff,
               "s3_5_c13_c0_1": 0xffffffff})
READ2 = READ + ["hcr_el2", "vtcr_el2", "vttbr_el2", "ttbr0_el2", "vbar_el2"]
READ2.remove("tcr_el1")
READ2.remove("isr_el1")
UNSEEN2 = UNSEEN + ["cnthp_ctl_el2", "s3_4_c14_c3_1", "s3_5_c14_c2_1", "s3_5_c14_c3_2", "sctlr_el2",
                    "s3_5_c1_c0_0", "s3_5_c2_c0_2", "actlr_el1", "aidr_el1", "revidr_el1",
                    "csselr_el1", "ccsidr_el1", "oslsr_el1", "mdscr_el1", "dbgbvr0_el1",
                    "cntvoff_el2", "osdlr_el1", "mdrar_el1", "s3_5_c4_c1_0", "s3_5_c0_c0_0"]
UNSEEN2 = [name for name in UNSEEN2 if not name.startswith(("s3_0_c15", "s3_7_c15", "s3_3_c15"))]
MAIRS = ("mair_el1", "mair_el2", "s3_5_c10_c2_0")
NUMBERS = {"contextidr_el2": "s3_4_c13_c0_1"}


def program(seed, steps):
    """The source of a program of so many steps."""
    maker = Maker2(seed)
    pages = maker.tables()
    return harness("\n".join(maker.step() for _ in range(steps)), pages)


def harness(steps, pages):
    """A program that begins at EL2 around these instructions. pages: {address: words} of page tables."""
    words = "\n".join("    .org %#x\n    .quad %s" % (
        at - TABLES, ",".join("%#x" % word for word in pages[at])) for at in sorted(pages))
    vectors = "\n".join("    .balign 128\n    mov x18, #%#x\n    b handler" % (128 * n)
                        for n in range(16))
    vectors2 = "\n".join("    .balign 128\n    sub sp, sp, #64\n    stp x18, x19, [sp]\n"
                         "    mov x18, #%#x\n    b handler2" % (128 * n + 0x1000) for n in range(16))
    setup = "".join("    msr %s, xzr\n" % name for name in sorted(PLAIN2)
                    if not name.startswith("s3_5"))
    setup = setup.replace("contextidr_el2", NUMBERS["contextidr_el2"])
    setup += "    mov x0, #-1\n    msr mair_el1, x0\n    msr mair_el2, x0\n"
    return HARNESS % {
        "log": move("x28", LOG), "tables": words, "record": RECORD, "ram": RAM, "setup": setup,
        "multiplier": move("x25", 0x9e3779b97f4a7c15), "vectors": vectors, "vectors2": vectors2,
        "sctlr": move("x0", SCTLR), "tcr": move("x0", TCR), "tcr2": move("x0", SINGLE_TCR),
        "ttbr": move("x0", TABLES) + move("x1", TABLES + 0x1000) + move("x2", SINGLE_ROOT),
        "vtcr": move("x0", VTCR) + move("x1", STAGE2), "stack": move("x0", DATA + 0x8000),
        "stack2": move("x0", STACK2), "hcr": move("x0", RW),
        "steps": steps}


HARNESS = """
    .globl start, finish
    .text
start:
    b begin
    .balign 2048
vectors:
%(vectors)s
    .balign 2048
vectors2:
%(vectors2)s
    .balign 128
handler:
    stp x27, x26, [x28]
    mrs x19, esr_el1
    mrs x20, elr_el1
    mrs x21, far_el1
    mrs x22, spsr_el1
    stp x19, x20, [x28, #16]
    movz w23, #0xf0f0, lsl #16
    movk w23, #0x03df
    and x24, x22, x23
    stp x21, x24, [x28, #32]
    stp x18, xzr, [x28, #48]
    add x28, x28, #%(record)d
    tst x18, #0x180
    b.ne mask
    lsr x23, x19, #26
    cmp x23, #0x15
    b.eq call
    sub x24, x23, #0x20
    cmp x24, #2
    ccmp x23, #0x0e, #4, hi
    add x20, x20, #4
    csel x20, x17, x20, eq
    bic x22, x22, #1 << 20
    b.ne 1f
    and x20, x20, #0x3fffffff
    orr x20, x20, #%(ram)#x
    ands x24, x22, #0xf
    add x24, x20, x16
    csel x20, x24, x20, eq
1:
    msr spsr_el1, x22
    msr elr_el1, x20
    eret
mask:
    orr x22, x22, #0x1c0
    b 1b
call:
    and x19, x19, #0xffff
    cmp x19, #7
    b.ne 2f
    hvc #7
2:
    cmp x19, #8
    b.eq 3f
    cmp x19, #9
    b.eq 4f
    and x20, x20, #0x3fffffff
    orr x20, x20, #%(ram)#x
    mov x23, #-1
    mrs x23, sctlr_el1
    cmn x23, #1
    b.eq 5f
    and x23, x23, #1
    lsl x16, x23, #30
5:
    add x23, x20, x16
    cmp x19, #0
    csel x20, x23, x20, eq
    msr elr_el1, x20
    bic x22, x22, #0xf
    orr x22, x22, x19
    msr spsr_el1, x22
    eret
    // EL2 goes on behind the SVC, whose address x20 has
3:
    hvc #0x18
4:
    hvc #0x19

handler2:
    stp x20, x21, [sp, #16]
    stp x22, x23, [sp, #32]
    stp x24, x30, [sp, #48]
    stp x27, x26, [x28]
    mrs x19, esr_el2
    mrs x21, far_el2
    mrs x22, spsr_el2
    mrs x24, elr_el2
    stp x19, x24, [x28, #16]
    movz w23, #0xf0f0, lsl #16
    movk w23, #0x03df
    and x23, x22, x23
    stp x21, x23, [x28, #32]
    mrs x23, hpfar_el2
    stp x18, x23, [x28, #48]
    add x28, x28, #%(record)d
    mov x30, x20
    mov x20, x24
    tst x18, #0x180
    b.ne mask2
    lsr x23, x19, #26
    cmp x23, #0x16
    ccmp x23, #0x15, #4, ne
    b.eq call2
    sub x24, x23, #0x20
    cmp x24, #2
    ccmp x23, #0x0e, #4, hi
    add x20, x20, #4
    csel x20, x17, x20, eq
    bic x22, x22, #1 << 20
    b.ne 1f
    and x20, x20, #0x3fffffff
    orr x20, x20, #%(ram)#x
    ands x24, x22, #0xf
    add x24, x20, x16
    csel x20, x24, x20, eq
1:
    msr spsr_el2, x22
    msr elr_el2, x20
    ldp x20, x21, [sp, #16]
    ldp x22, x23, [sp, #32]
    ldp x24, x30, [sp, #48]
    ldp x18, x19, [sp], #64
    eret
mask2:
    orr x22, x22, #0x1c0
    b 1b
call2:
    and x19, x19, #0xffff
    cmp x19, #7
    b.eq finish
    tbz x19, #4, 2f
    mov x20, x30
    and x19, x19, #0xf
2:
    and x20, x20, #0x3fffffff
    orr x20, x20, #%(ram)#x
    // where EL0 sees its code
    mrs x21, hcr_el2
    mrs x23, sctlr_el1
    tbz x21, #34, 6f
    mrs x23, s3_5_c1_c0_0
6:
    tbz x21, #27, 3f
    mrs x23, sctlr_el2
    tbnz x21, #34, 4f
    mov x23, #0
4:
    tbz x19, #2, 3f
    mov x19, #9
3:
    and x23, x23, #1
    lsl x16, x23, #30
    add x23, x20, x16
    cmp x19, #0
    csel x20, x23, x20, eq
    bic x22, x22, #0xf
    orr x22, x22, x19
    b 1b
finish:
    b finish

begin:
%(log)s%(multiplier)s%(hcr)s
    msr hcr_el2, x0
%(sctlr)s
    msr sctlr_el1, x0
    msr sctlr_el2, x0
    isb
%(tcr)s
    msr tcr_el1, x0
%(tcr2)s
    msr tcr_el2, x0
%(ttbr)s
    msr ttbr0_el1, x0
    msr ttbr1_el1, x1
    msr ttbr0_el2, x2
%(vtcr)s
    msr vtcr_el2, x0
    msr vttbr_el2, x1
    adr x0, vectors
    msr vbar_el1, x0
    adr x0, vectors2
    msr vbar_el2, x0
    msr s3_4_c2_c0_1, xzr
    msr mdcr_el2, xzr
    msr cptr_el2, xzr
    msr hstr_el2, xzr
    msr cntvoff_el2, xzr
%(stack)s
    msr sp_el0, x0
    msr sp_el1, x0
%(stack2)s
    mov sp, x0
    msr pan, #0
    msr uao, #0
%(setup)s
    msr nzcv, xzr
    msr par_el1, xzr
    tlbi alle1
    tlbi alle2
    dsb sy
    isb
    mov x16, #0
    mov x17, #0
    mov x18, #0
    mov x26, #0
    mov x27, #0
%(steps)s
    hvc #7
    svc #7
    .section .tables, "aw"
%(tables)s
"""


class Maker2(Maker):
    """Steps from a seed; each is a string of instructions."""

    KINDS = (("register", 30), ("switch", 22), ("access", 40), ("back", 8), ("maintain", 6),
             ("odd", 8), ("translation", 4), ("mode", 8), ("walk", 8), ("jump", 4),
             ("translation2", 7), ("cache", 4), ("stage2", 5), ("reads", 3))

    def step(self):
        kind = self.rng.choices([k for k, _ in self.KINDS], [w for _, w in self.KINDS])[0]
        self.number += 1
        return "// %d\n%s%s" % (self.number, move("x27", self.number), getattr(self, kind)())

    def register(self):
        pick = self.rng.random()
        if pick < 0.3:
            return "    mrs x2, %s\n" % self.rng.choice(UNSEEN2)
        if pick < 0.33:  # EL1's are for EL2 to say
            return ("    mrs x4, currentel\n    cmp x4, #4\n    b.ne 1f\n    mov x1, #0\n    mrs x1, %s\n" %
                    self.rng.choice(["midr_el1", "mpidr_el1"]) + self.seen() + "1:\n")
        if pick < 0.45:
            name = self.rng.choice(READ2)
            return "    mov x1, #0\n    mrs x1, %s\n" % NUMBERS.get(name, name) + self.seen()
        name = self.rng.choice(sorted(PLAIN2))
        value = self.value(PLAIN2[name]) | (NORMAL if name in MAIRS else 0)
        name = NUMBERS.get(name, name)
        if pick < 0.6:
            return "    mov x1, #0\n    mrs x1, %s\n" % name + self.seen()
        return move("x1", value) + "    msr %s, x1\n    mrs x1, %s\n" % (name, name) + self.seen()

    def switch(self):
        return "    svc #%d\n" % self.rng.choice([0, 0, 0, 4, 5, 5, 5, 8, 9, 9])

    def back(self):
        """ERET to the next step, in a mode of its choice, or one that is illegal."""
        mode = self.rng.choice([0, 0, 4, 5, 5, 1, 2, 8, 9, 9, 12, 13, 6])
        flags = self.rng.getrandbits(4) << 28 | self.rng.getrandbits(4) << 6
        pan = "    mrs x4, pan\n    orr x3, x3, x4\n"
        if self.rng.random() < 0.1:
            flags |= 1 << 20
        regs = self.rng.choice(["el1", "el2"])
        return ("    adr x17, 1f\n    adr x2, 1f\n" + ("    add x2, x2, x16\n" if mode == 0 else "") +
                "    msr elr_%s, x2\n" % regs + move("x3", flags | mode) + pan +
                "    msr spsr_%s, x3\n" % regs + "    mrs x4, currentel\n" +
                # with the other level's registers it would go anywhere
                ("    cmp x4, #%d\n    b.ne 1f\n" % {"el1": 4, "el2": 8}[regs]) + "    eret\n1:\n")

    def walk(self):
        op = self.rng.choice(["s1e1r", "s1e1w", "s1e0r", "s1e0w", "s1e1rp", "s1e1wp", "s1e2r", "s1e2w",
                              "s12e1r", "s12e1w", "s12e0r", "s12e0w"])
        return (move("x2", self.address()) +
                "    at %s, x2\n    isb\n    mov x1, #0\n    mrs x1, par_el1\n" % op +
                "    tbnz x1, #0, 1f\n    and x1, x1, #0x0000fffffffff000\n1:\n"
                # see same() in test_privileged_arm64.py of the level
                "    tbz x1, #8, 2f\n    and x1, x1, #~6\n2:\n" + self.seen())

    def maintain(self):
        return self.rng.choice([
            "    tlbi vmalle1\n", "    tlbi vmalls12e1\n", "    tlbi alle1is\n", "    tlbi alle2\n",
            move("x2", self.value()) + "    tlbi aside1, x2\n",
            move("x2", (self.address() & (1 << 56) - 1) >> 12) + "    tlbi vae2, x2\n",
            move("x2", (DATA >> 12)) + "    tlbi ipas2e1is, x2\n",
            move("x2", (self.address() & (1 << 56) - 1) >> 12) + "    tlbi vaale1is, x2\n",
            "    dsb ish\n    isb\n", "    clrex\n"])

    def cache(self):
        # To qemu 10 they touch no memory: this one may always be read.
        return "    adr x2, .\n    %s\n" % self.rng.choice([
            "dc csw, xzr", "ic iallu", "dc isw, xzr", "dc civac, x2", "dc cvau, x2", "ic ivau, x2",
            "dc cvac, x2"])

    def odd(self):
        return self.rng.choice([
            "    brk #%d\n" % self.rng.randrange(65536), "    .inst 0x00000000\n", "    hlt #3\n",
            "    .inst 0xffffffff\n", "    adds x1, x1, x1\n", "    hvc #9\n", "    hvc #5\n",
            "    hvc #0\n"])

    def mode(self):
        return self.rng.choice([
            "    msr pan, #%d\n" % self.rng.randrange(2), "    msr uao, #%d\n" % self.rng.randrange(2),
            "    msr daifset, #%d\n" % self.rng.randrange(16),
            "    msr daifclr, #%d\n" % self.rng.randrange(16), "    msr spsel, #1\n"])

    def stage2(self):
        """Another leaf of stage 2, for a page of data or of stage 1's last table."""
        page = self.rng.choice([*range(16), 35])
        at = STAGE2_LAST + 8 * ((DATA - RAM >> 12) + page if page < 16
                                else (TABLES + 0x3000 - RAM) >> 12)
        ipa = DATA + 4096 * page if page < 16 else TABLES + 0x3000
        return ("    svc #9\n" + move("x2", at) + move("x3", self.leaf2(ipa)) + "    str x3, [x2]\n"
                "    dsb sy\n    tlbi alle1\n    dsb sy\n    isb\n" + self.switch())

    def translation2(self):
        """EL2's settings, with its translation off meanwhile; and on in any mode."""
        rng = self.rng
        hcr = RW
        for bit in TRAPS + ROUTES:
            hcr |= bit if rng.random() < 0.15 else 0
        hcr |= VM if rng.random() < 0.7 else 0
        if not hcr & VM:
            hcr &= ~PTW  # which to qemu 10 stops the walks of AT even where there is no stage 2
        hcr |= TVM if rng.random() < 0.25 else 0
        # Not TGE alone, which to qemu 10 does not turn stage 1 of EL0 off (D24.2.52, TGE: "as if
        # SCTLR_EL1.M is 0").
        hcr |= rng.choice([0, 0, E2H, E2H, E2H | TGE, E2H | TGE])
        single = not hcr & E2H
        tcr = SINGLE_TCR if single else TCR
        if single:
            for bit in (1 << 20, 1 << 21, 1 << 22):
                tcr |= bit if rng.random() < 0.3 else 0
        else:
            for bit in (HA, HD, AS, TBI0):
                tcr |= bit if rng.random() < 0.4 else 0
        sctlr = SCTLR | (M if rng.random() < 0.85 else 0)
        if not single:
            for bit in (UMA, UCI, DZE, UCT):
                sctlr |= bit if rng.random() < 0.5 else 0
            if rng.random() < 0.5:
                sctlr &= ~SPAN
        vtcr = VTCR | sum(bit for bit in (1 << 21, 1 << 22, 1 << 19) if rng.random() < 0.4)
        vttbr = STAGE2 | rng.choice([0, 0, 7, 0x107]) << 48
        mdcr = sum(bit for bit in (1 << 8, 1 << 9, 1 << 10, 1 << 11) if rng.random() < 0.15)
        cptr = 3 << 20 if not single else 0
        cptr |= (1 << 31) if rng.random() < 0.2 else 0
        out = "    svc #9\n    msr spsel, #1\n" + move("x2", SCTLR) + "    msr sctlr_el2, x2\n    isb\n"
        for name, value in (("hcr_el2", hcr), ("tcr_el2", tcr), ("vtcr_el2", vtcr),
                            ("vttbr_el2", vttbr), ("mdcr_el2", mdcr), ("cptr_el2", cptr),
                            ("cnthctl_el2", self.value(0xfff)),
                            ("ttbr0_el2", SINGLE_ROOT if single else TABLES),
                            ("s3_4_c2_c0_1", TABLES + 0x1000)):
            out += move("x2", value) + "    msr %s, x2\n" % name
        return (out + "    isb\n    tlbi alle2\n    tlbi alle1\n    dsb sy\n" + move("x2", sctlr) +
                "    msr sctlr_el2, x2\n    isb\n" + self.switch())

    def reads(self):
        """A read of EL1 that TRVM traps. (Not for longer, and without virtual interrupts: EL1's
        handler reads such registers.)"""
        change = "    mrs x2, hcr_el2\n    %s x2, x2, #1 << 30\n    msr hcr_el2, x2\n    isb\n"
        return ("    svc #9\n    mrs x2, hcr_el2\n    bic x2, x2, #0x1c0\n    msr hcr_el2, x2\n" +
                change % "orr" + "    svc #5\n    mov x1, #0\n    mrs x1, %s\n" %
                self.rng.choice(["esr_el1", "far_el1", "mair_el1", "contextidr_el1", "elr_el1"]) +
                self.seen() + "    hvc #9\n" + change % "bic" + self.switch())

    def leaf2(self, ipa):
        """A page of stage 2: of the same address, with random rights."""
        out = ipa | 3 | 0xf << 2 | 3 << 8 | self.rng.choice([1, 3, 3, 3, 2, 0]) << 6
        if self.rng.random() < 0.85:
            out |= AF
        if self.rng.random() < 0.3:
            out |= DBM
        if self.rng.random() < 0.05:
            out &= ~1
        elif self.rng.random() < 0.1:
            out &= ~(0xf << 2)  # device memory
        return out

    def tables(self):
        out = super().tables()
        block2 = 1 | 0xf << 2 | 3 << 6 | 3 << 8 | AF
        out[SINGLE_ROOT] = [0] * 512
        out[SINGLE_ROOT][1] = RAM | 1 | AF
        out[SINGLE_ROOT][4] = TABLES + 0x2000 | 3
        out[STAGE2] = [0] * 512
        out[STAGE2][1] = STAGE2_MIDDLE | 3
        out[STAGE2_MIDDLE] = [STAGE2_LAST | 3] + [RAM + (n << 21) | block2 for n in range(1, 512)]
        last = [RAM + (n << 12) | block2 | 3 for n in range(512)]
        for n in range(DATA_SIZE // 4096):
            last[(DATA - RAM >> 12) + n] = self.leaf2(DATA + 4096 * n)
        out[STAGE2_LAST] = last
        return out
