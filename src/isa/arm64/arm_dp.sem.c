/*
 * arm_dp.sem.c - data processing: arithmetic, logic, bit fields, moves, multiplication,
 * division, CRC-32 (C4.1.89, C4.1.95).
 */
#include "isa/arm64/sem.h"

/* --- second operands --- */

static ir_val shifted(struct ir_builder *s, int shift, ir_val v, ir_val by)
{
    switch (shift) {
    case ARM_LSL: return ir_shl(s, v, by);
    case ARM_LSR: return ir_shr(s, v, by);
    case ARM_ASR: return ir_sar(s, v, by);
    default: return ir_rotr(s, v, by);
    }
}

static ir_val shifted_reg(struct ir_builder *s, int sf, sem_reg r, int shift, sem_imm amount)
{
    ir_val v = arm_get(s, arm_type(sf), r);
    ir_val by = ir_imm(s, arm_type(sf), amount);

    return shifted(s, shift, v, by);
}

/* ExtendReg() */
static ir_val extended(struct ir_builder *s, int sf, sem_reg r, int option, sem_imm amount)
{
    enum ir_type from = arm_mem_type(option & 3), to = arm_type(sf);
    ir_val v = arm_get(s, from > to ? to : from, r);
    ir_val by = ir_imm(s, to, amount);
    ir_val wide = option & 4 ? ir_sext(s, to, v) : ir_zext(s, to, v);

    return ir_shl(s, wide, by);
}

/* --- addition and subtraction --- */

static void add_or_sub(struct ir_builder *s, int sub, int flags, sem_reg rd, ir_val x, ir_val y)
{
    ir_val r = sub ? ir_sub(s, x, y) : ir_add(s, x, y);

    if (flags) {
        ir_val no = ir_const(s, IR_I1, 0);
        struct arm_flags f = sub ? arm_flags_sub(s, x, y, no, r) : arm_flags_add(s, x, y, no, r);

        arm_set_flags(s, f);
    }
    if (flags != ARM_FLAGS_ALONE)
        arm_set(s, rd, r);
}

ARM_SEM(addsub_imm)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = ir_imm(s, arm_type(a->sf), a->imm);

    add_or_sub(s, a->sub, a->flags, a->rd, x, y);
}

ARM_SEM(addsub_shift)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = shifted_reg(s, a->sf, a->rm, a->shift, a->amount);

    add_or_sub(s, a->sub, a->flags, a->rd, x, y);
}

ARM_SEM(addsub_extend)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = extended(s, a->sf, a->rm, a->option, a->amount);

    add_or_sub(s, a->sub, a->flags, a->rd, x, y);
}

ARM_SEM(adc)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = arm_get(s, arm_type(a->sf), a->rm);
    ir_val c = ir_get(s, IR_I1, ARM_SLOT(c));
    ir_val in = a->sub ? ir_not(s, c) : c;
    ir_val wide = ir_zext(s, arm_type(a->sf), in);
    ir_val most = a->sub ? ir_sub(s, x, y) : ir_add(s, x, y);
    ir_val r = a->sub ? ir_sub(s, most, wide) : ir_add(s, most, wide);

    if (a->flags) {
        struct arm_flags f = a->sub ? arm_flags_sub(s, x, y, in, r) : arm_flags_add(s, x, y, in, r);

        arm_set_flags(s, f);
    }
    arm_set(s, a->rd, r);
}

/* --- logic --- */

static void logic(struct ir_builder *s, int op, int flags, sem_reg rd, ir_val x, ir_val y)
{
    ir_val r = op == ARM_AND ? ir_and(s, x, y) : op == ARM_ORR ? ir_or(s, x, y) : ir_xor(s, x, y);

    if (flags) {
        ir_val zero = arm_zero(s, r);
        struct arm_flags f;

        f.n = ir_lts(s, r, zero);
        f.z = ir_eq(s, r, zero);
        f.c = f.v = ir_const(s, IR_I1, 0);
        arm_set_flags(s, f);
    }
    if (flags != ARM_FLAGS_ALONE)
        arm_set(s, rd, r);
}

