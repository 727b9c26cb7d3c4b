/*
 * arm64_guest.c - arm64 as diff.h knows it: a program at EL0 without translation. All lines are
 * tried but system calls, what is for EL1, and registers that name the CPU. VM_QEMU_AARCH64 names
 * the oracle.
 */
#include "arm64_cases.h"
#include "diff.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/state.h"
#include "isa/arm64/sysreg.h"
#include <string.h>

/* Cache maintenance, which needs the right to read. */
static const struct diff_fault qemu_faults[] = {
    { "sys/ic_ivau", 0, "an address that is not mapped is no fault to it" },
    { "sys/dc_cvac", 0, "the same" },
    { "sys/dc_cvau", 0, "the same" },
    { "sys/dc_civac", 0, "the same" },
    { "sys/dc_cvap", 0, "the same at address 0" },
};

/* A CPU with what is described, without PAuth, so that its hints are NOPs, and with DC ZVA of
 * 64 bytes. SVE would have the registers of a signal's frame. */
static const char *qemu_options(int major)
{
    return major >= 9 ? "neoverse-n2,sve=off,pauth=off" : "max,sve=off,pauth=off";
}

/* --- a case and guest state --- */

static const u8 rounds[4] = { FP_RNE, FP_RUP, FP_RDN, FP_RTZ }; /* by FPCR.RMode */
static const struct {
    u8 fp, bit; /* of FPSR */
} flag_bits[] = { { FP_NV, 0 }, { FP_DZ, 1 }, { FP_OF, 2 },
                  { FP_UF, 3 }, { FP_NX, 4 }, { FP_DENORMAL, 7 } };

static void load(void *state, const struct case_head *head)
{
    const struct arm64_case *c = (const struct arm64_case *)head;
    struct arm_state *s = state;

    memcpy(s->x, c->x, sizeof s->x);
    memcpy(s->q, c->v, sizeof s->q);
    s->sp = c->sp;
    s->n = c->nzcv >> 31 & 1;
    s->z = c->nzcv >> 30 & 1;
    s->c = c->nzcv >> 29 & 1;
    s->v = c->nzcv >> 28 & 1;
    s->fpcr = (u32)c->fpcr & ARM_FPCR_MODES;
    s->round = rounds[c->fpcr >> ARM_FPCR_RMODE_SHIFT & 3];
    arm_fpcr_changed(s);
    s->qc = c->fpsr >> ARM_FPSR_QC_SHIFT & 1;
    s->flags = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++)
        s->flags |= (u8)(c->fpsr >> flag_bits[i].bit & 1 ? flag_bits[i].fp : 0);
    s->tpidr_el0 = c->tpidr;
    s->dit = s->ssbs = 0;
    s->sctlr_el1 = SCTLR_DZE | SCTLR_UCI | SCTLR_NTWE; /* as Linux has it */
}

static void save(struct case_head *head, const void *state)
{
    struct arm64_case *c = (struct arm64_case *)head;
    const struct arm_state *s = state;

    memcpy(c->x, s->x, sizeof s->x);
    memcpy(c->v, s->q, sizeof s->q);
    c->sp = s->sp;
    c->nzcv = (u64)s->n << 31 | (u64)s->z << 30 | (u64)s->c << 29 | (u64)s->v << 28;
    c->fpcr = s->fpcr;
    for (unsigned rmode = 0; rmode < 4; rmode++)
        c->fpcr |= rounds[rmode] == s->round ? rmode << ARM_FPCR_RMODE_SHIFT : 0;
    c->fpsr = (u64)s->qc << ARM_FPSR_QC_SHIFT;
    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++)
        c->fpsr |= s->flags & flag_bits[i].fp ? 1ull << flag_bits[i].bit : 0;
    c->tpidr = s->tpidr_el0;
}

static void say(const struct case_head *before, const struct case_head *ours,
                const struct case_head *theirs)
{
    const struct arm64_case *b = (const struct arm64_case *)before;
    const struct arm64_case *o = (const struct arm64_case *)ours;
    const struct arm64_case *t = (const struct arm64_case *)theirs;
    u32 w = (u32)b->code[0] | (u32)b->code[1] << 8 | (u32)b->code[2] << 16;
    unsigned rn = w >> 5 & 31, rm = w >> 16 & 31;

    printf("#   n %#" PRIx64 ", m %#" PRIx64 ", nzcv %#" PRIx64 "\n", rn < 31 ? b->x[rn] : b->sp,
           rm < 31 ? b->x[rm] : 0, b->nzcv);
    diff_say_regs("x", 31, b->x, o->x, t->x);
    diff_say_regs("sp", 1, &b->sp, &o->sp, &t->sp);
    diff_say_regs("nzcv", 1, &b->nzcv, &o->nzcv, &t->nzcv);
    diff_say_regs("fpcr", 1, &b->fpcr, &o->fpcr, &t->fpcr);
    diff_say_regs("fpsr", 1, &b->fpsr, &o->fpsr, &t->fpsr);
    diff_say_regs("tpidr", 1, &b->tpidr, &o->tpidr, &t->tpidr);
    diff_say_regs("v", 64, b->v, o->v, t->v);
}

/* --- EL0 without translation, and alignment faults that can be told from others --- */

enum { MISALIGNED = 0x100 }; /* beside the exception classes */

static u32 signal_of(u32 cause)
{
    switch (cause) {
    case ARM_EC_BRK: return 5;
    case ARM_EC_UNKNOWN: return 4;
    case MISALIGNED: return 7;
    default: return 11;
    }
}

static int translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                     struct isa_xlate *out, struct isa_fault *fault)
{
    *out = (struct isa_xlate){ .gpa = va, .page_size = 4096, .perm = 7 };
    return 0;
}

static void memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access,
                         struct isa_fault *fault)
{
    *fault = (struct isa_fault){ .pending = true,
                                 .cause = kind == ISA_FAULT_ALIGN ? MISALIGNED : ARM_EC_DATA_ABORT,
                                 .value = va };
}

static struct isa isa;

static void enter(struct vcpu *c)
{
    for (enum ir_mmu m = IR_MMU_DATA; m < IR_MMU_COUNT; m++)
        c->env->mmu_bind(c, m, 0);
}

static const struct diff_guest guest = {
    .isa = &isa,
    .handlers = arm64_interp_handlers,
    .lines = &arm64_lines,
    .case_size = sizeof(struct arm64_case),
    .runner = RUNNER,
    .env = "VM_QEMU_AARCH64",
    .asset = "qemu-aarch64-10",
    .system = "qemu-aarch64",
    .options = qemu_options,
    .faults = qemu_faults,
    .fault_count = ARRAY_SIZE(qemu_faults),
    .stop = { 0x00, 0x00, 0x20, 0xd4 }, /* brk #0 */
    .stop_size = 4,
    .usable = arm64_case_line_usable,
    .make = arm64_case_make,
    .load = load,
    .save = save,
    .enter = enter,
    .signal_of = signal_of,
    .bad_address = ARM_EC_DATA_ABORT,
    .say = say,
};

const struct diff_guest *const diff_guest = &guest;
const char *const diff_own_name;
int (*const diff_own)(void);

__attribute__((constructor)) static void fill_isa(void)
{
    isa = arm64_isa;
    isa.translate = translate;
    isa.memory_fault = memory_fault;
    isa.atomic_fault = NULL;
}
