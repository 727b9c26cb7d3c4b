"""privileged_program.py - makes random programs of privileged RISC-V instructions.

A program is a list of steps in M-, S- or U-mode: system registers, address translation,
memory protection, returns from traps, switches of mode. Whatever traps is written to a log by
one of two handlers and skipped; an interrupt is logged and no longer enabled. The log tells the
step (s2), a sum of all that was read until then (s4), the cause, the address relative to the
program, the value, status, and where a vectored handler was last entered (t1).

    s0 mask of status bits that are compared    s1 what U-mode's addresses have in addition
    s2 step    s3 multiplier, s4 the sum        s5-s10 the handlers'    s11 end of the log
    t0 a0 of whom the S-mode handler interrupted

S-mode sees memory where it is; U-mode sees it 1 GiB higher, because its pages must be others.
"""

import random

RAM = 0x80000000
DATA = RAM + 0x100000  # 64 KiB that steps touch; below the program, see pmp_step()
DATA_SIZE = 0x10000
TABLES = RAM + 0x120000  # page tables: see tables()
LOG = RAM + 0x200000
LOG_SIZE = 0x80000
PROGRAM = RAM + 0x300000
RECORD = 64  # bytes of one entry of the log
WINDOW = 4 << 30  # virtual addresses whose pages are random
WINDOW_PAGES = 64

V, R, W, X, U, G, A, D = (1 << n for n in range(8))
SUM, MXR, MPRV, TVM, TW, TSR = (1 << n for n in (18, 19, 17, 20, 21, 22))
STATUS_BITS = SUM | MXR | MPRV | TVM | TSR | 3 << 11 | 1 << 8 | 1 << 7 | 1 << 5 | 3 << 13

# Registers that read the same in every implementation, and what may be written to them. Bit 0
# of xepc is never set: qemu 10.0 keeps it, the specification has it read as zero.
ANY = (1 << 64) - 1
MACHINE = {"mscratch": ANY, "mepc": ANY - 1, "mcause": 15, "mtval": ANY, "medeleg": 0xb0ff,
           "mstatus": STATUS_BITS, "mcounteren": 7, "menvcfg": 1 << 63 | 1 << 62 | 1 << 6 | 1,
           "mideleg": 0x222, "mhartid": ANY}
SUPERVISOR = {"sscratch": ANY, "sepc": ANY - 1, "scause": 15, "stval": ANY, "scounteren": 7,
              "sstatus": STATUS_BITS, "senvcfg": 1 << 6 | 1}
USER = {"fcsr": 0xff, "frm": 7, "fflags": 31}
# Whether these can be reached is compared, not what they hold.
UNSEEN = ["cycle", "time", "instret", "mvendorid", "marchid", "0x600", "0x200", "0x680", "0x744",
          "0x5c0", "0x015", "0xc20", "0x7c0", "0x280", "0xb03", "0xc03", "0x14d"]


def program(seed, steps):
    """The source of a program of so many steps. Its sections: LINK."""
    maker = Maker(seed)
    pages = maker.tables()
    words = "\n".join("    .org %#x\n    .dword %s" % (
        at - TABLES, ",".join("%#x" % word for word in pages[at])) for at in sorted(pages))
    return HARNESS % {"ram": RAM, "log": LOG, "steps": "\n".join(
        maker.step() for _ in range(steps)), "tables": words, "record": RECORD,
        "mask": ~(1 << 63 | 3 << 13) & ANY}


LINK = ["-Wl,-N", "-Wl,--section-start=.start=%#x" % RAM, "-Wl,--section-start=.tables=%#x" % TABLES,
        "-Wl,-Ttext=%#x" % PROGRAM, "-Wl,-e,start"]


