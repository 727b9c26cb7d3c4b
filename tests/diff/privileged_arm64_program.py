"""privileged_arm64_program.py - makes random programs of EL1's instructions.

A program is a list of steps at EL0, at EL1 with SP_EL0 and at EL1 with SP_EL1: system registers,
stage 1 translation, maintenance, exception returns, switches of level. Whatever is taken to
EL1 is written to a log and skipped. The log tells the step, a sum of all that was read until
then, ESR, ELR, FAR, SPSR and the vector's offset.

    x16 what EL0's addresses have in addition    x17 where to go on after a fetch that faults
    x18 the vector    x19-x24 the handler's
    x25 multiplier, x26 the sum    x27 step    x28 end of the log

EL1 sees memory where it is; EL0 sees it 1 GiB higher, because what it may write EL1 cannot
execute. A window of random pages is at 4 GiB, and through TTBR1 at the top half's start.
"""

import random
import subprocess

RAM = 0x40000000
LOG = RAM + 0x200000
LOG_SIZE = 0x80000
DATA = RAM + 0x100000
DATA_SIZE = 0x10000
TABLES = RAM + 0x120000
TABLES_SIZE = 0x4000
BLOCKS = 0x1000000  # from RAM: what 2 MiB blocks of the window show
RECORD = 64
WINDOW = 4 << 30
UPPER = 0xffffff8000000000  # T1SZ = 25
WINDOW_PAGES = 64
ANY = (1 << 64) - 1
NORMAL = 0x4444444444444444  # of MAIR_EL1: what qemu 10 makes of device memory, it may forget

VALID, TABLE, AP_EL0, AP_RO, AF, NG = 1, 2, 1 << 6, 1 << 7, 1 << 10, 1 << 11
DBM, CONTIG, PXN, UXN = (1 << n for n in (51, 52, 53, 54))
M, A, SPAN, UMA, UCI, DZE, UCT = (1 << n for n in (0, 1, 23, 9, 26, 14, 15))
SCTLR = 0x30500980 | SPAN
HA, HD, AS, TBI0, EPD0, EPD1, HPD0 = (1 << n for n in (39, 40, 36, 37, 7, 23, 41))
TCR = 25 | 25 << 16 | 2 << 30 | 5 << 32  # 4 KiB granules, 39 bits in, 48 bits out

# Registers whose bits mean the same to both, and what may be written to them.
PLAIN = {"elr_el1": ANY, "spsr_el1": 0xf0c003cd & ~(1 << 4), "esr_el1": 0xffffffff, "far_el1": ANY,
         "tpidr_el0": ANY, "tpidrro_el0": ANY, "tpidr_el1": ANY, "mair_el1": ANY,
         "contextidr_el1": 0xffffffff, "cntkctl_el1": 0x3ff, "csselr_el1": 1,
         "cpacr_el1": 3 << 20}
READ = ["currentel", "daif", "spsel", "pan", "uao", "sp_el0", "isr_el1", "nzcv", "ttbr0_el1",
        "tcr_el1", "vbar_el1"]
# Whether these can be reached is compared, not what they hold.
UNSEEN = ["midr_el1", "id_aa64pfr0_el1", "id_aa64mmfr0_el1", "s3_0_c0_c7_7", "cntvct_el0",
          "cntpct_el0", "cntfrq_el0", "ctr_el0", "dczid_el0", "sctlr_el1", "s3_4_c1_c1_0",
          "s3_6_c1_c1_0", "s3_0_c15_c3_1", "s3_7_c15_c3_1", "s3_3_c15_c0_7", "mpidr_el1",
          "cntp_ctl_el0", "cntv_cval_el0", "sp_el1", "vbar_el2", "oslsr_el1", "clidr_el1"]
UNSEEN_WRITES = ["midr_el1", "ctr_el0", "currentel", "cntvct_el0", "isr_el1", "s3_4_c1_c1_0",
                 "s3_3_c15_c0_7", "oslsr_el1", "id_aa64pfr0_el1"]

LINK = ["-Wl,-N", "-Wl,-Ttext=%#x" % RAM, "-Wl,--section-start=.tables=%#x" % TABLES, "-Wl,-e,start"]


def program(seed, steps):
    """The source of a program of so many steps."""
    maker = Maker(seed)
    pages = maker.tables()
    return harness("\n".join(maker.step() for _ in range(steps)), pages)


def assemble(compiler, objcopy, source, path, march="armv8.2-a"):
    """path and path.bin."""
    subprocess.run([compiler, "-march=" + march, "-nostdlib", "-static", "-no-pie", "-fno-pie",
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", *LINK, "-o", path,
                    source], check=True)
    subprocess.run([objcopy, "-O", "binary", path, path + ".bin"], check=True)


