/*
 * arm_flags.sem.c - NZCV: conditions, conditional compares and selects, flag manipulation.
 *
 * Each flag is an i1 slot that ordinary arithmetic sets; one that nobody reads dies
 * (docs/design/0001-ir.md).
 */
#include "isa/arm64/sem.h"

static ir_val get_flag(struct ir_builder *s, sem_reg slot)
{
    return ir_get(s, IR_I1, slot);
}

/* ConditionHolds() for even conditions (C1.2.4). */
static ir_val even_condition(struct ir_builder *s, int cond)
{
    switch (cond >> 1) {
    case 0: return get_flag(s, ARM_SLOT(z));
    case 1: return get_flag(s, ARM_SLOT(c));
    case 2: return get_flag(s, ARM_SLOT(n));
    case 3: return get_flag(s, ARM_SLOT(v));
    case 7: return ir_const(s, IR_I1, 1);
    default: break;
    }
    ir_val z = get_flag(s, ARM_SLOT(z));

    if (cond >> 1 == 4) {
        ir_val c = get_flag(s, ARM_SLOT(c));

        return ir_andn(s, c, z);
    }
    ir_val n = get_flag(s, ARM_SLOT(n));
    ir_val v = get_flag(s, ARM_SLOT(v));
    ir_val same = ir_eq(s, n, v);

    return cond >> 1 == 5 ? same : ir_andn(s, same, z);
}

ir_val arm_condition(struct ir_builder *s, int cond)
{
    ir_val holds = even_condition(s, cond);

    return cond & 1 && cond != 15 ? ir_not(s, holds) : holds;
}

void arm_set_flags(struct ir_builder *s, struct arm_flags f)
{
    ir_set(s, ARM_SLOT(n), f.n);
    ir_set(s, ARM_SLOT(z), f.z);
    ir_set(s, ARM_SLOT(c), f.c);
    ir_set(s, ARM_SLOT(v), f.v);
}

static struct arm_flags sign_and_zero(struct ir_builder *s, ir_val r)
{
    ir_val zero = arm_zero(s, r);
    struct arm_flags f;

    f.n = ir_lts(s, r, zero);
    f.z = ir_eq(s, r, zero);
    f.c = f.v = ir_const(s, IR_I1, 0);
    return f;
}

struct arm_flags arm_flags_add(struct ir_builder *s, ir_val x, ir_val y, ir_val carry, ir_val r)
{
    struct arm_flags f = sign_and_zero(s, r);

    f.c = ir_carry(s, x, y, carry);
    f.v = ir_addovf(s, x, y, carry);
    return f;
}

struct arm_flags arm_flags_sub(struct ir_builder *s, ir_val x, ir_val y, ir_val borrow, ir_val r)
{
    struct arm_flags f = sign_and_zero(s, r);
    ir_val out = ir_borrow(s, x, y, borrow);

    f.c = ir_not(s, out);
    f.v = ir_subovf(s, x, y, borrow);
    return f;
}

/* --- conditional compare --- */

/* One bit of the immediate. */
static ir_val nzcv_bit(struct ir_builder *s, sem_imm nzcv, unsigned bit)
{
    ir_val all = ir_imm(s, IR_I64, nzcv);
    ir_val by = ir_const(s, IR_I64, bit);
    ir_val down = ir_shr(s, all, by);

    return ir_trunc(s, IR_I1, down);
}

struct arm_flags arm_flags_imm(struct ir_builder *s, sem_imm nzcv)
{
    struct arm_flags f;

    f.n = nzcv_bit(s, nzcv, 3);
    f.z = nzcv_bit(s, nzcv, 2);
    f.c = nzcv_bit(s, nzcv, 1);
    f.v = nzcv_bit(s, nzcv, 0);
    return f;
}

/* Compares when the condition holds, else the flags are the immediate. */
static void compare_if(struct ir_builder *s, int cond, int sub, ir_val x, ir_val y, sem_imm nzcv)
{
    ir_val holds = arm_condition(s, cond);
    ir_val no = ir_const(s, IR_I1, 0);
    ir_val r = sub ? ir_sub(s, x, y) : ir_add(s, x, y);
    struct arm_flags f = sub ? arm_flags_sub(s, x, y, no, r) : arm_flags_add(s, x, y, no, r);
    struct arm_flags given = arm_flags_imm(s, nzcv);

    f.n = ir_select(s, holds, f.n, given.n);
    f.z = ir_select(s, holds, f.z, given.z);
    f.c = ir_select(s, holds, f.c, given.c);
    f.v = ir_select(s, holds, f.v, given.v);
    arm_set_flags(s, f);
}

