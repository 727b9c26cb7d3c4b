/*
 * host_plan_cond.c - conditions of a guest's flags that are conditions of the host's.
 *
 * A guest with condition flags compares, sets four of them, and asks for some later: its branch on
 * "less" reads two and compares them. Of a value that is i1 this finds out whether one host
 * comparison and one host condition say the same: then a branch, select or raise that asks for it
 * makes that comparison, if the flags are not there any more, and the guest's own flags need
 * not be in registers at all. A conditional comparison is two of them. Design:
 * docs/design/0014-flags.md.
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

static const struct lower_cond no_cond = { .is.of = COND_NONE };

static struct lower_cond simple(enum lower_cond_of of, enum x86_cond cc, u32 a, u32 b)
{
    return (struct lower_cond){ .is = { (u8)of, (u8)cc, a, b } };
}

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
        return simple(COND_SUB, cc, op->a, op->b);
    if (op->op == IR_ADD)
        return simple(COND_ADD, cc, op->a, op->b);
    return simple(COND_LOGIC, cc, r, r);
}

static bool is_test(const struct lower_cond *c)
{
    return c->is.of != COND_NONE && c->is.of != COND_CONST;
}

/* N == V; after logic V is 0. */
static struct lower_cond of_equal(const struct lower_cond *n, const struct lower_cond *v)
{
    struct lower_cond c = *n;

    if (n->is.cc != CC_S || !is_test(n))
        return no_cond;
    c.is.cc = CC_GE;
    c.otherwise = n->otherwise == v->otherwise;
    if (n->is.of == COND_LOGIC && n->when.of == COND_NONE && v->is.of == COND_CONST &&
        v->is.cc == 0)
        return c;
    return lower_cond_same(n, v) && v->is.cc == CC_O ? c : no_cond;
}

static struct lower_cond of_not(struct lower_cond c)
{
    if (c.is.of != COND_NONE)
        c.is.cc ^= 1; /* a constant, too */
    c.otherwise = !c.otherwise;
    return c;
}

/* x and not Z: "higher" of "carry" after a subtraction, "greater" of "not less". */
static struct lower_cond of_andn(const struct lower_cond *x, const struct lower_cond *z)
{
    struct lower_cond c = *x;

    if (x->is.of == COND_CONST)
        return x->is.cc ? of_not(*z) : *x;
    if (!is_test(x) || !lower_cond_same(x, z) || z->is.cc != CC_E)
        return no_cond;
    c.otherwise = x->otherwise && !z->otherwise;
    if (x->is.cc == CC_GE)
        c.is.cc = CC_G;
    else if (x->is.cc == CC_AE && x->is.of == COND_SUB)
        c.is.cc = CC_A;
    else
        return no_cond;
    return c;
}

/* As conditional comparisons have it: a flag of a comparison where another one holds, else a
 * constant. */
static struct lower_cond of_select(const struct cond_plan *p, const struct ir_op *op)
{
    const struct lower_cond *when = &p->cond[op->a];
    struct lower_cond c = p->cond[op->b];

    if (!is_test(when) || when->when.of != COND_NONE || !is_test(&c) || c.when.of != COND_NONE ||
        p->ops[op->c].op != IR_CONST)
        return no_cond;
    c.when = when->is;
    c.otherwise = p->ops[op->c].imm & 1;
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
    return simple(of, cc, op->a, op->b);
}

/* What the i1 operation says. */
static struct lower_cond cond_of(const struct cond_plan *p, const struct ir_op *op)
{
    const struct ir_op *a = op->a == IR_NO_VAL ? NULL : &p->ops[op->a];

    switch (op->op) {
    case IR_CONST: return simple(COND_CONST, (enum x86_cond)(op->imm & 1), 0, 0);
    case IR_GET: return of_get(p, op);
    case IR_NOT: return of_not(p->cond[op->a]);
    case IR_ANDN: return of_andn(&p->cond[op->a], &p->cond[op->b]);
    case IR_SELECT: return of_select(p, op);
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

static void keep_test(struct low *l, const struct lower_test *t, u32 until)
{
    if (t->of == COND_NONE)
        return;
    lo_keep_until(l, t->a, until);
    lo_keep_until(l, t->b, until);
    l->a.v[t->a].uses += 2; /* nobody is its only user */
    l->a.v[t->b].uses += 2;
}

void lo_keep_for(struct low *l, const struct lower_cond *c, u32 until)
{
    keep_test(l, &c->is, until);
    keep_test(l, &c->when, until);
}

static bool is_far(const struct cond_plan *p, const struct ir_op *op, const struct lower_test *t)
{
    return t->of != COND_NONE && op->insn > p->ops[t->a].insn + FAR;
}

/* The condition that `by` asks for, if it is one of the host's and not a comparison that is made
 * there anyway. */
static void plan_ask(struct cond_plan *p, const struct ir_op *by)
{
    u32 id = by->a;
    const struct ir_op *op = &p->ops[id];
    const struct lower_cond *c = &p->cond[id];
    struct val *v = &p->l->a.v[id];

    if (v->plan != PLAN_NONE || op->type != IR_I1 || !is_test(c) ||
        (lo_is_compare(op->op) && p->ops[op->a].type != IR_I1) || lo_is_flag(op->op) ||
        is_far(p, op, &c->is) || is_far(p, op, &c->when) || !is_asked_only(p, id))
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

        if (l->called_insns >> op->insn & 1) {
            p.count = 0; /* its handler sets what it likes */
            if (op->type == IR_I1)
                p.cond[i] = no_cond;
        } else if (op->op == IR_SET) {
            note_set(&p, op);
        } else if (op->op == IR_SETX) {
            p.count = 0;
        } else {
            if (asks(op))
                plan_ask(&p, op);
            if (op->type == IR_I1)
                p.cond[i] = cond_of(&p, op);
        }
    }
}
