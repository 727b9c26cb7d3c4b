/*
 * riscv_guest.c - riscv64 as diff.h knows it: a user program in U-mode without paging.
 */
#include "diff.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/state.h"
#include "riscv_cases.h"
#include <stdio.h>
#include <string.h>

/* Besides: a misaligned SC without a reservation ends qemu 10 ("unhandled CPU exception 0x6"), so
 * none is made; it leaves senvcfg's CBIE and CBCFE off, so that CBO.INVAL, CLEAN and FLUSH count
 * as lacking. */
static const struct diff_fault qemu_faults[] = {
    { "sfence.w.inval", 0, "qemu-user lets U-mode execute it; it is illegal there" },
    { "sfence.inval.ir", 0, "the same" },
    { "ctzw", 7, "a source whose low half is 0 gives the zeros of the upper half, too" },
    { "sc.w", 7, "without a reservation it does not look whether the address can be stored to" },
    { "sc.d", 7, "the same; the specification lets it" },
};

/* Everything it has but Zama16b, which would let misaligned atomics pass. Before version 9
 * there is neither. */
static const char *qemu_options(int major)
{
    return major >= 9 ? "max,zama16b=off" : "";
}

/* --- a case and guest state --- */

u8 riscv_guest_fs = 1;

static void load(void *state, const struct case_head *head)
{
    const struct riscv_case *c = (const struct riscv_case *)head;
    struct rv_state *s = state;

    memcpy(s->x + 1, c->x + 1, sizeof s->x - 8);
    memcpy(s->f, c->f, sizeof s->f);
    s->frm = c->fcsr >> 5 & 7;
    s->fflags = c->fcsr & 31;
    s->fs = riscv_guest_fs;
    s->menvcfg = s->senvcfg = ~0ull; /* cache-block operations are allowed */
}

static void save(struct case_head *head, const void *state)
{
    struct riscv_case *c = (struct riscv_case *)head;
    const struct rv_state *s = state;

    memcpy(c->x + 1, s->x + 1, sizeof s->x - 8);
    memcpy(c->f, s->f, sizeof s->f);
    c->fcsr = (u32)(s->frm << 5 | s->fflags);
}

/* U-mode may do anything. */
static void enter(struct vcpu *c)
{
    struct rv_state *s = rv_state(c);

    riscv_isa.reset(c, 0, NULL, 0);
    s->pmpcfg[0] = 0x1f; /* NAPOT, R W X */
    s->pmpaddr[0] = ~0ull >> 10;
    s->priv = RV_U;
    riscv_isa.state_changed(c);
}

static u32 signal_of(u32 cause)
{
    switch (cause) {
    case RV_BREAKPOINT: return 5;
    case RV_ILLEGAL: return 4;
    case RV_LOAD_MISALIGNED:
    case RV_STORE_MISALIGNED: return 7;
    default: return 11;
    }
}

static void say_operand(const struct riscv_case *b, unsigned number, u16 offset)
{
    const u16 f = offsetof(struct rv_state, f), pc = offsetof(struct rv_state, pc);

    if (offset >= f && offset < offsetof(struct rv_state, frm))
        printf("#   operand %u: f%u = %#" PRIx64 "\n", number, (offset - f) / 8,
               b->f[(offset - f) / 8]);
    else if (offset < pc)
        printf("#   operand %u: x%u = %#" PRIx64 "\n", number, offset / 8, b->x[offset / 8]);
}

static void say(const struct case_head *before, const struct case_head *ours,
                const struct case_head *theirs)
{
    const struct riscv_case *b = (const struct riscv_case *)before;
    const struct riscv_case *o = (const struct riscv_case *)ours;
    const struct riscv_case *t = (const struct riscv_case *)theirs;
    struct isa_insn in;

    riscv_decode(b->code, b->code_size, 0, &in);
    for (unsigned r = 0; r < 4; r++)
        say_operand(b, r, in.reg[r]);
    diff_say_regs("x", 32, b->x, o->x, t->x);
    diff_say_regs("f", 32, b->f, o->f, t->f);
    diff_say_regs("fcsr", 1, &b->fcsr, &o->fcsr, &t->fcsr);
}

static const struct diff_guest guest = {
    .isa = &riscv_isa,
    .handlers = riscv_interp_handlers,
    .lines = &riscv_lines,
    .case_size = sizeof(struct riscv_case),
    .runner = RUNNER,
    .env = "VM_QEMU_RISCV64",
    .asset = "qemu-riscv64-10",
    .system = "qemu-riscv64",
    .options = qemu_options,
    .faults = qemu_faults,
    .fault_count = ARRAY_SIZE(qemu_faults),
    .stop = { 0x02, 0x90 }, /* c.ebreak */
    .stop_size = 2,
    .usable = riscv_case_line_usable,
    .make = riscv_case_make,
    .load = load,
    .save = save,
    .enter = enter,
    .signal_of = signal_of,
    .bad_address = RV_LOAD_PAGE,
    .say = say,
};

const struct diff_guest *const diff_guest = &guest;
