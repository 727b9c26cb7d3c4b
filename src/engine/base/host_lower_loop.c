/*
 * host_lower_loop.c - a block that ends by a branch to its own start.
 *
 * What it reads of guest state is loaded before the loop's head and stays in registers from one
 * round to the next; stores are made as ever, so that memory is up to date at the head. A sum
 * that went through memory would wait for its own store every time. So would the count of
 * instructions, which short loops keep in a register too.
 *
 * A block that dies meanwhile runs on until somebody asks for an exit, as a guest's barrier or
 * the timer does: it has no edge that could be unlinked.
 */
#include "engine/base/host_lower_ops.h"

#include <string.h>

/* The count has a register of its own in loops of so many instructions: longer ones want
 * the register more, and do not wait for the count. */
enum { SHORT_LOOP = 16 };
#define REG_BUDGET RBX /* one that C code keeps */

/* Registers of each file that may hold state at the head: a few are left for the rest. */
static const unsigned room[VALS_FILES] = { [VALS_GPR] = 5, [VALS_XMM] = 8 };

/* State by its words, modulo; two that meet are taken for one. */
struct words {
    u64 bits[VALS_HEADS / 64];
};

static bool has(const struct words *w, const struct ir_op *op)
{
    return w->bits[op->imm / 8 % VALS_HEADS / 64] >> op->imm / 8 % 64 & 1;
}

static void add(struct words *w, const struct ir_op *op)
{
    u64 last = op->imm + ir_type_size(op->type) - 1;

    for (u64 i = op->imm / 8; i <= last / 8; i++)
        w->bits[i % VALS_HEADS / 64] |= 1ull << i % 64;
}

static bool is_loop(const struct ir_block *ir)
{
    const struct ir_op *last = &ir->ops[ir->op_count - 1], *target;

    if (ir->op_count == 0 || last->op != IR_JUMPIF)
        return false;
    target = &ir->ops[last->b];
    return target->op == IR_PC && target->imm == 0;
}

static void carry(struct low *l, u32 id, enum val_file f)
{
    u16 offset = (u16)l->job->ir->ops[id].imm;
    unsigned reg;

    vals_get(&l->a, id, offset, IR_I64);
    reg = f == VALS_XMM ? (unsigned)vals_use_x(&l->a, id) : (unsigned)vals_use(&l->a, id);
    l->carried[l->carried_count++] = (struct low_carried){ offset, (u8)f, (u8)reg };
}

/* Of the block's first looks at words of state, those that it changes, or those that it does not.
 * left: registers of each file, counted down. */
static void carry_all(struct low *l, const struct words *changed, bool want, unsigned *left)
{
    const struct ir_block *ir = l->job->ir;
    struct words seen = { 0 };

    for (u32 i = 0; i < ir->op_count; i++) {
        const struct ir_op *op = &ir->ops[i];
        enum val_file f = l->a.v[i].fp ? VALS_XMM : VALS_GPR;

        if (op->op != IR_GET && op->op != IR_SET)
            continue;
        if (op->op == IR_GET && op->type == IR_I64 && op->imm % 8 == 0 && !has(&seen, op) &&
            has(changed, op) == want && left[f]) {
            carry(l, i, f);
            left[f]--;
        }
        add(&seen, op);
    }
}

void lo_loop_begin(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    bool ints = lower_may(l->job, ENGINE_OPT_INT_LOOPS);
    unsigned left[VALS_FILES] = {
        ints ? room[VALS_GPR] : 0,
        lower_may(l->job, ENGINE_OPT_FP_LOOPS) ? room[VALS_XMM] : 0,
    };
    struct words changed = { 0 };

    if (!is_loop(ir))
        return;
    for (u32 i = 0; i < ir->op_count; i++)
        if (ir->ops[i].op == IR_SET)
            add(&changed, &ir->ops[i]);
    carry_all(l, &changed, true, left);
    carry_all(l, &changed, false, left);
    l->job->loops = l->carried_count > 0;
    if (ints && l->job->loops && ir->insn_count <= SHORT_LOOP) {
        l->a.reserved = 1u << REG_BUDGET;
        x86_load_zx(l->o, 8, REG_BUDGET, LO_CPU(budget));
    }
    memset(l->a.pinned, 0, sizeof l->a.pinned);
    l->loop_head = l->hot.at;
}

/* --- the end of a round --- */

/* A register of the head and where its state is now. */
struct move {
    const struct low_carried *to;
    unsigned from; /* register of the same file, or X86_NO_REG: memory */
};

static void load(struct low *l, const struct low_carried *c)
{
    struct x86_mem m = cpu_at(VCPU_STATE_OFF + c->offset);

    if (c->file == VALS_XMM)
        x86_fp_load(l->o, 8, c->reg, m);
    else
        x86_load_zx(l->o, 8, c->reg, m);
}

/* Does a move that is still to come read register r? */
static bool is_read(const struct move *m, unsigned count, unsigned f, unsigned r)
{
    for (unsigned i = 0; i < count; i++)
        if (m[i].to && m[i].to->file == f && m[i].from == r)
            return true;
    return false;
}

/* The first of those that are left whose register nobody else wants to read; count: none. */
static unsigned next_move(const struct move *m, unsigned count)
{
    unsigned i = 0;

    while (i < count && (!m[i].to || is_read(m, count, m[i].to->file, m[i].to->reg)))
        i++;
    return i;
}

/* Each register of the head gets the present value of its state. Registers that change places go
 * through memory, which has the value too. Leaves the flags alone. */
static void restore(struct low *l)
{
    struct move m[LOWER_CARRIED];
    unsigned count = l->carried_count, left = 0;

    for (unsigned i = 0; i < count; i++) {
        const struct low_carried *c = &l->carried[i];

        m[i] = (struct move){ c, vals_slot_reg(&l->a, c->file, c->offset) };
        if (m[i].from == c->reg)
            m[i].to = NULL;
        left += m[i].to != NULL;
    }
    while (left) {
        unsigned i = next_move(m, count);

        if (i == count) { /* a ring: opened by taking one of it from memory */
            for (i = 0; !m[i].to || m[i].from == X86_NO_REG;)
                i++;
            m[i].from = X86_NO_REG;
            continue;
        }
        if (m[i].from == X86_NO_REG)
            load(l, m[i].to);
        else if (m[i].to->file == VALS_XMM)
            x86_fp_mov(l->o, m[i].to->reg, m[i].from);
        else
            x86_mov_rr(l->o, 8, m[i].to->reg, m[i].from);
        m[i].to = NULL;
        left--;
    }
}

/* Counts the round; then back to the head, or on to what comes next there when the block may not
 * be entered. */
void lo_loop_back(struct low *l)
{
    bool counted = l->a.reserved && !l->job->called; /* handlers may see and change the count */
    enum x86_reg budget = counted ? REG_BUDGET : RAX;
    s32 insns = (s32)l->job->block->insn_count;
    u8 *request;

    if (!counted)
        x86_load_zx(l->o, 8, budget, LO_CPU(budget));
    x86_alu_ri(l->o, ALU_SUB, 8, budget, insns);
    x86_mov_mr(l->o, 8, LO_CPU(budget), budget);
    x86_alu_mi(l->o, ALU_CMP, 4, LO_CPU(v.exit_request), 0);
    request = x86_jcc(l->o, CC_NE);
    x86_alu_ri(l->o, ALU_CMP, 8, budget, insns);
    restore(l);
    x86_point(x86_jcc(l->o, CC_GE), l->loop_head);
    x86_point(request, l->o->at);
    lo_exit_direct(l, l->o, 0);
}
