/*
 * fp_fma.c - a * b + c with one rounding (IEEE 754-2019 5.4.1, fusedMultiplyAdd),
 * on 256 bits so that FP_F128's product is exact.
 */
#include "ir/fp_internal.h"

struct wide {
    u128 hi, lo;
};

static struct wide wide_shl(struct wide v, unsigned n)
{
    if (n >= 128)
        return (struct wide){ v.lo << (n - 128), 0 };
    return n ? (struct wide){ v.hi << n | v.lo >> (128 - n), v.lo << n } : v;
}

/* v >> n, the bits shifted out OR-ed into bit 0. */
static struct wide wide_shr_jam(struct wide v, unsigned n)
{
    if (n == 0)
        return v;
    if (n >= 128)
        return (struct wide){ 0, fp_shr_jam(v.hi, n - 128) | (v.lo != 0) };
    bool lost = (v.lo & fp_mask128(n)) != 0;

    return (struct wide){ v.hi >> n, v.hi << (128 - n) | v.lo >> n | lost };
}

static bool wide_less(struct wide a, struct wide b)
{
    return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

static struct wide wide_add(struct wide a, struct wide b)
{
    u128 lo = a.lo + b.lo;

    return (struct wide){ a.hi + b.hi + (lo < a.lo), lo };
}

static struct wide wide_sub(struct wide a, struct wide b)
{
    return (struct wide){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

/* Rounds v * 2^(exp - 254), v not zero: its leading one goes to bit 254. */
static fp_bits wide_pack(struct fp_op *op, bool sign, s32 exp, struct wide v)
{
    unsigned zeros = v.hi ? fp_clz128(v.hi) : 128 + fp_clz128(v.lo);

    if (zeros)
        v = wide_shl(v, zeros - 1);
    else
        v = wide_shr_jam(v, 1);
    return fp_round_pack(op, sign, exp + 1 - (s32)zeros, v.hi | (v.lo != 0));
}

/* a * b + c, a and b finite and not zero, c finite. */
static fp_bits fma_finite(struct fp_op *op, const struct fp_num *a, const struct fp_num *b,
                          const struct fp_num *c)
{
    bool sign = a->sign != b->sign;
    s32 exp = a->exp + b->exp;
    struct wide product, addend = { c->sig, 0 };

    fp_mul128(a->sig, b->sig, &product.hi, &product.lo);
    product = wide_shl(product, 2); /* leading one at bit 254 or 255 */
    if (product.hi >> 127) {
        product = wide_shr_jam(product, 1); /* loses nothing: 226 bits at most */
        exp++;
    }
    if (c->kind == FP_KIND_ZERO)
        return wide_pack(op, sign, exp, product);
    if (exp >= c->exp) {
        addend = wide_shr_jam(addend, (unsigned)(exp - c->exp));
    } else {
        product = wide_shr_jam(product, (unsigned)(c->exp - exp));
        exp = c->exp;
    }
    if (sign == c->sign)
        return wide_pack(op, sign, exp, wide_add(product, addend));
    if (wide_less(product, addend))
        return wide_pack(op, c->sign, exp, wide_sub(addend, product));
    if (!wide_less(addend, product))
        return fp_pack_zero(op, fp_zero_sum_sign(op, sign, c->sign));
    return wide_pack(op, sign, exp, wide_sub(product, addend));
}

/* The rules' order of operands, and what inf * 0 + NaN is: see enum fp_rules. */
static fp_bits fma_nan(struct fp_op *op, const struct fp_num *a, const struct fp_num *b,
                       const struct fp_num *c, bool inf_zero)
{
    const struct fp_num *in_order[] = { a, b, c };
    const struct fp_num *addend_first[] = { c, a, b };
    enum fp_nan_choice choice = op->rule->nan;

    if (inf_zero && choice != FP_NAN_FIRST && c->kind != FP_KIND_SNAN)
        return fp_invalid(op);
    return fp_nan_result(op, 3, choice == FP_NAN_SNAN_FIRST ? addend_first : in_order);
}

static fp_bits muladd(struct fp_op *op, const struct fp_num *a, const struct fp_num *b,
                      const struct fp_num *c)
{
    bool sign = a->sign != b->sign;
    bool inf = a->kind == FP_KIND_INF || b->kind == FP_KIND_INF;
    bool zero = a->kind == FP_KIND_ZERO || b->kind == FP_KIND_ZERO;

    if (fp_num_is_nan(a) || fp_num_is_nan(b) || fp_num_is_nan(c))
        return fma_nan(op, a, b, c, inf && zero);
    if ((inf && zero) || (inf && c->kind == FP_KIND_INF && sign != c->sign))
        return fp_invalid(op);
    fp_note_denormal(op, a->denormal || b->denormal || c->denormal);
    if (inf || c->kind == FP_KIND_INF)
        return fp_pack_inf(op, inf ? sign : c->sign);
    if (!zero)
        return fma_finite(op, a, b, c);
    if (c->kind == FP_KIND_ZERO)
        return fp_pack_zero(op, fp_zero_sum_sign(op, sign, c->sign));
    return fp_round_pack(op, c->sign, c->exp, c->sig);
}

fp_bits fp_fma(enum fp_format fmt, enum fp_rules rules, enum fp_round round, fp_bits a, fp_bits b,
               fp_bits c, u8 *flags)
{
    struct fp_op op = fp_op_start(fmt, rules, round);
    struct fp_num x = fp_unpack(&op, a), y = fp_unpack(&op, b), z = fp_unpack(&op, c);
    fp_bits result = muladd(&op, &x, &y, &z);

    *flags |= op.flags;
    return result;
}
