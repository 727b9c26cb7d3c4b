/*
 * arm64_oracle.c - runs the arm64 cases; built statically for qemu-aarch64.
 */
#include "hard_oracle.h"
#include <string.h>
#include <ucontext.h>

struct registers {
    u64 x[16];
    u64 nzcv, fpcr, fpsr;
    void *code;
    u8 q[32][16];
} oracle_regs __attribute__((aligned(16)));

_Static_assert(offsetof(struct registers, nzcv) == 128, "used below");
_Static_assert(offsetof(struct registers, q) == 160, "used below");

void oracle_enter(struct registers *r);
void oracle_after(void);

/* x28 stays at the registers. */
#define Q_PAIR(op, a, b, at) op " q" #a ", q" #b ", [x17, #" #at "]\n"
#define Q_ALL(op)                                                                                  \
    Q_PAIR(op, 0, 1, 0) Q_PAIR(op, 2, 3, 32) Q_PAIR(op, 4, 5, 64) Q_PAIR(op, 6, 7, 96)             \
    Q_PAIR(op, 8, 9, 128) Q_PAIR(op, 10, 11, 160) Q_PAIR(op, 12, 13, 192)                          \
    Q_PAIR(op, 14, 15, 224) Q_PAIR(op, 16, 17, 256) Q_PAIR(op, 18, 19, 288)                        \
    Q_PAIR(op, 20, 21, 320) Q_PAIR(op, 22, 23, 352) Q_PAIR(op, 24, 25, 384)                        \
    Q_PAIR(op, 26, 27, 416) Q_PAIR(op, 28, 29, 448) Q_PAIR(op, 30, 31, 480)
#define X_ALL(op)                                                                                  \
    op " x0, x1, [x28, #0]\n" op " x2, x3, [x28, #16]\n" op " x4, x5, [x28, #32]\n"                \
    op " x6, x7, [x28, #48]\n" op " x8, x9, [x28, #64]\n" op " x10, x11, [x28, #80]\n"             \
    op " x12, x13, [x28, #96]\n" op " x14, x15, [x28, #112]\n"

__asm__(".text\n"
        ".globl oracle_enter, oracle_after\n"
        "oracle_enter:\n"
        "sub sp, sp, #160\n"
        "stp x19, x20, [sp]\n stp x21, x22, [sp, #16]\n stp x23, x24, [sp, #32]\n"
        "stp x25, x26, [sp, #48]\n stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
        "stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
        "mov x28, x0\n"
        "ldr x17, [x28, #128]\n msr nzcv, x17\n"
        "ldr x17, [x28, #136]\n msr fpcr, x17\n"
        "ldr x17, [x28, #144]\n msr fpsr, x17\n"
        "add x17, x28, #160\n" Q_ALL("ldp") X_ALL(
            "ldp") "ldr x16, [x28, #152]\n"
                   "br x16\n"
                   "oracle_after:\n" X_ALL(
                       "stp") "mrs x17, nzcv\n str x17, [x28, #128]\n"
                              "mrs x17, fpsr\n str x17, [x28, #144]\n"
                              "add x17, x28, #160\n" Q_ALL(
                                  "stp") "msr fpcr, xzr\n"
                                         "ldp x19, x20, [sp]\n ldp x21, x22, [sp, #16]\n ldp x23, "
                                         "x24, [sp, #32]\n"
                                         "ldp x25, x26, [sp, #48]\n ldp x27, x28, [sp, #64]\n ldp "
                                         "x29, x30, [sp, #80]\n"
                                         "ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
                                         "ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n"
                                         "add sp, sp, #160\n"
                                         "ret\n");

#define CASE(name, bytes, text)                                                                    \
    void oracle_case_##name(void);                                                                 \
    __asm__(".arch armv8.3-a\n.globl oracle_case_" #name "\noracle_case_" #name ":\n" text         \
            "\nb oracle_after\n");
#include "arm64_cases.def"
#undef CASE

static const struct {
    void (*code)(void);
    unsigned bytes;
} cases[] = {
#define CASE(name, bytes, text) { oracle_case_##name, bytes },
#include "arm64_cases.def"
#undef CASE
};

static const u8 rounds[4] = { 0, 3, 2, 1 }; /* of enum fp_round: FPCR.RMode */
static const struct {
    u8 fp, bit; /* of FPSR */
} flag_bits[] = { { FP_NV, 0 }, { FP_DZ, 1 }, { FP_OF, 2 },
                  { FP_UF, 3 }, { FP_NX, 4 }, { FP_DENORMAL, 7 } };

void oracle_run(struct hard_record *r)
{
    struct arm64_hard *s = (struct arm64_hard *)r->state;
    struct registers *o = &oracle_regs;

    memcpy(o->x, s->x, sizeof o->x);
    memcpy(o->q, s->q, sizeof o->q);
    o->nzcv = (u64)s->n << 31 | (u64)s->z << 30 | (u64)s->c << 29 | (u64)s->v << 28;
    o->fpcr = (u64)rounds[s->h.fp[0].round] << 22;
    o->fpsr = (u64)s->qc << 27;
    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++)
        o->fpsr |= s->h.fp[0].flags & flag_bits[i].fp ? 1u << flag_bits[i].bit : 0;
    o->code = (void *)(uintptr_t)cases[r->number].code;
    oracle_enter(o);
    memcpy(s->x, o->x, sizeof o->x);
    memcpy(s->q, o->q, sizeof o->q);
    s->n = o->nzcv >> 31 & 1;
    s->z = o->nzcv >> 30 & 1;
    s->c = o->nzcv >> 29 & 1;
    s->v = o->nzcv >> 28 & 1;
    s->qc = o->fpsr >> 27 & 1;
    s->h.fp[0].flags = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++)
        s->h.fp[0].flags |= (u8)(o->fpsr >> flag_bits[i].bit & 1 ? flag_bits[i].fp : 0);
    s->h.pc = HARD_CODE + cases[r->number].bytes;
}

void oracle_fault(struct hard_record *r, int signo, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    r->end = signo == SIGSEGV ? HARD_MEMORY : signo == SIGBUS ? HARD_ALIGNMENT : HARD_EXCEPTION;
    r->value = signo == SIGSEGV ? (u64)(uintptr_t)info->si_addr : 0;
    r->cause = signo == SIGILL ? (u64)signo : 0;
    u->uc_mcontext.pc = (u64)(uintptr_t)oracle_after;
}
