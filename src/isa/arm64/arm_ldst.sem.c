/*
 * arm_ldst.sem.c - loads, stores and atomics of general registers (C4.1.94).
 *
 * Plain accesses may be at any address. Ordered ones and atomics may where they stay within
 * aligned 16 bytes (LSE2); exclusives are naturally aligned. LDAR, STLR
 * and their like are sequentially consistent among themselves, LDAPR acquires only.
 */
#include "isa/arm64/sem.h"

static const struct ir_mem PLAIN = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };

static struct ir_mem exclusive(int ordered)
{
    return (struct ir_mem){ .mmu = IR_MMU_DATA,
                            .align = IR_ALIGN_NATURAL,
                            .order = ordered ? IR_SEQ_CST : IR_RELAXED };
}

static struct ir_mem within16(enum ir_order order)
{
    return (struct ir_mem){ .mmu = IR_MMU_DATA, .align = IR_ALIGN_16, .order = (u8)order };
}

static struct ir_mem how(int mode)
{
    struct ir_mem m = PLAIN;

    if (mode == ARM_UNPRIV)
        m.mmu = IR_MMU_UNPRIV;
    return m;
}

/* --- addresses --- */

/* The address accessed; what the base becomes is in *next, for modes that write it back. */
static ir_val address(struct ir_builder *s, int mode, sem_reg rn, sem_imm sp, sem_imm imm,
                      ir_val *next)
{
    ir_val base = arm_base(s, rn, sp);
    ir_val offset = ir_imm(s, IR_I64, imm);
    ir_val sum = ir_add(s, base, offset);

    *next = sum;
    return mode == ARM_POST ? base : sum;
}

static void write_back(struct ir_builder *s, int mode, sem_reg rn, ir_val next)
{
    if (mode == ARM_POST || mode == ARM_PRE)
        ir_set(s, rn, next);
}

static ir_val indexed(struct ir_builder *s, int option, sem_reg rn, sem_imm sp, sem_reg rm,
                      sem_imm shift)
{
    ir_val base = arm_base(s, rn, sp);
    ir_val v = arm_get(s, option & 1 ? IR_I64 : IR_I32, rm);
    ir_val wide = option & 4 ? ir_sext(s, IR_I64, v) : ir_zext(s, IR_I64, v);
    ir_val by = ir_imm(s, IR_I64, shift);
    ir_val offset = ir_shl(s, wide, by);

    return ir_add(s, base, offset);
}

/* --- single registers --- */

static void set_loaded(struct ir_builder *s, int sign, int narrow, sem_reg rt, ir_val v)
{
    ir_val r = sign ? ir_sext(s, narrow ? IR_I32 : IR_I64, v) : v;

    arm_set(s, rt, r);
}

ARM_SEM(load)
{
    ir_val next;
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm, &next);
    ir_val v =
        ir_load(s, arm_mem_type(a->size), at, a->ordered ? within16(IR_ACQUIRE) : how(a->mode));

    set_loaded(s, a->sign, a->narrow, a->rt, v);
    write_back(s, a->mode, a->rn, next);
}

ARM_SEM(store)
{
    ir_val next;
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm, &next);
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rt);

    ir_store(s, at, v, a->ordered ? within16(IR_SEQ_CST) : how(a->mode));
    write_back(s, a->mode, a->rn, next);
}

ARM_SEM(load_index)
{
    ir_val at = indexed(s, a->option, a->rn, a->sp, a->rm, a->shift);
    ir_val v = ir_load(s, arm_mem_type(a->size), at, PLAIN);

    set_loaded(s, a->sign, a->narrow, a->rt, v);
}

ARM_SEM(store_index)
{
    ir_val at = indexed(s, a->option, a->rn, a->sp, a->rm, a->shift);
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rt);

    ir_store(s, at, v, PLAIN);
}

ARM_SEM(load_literal)
{
    ir_val pc = ir_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);
    ir_val at = ir_add(s, pc, imm);
    ir_val v = ir_load(s, arm_type(a->wide), at, PLAIN);

    set_loaded(s, a->sign, 0, a->rt, v);
}

ARM_SEM(prefetch_index)
{
}

/* --- pairs --- */

static ir_val join(struct ir_builder *s, ir_val low, ir_val high)
{
    if (ir_type_of(s, low) == IR_I64)
        return ir_concat64(s, low, high);
    ir_val shift = ir_const(s, IR_I64, 32);
    ir_val wide = ir_zext(s, IR_I64, low);
    ir_val above = ir_zext(s, IR_I64, high);

    above = ir_shl(s, above, shift);
    return ir_or(s, wide, above);
}

static ir_val get_pair(struct ir_builder *s, int sf, sem_reg low, sem_reg high)
{
    ir_val lo = arm_get(s, arm_type(sf), low);
    ir_val hi = arm_get(s, arm_type(sf), high);

    return join(s, lo, hi);
}

