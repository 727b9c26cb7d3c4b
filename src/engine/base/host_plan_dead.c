/*
 * host_plan_dead.c - condition flags that nobody reads.
 *
 * Most instructions of a guest with flags that set some are followed by others that set them
 * again. A SET of an i1 slot is dead when another SET of it comes before anything that reads it,
 * may fault, may leave the block or is left to a handler; what only dead operations use is dead,
 * too.
 */
#include "engine/base/host_lower_fp.h"

enum { SLOTS_MAX = 8 };

struct dead {
    struct low *l;
    u16 slots[SLOTS_MAX]; /* set again before anybody looks */
    unsigned count;
};

static bool uses(const struct ir_op *op, u32 id)
{
    return op->a == id || op->b == id || op->c == id;
}

/* Operation `user` does not use value `id` any more. */
static void drop_use(struct low *l, u32 id, u32 user)
{
    const struct ir_op *ops = l->job->ir->ops;
    struct val *v;

    if (id == IR_NO_VAL)
        return;
    v = &l->a.v[id];
    v->uses--;
    if (v->last_use != user || ops[id].op == IR_CONST || ops[id].op == IR_PC)
        return;
    for (v->last_use = user - 1; v->last_use > id; v->last_use--)
        if (uses(&ops[v->last_use], id))
            return;
}

static void kill(struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];

    l->a.v[id].plan = PLAN_SKIP;
    drop_use(l, op->a, id);
    drop_use(l, op->b, id);
    drop_use(l, op->c, id);
}

static bool is_pure(const struct ir_op *op)
{
    return op->op == IR_GET ||
           (op->type != IR_NONE && ir_op_infos[op->op].effects == 0 && op->op != IR_CALL &&
            op->op != IR_INSN && op->op != IR_CONST && op->op != IR_PC);
}

static unsigned find(const struct dead *d, u64 offset)
{
    unsigned i = 0;

    while (i < d->count && d->slots[i] != offset)
        i++;
    return i;
}

/* The SET of a flag: dead, or what makes those before it dead. */
static void set_flag(struct dead *d, u32 id)
{
    u64 offset = d->l->job->ir->ops[id].imm;

    if (find(d, offset) < d->count)
        kill(d->l, id);
    else if (d->count < SLOTS_MAX)
        d->slots[d->count++] = (u16)offset;
}

static void get(struct dead *d, const struct ir_op *op)
{
    unsigned i = 0;

    while (i < d->count)
        if (d->slots[i] >= op->imm && d->slots[i] < op->imm + ir_type_size(op->type))
            d->slots[i] = d->slots[--d->count];
        else
            i++;
}

/* One instruction that is done in place, operations [from, to), backwards. */
static void go_through(struct dead *d, u32 from, u32 to)
{
    const struct low *l = d->l;

    for (u32 i = to; i-- > from;) {
        const struct ir_op *op = &l->job->ir->ops[i];
        u8 effects = ir_op_infos[op->op].effects;

        if (op->op == IR_SET && op->type == IR_I1)
            set_flag(d, i);
        else if (is_pure(op) && l->a.v[i].uses == 0)
            kill(d->l, i);
        else if (op->op == IR_GET)
            get(d, op);
        else if (effects & ~(unsigned)IRE_WRITE || op->op == IR_CALL)
            d->count = 0;
    }
}

void lo_dead_plan(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    struct dead d = { .l = l };
    u32 from;

    for (u32 to = ir->op_count; to; to = from) {
        bool native = true;

        for (from = to - 1; from && ir->ops[from].op != IR_INSN; from--)
            native = native && lo_is_native(l, &ir->ops[from]);
        if (native)
            go_through(&d, from, to);
        else
            d.count = 0;
    }
}
