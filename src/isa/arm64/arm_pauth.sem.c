/*
 * arm_pauth.sem.c - pointer authentication: codes in pointers, put there and checked (D8.10).
 */
#include "isa/arm64/pauth.h"
#include "isa/arm64/sem.h"

static ir_val key_of(struct ir_builder *s, int key, bool combined)
{
    return ir_const(s, IR_I64, (u64)(key | (combined ? ARM_KEY_COMBINED : 0)));
}

/* Authenticated in an instruction that goes on with it. */
static ir_val checked(struct ir_builder *s, ir_val pointer, ir_val modifier, int key)
{
    ir_val how = key_of(s, key, true);

    return ir_call(s, &arm_helper_pauth_check, pointer, modifier, how);
}

/* --- in place, of pointers to code --- */

static ir_val folded_product(struct ir_builder *s, ir_val a, ir_val b)
{
    ir_val low = ir_mul(s, a, b);
    ir_val high = ir_mulhu(s, a, b);

    return ir_xor(s, low, high);
}

static ir_val code_of(struct ir_builder *s, int key, ir_val pointer, ir_val modifier)
{
    sem_reg keys = sem_reg_at(ARM_SLOT(pauth_key), 16 * (unsigned)key);
    ir_val lo = ir_get(s, IR_I64, keys);
    ir_val hi = ir_get(s, IR_I64, sem_reg_at(keys, 8));
    ir_val by_first = ir_const(s, IR_I64, ARM_PAUTH_FIRST);
    ir_val by_second = ir_const(s, IR_I64, ARM_PAUTH_SECOND);
    ir_val first = ir_xor(s, pointer, lo);
    ir_val second = ir_xor(s, modifier, hi);

    by_first = ir_xor(s, by_first, hi);
    first = folded_product(s, first, by_first);
    second = ir_xor(s, second, first);
    by_second = ir_xor(s, by_second, lo);
    return folded_product(s, second, by_second);
}

/* A pointer whose half is known: all ones for the upper. */
struct pointer {
    ir_val half, mask; /* the bits that are alike in one without a code */
    ir_val plain;      /* such a one */
    ir_val code;       /* its code, where codes are */
};

static struct pointer pointer_of(struct ir_builder *s, ir_val v, ir_val half, ir_val modifier,
                                 int key)
{
    ir_val sign = ir_get(s, IR_I64, ARM_SLOT(pauth_sign));
    ir_val other = ir_get(s, IR_I64, ARM_SLOT(pauth_other));
    ir_val but_half = ir_const(s, IR_I64, ~(1ull << ARM_PAUTH_HALF_BIT));
    struct pointer p = { .half = half };
    ir_val upper;

    other = ir_and(s, other, half);
    p.mask = ir_xor(s, sign, other);
    upper = ir_and(s, p.mask, half);
    p.plain = ir_andn(s, v, p.mask);
    p.plain = ir_or(s, p.plain, upper);
    p.code = code_of(s, key, p.plain, modifier);
    p.code = ir_and(s, p.code, p.mask);
    p.code = ir_and(s, p.code, but_half);
    return p;
}

/* All ones where the bit is one that is on top after the shift. */
static ir_val half_by(struct ir_builder *s, ir_val v, ir_val shift)
{
    ir_val by = ir_const(s, IR_I64, 63);

    v = ir_shl(s, v, shift);
    return ir_sar(s, v, by);
}

/* arm_do_pauth_check() */
static ir_val checked_in_place(struct ir_builder *s, ir_val v, ir_val modifier, int key)
{
    ir_val shift = ir_const(s, IR_I64, 63 - ARM_PAUTH_HALF_BIT);
    ir_val half = half_by(s, v, shift);
    struct pointer p = pointer_of(s, v, half, modifier, key);
    ir_val found = ir_xor(s, v, p.code);
    ir_val wrong = ir_ne(s, found, p.plain);
    ir_val syndrome = ir_const(s, IR_I64, arm_pauth_syndrome((unsigned)key));

    ir_raise_if(s, wrong, ARM_EC_PAC_FAIL, syndrome);
    return p.plain;
}

/* arm_do_pauth_sign() */
static ir_val signed_in_place(struct ir_builder *s, ir_val v, ir_val modifier, int key)
{
    ir_val shift = ir_get(s, IR_I64, ARM_SLOT(pauth_shift));
    ir_val half = half_by(s, v, shift);
    struct pointer p = pointer_of(s, v, half, modifier, key);
    ir_val with = ir_xor(s, v, p.code);
    ir_val bit = ir_const(s, IR_I64, 1ull << ARM_PAUTH_HALF_BIT);

    with = ir_andn(s, with, bit);
    bit = ir_and(s, bit, half);
    return ir_or(s, with, bit);
}

ARM_SEM(pac)
{
    bool only_ia = a->in_place && a->off;
    ir_val pointer, modifier, how, v;

    if (only_ia ? a->key != ARM_KEY_IA : a->off)
        return;
    pointer = ir_get(s, IR_I64, a->old);
    modifier = ir_get(s, IR_I64, a->rn);
    if (a->in_place && a->auth) {
        v = checked_in_place(s, pointer, modifier, a->key);
    } else if (a->in_place) {
        v = signed_in_place(s, pointer, modifier, a->key);
    } else {
        how = key_of(s, a->key, false);
        v = ir_call(s, a->auth ? &arm_helper_pauth_check : &arm_helper_pauth_sign, pointer,
                    modifier, how);
    }
    ir_set(s, a->rd, v);
}

ARM_SEM(xpac)
{
    ir_val pointer = ir_get(s, IR_I64, a->old);
    ir_val data = ir_const(s, IR_I64, (u64)a->data);
    ir_val v = ir_call(s, &arm_helper_pauth_strip, pointer, data, IR_NOVAL);

    ir_set(s, a->rd, v);
}

ARM_SEM(pacga)
{
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val y = ir_get(s, IR_I64, a->rm);
    ir_val v = ir_call(s, &arm_helper_pauth_generic, x, y, IR_NOVAL);

    ir_set(s, a->rd, v);
}

ARM_SEM(bra)
{
    ir_val pointer = ir_get(s, IR_I64, a->rn);
    ir_val modifier = ir_get(s, IR_I64, a->rm);
    ir_val to = checked(s, pointer, modifier, a->key);

    if (a->guard)
        arm_look_at_target(s, to, a->raw);
    if (a->kind == IR_JUMP_CALL) {
        ir_val next = ir_next_pc(s);

        ir_set(s, ARM_SLOT(x[30]), next);
    }
    ir_jump(s, to, (enum ir_jump)a->kind);
}

ARM_SEM(ereta)
{
    ir_val how = key_of(s, a->key, true);

    ir_call(s, &arm_helper_eret_checked, how, IR_NOVAL, IR_NOVAL);
}

ARM_SEM(ldra)
{
    struct ir_mem plain = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val pointer = checked(s, base, zero, a->key);
    ir_val offset = ir_imm(s, IR_I64, a->imm);
    ir_val at = ir_add(s, pointer, offset);
    ir_val v = ir_load(s, IR_I64, at, plain);

    arm_set(s, a->rt, v);
    if (a->pre)
        ir_set(s, a->rn, at);
}
