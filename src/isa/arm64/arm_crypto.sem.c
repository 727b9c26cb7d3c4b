/*
 * arm_crypto.sem.c - rounds of ciphers and hashes (C4.1.96, cryptographic; J1.3: SHA256hash() and
 * so on). Words are numbered from the least significant one.
 */
#include "isa/arm64/simd.h"

struct words {
    ir_val w[4];
};

static struct words get4(struct ir_builder *s, sem_reg r)
{
    struct words v;

    for (unsigned i = 0; i < 4; i++)
        v.w[i] = ir_get(s, IR_I32, sem_reg_at(r, 4 * i));
    return v;
}

static void set4(struct ir_builder *s, sem_reg r, const struct words *v)
{
    for (unsigned i = 0; i < 4; i++)
        ir_set(s, sem_reg_at(r, 4 * i), v->w[i]);
}

static ir_val get_high(struct ir_builder *s, sem_reg r)
{
    return ir_get(s, IR_I64, sem_reg_at(r, ARM_D_BYTES));
}

static ir_val rol(struct ir_builder *s, ir_val x, unsigned n)
{
    ir_val by = ir_const(s, ir_type_of(s, x), n);

    return ir_rotl(s, x, by);
}

static ir_val ror(struct ir_builder *s, ir_val x, unsigned n)
{
    ir_val by = ir_const(s, ir_type_of(s, x), n);

    return ir_rotr(s, x, by);
}

static ir_val lsr(struct ir_builder *s, ir_val x, unsigned n)
{
    ir_val by = ir_const(s, ir_type_of(s, x), n);

    return ir_shr(s, x, by);
}

static ir_val xor3(struct ir_builder *s, ir_val x, ir_val y, ir_val z)
{
    ir_val r = ir_xor(s, x, y);

    return ir_xor(s, r, z);
}

static ir_val add3(struct ir_builder *s, ir_val x, ir_val y, ir_val z)
{
    ir_val r = ir_add(s, x, y);

    return ir_add(s, r, z);
}

/* Three rotations to the right; the third is a shift where `shift` says so. */
static ir_val sigma(struct ir_builder *s, ir_val x, unsigned a, unsigned b, unsigned c, bool shift)
{
    ir_val xa = ror(s, x, a);
    ir_val xb = ror(s, x, b);
    ir_val xc = shift ? lsr(s, x, c) : ror(s, x, c);

    return xor3(s, xa, xb, xc);
}

static ir_val choose(struct ir_builder *s, ir_val x, ir_val y, ir_val z)
{
    ir_val differ = ir_xor(s, y, z);
    ir_val chosen = ir_and(s, differ, x);

    return ir_xor(s, chosen, z);
}

static ir_val majority(struct ir_builder *s, ir_val x, ir_val y, ir_val z)
{
    ir_val both = ir_and(s, x, y);
    ir_val either = ir_or(s, x, y);
    ir_val with = ir_and(s, either, z);

    return ir_or(s, both, with);
}

/* --- AES: halves of the result are made one by one --- */

ARM_FP_SEM(aes)
{
    bool key = a->op == ARM_AES_E || a->op == ARM_AES_D;
    ir_val low = ir_get(s, IR_I64, a->rn);
    ir_val high = get_high(s, a->rn);
    ir_val lower = ir_const(s, IR_I64, (u64)a->op);
    ir_val upper = ir_const(s, IR_I64, (u64)a->op | ARM_AES_UPPER);

    if (key) {
        ir_val d0 = ir_get(s, IR_I64, a->rd);
        ir_val d1 = get_high(s, a->rd);

        low = ir_xor(s, low, d0);
        high = ir_xor(s, high, d1);
    }
    ir_val r0 = ir_call(s, &arm_helper_aes, low, high, lower);
    ir_val r1 = ir_call(s, &arm_helper_aes, low, high, upper);

    arm_set_halves(s, a->rd, r0, r1);
}

/* --- SHA-1 --- */

static ir_val sha1_function(struct ir_builder *s, int op, const struct words *x)
{
    switch (op) {
    case ARM_SHA1_C: return choose(s, x->w[1], x->w[2], x->w[3]);
    case ARM_SHA1_P: return xor3(s, x->w[1], x->w[2], x->w[3]);
    default: return majority(s, x->w[1], x->w[2], x->w[3]);
    }
}