static ir_val upper_half(struct ir_builder *s, int sf, ir_val v)
{
    if (sf)
        return ir_high64(s, v);
    ir_val half = ir_const(s, IR_I64, 32);
    ir_val down = ir_shr(s, v, half);

    return ir_trunc(s, IR_I32, down);
}

static void set_pair(struct ir_builder *s, int sf, sem_reg low, sem_reg high, ir_val v)
{
    ir_val lo = ir_trunc(s, arm_type(sf), v);
    ir_val hi = upper_half(s, sf, v);

    arm_set(s, low, lo);
    arm_set(s, high, hi);
}

static enum ir_type pair_type(int sf)
{
    return sf ? IR_I128 : IR_I64;
}

/* Where the second register of a pair is. */
static ir_val second(struct ir_builder *s, int sf, ir_val at)
{
    ir_val size = ir_const(s, IR_I64, sf ? 8 : 4);

    return ir_add(s, at, size);
}

/* Two accesses, each atomic by itself (B2.2.1): engines make one check of them. Nothing has
 * changed when the second one faults, and a first store is done again with the same value. */
ARM_SEM(load_pair)
{
    ir_val next;
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm, &next);
    ir_val at2 = second(s, a->sf, at);
    ir_val v = ir_load(s, arm_type(a->sf), at, PLAIN);
    ir_val v2 = ir_load(s, arm_type(a->sf), at2, PLAIN);

    set_loaded(s, a->sign, 0, a->rt, v);
    set_loaded(s, a->sign, 0, a->rt2, v2);
    write_back(s, a->mode, a->rn, next);
}

ARM_SEM(store_pair)
{
    ir_val next;
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm, &next);
    ir_val at2 = second(s, a->sf, at);
    ir_val v = arm_get(s, arm_type(a->sf), a->rt);
    ir_val v2 = arm_get(s, arm_type(a->sf), a->rt2);

    ir_store(s, at, v, PLAIN);
    ir_store(s, at2, v2, PLAIN);
    write_back(s, a->mode, a->rn, next);
}

/* --- exclusives --- */

ARM_SEM(ldxr)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val v = ir_ll(s, arm_mem_type(a->size), at, exclusive(a->ordered));

    arm_set(s, a->rt, v);
}

ARM_SEM(ldxp)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val v = ir_ll(s, pair_type(a->sf), at, exclusive(a->ordered));

    set_pair(s, a->sf, a->rt, a->rt2, v);
}

/* The status is 0 when it stored. */
static void store_exclusive(struct ir_builder *s, sem_reg rs, sem_reg rn, sem_imm sp, ir_val v,
                            int ordered)
{
    ir_val at = arm_base(s, rn, sp);
    ir_val stored = ir_sc(s, at, v, exclusive(ordered));
    ir_val failed = ir_not(s, stored);

    arm_set(s, rs, failed);
}

ARM_SEM(stxr)
{
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rt);

    store_exclusive(s, a->rs, a->rn, a->sp, v, a->ordered);
}

ARM_SEM(stxp)
{
    ir_val v = get_pair(s, a->sf, a->rt, a->rt2);

    store_exclusive(s, a->rs, a->rn, a->sp, v, a->ordered);
}

ARM_SEM(clrex)
{
    ir_clrex(s);
}

/* --- acquire, release, atomics --- */

ARM_SEM(ldar)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val v = ir_load(s, arm_mem_type(a->size), at, within16((enum ir_order)a->order));

    arm_set(s, a->rt, v);
}

ARM_SEM(stlr)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rt);

    ir_store(s, at, v, within16(IR_SEQ_CST));
}

static enum ir_order order_of(int acquire, int release)
{
    return acquire && release ? IR_SEQ_CST
           : acquire          ? IR_ACQUIRE
           : release          ? IR_RELEASE
                              : IR_RELAXED;
}

ARM_SEM(atomic)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val v = arm_get(s, arm_mem_type(a->size), a->rs);
    bool clear = a->f == ARM_RMW_CLR;

    if (clear)
        v = ir_not(s, v);
    ir_val old =
        ir_rmw(s, clear ? IR_RMW_AND : (enum ir_rmw)a->f, at, v, within16(order_of(a->a, a->r)));

    arm_set(s, a->rt, old);
}

ARM_SEM(cas)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val expected = arm_get(s, arm_mem_type(a->size), a->rs);
    ir_val desired = arm_get(s, arm_mem_type(a->size), a->rt);
    ir_val old = ir_cas(s, at, expected, desired, within16(order_of(a->a, a->r)));

    arm_set(s, a->old, old);
}

ARM_SEM(casp)
{
    ir_val at = arm_base(s, a->rn, a->sp);
    ir_val expected = get_pair(s, a->sf, a->rs, a->rs2);
    ir_val desired = get_pair(s, a->sf, a->rt, a->rt2);
    ir_val old = ir_cas(s, at, expected, desired, within16(order_of(a->a, a->r)));

    set_pair(s, a->sf, a->old, a->old2, old);
}
