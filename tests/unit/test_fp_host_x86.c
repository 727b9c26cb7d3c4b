/*
 * test_fp_host_x86.c - what an x86-64 processor answers: SSE, FMA3, F16C and
 * AVX-512 conversions where it has them, and the x87.
 */
#include "test_fp.h"
#include <string.h>

const char *const host_name = "x86-64";
const enum fp_rules host_rules[] = { FP_RULES_FIRST, FP_RULES_LARGER, FP_RULES_FIRST_FTZ,
                                     FP_RULES_FIRST_DAZ, FP_RULES_FIRST_FTZ_DAZ };
const unsigned host_rule_count = ARRAY_SIZE(host_rules);
const enum fp_toint host_toint = FP_INDEFINITE;

static const u8 rc_of[] = { [FP_RNE] = 0, [FP_RDN] = 1, [FP_RUP] = 2, [FP_RTZ] = 3 };

static u32 mxcsr_of(const struct fp_case *c)
{
    bool ftz = c->rules == FP_RULES_FIRST_FTZ || c->rules == FP_RULES_FIRST_FTZ_DAZ;
    bool daz = c->rules == FP_RULES_FIRST_DAZ || c->rules == FP_RULES_FIRST_FTZ_DAZ;

    return 0x1f80u | (u32)rc_of[c->round] << 13 | (u32)ftz << 15 | (u32)daz << 6;
}

/* MXCSR's and the x87 status word's low six bits as ours. */
static u8 flags_of(u32 status)
{
    static const u8 ours[] = { FP_NV, FP_DENORMAL, FP_DZ, FP_OF, FP_UF, FP_NX };
    u8 flags = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
        if (status >> i & 1)
            flags |= ours[i];
    return flags;
}

/* `insn` between loading and storing MXCSR, so that nothing else runs there. */
#define UNDER_MXCSR(insn, ...)                                                                     \
    __asm__ volatile("ldmxcsr %[csr]\n\t" insn "\n\tstmxcsr %[csr]\n\tldmxcsr %[normal]"           \
                     : __VA_ARGS__, [normal] "m"(normal) : "memory", "cc")

#define TWO(name)                                                                                  \
    if (single)                                                                                    \
        UNDER_MXCSR(name "ss %[b], %[r]", [r] "+x"(x), [csr] "+m"(csr) : [b] "x"(y));              \
    else                                                                                           \
        UNDER_MXCSR(name "sd %[b], %[r]", [r] "+x"(x), [csr] "+m"(csr) : [b] "x"(y));              \
    break

#define ROUND_WITH(imm)                                                                            \
    if (single)                                                                                    \
        UNDER_MXCSR("roundss $" imm ", %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x));        \
    else                                                                                           \
        UNDER_MXCSR("roundsd $" imm ", %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x))

#define COMPARE_WITH(name)                                                                         \
    UNDER_MXCSR(name " %[b], %[a]\n\tseta %b[gt]\n\tsetb %b[lt]\n\tsetp %b[un]",                   \
                [gt] "=&q"(gt), [lt] "=&q"(lt), [un] "=&q"(un), [csr] "+m"(csr)                    \
                : [a] "x"(x), [b] "x"(y))

#define TO_INT(insn, modifier)                                                                     \
    UNDER_MXCSR(insn " %[a], %" modifier "[r]", [r] "=&r"(r), [csr] "+m"(csr) : [a] "x"(x))
