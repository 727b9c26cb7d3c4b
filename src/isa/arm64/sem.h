/*
 * sem.h - what arm64's semantics files share.
 *
 * Arguments come from arm64_args.gen.h, which decodegen writes: of a function NAME they are
 * struct arm_args_NAME. XZR and SP are chosen by the operand itself.
 */
#ifndef ISA_ARM64_SEM_H
#define ISA_ARM64_SEM_H

#include "isa/arm64/fields.h"
#include "isa/arm64/helpers.h"
#include "ir/build.h"
#include "arm64_args.gen.h"

#define ARM_SEM(name) void arm_sem_##name(struct ir_builder *s, const struct arm_args_##name *a)

#define ARM_SLOT(member) SEM_SLOT(struct arm_state, member)

/* Variant sf: the type of W or X. */
static inline enum ir_type arm_type(int sf)
{
    return sf ? IR_I64 : IR_I32;
}

/* Variant size: the type of 1 << size bytes. */
static inline enum ir_type arm_mem_type(int size)
{
    return (enum ir_type)(IR_I8 + size);
}

/* A general register or the low part of it: always looked at whole, as it was set. */
static inline ir_val arm_get(struct ir_builder *s, enum ir_type t, sem_reg r)
{
    ir_val all = ir_get(s, IR_I64, r);

    return ir_trunc(s, t, all);
}

/* Sets a general register: a narrower value clears what is above it. */
static inline void arm_set(struct ir_builder *s, sem_reg rd, ir_val v)
{
    ir_val all = ir_zext(s, IR_I64, v);

    ir_set(s, rd, all);
}

/* The base of an access, which is looked at when it is SP (CheckSPAlignment()). */
static inline ir_val arm_base(struct ir_builder *s, sem_reg rn, sem_imm sp)
{
    ir_raise_if_bits(s, rn, sp, ARM_EC_SP_ALIGN);
    return ir_get(s, IR_I64, rn);
}

static inline ir_val arm_zero(struct ir_builder *s, ir_val like)
{
    return ir_const(s, ir_type_of(s, like), 0);
}

/* An indirect branch that may lead into a guarded page. raw: its encoding. */
void arm_look_at_target(struct ir_builder *s, ir_val to, sem_imm raw);

/* Does the condition (variant cond, 0 to 15) hold? An i1. */
ir_val arm_condition(struct ir_builder *s, int cond);

struct arm_flags {
    ir_val n, z, c, v;
};

/* Those that the immediate has in its four bits. */
struct arm_flags arm_flags_imm(struct ir_builder *s, sem_imm nzcv);
void arm_set_flags(struct ir_builder *s, struct arm_flags f);
/* Flags of x + y + carry and of x - y - !carry, whose result is r: AddWithCarry(). */
struct arm_flags arm_flags_add(struct ir_builder *s, ir_val x, ir_val y, ir_val carry, ir_val r);
struct arm_flags arm_flags_sub(struct ir_builder *s, ir_val x, ir_val y, ir_val borrow, ir_val r);

#endif