ARM_SEM(logical)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = shifted_reg(s, a->sf, a->rm, a->shift, a->amount);

    if (a->invert)
        y = ir_not(s, y);
    logic(s, a->op, a->flags, a->rd, x, y);
}

ARM_SEM(logical_imm)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = ir_imm(s, arm_type(a->sf), a->imm);

    logic(s, a->op, a->flags, a->rd, x, y);
}

/* --- moves and addresses --- */

ARM_SEM(mov_imm)
{
    ir_val v = ir_imm(s, IR_I64, a->imm);

    ir_set(s, a->rd, v);
}

ARM_SEM(movk)
{
    enum ir_type t = arm_type(a->sf);
    unsigned shift = 16 * (unsigned)a->hw;
    ir_val old = arm_get(s, t, a->old);
    ir_val v = ir_imm(s, IR_I16, a->imm);
    ir_val at = ir_const(s, t, shift);
    ir_val field = ir_const(s, t, 0xffffull << shift);
    ir_val r = ir_andn(s, old, field);

    v = ir_zext(s, t, v);
    v = ir_shl(s, v, at);
    r = ir_or(s, r, v);
    arm_set(s, a->rd, r);
}

ARM_SEM(adr)
{
    ir_val pc = ir_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);

    if (a->page) {
        ir_val page = ir_const(s, IR_I64, ~0xfffull);

        pc = ir_and(s, pc, page);
    }
    ir_val r = ir_add(s, pc, imm);

    ir_set(s, a->rd, r);
}

/* --- bit fields --- */

ARM_SEM(bitfield)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val left = ir_imm(s, arm_type(a->sf), a->left);
    ir_val right = ir_imm(s, arm_type(a->sf), a->right);
    ir_val top = ir_shl(s, x, left);
    ir_val r = a->sign ? ir_sar(s, top, right) : ir_shr(s, top, right);

    arm_set(s, a->rd, r);
}

ARM_SEM(bfm)
{
    ir_val old = arm_get(s, arm_type(a->sf), a->old);
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val mask = ir_imm(s, arm_type(a->sf), a->mask);
    ir_val by = ir_imm(s, arm_type(a->sf), a->by);
    ir_val turned = ir_rotr(s, x, by);
    ir_val put = ir_and(s, turned, mask);
    ir_val kept = ir_andn(s, old, mask);
    ir_val r = ir_or(s, kept, put);

    arm_set(s, a->rd, r);
}

/* rn:rm >> lsb; the upper part moves left in two steps, since lsb may be 0. */
ARM_SEM(extr)
{
    enum ir_type t = arm_type(a->sf);
    ir_val high = arm_get(s, t, a->rn);
    ir_val low = arm_get(s, t, a->rm);
    ir_val lsb = ir_imm(s, t, a->lsb);
    ir_val left = ir_imm(s, t, a->left);
    ir_val one = ir_const(s, t, 1);
    ir_val below = ir_shr(s, low, lsb);
    ir_val twice = ir_shl(s, high, one);
    ir_val above = ir_shl(s, twice, left);
    ir_val r = ir_or(s, above, below);

    arm_set(s, a->rd, r);
}

/* --- multiplication and division --- */

ARM_SEM(madd)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = arm_get(s, arm_type(a->sf), a->rm);
    ir_val sum = arm_get(s, arm_type(a->sf), a->ra);
    ir_val product = ir_mul(s, x, y);
    ir_val r = a->sub ? ir_sub(s, sum, product) : ir_add(s, sum, product);

    arm_set(s, a->rd, r);
}

ARM_SEM(maddl)
{
    ir_val x32 = arm_get(s, IR_I32, a->rn);
    ir_val y32 = arm_get(s, IR_I32, a->rm);
    ir_val sum = ir_get(s, IR_I64, a->ra);
    ir_val x = a->sign ? ir_sext(s, IR_I64, x32) : ir_zext(s, IR_I64, x32);
    ir_val y = a->sign ? ir_sext(s, IR_I64, y32) : ir_zext(s, IR_I64, y32);
    ir_val product = ir_mul(s, x, y);
    ir_val r = a->sub ? ir_sub(s, sum, product) : ir_add(s, sum, product);

    ir_set(s, a->rd, r);
}