#define FROM_INT(insn, modifier)                                                                   \
    UNDER_MXCSR(insn " %" modifier "[a], %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : [a] "r"(r))

typedef double vec __attribute__((vector_size(16)));

static const u32 normal = 0x1f80;

static vec vec_of(u64 v)
{
    vec x = { 0 };

    memcpy(&x, &v, 8);
    return x;
}

static u64 vec_low(vec x, bool single)
{
    u64 v;

    memcpy(&v, &x, 8);
    return single ? (u32)v : v;
}

#define FMA(form, r_, p, q)                                                                        \
    if (c->fmt == FP_F32)                                                                          \
        UNDER_MXCSR("vfmadd" form "ss %[b], %[a], %[r]",                                           \
                    [r] "+x"(r_), [csr] "+m"(*csr) : [a] "x"(p), [b] "x"(q));                      \
    else                                                                                           \
        UNDER_MXCSR("vfmadd" form "sd %[b], %[a], %[r]",                                           \
                    [r] "+x"(r_), [csr] "+m"(*csr) : [a] "x"(p), [b] "x"(q));                      \
    return r_

/* x * y + z in the three forms. Their digits name the operands of product and
 * sum, and the NaN of the first in that order wins, not of the first operand. */
static vec sse_fma(const struct fp_case *c, vec x, vec y, vec z, u32 *csr)
{
    switch (c->how % 3) {
    case 0: FMA("132", x, z, y);
    case 1: FMA("213", y, x, z);
    }
    FMA("231", z, x, y);
}

static bool sse_arith(const struct fp_case *c, struct fp_answer *out)
{
    bool single = c->fmt == FP_F32;
    u32 csr = mxcsr_of(c);
    vec x = vec_of(c->a.lo), y = vec_of(c->b.lo), z = vec_of(c->c.lo);

    switch (c->op) {
    case OP_ADD: TWO("add");
    case OP_SUB: TWO("sub");
    case OP_MUL: TWO("mul");
    case OP_DIV: TWO("div");
    case OP_MIN: TWO("min");
    case OP_MAX: TWO("max");
    case OP_SQRT: y = x; TWO("sqrt");
    case OP_FMA:
        if (!__builtin_cpu_supports("fma"))
            return false;
        x = sse_fma(c, x, y, z, &csr);
        break;
    case OP_ROUND_INT:
        if (!__builtin_cpu_supports("sse4.1"))
            return false;
        if (c->extra) {
            ROUND_WITH("4");
        } else {
            ROUND_WITH("12");
        }
        break;
    default: return false;
    }
    out->v = fp_bits_u64(vec_low(x, single));
    out->flags = flags_of(csr);
    return true;
}

/* Compilers do not all know the name "f16c"; what has AVX2 has it. */
static bool has_f16c(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool sse_convert(const struct fp_case *c, struct fp_answer *out)
{
    u32 csr = mxcsr_of(c);
    vec x = vec_of(c->a.lo);

    if (c->fmt == FP_F32 && c->to == FP_F64) {
        UNDER_MXCSR("cvtss2sd %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x));
    } else if (c->fmt == FP_F64 && c->to == FP_F32) {
        UNDER_MXCSR("cvtsd2ss %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x));
    } else if (c->fmt == FP_F16 && c->to == FP_F32 && has_f16c()) {
        UNDER_MXCSR("vcvtph2ps %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x));
    } else if (c->fmt == FP_F32 && c->to == FP_F16 && has_f16c()) {
        UNDER_MXCSR("vcvtps2ph $4, %[r], %[r]", [r] "+x"(x), [csr] "+m"(csr) : "x"(x));
    } else {
        return false;
    }
    u64 v = vec_low(x, c->to != FP_F64);

    out->v = fp_bits_u64(c->to == FP_F16 ? (u16)v : v);
    out->flags = flags_of(csr);
    return true;
}

static bool sse_compare(const struct fp_case *c, struct fp_answer *out)
{
    u32 csr = mxcsr_of(c);
    vec x = vec_of(c->a.lo), y = vec_of(c->b.lo);
    u32 gt, lt, un;

    if (c->fmt == FP_F32 && c->extra)
        COMPARE_WITH("comiss");
    else if (c->fmt == FP_F32)
        COMPARE_WITH("ucomiss");
    else if (c->extra)
        COMPARE_WITH("comisd");
    else
        COMPARE_WITH("ucomisd");
    out->v = fp_bits_u64((un & 1) ? FP_UNORDERED : (gt & 1) ? FP_GT : (lt & 1) ? FP_LT : FP_EQ);
    out->flags = flags_of(csr);
    return true;
}

static bool sse_to_int(const struct fp_case *c, struct fp_answer *out)
{
    u32 csr = mxcsr_of(c);
    bool single = c->fmt == FP_F32, wide = c->bits == 64;
    vec x = vec_of(c->a.lo);
    u64 r;

    if (c->how != FP_INDEFINITE || (c->bits != 32 && !wide) ||
        (!c->is_signed && !__builtin_cpu_supports("avx512f")))
        return false;
    if (c->is_signed && single) {
        if (wide)
            TO_INT("cvtss2si", "q");
        else
            TO_INT("cvtss2si", "k");
    } else if (c->is_signed) {
        if (wide)
            TO_INT("cvtsd2si", "q");
        else
            TO_INT("cvtsd2si", "k");
    } else if (single) {
        if (wide)
            TO_INT("vcvtss2usi", "q");
        else
            TO_INT("vcvtss2usi", "k");
    } else {
        if (wide)
            TO_INT("vcvtsd2usi", "q");
        else
            TO_INT("vcvtsd2usi", "k");
    }
    out->v = fp_bits_u64(wide ? r : c->is_signed ? (u64)(s64)(s32)r : (u32)r);
    out->flags = flags_of(csr);
    return true;
}

static bool sse_from_int(const struct fp_case *c, struct fp_answer *out)
{
    u32 csr = mxcsr_of(c);
    bool single = c->fmt == FP_F32, wide = c->bits == 64;
    vec x = { 0 };
    u64 r = c->a.lo;

    if ((c->bits != 32 && !wide) || !__builtin_cpu_supports("avx512f"))
        return false;
    if (c->is_signed && single) {
        if (wide)
            FROM_INT("vcvtsi2ss", "q");
        else
            FROM_INT("vcvtsi2ss", "k");
    } else if (c->is_signed) {
        if (wide)
            FROM_INT("vcvtsi2sd", "q");
        else
            FROM_INT("vcvtsi2sd", "k");
    } else if (single) {
        if (wide)
            FROM_INT("vcvtusi2ss", "q");
        else
            FROM_INT("vcvtusi2ss", "k");
    } else {
        if (wide)
            FROM_INT("vcvtusi2sd", "q");
        else
            FROM_INT("vcvtusi2sd", "k");
    }
    out->v = fp_bits_u64(vec_low(x, single));
    out->flags = flags_of(csr);
    return true;
}

/* `insn` on the x87 with its operands in memory; status read before the pops. */
#define X87(insn)                                                                                  \
    __asm__ volatile("fnclex\n\tfldcw %[cw]\n\t" insn "\n\tfldcw %[usual]"                         \
                     : [st] "=&a"(status), [r] "+m"(r)                                             \
                     : [cw] "m"(cw), [usual] "m"(usual), [a] "m"(a), [b] "m"(b)                    \
                     : "cc", "st", "st(1)")
#define X87_TWO(name)                                                                              \
    X87("fldt %[a]\n\tfldt %[b]\n\t" name " %%st, %%st(1)\n\tfnstsw %%ax\n\tfstpt %[r]"); break
#define X87_ONE(name) X87("fldt %[a]\n\t" name "\n\tfnstsw %%ax\n\tfstpt %[r]")
#define X87_LOAD(s)   X87("fld" s " %[a]\n\tfnstsw %%ax\n\tfstpt %[r]")
#define X87_STORE(s)  X87("fldt %[a]\n\tfnclex\n\tfstp" s " %[r]\n\tfnstsw %%ax")
#define X87_FIST(s)   X87("fldt %[a]\n\tfistp" s " %[r]\n\tfnstsw %%ax")
/* The condition codes come with the status; both operands are popped. */
#define X87_COMPARE(name)                                                                          \
    X87("fldt %[b]\n\tfldt %[a]\n\t" name "\n\tfnstsw %%ax")

/* Where the format is not an x87 one, the operation is a load, store or integer. */
static bool x87_memory(const struct fp_case *c, u16 cw, u16 usual, u16 *st, fp_bits *res)
{
    fp_bits a = c->a, b = c->b, r = { 0 };
    u16 status;

    if (c->op == OP_CONVERT && c->fmt == FP_F32 && c->to == FP_F80)
        X87_LOAD("s");
    else if (c->op == OP_CONVERT && c->fmt == FP_F64 && c->to == FP_F80)
        X87_LOAD("l");
    else if (c->op == OP_CONVERT && c->fmt == FP_F80 && c->to == FP_F32)
        X87_STORE("s");
    else if (c->op == OP_CONVERT && c->fmt == FP_F80 && c->to == FP_F64)
        X87_STORE("l");
    else if (c->op == OP_FROM_INT && c->fmt == FP_F80 && c->is_signed && c->bits == 64)
        X87("fildll %[a]\n\tfnstsw %%ax\n\tfstpt %[r]");
    else if (c->op == OP_TO_INT && c->fmt == FP_F80 && c->is_signed && c->bits == 64)
        X87_FIST("ll");
    else if (c->op == OP_TO_INT && c->fmt == FP_F80 && c->is_signed && c->bits == 32)
        X87_FIST("l");
    else if (c->op == OP_TO_INT && c->fmt == FP_F80 && c->is_signed && c->bits == 16)
        X87_FIST("s");
    else
        return false;
    if (c->op == OP_TO_INT)
        r.lo = (u64)((s64)(r.lo << (64 - c->bits)) >> (64 - c->bits));
    *st = status;
    *res = r;
    return c->op != OP_TO_INT || c->how == FP_INDEFINITE;
}

static bool x87_run(const struct fp_case *c, struct fp_answer *out)
{
    static const u16 usual = 0x37f;
    u16 precision = c->fmt == FP_F80_P24 ? 0 : c->fmt == FP_F80_P53 ? 2 : 3;
    u16 cw = (u16)(0x7f | precision << 8 | rc_of[c->round] << 10), status;
    fp_bits a = c->a, b = c->b, r = { 0 };
    bool extended = c->fmt == FP_F80 || c->fmt == FP_F80_P24 || c->fmt == FP_F80_P53;

    if (!x87_memory(c, cw, usual, &status, &r)) {
        if (!extended)
            return false;
        switch (c->op) {
        case OP_ADD: X87_TWO("faddp");
        case OP_SUB: X87_TWO("fsubrp"); /* AT&T's names of the two are crossed */
        case OP_MUL: X87_TWO("fmulp");
        case OP_DIV: X87_TWO("fdivrp");
        case OP_SQRT: X87_ONE("fsqrt"); break;
        case OP_ROUND_INT:
            if (!c->extra || c->fmt != FP_F80)
                return false;
            X87_ONE("frndint");
            break;
        case OP_COMPARE:
            if (c->extra)
                X87_COMPARE("fcompp");
            else
                X87_COMPARE("fucompp");
            r.lo = (status >> 14 & 1) && (status >> 10 & 1) ? FP_UNORDERED
                   : status >> 14 & 1                       ? FP_EQ
                   : status >> 8 & 1                        ? FP_LT
                                                            : FP_GT;
            break;
        default: return false;
        }
    }
    out->v = r;
    out->flags = flags_of(status);
    if ((status >> 9 & 1) && c->op != OP_COMPARE)
        out->flags |= FP_ROUNDED_UP;
    return true;
}

bool host_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask)
{
    bool sse = false;

    *flag_mask = 0xff;
    for (unsigned i = 0; i < host_rule_count; i++)
        sse |= c->rules == host_rules[i];
    if (c->round > FP_RUP || !sse)
        return false;
    if (c->rules == FP_RULES_LARGER)
        return x87_run(c, out);
    if (c->op == OP_CONVERT)
        return sse_convert(c, out);
    if (c->fmt != FP_F32 && c->fmt != FP_F64)
        return false;
    switch (c->op) {
    case OP_COMPARE: return sse_compare(c, out);
    case OP_TO_INT: return sse_to_int(c, out);
    case OP_FROM_INT: return sse_from_int(c, out);
    case OP_MIN:
    case OP_MAX: return c->how == FP_MM_SSE && sse_arith(c, out);
    default: return sse_arith(c, out);
    }
}
