/*
 * riscv_hard.sem.c - what awkward RISC-V instructions mean: vectors (V 1.0, VLEN = 128),
 * atomics, and conversions with static rounding.
 */
#include "hard_sem.h"

#define RV(member) SEM_SLOT(struct riscv_hard, member)

static const struct ir_mem AMO = { .align = IR_ALIGN_NATURAL };

static void set_vstart_0(struct ir_builder *s)
{
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_set(s, RV(vstart), zero);
}

/* Opens the loop over the elements vstart to vl - 1. */
static ir_val elements(struct ir_builder *s, struct ir_shape shape)
{
    ir_val from = ir_get(s, IR_I64, RV(vstart));
    ir_val to = ir_get(s, IR_I64, RV(vl));

    return ir_vloop(s, shape, from, to);
}

/* Bit i of the mask in v0. */
static ir_val mask_bit(struct ir_builder *s, ir_val i)
{
    ir_val three = ir_const(s, IR_I64, 3);
    ir_val byte_at = ir_shr(s, i, three);
    ir_val byte = ir_getx(s, IR_I8, RV(v), byte_at, 16);
    ir_val low = ir_trunc(s, IR_I8, i);
    ir_val down = ir_shr(s, byte, low);

    return ir_trunc(s, IR_I1, down);
}

/* vadd.vv v, v, v, v0.t at LMUL = 8; what the mask leaves out stays */
static void vadd_masked(struct ir_builder *s, const struct hard_args *a, enum ir_type t)
{
    const struct ir_shape shape = { .element = (u8)ir_type_size(t), .masked = 1 };
    ir_val log = ir_const(s, IR_I64, (u64)__builtin_ctz(ir_type_size(t)));
    ir_val i = elements(s, shape);
    ir_val chosen = mask_bit(s, i);
    ir_val at, x, y, sum;

    ir_if(s, chosen);
    at = ir_shl(s, i, log);
    x = ir_getx(s, t, a->r[1], at, 128);
    y = ir_getx(s, t, a->r[2], at, 128);
    sum = ir_add(s, x, y);
    ir_setx(s, a->r[0], at, sum, 128);
    ir_endif(s);
    ir_endvloop(s);
    set_vstart_0(s);
}

HARD_SEM(riscv_vadd_masked_e16)
{
    vadd_masked(s, a, IR_I16);
}

HARD_SEM(riscv_vadd_masked_e64)
{
    vadd_masked(s, a, IR_I64);
}

/* vle64ff.v: a fault behind the first element only shortens vl, which needs to look at
 * memory without raising: a helper. imm: the register's offset in state */
HARD_SEM(riscv_vle64ff)
{
    ir_val base = ir_get(s, IR_I64, a->r[0]);
    ir_val vd = ir_imm(s, IR_I64, a->imm[0]);

    ir_call(s, &hard_helper_vle64ff, base, vd, IR_NOVAL);
    set_vstart_0(s);
}

/* vrgather.vv v, v, v at SEW = 8, LMUL = 2; the target overlaps no source */
HARD_SEM(riscv_vrgather_e8)
{
    ir_val vlmax = ir_const(s, IR_I64, 32);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val zero8 = ir_const(s, IR_I8, 0);
    ir_val i = elements(s, (struct ir_shape){ .element = 1 });
    ir_val index8 = ir_getx(s, IR_I8, a->r[2], i, 32);
    ir_val index = ir_zext(s, IR_I64, index8);
    ir_val inside = ir_ltu(s, index, vlmax);
    ir_val from = ir_select(s, inside, index, zero);
    ir_val byte = ir_getx(s, IR_I8, a->r[1], from, 32);
    ir_val chosen = ir_select(s, inside, byte, zero8);

    ir_setx(s, a->r[0], i, chosen, 32);
    ir_endvloop(s);
    set_vstart_0(s);
}

/* vlseg3e32.v v, (x) at LMUL = 2: vstart is the progress a fault leaves behind */
HARD_SEM(riscv_vlseg3e32)
{
    const struct ir_shape shape = { .element = 4, .ordered = 1, .restarts = 1 };
    ir_val base = ir_get(s, IR_I64, a->r[3]);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val two = ir_const(s, IR_I64, 2);
    ir_val twelve = ir_const(s, IR_I64, 12);
    ir_val i = elements(s, shape);
    ir_val off = ir_mul(s, i, twelve);
    ir_val at = ir_add(s, base, off);
    ir_val to = ir_shl(s, i, two);
    ir_val next = ir_add(s, i, one);
    ir_val field[3];

    for (unsigned k = 0; k < 3; k++) {
        ir_val delta = ir_const(s, IR_I64, 4 * k);
        ir_val field_at = ir_add(s, at, delta);

        field[k] = ir_load(s, IR_I32, field_at, HARD_PLAIN);
    }
    for (unsigned k = 0; k < 3; k++)
        ir_setx(s, a->r[k], to, field[k], 32);
    ir_set(s, RV(vstart), next);
    ir_commit(s);
    ir_endvloop(s);
    set_vstart_0(s);
}

