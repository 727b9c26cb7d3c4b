/*
 * rv_priv.sem.c - Zicsr, Zifencei, Svinval and the privileged instructions: calls of the
 * privileged architecture's helpers, see priv.h.
 */
#include "isa/riscv/sem.h"

/* A helper for its effect alone, after which everything is looked up again. */
static void call_and_leave(struct ir_builder *s, const struct ir_helper *h, ir_val x, ir_val y,
                           ir_val z)
{
    ir_call(s, h, x, y, z);
    ir_end_block(s);
}

RV_SEM(illegal)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);

    ir_raise(s, RV_ILLEGAL, raw);
}

RV_SEM(ecall)
{
    call_and_leave(s, &rv_helper_ecall, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

RV_SEM(ebreak)
{
    ir_val pc = ir_pc(s);

    ir_raise(s, RV_BREAKPOINT, pc);
}

RV_SEM(csr)
{
    ir_val what = ir_imm(s, IR_I64, a->what);
    ir_val v = rv_x(s, a->rs1);
    ir_val old = ir_call(s, &rv_helper_csr, what, v, IR_NOVAL);

    ir_set(s, a->rd, old);
    ir_end_block(s);
}

RV_SEM(csri)
{
    ir_val what = ir_imm(s, IR_I64, a->what);
    ir_val v = ir_imm(s, IR_I64, a->zimm);
    ir_val old = ir_call(s, &rv_helper_csr, what, v, IR_NOVAL);

    ir_set(s, a->rd, old);
    ir_end_block(s);
}

/* fflags, frm and fcsr exist while FS is not off. what holds the encoding from bit 16 up. */
static ir_val fcsr(struct ir_builder *s, sem_imm operand, ir_val v)
{
    ir_val what = ir_imm(s, IR_I64, operand);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val raw = ir_shr(s, what, sixteen);
    ir_val fs = ir_get(s, IR_I8, RV_SLOT(fs));
    ir_val zero = ir_const(s, IR_I8, 0);
    ir_val off = ir_eq(s, fs, zero);

    ir_raise_if(s, off, RV_ILLEGAL, raw);
    return ir_call(s, &rv_helper_fcsr, what, v, IR_NOVAL);
}

RV_SEM(fcsr)
{
    ir_val v = rv_x(s, a->rs1);
    ir_val old = fcsr(s, a->what, v);

    ir_set(s, a->rd, old);
}

RV_SEM(fcsri)
{
    ir_val v = ir_imm(s, IR_I64, a->zimm);
    ir_val old = fcsr(s, a->what, v);

    ir_set(s, a->rd, old);
}

RV_SEM(fence_i)
{
    call_and_leave(s, &rv_helper_fence_i, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

#define RV_LEAVE(name)                                                                             \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val raw = ir_imm(s, IR_I64, a->raw);                                                    \
                                                                                                   \
        call_and_leave(s, &rv_helper_##name, raw, IR_NOVAL, IR_NOVAL);                             \
    }
RV_LEAVE(mret)
RV_LEAVE(sret)
RV_LEAVE(wfi)
RV_LEAVE(sfence_inval)

RV_SEM(sfence_vma)
{
    ir_val va = rv_x(s, a->rs1);
    ir_val asid = rv_x(s, a->rs2);
    ir_val what = ir_imm(s, IR_I64, a->what);

    call_and_leave(s, &rv_helper_sfence_vma, va, asid, what);
}
