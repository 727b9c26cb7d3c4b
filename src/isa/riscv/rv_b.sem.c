/*
 * rv_b.sem.c - bit manipulation: Zba, Zbb, Zbs, Zbc, Zbkb, Zicond, and Zcb's extensions.
 */
#include "isa/riscv/sem.h"

RV_SEM(extend)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val v = ir_trunc(s, rv_int_type(a->size), x);

    if (a->sign)
        rv_set_sext(s, a->rd, v);
    else
        rv_set_zext(s, a->rd, v);
}

#define RV_BINARY(name, op)                                                                        \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val y = rv_x(s, a->rs2);                                                                \
        ir_val r = ir_##op(s, x, y);                                                               \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }
RV_BINARY(andn, andn)
RV_BINARY(maxs, maxs)
RV_BINARY(maxu, maxu)
RV_BINARY(mins, mins)
RV_BINARY(minu, minu)
RV_BINARY(rol, rotl)
RV_BINARY(ror, rotr)
RV_BINARY(clmul, clmul)
RV_BINARY(clmulh, clmulh)

#define RV_UNARY(name, get, op, set)                                                               \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = get(s, a->rs1);                                                                 \
        ir_val r = ir_##op(s, x);                                                                  \
                                                                                                   \
        set(s, a->rd, r);                                                                          \
    }
RV_UNARY(clz, rv_x, clz, ir_set)
RV_UNARY(ctz, rv_x, ctz, ir_set)
RV_UNARY(cpop, rv_x, popcnt, ir_set)
RV_UNARY(rev8, rv_x, bswap, ir_set)
RV_UNARY(clzw, rv_w, clz, rv_set_zext)
RV_UNARY(ctzw, rv_w, ctz, rv_set_zext)
RV_UNARY(cpopw, rv_w, popcnt, rv_set_zext)

/* rd = rs2 + (rs1 << shift), rs1 zero-extended from 32 bits when word. */
RV_SEM(shadd)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val low = ir_trunc(s, a->word ? IR_I32 : IR_I64, x);
    ir_val base = ir_zext(s, IR_I64, low);
    ir_val shift = ir_const(s, IR_I64, (u64)a->shift);
    ir_val scaled = ir_shl(s, base, shift);
    ir_val r = ir_add(s, scaled, y);

    ir_set(s, a->rd, r);
}

RV_SEM(slli_uw)
{
    ir_val w = rv_w(s, a->rs1);
    ir_val x = ir_zext(s, IR_I64, w);
    ir_val shift = ir_imm(s, IR_I64, a->imm);
    ir_val r = ir_shl(s, x, shift);

    ir_set(s, a->rd, r);
}

RV_SEM(orn)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val not_y = ir_not(s, y);
    ir_val r = ir_or(s, x, not_y);

    ir_set(s, a->rd, r);
}

RV_SEM(xnor)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val differ = ir_xor(s, x, y);
    ir_val r = ir_not(s, differ);

    ir_set(s, a->rd, r);
}

RV_SEM(rori)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val n = ir_imm(s, IR_I64, a->imm);
    ir_val r = ir_rotr(s, x, n);

    ir_set(s, a->rd, r);
}

RV_SEM(rolw)
{
    ir_val x = rv_w(s, a->rs1);
    ir_val n = rv_w(s, a->rs2);
    ir_val r = ir_rotl(s, x, n);

    rv_set_sext(s, a->rd, r);
}

RV_SEM(rorw)
{
    ir_val x = rv_w(s, a->rs1);
    ir_val n = rv_w(s, a->rs2);
    ir_val r = ir_rotr(s, x, n);

    rv_set_sext(s, a->rd, r);
}

RV_SEM(roriw)
{
    ir_val x = rv_w(s, a->rs1);
    ir_val n = ir_imm(s, IR_I32, a->imm);
    ir_val r = ir_rotr(s, x, n);

    rv_set_sext(s, a->rd, r);
}

/* Each byte becomes 0xff unless it is 0: the top bit of ((b & 0x7f) + 0x7f) | b tells, and
 * 0x80 * 2 - 1 is 0xff. */
RV_SEM(orc_b)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val low7 = ir_const(s, IR_I64, 0x7f7f7f7f7f7f7f7full);
    ir_val top = ir_const(s, IR_I64, 0x8080808080808080ull);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val seven = ir_const(s, IR_I64, 7);
    ir_val low = ir_and(s, x, low7);
    ir_val carried = ir_add(s, low, low7);
    ir_val any = ir_or(s, carried, x);
    ir_val flags = ir_and(s, any, top);
    ir_val twice = ir_shl(s, flags, one);
    ir_val unit = ir_shr(s, flags, seven);
    ir_val r = ir_sub(s, twice, unit);

    ir_set(s, a->rd, r);
}

RV_SEM(brev8)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val bits = ir_bitrev(s, x);
    ir_val r = ir_bswap(s, bits);

    ir_set(s, a->rd, r);
}

RV_SEM(pack)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val r = ir_deposit(s, x, y, 32, 32);

    ir_set(s, a->rd, r);
}

RV_SEM(packh)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val low = ir_trunc(s, IR_I16, x);
    ir_val high = ir_trunc(s, IR_I16, y);
    ir_val r = ir_deposit(s, low, high, 8, 8);

    rv_set_zext(s, a->rd, r);
}

RV_SEM(packw)
{
    ir_val x = rv_w(s, a->rs1);
    ir_val y = rv_w(s, a->rs2);
    ir_val r = ir_deposit(s, x, y, 16, 16);

    rv_set_sext(s, a->rd, r);
}

/* --- single bits; the number of the bit is taken modulo 64 --- */

static ir_val bit(struct ir_builder *s, ir_val n)
{
    ir_val one = ir_const(s, IR_I64, 1);

    return ir_shl(s, one, n);
}

#define RV_BIT(name, op)                                                                           \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val n = rv_x(s, a->rs2);                                                                \
        ir_val mask = bit(s, n);                                                                   \
        ir_val r = ir_##op(s, x, mask);                                                            \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }                                                                                              \
    RV_SEM(name##i)                                                                                \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val n = ir_imm(s, IR_I64, a->imm);                                                      \
        ir_val mask = bit(s, n);                                                                   \
        ir_val r = ir_##op(s, x, mask);                                                            \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }
RV_BIT(bclr, andn)
RV_BIT(binv, xor)
RV_BIT(bset, or)

static void extract(struct ir_builder *s, sem_reg rd, ir_val x, ir_val n)
{
    ir_val shifted = ir_shr(s, x, n);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val r = ir_and(s, shifted, one);

    ir_set(s, rd, r);
}

RV_SEM(bext)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val n = rv_x(s, a->rs2);

    extract(s, a->rd, x, n);
}

RV_SEM(bexti)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val n = ir_imm(s, IR_I64, a->imm);

    extract(s, a->rd, x, n);
}

/* Bits 126..63 of the carry-less product. */
RV_SEM(clmulr)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val low = ir_clmul(s, x, y);
    ir_val high = ir_clmulh(s, x, y);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val top = ir_const(s, IR_I64, 63);
    ir_val upper = ir_shl(s, high, one);
    ir_val lower = ir_shr(s, low, top);
    ir_val r = ir_or(s, upper, lower);

    ir_set(s, a->rd, r);
}

RV_SEM(czero)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val cond = a->nez ? ir_ne(s, y, zero) : ir_eq(s, y, zero);
    ir_val r = ir_select(s, cond, zero, x);

    ir_set(s, a->rd, r);
}
