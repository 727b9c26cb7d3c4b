/*
 * host_lower_div.c - division.
 *
 * IR leaves division by zero and the quotient that does not fit undefined, so guests divide by 1
 * then and select what they define afterwards:
 *   zero = eq(d, 0);  safe = select(zero, 1, d), or signed
 *                     safe = select(or(zero, and(eq(n, lowest), eq(d, -1))), 1, d)
 *   select(zero, what they define, div(n, safe))
 * Done so, every division waits for two conditional moves. Here the whole of it is one
 * branch to the cold part, and the division of the host.
 */
#include "engine/base/host_lower_fp.h"

static bool is_division(unsigned op)
{
    return op == IR_DIVU || op == IR_DIVS || op == IR_REMU || op == IR_REMS;
}

static bool is_signed(unsigned op)
{
    return op == IR_DIVS || op == IR_REMS;
}

static bool is_remainder(unsigned op)
{
    return op == IR_REMU || op == IR_REMS;
}

/* --- the plan --- */

struct guard {
    const struct ir_op *ops;
    struct val *v;
    u32 n, d; /* operands, before 1 takes d's place */
    unsigned bits;
};

static bool is(const struct guard *g, u32 id, unsigned op, u32 uses)
{
    return id != IR_NO_VAL && g->ops[id].op == op && g->v[id].uses == uses;
}

static bool is_const(const struct guard *g, u32 id, u64 imm)
{
    u64 mask = ~0ull >> (64 - g->bits);

    return g->ops[id].op == IR_CONST && (g->ops[id].imm & mask) == (imm & mask);
}

/* eq(x, the constant) */
static bool is_equal(const struct guard *g, u32 id, u32 x, u64 imm, u32 uses)
{
    return is(g, id, IR_EQ, uses) && g->ops[id].a == x && is_const(g, g->ops[id].b, imm);
}

/* and(eq(n, lowest), eq(d, -1)) */
static bool is_overflow(const struct guard *g, u32 id)
{
    return is(g, id, IR_AND, 1) && is_equal(g, g->ops[id].a, g->n, 1ull << (g->bits - 1), 1) &&
           is_equal(g, g->ops[id].b, g->d, ~0ull, 1);
}

/* `id` is done as a part of operation `by`, which needs its operands then. */
static void skip(struct guard *g, u32 id, u32 by)
{
    const u32 used[] = { g->ops[id].a, g->ops[id].b, g->ops[id].c };

    g->v[id].plan = PLAN_SKIP;
    for (unsigned i = 0; i < 3; i++)
        if (used[i] != IR_NO_VAL && g->v[used[i]].last_use < by)
            g->v[used[i]].last_use = by;
}

static void plan_division(struct low *l, u32 id)
{
    const struct ir_op *ops = l->job->ir->ops, *op = &ops[id], *last = &ops[l->a.v[id].last_use];
    struct guard g = { ops, l->a.v, op->a, ops[op->b].c, ir_type_bits(op->type) };
    u32 zero = last->a, trouble = ops[op->b].a, over = IR_NO_VAL;

    if (!is(&g, op->b, IR_SELECT, 1) || !is_const(&g, ops[op->b].b, 1) || g.v[id].uses != 1 ||
        last->op != IR_SELECT || last->c != id || !is_equal(&g, zero, g.d, 0, 2) ||
        (last->b != g.n && ops[last->b].op != IR_CONST))
        return;
    if (is_signed(op->op)) {
        over = ops[trouble].b;
        if (!is(&g, trouble, IR_OR, 1) || ops[trouble].a != zero || !is_overflow(&g, over))
            return;
        skip(&g, trouble, id);
        skip(&g, over, id);
        skip(&g, ops[over].a, id);
        skip(&g, ops[over].b, id);
    } else if (trouble != zero) {
        return;
    }
    skip(&g, zero, id);
    skip(&g, op->b, id);
    g.v[id].plan = PLAN_DIVISION;
    g.v[id].imm = last->b;
    g.v[g.v[id].last_use].plan = PLAN_COPY;
    g.v[g.v[id].last_use].imm = id;
}

