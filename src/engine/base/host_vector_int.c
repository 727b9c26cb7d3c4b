/*
 * host_vector_int.c - the table of integer operations on elements: SSE4.2 at most.
 *
 * A row is the one instruction that does it, by size of the element; what takes several is below.
 */
#include "engine/base/host_vector_int.h"

/* --- one instruction --- */

/* Without their prefix 66; the result takes the first operand's place. */
const u32 vec_codes[IR_OP_COUNT][5] = {
    [IR_ADD] = { 0x0ffc, 0x0ffd, 0x0ffe, 0x0fd4 },
    [IR_SUB] = { 0x0ff8, 0x0ff9, 0x0ffa, 0x0ffb },
    [IR_MUL] = { 0, 0x0fd5, 0x0f3840 },
    [IR_AND] = { 0x0fdb, 0x0fdb, 0x0fdb, 0x0fdb, 0x0fdb },
    [IR_OR] = { 0x0feb, 0x0feb, 0x0feb, 0x0feb, 0x0feb },
    [IR_XOR] = { 0x0fef, 0x0fef, 0x0fef, 0x0fef, 0x0fef },
    [IR_MINU] = { 0x0fda, 0x0f383a, 0x0f383b },
    [IR_MAXU] = { 0x0fde, 0x0f383e, 0x0f383f },
    [IR_MINS] = { 0x0f3838, 0x0fea, 0x0f3839 },
    [IR_MAXS] = { 0x0f383c, 0x0fee, 0x0f383d },
    [IR_EQ] = { 0x0f74, 0x0f75, 0x0f76, 0x0f3829 },
};
const u32 vec_greater[] = { 0x0f64, 0x0f65, 0x0f66, 0x0f3837 };

enum x86_xmm vec_two(struct vec_plan *p, u32 op, u8 first, u8 second)
{
    enum x86_xmm d, s;

    vec_use(p, first);
    s = vec_use(p, second);
    d = vec_take(p, first);
    vec_rr(p, op, d, s);
    vec_done(p, second);
    return d;
}

static void invert(struct vec_plan *p, enum x86_xmm d)
{
    vec_rr(p, PXOR, d, vec_const_all(p, 8, ~0ull));
}

/* --- comparisons --- */

static bool is_compare(unsigned op)
{
    return op >= IR_EQ && op <= IR_LES;
}

/* x <= y where the smaller one is x. */
static enum x86_xmm at_most_unsigned(struct vec_plan *p, unsigned size, enum x86_xmm x,
                                     enum x86_xmm y)
{
    enum x86_xmm d = vec_temp(p);

    vec_mov(p, d, x);
    vec_rr(p, vec_codes[IR_MINU][size], d, y);
    vec_rr(p, vec_codes[IR_EQ][size], d, x);
    return d;
}

/* x > y of 64 bits, their signs turned round. */
static enum x86_xmm above_64(struct vec_plan *p, enum x86_xmm x, enum x86_xmm y)
{
    enum x86_xmm sign = vec_const_all(p, 8, 1ull << 63), d = vec_temp(p), t = vec_temp(p);

    vec_mov(p, d, x);
    vec_mov(p, t, y);
    vec_rr(p, PXOR, d, sign);
    vec_rr(p, PXOR, t, sign);
    vec_rr(p, vec_greater[3], d, t);
    vec_free(p, t);
    return d;
}

/* x < y, or x <= y. */
static enum x86_xmm below(struct vec_plan *p, unsigned size, enum x86_xmm x, enum x86_xmm y,
                          bool or_equal)
{
    enum x86_xmm d;
    bool turned;

    if (size == 3)
        d = or_equal ? above_64(p, x, y) : above_64(p, y, x);
    else
        d = or_equal ? at_most_unsigned(p, size, x, y) : at_most_unsigned(p, size, y, x);
    turned = (size == 3) == or_equal;
    if (turned)
        invert(p, d);
    return d;
}

static enum x86_xmm compare(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm x, y, d;

    switch (n->op) {
    case IR_EQ: return vec_two(p, vec_codes[IR_EQ][n->size], n->a, n->b);
    case IR_LTS: return vec_two(p, vec_greater[n->size], n->b, n->a);
    case IR_NE: d = vec_two(p, vec_codes[IR_EQ][n->size], n->a, n->b); break;
    case IR_LES: d = vec_two(p, vec_greater[n->size], n->a, n->b); break;
    default:
        x = vec_use(p, n->a);
        y = vec_use(p, n->b);
        d = below(p, n->size, x, y, n->op == IR_LEU);
        vec_done(p, n->a);
        vec_done(p, n->b);
        return d;
    }
    invert(p, d);
    return d;
}

