/*
 * host_vector_join.c - two halves that are computed by the same operations, as one.
 */
#include "engine/base/host_vector.h"

#include <string.h>

static bool same_operation(const struct vec_plan *p, const struct vec_node *x,
                           const struct vec_node *y)
{
    const struct ir_op *i = &p->ops[x->id], *k = &p->ops[y->id];

    return x->op == y->op && x->size == y->size && x->mask == y->mask && x->lanes == y->lanes &&
           i->type == k->type && (!vec_is_fp(i) || (i->imm == k->imm && i->imm2 == k->imm2));
}

static u8 join_bytes(struct vec_plan *p, const struct vec_node *x, const struct vec_node *y)
{
    u16 bytes[32];

    memcpy(bytes, x->bytes, vec_total(x) * sizeof *bytes);
    memcpy(bytes + vec_total(x), y->bytes, vec_total(y) * sizeof *bytes);
    if (vec_total(x) + vec_total(y) > 16) {
        p->failed = true;
        return 0;
    }
    return vec_state(p, x->size, (unsigned)x->lanes + y->lanes, bytes);
}

static u8 try_join(struct vec_plan *p, u8 a, u8 b, bool *can);

static u8 join_operation(struct vec_plan *p, const struct vec_node *x, const struct vec_node *y,
                         bool *can)
{
    struct vec_node n = *x;

    n.lanes = (u8)(2 * x->lanes);
    n.a = try_join(p, x->a, y->a, can);
    if (*can && x->b != VEC_NONE)
        n.b = try_join(p, x->b, y->b, can);
    if (*can && x->c != VEC_NONE)
        n.c = try_join(p, x->c, y->c, can);
    return *can ? vec_add(p, n) : 0;
}

static u8 joined_before(const struct vec_plan *p, u8 a, u8 b)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->node[i].of[0] == a && p->node[i].of[1] == b)
            return (u8)i;
    return VEC_NONE;
}

static u8 try_join(struct vec_plan *p, u8 a, u8 b, bool *can)
{
    struct vec_node x = p->node[a], y = p->node[b];
    u8 r = joined_before(p, a, b);

    if (r != VEC_NONE)
        return r;
    *can = *can && x.kind == y.kind && x.size == y.size && x.mask == y.mask &&
           x.lanes + y.lanes <= VEC_LANES && !p->failed;
    if (!*can)
        return 0;
    switch (x.kind) {
    case VEC_KNOWN:
        memcpy(x.known + x.lanes, y.known, y.lanes * sizeof *y.known);
        x.lanes = (u8)(x.lanes + y.lanes);
        r = vec_add(p, x);
        break;
    case VEC_STATE:
        *can = vec_total(&x) + vec_total(&y) <= 16;
        r = *can ? join_bytes(p, &x, &y) : 0;
        break;
    case VEC_SCALAR:
        *can = x.id == y.id;
        x.lanes = (u8)(x.lanes + y.lanes);
        r = *can ? vec_add(p, x) : 0;
        break;
    case VEC_OP:
        *can = same_operation(p, &x, &y);
        r = *can ? join_operation(p, &x, &y, can) : 0;
        break;
    case VEC_LOOKUP:
        *can = x.known[0] == y.known[0];
        r = *can ? join_operation(p, &x, &y, can) : 0;
        break;
    default: *can = false; return 0;
    }
    if (*can && !p->failed) {
        p->node[r].of[0] = a;
        p->node[r].of[1] = b;
    }
    return r;
}

/* What is packed is seen as the lanes that it is. */
static u8 unpacked(const struct vec_plan *p, u8 n)
{
    return p->node[n].kind == VEC_PACKED ? p->node[n].a : n;
}

u8 vec_join(struct vec_plan *p, u8 a, u8 b)
{
    unsigned before = p->count;
    bool can = true;
    u8 r = try_join(p, unpacked(p, a), unpacked(p, b), &can);

    if (can)
        return r;
    p->count = before;
    return vec_node(p, VEC_JOINED, 0, 16, a, b);
}
