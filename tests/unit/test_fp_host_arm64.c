/*
 * test_fp_host_arm64.c - what an AArch64 core answers: FPCR.DN and FPCR.FZ, its
 * four modes, and ties-away where an instruction has it.
 */
#include "test_fp.h"

const char *const host_name = "arm64";
const enum fp_rules host_rules[] = { FP_RULES_SNAN_FIRST, FP_RULES_DEFAULT_BEFORE,
                                     FP_RULES_SNAN_FIRST_FZ, FP_RULES_DEFAULT_BEFORE_FZ };
const unsigned host_rule_count = ARRAY_SIZE(host_rules);
const enum fp_toint host_toint = FP_SATURATE_NAN_ZERO;

static u64 fpcr_of(const struct fp_case *c)
{
    static const u8 rmode[] = {
        [FP_RNE] = 0, [FP_RUP] = 1, [FP_RDN] = 2, [FP_RTZ] = 3, [FP_RMM] = 0, [FP_RTO] = 0
    };
    bool fz = c->rules == FP_RULES_SNAN_FIRST_FZ || c->rules == FP_RULES_DEFAULT_BEFORE_FZ;
    bool dn = c->rules == FP_RULES_DEFAULT_BEFORE || c->rules == FP_RULES_DEFAULT_BEFORE_FZ;

    return (u64)rmode[c->round] << 22 | (u64)fz << 24 | (u64)dn << 25;
}

/* FPSR: IOC, DZC, OFC, UFC, IXC in bits 0 to 4, IDC in bit 7. */
static u8 flags_of(u64 fpsr)
{
    static const u8 ours[] = { FP_NV, FP_DZ, FP_OF, FP_UF, FP_NX, 0, 0, FP_DENORMAL };
    u8 flags = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
        if (fpsr >> i & 1)
            flags |= ours[i];
    return flags;
}

#define UNDER_FPCR(insn)                                                                           \
    __asm__ volatile("msr fpcr, %[cr]\n\tmsr fpsr, xzr\n\t"                                        \
                     "fmov d0, %[x]\n\tfmov d1, %[y]\n\tfmov d2, %[z]\n\t" insn                    \
                     "\n\tmrs %[sr], fpsr\n\tmsr fpcr, xzr"                                        \
                     : [r] "=&r"(r), [sr] "=&r"(sr)                                                \
                     : [x] "r"(x), [y] "r"(y), [z] "r"(z), [cr] "r"(cr)                            \
                     : "v0", "v1", "v2", "cc", "memory")

#define OPERANDS                                                                                   \
    u64 x = c->a.lo, y = c->b.lo, z = c->c.lo, r = 0, sr = 0, cr = fpcr_of(c);                     \
    bool single = c->fmt == FP_F32

#define DONE(value)                                                                                \
    out->v = fp_bits_u64(value);                                                                   \
    out->flags = flags_of(sr);                                                                     \
    return true

/* Writing an S or H register clears the rest of the vector, so d0 is the result. */
#define TWO(name)                                                                                  \
    if (single)                                                                                    \
        UNDER_FPCR(name " s0, s0, s1\n\tfmov %[r], d0");                                           \
    else                                                                                           \
        UNDER_FPCR(name " d0, d0, d1\n\tfmov %[r], d0");                                           \
    break
#define ONE(name)                                                                                  \
    if (single)                                                                                    \
        UNDER_FPCR(name " s0, s0\n\tfmov %[r], d0");                                               \
    else                                                                                           \
        UNDER_FPCR(name " d0, d0\n\tfmov %[r], d0");                                               \
    break

static bool minmax(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    switch (c->how << 1 | (c->op == OP_MAX)) {
    case FP_MM_NAN << 1: TWO("fmin");
    case FP_MM_NAN << 1 | 1: TWO("fmax");
    case FP_MM_NUM2008 << 1: TWO("fminnm");
    case FP_MM_NUM2008 << 1 | 1: TWO("fmaxnm");
    default: return false;
    }
    DONE(r);
}

static bool round_int(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    if (c->round == FP_RMM && c->extra)
        return false;
    switch (c->round == FP_RMM ? 2 : c->extra) {
    case 0: ONE("frinti");
    case 1: ONE("frintx");
    case 2: ONE("frinta");
    }
    DONE(r);
}

static bool convert(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    (void)single;
    switch (c->fmt << 8 | c->to) {
    case FP_F32 << 8 | FP_F64: UNDER_FPCR("fcvt d0, s0\n\tfmov %[r], d0"); break;
    case FP_F32 << 8 | FP_F16: UNDER_FPCR("fcvt h0, s0\n\tfmov %[r], d0"); break;
    case FP_F64 << 8 | FP_F32:
        if (c->round == FP_RTO) /* FCVTXN rounds to odd */
            UNDER_FPCR("fcvtxn s0, d0\n\tfmov %[r], d0");
        else
            UNDER_FPCR("fcvt s0, d0\n\tfmov %[r], d0");
        break;
    case FP_F64 << 8 | FP_F16: UNDER_FPCR("fcvt h0, d0\n\tfmov %[r], d0"); break;
    case FP_F16 << 8 | FP_F32: UNDER_FPCR("fcvt s0, h0\n\tfmov %[r], d0"); break;
    case FP_F16 << 8 | FP_F64: UNDER_FPCR("fcvt d0, h0\n\tfmov %[r], d0"); break;
    default: return false;
    }
    DONE(r);
}

