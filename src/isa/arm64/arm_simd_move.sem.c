/*
 * arm_simd_move.sem.c - moves between registers and among elements, logic, immediates,
 * permutations (C4.1.96: copy, permute, extract, table lookup, modified immediate).
 */
#include "isa/arm64/simd.h"

/* --- one element to all, from and to general registers --- */

/* 64 bits of the same element. */
static ir_val replicate(struct ir_builder *s, int size, ir_val x)
{
    static const u64 ones[] = { 0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1 };
    ir_val wide = ir_zext(s, IR_I64, x);
    ir_val pattern = ir_const(s, IR_I64, ones[size]);

    return size == 3 ? wide : ir_mul(s, wide, pattern);
}

void arm_set_all(struct ir_builder *s, int q, int size, sem_reg rd, ir_val x)
{
    ir_val r = q == ARM_SCALAR ? ir_zext(s, IR_I64, x) : replicate(s, size, x);
    ir_val high = q == ARM_128 ? r : ir_const(s, IR_I64, 0);

    arm_set_halves(s, rd, r, high);
}

static ir_val lane(struct ir_builder *s, int size, sem_reg rn, sem_imm at)
{
    ir_val index = ir_imm(s, IR_I64, at);

    return ir_getx(s, arm_mem_type(size), rn, index, ARM_V_BYTES);
}

ARM_FP_SEM(v_dup_elem)
{
    ir_val x = lane(s, a->size, a->rn, a->at);

    arm_set_all(s, a->q, a->size, a->rd, x);
}

ARM_FP_SEM(v_dup_gp)
{
    ir_val x = ir_get(s, arm_mem_type(a->size), a->rn);

    arm_set_all(s, a->q, a->size, a->rd, x);
}

/* SMOV and UMOV; sign: to W, or to X. */
ARM_FP_SEM(v_mov_gp)
{
    ir_val x = lane(s, a->size, a->rn, a->at);
    ir_val r = a->sign ? ir_sext(s, arm_type(a->wide), x) : x;

    arm_set(s, a->rd, r);
}

ARM_FP_SEM(v_ins_gp)
{
    ir_val x = ir_get(s, arm_mem_type(a->size), a->rn);
    ir_val to = ir_imm(s, IR_I64, a->at);

    ir_setx(s, a->rd, to, x, ARM_V_BYTES);
}

ARM_FP_SEM(v_ins_elem)
{
    ir_val x = lane(s, a->size, a->rn, a->from);
    ir_val to = ir_imm(s, IR_I64, a->at);

    ir_setx(s, a->rd, to, x, ARM_V_BYTES);
}

/* --- logic, a half at a time --- */

static ir_val logic(struct ir_builder *s, int op, ir_val x, ir_val y, ir_val d)
{
    ir_val differ, chosen;

    switch (op) {
    case ARM_L_AND: return ir_and(s, x, y);
    case ARM_L_BIC: return ir_andn(s, x, y);
    case ARM_L_ORR: return ir_or(s, x, y);
    case ARM_L_ORN: y = ir_not(s, y); return ir_or(s, x, y);
    case ARM_L_EOR: return ir_xor(s, x, y);
    case ARM_L_BSL: /* by d between x and y */
        differ = ir_xor(s, x, y);
        chosen = ir_and(s, differ, d);
        return ir_xor(s, y, chosen);
    case ARM_L_BIT: /* x where y has ones */
        differ = ir_xor(s, d, x);
        chosen = ir_and(s, differ, y);
        return ir_xor(s, d, chosen);
    default:
        differ = ir_xor(s, d, x);
        chosen = ir_andn(s, differ, y);
        return ir_xor(s, d, chosen);
    }
}

