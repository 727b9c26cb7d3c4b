/*
 * host_lower_cmp.c - comparisons, selection, minimum and maximum.
 */
#include "engine/base/host_lower_fp.h"

#include "ir/check.h"

/* --- comparison --- */

static enum x86_cond cond_of(unsigned op)
{
    switch (op) {
    case IR_EQ: return CC_E;
    case IR_NE: return CC_NE;
    case IR_LTU: return CC_B;
    case IR_LEU: return CC_BE;
    case IR_LTS: return CC_L;
    default: return CC_LE;
    }
}

bool lo_is_compare(unsigned op)
{
    return op == IR_EQ || op == IR_NE || op == IR_LTU || op == IR_LEU || op == IR_LTS ||
           op == IR_LES;
}

/* Of swapped operands. */
static enum x86_cond swapped(enum x86_cond cc)
{
    switch (cc) {
    case CC_B: return CC_A;
    case CC_BE: return CC_AE;
    case CC_L: return CC_G;
    case CC_LE: return CC_GE;
    default: return cc;
    }
}

static void compare_imm(struct low *l, unsigned size, u32 id, s32 imm)
{
    struct x86_mem m;
    enum x86_reg x;

    if (vals_memory(&l->a, id, &m) && !vals_has_register(&l->a, id)) {
        x86_alu_mi(l->o, ALU_CMP, size, m, imm);
        return;
    }
    x = vals_use(&l->a, id);
    if (imm == 0)
        x86_test_rr(l->o, size, x, x);
    else
        x86_alu_ri(l->o, ALU_CMP, size, x, imm);
}

static enum x86_cond emit_compare(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(l->a.v[op->a].type);
    enum x86_reg x;
    s32 imm;

    if (vals_imm(&l->a, op->b, &imm)) {
        compare_imm(l, size, op->a, imm);
        return cond_of(op->op);
    }
    if (vals_imm(&l->a, op->a, &imm)) {
        compare_imm(l, size, op->b, imm);
        return swapped(cond_of(op->op));
    }
    x = vals_use(&l->a, op->a);
    x86_alu_rr(l->o, ALU_CMP, size, x, vals_use(&l->a, op->b));
    return cond_of(op->op);
}

/* The one use of a value, or NULL where there are others. */
static const struct ir_op *one_user(const struct low *l, u32 id)
{
    return l->a.v[id].uses == 1 ? &l->job->ir->ops[l->a.v[id].last_use] : NULL;
}

/* Is the truth of value `id` what it is about? */
static bool asks(const struct ir_op *user, u32 id)
{
    return user && user->a == id &&
           (user->op == IR_JUMPIF || user->op == IR_RAISEIF || user->op == IR_SELECT);
}

/* A negation whose one use is the next branch, raise or select turns that around. */
static bool is_turned(const struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];

    return op->op == IR_NOT && op->type == IR_I1 && !lo_is_flag(l->job->ir->ops[op->a].op) &&
           asks(one_user(l, id), id);
}

/* A comparison whose one use is such, or such a negation, is emitted there. */
static bool is_fused(const struct low *l, u32 id)
{
    const struct ir_op *user = one_user(l, id);

    if (!lo_is_compare(l->job->ir->ops[id].op) || !user)
        return false;
    return asks(user, id) || (user->op == IR_NOT && is_turned(l, l->a.v[id].last_use));
}

/* Where a fused comparison is emitted. */
static u32 fused_at(const struct low *l, u32 id)
{
    u32 user = l->a.v[id].last_use;

    return l->job->ir->ops[user].op == IR_NOT ? l->a.v[user].last_use : user;
}

void lo_keep_until(struct low *l, u32 id, u32 use)
{
    struct val *v = &l->a.v[l->a.v[id].same_as];

    if (v->last_use < use)
        v->last_use = use;
    if (l->a.v[id].last_use < use)
        l->a.v[id].last_use = use;
}

/* Of a value just computed with 0: the flags are there. */
static bool sign_or_zero(struct low *l, const struct ir_op *op, enum x86_cond *cc)
{
    const struct val *b = vals_of(&l->a, op->b);

    if (b->kind != VAL_CONST || b->imm != 0 || !lo_flags_of(l, op->a))
        return false;
    *cc = op->op == IR_EQ ? CC_E : op->op == IR_NE ? CC_NE : CC_S;
    return op->op == IR_EQ || op->op == IR_NE || op->op == IR_LTS;
}