def harness(steps, pages):
    """A program around these instructions. pages: {address: words} of page tables."""
    words = "\n".join("    .org %#x\n    .quad %s" % (
        at - TABLES, ",".join("%#x" % word for word in pages[at])) for at in sorted(pages))
    vectors = "\n".join("    .balign 128\n    mov x18, #%#x\n    b handler" % (128 * n)
                        for n in range(16))
    return HARNESS % {"log": move("x28", LOG), "tables": words, "record": RECORD, "ram": RAM,
                      "multiplier": move("x25", 0x9e3779b97f4a7c15), "vectors": vectors,
                      "sctlr": move("x0", SCTLR), "tcr": move("x0", TCR),
                      "ttbr": move("x0", TABLES) + move("x1", TABLES + 0x1000),
                      "stack": move("x0", DATA + 0x8000), "steps": steps}


def move(reg, value):
    """Instructions that set a register."""
    out = "    movz %s, #%#x\n" % (reg, value & 0xffff)
    for shift in (16, 32, 48):
        if value >> shift & 0xffff:
            out += "    movk %s, #%#x, lsl #%d\n" % (reg, value >> shift & 0xffff, shift)
    return out


HARNESS = """
    .globl start, finish
    .text
start:
    b begin
    .balign 2048
vectors:
%(vectors)s
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
    str x18, [x28, #48]
    add x28, x28, #%(record)d
    lsr x23, x19, #26
    cmp x23, #0x15
    b.eq call
    // where a fetch has failed there is nothing to skip
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
call:
    and x19, x19, #0xffff
    cmp x19, #7
    b.eq finish
    // go on in mode x19: SPSR's M
    and x20, x20, #0x3fffffff
    orr x20, x20, #%(ram)#x
    mrs x23, sctlr_el1
    and x23, x23, #1
    lsl x16, x23, #30
    add x23, x20, x16
    cmp x19, #0
    csel x20, x23, x20, eq
    msr elr_el1, x20
    bic x22, x22, #0xf
    orr x22, x22, x19
    msr spsr_el1, x22
    eret
finish:
    b finish

begin:
%(log)s%(multiplier)s%(sctlr)s
    msr sctlr_el1, x0
    isb
%(tcr)s
    msr tcr_el1, x0
%(ttbr)s
    msr ttbr0_el1, x0
    msr ttbr1_el1, x1
    adr x0, vectors
    msr vbar_el1, x0
%(stack)s
    mov sp, x0
    msr spsel, #0
    mov sp, x0
    msr spsel, #1
    msr pan, #0
    msr uao, #0
    msr elr_el1, xzr
    msr spsr_el1, xzr
    msr far_el1, xzr
    msr esr_el1, xzr
    mov x0, #-1
    msr mair_el1, x0
    msr tpidr_el0, xzr
    msr tpidrro_el0, xzr
    msr tpidr_el1, xzr
    msr contextidr_el1, xzr
    msr cntkctl_el1, xzr
    msr csselr_el1, xzr
    msr cpacr_el1, xzr
    msr nzcv, xzr
    msr par_el1, xzr
    tlbi vmalle1
    dsb sy
    isb
    mov x16, #0
    mov x17, #0
    mov x26, #0
    mov x27, #0
%(steps)s
    svc #7
    .section .tables, "aw"
%(tables)s
"""