/* FCVT<mode>: the mode is in the instruction. */
#define FCVT(mode, reg)                                                                            \
    if (single && c->is_signed)                                                                    \
        UNDER_FPCR("fcvt" mode "s %" reg "[r], s0");                                               \
    else if (single)                                                                               \
        UNDER_FPCR("fcvt" mode "u %" reg "[r], s0");                                               \
    else if (c->is_signed)                                                                         \
        UNDER_FPCR("fcvt" mode "s %" reg "[r], d0");                                               \
    else                                                                                           \
        UNDER_FPCR("fcvt" mode "u %" reg "[r], d0");                                               \
    break

static bool to_int(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    if (c->how != FP_SATURATE_NAN_ZERO || (c->bits != 32 && c->bits != 64))
        return false;
    switch (c->round << 1 | (c->bits == 64)) {
    case FP_RNE << 1: FCVT("n", "w");
    case FP_RNE << 1 | 1: FCVT("n", "x");
    case FP_RTZ << 1: FCVT("z", "w");
    case FP_RTZ << 1 | 1: FCVT("z", "x");
    case FP_RDN << 1: FCVT("m", "w");
    case FP_RDN << 1 | 1: FCVT("m", "x");
    case FP_RUP << 1: FCVT("p", "w");
    case FP_RUP << 1 | 1: FCVT("p", "x");
    case FP_RMM << 1: FCVT("a", "w");
    case FP_RMM << 1 | 1: FCVT("a", "x");
    default: return false;
    }
    DONE(c->bits == 64 ? r : c->is_signed ? (u64)(s64)(s32)r : (u32)r);
}

#define CVTF(name, reg)                                                                            \
    if (single)                                                                                    \
        UNDER_FPCR(name " s0, %" reg "[x]\n\tfmov %[r], d0");                                      \
    else                                                                                           \
        UNDER_FPCR(name " d0, %" reg "[x]\n\tfmov %[r], d0");                                      \
    break

static bool from_int(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    switch (c->bits + c->is_signed) {
    case 32: CVTF("ucvtf", "w");
    case 33: CVTF("scvtf", "w");
    case 64: CVTF("ucvtf", "x");
    case 65: CVTF("scvtf", "x");
    default: return false;
    }
    DONE(r);
}

static bool compare(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    if (single && c->extra)
        UNDER_FPCR("fcmpe s0, s1\n\tmrs %[r], nzcv");
    else if (single)
        UNDER_FPCR("fcmp s0, s1\n\tmrs %[r], nzcv");
    else if (c->extra)
        UNDER_FPCR("fcmpe d0, d1\n\tmrs %[r], nzcv");
    else
        UNDER_FPCR("fcmp d0, d1\n\tmrs %[r], nzcv");
    switch (r >> 28) {
    case 8: DONE(FP_LT);
    case 6: DONE(FP_EQ);
    case 2: DONE(FP_GT);
    default: DONE(FP_UNORDERED);
    }
}

static bool arith(const struct fp_case *c, struct fp_answer *out)
{
    OPERANDS;

    switch (c->op) {
    case OP_ADD: TWO("fadd");
    case OP_SUB: TWO("fsub");
    case OP_MUL: TWO("fmul");
    case OP_MULX: TWO("fmulx");
    case OP_DIV: TWO("fdiv");
    case OP_SQRT: ONE("fsqrt");
    case OP_FMA:
        if (single)
            UNDER_FPCR("fmadd s0, s0, s1, s2\n\tfmov %[r], d0");
        else
            UNDER_FPCR("fmadd d0, d0, d1, d2\n\tfmov %[r], d0");
        break;
    default: return false;
    }
    DONE(r);
}

bool host_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask)
{
    bool arm = false;

    *flag_mask = 0xff;
    for (unsigned i = 0; i < host_rule_count; i++)
        arm |= c->rules == host_rules[i];
    if (!arm)
        return false;
    if (c->op == OP_CONVERT) {
        bool fcvtxn = c->round == FP_RTO && c->fmt == FP_F64 && c->to == FP_F32;

        return (c->round <= FP_RUP || fcvtxn) && convert(c, out);
    }
    if (c->fmt != FP_F32 && c->fmt != FP_F64)
        return false;
    switch (c->op) {
    case OP_MIN:
    case OP_MAX: return minmax(c, out);
    case OP_COMPARE: return compare(c, out);
    case OP_TO_INT: return to_int(c, out);
    case OP_ROUND_INT: return c->round <= FP_RMM && round_int(c, out);
    case OP_FROM_INT: return c->round <= FP_RUP && from_int(c, out);
    default: return c->round <= FP_RUP && arith(c, out);
    }
}
