/*
 * arm_simd_ldst.sem.c - loads and stores of V registers (C4.1.94).
 *
 * 16 bytes are two accesses of 8, which is as much as is atomic (B2.2.1). Nothing has changed
 * when a load faults; stores in front of one that faults are done again with the same values.
 */
#include "isa/arm64/simd.h"

enum { QUAD = 4 }; /* logarithm of its bytes */

static const struct ir_mem PLAIN = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };

/* An access to one of several pieces; what must be aligned is `unit`, a logarithm. */
static struct ir_mem piece(int unit)
{
    struct ir_mem m = PLAIN;

    m.access = IR_UNIT(unit);
    return m;
}

static ir_val plus(struct ir_builder *s, ir_val at, unsigned bytes)
{
    ir_val by = ir_const(s, IR_I64, bytes);

    return ir_add(s, at, by);
}

/* --- one register --- */

/* unit: logarithm of the bytes that must be aligned where alignment matters. */
static void load(struct ir_builder *s, int size, int unit, sem_reg rt, ir_val at)
{
    if (size < QUAD) {
        ir_val v = ir_load(s, arm_mem_type(size), at, piece(unit));

        arm_set_v(s, rt, v);
        return;
    }
    ir_val at2 = plus(s, at, ARM_D_BYTES);
    ir_val low = ir_load(s, IR_I64, at, piece(unit));
    ir_val high = ir_load(s, IR_I64, at2, piece(unit < 3 ? unit : 3));

    arm_set_halves(s, rt, low, high);
}

static void store(struct ir_builder *s, int size, int unit, sem_reg rt, ir_val at)
{
    if (size < QUAD) {
        ir_val v = ir_get(s, arm_mem_type(size), rt);

        ir_store(s, at, v, piece(unit));
        return;
    }
    ir_val at2 = plus(s, at, ARM_D_BYTES);
    ir_val low = ir_get(s, IR_I64, rt);
    ir_val high = ir_get(s, IR_I64, sem_reg_at(rt, ARM_D_BYTES));

    ir_store(s, at, low, piece(unit));
    ir_store(s, at2, high, piece(unit < 3 ? unit : 3));
}

static ir_val address(struct ir_builder *s, int mode, sem_reg rn, sem_imm sp, sem_imm imm)
{
    ir_val base = arm_base(s, rn, sp);
    ir_val offset = ir_imm(s, IR_I64, imm);
    ir_val sum = ir_add(s, base, offset);

    if (mode != ARM_OFFSET)
        ir_set(s, rn, sum);
    return mode == ARM_POST ? base : sum;
}

ARM_FP_SEM(v_load)
{
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm);

    load(s, a->size, a->size, a->rt, at);
}

ARM_FP_SEM(v_store)
{
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm);

    store(s, a->size, a->size, a->rt, at);
}

static ir_val indexed(struct ir_builder *s, int option, sem_reg rn, sem_imm sp, sem_reg rm,
                      sem_imm shift)
{
    ir_val base = arm_base(s, rn, sp);
    ir_val v = ir_get(s, option & 1 ? IR_I64 : IR_I32, rm);
    ir_val wide = option & 4 ? ir_sext(s, IR_I64, v) : ir_zext(s, IR_I64, v);
    ir_val by = ir_imm(s, IR_I64, shift);
    ir_val offset = ir_shl(s, wide, by);

    return ir_add(s, base, offset);
}

ARM_FP_SEM(v_load_index)
{
    ir_val at = indexed(s, a->option, a->rn, a->sp, a->rm, a->shift);

    load(s, a->size, a->size, a->rt, at);
}

ARM_FP_SEM(v_store_index)
{
    ir_val at = indexed(s, a->option, a->rn, a->sp, a->rm, a->shift);

    store(s, a->size, a->size, a->rt, at);
}

ARM_FP_SEM(v_load_literal)
{
    ir_val pc = ir_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);
    ir_val at = ir_add(s, pc, imm);

    load(s, a->size, a->size, a->rt, at);
}

ARM_FP_SEM(v_load_pair)
{
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm);
    ir_val at2 = plus(s, at, 1u << a->size);

    load(s, a->size, a->size, a->rt, at);
    load(s, a->size, a->size, a->rt2, at2);
}

ARM_FP_SEM(v_store_pair)
{
    ir_val at = address(s, a->mode, a->rn, a->sp, a->imm);
    ir_val at2 = plus(s, at, 1u << a->size);

    store(s, a->size, a->size, a->rt, at);
    store(s, a->size, a->size, a->rt2, at2);
}

/* --- structures: element by element from one to four registers in turn --- */

/* Afterwards the base has grown by what was accessed, or by a register. */
static void grow(struct ir_builder *s, int post, sem_reg rn, sem_reg rm, ir_val base,
                 unsigned bytes)
{
    if (post == ARM_POST_NONE)
        return;
    ir_val by = post == ARM_POST_REG ? ir_get(s, IR_I64, rm) : ir_const(s, IR_I64, bytes);
    ir_val next = ir_add(s, base, by);

    ir_set(s, rn, next);
}

/* LD1: registers one behind the other. */
ARM_FP_SEM(v_load_regs)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    unsigned bytes = arm_bytes(a->q);
    ir_val base = arm_base(s, a->rn, a->sp);

    for (unsigned i = 0; i < (unsigned)a->count; i++) {
        ir_val at = plus(s, base, i * bytes);

        load(s, a->q == ARM_128 ? QUAD : 3, a->size, rt[i], at);
    }
    grow(s, a->post, a->rn, a->rm, base, (unsigned)a->count * bytes);
}

