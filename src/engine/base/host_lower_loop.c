/*
 * host_lower_loop.c - a block that ends by a branch to its own start.
 *
 * What it reads of guest state is loaded before the loop's head and stays in registers from one
 * round to the next: a sum that went through memory would wait for its own store every time.
 *
 * Where only integers are at work ("late"), what is carried is written on the
 * ways out and before slow paths, from the cold part. Else stores are made as ever, and memory
 * is up to date at the head. State that is not carried always is.
 *
 * A block that dies meanwhile runs on until somebody asks for an exit, as a guest's barrier or
 * the timer does: it has no edge that could be unlinked.
 */
#include "engine/base/host_lower_ops.h"

#include <string.h>

/* REST: registers that are left for what is not carried. */
enum { REST = 2, CARRIED_FP = 8 };

/* State by its words, modulo; two that meet are taken for one. */
struct words {
    u64 bits[VALS_HEADS / 64];
};

static bool has(const struct words *w, const struct ir_op *op)
{
    return w->bits[op->imm / 8 % VALS_HEADS / 64] >> op->imm / 8 % 64 & 1;
}

static void add(struct words *w, const struct low *l, const struct ir_op *op)
{
    bool is_indexed = op->op == IR_GETX || op->op == IR_SETX;
    u64 first = is_indexed ? lo_place_of(l, op) : op->imm;
    u64 last = first + ir_type_size(op->type) - 1;

    for (u64 i = first / 8; i <= last / 8; i++)
        w->bits[i % VALS_HEADS / 64] |= 1ull << i % 64;
}

bool lo_is_loop(const struct ir_block *ir)
{
    const struct ir_op *last = &ir->ops[ir->op_count - 1], *target;

    if (ir->op_count == 0 || last->op != IR_JUMPIF)
        return false;
    target = &ir->ops[last->b];
    return target->op == IR_PC && target->imm == 0;
}

static void carry(struct low *l, u32 id, enum val_file f, bool changed)
{
    u16 offset = (u16)l->job->ir->ops[id].imm;
    unsigned reg;

    vals_get(&l->a, id, offset, IR_I64);
    reg = f == VALS_XMM ? (unsigned)vals_use_x(&l->a, id) : (unsigned)vals_use(&l->a, id);
    l->carried[l->carried_count++] = (struct low_carried){ offset, (u8)f, (u8)reg, changed };
    if (changed && l->late)
        vals_soil(&l->a, offset);
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

        if (lo_is_element(l, op)) {
            add(&seen, l, op);
            continue;
        }
        if ((op->op != IR_GET && op->op != IR_SET) || lo_vector_has(l, op) || lo_is_zero(l, op))
            continue;
        if (op->op == IR_GET && op->type == IR_I64 && op->imm % 8 == 0 && !has(&seen, op) &&
            has(changed, op) == want && left[f]) {
            carry(l, i, f, want);
            left[f]--;
        }
        add(&seen, l, op);
    }
}

void lo_loop_begin(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    bool ints = lower_may(l->job, ENGINE_OPT_INT_LOOPS);
    unsigned left[VALS_FILES] = { 0 };
    struct words changed = { 0 };
    enum lo_block_kind kind;

    if (!lo_is_loop(ir))
        return;
    kind = lo_block_kind(l);
    if (kind == LO_BLOCK_CALLS)
        l->streams = 0;
    l->late = ints && kind == LO_BLOCK_PLAIN;
    if (ints)
        left[VALS_GPR] = vals_room(&l->a, VALS_GPR) - REST;
    if (lower_may(l->job, ENGINE_OPT_FP_LOOPS))
        left[VALS_XMM] = CARRIED_FP;
    for (u32 i = 0; i < ir->op_count; i++)
        if (ir->ops[i].op == IR_SET || (ir->ops[i].op == IR_SETX && lo_is_element(l, &ir->ops[i])))
            add(&changed, l, &ir->ops[i]);
    carry_all(l, &changed, true, left);
    carry_all(l, &changed, false, left);
    l->job->loops = l->carried_count > 0;
    if (!l->job->loops) {
        l->late = false;
        l->streams = 0;
        return;
    }
    for (unsigned i = 0; i < l->streams; i++)
        x86_mov_mi(l->o, 8, LO_CPU(tier_stream[i].bound), 0);
    memset(l->a.pinned, 0, sizeof l->a.pinned);
    l->loop_head = l->hot.at;
}

