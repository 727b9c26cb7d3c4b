/*
 * x86_oracle.c - runs the x86 cases on the host itself.
 */
#include "hard_oracle.h"
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* Everything that is loaded before and stored behind the instruction. */
struct registers {
    u64 gpr[16];
    u64 rflags, host_rsp;
    void *code;
    u64 landed; /* a jump reached HARD_TARGET */
    u8 ymm[8][32];
    struct fxsave {
        u16 fcw, fsw;
        u8 tags, reserved;
        u16 fop;
        u64 fip, fdp;
        u32 mxcsr, mxcsr_mask;
        u64 st[8][2]; /* by stack position */
        u8 xmm[16][16];
        u8 rest[96];
    } fx;
} oracle_regs __attribute__((aligned(64)));

_Static_assert(sizeof(struct fxsave) == 512, "FXSAVE area");
_Static_assert(offsetof(struct registers, rflags) == 128, "used below");
_Static_assert(offsetof(struct registers, ymm) == 160, "used below");
_Static_assert(offsetof(struct registers, fx) == 416, "used below");

void oracle_enter(void);
void oracle_after(void);
void oracle_landed(void);

#define R "oracle_regs"
#define YMM_MOVE(op) op("0", "160") op("1", "192") op("2", "224") op("3", "256") op("4", "288")    \
                     op("5", "320") op("6", "352") op("7", "384")
#define YMM_LOAD(n, at)  "vmovdqu " R "+" at "(%rip), %ymm" n "\n"
#define YMM_STORE(n, at) "vmovdqu %ymm" n ", " R "+" at "(%rip)\n"
#define GPR_MOVE(op) op("rax", "0") op("rcx", "8") op("rdx", "16") op("rbx", "24") op("rsp", "32") \
                     op("rbp", "40") op("rsi", "48") op("rdi", "56") op("r8", "64") op("r9", "72") \
                     op("r10", "80") op("r11", "88") op("r12", "96") op("r13", "104")              \
                     op("r14", "112") op("r15", "120")
#define GPR_LOAD(r, at)  "mov " R "+" at "(%rip), %" r "\n"
#define GPR_STORE(r, at) "mov %" r ", " R "+" at "(%rip)\n"

__asm__(".text\n"
        ".globl oracle_enter, oracle_after, oracle_landed\n"
        "oracle_enter:\n"
        "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, " R "+136(%rip)\n"
        "fxrstor64 " R "+416(%rip)\n" YMM_MOVE(YMM_LOAD) "pushq " R "+128(%rip)\n popfq\n" GPR_MOVE(
            GPR_LOAD) "jmp *" R "+144(%rip)\n"
                      "oracle_landed:\n"
                      "movq $1, " R "+152(%rip)\n"
                      "oracle_after:\n" GPR_MOVE(
                          GPR_STORE) "mov " R "+136(%rip), %rsp\n"
                                     "pushfq\n popq " R "+128(%rip)\n"
                                     "cld\n" YMM_MOVE(YMM_STORE) "fxsave64 " R "+416(%rip)\n"
                                                                 "fninit\n vzeroupper\n"
                                                                 "pop %r15\n pop %r14\n pop %r13\n "
                                                                 "pop %r12\n pop %rbp\n pop %rbx\n"
                                                                 "ret\n");