ARM_SEM(ccmp)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = arm_get(s, arm_type(a->sf), a->rm);

    compare_if(s, a->cond, a->sub, x, y, a->nzcv);
}

ARM_SEM(ccmp_imm)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = ir_imm(s, arm_type(a->sf), a->imm);

    compare_if(s, a->cond, a->sub, x, y, a->nzcv);
}

/* --- conditional select --- */

static ir_val otherwise(struct ir_builder *s, int what, ir_val v)
{
    if (what == ARM_CSINV)
        return ir_not(s, v);
    if (what == ARM_CSNEG)
        return ir_neg(s, v);
    if (what == ARM_CSEL)
        return v;
    ir_val one = ir_const(s, ir_type_of(s, v), 1);

    return ir_add(s, v, one);
}

ARM_SEM(csel)
{
    ir_val holds = arm_condition(s, a->cond);
    ir_val x = arm_get(s, arm_type(a->sf), a->rn);
    ir_val y = arm_get(s, arm_type(a->sf), a->rm);
    ir_val no = otherwise(s, a->what, y);
    ir_val r = ir_select(s, holds, x, no);

    arm_set(s, a->rd, r);
}

/* --- FlagM and FlagM2 --- */

/* Bits of v go to the flags that the mask names. */
ARM_SEM(rmif)
{
    static const struct {
        u16 slot;
        u8 bit;
    } flags[] = { { offsetof(struct arm_state, n), 3 },
                  { offsetof(struct arm_state, z), 2 },
                  { offsetof(struct arm_state, c), 1 },
                  { offsetof(struct arm_state, v), 0 } };
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val by = ir_imm(s, IR_I64, a->by);
    ir_val turned = ir_rotr(s, x, by);

    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        sem_reg slot = { -1, flags[i].slot };
        ir_val chosen = nzcv_bit(s, a->mask, flags[i].bit);
        ir_val place = ir_const(s, IR_I64, flags[i].bit);
        ir_val down = ir_shr(s, turned, place);
        ir_val now = ir_trunc(s, IR_I1, down);
        ir_val old = get_flag(s, slot);
        ir_val v = ir_select(s, chosen, now, old);

        ir_set(s, slot, v);
    }
}

/* N and Z of the low bits; V where the bit above differs from the sign. */
ARM_SEM(setf)
{
    ir_val x = arm_get(s, IR_I32, a->rn);
    ir_val bits = ir_const(s, IR_I32, (u64)a->bits);
    ir_val last = ir_const(s, IR_I32, (u64)a->bits - 1);
    ir_val low = ir_trunc(s, a->bits == 8 ? IR_I8 : IR_I16, x);
    ir_val zero = arm_zero(s, low);
    ir_val above = ir_shr(s, x, bits);
    ir_val top = ir_shr(s, x, last);
    ir_val differ = ir_xor(s, above, top);
    ir_val n = ir_trunc(s, IR_I1, top);
    ir_val z = ir_eq(s, low, zero);
    ir_val v = ir_trunc(s, IR_I1, differ);

    ir_set(s, ARM_SLOT(n), n);
    ir_set(s, ARM_SLOT(z), z);
    ir_set(s, ARM_SLOT(v), v);
}

ARM_SEM(cfinv)
{
    ir_val c = get_flag(s, ARM_SLOT(c));
    ir_val r = ir_not(s, c);

    ir_set(s, ARM_SLOT(c), r);
}

/* From the alternative floating-point form of a comparison, and to it (C6.2.422, C6.2.29). */
ARM_SEM(xaflag)
{
    ir_val c = get_flag(s, ARM_SLOT(c));
    ir_val z = get_flag(s, ARM_SLOT(z));
    ir_val either = ir_or(s, c, z);
    struct arm_flags f;

    f.n = ir_not(s, either);
    f.z = ir_and(s, z, c);
    f.c = either;
    f.v = ir_andn(s, z, c);
    arm_set_flags(s, f);
}

ARM_SEM(axflag)
{
    ir_val c = get_flag(s, ARM_SLOT(c));
    ir_val z = get_flag(s, ARM_SLOT(z));
    ir_val v = get_flag(s, ARM_SLOT(v));
    struct arm_flags f;

    f.n = f.v = ir_const(s, IR_I1, 0);
    f.z = ir_or(s, z, v);
    f.c = ir_andn(s, c, v);
    arm_set_flags(s, f);
}