ARM_SEM(mulh)
{
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val y = ir_get(s, IR_I64, a->rm);
    ir_val r = a->sign ? ir_mulhs(s, x, y) : ir_mulhu(s, x, y);

    ir_set(s, a->rd, r);
}

/* By 0 the result is 0; the lowest number by -1 is itself. */
ARM_SEM(div)
{
    enum ir_type t = arm_type(a->sf);
    ir_val x = arm_get(s, t, a->rn);
    ir_val y = arm_get(s, t, a->rm);
    ir_val zero = ir_const(s, t, 0);
    ir_val one = ir_const(s, t, 1);
    ir_val by_zero = ir_eq(s, y, zero);
    ir_val trouble = by_zero;

    if (a->sign) {
        ir_val lowest = ir_const(s, t, 1ull << (ir_type_bits(t) - 1));
        ir_val minus1 = ir_const(s, t, ~0ull);
        ir_val x_lowest = ir_eq(s, x, lowest);
        ir_val y_minus1 = ir_eq(s, y, minus1);
        ir_val overflow = ir_and(s, x_lowest, y_minus1);

        trouble = ir_or(s, by_zero, overflow);
    }
    ir_val safe = ir_select(s, trouble, one, y);
    ir_val quotient = a->sign ? ir_divs(s, x, safe) : ir_divu(s, x, safe);
    ir_val r = ir_select(s, by_zero, zero, quotient);

    arm_set(s, a->rd, r);
}

/* --- shifts by registers, one source --- */

ARM_SEM(shift)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val by = arm_get(s, arm_type(a->sf), a->rm);
    ir_val r = shifted(s, a->shift, x, by);

    arm_set(s, a->rd, r);
}

/* Every other `bits` bits, which `low` has, change places with those above them. */
static ir_val swapped(struct ir_builder *s, ir_val v, unsigned bits, u64 low)
{
    ir_val shift = ir_const(s, ir_type_of(s, v), bits);
    ir_val mask = ir_const(s, ir_type_of(s, v), low);
    ir_val down = ir_shr(s, v, shift);
    ir_val up = ir_and(s, v, mask);

    down = ir_and(s, down, mask);
    up = ir_shl(s, up, shift);
    return ir_or(s, down, up);
}

/* How many bits below the sign are like it: where neighbours differ first. */
static ir_val cls(struct ir_builder *s, ir_val v)
{
    ir_val one = ir_const(s, ir_type_of(s, v), 1);
    ir_val up = ir_shl(s, v, one);
    ir_val differ = ir_xor(s, v, up);
    ir_val bounded = ir_or(s, differ, one);

    return ir_clz(s, bounded);
}

static ir_val rbit(struct ir_builder *s, ir_val v)
{
    v = ir_bswap(s, v);
    v = swapped(s, v, 4, 0x0f0f0f0f0f0f0f0full);
    v = swapped(s, v, 2, 0x3333333333333333ull);
    return swapped(s, v, 1, 0x5555555555555555ull);
}

static ir_val one_source(struct ir_builder *s, int op, ir_val v)
{
    switch (op) {
    case ARM_RBIT: return rbit(s, v);
    case ARM_REV16: return swapped(s, v, 8, 0x00ff00ff00ff00ffull);
    case ARM_CLZ: return ir_clz(s, v);
    case ARM_CLS: return cls(s, v);
    default: return ir_bswap(s, v);
    }
}

ARM_SEM(one_source)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val r = one_source(s, a->op, x);

    if (a->op == ARM_REV32 && a->sf) {
        ir_val half = ir_const(s, IR_I64, 32);

        r = ir_rotr(s, r, half);
    }
    arm_set(s, a->rd, r);
}

ARM_SEM(crc32)
{
    ir_val sum32 = arm_get(s, IR_I32, a->rn);
    ir_val sum = ir_zext(s, IR_I64, sum32);
    ir_val v = ir_get(s, IR_I64, a->rm);
    ir_val bytes = ir_const(s, IR_I64, (u64)a->bytes);
    ir_val r = ir_call(s, a->castagnoli ? &arm_helper_crc32c : &arm_helper_crc32, sum, v, bytes);

    ir_set(s, a->rd, r);
}
