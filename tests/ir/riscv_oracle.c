/*
 * riscv_oracle.c - runs the RISC-V cases; built statically for qemu-riscv64 with vectors.
 */
#include "hard_oracle.h"
#include <string.h>
#include <ucontext.h>

struct registers {
    u64 x[8], f[8]; /* a0.., fa0.. */
    u64 fcsr, vl, vtype, vstart;
    void *code;
    u64 saved[16];
    u8 v[32][16];
} oracle_regs __attribute__((aligned(16)));

u64 oracle_word; /* an SC there drops the reservation */

_Static_assert(offsetof(struct registers, fcsr) == 128, "used below");
_Static_assert(offsetof(struct registers, saved) == 168, "used below");
_Static_assert(offsetof(struct registers, v) == 296, "used below");

void oracle_enter(struct registers *r);
void oracle_after(void);

#define X_ALL(op)                                                                                  \
    op " a0, 0(s11)\n" op " a1, 8(s11)\n" op " a2, 16(s11)\n" op " a3, 24(s11)\n"                  \
    op " a4, 32(s11)\n" op " a5, 40(s11)\n" op " a6, 48(s11)\n" op " a7, 56(s11)\n"
#define F_ALL(op)                                                                                  \
    op " fa0, 64(s11)\n" op " fa1, 72(s11)\n" op " fa2, 80(s11)\n" op " fa3, 88(s11)\n"            \
    op " fa4, 96(s11)\n" op " fa5, 104(s11)\n" op " fa6, 112(s11)\n" op " fa7, 120(s11)\n"
/* Whole-register moves of eight, t0 going along; they obey vstart, which is 0 then. */
#define V_ALL(m0, m8, m16, m24)                                                                    \
    "addi t0, s11, 296\n .word " m0 "\n addi t0, t0, 128\n .word " m8 "\n"                         \
    "addi t0, t0, 128\n .word " m16 "\n addi t0, t0, 128\n .word " m24 "\n"

/* s11 stays at the registers. vl, vtype, vstart are CSRs 0xc20, 0xc21, 0x008. */
__asm__(".text\n.option norvc\n"
        ".globl oracle_enter, oracle_after\n"
        "oracle_enter:\n"
        "addi sp, sp, -16\n sd ra, 0(sp)\n sd s11, 8(sp)\n"
        "mv s11, a0\n"
        "ld t0, 128(s11)\n fscsr t0\n"
        "csrw 0x008, zero\n" V_ALL(
            "0xe2828007", "0xe2828407", "0xe2828807",
            "0xe2828c07") "ld t0, 136(s11)\n ld t1, 144(s11)\n"
                          ".word 0x8062f057\n" /* vsetvl zero, t0, t1 */
                          "ld t0, 152(s11)\n csrw 0x008, t0\n" F_ALL("fld") X_ALL(
                              "ld") "ld t0, 160(s11)\n"
                                    "jr t0\n"
                                    "oracle_after:\n" X_ALL("sd") F_ALL(
                                        "fsd") "csrr t0, 0xc20\n sd t0, 136(s11)\n"
                                               "csrr t0, 0xc21\n sd t0, 144(s11)\n"
                                               "csrr t0, 0x008\n sd t0, 152(s11)\n"
                                               "csrw 0x008, zero\n" V_ALL(
                                                   "0xe2828027", "0xe2828427", "0xe2828827",
                                                   "0xe2828c27") "frcsr t0\n sd t0, 128(s11)\n"
                                                                 "fscsr zero\n"
                                                                 "ld ra, 0(sp)\n ld s11, 8(sp)\n "
                                                                 "addi sp, sp, 16\n"
                                                                 "ret\n");

#define CASE(name, bytes, text)                                                                    \
    void oracle_case_##name(void);                                                                 \
    __asm__(".globl oracle_case_" #name "\noracle_case_" #name ":\n" text "\nj oracle_after\n");
#include "riscv_cases.def"
#undef CASE

static const struct {
    void (*code)(void);
    unsigned bytes;
} cases[] = {
#define CASE(name, bytes, text) { oracle_case_##name, bytes },
#include "riscv_cases.def"
#undef CASE
};

void oracle_run(struct hard_record *r)
{
    struct riscv_hard *s = (struct riscv_hard *)r->state;
    struct registers *o = &oracle_regs;

    memcpy(o->x, s->x, sizeof o->x);
    memcpy(o->f, s->f, sizeof o->f);
    memcpy(o->v, s->v, sizeof o->v);
    o->fcsr = (u64)s->h.fp[0].round << 5 | s->h.fp[0].flags;
    o->vl = s->vl;
    o->vtype = s->vtype;
    o->vstart = s->vstart;
    o->code = (void *)(uintptr_t)cases[r->number].code;
    oracle_enter(o);
    memcpy(s->x, o->x, sizeof o->x);
    memcpy(s->f, o->f, sizeof o->f);
    memcpy(s->v, o->v, sizeof o->v);
    s->h.fp[0].flags = o->fcsr & 31;
    s->vl = o->vl;
    s->vtype = o->vtype;
    s->vstart = o->vstart;
    s->h.pc = HARD_CODE + cases[r->number].bytes;
}

void oracle_fault(struct hard_record *r, int signo, siginfo_t *info, void *context)
{
    ucontext_t *u = context;

    r->end = signo == SIGSEGV ? HARD_MEMORY : signo == SIGBUS ? HARD_ALIGNMENT : HARD_EXCEPTION;
    r->value = signo == SIGSEGV ? (u64)(uintptr_t)info->si_addr : 0;
    r->cause = signo == SIGILL ? (u64)signo : 0;
    u->uc_mcontext.__gregs[REG_PC] = (u64)(uintptr_t)oracle_after;
}
