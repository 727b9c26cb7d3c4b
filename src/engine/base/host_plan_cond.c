/*
 * host_plan_cond.c - conditions of a guest's flags that are conditions of the host's.
 *
 * A guest with condition flags compares, sets four of them, and asks for some later: its branch on
 * "less" reads two and compares them. Of a value that is i1 this finds out whether one host
 * comparison and one host condition say the same: then a branch, select or raise that asks for it
 * makes that comparison, if the flags are not there any more, and the guest's own flags need
 * not be in registers at all.
 */
#include "engine/base/host_lower_fp.h"

enum { SLOTS_MAX = 8, FAR = 8 /* instructions from a comparison to who asks */ };

struct cond_plan {
    struct low *l;
    const struct ir_op *ops;
    struct lower_cond *cond;
    struct {
        u16 offset;
        u32 value;
    } slots[SLOTS_MAX]; /* i1 state and what was last set to it */
    unsigned count;
};

static const struct lower_cond no_cond = { .of = COND_NONE };

static bool is_const(const struct cond_plan *p, u32 id, u64 value)
{
    return p->ops[id].op == IR_CONST && p->ops[id].imm == value;
}

static bool is_word(const struct ir_op *op)
{
    return op->type == IR_I32 || op->type == IR_I64;
}

/* Of a comparison of value r with 0. */
static struct lower_cond of_result(const struct cond_plan *p, u32 r, enum x86_cond cc)
{
    const struct ir_op *op = &p->ops[r];

    if (op->op == IR_SUB)
        return (struct lower_cond){ COND_SUB, (u8)cc, op->a, op->b, 0 };
    if (op->op == IR_ADD)
        return (struct lower_cond){ COND_ADD, (u8)cc, op->a, op->b, 0 };
    return (struct lower_cond){ COND_LOGIC, (u8)cc, r, r, 0 };
}

static bool same(const struct lower_cond *x, const struct lower_cond *y)
{
    return x->of == y->of && x->a == y->a && x->b == y->b;
}

/* N == V; after logic V is 0. */
static struct lower_cond of_equal(const struct lower_cond *n, const struct lower_cond *v)
{
    struct lower_cond c = *n;

    if (n->cc != CC_S || n->of == COND_NONE || n->of == COND_CONST)
        return no_cond;
    if ((n->of == COND_LOGIC && v->of == COND_CONST && v->cc == 0) ||
        (same(n, v) && v->cc == CC_O)) {
        c.cc = CC_GE;
        return c;
    }
    return no_cond;
}

/* x and not Z: "higher" of "carry" after a subtraction, "greater" of "not less". */
static struct lower_cond of_andn(const struct lower_cond *x, const struct lower_cond *z)
{
    struct lower_cond c = *x;

    if (x->of == COND_NONE || x->of == COND_CONST || !same(x, z) || z->cc != CC_E)
        return no_cond;
    if (x->cc == CC_GE)
        c.cc = CC_G;
    else if (x->cc == CC_AE && x->of == COND_SUB)
        c.cc = CC_A;
    else
        return no_cond;
    return c;
}

static struct lower_cond of_not(struct lower_cond c)
{
    if (c.of != COND_NONE)
        c.cc ^= 1; /* a constant, too */
    return c;
}

static struct lower_cond of_get(const struct cond_plan *p, const struct ir_op *op)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->slots[i].offset == op->imm)
            return p->cond[p->slots[i].value];
    return no_cond;
}

static struct lower_cond of_flag(const struct cond_plan *p, const struct ir_op *op,
                                 enum lower_cond_of of, enum x86_cond cc)
{
    if (!is_const(p, op->c, 0) || !is_word(&p->ops[op->a]))
        return no_cond;
    return (struct lower_cond){ (u8)of, (u8)cc, op->a, op->b, 0 };
}

/* What the i1 operation says. */
static struct lower_cond cond_of(const struct cond_plan *p, const struct ir_op *op)
{
    const struct ir_op *a = op->a == IR_NO_VAL ? NULL : &p->ops[op->a];

