/*
 * host_lower_lazy.c - flags that are made where somebody may look at them.
 *
 * A SET that host_plan_dead.c put off leaves a note: which byte of state, and of which comparison
 * it is which condition. The bytes are written where the block is left or all state has to be in
 * its place, by SETcc, after the comparison where the host's flags are not those already; in
 * cold parts whenever that is where they are wanted.
 */
#include "engine/base/host_lower_fp.h"

void lo_lazy_set(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned i = 0;

    vals_discard(&l->a, (u16)op->imm, 1);
    while (i < l->lazy_count && l->lazy[i].offset != op->imm)
        i++;
    if (i == LOWER_LAZY) { /* more flags than any guest has */
        l->failed = true;
        return;
    }
    l->lazy_count += i == l->lazy_count;
    l->lazy[i].offset = (u16)op->imm;
    l->lazy[i].cond = l->job->room->cond[id];
}

static struct x86_mem place(const struct low_lazy *f)
{
    return cpu_at(VCPU_STATE_OFF + f->offset);
}

/* The flags from number i on that are conditions like it. Returns whose flags the host's are then.
 */
static const struct lower_test *write_some(struct low *l, struct x86_out *o, unsigned i, u32 *done,
                                           const struct lower_test *has)
{
    const struct lower_cond *c = &l->lazy[i].cond;
    u32 these = 0;
    u8 *holds;

    if (!has || !lower_test_same(has, &c->is))
        lo_flags_compare(l, o, &c->is);
    for (unsigned k = i; k < l->lazy_count; k++)
        if (lower_cond_same(&l->lazy[k].cond, c)) {
            these |= 1u << k;
            x86_setcc_m(o, (enum x86_cond)l->lazy[k].cond.is.cc, place(&l->lazy[k]));
        }
    *done |= these;
    if (c->when.of == COND_NONE)
        return &c->is;
    lo_flags_compare(l, o, &c->when);
    holds = x86_jcc(o, (enum x86_cond)c->when.cc);
    for (unsigned k = i; k < l->lazy_count; k++)
        if (these >> k & 1)
            x86_mov_mi(o, 1, place(&l->lazy[k]), l->lazy[k].cond.otherwise);
    x86_point(holds, o->at);
    return &c->when;
}

/* has: whose flags the host's are at this place of `o`; NULL: nobody's. */
static const struct lower_test *write_all(struct low *l, struct x86_out *o,
                                          const struct lower_test *has)
{
    u32 done = 0;

    for (unsigned i = 0; i < l->lazy_count; i++)
        if (!(done >> i & 1))
            has = write_some(l, o, i, &done, has);
    return has;
}

/* One whose flags the host's are, if any is. */
static const struct lower_test *present(const struct low *l)
{
    for (unsigned i = 0; i < l->lazy_count; i++)
        if (lo_flags_are(l, &l->lazy[i].cond.is))
            return &l->lazy[i].cond.is;
    return NULL;
}

void lo_lazy_write(struct low *l)
{
    if (l->lazy_count == 0)
        return;
    lo_flags_note_test(l, write_all(l, l->o, present(l)));
    l->lazy_count = 0;
}

void lo_lazy_copy(struct low *l, struct x86_out *o)
{
    write_all(l, o, o == l->o ? present(l) : NULL);
}

void lo_lazy_copy_after(struct low *l, const struct lower_test *has)
{
    write_all(l, &l->cold, has);
}

void lo_lazy_done(struct low *l, u32 id)
{
    for (unsigned i = 0; i < l->lazy_count; i++)
        if (l->lazy[i].cond.until <= id) {
            lo_lazy_write(l);
            return;
        }
}

static bool overlaps(const struct low *l, unsigned i, u64 offset, unsigned size)
{
    return l->lazy[i].offset >= offset && l->lazy[i].offset < offset + size;
}

void lo_lazy_touch(struct low *l, const struct ir_op *op)
{
    if (op->op == IR_SET && op->type == IR_I1) { /* it takes the place of one alone */
        for (unsigned i = 0; i < l->lazy_count; i++)
            if (l->lazy[i].offset == op->imm)
                l->lazy[i] = l->lazy[--l->lazy_count];
        return;
    }
    for (unsigned i = 0; i < l->lazy_count; i++)
        if (overlaps(l, i, op->imm, ir_type_size(op->type))) {
            lo_lazy_write(l);
            return;
        }
}

void lo_flush(struct low *l)
{
    bool good;

    lo_lazy_write(l);
    good = l->flags.at == l->o->at;
    vals_flush(&l->a);
    if (good)
        l->flags.at = l->o->at; /* moves alone */
}

void lo_flush_copy(struct low *l, struct x86_out *o)
{
    lo_lazy_copy(l, o);
    vals_flush_copy(&l->a, o);
}
