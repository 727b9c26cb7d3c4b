/*
 * x86_hard.c - the x86 cases: operands, inputs, what is undefined.
 */
#include "hard_cases.h"

#define GPR(n) (offsetof(struct x86_hard, gpr) + 8 * (n))
#define YMM(n) (offsetof(struct x86_hard, ymm) + 32 * (n))
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

static struct x86_hard *state_of(struct hard_record *r)
{
    return (struct x86_hard *)r->state;
}

/* --- inputs --- */

static void random_x87(struct hard_rng *g, struct x86_hard *s)
{
    s->top = (u8)hard_below(g, 8);
    s->c1 = (u8)hard_below(g, 2);
    s->stack_fault = (u8)hard_below(g, 2);
    for (unsigned i = 0; i < 8; i++) {
        u64 v = hard_random(g);
        u64 exponent = v >> 8 & 3 ? 0x3fff - 32 + hard_below(g, 64) : v >> 16 & 0x7fff;

        s->valid[i] = hard_below(g, 4) != 0;
        s->st[i][0] = (v >> 10 & 7 ? 1ull << 63 : 0) | edge_value(g) >> 1;
        s->st[i][1] = (v & 0x8000) | exponent;
        if ((v >> 32 & 15) < 4)
            s->st[i][1] = (v & 0x8000) | (v >> 32 & 1 ? 0x7fff : 0);
    }
}

static void randomize(struct hard_rng *g, void *state)
{
    struct x86_hard *s = state;
    u8 *flags[] = { &s->cf, &s->pf, &s->af, &s->zf, &s->sf, &s->of, &s->df };

    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = edge_value(g);
    s->gpr[RSP] &= 0x7ffffffffff8; /* a signal must be able to return to it */
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        *flags[i] = (u8)hard_below(g, 2);
    for (unsigned i = 0; i < 2; i++) {
        s->h.fp[i].round = (u8)hard_below(g, 4);
        s->h.fp[i].flags =
            (u8)(hard_random(g) & (FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV | FP_DENORMAL));
    }
    random_x87(g, s);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned k = 0; k < 32; k += 4) {
            u32 v = (u32)edge_float(g, 23, 8);

            memcpy(&s->ymm[i][k], &v, 4);
        }
    s->h.pc = HARD_CODE;
}

static void no_operand(struct hard_rng *g, struct hard_record *r)
{
}

static void rsi_byte(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->gpr[RSI] = window_address(g, 1);
}

static void some_count(struct hard_rng *g, struct hard_record *r)
{
    u64 *cl = &state_of(r)->gpr[RCX];

    if (hard_below(g, 2))
        *cl = (*cl & ~255ull) | hard_below(g, 4) << 6 | hard_below(g, 3);
}

/* Half the quotients have room. */
static void quotient(struct hard_rng *g, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);

    if (s->gpr[RBX] && hard_below(g, 2))
        s->gpr[RDX] %= s->gpr[RBX];
}

static void string_move(struct hard_rng *g, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);

    s->gpr[RCX] = hard_below(g, 4) ? hard_below(g, 100) : hard_below(g, 3);
    s->gpr[RSI] = HARD_BASE + 100 + hard_below(g, HARD_WINDOW - 200);
    s->gpr[RDI] = HARD_BASE + 100 + hard_below(g, HARD_WINDOW - 200);
}

static void rsi_and_stack(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->gpr[RSI] = window_address(g, 8);
    state_of(r)->gpr[RSP] = 8 + window_address(g, 8);
}

static void sixteen_bytes(struct hard_rng *g, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);
    u64 at = window_address(g, 16);

    if (hard_below(g, 4))
        at &= ~15ull;
    s->gpr[RSI] = at;
    if (hard_below(g, 2)) { /* equal: memory is exchanged */
        window_put(r, at, &s->gpr[RAX], 8);
        window_put(r, at + 8, &s->gpr[RDX], 8);
    }
}

static void ten_bytes(struct hard_rng *g, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);
    u64 at = window_address(g, 10);
    struct x86_hard other;

    s->gpr[RSI] = at;
    random_x87(g, &other);
    window_put(r, at, &other.st[0][0], 8);
    window_put(r, at + 8, &other.st[0][1], 2);
}

static void same_nan(struct hard_rng *g, struct hard_record *r)
{
    if (hard_below(g, 4) == 0)
        memcpy(state_of(r)->ymm[2], state_of(r)->ymm[1], 16);
}

static void shuffle(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned i = 0; i < 16; i++) {
        state_of(r)->ymm[0][i] = (u8)hard_random(g);
        state_of(r)->ymm[1][i] = (u8)hard_random(g);
    }
}

static void far_frame(struct hard_rng *g, struct hard_record *r)
{
    static const u64 selectors[] = { 0x33, 0x33, 0, 0x7ff8 };
    u64 at = window_address(g, 16) & ~7ull;
    u64 rip = HARD_TARGET, cs = selectors[hard_below(g, 4)] | hard_random(g) << 16;

    state_of(r)->gpr[RSP] = at;
    window_put(r, at, &rip, 8);
    window_put(r, at + 8, &cs, 8);
}

static void stack(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->gpr[RSP] = 8 + window_address(g, 8);
}

