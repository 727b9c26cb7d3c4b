/*
 * host_vector_shift.c - of the table of integer operations: shifts, products, and what combines the
 * lanes of a register.
 */
#include "engine/base/host_vector_int.h"

/* --- shifts --- */

static bool same_amount(const struct vec_node *n)
{
    for (unsigned i = 1; i < n->lanes; i++)
        if (n->known[i] != n->known[0])
            return false;
    return n->kind == VEC_KNOWN;
}

bool vec_shift_known(const struct vec_plan *p, const struct vec_node *n)
{
    return same_amount(&p->node[n->b]) ||
           (p->l->job->has_avx2 && (n->size == 2 || (n->size == 3 && n->op != IR_SAR)));
}

/* From zeros in to the sign in: x with the sign bit at m as the number that it is. */
static void extend_sign(struct vec_plan *p, unsigned size, enum x86_xmm d, u64 m)
{
    enum x86_xmm sign = vec_const_all(p, 1u << size, m);

    vec_rr(p, PXOR, d, sign);
    vec_rr(p, vec_codes[IR_SUB][size], d, sign);
}

/* Each lane by its own amount: AVX2. */
static enum x86_xmm shift_each(struct vec_plan *p, const struct vec_node *n)
{
    unsigned size = 1u << n->size;
    enum x86_xmm x = vec_use(p, n->a), by, d;

    vec_use(p, n->b);
    by = vec_take(p, n->b);
    d = vec_temp(p);
    vec_rr(p, PAND, by, vec_const_all(p, size, 8 * size - 1));
    x86_v_shift_each(p->l->o,
                     n->op == IR_SHL   ? V_EACH_SHL
                     : n->op == IR_SHR ? V_EACH_SHR
                                       : V_EACH_SAR,
                     size, d, x, by);
    vec_free(p, by);
    vec_done(p, n->a);
    return d;
}

static enum x86_xmm shift_all(struct vec_plan *p, const struct vec_node *n)
{
    unsigned bits = 8u << n->size, by = (unsigned)(p->node[n->b].known[0] & (bits - 1));
    bool arithmetic = n->op == IR_SAR, here = arithmetic && (n->size == 1 || n->size == 2);
    enum x86_xmm d = vec_take(p, n->a);

    vec_done(p, n->b);
    if (by == 0)
        return d;
    x86_v_shift(p->l->o,
                n->op == IR_SHL ? V_SHL
                : here          ? V_SAR
                                : V_SHR,
                n->size ? 1u << n->size : 2, d, by);
    if (n->size == 0)
        vec_rr(p, PAND, d, vec_const_all(p, 1, n->op == IR_SHL ? 0xffu << by & 0xff : 0xffu >> by));
    if (arithmetic && !here)
        extend_sign(p, n->size, d, 1ull << (bits - 1 - by));
    return d;
}

enum x86_xmm vec_shift_emit(struct vec_plan *p, const struct vec_node *n)
{
    return same_amount(&p->node[n->b]) ? shift_all(p, n) : shift_each(p, n);
}

/* --- products --- */

/* Odd and even bytes each as words. */
static enum x86_xmm multiply_8(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    enum x86_xmm x = vec_use(p, n->a), y = vec_use(p, n->b);
    enum x86_xmm d = vec_temp(p), t = vec_temp(p);

    vec_mov(p, d, x);
    vec_rr(p, vec_codes[IR_MUL][1], d, y);
    vec_rr(p, PAND, d, vec_const_all(p, 2, 0xff));
    vec_mov(p, t, x);
    x86_v_shift(o, V_SHR, 2, t, 8);
    x86_fp_mov(o, XMM0, y);
    x86_v_shift(o, V_SHR, 2, XMM0, 8);
    vec_rr(p, vec_codes[IR_MUL][1], t, XMM0);
    x86_v_shift(o, V_SHL, 2, t, 8);
    vec_rr(p, POR, d, t);
    vec_free(p, t);
    vec_done(p, n->a);
    vec_done(p, n->b);
    return d;
}

enum { PMULUDQ = 0x0ff4 };

/* Is the upper half of its lanes zero? */
static bool is_half(const struct vec_plan *p, u8 number)
{
    const struct vec_node *n = &p->node[number];

    if (n->kind == VEC_OP)
        return n->op == IR_ZEXT && p->node[n->a].size <= 2;
    for (unsigned i = 0; i < vec_total(n) && n->kind == VEC_STATE; i++)
        if (i % 8 >= 4 && n->bytes[i] != VEC_ZERO)
            return false;
    return n->kind == VEC_STATE;
}

/* Lower by lower, and what the crossed products add to the upper half. */
static enum x86_xmm multiply_64(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    enum x86_xmm x, y, d, t;

    if (is_half(p, n->a) && is_half(p, n->b))
        return vec_two(p, PMULUDQ, n->a, n->b);
    x = vec_use(p, n->a);
    y = vec_use(p, n->b);
    d = vec_temp(p);
    t = vec_temp(p);
    vec_mov(p, t, x);
    x86_v_shift(o, V_SHR, 8, t, 32);
    vec_rr(p, PMULUDQ, t, y);
    x86_fp_mov(o, XMM0, y);
    x86_v_shift(o, V_SHR, 8, XMM0, 32);
    vec_rr(p, PMULUDQ, XMM0, x);
    vec_rr(p, vec_codes[IR_ADD][3], t, XMM0);
    x86_v_shift(o, V_SHL, 8, t, 32);
    vec_mov(p, d, x);
    vec_rr(p, PMULUDQ, d, y);
    vec_rr(p, vec_codes[IR_ADD][3], d, t);
    vec_free(p, t);
    vec_done(p, n->a);
    vec_done(p, n->b);
    return d;
}

enum x86_xmm vec_multiply_emit(struct vec_plan *p, const struct vec_node *n)
{
    return n->size ? multiply_64(p, n) : multiply_8(p, n);
}

/* --- across a register --- */

bool vec_across_known(const struct vec_plan *p, const struct vec_node *n)
{
    unsigned total = vec_total(&p->node[n->a]);

    return vec_codes[n->op][n->size] && p->node[n->a].size == n->size && n->size <= 2 &&
           (total == 16 || total == 8);
}

enum x86_xmm vec_across_emit(struct vec_plan *p, struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    u32 op = vec_codes[n->op][n->size];
    unsigned total = vec_total(&p->node[n->a]);
    enum x86_xmm d = vec_take(p, n->a), t = vec_temp(p);

    for (unsigned half = total / 2; half >= 1u << n->size; half /= 2) {
        if (half == 8) {
            x86_v_rr_imm(o, 0x0f70, t, d, 0xee);
        } else if (half == 4) {
            x86_v_rr_imm(o, 0x0f70, t, d, 0x55);
        } else {
            vec_mov(p, t, d);
            x86_v_shift(o, V_SHR, 2 * half, t, 8 * half);
        }
        vec_rr(p, op, d, t);
    }
    vec_free(p, t);
    return d;
}