ARM_FP_SEM(sha1_rounds)
{
    struct words x = get4(s, a->rd), w = get4(s, a->rm);
    ir_val y = ir_get(s, IR_I32, a->rn);

    for (unsigned e = 0; e < 4; e++) {
        ir_val f = sha1_function(s, a->op, &x);
        ir_val turned = rol(s, x.w[0], 5);
        ir_val sum = add3(s, turned, f, w.w[e]);
        ir_val next = ir_add(s, sum, y);

        y = x.w[3];
        x.w[3] = x.w[2];
        x.w[2] = rol(s, x.w[1], 30);
        x.w[1] = x.w[0];
        x.w[0] = next;
    }
    set4(s, a->rd, &x);
}

ARM_FP_SEM(sha1h)
{
    ir_val x = ir_get(s, IR_I32, a->rn);
    ir_val r = rol(s, x, 30);

    arm_set_v(s, a->rd, r);
}

ARM_FP_SEM(sha1su0)
{
    ir_val d0 = ir_get(s, IR_I64, a->rd);
    ir_val d1 = get_high(s, a->rd);
    ir_val n0 = ir_get(s, IR_I64, a->rn);
    ir_val m0 = ir_get(s, IR_I64, a->rm);
    ir_val m1 = get_high(s, a->rm);
    ir_val r0 = xor3(s, d1, d0, m0);
    ir_val r1 = xor3(s, n0, d1, m1);

    arm_set_halves(s, a->rd, r0, r1);
}

ARM_FP_SEM(sha1su1)
{
    struct words d = get4(s, a->rd), n = get4(s, a->rn), r;
    ir_val first = ir_xor(s, d.w[0], n.w[1]);
    ir_val twice = rol(s, first, 2);

    for (unsigned i = 0; i < 4; i++) {
        ir_val t = i < 3 ? ir_xor(s, d.w[i], n.w[i + 1]) : d.w[3];

        r.w[i] = rol(s, t, 1);
    }
    r.w[3] = ir_xor(s, r.w[3], twice);
    set4(s, a->rd, &r);
}

/* --- SHA-256: an operation each --- */

/* SHA256hash(); the state's first half is Qd, or for the second Qn. */
ARM_FP_SEM(sha256h)
{
    ir_val d = ir_get(s, IR_I128, a->rd);
    ir_val n = ir_get(s, IR_I128, a->rn);
    ir_val w = ir_get(s, IR_I128, a->rm);
    ir_val r = a->second ? ir_sha256e(s, n, d, w) : ir_sha256a(s, d, n, w);

    ir_set(s, a->rd, r);
}

ARM_FP_SEM(sha256su0)
{
    ir_val d = ir_get(s, IR_I128, a->rd);
    ir_val n = ir_get(s, IR_I128, a->rn);
    ir_val r = ir_sha256s0(s, d, n);

    ir_set(s, a->rd, r);
}

ARM_FP_SEM(sha256su1)
{
    ir_val d = ir_get(s, IR_I128, a->rd);
    ir_val n = ir_get(s, IR_I128, a->rn);
    ir_val m = ir_get(s, IR_I128, a->rm);
    ir_val r = ir_sha256s1(s, d, n, m);

    ir_set(s, a->rd, r);
}

/* --- SHA-512 --- */

ARM_FP_SEM(sha512h)
{
    ir_val x0 = ir_get(s, IR_I64, a->rn);
    ir_val x1 = get_high(s, a->rn);
    ir_val y0 = ir_get(s, IR_I64, a->rm);
    ir_val y1 = get_high(s, a->rm);
    ir_val w0 = ir_get(s, IR_I64, a->rd);
    ir_val w1 = get_high(s, a->rd);
    ir_val s1 = sigma(s, y1, 14, 18, 41, false);
    ir_val c1 = choose(s, y1, x0, x1);
    ir_val r1 = add3(s, c1, s1, w1);
    ir_val t = ir_add(s, r1, y0);
    ir_val s0 = sigma(s, t, 14, 18, 41, false);
    ir_val c0 = choose(s, t, y1, x0);
    ir_val r0 = add3(s, c0, s0, w0);

    arm_set_halves(s, a->rd, r0, r1);
}