class Maker:
    """Steps from a seed; each is a string of instructions."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.number = 0

    def value(self, mask=ANY):
        return mask & self.rng.choice([0, ANY, 1 << self.rng.randrange(64),
                                       self.rng.getrandbits(64), self.rng.getrandbits(64)])

    def step(self):
        kinds = [(self.register, 24), (self.switch, 18), (self.access, 40), (self.back, 8),
                 (self.maintain, 6), (self.odd, 8), (self.translation, 5), (self.mode, 8),
                 (self.walk, 8), (self.jump, 4)]
        kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        self.number += 1
        return "// %d\n%s%s" % (self.number, move("x27", self.number), kind())

    @staticmethod
    def seen():
        return "    madd x26, x26, x25, x1\n"

    def register(self):
        pick = self.rng.random()
        if pick < 0.15:
            return "    mrs x2, %s\n" % self.rng.choice(UNSEEN)
        if pick < 0.2:
            return "    mov x2, #0\n    msr %s, x2\n" % number(self.rng.choice(UNSEEN_WRITES))
        if pick < 0.4:
            return "    mov x1, #0\n    mrs x1, %s\n" % self.rng.choice(READ) + self.seen()
        name = self.rng.choice(sorted(PLAIN))
        if pick < 0.6:
            return "    mov x1, #0\n    mrs x1, %s\n" % name + self.seen()
        value = self.value(PLAIN[name])
        if name == "mair_el1":
            value |= NORMAL
        return move("x1", value) + "    msr %s, x1\n    mrs x1, %s\n" % (name, name) + self.seen()

    def switch(self):
        return "    svc #%d\n" % self.rng.choice([0, 0, 0, 4, 5, 5])

    def address(self):
        pick = self.rng.random()
        if pick < 0.75:
            base = self.rng.choice([WINDOW, WINDOW, UPPER])
            page = base + 4096 * self.rng.randrange(WINDOW_PAGES)
            if self.rng.random() < 0.2:
                page = base + (self.rng.randrange(1, 8) << 21)
            at = page + self.rng.choice([0, 8, 64, 0xff0, 0xff8, self.rng.randrange(512) * 8])
            # Which of two pages is told first is free; and to qemu 10 alignment comes before size.
            if self.rng.random() < 0.15 and at & 0xff8 != 0xff8 and base == WINDOW:
                at += self.rng.randrange(1, 8)
            elif self.rng.random() < 0.04:
                at ^= 0x5a << 56  # a tag, or no address at all
            return at
        if pick < 0.8:
            return self.rng.choice([1 << 37, 1 << 43, 1 << 46, 1 << 47, 1 << 52, 0xffff << 48, ANY - 7,
                                    0xffffff7ffffffff8])
        return DATA + self.rng.randrange(DATA_SIZE // 8) * 8

    def access(self):
        at = self.address()
        setup = move("x2", at) + move("x3", self.value()) + "    mov x1, #0\n"
        kind = self.rng.randrange(12)
        plain = ["ldrb w1", "ldrh w1", "ldr w1", "ldr x1", "ldtr x1", "ldtrb w1"]
        stores = ["strb w3", "strh w3", "str w3", "str x3", "sttr x3", "sttrh w3"]
        if kind < 5:
            return setup + "    %s, [x2]\n" % self.rng.choice(plain) + self.seen()
        if kind < 10:
            return setup + "    %s, [x2]\n" % self.rng.choice(stores)
        if kind == 10:
            # To qemu 10 the others touch no memory; and it names the block where there is none.
            return setup + "    and x2, x2, #~63\n    dc zva, x2\n"
        # Which of two pages that fault is told is free.
        return setup + "    and x2, x2, #~15\n    ldp x1, x4, [x2]\n    eor x1, x1, x4\n" + self.seen()

    def walk(self):
        """AT, and what it says: PAR's address, or its fault."""
        op = self.rng.choice(["s1e1r", "s1e1w", "s1e0r", "s1e0w", "s1e1rp", "s1e1wp"])
        return (move("x2", self.address()) +
                "    at %s, x2\n    isb\n    mov x1, #0\n    mrs x1, par_el1\n" % op +
                # shareability and attributes of what is not described are free
                "    tbnz x1, #0, 1f\n    and x1, x1, #0x0000fffffffff000\n1:\n" + self.seen())

    def back(self):
        """ERET to the next step, in a mode of its choice, or one that is illegal."""
        mode = self.rng.choice([0, 0, 4, 5, 5, 1, 2, 8, 9, 12, 13, 6])
        legal = mode in (0, 4, 5)
        flags = self.rng.getrandbits(4) << 28 | self.rng.getrandbits(4) << 6
        # A return that is illegal reinstates PAN (SetPSTATEFromSPSR()), but to qemu 10 it does not.
        pan = "" if legal else "    mrs x4, pan\n    orr x3, x3, x4\n"
        if legal:
            flags |= self.rng.getrandbits(2) << 22
        if self.rng.random() < 0.1:
            flags |= 1 << 20  # PSTATE.IL
        return ("    adr x17, 1f\n    adr x2, 1f\n" + ("    add x2, x2, x16\n" if mode == 0 else "") +
                "    msr elr_el1, x2\n" + move("x3", flags | mode) + pan +
                "    msr spsr_el1, x3\n" +
                "    eret\n1:\n")

    def maintain(self):
        return self.rng.choice([
            "    tlbi vmalle1\n", move("x2", self.value()) + "    tlbi aside1, x2\n",
            move("x2", (self.address() & (1 << 56) - 1) >> 12) + "    tlbi vae1, x2\n",
            move("x2", (self.address() & (1 << 56) - 1) >> 12) + "    tlbi vaale1is, x2\n",
            "    ic iallu\n", "    mov x2, #0\n    dc csw, x2\n", "    tlbi alle2\n",
            "    dsb ish\n    isb\n", "    sys #4, c8, c7, #4\n", "    clrex\n"])

    def odd(self):
        return self.rng.choice([
            "    brk #%d\n" % self.rng.randrange(65536), "    .inst 0x00000000\n", "    hlt #3\n",
            "    smc #0\n", "    .inst 0xffffffff\n", "    yield\n",
            "    adds x1, x1, x1\n", "    .inst 0xd4a00001\n", "    .inst 0xd69f03ff\n"])

    def jump(self):
        """To where nothing may be executed, or no instruction may be."""
        at = self.address() if self.rng.random() < 0.6 else RAM + self.rng.choice([1, 2, 3, 0x1002])
        # What lies there is data. (And to qemu 10 a page whose dirty state hardware manages is not
        # writable as long as it is clean, so that EL1 may execute what EL0 will write; D8.4.1.)
        mapped = at & WINDOW or at >= UPPER or DATA <= at < DATA + DATA_SIZE
        if mapped or self.rng.random() < 0.5:
            at |= 1
        return "    adr x17, 1f\n" + move("x2", at) + "    br x2\n1:\n"

    def mode(self):
        return self.rng.choice([
            "    msr pan, #%d\n" % self.rng.randrange(2), "    msr uao, #%d\n" % self.rng.randrange(2),
            "    msr daifset, #%d\n" % self.rng.randrange(16),
            "    msr daifclr, #%d\n" % self.rng.choice([0, 8]), "    msr spsel, #1\n"])

    def translation(self):
        """Other settings from EL1, a changed page, and on in any mode."""
        sctlr, tcr = SCTLR, TCR
        if self.rng.random() < 0.85:
            sctlr |= M
        for bit in (UMA, UCI, DZE, UCT, A):
            sctlr |= bit if self.rng.random() < 0.5 else 0
        if self.rng.random() < 0.5:
            sctlr &= ~SPAN
        for bit in (HA, HD, AS, TBI0, EPD1):
            tcr |= bit if self.rng.random() < 0.4 else 0
        page = self.rng.randrange(WINDOW_PAGES)
        return ("    svc #5\n" + move("x2", TABLES + 0x3000 + 8 * page) + move("x3", self.leaf()) +
                "    str x3, [x2]\n" + move("x2", tcr) + "    msr tcr_el1, x2\n" +
                move("x2", sctlr) + "    msr sctlr_el1, x2\n    isb\n    tlbi vmalle1\n    dsb sy\n"
                "    isb\n" + self.switch())

    def leaf(self):
        """A page of the data, with random rights, or none."""
        page = DATA + 4096 * self.rng.randrange(DATA_SIZE // 4096)
        out = page | 3 | self.rng.getrandbits(2) << 6
        if self.rng.random() < 0.8:
            out |= AF
        for bit in (NG, DBM, PXN, UXN):
            out |= bit if self.rng.random() < 0.5 else 0
        pick = self.rng.random()
        if pick < 0.06:
            out &= ~3
        elif pick < 0.1:
            out = out & ~3 | 1
        elif pick < 0.14:
            out = out & 0xfff0000000000fff | 0x7fff0000000  # nothing is there
        return out

    def tables(self):
        """{address: words} of the page tables: a root for each half, one middle, one last level."""
        block = VALID | AF
        hierarchy = sum(bit if self.rng.random() < .15 else 0 for bit in
                        (1 << 59, 1 << 60, 1 << 61, 1 << 62))
        root = [0] * 512
        root[1] = RAM | block | UXN
        root[2] = RAM | block | AP_EL0 | NG
        root[4] = TABLES + 0x2000 | 3
        upper = [TABLES + 0x2000 | 3 | hierarchy] + [0] * 511
        middle = [TABLES + 0x3000 | 3] + [0] * 511
        for n in range(1, 8):
            middle[n] = RAM + (n << 21) + BLOCKS | block & ~AF | self.leaf() & 0x7f8000000000cc0 | UXN | PXN
        last = [self.leaf() for _ in range(WINDOW_PAGES)] + [0] * (512 - WINDOW_PAGES)
        return {TABLES: root, TABLES + 0x1000: upper, TABLES + 0x2000: middle,
                TABLES + 0x3000: last}


def number(name):
    """Read-only registers, which an assembler does not let one write, by number."""
    return {"midr_el1": "s3_0_c0_c0_0", "ctr_el0": "s3_3_c0_c0_1", "currentel": "s3_0_c4_c2_2",
            "cntvct_el0": "s3_3_c14_c0_2", "isr_el1": "s3_0_c12_c1_0", "oslsr_el1": "s2_0_c1_c1_4",
            "id_aa64pfr0_el1": "s3_0_c0_c4_0"}.get(name, name)
