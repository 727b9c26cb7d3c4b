/*
 * host_vector_make.c - nodes of vector expressions: folded where lanes are known, or only bytes
 * in other places.
 */
#include "engine/base/host_vector.h"

#include "base/bits.h"
#include "ir/check.h"
#include <string.h>

u8 vec_add(struct vec_plan *p, struct vec_node n)
{
    if (p->count == VEC_NODES || n.lanes > VEC_LANES) {
        p->failed = true;
        return 0;
    }
    n.of[0] = n.of[1] = VEC_NONE;
    p->node[p->count] = n;
    return (u8)p->count++;
}

static unsigned size_of(enum ir_type t)
{
    return t <= IR_I8 ? 0 : (unsigned)(t - IR_I8);
}

u8 vec_node(struct vec_plan *p, enum vec_kind kind, unsigned size, unsigned lanes, u8 a, u8 b)
{
    return vec_add(p, (struct vec_node){ .kind = (u8)kind,
                                         .size = (u8)size,
                                         .lanes = (u8)lanes,
                                         .a = a,
                                         .b = b,
                                         .c = VEC_NONE });
}

u8 vec_known(struct vec_plan *p, enum ir_type t, unsigned lanes, const u64 *v)
{
    u8 n = vec_node(p, VEC_KNOWN, size_of(t), lanes, VEC_NONE, VEC_NONE);

    p->node[n].mask = t == IR_I1;
    for (unsigned i = 0; i < lanes && !p->failed; i++)
        p->node[n].known[i] = v[i];
    return n;
}

u8 vec_state(struct vec_plan *p, unsigned size, unsigned lanes, const u16 *bytes)
{
    u8 n = vec_node(p, VEC_STATE, size, lanes, VEC_NONE, VEC_NONE);

    if (lanes << size > 16)
        p->failed = true;
    if (!p->failed)
        memcpy(p->node[n].bytes, bytes, (lanes << size) * sizeof *bytes);
    return n;
}

bool vec_is_zero(const struct vec_node *n)
{
    if (n->kind != VEC_KNOWN)
        return false;
    for (unsigned i = 0; i < n->lanes; i++)
        if (n->known[i])
            return false;
    return true;
}

/* --- one lane for all --- */

u8 vec_spread(struct vec_plan *p, u8 from, unsigned lanes)
{
    struct vec_node n = p->node[from];

    if (p->failed || n.lanes == lanes)
        return from;
    if (n.lanes != 1 || (n.kind == VEC_STATE && lanes << n.size > 16) ||
        (n.kind != VEC_STATE && n.kind != VEC_KNOWN && n.kind != VEC_SCALAR)) {
        p->failed = true;
        return from;
    }
    n.lanes = (u8)lanes;
    n.early = p->lanes && from < p->loop_nodes;
    for (unsigned i = 1; i < lanes && n.kind == VEC_KNOWN; i++)
        n.known[i] = n.known[0];
    for (unsigned i = 1u << n.size; i < lanes << n.size && n.kind == VEC_STATE; i++)
        n.bytes[i] = n.bytes[i - (1u << n.size)];
    return vec_add(p, n);
}

/* --- folding --- */

static bool all_known(const struct vec_plan *p, u8 n)
{
    return n == VEC_NONE || p->node[n].kind == VEC_KNOWN;
}

static u64 known(const struct vec_plan *p, u8 n, unsigned lane)
{
    return n == VEC_NONE ? 0 : p->node[n].known[lane];
}

static u8 fold(struct vec_plan *p, const struct ir_op *op, unsigned lanes, u8 a, u8 b, u8 c)
{
    unsigned wa = ir_type_bits(p->ops[op->a].type);
    u64 v[VEC_LANES];

    for (unsigned i = 0; i < lanes; i++) {
        if (op->op >= IR_DIVU && op->op <= IR_REMS)
            p->failed = true;
        else
            v[i] = (u64)ir_pure(op, wa, known(p, a, i), known(p, b, i), known(p, c, i));
    }
    if (op->type == IR_I128 || p->ops[op->a].type == IR_I128)
        p->failed = true;
    return vec_known(p, op->type, p->failed ? 0 : lanes, v);
}

/* --- bytes in other places --- */

/* Lanes of `from` bytes become lanes of `to` bytes, with zeros above or cut off. */
static u8 resize(struct vec_plan *p, const struct vec_node *x, unsigned to)
{
    unsigned in = 1u << x->size, out = 1u << to;
    u16 bytes[16];

    for (unsigned i = 0; i < x->lanes; i++)
        for (unsigned k = 0; k < out; k++)
            bytes[i * out + k] = k < in ? x->bytes[i * in + k] : VEC_ZERO;
    return vec_state(p, to, x->lanes, bytes);
}

