/*
 * rv_m.sem.c - multiplication and division (M extension).
 */
#include "isa/riscv/sem.h"

#define RV_MUL(name, op)                                                                           \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val y = rv_x(s, a->rs2);                                                                \
        ir_val r = ir_##op(s, x, y);                                                               \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }
RV_MUL(mul, mul)
RV_MUL(mulh, mulhs)
RV_MUL(mulhsu, mulhsu)
RV_MUL(mulhu, mulhu)

RV_SEM(mulw)
{
    ir_val x = rv_w(s, a->rs1);
    ir_val y = rv_w(s, a->rs2);
    ir_val r = ir_mul(s, x, y);

    rv_set_sext(s, a->rd, r);
}

/* A divisor that never traps: 1 where d is zero or where n / d would overflow. Dividing by
 * 1 instead of -1 gives the lowest number for the quotient and 0 for the remainder, which
 * is what the overflow is defined to give. */
static ir_val safe_divisor(struct ir_builder *s, enum ir_type t, bool sign, ir_val n, ir_val d,
                           ir_val by_zero)
{
    ir_val one = ir_const(s, t, 1);

    if (!sign)
        return ir_select(s, by_zero, one, d);
    ir_val lowest = ir_const(s, t, 1ull << (ir_type_bits(t) - 1));
    ir_val minus1 = ir_const(s, t, ~0ull);
    ir_val n_is_lowest = ir_eq(s, n, lowest);
    ir_val d_is_minus1 = ir_eq(s, d, minus1);
    ir_val overflow = ir_and(s, n_is_lowest, d_is_minus1);
    ir_val trouble = ir_or(s, by_zero, overflow);

    return ir_select(s, trouble, one, d);
}

static ir_val operand(struct ir_builder *s, sem_reg r, bool word)
{
    return word ? rv_w(s, r) : rv_x(s, r);
}

/* x / 0 is all ones. */
RV_SEM(div)
{
    enum ir_type t = a->word ? IR_I32 : IR_I64;
    ir_val n = operand(s, a->rs1, a->word);
    ir_val d = operand(s, a->rs2, a->word);
    ir_val zero = ir_const(s, t, 0);
    ir_val ones = ir_const(s, t, ~0ull);
    ir_val by_zero = ir_eq(s, d, zero);
    ir_val safe = safe_divisor(s, t, a->sign, n, d, by_zero);
    ir_val quotient = a->sign ? ir_divs(s, n, safe) : ir_divu(s, n, safe);
    ir_val r = ir_select(s, by_zero, ones, quotient);

    rv_set_sext(s, a->rd, r);
}

/* x % 0 is x. */
RV_SEM(rem)
{
    enum ir_type t = a->word ? IR_I32 : IR_I64;
    ir_val n = operand(s, a->rs1, a->word);
    ir_val d = operand(s, a->rs2, a->word);
    ir_val zero = ir_const(s, t, 0);
    ir_val by_zero = ir_eq(s, d, zero);
    ir_val safe = safe_divisor(s, t, a->sign, n, d, by_zero);
    ir_val remainder = a->sign ? ir_rems(s, n, safe) : ir_remu(s, n, safe);
    ir_val r = ir_select(s, by_zero, n, remainder);

    rv_set_sext(s, a->rd, r);
}
