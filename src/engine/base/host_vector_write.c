/*
 * host_vector_write.c - what a vector instruction writes: whole registers, and whether the tables
 * have all that it takes to make them.
 */
#include "engine/base/host_vector.h"

#include <string.h>

/* --- is all of it in the tables? --- */

static void check(struct vec_plan *p, u8 n)
{
    struct vec_node *x = &p->node[n];
    const u8 in[] = { x->a, x->b, x->c };
    unsigned count = x->kind == VEC_ANY ? 1 : 3;

    if (x->ready || p->failed)
        return;
    x->ready = true;
    x->reg = X86_NO_XMM;
    switch (x->kind) {
    case VEC_KNOWN:
    case VEC_SCALAR: p->failed |= vec_total(x) > 16 || (x->mask && x->kind == VEC_SCALAR); return;
    case VEC_STATE: p->failed |= !vec_shuffle_known(p, x); return;
    case VEC_OP:
        p->failed |= vec_total(x) > 16 ||
                     !(vec_is_fp(&p->ops[x->id]) ? vec_fp_known(p, x) : vec_int_known(p, x));
        break;
    case VEC_ACROSS: p->failed |= !vec_across_known(p, x); break;
    case VEC_SUM: p->failed |= vec_total(&p->node[x->a]) < 8; break;
    case VEC_ANY:
    case VEC_PACKED:
    case VEC_JOINED:
    case VEC_LOOKUP: break;
    default: p->failed = true;
    }
    for (unsigned i = 0; i < count && !p->failed; i++)
        if (in[i] != VEC_NONE) {
            p->node[in[i]].uses++;
            check(p, in[i]);
        }
}

/* A write to part of a register is one of all. Later writes win. */
static u8 whole(struct vec_plan *p, u16 base)
{
    u8 half[2];
    u16 bytes[16];

    for (unsigned h = 0; h < 2; h++) {
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (u16)(base + 8 * h + i);
        half[h] = vec_state(p, 3, 1, bytes);
    }
    for (unsigned i = 0; i < p->write_count; i++) {
        const struct vec_write *w = &p->write[i];
        u16 at = (u16)(w->offset - base);

        if (at >= 16)
            continue;
        if (at == 0 && w->bytes == 16)
            return w->node;
        if (at % 8 == 0 && w->bytes == 8) {
            half[at / 8] = w->node;
        } else if (p->node[w->node].kind == VEC_STATE && at / 8 == (at + w->bytes - 1) / 8 &&
                   p->node[half[at / 8]].kind == VEC_STATE) {
            struct vec_node *old = &p->node[half[at / 8]];

            memcpy(bytes, old->bytes, 8 * sizeof *bytes);
            memcpy(bytes + at % 8, p->node[w->node].bytes, w->bytes * sizeof *bytes);
            half[at / 8] = vec_state(p, 3, 1, bytes);
        } else {
            return vec_fail(p);
        }
    }
    return vec_join(p, half[0], half[1]);
}

/* Every write becomes one of a whole register. */
void vec_make_whole(struct vec_plan *p)
{
    u32 base = p->l->job->isa->vector_offset;
    struct vec_write all[VEC_WRITES];
    unsigned count = 0;

    for (unsigned i = 0; i < p->write_count && !p->failed; i++) {
        u16 at = (u16)(p->write[i].offset - (p->write[i].offset - base) % 16);
        bool again = false;

        for (unsigned k = 0; k < count; k++)
            again |= all[k].offset == at;
        if (!again) {
            all[count] = (struct vec_write){ at, 16, whole(p, at) };
            count++;
        }
    }
    memcpy(p->write, all, count * sizeof *all);
    p->write_count = count;
    for (unsigned i = 0; i < p->count; i++) {
        p->node[i].uses = 0;
        p->node[i].ready = false;
    }
    for (unsigned i = 0; i < count && !p->failed; i++) {
        p->node[all[i].node].uses++;
        check(p, all[i].node);
    }
    for (unsigned i = 0; i < p->flag_count && !p->failed; i++) {
        p->node[p->flag[i].node].uses++;
        check(p, p->flag[i].node);
    }
    for (unsigned i = 0; i < p->count; i++) {
        p->node[i].ready = false;
        p->node[i].reg = X86_NO_XMM;
    }
}