/* vfredosum.vs v, v, v at LMUL = 4: one element after the other; nothing when vl = 0 */
static void vfredosum(struct ir_builder *s, const struct hard_args *a, enum ir_type t,
                      enum fp_format format)
{
    const struct ir_fp how = { .format = (u8)format,
                               .rules = FP_RULES_CANONICAL,
                               .round = IR_ROUND_DYNAMIC };
    const struct ir_shape shape = { .element = (u8)ir_type_size(t), .ordered = 1 };
    ir_val log = ir_const(s, IR_I64, (u64)__builtin_ctz(ir_type_size(t)));
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val vl = ir_get(s, IR_I64, RV(vl));
    ir_val start = ir_get(s, t, a->r[2]);
    ir_val some = ir_ne(s, vl, zero);
    ir_var sum = ir_var_new(s, start);
    ir_val i = elements(s, shape);
    ir_val at = ir_shl(s, i, log);
    ir_val x = ir_getx(s, t, a->r[1], at, 64);
    ir_val old = ir_var_get(s, sum);
    ir_val now = ir_fadd(s, old, x, how);

    ir_var_set(s, sum, now);
    ir_endvloop(s);
    now = ir_var_get(s, sum);
    ir_if(s, some);
    ir_set(s, a->r[0], now);
    ir_endif(s);
    set_vstart_0(s);
}

HARD_SEM(riscv_vfredosum_e32)
{
    vfredosum(s, a, IR_I32, FP_F32);
}

HARD_SEM(riscv_vfredosum_e64)
{
    vfredosum(s, a, IR_I64, FP_F64);
}

/* --- atomics --- */

HARD_SEM(riscv_lr_d)
{
    ir_val at = ir_get(s, IR_I64, a->r[1]);
    ir_val v = ir_ll(s, IR_I64, at, AMO);

    ir_set(s, a->r[0], v);
}

/* sc.d: 0 when it stored */
HARD_SEM(riscv_sc_d)
{
    ir_val at = ir_get(s, IR_I64, a->r[2]);
    ir_val v = ir_get(s, IR_I64, a->r[1]);
    ir_val stored = ir_sc(s, at, v, AMO);
    ir_val failed = ir_not(s, stored);
    ir_val status = ir_zext(s, IR_I64, failed);

    ir_set(s, a->r[0], status);
}

HARD_SEM(riscv_amoadd_w)
{
    ir_val at = ir_get(s, IR_I64, a->r[2]);
    ir_val v = ir_get(s, IR_I32, a->r[1]);
    ir_val old = ir_rmw(s, IR_RMW_ADD, at, v, AMO);
    ir_val wide = ir_sext(s, IR_I64, old);

    ir_set(s, a->r[0], wide);
}

HARD_SEM(riscv_amoadd_d)
{
    ir_val at = ir_get(s, IR_I64, a->r[2]);
    ir_val v = ir_get(s, IR_I64, a->r[1]);
    ir_val old = ir_rmw(s, IR_RMW_ADD, at, v, AMO);

    ir_set(s, a->r[0], old);
}

/* --- conversions; the rounding mode is a variant field --- */

static void fcvt_w_d(struct ir_builder *s, const struct hard_args *a, u8 round)
{
    const struct ir_fp how = { .format = FP_F64, .rules = FP_RULES_CANONICAL, .round = round };
    const struct ir_ftoi to = { .is_signed = 1, .bits = 32, .mode = FP_SATURATE_NAN_MAX };
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val r = ir_ftoi(s, IR_I64, x, to, how);

    ir_set(s, a->r[0], r);
}

/* The single is boxed: upper half all ones. */
static void fcvt_s_d(struct ir_builder *s, const struct hard_args *a, u8 round)
{
    const struct ir_fp how = {
        .format = FP_F32, .from = FP_F64, .rules = FP_RULES_CANONICAL, .round = round
    };
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val r = ir_fcvt(s, x, how);
    ir_val wide = ir_zext(s, IR_I64, r);
    ir_val box = ir_const(s, IR_I64, 0xffffffff00000000ull);
    ir_val boxed = ir_or(s, wide, box);

    ir_set(s, a->r[0], boxed);
}

#define ROUNDED(mode, round)                                                                       \
    HARD_SEM(riscv_fcvt_w_d_##mode)                                                                \
    {                                                                                              \
        fcvt_w_d(s, a, round);                                                                     \
    }                                                                                              \
    HARD_SEM(riscv_fcvt_s_d_##mode)                                                                \
    {                                                                                              \
        fcvt_s_d(s, a, round);                                                                     \
    }
ROUNDED(rne, FP_RNE)
ROUNDED(rtz, FP_RTZ)
ROUNDED(rdn, FP_RDN)
ROUNDED(rup, FP_RUP)
ROUNDED(rmm, FP_RMM)
ROUNDED(dyn, IR_ROUND_DYNAMIC)

/* vsetvli x, x, vtype: imm is vtype, imm2 the decoder's VLMAX. Translation depends on
 * vtype, so the block ends */
HARD_SEM(riscv_vsetvli)
{
    ir_val avl = ir_get(s, IR_I64, a->r[1]);
    ir_val vtype = ir_imm(s, IR_I64, a->imm[0]);
    ir_val vlmax = ir_imm(s, IR_I64, a->imm[1]);
    ir_val vl = ir_minu(s, avl, vlmax);

    ir_set(s, RV(vl), vl);
    ir_set(s, RV(vtype), vtype);
    set_vstart_0(s);
    ir_set(s, a->r[0], vl);
    ir_end_block(s);
}
