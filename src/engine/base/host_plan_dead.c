/*
 * host_plan_dead.c - condition flags that nobody reads.
 *
 * Most instructions of a guest with flags that set some are followed by others that set them
 * again. A SET of an i1 slot is dead when another SET of it comes before anything that reads it,
 * may fault, may leave the block or is left to a handler; what only dead operations use is dead,
 * too. One that is a condition of the host's, and that nobody reads in the block, is not made
 * where it is set, but where the block is left (host_lower_lazy.c).
 */
#include "engine/base/host_lower_fp.h"

enum { SLOTS_MAX = 8 };

struct dead {
    struct low *l;
    struct {
        u16 offset;
        bool dead; /* set again before anybody looks */
        bool read; /* in this block, before it is set again */
        u32 until; /* the next operation that sets it, or where all state has to be in its place */
    } slots[SLOTS_MAX];
    unsigned count;
    u32 flush; /* the next such operation */
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

void lo_drop(struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];

    drop_use(l, op->a, id);
    drop_use(l, op->b, id);
    drop_use(l, op->c, id);
}

static void kill(struct low *l, u32 id)
{
    bool dropped = l->a.v[id].plan == PLAN_COND;

    l->a.v[id].plan = PLAN_SKIP;
    if (!dropped)
        lo_drop(l, id);
}

static bool is_pure(const struct ir_op *op)
{
    return op->op == IR_GET ||
           (op->type != IR_NONE && ir_op_infos[op->op].effects == 0 && op->op != IR_CALL &&
            op->op != IR_INSN && op->op != IR_CONST && op->op != IR_PC);
}

/* The slot's number; SLOTS_MAX: there is no room for it. */
static unsigned find(struct dead *d, u64 offset)
{
    unsigned i = 0;

    while (i < d->count && d->slots[i].offset != offset)
        i++;
    if (i == d->count && i < SLOTS_MAX) {
        d->slots[i].offset = (u16)offset;
        d->slots[i].dead = d->slots[i].read = false;
        d->slots[i].until = d->flush;
        d->count++;
    }
    return i;
}

/* It is made where it is wanted. */
static void put_off(struct dead *d, u32 id, u32 until)
{
    struct low *l = d->l;
    u32 value = l->job->ir->ops[id].a;
    struct lower_cond *c = &l->job->room->cond[id];

    *c = l->job->room->cond[value];
    c->until = until;
    lo_keep_for(l, c, until);
    lo_drop(l, id);
    l->a.v[id].plan = PLAN_LAZY;
}

static bool may_be_put_off(const struct low *l, u32 id)
{
    u32 value = l->job->ir->ops[id].a;
    u8 of;

    if (!lower_may(l->job, ENGINE_OPT_FLAGS))
        return false; /* nobody made a plan */
    of = l->job->room->cond[value].is.of;
    return l->a.v[value].uses == 1 && l->a.v[value].plan == PLAN_NONE && of != COND_NONE &&
           of != COND_CONST;
}

/* The SET of a flag: dead, or what makes those before it dead. */
static void set_flag(struct dead *d, u32 id)
{
    unsigned i = find(d, d->l->job->ir->ops[id].imm);

    if (i == SLOTS_MAX)
        return;
    if (d->slots[i].dead) {
        kill(d->l, id);
        return;
    }
    if (!d->slots[i].read && may_be_put_off(d->l, id))
        put_off(d, id, d->slots[i].until);
    d->slots[i].dead = true;
    d->slots[i].read = false;
    d->slots[i].until = id;
}

static void get(struct dead *d, const struct ir_op *op)
{
    if (op->type == IR_I1)
        find(d, op->imm);
    for (unsigned i = 0; i < d->count; i++)
        if (d->slots[i].offset >= op->imm &&
            d->slots[i].offset < op->imm + ir_type_size(op->type)) {
            d->slots[i].dead = false;
            d->slots[i].read = true;
        }
}

/* Somebody may look at state from here on. */
static void look(struct dead *d)
{
    for (unsigned i = 0; i < d->count; i++)
        d->slots[i].dead = false;
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
        else if (op->op == IR_GET && l->a.v[i].plan != PLAN_COND)
            get(d, op);
        else if (effects & ~(unsigned)IRE_WRITE || op->op == IR_CALL)
            look(d);
    }
}

/* Which instructions are left to their handlers? */
static void note_called(struct low *l)
{
    const struct ir_block *ir = l->job->ir;

    for (u32 i = 0; i < ir->op_count; i++)
        if (!lo_is_native(l, &ir->ops[i]))
            l->called_insns |= 1ull << ir->ops[i].insn;
}

void lo_dead_plan(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    struct dead d = { .l = l, .flush = ir->op_count };
    u32 from;

    note_called(l);
    lo_cond_plan(l);
    for (u32 to = ir->op_count; to; to = from) {
        for (from = to - 1; from && ir->ops[from].op != IR_INSN; from--)
            ;
        if (!(l->called_insns >> ir->ops[from].insn & 1)) {
            go_through(&d, from, to);
            continue;
        }
        d.count = 0;
        d.flush = from;
    }
}
