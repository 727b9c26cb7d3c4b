/*
 * host_plan_flags.c - comparisons whose flags the guest throws away.
 *
 * Compilers compare ahead of a square root like this: read the flags, compare, write the same
 * flags back. A comparison so enclosed is done quietly, and the write has nothing to clear
 * in MXCSR: reading and loading it would wait for all arithmetic before.
 */
#include "engine/base/host_lower_fp.h"

enum { WINDOW = 48 }; /* operations looked at: three instructions */

struct window {
    const struct ir_op *ops;
    u32 count;
    u64 flags; /* offset of the flags */
    u64 copy;  /* of the state that holds what was read */
    u32 compare;
};

/* The flags read by `get`, widened, are what its instruction sets: where? */
static bool find_copy(struct window *w, u32 get)
{
    for (u32 i = get + 1; i < w->count && w->ops[i].insn == w->ops[get].insn; i++) {
        const struct ir_op *set = &w->ops[i], *v = &w->ops[set->op == IR_SET ? set->a : i];

        if (set->op == IR_SET && v->op == IR_ZEXT && v->a == get && set->type == IR_I64) {
            w->copy = set->imm;
            return true;
        }
    }
    return false;
}

static bool overlaps(const struct ir_op *op, u64 offset, unsigned size)
{
    return op->imm < offset + size && offset < op->imm + ir_type_size(op->type);
}

/* flags = trunc(and(copy, their mask)) */
static bool writes_back(const struct window *w, const struct ir_op *set)
{
    const struct ir_op *trunc = &w->ops[set->a], *and, *get;

    if (set->imm != w->flags || set->type != IR_I8 || trunc->op != IR_TRUNC)
        return false;
    and = &w->ops[trunc->a];
    get = &w->ops[ and->a];
    return and->op == IR_AND && get->op == IR_GET && get->type == IR_I64 && get->imm == w->copy;
}

/* The number of the write, when nothing but one comparison lies between. */
static u32 find_write(struct window *w, u32 from)
{
    w->compare = IR_NO_VAL;
    for (u32 i = from; i < w->count && i < from + WINDOW; i++) {
        const struct ir_op *op = &w->ops[i];

        switch (op->op) {
        case IR_SET:
            if (w->compare != IR_NO_VAL && writes_back(w, op))
                return i;
            if (overlaps(op, w->copy, 8) || overlaps(op, w->flags, 1))
                return IR_NO_VAL;
            break;
        case IR_FCMP:
            if (w->compare != IR_NO_VAL)
                return IR_NO_VAL;
            w->compare = i;
            break;
        case IR_GET:
            if (overlaps(op, w->flags, 1))
                return IR_NO_VAL;
            break;
        case IR_INSN:
        case IR_CONST:
        case IR_EQ:
        case IR_LTU:
        case IR_RAISEIF:
        case IR_ZEXT:
        case IR_AND:
        case IR_TRUNC:
        case IR_SHR:
        case IR_SELECT: break;
        default: return IR_NO_VAL;
        }
    }
    return IR_NO_VAL;
}

void lo_fp_plan_flags(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    struct window w = { .ops = ir->ops,
                        .count = ir->op_count,
                        .flags = l->job->isa->fp_env_offset + offsetof(struct fp_env, flags) };

    for (u32 i = 0; i < ir->op_count; i++) {
        const struct ir_op *op = &ir->ops[i];
        u32 next = i, write;

        if (op->op != IR_GET || op->imm != w.flags || op->type != IR_I8 || !find_copy(&w, i))
            continue;
        while (next < w.count && w.ops[next].insn == op->insn)
            next++;
        write = find_write(&w, next);
        if (write != IR_NO_VAL) {
            l->a.v[w.compare].plan = PLAN_QUIET;
            l->a.v[write].plan = PLAN_QUIET;
        }
    }
}