ARM_FP_SEM(sha512h2)
{
    ir_val x0 = ir_get(s, IR_I64, a->rn);
    ir_val y0 = ir_get(s, IR_I64, a->rm);
    ir_val y1 = get_high(s, a->rm);
    ir_val w0 = ir_get(s, IR_I64, a->rd);
    ir_val w1 = get_high(s, a->rd);
    ir_val s1 = sigma(s, y0, 28, 34, 39, false);
    ir_val m1 = majority(s, x0, y1, y0);
    ir_val r1 = add3(s, m1, s1, w1);
    ir_val s0 = sigma(s, r1, 28, 34, 39, false);
    ir_val m0 = majority(s, r1, y0, y1);
    ir_val r0 = add3(s, m0, s0, w0);

    arm_set_halves(s, a->rd, r0, r1);
}

ARM_FP_SEM(sha512su0)
{
    ir_val w0 = ir_get(s, IR_I64, a->rd);
    ir_val w1 = get_high(s, a->rd);
    ir_val x0 = ir_get(s, IR_I64, a->rn);
    ir_val s0 = sigma(s, w1, 1, 8, 7, true);
    ir_val s1 = sigma(s, x0, 1, 8, 7, true);
    ir_val r0 = ir_add(s, w0, s0);
    ir_val r1 = ir_add(s, w1, s1);

    arm_set_halves(s, a->rd, r0, r1);
}