/* --- carries --- */

static bool is_carry(unsigned op)
{
    return op >= IR_CARRY && op <= IR_SUBOVF;
}

/* All ones where the sign is set. */
static enum x86_xmm sign_of(struct vec_plan *p, unsigned size, enum x86_xmm x)
{
    enum x86_xmm d = vec_temp(p);

    vec_rr(p, PXOR, d, d);
    vec_rr(p, vec_greater[size], d, x);
    vec_free(p, x);
    return d;
}

/* Signed overflow: operands' signs say that the result's cannot be what it is. */
static enum x86_xmm overflow(struct vec_plan *p, const struct vec_node *n, enum x86_xmm x,
                             enum x86_xmm y)
{
    bool sub = n->op == IR_SUBOVF;
    enum x86_xmm r = vec_temp(p), t = vec_temp(p);

    vec_mov(p, r, x);
    vec_rr(p, vec_codes[sub ? IR_SUB : IR_ADD][n->size], r, y);
    vec_mov(p, t, sub ? x : r);
    vec_rr(p, PXOR, t, y);
    vec_rr(p, PXOR, r, x);
    vec_rr(p, PAND, r, t);
    vec_free(p, t);
    return sign_of(p, n->size, r);
}

static enum x86_xmm carry(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm x = vec_use(p, n->a), y = vec_use(p, n->b), d, r;

    if (n->op == IR_BORROW) {
        d = below(p, n->size, x, y, false);
    } else if (n->op == IR_CARRY) {
        r = vec_temp(p);
        vec_mov(p, r, x);
        vec_rr(p, vec_codes[IR_ADD][n->size], r, y);
        d = below(p, n->size, r, x, false);
        vec_free(p, r);
    } else {
        d = overflow(p, n, x, y);
    }
    vec_done(p, n->a);
    vec_done(p, n->b);
    vec_done(p, n->c);
    return d;
}

/* --- widths --- */

static enum x86_xmm extend(struct vec_plan *p, const struct vec_node *n)
{
    static const u8 at[3][4] = { { 0, 0, 1, 2 }, { 0, 0, 3, 4 }, { 0, 0, 0, 5 } };
    const struct vec_node *x = &p->node[n->a];
    enum x86_xmm s, d;

    if (x->mask) {
        d = vec_take(p, n->a);
        vec_rr(p, PAND, d, vec_const_all(p, 1u << n->size, 1));
        return d;
    }
    s = vec_use(p, n->a);
    d = vec_temp(p);
    vec_rr(p, (n->op == IR_SEXT ? 0x0f3820u : 0x0f3830u) + at[x->size][n->size], d, s);
    vec_done(p, n->a);
    return d;
}

static enum x86_xmm truncate(struct vec_plan *p, const struct vec_node *n)
{
    unsigned from = 1u << p->node[n->a].size, to = 1u << n->size;
    enum x86_xmm d = vec_take(p, n->a);
    u8 mask[16];

    for (unsigned i = 0; i < 16; i++)
        mask[i] = (u8)(i / to < n->lanes ? i / to * from + i % to : 0x80);
    vec_rr(p, PSHUFB, d, vec_const(p, mask));
    return d;
}

/* --- others --- */

/* Mask, b, c: where the mask has ones, b. */
static enum x86_xmm blend(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm m = vec_use(p, n->a), x = vec_use(p, n->b), d;

    vec_use(p, n->c);
    d = vec_take(p, n->c);
    x86_fp_mov(p->l->o, XMM0, m);
    vec_rr(p, 0x0f3810, d, x);
    vec_done(p, n->a);
    vec_done(p, n->b);
    return d;
}

static enum x86_xmm minmax_64(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm x = vec_use(p, n->a), y = vec_use(p, n->b), d = vec_temp(p);
    bool min = n->op == IR_MINS;

    x86_fp_mov(p->l->o, XMM0, min ? y : x);
    vec_rr(p, vec_greater[3], XMM0, min ? x : y);
    vec_mov(p, d, y);
    vec_rr(p, 0x0f3810, d, x);
    vec_done(p, n->a);
    vec_done(p, n->b);
    return d;
}