    switch (op->op) {
    case IR_CONST: return (struct lower_cond){ COND_CONST, op->imm & 1, 0, 0, 0 };
    case IR_GET: return of_get(p, op);
    case IR_NOT: return of_not(p->cond[op->a]);
    case IR_ANDN: return of_andn(&p->cond[op->a], &p->cond[op->b]);
    case IR_BORROW: return of_flag(p, op, COND_SUB, CC_B);
    case IR_SUBOVF: return of_flag(p, op, COND_SUB, CC_O);
    case IR_CARRY: return of_flag(p, op, COND_ADD, CC_B);
    case IR_ADDOVF: return of_flag(p, op, COND_ADD, CC_O);
    case IR_EQ:
        if (a->type == IR_I1)
            return of_equal(&p->cond[op->a], &p->cond[op->b]);
        return is_word(a) && is_const(p, op->b, 0) ? of_result(p, op->a, CC_E) : no_cond;
    case IR_LTS: return is_word(a) && is_const(p, op->b, 0) ? of_result(p, op->a, CC_S) : no_cond;
    default: return no_cond;
    }
}

static void forget(struct cond_plan *p, u64 offset, unsigned size)
{
    unsigned i = 0;

    while (i < p->count)
        if (p->slots[i].offset >= offset && p->slots[i].offset < offset + size)
            p->slots[i] = p->slots[--p->count];
        else
            i++;
}

static void note_set(struct cond_plan *p, const struct ir_op *op)
{
    forget(p, op->imm, ir_type_size(op->type));
    if (op->type != IR_I1 || p->count == SLOTS_MAX)
        return;
    p->slots[p->count].offset = (u16)op->imm;
    p->slots[p->count++].value = op->a;
}

static bool asks(const struct ir_op *op)
{
    return op->op == IR_JUMPIF || op->op == IR_RAISEIF || op->op == IR_SELECT;
}

/* Do only branches, selects and raises use it? */
static bool is_asked_only(const struct cond_plan *p, u32 id)
{
    const struct val *v = &p->l->a.v[id];
    u32 asked = 0;

    for (u32 i = id + 1; i <= v->last_use; i++)
        asked += asks(&p->ops[i]) && p->ops[i].a == id;
    return asked == v->uses;
}

void lo_keep_for(struct low *l, const struct lower_cond *c, u32 until)
{
    lo_keep_until(l, c->a, until);
    lo_keep_until(l, c->b, until);
    l->a.v[c->a].uses += 2; /* nobody is its only user */
    l->a.v[c->b].uses += 2;
}

/* The condition that `by` asks for, if it is one of the host's and not a comparison that is made
 * there anyway. */
static void plan_ask(struct cond_plan *p, const struct ir_op *by)
{
    u32 id = by->a;
    const struct ir_op *op = &p->ops[id];
    const struct lower_cond *c = &p->cond[id];
    struct val *v = &p->l->a.v[id];

    if (v->plan != PLAN_NONE || op->type != IR_I1 || c->of == COND_NONE || c->of == COND_CONST ||
        (lo_is_compare(op->op) && p->ops[op->a].type != IR_I1) || lo_is_flag(op->op) ||
        op->insn > p->ops[c->a].insn + FAR || !is_asked_only(p, id))
        return;
    lo_keep_for(p->l, c, v->last_use);
    lo_drop(p->l, id);
    v->plan = PLAN_COND;
}

void lo_cond_plan(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    struct cond_plan p = { .l = l, .ops = ir->ops, .cond = l->job->room->cond };

    if (!lower_may(l->job, ENGINE_OPT_FLAGS))
        return;
    for (u32 i = 0; i < ir->op_count; i++) {
        const struct ir_op *op = &ir->ops[i];

        if (op->op == IR_INSN && l->called_insns >> op->insn & 1)
            p.count = 0; /* its handler sets what it likes */
        if (l->called_insns >> op->insn & 1) {
            p.cond[i] = no_cond;
            continue;
        }
        if (op->op == IR_SET)
            note_set(&p, op);
        else if (op->op == IR_SETX)
            p.count = 0;
        else if (asks(op))
            plan_ask(&p, op);
        p.cond[i] = op->type == IR_I1 && op->op != IR_SET ? cond_of(&p, op) : no_cond;
    }
}