/* --- the end of a round --- */

/* A register of the head and where its state is now. */
struct move {
    const struct low_carried *to;
    unsigned from; /* register of the same file, or X86_NO_REG: memory */
};

static struct x86_mem memory_of(const struct low_carried *c)
{
    return cpu_at(VCPU_STATE_OFF + c->offset);
}

static void load(struct low *l, const struct low_carried *c)
{
    if (c->file == VALS_XMM)
        x86_fp_load(l->o, 8, c->reg, memory_of(c));
    else
        x86_load_zx(l->o, 8, c->reg, memory_of(c));
}

static void move(struct low *l, unsigned file, unsigned to, unsigned from)
{
    if (file == VALS_XMM)
        x86_fp_mov(l->o, to, from);
    else
        x86_mov_rr(l->o, 8, to, from);
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

/* Each register of the head gets the present value of its state. A ring of registers that change
 * places is opened with a scratch one. */
static void restore(struct low *l)
{
    static const u8 scratch[VALS_FILES] = { [VALS_GPR] = RCX, [VALS_XMM] = XMM0 };
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

        if (i == count) { /* nothing but rings */
            for (i = 0; !m[i].to || m[i].from == X86_NO_REG;)
                i++;
            move(l, m[i].to->file, scratch[m[i].to->file], m[i].from);
            m[i].from = scratch[m[i].to->file];
            continue;
        }
        if (m[i].from == X86_NO_REG)
            load(l, m[i].to);
        else
            move(l, m[i].to->file, m[i].to->reg, m[i].from);
        m[i].to = NULL;
        left--;
    }
}

/* From the head's registers, once a round is over. */
static void write_carried(struct low *l)
{
    for (unsigned i = 0; l->late && i < l->carried_count; i++) {
        const struct low_carried *c = &l->carried[i];

        if (!c->changed)
            continue;
        if (c->file == VALS_XMM)
            x86_fp_store(l->o, 8, memory_of(c), c->reg);
        else
            x86_mov_mr(l->o, 8, memory_of(c), c->reg);
    }
}

/* Writes state but what the head's registers will be given. */
static void write_rest(struct low *l)
{
    u64 kept = 0;

    for (unsigned i = 0; l->late && i < l->carried_count; i++)
        if (vals_slot_reg(&l->a, l->carried[i].file, l->carried[i].offset) != X86_NO_REG)
            kept |= vals_slot_bit(&l->a, l->carried[i].offset);
    vals_flush_but(&l->a, kept);
    lo_lazy_write(l);
}

/* Counts the round; then back to the head, or on to what comes next there when the block may not
 * be entered. */
static void back(struct low *l)
{
    s32 insns = (s32)l->job->block->insn_count;
    u8 *request;

    lo_retire(l->o, (u32)insns);
    write_rest(l); /* the comparison may have taken a register */
    restore(l);
    x86_alu_mi(l->o, ALU_CMP, 4, LO_CPU(v.exit_request), 0);
    request = x86_jcc(l->o, CC_NE);
    x86_alu_ri(l->o, ALU_CMP, 8, REG_BUDGET, insns);
    x86_point(x86_jcc(l->o, CC_GE), l->loop_head);
    x86_point(request, l->o->at);
    write_carried(l);
    lo_exit_direct(l, l->o, 0);
}

/* The branch to the start is likely: the way on is in the cold part. */
void lo_loop_end(struct low *l, const struct ir_op *op)
{
    const struct ir_block *ir = l->job->ir;
    enum x86_cond cc;

    write_rest(l);
    cc = lo_test_true(l, op->a);
    lo_fix_cold(l, x86_jcc(l->o, cc ^ 1)); /* the opposite */
    vals_flush_copy(&l->a, &l->cold);
    lo_retire(&l->cold, ir->insn_count);
    lo_exit_direct(l, &l->cold, ir->next);
    back(l);
    l->left = true;
}
