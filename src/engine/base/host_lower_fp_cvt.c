/*
 * host_lower_fp_cvt.c - comparison of floating-point numbers, and conversions.
 */
#include "engine/base/host_lower_fp.h"
#include "ir/fp.h"

/* --- comparison --- */

/* "Less" is asked as "greater" of swapped operands: so a NaN, which sets CF, says no. */
void low_fp_compare(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format), mask = op->imm2 & 0xff;
    bool quiet = l->a.v[id].plan == PLAN_QUIET;
    bool signal = (op->imm2 >> 8 & 1) && !quiet, less = mask & 1 << FP_LT;
    enum x86_xmm a = vals_use_x(&l->a, less ? op->b : op->a);
    enum x86_xmm b = vals_use_x(&l->a, less ? op->a : op->b);
    enum x86_reg d = vals_def(&l->a, id);

    x86_fp_compare(l->o, signal, size, a, b);
    if (quiet) { /* what a signalling NaN has raised: all flags are where they belong */
        lo_fix_cold(l, x86_jcc(l->o, CC_P));
        x86_ldmxcsr(&l->cold, LO_CPU(fp_guest));
        lo_jmp_hot(l);
    }
    if (mask == 1 << FP_UNORDERED) {
        x86_setcc(l->o, CC_P, d);
    } else if (mask == 1 << FP_EQ) {
        x86_setcc(l->o, CC_NP, RAX);
        x86_setcc(l->o, CC_E, d);
        x86_alu_rr(l->o, ALU_AND, 4, d, RAX);
    } else {
        x86_setcc(l->o, mask & 1 << FP_EQ ? CC_AE : CC_A, d);
    }
}

/* --- to integers --- */

/* Goes to the cold part unless x is on the right side of a bound; NaNs go too. */
static void check_bound(struct low *l, unsigned size, enum x86_xmm x, u64 bound, enum x86_cond cc)
{
    lo_fp_const(l, l->o, size, XMM0, bound);
    x86_fp_compare(l->o, false, size, x, XMM0);
    lo_fix_cold(l, x86_jcc(l->o, cc));
}

/* Bit patterns of 2^31, 2^32 and 2^63; of f64's the last before where it is no integer. */
static void check_range(struct low *l, const struct ir_op *op, enum x86_xmm x)
{
    unsigned size = lo_fp_size(op->fp.format);
    bool wide = op->ftoi.bits == 64, is_signed = op->ftoi.is_signed, f64 = size == 8;
    u64 top63 = f64 ? 0x43e0000000000000 : 0x5f000000;
    u64 bottom =
        wide ? (f64 ? 0xc3e0000000000000 : 0xdf000000) : (f64 ? 0xc1e0000000000000 : 0xcf000000);

    check_bound(l, size, x, is_signed ? bottom : 0, CC_B);
    if (wide)
        check_bound(l, size, x, top63, CC_AE);
    else if (f64) /* 2^31 - 1, 2^32 - 1 */
        check_bound(l, size, x, is_signed ? 0x41dfffffffc00000 : 0x41efffffffe00000, CC_A);
    else
        check_bound(l, size, x, is_signed ? 0x4f000000 : 0x4f800000, CC_AE);
}

/* The host gives INT_MIN for what does not fit, raising invalid alone, as it should be. Where
 * the host's instruction is a wider one, or two of them, the range is looked at before. */
void low_fp_to_int(struct low *l, const struct ir_op *op, u32 id)
{
    static const u8 modes[] = { [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 1, [FP_RUP] = 2 };
    unsigned size = lo_fp_size(op->fp.format), round = op->fp.round;
    unsigned bytes = op->ftoi.is_signed ? op->ftoi.bits / 8 : 8;
    bool two = round != IR_ROUND_DYNAMIC && round != FP_RTZ;
    enum x86_xmm x = vals_use_x(&l->a, op->a);
    enum x86_reg d = vals_def(&l->a, id);

    if (two || !op->ftoi.is_signed)
        check_range(l, op, x);
    if (two)
        x86_fp_round(l->o, size, XMM0, x, modes[round]);
    x86_fp_to_int(l->o, round != IR_ROUND_DYNAMIC, size, bytes, d, two ? XMM0 : x);
    if (!two && op->ftoi.is_signed) {
        x86_alu_ri(l->o, ALU_CMP, bytes, d, 1); /* overflows for INT_MIN alone */
        lo_fix_cold(l, x86_jcc(l->o, CC_O));
    }
    lo_fp_slow(l, op, &x, 1);
    x86_mov_rr(&l->cold, op->type == IR_I64 ? 8 : 4, d, RDX);
    lo_jmp_hot(l);
}

/* --- from integers --- */

void low_fp_from_int(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format);
    bool wide = l->a.v[op->a].type == IR_I64, is_signed = op->imm2 & 1;
    bool exact = !wide && size == 8;
    enum x86_reg s = vals_use(&l->a, op->a);
    enum x86_xmm d = vals_def_x(&l->a, id);

    if (!wide && !is_signed) {
        x86_mov_rr(l->o, 4, RCX, s);
        s = RCX;
    }
    if (wide && !is_signed) {
        x86_test_rr(l->o, 8, s, s);
        lo_fix_cold(l, x86_jcc(l->o, CC_S));
    }
    x86_fp_logic(l->o, X86_FP_XOR, d, d); /* waits for nobody */
    if (!exact)
        lo_fp_round_begin(l, op);
    x86_fp_from_int(l->o, size, wide || !is_signed ? 8 : 4, d, s);
    if (!exact)
        lo_fp_round_end(l, op);
    if (wide && !is_signed) {
        x86_mov_mr(&l->cold, 8, LO_CPU(fp_arg), s);
        lo_fp_slow(l, op, NULL, 0);
        x86_fp_from_reg(&l->cold, 8, d, RDX);
        lo_jmp_hot(l);
    }
}

/* --- between formats --- */

void low_fp_convert(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned from = lo_fp_size(op->fp.from);
    enum x86_xmm d;

    if (op->fp.rules == IR_RULES_DYNAMIC) {
        lo_fp_unary_keeping(l, op, id, X86_FP_CVT, from);
        return;
    }
    d = vals_def_from_x(&l->a, id, op->a);

    if (from == 8)
        lo_fp_round_begin(l, op);
    x86_fp_rr(l->o, X86_FP_CVT, from, d, d);
    if (from == 8)
        lo_fp_round_end(l, op);
    lo_fp_canon(l, lo_fp_size(op->fp.format), d);
}