void lo_div_plan(struct low *l)
{
    for (u32 i = 0; i < l->job->ir->op_count; i++)
        if (is_division(l->job->ir->ops[i].op) && ir_type_size(l->job->ir->ops[i].type) <= 8)
            plan_division(l, i);
}

/* --- the code --- */

/* rax: the quotient of rax and y, rdx: the remainder. */
static void divide(struct low *l, const struct ir_op *op, unsigned size, enum x86_reg y)
{
    u8 *narrow = NULL;

    if (size == 8) { /* much faster on many hosts when both are below 2^32, and never slower */
        x86_mov_rr(l->o, 8, RDX, RAX);
        x86_alu_rr(l->o, ALU_OR, 8, RDX, y);
        x86_shift_ri(l->o, SH_SHR, 8, RDX, 32);
        narrow = x86_jcc(l->o, CC_E);
    }
    if (is_signed(op->op))
        x86_cqo(l->o, size);
    else
        x86_alu_rr(l->o, ALU_XOR, 4, RDX, RDX);
    x86_unary(l->o, is_signed(op->op) ? UN_IDIV : UN_DIV, size, y);
    if (size < 8)
        return;
    lo_fix_cold(l, narrow);
    x86_unary(&l->cold, UN_DIV, 4, y); /* edx is 0 */
    lo_jmp_hot(l);
}

/* Jumps for the divisors 0 and, signed, -1. */
static u8 *if_guarded(struct low *l, const struct ir_op *op, unsigned size, enum x86_reg y)
{
    if (!is_signed(op->op)) {
        x86_test_rr(l->o, size, y, y);
        return x86_jcc(l->o, CC_E);
    }
    x86_lea(l->o, size, RAX, x86_at(y, 1));
    x86_alu_ri(l->o, ALU_CMP, size, RAX, 1);
    return x86_jcc(l->o, CC_BE);
}

/* In the cold part: d = value `zero` when y is 0, else x / -1, which traps for the lowest x. */
static void define(struct low *l, const struct ir_op *op, u32 zero, enum x86_reg d, enum x86_reg x,
                   enum x86_reg y)
{
    const struct ir_op *c = &l->job->ir->ops[zero];
    unsigned size = op->type == IR_I64 ? 8 : 4;
    struct x86_out *o = &l->cold;
    u8 *minus1;

    x86_test_rr(o, size, y, y);
    minus1 = x86_jcc(o, CC_NE);
    if (c->op == IR_CONST)
        x86_mov_ri(o, d, c->imm & ~0ull >> (64 - 8 * size));
    else
        x86_mov_rr(o, size, d, x);
    lo_jmp_hot(l);
    x86_point(minus1, o->at);
    x86_mov_rr(o, size, d, x);
    if (is_remainder(op->op))
        x86_alu_rr(o, ALU_XOR, 4, d, d);
    else
        x86_unary(o, UN_NEG, size, d);
    lo_jmp_hot(l);
}

void low_div(struct low *l, const struct ir_op *op, u32 id)
{
    bool guarded = l->a.v[id].plan == PLAN_DIVISION;
    u32 zero = (u32)l->a.v[id].imm;
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_reg y = vals_use(&l->a, guarded ? l->job->ir->ops[op->b].c : op->b);
    enum x86_reg x = vals_use(&l->a, op->a);
    enum x86_reg d = vals_def(&l->a, id);
    u8 *undefined = guarded ? if_guarded(l, op, size, y) : NULL;

    x86_mov_rr(l->o, size, RAX, x);
    divide(l, op, size, y);
    x86_mov_rr(l->o, size, d, is_remainder(op->op) ? RDX : RAX);
    if (guarded) {
        lo_fix_cold(l, undefined);
        define(l, op, zero, d, x, y);
    }
}