/* Each lane moves by whole bytes, left or right; `by` are bits. */
static bool shifted(struct vec_plan *p, const struct vec_node *x, const u64 *by, bool left, u8 *out)
{
    unsigned width = 1u << x->size;
    u16 bytes[16];

    for (unsigned i = 0; i < x->lanes; i++) {
        unsigned n = (unsigned)(by[i] / 8);

        if (by[i] % 8 || n >= width)
            return false;
        for (unsigned k = 0; k < width; k++) {
            bool in = left ? k >= n : k + n < width;

            bytes[i * width + k] =
                in ? x->bytes[left ? i * width + k - n : i * width + k + n] : VEC_ZERO;
        }
    }
    *out = vec_state(p, x->size, x->lanes, bytes);
    return true;
}

static bool shift(struct vec_plan *p, const struct ir_op *op, u8 a, u8 b, u8 *out)
{
    const struct vec_node *x = &p->node[a], *k = &p->node[b];
    u64 mask = (8ull << x->size) - 1, by[VEC_LANES];
    const struct vec_node *inner = x;

    if (k->kind != VEC_KNOWN)
        return false;
    for (unsigned i = 0; i < k->lanes; i++)
        by[i] = k->known[i] & mask;
    if (op->op == IR_SHL && x->kind == VEC_OP && x->op == IR_SHL &&
        p->node[x->b].kind == VEC_KNOWN) { /* two steps, as one alone could be the width */
        inner = &p->node[x->a];
        for (unsigned i = 0; i < k->lanes; i++)
            by[i] += p->node[x->b].known[i] & mask;
        if (by[0] == mask + 1 && inner->kind == VEC_STATE && inner->lanes == 1) {
            u16 none[16];

            memset(none, 0xff, sizeof none);
            *out = vec_state(p, x->size, 1, none);
            return true;
        }
    }
    return inner->kind == VEC_STATE && shifted(p, inner, by, op->op == IR_SHL, out);
}

/* x's bytes and y's, where only one of them has any. */
static bool united(struct vec_plan *p, const struct vec_node *x, const struct vec_node *y, u8 *out)
{
    u16 bytes[16];

    if (x->kind != VEC_STATE || y->kind != VEC_STATE)
        return false;
    for (unsigned i = 0; i < vec_total(x); i++) {
        if (x->bytes[i] != VEC_ZERO && y->bytes[i] != VEC_ZERO)
            return false;
        bytes[i] = x->bytes[i] != VEC_ZERO ? x->bytes[i] : y->bytes[i];
    }
    *out = vec_state(p, x->size, x->lanes, bytes);
    return true;
}

/* Lane by lane from x or y, as is known which. */
static bool chosen(struct vec_plan *p, const struct vec_node *which, const struct vec_node *x,
                   const struct vec_node *y, u8 *out)
{
    u16 bytes[16];

    if (which->kind != VEC_KNOWN)
        return false;
    for (unsigned i = 0; i < x->lanes; i++) {
        const struct vec_node *from = which->known[i] ? x : y;

        if (from->kind != VEC_STATE && !vec_is_zero(from))
            return false;
        for (unsigned k = i << x->size; k < (i + 1) << x->size; k++)
            bytes[k] = from->kind == VEC_STATE ? from->bytes[k] : VEC_ZERO;
    }
    *out = vec_state(p, x->size, x->lanes, bytes);
    return true;
}

/* x times a number whose bytes are 0 or 1: x at several places. */
static bool repeated(struct vec_plan *p, const struct vec_node *x, const struct vec_node *y,
                     u8 *out)
{
    u16 bytes[16];

    if (x->kind != VEC_STATE || y->kind != VEC_KNOWN || x->lanes != 1 || x->size != 3 ||
        y->known[0] & 0xfefefefefefefefe)
        return false;
    memset(bytes, 0xff, sizeof bytes);
    for (unsigned i = 0; i < 8; i++)
        for (unsigned k = 0; k < 8 && y->known[0] >> 8 * i & 1; k++) {
            if (x->bytes[k] == VEC_ZERO)
                continue;
            if (i + k >= 8 || bytes[i + k] != VEC_ZERO)
                return false;
            bytes[i + k] = x->bytes[k];
        }
    *out = vec_state(p, 3, 1, bytes);
    return true;
}

