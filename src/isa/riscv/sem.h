/*
 * sem.h - what riscv's semantics files share.
 *
 * Arguments come from riscv_args.gen.h, which decodegen writes: of a function NAME they
 * are struct rv_args_NAME. A write to x0 reaches the sink by the operand itself.
 */
#ifndef ISA_RISCV_SEM_H
#define ISA_RISCV_SEM_H

#include "isa/riscv/fields.h"
#include "ir/build.h"
#include "riscv_args.gen.h"

#define RV_SEM(name) void rv_sem_##name(struct ir_builder *s, const struct rv_args_##name *a)

#define RV_SLOT(member) SEM_SLOT(struct rv_state, member)

/* The integer type of 1, 2, 4, 8 or 16 bytes. */
static inline enum ir_type rv_int_type(int bytes)
{
    return bytes == 1   ? IR_I8
           : bytes == 2 ? IR_I16
           : bytes == 4 ? IR_I32
           : bytes == 8 ? IR_I64
                        : IR_I128;
}

static inline ir_val rv_x(struct ir_builder *s, sem_reg r)
{
    return ir_get(s, IR_I64, r);
}

/* The low 32 bits of a register. */
static inline ir_val rv_w(struct ir_builder *s, sem_reg r)
{
    ir_val x = ir_get(s, IR_I64, r);

    return ir_trunc(s, IR_I32, x);
}

/* rd = the value, sign-extended from its type. */
static inline void rv_set_sext(struct ir_builder *s, sem_reg rd, ir_val v)
{
    ir_val wide = ir_sext(s, IR_I64, v);

    ir_set(s, rd, wide);
}

static inline void rv_set_zext(struct ir_builder *s, sem_reg rd, ir_val v)
{
    ir_val wide = ir_zext(s, IR_I64, v);

    ir_set(s, rd, wide);
}

/* Loads and stores may be at any address: Zicclsm. */
static inline struct ir_mem rv_mem(void)
{
    return (struct ir_mem){ .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY, .order = IR_RELAXED };
}

/* Address rs1 + imm. */
static inline ir_val rv_address(struct ir_builder *s, sem_reg rs1, sem_imm imm)
{
    ir_val base = rv_x(s, rs1);
    ir_val offset = ir_imm(s, IR_I64, imm);

    return ir_add(s, base, offset);
}

#endif