void low_compare(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_cond cc;

    if (is_fused(l, id)) {
        lo_keep_until(l, op->a, fused_at(l, id));
        lo_keep_until(l, op->b, fused_at(l, id));
        return;
    }
    if (!sign_or_zero(l, op, &cc))
        cc = emit_compare(l, op);
    lo_flags_set(l, cc, id);
}

bool lo_not_turned(struct low *l, const struct ir_op *op, u32 id)
{
    if (!is_turned(l, id))
        return false;
    if (!is_fused(l, op->a))
        lo_keep_until(l, op->a, l->a.v[id].last_use);
    return true;
}

/* Puts the truth of value `id` in the flags. */
enum x86_cond lo_test_true(struct low *l, u32 id)
{
    enum x86_reg r;

    if (l->a.v[id].plan == PLAN_COND)
        return lo_cond_test(l, id);
    if (is_turned(l, id))
        return lo_test_true(l, l->job->ir->ops[id].a) ^ 1;
    if (is_fused(l, id))
        return emit_compare(l, &l->job->ir->ops[id]);
    r = vals_use(&l->a, id);
    x86_test_rr(l->o, 1, r, r);
    return CC_NE;
}

/* --- comparisons whose outcome is known --- */

static struct low_fact fact_of(const struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];

    return (struct low_fact){ op->op, l->a.v[op->a].same_as, l->a.v[op->b].same_as };
}

/* Of a bit that some state holds: that a trap is on. */
static struct low_fact truth_of(const struct low *l, u32 id)
{
    return (struct low_fact){ IR_GET, l->a.v[id].same_as, l->a.v[id].same_as };
}

static bool has_fact(const struct low *l, struct low_fact f)
{
    for (unsigned i = 0; i < LOWER_FACTS && i < l->fact_count; i++)
        if (l->facts[i].op == f.op && l->facts[i].a == f.a && l->facts[i].b == f.b)
            return true;
    return false;
}

bool lo_is_false(struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];
    struct low_fact f;

    if (!is_fused(l, id))
        return l->a.v[id].plan == PLAN_NONE && has_fact(l, truth_of(l, id));
    if (lo_fp_is_false(l, op))
        return true;
    f = fact_of(l, id);
    if (l->a.v[f.a].kind == VAL_CONST && l->a.v[f.b].kind == VAL_CONST)
        return !ir_pure(op, ir_type_bits(l->a.v[op->a].type), l->a.v[f.a].imm, l->a.v[f.b].imm, 0);
    return has_fact(l, f);
}

void lo_note_false(struct low *l, u32 id)
{
    if (is_fused(l, id) || l->a.v[id].plan == PLAN_NONE)
        l->facts[l->fact_count++ % LOWER_FACTS] =
            is_fused(l, id) ? fact_of(l, id) : truth_of(l, id);
}

/* Are they 1 and 0, or 0 and 1? */
static bool is_bit(struct low *l, u32 yes, u32 no)
{
    const struct val *y = vals_of(&l->a, yes), *n = vals_of(&l->a, no);

    return y->kind == VAL_CONST && n->kind == VAL_CONST && y->imm <= 1 && n->imm == (y->imm ^ 1);
}

void low_select(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_reg yes, no;
    enum x86_cond cc;

    if (is_bit(l, op->b, op->c)) {
        cc = lo_test_true(l, op->a) ^ (unsigned)vals_of(&l->a, op->c)->imm;
        x86_setcc(l->o, cc, vals_def(&l->a, id));
        return;
    }
    yes = vals_use(&l->a, op->b);
    no = vals_use(&l->a, op->c);
    /* moves between the comparison and its use leave the flags alone */
    cc = lo_test_true(l, op->a);
    x86_mov_rr(l->o, size, RAX, no);
    x86_cmov(l->o, cc, size, RAX, yes);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RAX);
    l->a.v[id].clean = op->type == IR_I64 || (!lo_is_narrow(op->type) && op->type != IR_I1) ||
                       (l->a.v[op->b].clean && l->a.v[op->c].clean);
}

void low_minmax(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_cond cc = op->op == IR_MINU   ? CC_A
                       : op->op == IR_MAXU ? CC_B
                       : op->op == IR_MINS ? CC_G
                                           : CC_L;
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->a));
    x86_alu_rr(l->o, ALU_CMP, size, RAX, y);
    x86_cmov(l->o, cc, size, RAX, y);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RAX);
}