static bool moves_bytes(struct vec_plan *p, const struct ir_op *op, u8 a, u8 b, u8 c, u8 *out)
{
    const struct vec_node *x = &p->node[a];
    unsigned to = size_of(op->type);

    switch (op->op) {
    case IR_ZEXT:
        if (x->kind != VEC_STATE || x->mask || (unsigned)x->lanes << to > 16)
            return false;
        *out = resize(p, x, to);
        return true;
    case IR_TRUNC:
        if (x->kind != VEC_STATE || op->type == IR_I1)
            return false;
        *out = resize(p, x, to);
        return true;
    case IR_SHL:
    case IR_SHR: return shift(p, op, a, b, out);
    case IR_OR: return united(p, x, &p->node[b], out);
    case IR_MUL: return repeated(p, x, &p->node[b], out);
    case IR_SELECT: return chosen(p, x, &p->node[b], &p->node[c], out);
    default: return false;
    }
}

/* --- operations --- */

/* A mask's lanes have the size of what was compared. */
static unsigned mask_size(const struct vec_plan *p, const struct ir_op *op, u8 a, u8 b)
{
    if (op->op >= IR_AND && op->op <= IR_XOR)
        return p->node[p->node[a].kind == VEC_KNOWN ? b : a].size;
    return p->node[a].size;
}

static u8 mask_of_size(struct vec_plan *p, u8 n, unsigned size)
{
    struct vec_node x = p->node[n];

    if (x.kind != VEC_KNOWN || x.size == size)
        return n;
    x.size = (u8)size;
    return vec_add(p, x);
}

static u8 operation(struct vec_plan *p, u32 id, unsigned lanes, u8 a, u8 b, u8 c)
{
    const struct ir_op *op = &p->ops[id];
    struct vec_node n = { .kind = VEC_OP,
                          .op = op->op,
                          .lanes = (u8)lanes,
                          .size = (u8)size_of(op->type),
                          .mask = op->type == IR_I1,
                          .a = a,
                          .b = b,
                          .c = c,
                          .id = id };

    if (n.mask)
        n.size = (u8)mask_size(p, op, a, b);
    if (op->op == IR_SELECT)
        n.a = mask_of_size(p, a, n.size);
    if (n.mask && op->op >= IR_AND && op->op <= IR_XOR) {
        n.a = mask_of_size(p, a, n.size);
        n.b = mask_of_size(p, b, n.size);
    }
    p->fp |= vec_is_fp(op);
    return vec_add(p, n);
}

/* (x >> k) >> l is x >> (k + l), while that is less than the width. */
static void shift_twice(struct vec_plan *p, u32 id, u8 *a, u8 *b)
{
    const struct vec_node *x = &p->node[*a], *k, *l = &p->node[*b];
    u64 last = (8ull << x->size) - 1, sum[VEC_LANES];

    if (x->kind != VEC_OP || x->op != p->ops[id].op || p->node[x->b].kind != VEC_KNOWN ||
        l->kind != VEC_KNOWN)
        return;
    k = &p->node[x->b];
    for (unsigned i = 0; i < x->lanes; i++) {
        sum[i] = (k->known[i] & last) + (l->known[i] & last);
        if (sum[i] > last && x->op == IR_SHR)
            return;
        sum[i] = sum[i] > last ? last : sum[i];
    }
    *a = x->a;
    *b = vec_known(p, p->ops[id].type, l->lanes, sum);
}

u8 vec_make(struct vec_plan *p, u32 id, u8 a, u8 b, u8 c)
{
    const struct ir_op *op = &p->ops[id];
    u8 in[3] = { a, b, c }, out;
    unsigned lanes = 1;

    for (unsigned i = 0; i < 3; i++)
        if (in[i] != VEC_NONE && p->node[in[i]].lanes > lanes)
            lanes = p->node[in[i]].lanes;
    for (unsigned i = 0; i < 3; i++)
        if (in[i] != VEC_NONE)
            in[i] = vec_spread(p, in[i], lanes);
    if (p->failed)
        return 0;
    if (!vec_is_fp(op) && all_known(p, in[0]) && all_known(p, in[1]) && all_known(p, in[2]))
        return fold(p, op, lanes, in[0], in[1], in[2]);
    if (moves_bytes(p, op, in[0], in[1], in[2], &out))
        return out;
    if (op->op == IR_SHR || op->op == IR_SAR)
        shift_twice(p, id, &in[0], &in[1]);
    if (op->op == IR_SHR && moves_bytes(p, op, in[0], in[1], in[2], &out))
        return out;
    if (op->op == IR_SEXT && p->node[in[0]].mask && p->node[in[0]].kind == VEC_OP &&
        p->node[in[0]].size == size_of(op->type))
        return in[0];
    return operation(p, id, lanes, in[0], in[1], in[2]);
}