/* Not TF, which would trap, nor NT, AC and the rest, which are no slots here. */
static void flags_on_stack(struct hard_rng *g, struct hard_record *r)
{
    u64 at = window_address(g, 8);
    u64 flags = hard_random(g) & 0xcd5;

    state_of(r)->gpr[RSP] = at;
    window_put(r, at, &flags, 8);
}

/* --- undefined flags --- */

static void shift_flags(const struct hard_record *before, struct hard_record *r)
{
    unsigned n = ((const struct x86_hard *)before->state)->gpr[RCX] & 63;
    struct x86_hard *s = state_of(r);

    if (n)
        s->af = 0;
    if (n > 1)
        s->of = 0;
}

static void rotate_flags(const struct hard_record *before, struct hard_record *r)
{
    if ((((const struct x86_hard *)before->state)->gpr[RCX] & 63) > 1)
        state_of(r)->of = 0;
}

static void rotate8_flags(const struct hard_record *before, struct hard_record *r)
{
    if ((((const struct x86_hard *)before->state)->gpr[RCX] & 31) > 1)
        state_of(r)->of = 0;
}

static void all_flags(const struct hard_record *before, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);

    s->cf = s->pf = s->af = s->zf = s->sf = s->of = 0;
}

static void all_but_zf(const struct hard_record *before, struct hard_record *r)
{
    struct x86_hard *s = state_of(r);

    s->cf = s->pf = s->af = s->sf = s->of = 0;
}

/* Which half of the frame is read first is the CPU's own business. */
static void fault_address(const struct hard_record *before, struct hard_record *r)
{
    if (r->end == HARD_MEMORY)
        r->value = 0;
}

/* --- the table --- */

enum {
#define CASE(name, bytes, text) X86_##name,
#include "x86_cases.def"
#undef CASE
    X86_CASES
};

static const struct hard_case cases[X86_CASES] = {
    [X86_adc_ah_mem] = { "adc ah, [m]",
                         1,
                         { INSN(x86_adc_r8h_m8, 0, 2, .reg = { GPR(RAX), GPR(RSI) }) },
                         rsi_byte,
                         NULL },
    [X86_shl_cl] = { "shl r, cl",
                     1,
                     { INSN(x86_shl_r64_cl, 0, 3, .reg = { GPR(RAX) }) },
                     some_count,
                     shift_flags },
    [X86_rcl_rax_cl] = { "rcl r64, cl",
                         1,
                         { INSN(x86_rcl_r64_cl, 0, 3, .reg = { GPR(RAX) }) },
                         some_count,
                         rotate_flags },
    [X86_rcl_bl_cl] = { "rcl r8, cl",
                        1,
                        { INSN(x86_rcl_r8_cl, 0, 2, .reg = { GPR(RBX) }) },
                        some_count,
                        rotate8_flags },
    [X86_div] = { "div raising #DE",
                  1,
                  { INSN(x86_div_r64, 0, 3, .reg = { GPR(RBX) }) },
                  quotient,
                  all_flags },
    [X86_rep_movsb] = { "rep movsb faulting half way",
                        1,
                        { INSN(x86_rep_movsb, 0, 2, .imm = 0) },
                        string_move,
                        NULL },
    [X86_push_mem] = { "push [m]",
                       1,
                       { INSN(x86_push_m64, 0, 2, .reg = { GPR(RSI) }) },
                       rsi_and_stack,
                       NULL },
    [X86_lock_cmpxchg16b] = { "lock cmpxchg16b",
                              1,
                              { INSN(x86_cmpxchg16b, 0, 5, .reg = { GPR(RSI) }) },
                              sixteen_bytes,
                              NULL },
    [X86_bsf] = { "bsf of 0",
                  1,
                  { INSN(x86_bsf_r64, 0, 4, .reg = { GPR(RAX), GPR(RBX) }) },
                  no_operand,
                  all_but_zf },
    [X86_fld_m80_faddp] = { "fld m80, faddp",
                            2,
                            { INSN(x86_fld_m80, 0, 2, .reg = { GPR(RSI) }),
                              INSN(x86_faddp, 2, 2, .imm = 0) },
                            ten_bytes,
                            NULL },
    [X86_vaddps_ymm] = { "vaddps ymm",
                         1,
                         { INSN(x86_vaddps_ymm, 0, 4, .reg = { YMM(0), YMM(1), YMM(2) }) },
                         same_nan,
                         NULL },
    [X86_pshufb] = { "pshufb",
                     1,
                     { INSN(x86_pshufb_xmm, 0, 5, .reg = { YMM(0), YMM(1) }) },
                     shuffle,
                     NULL },
    [X86_far_return] = { "far return",
                         1,
                         { INSN(x86_far_return, 0, 3, .imm = 0) },
                         far_frame,
                         fault_address },
    [X86_pushf] = { "pushf", 1, { INSN(x86_pushfq, 0, 1, .imm = 0) }, stack, NULL },
    [X86_popf] = { "popf", 1, { INSN(x86_popfq, 0, 1, .imm = 0) }, flags_on_stack, NULL },
};

const struct hard_guest hard_x86 = {
    .name = "x86",
    .oracle_command = "%s",
    .state_size = sizeof(struct x86_hard),
    .cases = cases,
    .case_count = X86_CASES,
    .randomize = randomize,
};