ARM_FP_SEM(v_store_regs)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    unsigned bytes = arm_bytes(a->q);
    ir_val base = arm_base(s, a->rn, a->sp);

    for (unsigned i = 0; i < (unsigned)a->count; i++) {
        ir_val at = plus(s, base, i * bytes);

        store(s, a->q == ARM_128 ? QUAD : 3, a->size, rt[i], at);
    }
    grow(s, a->post, a->rn, a->rm, base, (unsigned)a->count * bytes);
}

/* Where element i of each register is in memory order, in bytes; and in its register. */
static void places(struct ir_builder *s, ir_val i, int size, int count, ir_val *memory, ir_val *reg)
{
    ir_val by = ir_const(s, IR_I64, (u64)size);
    ir_val several = ir_const(s, IR_I64, (u64)count);

    *reg = ir_shl(s, i, by);
    *memory = ir_mul(s, *reg, several);
}

static ir_val element_loop(struct ir_builder *s, int q, int size)
{
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val end = ir_const(s, IR_I64, arm_bytes(q) >> size);

    return ir_vloop(s, (struct ir_shape){ .element = (u8)(1 << size) }, zero, end);
}

/* LD2 to LD4: everything is loaded before a register changes, then dealt out. */
ARM_FP_SEM(v_load_structs)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    const sem_reg scratch = ARM_SLOT(scratch);
    unsigned bytes = (unsigned)a->count * arm_bytes(a->q);
    unsigned step = 1u << a->size;
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val memory, reg;

    for (unsigned i = 0; i < bytes; i += ARM_D_BYTES) {
        ir_val at = plus(s, base, i);
        ir_val v = ir_load(s, IR_I64, at, piece(a->size));

        ir_set(s, sem_reg_at(scratch, i), v);
    }
    grow(s, a->post, a->rn, a->rm, base, bytes);
    if (a->q == ARM_64)
        for (unsigned k = 0; k < (unsigned)a->count; k++) {
            ir_val zero = ir_const(s, IR_I64, 0);

            ir_set(s, sem_reg_at(rt[k], ARM_D_BYTES), zero);
        }
    ir_commit(s);
    ir_val i = element_loop(s, a->q, a->size);

    places(s, i, a->size, a->count, &memory, &reg);
    for (unsigned k = 0; k < (unsigned)a->count; k++) {
        ir_val v = ir_getx(s, arm_mem_type(a->size), sem_reg_at(scratch, k * step), memory,
                           4 * ARM_V_BYTES - k * step);

        ir_setx(s, rt[k], reg, v, ARM_V_BYTES);
    }
    ir_endvloop(s);
}

/* What the loop leaves in scratch is nobody's state: stores may fault after it. */
ARM_FP_SEM(v_store_structs)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    const sem_reg scratch = ARM_SLOT(scratch);
    unsigned bytes = (unsigned)a->count * arm_bytes(a->q);
    unsigned step = 1u << a->size;
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val memory, reg;
    ir_val i = element_loop(s, a->q, a->size);

    places(s, i, a->size, a->count, &memory, &reg);
    for (unsigned k = 0; k < (unsigned)a->count; k++) {
        ir_val v = ir_getx(s, arm_mem_type(a->size), rt[k], reg, ARM_V_BYTES);

        ir_setx(s, sem_reg_at(scratch, k * step), memory, v, 4 * ARM_V_BYTES - k * step);
    }
    ir_endvloop(s);
    ir_commit(s);
    for (unsigned at = 0; at < bytes; at += ARM_D_BYTES) {
        ir_val v = ir_get(s, IR_I64, sem_reg_at(scratch, at));
        ir_val to = plus(s, base, at);

        ir_store(s, to, v, piece(a->size));
    }
    grow(s, a->post, a->rn, a->rm, base, bytes);
}

/* --- one structure: to one element of each register --- */

ARM_FP_SEM(v_load_lane)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val lane = ir_imm(s, IR_I64, a->lane);
    ir_val v[4];

    for (unsigned i = 0; i < (unsigned)a->count; i++) {
        ir_val at = plus(s, base, i << a->size);

        v[i] = ir_load(s, arm_mem_type(a->size), at, PLAIN);
    }
    grow(s, a->post, a->rn, a->rm, base, (unsigned)a->count << a->size);
    for (unsigned i = 0; i < (unsigned)a->count; i++)
        ir_setx(s, rt[i], lane, v[i], ARM_V_BYTES);
}

ARM_FP_SEM(v_store_lane)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val lane = ir_imm(s, IR_I64, a->lane);

    for (unsigned i = 0; i < (unsigned)a->count; i++) {
        ir_val at = plus(s, base, i << a->size);
        ir_val v = ir_getx(s, arm_mem_type(a->size), rt[i], lane, ARM_V_BYTES);

        ir_store(s, at, v, PLAIN);
    }
    grow(s, a->post, a->rn, a->rm, base, (unsigned)a->count << a->size);
}

/* LD1R to LD4R: to all elements */
ARM_FP_SEM(v_load_all)
{
    const sem_reg rt[] = { a->t0, a->t1, a->t2, a->t3 };
    ir_val base = arm_base(s, a->rn, a->sp);

    for (unsigned i = 0; i < (unsigned)a->count; i++) {
        ir_val at = plus(s, base, i << a->size);
        ir_val v = ir_load(s, arm_mem_type(a->size), at, PLAIN);

        arm_set_all(s, a->q, a->size, rt[i], v);
    }
    grow(s, a->post, a->rn, a->rm, base, (unsigned)a->count << a->size);
}