HARNESS = """
    .option norvc
    .globl _start, finish
    .text
_start:
    la t0, m_trap
    csrw mtvec, t0
    la t0, s_trap
    csrw stvec, t0
    csrw mie, zero
    csrw mideleg, zero
    csrw medeleg, zero
    csrw satp, zero
    csrw mcounteren, zero
    csrw scounteren, zero
    csrw menvcfg, zero
    csrw senvcfg, zero
    csrw mcause, zero
    csrw scause, zero
    csrw mtval, zero
    csrw stval, zero
    csrw mepc, zero
    csrw sepc, zero
    csrw mscratch, zero
    csrw sscratch, zero
    li t0, -1
    csrw pmpaddr7, t0
    li t0, 0x1f << 56
    csrw pmpcfg0, t0
    li t0, 3 << 13
    csrw mstatus, t0
    fscsr zero
    li s0, %(mask)#x
    li s1, 0
    li s3, 0x9e3779b97f4a7c15
    li s4, 0
    li s11, %(log)#x
    li a1, 0
%(steps)s
    li a0, 7
    ecall

# Entry: step, sum, cause, address, value, status, vector
m_trap:
    li s10, 1 << 17
    csrrc s9, mstatus, s10
    and s9, s9, s0
    sd s2, 0(s11)
    sd s4, 8(s11)
    csrr s10, mcause
    sd s10, 16(s11)
    csrr s8, mepc
    sd s8, 24(s11)
    csrr s7, mtval
    sd s7, 32(s11)
    sd s9, 40(s11)
    sd t1, 48(s11)
    addi s11, s11, %(record)d
    bltz s10, 4f
    addi s8, s8, 4
    csrw mepc, s8
    li s9, 8
    bltu s10, s9, 1f
    li s9, 11
    bgtu s10, s9, 1f
    li s9, 7
    beq a0, s9, finish
    li s9, 9
    beq a0, s9, 3f
    # A call: goes on in mode a0.
    li s9, 3 << 11
    csrc mstatus, s9
    slli s9, a0, 11
    csrs mstatus, s9
    csrr s9, satp
    snez s1, s9
    slli s1, s1, 30
    li s9, 0x3fffffff
    and s8, s8, s9
    li s9, %(ram)#x
    or s8, s8, s9
    bnez a0, 2f
    add s8, s8, s1
2:  csrw mepc, s8
1:  mret
4:  li s9, 1
    sll s9, s9, s10
    csrc mie, s9
    mret
    # What sret would do, for the S-mode handler: mstatus.TSR may forbid it that.
3:  csrr s8, sepc
    csrw mepc, s8
    csrr s9, sstatus
    andi s9, s9, 1 << 8
    slli s9, s9, 3
    li s10, 3 << 11
    csrc mstatus, s10
    csrs mstatus, s9
    mv a0, t0
    mret

    .balign 4
s_trap:
    csrr s9, sstatus
    and s9, s9, s0
    sd s2, 0(s11)
    sd s4, 8(s11)
    csrr s10, scause
    ori s10, s10, 0x100
    sd s10, 16(s11)
    csrr s8, sepc
    sd s8, 24(s11)
    csrr s7, stval
    sd s7, 32(s11)
    sd s9, 40(s11)
    sd t1, 48(s11)
    addi s11, s11, %(record)d
    bltz s10, 1f
    addi s8, s8, 4
    csrw sepc, s8
2:  mv t0, a0
    li a0, 9
    ecall
1:  li s9, 1
    sll s9, s9, s10
    csrc sie, s9
    j 2b

    .balign 256
m_vector:
    .rept 16
    jal t1, m_trap
    .endr
s_vector:
    .rept 16
    jal t1, s_trap
    .endr

finish:
    j finish

    .section .start, "ax"
    .globl start
start:
    csrr t0, mhartid
    bnez t0, park
    la t0, _start
    jr t0
park:
    wfi
    j park

    .section .tables, "aw"
%(tables)s
"""


