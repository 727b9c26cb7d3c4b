/*
 * rv_i.sem.c - what the instructions of RV64I mean (unprivileged specification,
 * chapters "RV32I" and "RV64I").
 */
#include "isa/riscv/sem.h"

/* --- registers with registers and with immediates --- */

#define RV_ALU(name, op)                                                                           \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val y = rv_x(s, a->rs2);                                                                \
        ir_val r = ir_##op(s, x, y);                                                               \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }
RV_ALU(add, add)
RV_ALU(sub, sub)
RV_ALU(sll, shl)
RV_ALU(xor, xor)
RV_ALU(srl, shr)
RV_ALU(sra, sar)
RV_ALU(or, or)
RV_ALU(and, and)

#define RV_ALUI(name, op)                                                                          \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val imm = ir_imm(s, IR_I64, a->imm);                                                    \
        ir_val r = ir_##op(s, x, imm);                                                             \
                                                                                                   \
        ir_set(s, a->rd, r);                                                                       \
    }
RV_ALUI(addi, add)
RV_ALUI(xori, xor)
RV_ALUI(ori, or)
RV_ALUI(andi, and)
RV_ALUI(slli, shl)
RV_ALUI(srli, shr)
RV_ALUI(srai, sar)

#define RV_SET_IF(name, op)                                                                        \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val y = rv_x(s, a->rs2);                                                                \
        ir_val r = ir_##op(s, x, y);                                                               \
                                                                                                   \
        rv_set_zext(s, a->rd, r);                                                                  \
    }
RV_SET_IF(slt, lts)
RV_SET_IF(sltu, ltu)

#define RV_SET_IFI(name, op)                                                                       \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_x(s, a->rs1);                                                                \
        ir_val imm = ir_imm(s, IR_I64, a->imm);                                                    \
        ir_val r = ir_##op(s, x, imm);                                                             \
                                                                                                   \
        rv_set_zext(s, a->rd, r);                                                                  \
    }
RV_SET_IFI(slti, lts)
RV_SET_IFI(sltiu, ltu)

/* --- 32-bit forms: the result is sign-extended --- */

#define RV_ALUW(name, op)                                                                          \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_w(s, a->rs1);                                                                \
        ir_val y = rv_w(s, a->rs2);                                                                \
        ir_val r = ir_##op(s, x, y);                                                               \
                                                                                                   \
        rv_set_sext(s, a->rd, r);                                                                  \
    }
RV_ALUW(addw, add)
RV_ALUW(subw, sub)
RV_ALUW(sllw, shl)
RV_ALUW(srlw, shr)
RV_ALUW(sraw, sar)

#define RV_ALUIW(name, op)                                                                         \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        ir_val x = rv_w(s, a->rs1);                                                                \
        ir_val imm = ir_imm(s, IR_I32, a->imm);                                                    \
        ir_val r = ir_##op(s, x, imm);                                                             \
                                                                                                   \
        rv_set_sext(s, a->rd, r);                                                                  \
    }
RV_ALUIW(addiw, add)
RV_ALUIW(slliw, shl)
RV_ALUIW(srliw, shr)
RV_ALUIW(sraiw, sar)

RV_SEM(lui)
{
    ir_val imm = ir_imm(s, IR_I64, a->imm);

    ir_set(s, a->rd, imm);
}

RV_SEM(auipc)
{
    ir_val pc = ir_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);
    ir_val r = ir_add(s, pc, imm);

    ir_set(s, a->rd, r);
}

/* --- jumps; with C every target is aligned well enough --- */

RV_SEM(jal)
{
    ir_val pc = ir_pc(s);
    ir_val next = ir_next_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);
    ir_val target = ir_add(s, pc, imm);

    ir_set(s, a->rd, next);
    ir_jump(s, target, (enum ir_jump)a->kind);
}

RV_SEM(jalr)
{
    ir_val next = ir_next_pc(s);
    ir_val sum = rv_address(s, a->rs1, a->imm);
    ir_val even = ir_const(s, IR_I64, ~1ull);
    ir_val target = ir_and(s, sum, even);

    ir_set(s, a->rd, next);
    ir_jump(s, target, (enum ir_jump)a->kind);
}

static ir_val compare(struct ir_builder *s, int cond, ir_val x, ir_val y)
{
    switch (cond) {
    case RV_EQ: return ir_eq(s, x, y);
    case RV_NE: return ir_ne(s, x, y);
    case RV_LT: return ir_lts(s, x, y);
    case RV_GE: return ir_les(s, y, x);
    case RV_LTU: return ir_ltu(s, x, y);
    default: return ir_leu(s, y, x);
    }
}

RV_SEM(branch)
{
    ir_val x = rv_x(s, a->rs1);
    ir_val y = rv_x(s, a->rs2);
    ir_val taken = compare(s, a->cond, x, y);
    ir_val pc = ir_pc(s);
    ir_val imm = ir_imm(s, IR_I64, a->imm);
    ir_val target = ir_add(s, pc, imm);

    ir_jump_if(s, taken, target);
}

/* --- memory --- */

RV_SEM(load)
{
    ir_val addr = rv_address(s, a->rs1, a->imm);
    ir_val v = ir_load(s, rv_int_type(a->size), addr, rv_mem());

    if (a->sign)
        rv_set_sext(s, a->rd, v);
    else
        rv_set_zext(s, a->rd, v);
}

RV_SEM(store)
{
    ir_val addr = rv_address(s, a->rs1, a->imm);
    ir_val x = rv_x(s, a->rs2);
    ir_val v = ir_trunc(s, rv_int_type(a->size), x);

    ir_store(s, addr, v, rv_mem());
}

/* pr, pw: earlier reads, writes; sr, sw: later ones. */
RV_SEM(fence)
{
    unsigned order = 0;

    order |= a->pr && a->sr ? IR_FENCE_LL : 0;
    order |= a->pr && a->sw ? IR_FENCE_LS : 0;
    order |= a->pw && a->sr ? IR_FENCE_SL : 0;
    order |= a->pw && a->sw ? IR_FENCE_SS : 0;
    if (order)
        ir_fence(s, order);
}

RV_SEM(fence_tso)
{
    ir_fence(s, IR_FENCE_LL | IR_FENCE_LS | IR_FENCE_SS);
}

RV_SEM(nop)
{
}