ARM_FP_SEM(sha512su1)
{
    for (unsigned at = 0; at < ARM_V_BYTES; at += ARM_D_BYTES) {
        ir_val w = ir_get(s, IR_I64, sem_reg_at(a->rd, at));
        ir_val x = ir_get(s, IR_I64, sem_reg_at(a->rn, at));
        ir_val y = ir_get(s, IR_I64, sem_reg_at(a->rm, at));
        ir_val t = sigma(s, x, 19, 61, 6, true);
        ir_val r = add3(s, w, t, y);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
}

/* --- SHA-3 --- */

/* EOR3, BCAX */
ARM_FP_SEM(sha3_logic)
{
    for (unsigned at = 0; at < ARM_V_BYTES; at += ARM_D_BYTES) {
        ir_val n = ir_get(s, IR_I64, sem_reg_at(a->rn, at));
        ir_val m = ir_get(s, IR_I64, sem_reg_at(a->rm, at));
        ir_val third = ir_get(s, IR_I64, sem_reg_at(a->ra, at));
        ir_val rest = a->clear ? ir_andn(s, m, third) : ir_xor(s, m, third);
        ir_val r = ir_xor(s, n, rest);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
}

ARM_FP_SEM(rax1)
{
    for (unsigned at = 0; at < ARM_V_BYTES; at += ARM_D_BYTES) {
        ir_val n = ir_get(s, IR_I64, sem_reg_at(a->rn, at));
        ir_val m = ir_get(s, IR_I64, sem_reg_at(a->rm, at));
        ir_val turned = rol(s, m, 1);
        ir_val r = ir_xor(s, n, turned);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
}

ARM_FP_SEM(xar)
{
    ir_val by = ir_imm(s, IR_I64, a->by);

    for (unsigned at = 0; at < ARM_V_BYTES; at += ARM_D_BYTES) {
        ir_val n = ir_get(s, IR_I64, sem_reg_at(a->rn, at));
        ir_val m = ir_get(s, IR_I64, sem_reg_at(a->rm, at));
        ir_val differ = ir_xor(s, n, m);
        ir_val r = ir_rotr(s, differ, by);

        ir_set(s, sem_reg_at(a->rd, at), r);
    }
}

/* --- SM3 --- */

/* x with two rotations of itself to the left */
static ir_val mixed(struct ir_builder *s, ir_val x, unsigned a, unsigned b)
{
    ir_val xa = rol(s, x, a);
    ir_val xb = rol(s, x, b);

    return xor3(s, x, xa, xb);
}

ARM_FP_SEM(sm3ss1)
{
    struct words r;
    ir_val n = ir_get(s, IR_I32, sem_reg_at(a->rn, 12));
    ir_val m = ir_get(s, IR_I32, sem_reg_at(a->rm, 12));
    ir_val third = ir_get(s, IR_I32, sem_reg_at(a->ra, 12));
    ir_val turned = rol(s, n, 12);
    ir_val sum = add3(s, turned, m, third);

    r.w[0] = r.w[1] = r.w[2] = ir_const(s, IR_I32, 0);
    r.w[3] = rol(s, sum, 7);
    set4(s, a->rd, &r);
}

static ir_val sm3_function(struct ir_builder *s, int op, const struct words *d)
{
    switch (op) {
    case ARM_SM3_TT1B: return majority(s, d->w[3], d->w[1], d->w[2]);
    case ARM_SM3_TT2B: return choose(s, d->w[3], d->w[2], d->w[1]);
    default: return xor3(s, d->w[1], d->w[3], d->w[2]);
    }
}

ARM_FP_SEM(sm3tt)
{
    bool second = a->op == ARM_SM3_TT2A || a->op == ARM_SM3_TT2B;
    struct words d = get4(s, a->rd), r;
    ir_val n = ir_get(s, IR_I32, sem_reg_at(a->rn, 12));
    ir_val at = ir_imm(s, IR_I64, a->at);
    ir_val w = ir_getx(s, IR_I32, a->rm, at, ARM_V_BYTES);
    ir_val f = sm3_function(s, a->op, &d);
    ir_val turned = rol(s, d.w[3], 12);
    ir_val key = second ? n : ir_xor(s, n, turned);
    ir_val part = add3(s, f, d.w[0], key);
    ir_val t = ir_add(s, part, w);

    r.w[0] = d.w[1];
    r.w[1] = rol(s, d.w[2], second ? 19 : 9);
    r.w[2] = d.w[3];
    r.w[3] = second ? mixed(s, t, 9, 17) : t;
    set4(s, a->rd, &r);
}

ARM_FP_SEM(sm3partw1)
{
    struct words d = get4(s, a->rd), n = get4(s, a->rn), m = get4(s, a->rm), r;

    for (unsigned i = 0; i < 4; i++) {
        ir_val other = rol(s, i < 3 ? m.w[i + 1] : r.w[0], 15);
        ir_val t = xor3(s, d.w[i], n.w[i], other);

        r.w[i] = mixed(s, t, 15, 23);
    }
    set4(s, a->rd, &r);
}

ARM_FP_SEM(sm3partw2)
{
    struct words d = get4(s, a->rd), n = get4(s, a->rn), m = get4(s, a->rm), r;
    ir_val first = d.w[0];

    for (unsigned i = 0; i < 4; i++) {
        ir_val turned = rol(s, m.w[i], 7);
        ir_val t = ir_xor(s, n.w[i], turned);

        if (i == 0)
            first = t;
        r.w[i] = ir_xor(s, d.w[i], t);
    }
    ir_val turned = rol(s, first, 15);
    ir_val more = mixed(s, turned, 15, 23);

    r.w[3] = ir_xor(s, r.w[3], more);
    set4(s, a->rd, &r);
}

/* --- SM4: four rounds; those of the key mix differently --- */

ARM_FP_SEM(sm4)
{
    struct words x = get4(s, a->key ? a->rn : a->rd), k = get4(s, a->key ? a->rm : a->rn);

    for (unsigned i = 0; i < 4; i++) {
        ir_val part = xor3(s, x.w[3], x.w[2], x.w[1]);
        ir_val in = ir_xor(s, part, k.w[i]);
        ir_val in64 = ir_zext(s, IR_I64, in);
        ir_val out64 = ir_call(s, &arm_helper_sm4, in64, IR_NOVAL, IR_NOVAL);
        ir_val b = ir_trunc(s, IR_I32, out64);
        ir_val t = a->key ? mixed(s, b, 13, 23) : mixed(s, b, 2, 10);

        if (!a->key) {
            ir_val b18 = rol(s, b, 18);
            ir_val b24 = rol(s, b, 24);

            t = xor3(s, t, b18, b24);
        }
        ir_val next = ir_xor(s, t, x.w[0]);

        x.w[0] = x.w[1];
        x.w[1] = x.w[2];
        x.w[2] = x.w[3];
        x.w[3] = next;
    }
    set4(s, a->rd, &x);
}
