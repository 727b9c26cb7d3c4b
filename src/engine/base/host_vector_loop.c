/*
 * host_vector_loop.c - loops of vector instructions: all rounds at once, and what variables hold
 * behind them.
 */
#include "engine/base/host_vector.h"

#include <string.h>

/* Variables that the loop sets start each round with something of their own. */
void vec_loop_begin(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    u8 from = vec_value(p, op->a), to = vec_value(p, op->b);
    u64 v[VEC_LANES], first = p->node[from].known[0], end = p->node[to].known[0];

    p->loops = true;
    p->loop = id;
    p->loop_nodes = p->count;
    if (p->lanes || p->node[from].kind != VEC_KNOWN || p->node[to].kind != VEC_KNOWN ||
        end <= first || end - first > VEC_LANES) {
        p->failed = true;
        return;
    }
    p->lanes = (u8)(end - first);
    for (unsigned i = 0; i < p->lanes; i++)
        v[i] = first + i;
    p->of[id - p->from] = vec_known(p, IR_I64, p->lanes, v);
    for (u32 i = id; i < p->to && p->ops[i].op != IR_ENDVLOOP; i++) {
        u8 *var;

        if (p->ops[i].op != IR_VARSET)
            continue;
        var = &p->of[p->ops[i].a - p->from];
        if (p->node[*var].kind == VEC_FIRST)
            continue;
        *var = vec_node(p, VEC_FIRST, p->node[*var].size, p->lanes, *var, VEC_NONE);
        p->node[*var].mask = p->node[p->node[*var].a].mask;
    }
}

static bool is_first(const struct vec_plan *p, u8 n)
{
    return p->node[n].kind == VEC_FIRST;
}

/* Lanes side by side in 8 bytes: ZEXT(x) << 8 * size * lane, all united. */
static u8 packed(struct vec_plan *p, u8 n)
{
    const struct vec_node *x = &p->node[n], *y = x, *by;
    u16 bytes[16];

    if (x->kind == VEC_STATE && x->size == 3) { /* of up to two lanes, bytes have been moved */
        for (unsigned k = 0; k < 8; k++) {
            bytes[k] = x->bytes[k];
            if (x->lanes == 2 && bytes[k] == VEC_ZERO)
                bytes[k] = x->bytes[8 + k];
            else if (x->lanes == 2 && x->bytes[8 + k] != VEC_ZERO)
                return vec_fail(p);
        }
        return x->lanes > 2 ? vec_fail(p) : vec_state(p, 3, 1, bytes);
    }
    if (x->kind == VEC_OP && x->op == IR_SHL) {
        by = &p->node[x->b];
        y = &p->node[x->a];
        if (y->kind != VEC_OP || y->op != IR_ZEXT || by->kind != VEC_KNOWN)
            return vec_fail(p);
        n = y->a;
        for (unsigned i = 0; i < x->lanes; i++)
            if (by->known[i] % 64 != i * (8u << p->node[n].size))
                return vec_fail(p);
        if (vec_total(&p->node[n]) != 8)
            return vec_fail(p);
        return vec_node(p, VEC_PACKED, 3, 1, n, VEC_NONE);
    }
    return vec_fail(p);
}

/* Masks that a loop unites in a variable. */
static u8 united(struct vec_plan *p, u8 n, u8 *init)
{
    const struct vec_node *x = &p->node[n];
    u8 a, b, r;

    if (x->kind == VEC_FIRST) {
        *init = x->a;
        return VEC_NONE;
    }
    if (x->kind != VEC_OP || x->op != IR_OR)
        return n;
    b = x->b;
    a = united(p, x->a, init);
    b = united(p, b, init);
    if (a == VEC_NONE || b == VEC_NONE)
        return a == VEC_NONE ? b : a;
    r = vec_node(p, VEC_OP, p->node[a].size, p->node[a].lanes, a, b);
    p->node[r].op = IR_OR;
    p->node[r].mask = true;
    p->node[r].id = p->node[a].id;
    p->failed |= p->node[a].size != p->node[b].size;
    return r;
}

/* init's lane and those of x, read in the same way. */
static u8 with_first(struct vec_plan *p, u8 init, u8 x)
{
    struct vec_node i = p->node[init], n = p->node[x];
    u8 both;

    if (i.kind == VEC_STATE && n.kind == VEC_STATE && i.size == n.size &&
        vec_total(&i) + vec_total(&n) <= 16) {
        u16 bytes[32];

        memcpy(bytes, i.bytes, vec_total(&i) * sizeof *bytes);
        memcpy(bytes + vec_total(&i), n.bytes, vec_total(&n) * sizeof *bytes);
        return vec_state(p, n.size, n.lanes + 1u, bytes);
    }
    if ((n.op != IR_ZEXT && n.op != IR_SEXT) || n.kind != VEC_OP ||
        (i.kind == VEC_OP && i.op != n.op))
        return vec_fail(p);
    if (i.kind == VEC_STATE) { /* ZEXT of one lane is a matter of bytes */
        i.size = p->node[n.a].size;
        for (unsigned k = 0; k < 1u << i.size; k++)
            p->failed |= i.bytes[k] == VEC_ZERO;
        init = vec_state(p, i.size, 1, i.bytes);
    } else {
        init = i.a;
    }
    both = with_first(p, init, n.a);
    if (p->failed)
        return 0;
    x = vec_node(p, VEC_OP, n.size, n.lanes + 1u, both, VEC_NONE);
    p->node[x].op = n.op;
    p->node[x].id = n.id;
    return x;
}

/* What a variable holds behind the loop. */
static u8 loop_result(struct vec_plan *p, u8 n)
{
    struct vec_node x = p->node[n];
    u8 init = VEC_NONE, other, r;

    if (x.mask) {
        r = united(p, n, &init);
        if (r == VEC_NONE || init == VEC_NONE || p->node[r].kind != VEC_OP)
            return vec_fail(p);
        p->node[r].uses++;
        return vec_node(p, VEC_ANY, 0, 1, r, init);
    }
    if (x.kind != VEC_OP || x.b == VEC_NONE || is_first(p, x.a) == is_first(p, x.b))
        return vec_fail(p);
    other = is_first(p, x.a) ? x.b : x.a;
    init = p->node[is_first(p, x.a) ? x.a : x.b].a;
    if (x.op == IR_OR)
        return vec_is_zero(&p->node[init]) ? packed(p, other) : vec_fail(p);
    if (x.op != IR_ADD && (x.op < IR_MINU || x.op > IR_MAXS))
        return vec_fail(p);
    other = with_first(p, init, other);
    if (p->failed)
        return 0;
    r = vec_node(p, VEC_ACROSS, x.size, 1, other, VEC_NONE);
    p->node[r].op = x.op;
    if (x.op == IR_ADD && p->node[other].op == IR_ZEXT && p->node[other].kind == VEC_OP &&
        p->node[p->node[other].a].size == 0) { /* the sum of bytes is an operation of the host */
        p->node[r].kind = VEC_SUM;
        p->node[r].a = p->node[other].a;
    }
    return r;
}

void vec_loop_end(struct vec_plan *p, u32 id)
{
    p->lanes = 0;
    for (u32 i = p->loop; i < id && !p->failed; i++) {
        bool again = false;
        u8 *var;

        if (p->ops[i].op != IR_VARSET)
            continue;
        var = &p->of[p->ops[i].a - p->from];
        for (u32 k = p->loop; k < i; k++)
            again |= p->ops[k].op == IR_VARSET && p->ops[k].a == p->ops[i].a;
        if (!again)
            *var = loop_result(p, *var);
    }
}
