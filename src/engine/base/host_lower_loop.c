/*
 * host_lower_loop.c - a block that ends by a branch to its own start.
 *
 * What it reads as floating point is loaded before the loop's head and stays in xmm registers
 * from one round to the next; stores are made as ever, so that memory is up to date at the
 * head. A sum that went through memory would wait for its own store every time.
 *
 * A block that dies meanwhile runs on until somebody asks for an exit, as a guest's barrier or
 * the timer does: it has no edge that could be unlinked.
 */
#include "engine/base/host_lower_ops.h"

static bool touches(const struct ir_op *op, u64 offset)
{
    return (op->op == IR_GET || op->op == IR_SET) && op->imm < offset + 8 &&
           offset < op->imm + ir_type_size(op->type);
}

/* Is `id` the block's first look at a floating-point register? */
static bool is_carried(const struct low *l, u32 id)
{
    const struct ir_op *ops = l->job->ir->ops;

    if (ops[id].op != IR_GET || ops[id].type != IR_I64 || !l->a.v[id].fp)
        return false;
    for (u32 i = 0; i < id; i++)
        if (touches(&ops[i], ops[id].imm))
            return false;
    return true;
}

static bool is_loop(const struct ir_block *ir)
{
    const struct ir_op *last = &ir->ops[ir->op_count - 1], *target;

    if (ir->op_count == 0 || last->op != IR_JUMPIF)
        return false;
    target = &ir->ops[last->b];
    return target->op == IR_PC && target->imm == 0;
}

void lo_loop_begin(struct low *l)
{
    const struct ir_block *ir = l->job->ir;

    if (!lower_may(l->job, ENGINE_OPT_FP_LOOPS) || !is_loop(ir))
        return;
    for (u32 i = 0; i < ir->op_count && l->carried_count < LOWER_CARRIED; i++)
        if (is_carried(l, i)) {
            u16 offset = (u16)ir->ops[i].imm;

            vals_get(&l->a, i, offset, IR_I64);
            l->carried[l->carried_count++] =
                (struct low_carried){ offset, (u8)vals_use_x(&l->a, i) };
        }
    l->a.pinned[VALS_GPR] = l->a.pinned[VALS_XMM] = 0;
    l->loop_head = (u64)(l->hot.at - l->hot_start);
    l->job->loops = l->carried_count > 0;
}

/* Each register of the head gets the slot's present value: from another register, unless that
 * was overwritten just before, or from memory. */
static void restore(struct low *l)
{
    unsigned done = 0;

    for (unsigned i = 0; i < l->carried_count; i++) {
        const struct low_carried *c = &l->carried[i];
        enum x86_xmm x = vals_slot_xmm(&l->a, c->offset);

        if (x == X86_NO_XMM || done >> x & 1)
            x86_fp_load(&l->cold, 8, c->reg, cpu_at(VCPU_STATE_OFF + c->offset));
        else if (x != c->reg)
            x86_fp_mov(&l->cold, c->reg, x);
        if (x != c->reg)
            done |= 1u << c->reg;
    }
}

/* In the cold part, with all state written and the round counted: back to the head, or on to
 * what comes next there when the block may not be entered. */
void lo_loop_back(struct low *l)
{
    u8 *budget, *request;

    if (!l->job->loops)
        return;
    x86_alu_mi(&l->cold, ALU_CMP, 8, LO_CPU(budget), l->job->block->insn_count);
    budget = x86_jcc(&l->cold, CC_L);
    x86_alu_mi(&l->cold, ALU_CMP, 4, LO_CPU(v.exit_request), 0);
    request = x86_jcc(&l->cold, CC_NE);
    restore(l);
    lo_fix(l, x86_jmp(&l->cold), FIX_HOT, l->loop_head);
    x86_point(budget, l->cold.at);
    x86_point(request, l->cold.at);
}