ARM_FP_SEM(v_logic)
{
    for (unsigned at = 0; at < arm_bytes(a->q); at += ARM_D_BYTES) {
        ir_val x = ir_get(s, IR_I64, sem_reg_at(a->rn, at));
        ir_val y = ir_get(s, IR_I64, sem_reg_at(a->rm, at));
        ir_val d = ir_get(s, IR_I64, sem_reg_at(a->rd, at));
        ir_val r = logic(s, a->op, x, y, d);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
    if (a->q == ARM_64) {
        ir_val zero = ir_const(s, IR_I64, 0);

        ir_set(s, sem_reg_at(a->rd, ARM_D_BYTES), zero);
    }
}

ARM_FP_SEM(v_immediate)
{
    ir_val v = ir_imm(s, IR_I64, a->imm);

    for (unsigned at = 0; at < arm_bytes(a->q); at += ARM_D_BYTES) {
        ir_val d = ir_get(s, IR_I64, sem_reg_at(a->rd, at));
        ir_val r = a->op == ARM_I_MOVE ? v : a->op == ARM_I_ORR ? ir_or(s, d, v) : ir_andn(s, d, v);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
    if (a->q == ARM_64) {
        ir_val zero = ir_const(s, IR_I64, 0);

        ir_set(s, sem_reg_at(a->rd, ARM_D_BYTES), zero);
    }
}

/* --- permutations --- */

/* Which of two registers element i is from, and where there. */
static ir_val permuted(const struct arm_vec *v)
{
    const struct arm_args_v_permute *a = v->args;
    struct ir_builder *s = v->s;
    unsigned count = arm_bytes(a->q) >> a->size;
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val half = ir_const(s, IR_I64, count / 2);
    ir_val last = ir_const(s, IR_I64, count - 1);
    ir_val part = ir_const(s, IR_I64, a->op == ARM_P_ZIP ? (u64)a->part * count / 2 : (u64)a->part);
    ir_val odd = ir_trunc(s, IR_I1, v->i);
    ir_val second = a->op == ARM_P_UZP ? ir_leu(s, half, v->i) : odd;
    ir_val at = a->op == ARM_P_UZP   ? ir_shl(s, v->i, one)
                : a->op == ARM_P_TRN ? ir_andn(s, v->i, one)
                                     : ir_shr(s, v->i, one);
    ir_val placed = ir_add(s, at, part);
    ir_val within = ir_and(s, placed, last);
    ir_val n = arm_elem_at(v, a->size, a->rn, within);
    ir_val m = arm_elem_at(v, a->size, a->rm, within);

    return ir_select(s, second, m, n);
}

ARM_FP_SEM(v_permute)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, permuted);
}

/* Elements of 1 << size bytes in reverse within `container`, likewise a logarithm. */
static ir_val reversed(const struct arm_vec *v)
{
    const struct arm_args_v_rev *a = v->args;
    ir_val turn = ir_const(v->s, IR_I64, (1u << (a->container - a->size)) - 1);
    ir_val from = ir_xor(v->s, v->i, turn);

    return arm_elem_at(v, a->size, a->rn, from);
}

ARM_FP_SEM(v_rev)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = a->size };

    arm_collect(&v, a->rd, reversed);
}

/* Byte i + by of m:n. */
static ir_val extracted(const struct arm_vec *v)
{
    const struct arm_args_v_ext *a = v->args;
    struct ir_builder *s = v->s;
    ir_val by = ir_imm(s, IR_I64, a->by);
    ir_val count = ir_const(s, IR_I64, arm_bytes(a->q));
    ir_val last = ir_const(s, IR_I64, arm_bytes(a->q) - 1);
    ir_val at = ir_add(s, v->i, by);
    ir_val second = ir_leu(s, count, at);
    ir_val within = ir_and(s, at, last);
    ir_val n = arm_elem_at(v, 0, a->rn, within);
    ir_val m = arm_elem_at(v, 0, a->rm, within);

    return ir_select(s, second, m, n);
}

ARM_FP_SEM(v_ext)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 0 };

    arm_collect(&v, a->rd, extracted);
}

/* TBL: bytes by their number in up to four registers, 0 where there is none; TBX leaves those. */
static ir_val looked_up(const struct arm_vec *v)
{
    const struct arm_args_v_table *a = v->args;
    const sem_reg table[] = { a->t0, a->t1, a->t2, a->t3 };
    struct ir_builder *s = v->s;
    ir_val four = ir_const(s, IR_I8, 4);
    ir_val fifteen = ir_const(s, IR_I64, ARM_V_BYTES - 1);
    ir_val index8 = arm_elem(v, 0, a->rm, 0);
    ir_val index = ir_zext(s, IR_I64, index8);
    ir_val within = ir_and(s, index, fifteen);
    ir_val which = ir_shr(s, index8, four);
    ir_val r = a->extend ? arm_elem(v, 0, a->rd, 0) : ir_const(s, IR_I8, 0);

    for (unsigned i = 0; i <= (unsigned)a->len; i++) {
        ir_val number = ir_const(s, IR_I8, i);
        ir_val here = ir_eq(s, which, number);
        ir_val x = ir_getx(s, IR_I8, table[i], within, ARM_V_BYTES);

        r = ir_select(s, here, x, r);
    }
    return r;
}

ARM_FP_SEM(v_table)
{
    struct arm_vec v = { .s = s, .args = a, .q = a->q, .size = 0 };

    arm_collect(&v, a->rd, looked_up);
}
