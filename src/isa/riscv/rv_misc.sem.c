/*
 * rv_misc.sem.c - cache blocks, Zihintpause, Zawrs, Zimop.
 */
#include "isa/riscv/sem.h"

enum { BLOCK_BYTES = 64 };

/* The address of the cache block that rs1 points into. */
static ir_val block_address(struct ir_builder *s, sem_reg rs1)
{
    ir_val x = rv_x(s, rs1);
    ir_val mask = ir_const(s, IR_I64, ~(u64)(BLOCK_BYTES - 1));

    return ir_and(s, x, mask);
}

static void check_cbo(struct ir_builder *s, unsigned kind, sem_imm raw)
{
    ir_val what = ir_const(s, IR_I64, kind);
    ir_val encoding = ir_imm(s, IR_I64, raw);

    ir_call(s, &rv_helper_cbo_check, what, encoding, IR_NOVAL);
}

/* Memory is coherent: all that is left is that the block must be accessible. */
RV_SEM(cbo)
{
    check_cbo(s, (unsigned)a->kind, a->raw);
    ir_val addr = rv_x(s, a->rs1);

    ir_call(s, &rv_helper_cbo_probe, addr, IR_NOVAL, IR_NOVAL);
}

RV_SEM(cbo_zero)
{
    struct ir_mem write = rv_mem();

    write.access = ISA_WRITE;
    check_cbo(s, 2, a->raw);
    ir_val addr = block_address(s, a->rs1);
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_probe(s, addr, BLOCK_BYTES, write);
    for (unsigned at = 0; at < BLOCK_BYTES; at += 8) {
        ir_val offset = ir_const(s, IR_I64, at);
        ir_val to = ir_add(s, addr, offset);

        ir_store(s, to, zero, rv_mem());
    }
}

RV_SEM(pause)
{
    ir_call(s, &rv_helper_pause, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

RV_SEM(wrs)
{
    ir_call(s, &rv_helper_wrs, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

/* May-be-operations write zero. */
RV_SEM(mop)
{
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_set(s, a->rd, zero);
}
