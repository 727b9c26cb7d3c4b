/*
 * host_lower_flags.c - carries, borrows and overflows, which the host's own flags are.
 *
 * A guest with condition flags asks for several of one sum or difference: the host has all of
 * them after one operation. low.flags says of which, and up to where in the code they are good:
 * what comes between is moves alone, or the place is another one.
 */
#include "engine/base/host_lower_ops.h"

void lo_flags_note(struct low *l, unsigned op, u32 a, u32 b, u32 result)
{
    l->flags = (struct low_flags){ .op = (u8)op, .a = a, .b = b, .result = result, .at = l->o->at };
}

static bool are_good(const struct low *l)
{
    return l->flags.at == l->o->at;
}

bool lo_flags_of(const struct low *l, u32 id)
{
    return are_good(l) && l->flags.result == id;
}

/* How the operation that left the flags is told apart: a logical one by its result. */
bool lo_flags_are(const struct low *l, const struct lower_test *t)
{
    const struct low_flags *f = &l->flags;

    if (!are_good(l))
        return false;
    switch (t->of) {
    case COND_SUB: return f->op == IR_SUB && f->a == t->a && f->b == t->b;
    case COND_ADD: return f->op == IR_ADD && f->a == t->a && f->b == t->b;
    default: return (f->op == IR_AND || f->op == IR_OR || f->op == IR_XOR) && f->result == t->a;
    }
}

void lo_flags_note_test(struct low *l, const struct lower_test *t)
{
    if (t->of == COND_LOGIC)
        lo_flags_note(l, IR_AND, IR_NO_VAL, IR_NO_VAL, t->a);
    else
        lo_flags_note(l, t->of == COND_SUB ? IR_SUB : IR_ADD, t->a, t->b, IR_NO_VAL);
}

void lo_flags_compare(struct low *l, struct x86_out *o, const struct lower_test *t)
{
    unsigned size = ir_type_size(l->a.v[t->a].type);
    enum x86_reg x = vals_peek(&l->a, o, t->a, RAX);
    s32 imm;

    if (t->of == COND_LOGIC) {
        x86_test_rr(o, size, x, x);
        return;
    }
    if (t->of == COND_ADD && x != RAX) {
        x86_mov_rr(o, size, RAX, x);
        x = RAX;
    }
    if (vals_imm(&l->a, t->b, &imm))
        x86_alu_ri(o, t->of == COND_ADD ? ALU_ADD : ALU_CMP, size, x, imm);
    else
        x86_alu_rr(o, t->of == COND_ADD ? ALU_ADD : ALU_CMP, size, x,
                   vals_peek(&l->a, o, t->b, RDX));
}

/* In the hot part, where what has no register gets one. Uses rax, rdx. */
static enum x86_cond test(struct low *l, const struct lower_test *t)
{
    if (!lo_flags_are(l, t)) {
        vals_use(&l->a, t->a);
        lo_flags_compare(l, l->o, t);
        lo_flags_note_test(l, t);
    }
    return (enum x86_cond)t->cc;
}

enum x86_cond lo_cond_test(struct low *l, u32 id)
{
    const struct lower_cond *c = &l->job->room->cond[id];

    if (c->when.of == COND_NONE)
        return test(l, &c->is);
    x86_setcc(l->o, test(l, &c->is), RCX);
    x86_setcc(l->o, test(l, &c->when) ^ (unsigned)c->otherwise, RAX);
    x86_alu_rr(l->o, c->otherwise ? ALU_OR : ALU_AND, 4, RAX, RCX);
    return CC_NE;
}

void lo_flags_set(struct low *l, enum x86_cond cc, u32 id)
{
    bool good = are_good(l);

    x86_setcc(l->o, cc, vals_def(&l->a, id));
    if (good)
        l->flags.at = l->o->at; /* moves alone */
}

static bool is_difference(unsigned op)
{
    return op == IR_BORROW || op == IR_SUBOVF;
}

static bool is_zero(struct low *l, u32 id)
{
    const struct val *v = vals_of(&l->a, id);

    return v->kind == VAL_CONST && v->imm == 0;
}

/* The host's carry becomes the i1 value `id`. */
static void carry_in(struct low *l, u32 id)
{
    x86_mov_rr(l->o, 4, RCX, vals_use(&l->a, id));
    x86_unary(l->o, UN_NEG, 1, RCX);
}

static void emit_flags(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(l->a.v[op->a].type);
    bool sub = is_difference(op->op), carry = !is_zero(l, op->c);
    enum x86_alu alu = sub ? (carry ? ALU_SBB : ALU_CMP) : (carry ? ALU_ADC : ALU_ADD);
    enum x86_reg x = vals_use(&l->a, op->a), y = X86_NO_REG;
    s32 imm;

    if (!vals_imm(&l->a, op->b, &imm))
        y = vals_use(&l->a, op->b);
    if (carry)
        carry_in(l, op->c);
    if (alu != ALU_CMP) {
        x86_mov_rr(l->o, size, RAX, x);
        x = RAX;
    }
    if (y == X86_NO_REG)
        x86_alu_ri(l->o, alu, size, x, imm);
    else
        x86_alu_rr(l->o, alu, size, x, y);
    if (!carry)
        lo_flags_note(l, sub ? IR_SUB : IR_ADD, op->a, op->b, IR_NO_VAL);
}

/* Is its one use a NOT? Then that is where it is done. */
static bool is_negated(const struct low *l, u32 id)
{
    return l->a.v[id].uses == 1 && l->job->ir->ops[l->a.v[id].last_use].op == IR_NOT;
}

static enum x86_cond condition(struct low *l, const struct ir_op *op)
{
    unsigned of = is_difference(op->op) ? IR_SUB : IR_ADD;

    if (!are_good(l) || l->flags.op != of || l->flags.a != op->a || l->flags.b != op->b ||
        !is_zero(l, op->c))
        emit_flags(l, op);
    return op->op == IR_CARRY || op->op == IR_BORROW ? CC_B : CC_O;
}

bool lo_is_flag(unsigned op)
{
    return op == IR_CARRY || op == IR_BORROW || op == IR_ADDOVF || op == IR_SUBOVF;
}

void low_flag(struct low *l, const struct ir_op *op, u32 id)
{
    if (is_negated(l, id)) {
        lo_keep_until(l, op->a, l->a.v[id].last_use);
        lo_keep_until(l, op->b, l->a.v[id].last_use);
        lo_keep_until(l, op->c, l->a.v[id].last_use);
        return;
    }
    lo_flags_set(l, condition(l, op), id);
}

bool lo_not_flag(struct low *l, const struct ir_op *op, u32 id)
{
    const struct ir_op *of = &l->job->ir->ops[op->a];

    if (!lo_is_flag(of->op) || !is_negated(l, op->a))
        return false;
    lo_flags_set(l, condition(l, of) ^ 1, id);
    return true;
}