#define CASE(name, bytes, text)                                                                    \
    void oracle_case_##name(void);                                                                 \
    __asm__(".globl oracle_case_" #name "\noracle_case_" #name ":\n" text "\njmp oracle_after\n");
#include "x86_cases.def"
#undef CASE

static const struct {
    void (*code)(void);
    unsigned bytes;
} cases[] = {
#define CASE(name, bytes, text) { oracle_case_##name, bytes },
#include "x86_cases.def"
#undef CASE
};

enum {
#define CASE(name, bytes, text) X86_##name,
#include "x86_cases.def"
#undef CASE
};

/* --- records to registers and back --- */

static const u8 rounds[4] = { 0, 3, 1, 2 }; /* of enum fp_round: RC fields */

/* IE DE ZE OE UE PE, as MXCSR and the x87 status word have them. */
static unsigned flags_to_x86(u8 f)
{
    return (f & FP_NV ? 1u : 0) | (f & FP_DENORMAL ? 2 : 0) | (f & FP_DZ ? 4 : 0) |
           (f & FP_OF ? 8 : 0) | (f & FP_UF ? 16 : 0) | (f & FP_NX ? 32 : 0);
}

static u8 flags_from_x86(unsigned f)
{
    return (u8)((f & 1 ? FP_NV : 0) | (f & 2 ? FP_DENORMAL : 0) | (f & 4 ? FP_DZ : 0) |
                (f & 8 ? FP_OF : 0) | (f & 16 ? FP_UF : 0) | (f & 32 ? FP_NX : 0));
}

static void put_fp(const struct x86_hard *s)
{
    struct fxsave *fx = &oracle_regs.fx;

    memset(fx, 0, sizeof *fx);
    fx->mxcsr = 0x1f80u | (u32)rounds[s->h.fp[0].round] << 13 | flags_to_x86(s->h.fp[0].flags);
    fx->fcw = (u16)(0x37f | rounds[s->h.fp[1].round] << 10);
    fx->fsw =
        (u16)(flags_to_x86(s->h.fp[1].flags) | s->stack_fault << 6 | s->c1 << 9 | s->top << 11);
    for (unsigned i = 0; i < 8; i++) {
        fx->tags |= (u8)(s->valid[i] << i);
        memcpy(fx->st[i], s->st[(s->top + i) & 7], 16);
    }
}

static void get_fp(struct x86_hard *s)
{
    const struct fxsave *fx = &oracle_regs.fx;

    s->h.fp[0].flags = flags_from_x86(fx->mxcsr);
    s->h.fp[1].flags = flags_from_x86(fx->fsw);
    s->stack_fault = fx->fsw >> 6 & 1;
    s->c1 = fx->fsw >> 9 & 1;
    s->top = fx->fsw >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        s->valid[i] = fx->tags >> i & 1;
        memcpy(s->st[(s->top + i) & 7], fx->st[i], 16);
    }
    for (unsigned i = 0; i < 8; i++)
        s->st[i][1] &= 0xffff;
}

static u64 flags_word(const struct x86_hard *s)
{
    return 0x202u | s->cf | (u64)s->pf << 2 | (u64)s->af << 4 | (u64)s->zf << 6 | (u64)s->sf << 7 |
           (u64)s->df << 10 | (u64)s->of << 11;
}

static void split_flags(struct x86_hard *s, u64 f)
{
    s->cf = f & 1;
    s->pf = f >> 2 & 1;
    s->af = f >> 4 & 1;
    s->zf = f >> 6 & 1;
    s->sf = f >> 7 & 1;
    s->df = f >> 10 & 1;
    s->of = f >> 11 & 1;
}

/* "jmp *0(%rip)" and the address, where far returns go. */
static void make_target(void)
{
    static bool made;
    u8 code[14] = { 0xff, 0x25 };
    u64 to = (u64)(uintptr_t)oracle_landed;

    if (made)
        return;
    made = true;
    memcpy(code + 6, &to, 8);
    mmap((void *)(uintptr_t)HARD_TARGET, HARD_PAGE, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy((void *)(uintptr_t)HARD_TARGET, code, sizeof code);
    mprotect((void *)(uintptr_t)HARD_TARGET, HARD_PAGE, PROT_READ | PROT_EXEC);
}

void oracle_run(struct hard_record *r)
{
    struct x86_hard *s = (struct x86_hard *)r->state;

    make_target();
    memcpy(oracle_regs.gpr, s->gpr, sizeof s->gpr);
    memcpy(oracle_regs.ymm, s->ymm, sizeof s->ymm);
    oracle_regs.rflags = flags_word(s);
    oracle_regs.landed = 0;
    oracle_regs.code = (void *)(uintptr_t)cases[r->number].code;
    put_fp(s);
    oracle_enter();
    memcpy(s->gpr, oracle_regs.gpr, sizeof s->gpr);
    memcpy(s->ymm, oracle_regs.ymm, sizeof s->ymm);
    split_flags(s, oracle_regs.rflags);
    get_fp(s);
    s->h.pc = oracle_regs.landed ? HARD_TARGET : HARD_CODE + cases[r->number].bytes;
}

void oracle_fault(struct hard_record *r, int signo, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    s64 trap = u->uc_mcontext.gregs[REG_TRAPNO], error = u->uc_mcontext.gregs[REG_ERR];

    r->end = HARD_EXCEPTION;
    r->cause = (u64)trap;
    r->value = 0;
    if (trap == 14) {
        r->end = HARD_MEMORY;
        r->cause = 0;
        r->value = (u64)u->uc_mcontext.gregs[REG_CR2];
    } else if (trap == 13 && r->number == X86_lock_cmpxchg16b) {
        r->end = HARD_ALIGNMENT;
        r->cause = 0;
    } else if (trap == 13) {
        r->value = (u64)error;
    }
    u->uc_mcontext.gregs[REG_RIP] = (s64)(uintptr_t)oracle_after;
}
