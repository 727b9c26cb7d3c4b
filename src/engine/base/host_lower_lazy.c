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

/* Makes the flags of c's comparison in `o`. Uses rax, rdx. */
static void compare(struct low *l, struct x86_out *o, const struct lower_cond *c)
{
    unsigned size = ir_type_size(l->a.v[c->a].type);
    enum x86_reg x = vals_peek(&l->a, o, c->a, RAX), y;
    s32 imm;

    if (c->of == COND_LOGIC) {
        x86_test_rr(o, size, x, x);
        return;
    }
    if (c->of == COND_ADD && x != RAX) {
        x86_mov_rr(o, size, RAX, x);
        x = RAX;
    }
    if (vals_imm(&l->a, c->b, &imm)) {
        x86_alu_ri(o, c->of == COND_ADD ? ALU_ADD : ALU_CMP, size, x, imm);
        return;
    }
    y = vals_peek(&l->a, o, c->b, RDX);
    x86_alu_rr(o, c->of == COND_ADD ? ALU_ADD : ALU_CMP, size, x, y);
}

static bool same(const struct lower_cond *x, const struct lower_cond *y)
{
    return x && x->of == y->of && x->a == y->a && x->b == y->b;
}

/* has: whose flags the host's are at this place of `o`; NULL: nobody's. */
static void write_all(struct low *l, struct x86_out *o, const struct lower_cond *has)
{
    for (unsigned i = 0; i < l->lazy_count; i++) {
        const struct lower_cond *c = &l->lazy[i].cond;

        if (!same(has, c))
            compare(l, o, c);
        has = c;
        x86_setcc_m(o, (enum x86_cond)c->cc, cpu_at(VCPU_STATE_OFF + l->lazy[i].offset));
    }
}

/* One whose flags the host's are, if any is. */
static const struct lower_cond *present(const struct low *l)
{
    for (unsigned i = 0; i < l->lazy_count; i++)
        if (lo_flags_are(l, &l->lazy[i].cond))
            return &l->lazy[i].cond;
    return NULL;
}

void lo_lazy_write(struct low *l)
{
    const struct lower_cond *has = present(l);

    if (l->lazy_count == 0)
        return;
    write_all(l, l->o, has);
    lo_flags_note_cond(l, &l->lazy[l->lazy_count - 1].cond);
    l->lazy_count = 0;
}

void lo_lazy_copy(struct low *l, struct x86_out *o)
{
    write_all(l, o, o == l->o ? present(l) : NULL);
}

void lo_lazy_copy_after(struct low *l, const struct lower_cond *has)
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
