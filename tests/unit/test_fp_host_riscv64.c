/*
 * test_fp_host_riscv64.c - what a RISC-V hart with F and D answers, in all five
 * of its rounding modes.
 */
#include "test_fp.h"

const char *const host_name = "riscv64";
const enum fp_rules host_rules[] = { FP_RULES_CANONICAL };
const unsigned host_rule_count = ARRAY_SIZE(host_rules);
const enum fp_toint host_toint = FP_SATURATE_NAN_MAX;

/* `insn` with the registers filled from x, y, z and frm set, then fflags read.
 * An f32 is NaN-boxed by fmv.w.x. */
#define UNDER_FRM(move_in, move_out, insn)                                                         \
    __asm__ volatile("fsrm %[rm]\n\tfsflags zero\n\t"                                              \
                     move_in " ft0, %[x]\n\t" move_in " ft1, %[y]\n\t" move_in " ft2, %[z]\n\t"    \
                     insn "\n\t" move_out "\n\tfrflags %[fl]\n\tfsrm zero"                         \
                     : [r] "=&r"(r), [fl] "=&r"(fl)                                                \
                     : [x] "r"(x), [y] "r"(y), [z] "r"(z), [rm] "r"(rm)                            \
                     : "ft0", "ft1", "ft2", "memory")

#define FLOAT(insn)                                                                                \
    if (single) {                                                                                  \
        UNDER_FRM("fmv.w.x", "fmv.x.w %[r], ft0", insn(".s"));                                     \
        r = (u32)r;                                                                                \
    } else {                                                                                       \
        UNDER_FRM("fmv.d.x", "fmv.x.d %[r], ft0", insn(".d"));                                     \
    }                                                                                              \
    break

#define INTEGER(insn)                                                                              \
    if (single)                                                                                    \
        UNDER_FRM("fmv.w.x", "", insn(".s"));                                                      \
    else                                                                                           \
        UNDER_FRM("fmv.d.x", "", insn(".d"))

#define ADD(s)  "fadd" s " ft0, ft0, ft1"
#define SUB(s)  "fsub" s " ft0, ft0, ft1"
#define MUL(s)  "fmul" s " ft0, ft0, ft1"
#define DIV(s)  "fdiv" s " ft0, ft0, ft1"
#define SQRT(s) "fsqrt" s " ft0, ft0"
#define FMA(s)  "fmadd" s " ft0, ft0, ft1, ft2"
#define MIN(s)  "fmin" s " ft0, ft0, ft1"
#define MAX(s)  "fmax" s " ft0, ft0, ft1"
#define CLASS(s) "fclass" s " %[r], ft0"
#define LT(s)   "flt" s " %[r], ft0, ft1"
#define EQ(s)   "feq" s " %[r], ft0, ft1"
#define TO_W(s)  "fcvt.w" s " %[r], ft0"
#define TO_WU(s) "fcvt.wu" s " %[r], ft0"
#define TO_L(s)  "fcvt.l" s " %[r], ft0"
#define TO_LU(s) "fcvt.lu" s " %[r], ft0"
#define FROM_W(s)  "fcvt" s ".w ft0, %[x]"
#define FROM_WU(s) "fcvt" s ".wu ft0, %[x]"
#define FROM_L(s)  "fcvt" s ".l ft0, %[x]"
#define FROM_LU(s) "fcvt" s ".lu ft0, %[x]"

static bool to_int(const struct fp_case *c, struct fp_answer *out)
{
    bool single = c->fmt == FP_F32;
    u64 x = c->a.lo, y = 0, z = 0, r = 0, fl = 0, rm = c->round;

    if (c->how != FP_SATURATE_NAN_MAX || (c->bits != 32 && c->bits != 64))
        return false;
    if (c->bits == 64 && c->is_signed)
        INTEGER(TO_L);
    else if (c->bits == 64)
        INTEGER(TO_LU);
    else if (c->is_signed)
        INTEGER(TO_W);
    else
        INTEGER(TO_WU);
    out->v = fp_bits_u64(c->bits == 32 && !c->is_signed ? (u32)r : r);
    out->flags = (u8)fl;
    return true;
}

static bool from_int(const struct fp_case *c, struct fp_answer *out)
{
    bool single = c->fmt == FP_F32;
    u64 x = c->a.lo, y = 0, z = 0, r = 0, fl = 0, rm = c->round;

    if (c->bits != 32 && c->bits != 64)
        return false;
    switch (c->bits + c->is_signed) {
    case 32: FLOAT(FROM_WU);
    case 33: FLOAT(FROM_W);
    case 64: FLOAT(FROM_LU);
    case 65: FLOAT(FROM_L);
    }
    out->v = fp_bits_u64(r);
    out->flags = (u8)fl;
    return true;
}

/* flt signals quiet NaNs, feq does not: LT and GT only come from the first. */
static bool compare(const struct fp_case *c, struct fp_answer *out)
{
    bool single = c->fmt == FP_F32;
    u64 x = c->a.lo, y = c->b.lo, z = 0, r = 0, fl = 0, rm = 0;
    u64 lt, gt, eq, quiet_flags;

    INTEGER(EQ);
    eq = r;
    quiet_flags = fl;
    INTEGER(LT);
    lt = r;
    x = c->b.lo;
    y = c->a.lo;
    INTEGER(LT);
    gt = r;
    out->v = fp_bits_u64(eq ? FP_EQ : lt ? FP_LT : gt ? FP_GT : FP_UNORDERED);
    out->flags = (u8)(c->extra ? fl : quiet_flags);
    return true;
}

bool host_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask)
{
    bool single = c->fmt == FP_F32;
    u64 x = c->a.lo, y = c->b.lo, z = c->c.lo, r = 0, fl = 0, rm = c->round;

    *flag_mask = 0xff;
    if (c->round > FP_RMM || c->rules != FP_RULES_CANONICAL || (!single && c->fmt != FP_F64))
        return false;
    switch (c->op) {
    case OP_ADD: FLOAT(ADD);
    case OP_SUB: FLOAT(SUB);
    case OP_MUL: FLOAT(MUL);
    case OP_DIV: FLOAT(DIV);
    case OP_SQRT: FLOAT(SQRT);
    case OP_FMA: FLOAT(FMA);
    case OP_MIN:
        if (c->how != FP_MM_NUMBER)
            return false;
        FLOAT(MIN);
    case OP_MAX:
        if (c->how != FP_MM_NUMBER)
            return false;
        FLOAT(MAX);
    case OP_CLASS: INTEGER(CLASS); break;
    case OP_CONVERT:
        if (single && c->to == FP_F64) {
            UNDER_FRM("fmv.w.x", "fmv.x.d %[r], ft0", "fcvt.d.s ft0, ft0");
        } else if (!single && c->to == FP_F32) {
            UNDER_FRM("fmv.d.x", "fmv.x.w %[r], ft0", "fcvt.s.d ft0, ft0");
            r = (u32)r;
        } else {
            return false;
        }
        break;
    case OP_TO_INT: return to_int(c, out);
    case OP_FROM_INT: return from_int(c, out);
    case OP_COMPARE: return compare(c, out);
    default: return false;
    }
    out->v = fp_bits_u64(r);
    out->flags = (u8)fl;
    return true;
}