class Maker:
    """Steps from a seed; each is a string of four-byte instructions."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.number = 0

    def value(self, mask=ANY):
        pick = self.rng.choice([0, ANY, 1 << self.rng.randrange(64), self.rng.getrandbits(64),
                                self.rng.getrandbits(64)])
        return pick & mask

    def step(self):
        kinds = [(self.csr, 30), (self.switch, 18), (self.access, 36), (self.back, 8),
                 (self.fence, 4), (self.odd, 4), (self.translation, 4), (self.pmp, 4),
                 (self.pmp_edge, 2), (self.interrupt, 4)]
        kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        self.number += 1
        return "# %d\n    li s2, %d\n%s" % (self.number, self.number, kind())

    @staticmethod
    def seen():
        return "    mul s4, s4, s3\n    add s4, s4, a1\n"

    def csr(self):
        if self.rng.random() < 0.2:
            return "    csrr a2, %s\n" % self.rng.choice(UNSEEN)
        table = self.rng.choices([MACHINE, SUPERVISOR, USER], [5, 5, 1])[0]
        name = self.rng.choice(sorted(table))
        mask = table[name]
        if self.rng.random() < 0.25:
            op = "    csrr a1, %s\n" % name
        else:
            value = self.value(mask)
            if name.endswith("status") and value & 3 << 13:
                # FS off or dirty: how early it becomes dirty is left to implementations.
                value |= 3 << 13
            op = "    li a2, %#x\n    %s a1, %s, a2\n" % (
                value, self.rng.choice(["csrrw", "csrrs", "csrrc"]), name)
        # A status register would be left with a mode that no step expects: that is harmless.
        mask_it = "    and a1, a1, s0\n" if name.endswith("status") else ""
        return "    li a1, 0\n" + op + mask_it + self.seen()

    def switch(self):
        return "    li a0, %d\n    ecall\n" % self.rng.choice([0, 0, 1, 1, 3])

    def address(self):
        if self.rng.random() < 0.7:
            page = WINDOW + 4096 * self.rng.randrange(WINDOW_PAGES)
            if self.rng.random() < 0.15:
                page = WINDOW + (self.rng.randrange(1, 8) << 21)
            return page + self.rng.choice([0, 8, 64, 0xff0, 0xff8, self.rng.randrange(512) * 8])
        return DATA + self.rng.randrange(DATA_SIZE // 8) * 8

    def access(self):
        at = self.address()
        size = self.rng.choice([1, 2, 4, 8])
        letter = {1: "b", 2: "h", 4: "w", 8: "d"}[size]
        setup = "    li a2, %#x\n    li a3, %#x\n    li a1, 0\n" % (at, self.value())
        kind = self.rng.randrange(10)
        if kind < 4:
            return setup + "    l%s a1, 0(a2)\n" % letter + self.seen()
        if kind < 8:
            return setup + "    s%s a3, 0(a2)\n" % letter
        if kind == 8:
            return setup + "    amo%s.%s a1, a3, (a2)\n" % (
                self.rng.choice(["add", "swap", "maxu", "and"]),
                self.rng.choice("wd")) + self.seen()
        return setup + "    .word 0x0046200f\n"  # cbo.zero (a2)

    def back(self):
        """mret or sret to the next step, in a mode of its choice."""
        which = self.rng.choice("ms")
        mode = self.rng.choice([0, 1, 3] if which == "m" else [0, 1])
        low = 11 if which == "m" else 8
        status = "mstatus" if which == "m" else "sstatus"
        return ("    la a2, 1f\n" + ("    add a2, a2, s1\n" if mode == 0 else "") +
                "    csrw %sepc, a2\n    li a2, %d\n    csrc %s, a2\n    li a2, %d\n"
                "    csrs %s, a2\n    %sret\n1:\n" % (
                    which, (3 if which == "m" else 1) << low, status, mode << low, status, which))

    def fence(self):
        return self.rng.choice([
            "    sfence.vma\n", "    li a2, %#x\n    sfence.vma a2, zero\n" % self.address(),
            "    .word 0x16000073\n",  # sinval.vma
            # SFENCE.W.INVAL and SFENCE.INVAL.IR; qemu lets U-mode execute them, which is wrong
            "    li a0, 1\n    ecall\n    .word 0x18000073\n    .word 0x18100073\n"])

    def odd(self):
        return self.rng.choice([
            "    ebreak\n", "    .word 0xffffffff\n", "    .word 0x0000007f\n",
            "    li a2, 3\n    fcvt.d.l fa0, a2\n    fadd.d fa0, fa0, fa0\n"
            "    fmv.x.d a1, fa0\n" + self.seen(),
            "    .word 0x0002000f\n", "    fld fa1, 0(s11)\n"])

    def translation(self):
        """Another satp from M-mode, a changed page, or one from S-mode."""
        mode = self.rng.choice([0, 8, 8, 9, 10, 5])
        root = TABLES + {8: 0, 9: 0x1000, 10: 0x2000}.get(mode, 0)
        satp = mode << 60 | root >> 12 if mode else 0
        to = self.rng.choice([0, 1, 3])
        by = self.rng.choice([1, 3, 3])
        return ("    li a0, %d\n    ecall\n    li a2, %#x\n    csrw satp, a2\n    sfence.vma\n"
                "    li a0, 3\n    ecall\n    csrr a1, satp\n" % (by, satp) + self.seen() +
                "    li a2, %#x\n    li a3, %#x\n    sd a3, 0(a2)\n    sfence.vma\n" % (
                    TABLES + 0x5000 + 8 * self.rng.randrange(WINDOW_PAGES), self.leaf()) +
                "    li a0, %d\n    ecall\n" % to)

    def leaf(self):
        page = (DATA >> 12) + self.rng.randrange(DATA_SIZE >> 12)
        flags = V
        for bit, chance in ((R, .8), (W, .6), (X, .4), (U, .5), (G, .1), (A, .8), (D, .6)):
            flags |= bit if self.rng.random() < chance else 0
        extra = self.rng.choices([0, 1 << 61, 2 << 61, 3 << 61, 1 << 63, 1 << 54],
                                 [30, 2, 2, 1, 3, 1])[0]
        if extra == 1 << 63 and self.rng.random() < 0.7:
            page = page & ~15 | 8
        return page << 10 | flags | extra

    def pmp(self):
        """Regions 0 and 1 up to an address, 2 and 3 of a size, all of whole pages of the data;
        7 allows everything to everyone."""
        entry = self.rng.randrange(4)
        at = DATA + self.rng.randrange(DATA_SIZE >> 12) * 4096
        if entry >= 2:
            size = 4096 << self.rng.randrange(3)
            at = at & ~(size - 1) | size // 2 - 1
        config = self.rng.choice([0, 24 if entry >= 2 else 8]) | self.rng.choice([0, 1, 3, 4, 5, 7])
        return ("    li a2, %#x\n    csrw pmpaddr%d, a2\n    csrr a1, pmpaddr%d\n" % (
            at >> 2, entry, entry) + self.seen() +
                "    li a2, %#x\n    csrc pmpcfg0, a2\n    li a2, %#x\n    csrs pmpcfg0, a2\n"
                "    csrr a1, pmpcfg0\n" % (0xff << 8 * entry, config << 8 * entry) +
                self.seen() + "    sfence.vma\n")

    def pmp_edge(self):
        """Accesses at the edge of a region of 4 or 8 bytes, which must hold them whole or not at
        all, in M-mode too. (None encloses a region: qemu looks at an access's two ends only.)"""
        entry = self.rng.randrange(4)
        at = DATA + self.rng.randrange(1, DATA_SIZE // 8) * 8
        size = self.rng.choice([4, 8])
        config = (16 if size == 4 else 24) | self.rng.choice([0, 1, 3, 4, 5, 7])
        text = "    li a0, 3\n    ecall\n    li a2, %#x\n    csrw pmpaddr%d, a2\n" % (at >> 2, entry)
        text += "    li a2, %#x\n    csrs pmpcfg0, a2\n" % (config << 8 * entry)
        text += "    sfence.vma\n    li a0, %d\n    ecall\n" % self.rng.choice([1, 3])
        for _ in range(3):
            letter = self.rng.choice("hwd")
            offset = self.rng.randrange(-8, 10, 2)
            if offset < 0 and offset + {"h": 2, "w": 4, "d": 8}[letter] > size:
                offset = 0
            text += "    li a2, %#x\n    li a1, 0\n" % (at + offset)
            if self.rng.random() < 0.6:
                text += "    l%s a1, 0(a2)\n" % letter + self.seen()
            else:
                text += "    s%s a1, 0(a2)\n" % letter
        return text + ("    li a0, 3\n    ecall\n    li a2, %#x\n    csrc pmpcfg0, a2\n    sfence.vma\n"
                       % (0xff << 8 * entry))

    def interrupt(self):
        """Pends, delegates and enables software, timer and external interrupts of S-mode, waits
        where one must wake, and lets them come in M-, S- or U-mode."""
        pending, enabled, delegated = (sum(bit for bit in (0x2, 0x20, 0x200)
                                           if self.rng.random() < .6) for _ in range(3))
        # Machine ISA 3.1.9: of several SEI comes first, then SSI, then STI; to qemu 10 without AIA
        # the lowest number does, so SEI is enabled alone.
        can = self.rng.choice([0x22, 0x22, 0x200])
        enabled &= can
        mode = self.rng.choice([0, 1, 1, 3, 3])
        sstc, due = self.rng.random() < .5, self.rng.random() < .5
        text = self.enter_machine() + self.vectors(self.rng.random() < .5)
        text += "    li a2, %#x\n    csr%s menvcfg, a2\n" % (1 << 63, "s" if sstc else "c")
        if sstc:  # then mip.STIP is what stimecmp makes of it
            text += "    li a2, %d\n    csrw 0x14d, a2\n" % (0 if due else -1)
        text += "    li a2, %#x\n    csrw mideleg, a2\n" % delegated
        text += "    li a2, %#x\n    csrw mip, a2\n    li a2, %#x\n    csrw mie, a2\n" % (
            pending, enabled)
        # Machine ISA 3.1.9: a bit of sip that is delegated reads as in mip; qemu 10 reads STIP
        # as 0 there.
        text += "".join("    csrr a1, %s\n    andi a1, a1, %#x\n" % (
            name, 0x202 if name == "sip" else 0x222) + self.seen()
                        for name in ("mip", "mie", "sip", "sie"))
        if sstc:
            pending = pending & ~0x20 | (0x20 if due else 0)
        ready = pending & enabled
        text += "    wfi\n" if ready else ""
        text += "    csr%si mstatus, 8\n" % self.rng.choice("sc")
        text += "    li a0, %d\n    ecall\n" % mode
        if mode == 1:
            # Of those delegated none has come while SIE was 0.
            text += "    wfi\n" if ready & delegated else ""
            text += self.rng.choice(["", "    csrci sip, 2\n", "    csrsi sip, 2\n"])
            text += "    csrr a1, sip\n    andi a1, a1, 0x202\n" + self.seen()
            text += self.rng.choice(["", "    csrsi sstatus, 2\n", "    li a2, %#x\n    csrs sie, a2\n"
                                     "    csrsi sstatus, 2\n    csrci sstatus, 2\n" % can])
        return text + self.enter_machine() + self.vectors(False) + (
            "    li a2, -1\n    csrw 0x14d, a2\n" if sstc else "") + "    csrw mip, zero\n"

    @staticmethod
    def enter_machine():
        """M-mode without interrupts."""
        return ("    li a0, 3\n    ecall\n    csrci mstatus, 8\n    csrw mie, zero\n"
                "    csrci sstatus, 2\n")

    @staticmethod
    def vectors(on):
        names = ("m_vector + 1", "s_vector + 1") if on else ("m_trap", "s_trap")
        return "".join("    la a2, %s\n    csrw %stvec, a2\n" % (name, mode)
                       for mode, name in zip("ms", names))

    def tables(self):
        """{address: words} of the page tables: three roots, one middle, one last level."""
        flags = V | R | W | X | A | D
        pointer = {n: (TABLES + n * 0x1000) >> 12 << 10 | V for n in range(6)}
        root39 = [0] * 512
        root39[2] = RAM >> 12 << 10 | flags
        root39[3] = RAM >> 12 << 10 | flags | U
        root39[4] = pointer[4]
        middle = [pointer[5]] + [0] * 511
        for n in range(1, 8):  # superpages, some misaligned
            page = RAM >> 12 | (self.rng.choice([0, 0, 0, 1]))
            middle[n] = page << 10 | self.leaf() & 0xff & ~X | (R if n % 2 else 0)
        last = [self.leaf() for _ in range(WINDOW_PAGES)] + [0] * (512 - WINDOW_PAGES)
        return {TABLES: root39, TABLES + 0x1000: [pointer[0]] + [0] * 511,
                TABLES + 0x2000: [pointer[1]] + [0] * 511, TABLES + 0x4000: middle,
                TABLES + 0x5000: last}