/* By tables of the halves of a byte, whose entries are added. */
static enum x86_xmm by_halves(struct vec_plan *p, const struct vec_node *n, const u8 *of_low,
                              const u8 *of_high)
{
    enum x86_xmm mask = vec_const_all(p, 1, 15);
    enum x86_xmm x = vec_take(p, n->a), d = vec_temp(p), t = vec_temp(p);

    vec_mov(p, d, vec_const(p, of_low));
    vec_mov(p, t, x);
    vec_rr(p, PAND, t, mask);
    vec_rr(p, PSHUFB, d, t);
    x86_v_shift(p->l->o, V_SHR, 2, x, 4);
    vec_rr(p, PAND, x, mask);
    vec_mov(p, t, vec_const(p, of_high));
    vec_rr(p, PSHUFB, t, x);
    vec_rr(p, vec_codes[IR_ADD][0], d, t);
    vec_free(p, t);
    vec_free(p, x);
    return d;
}

static enum x86_xmm count_ones(struct vec_plan *p, const struct vec_node *n)
{
    static const u8 ones[16] = { 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4 };

    return by_halves(p, n, ones, ones);
}

static enum x86_xmm reverse_bits(struct vec_plan *p, const struct vec_node *n)
{
    u8 low[16], high[16];

    for (unsigned i = 0; i < 16; i++) {
        high[i] = (u8)((i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | i >> 3);
        low[i] = (u8)(high[i] << 4);
    }
    return by_halves(p, n, low, high);
}

static enum x86_xmm unary(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm d, s;

    if (n->op == IR_NOT) {
        d = vec_take(p, n->a);
        invert(p, d);
        return d;
    }
    s = vec_use(p, n->a);
    d = vec_temp(p);
    vec_rr(p, PXOR, d, d);
    vec_rr(p, vec_codes[IR_SUB][n->size], d, s);
    vec_done(p, n->a);
    return d;
}

/* --- the table as a whole --- */

static bool extends(const struct vec_plan *p, const struct vec_node *n)
{
    const struct vec_node *x = &p->node[n->a];

    if (x->mask)
        return x->size == n->size && n->op == IR_ZEXT;
    return x->size < n->size && n->size <= 3;
}

bool vec_int_known(const struct vec_plan *p, const struct vec_node *n)
{
    if (vec_is_sha(n->op))
        return p->l->job->has_sha;
    if (n->size > 3 && (n->op < IR_AND || n->op > IR_XOR))
        return false;
    if (vec_is_shift(n->op))
        return vec_shift_known(p, n);
    if (is_carry(n->op))
        return vec_is_zero(&p->node[n->c]);
    switch (n->op) {
    case IR_EQ:
    case IR_NE:
    case IR_LTU:
    case IR_LEU:
    case IR_LTS:
    case IR_LES: return !p->node[n->a].mask && !p->node[n->b].mask;
    case IR_MUL:
    case IR_ANDN:
    case IR_NOT:
    case IR_NEG: return true;
    case IR_SELECT: return p->node[n->a].mask && p->node[n->a].size == n->size;
    case IR_MINS:
    case IR_MAXS: return true;
    case IR_BITREV:
    case IR_POPCNT: return n->size == 0;
    case IR_SEXT:
    case IR_ZEXT: return extends(p, n);
    case IR_TRUNC: return !n->mask && !p->node[n->a].mask;
    default: return vec_codes[n->op][n->size] != 0;
    }
}

enum x86_xmm vec_int_emit(struct vec_plan *p, struct vec_node *n)
{
    if (vec_codes[n->op][n->size])
        return n->op == IR_EQ ? compare(p, n) : vec_two(p, vec_codes[n->op][n->size], n->a, n->b);
    if (is_compare(n->op))
        return compare(p, n);
    if (vec_is_shift(n->op))
        return vec_shift_emit(p, n);
    if (is_carry(n->op))
        return carry(p, n);
    if (vec_is_sha(n->op))
        return vec_sha_emit(p, n);
    switch (n->op) {
    case IR_MUL: return vec_multiply_emit(p, n);
    case IR_ANDN: return vec_two(p, PANDN, n->b, n->a);
    case IR_SELECT: return blend(p, n);
    case IR_MINS:
    case IR_MAXS: return minmax_64(p, n);
    case IR_POPCNT: return count_ones(p, n);
    case IR_BITREV: return reverse_bits(p, n);
    case IR_SEXT:
    case IR_ZEXT: return extend(p, n);
    case IR_TRUNC: return truncate(p, n);
    default: return unary(p, n);
    }
}
