/*
 * arm64_hard.sem.c - what A64's awkward instructions mean. Arm ARM (DDI 0487), C6, C7.
 */
#include "hard_sem.h"

#define ARM(member) SEM_SLOT(struct arm64_hard, member)

static ir_val sign_of(struct ir_builder *s, ir_val v)
{
    ir_val zero = ir_const(s, ir_type_of(s, v), 0);

    return ir_lts(s, v, zero);
}

static ir_val is_zero(struct ir_builder *s, ir_val v)
{
    ir_val zero = ir_const(s, ir_type_of(s, v), 0);

    return ir_eq(s, v, zero);
}

/* --- loads --- */

/* ldp x, x, [x, #imm]!: a fault of the second half changes nothing */
HARD_SEM(arm64_ldp_pre)
{
    ir_val base = ir_get(s, IR_I64, a->r[2]);
    ir_val imm = ir_imm(s, IR_I64, a->imm[0]);
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val at = ir_add(s, base, imm);
    ir_val at2 = ir_add(s, at, eight);
    ir_val first = ir_load(s, IR_I64, at, HARD_PLAIN);
    ir_val second = ir_load(s, IR_I64, at2, HARD_PLAIN);

    ir_set(s, a->r[0], first);
    ir_set(s, a->r[1], second);
    ir_set(s, a->r[2], at);
}

/* --- exclusives and pairs: 128 bits at once --- */

static const struct ir_mem PAIR = { .align = IR_ALIGN_NATURAL };
static const struct ir_mem PAIR_ACQUIRE = { .align = IR_ALIGN_NATURAL, .order = IR_ACQUIRE };
static const struct ir_mem PAIR_RELEASE = { .align = IR_ALIGN_NATURAL, .order = IR_RELEASE };

static void set_pair(struct ir_builder *s, sem_reg low, sem_reg high, ir_val v)
{
    ir_val lo = ir_trunc(s, IR_I64, v);
    ir_val hi = ir_high64(s, v);

    ir_set(s, low, lo);
    ir_set(s, high, hi);
}

static ir_val get_pair(struct ir_builder *s, sem_reg low, sem_reg high)
{
    ir_val lo = ir_get(s, IR_I64, low);
    ir_val hi = ir_get(s, IR_I64, high);

    return ir_concat64(s, lo, hi);
}

/* ldaxp x, x, [x] */
HARD_SEM(arm64_ldaxp)
{
    ir_val at = ir_get(s, IR_I64, a->r[2]);
    ir_val v = ir_ll(s, IR_I128, at, PAIR_ACQUIRE);

    set_pair(s, a->r[0], a->r[1], v);
}

/* stlxp w, x, x, [x]: the status is 0 when it stored */
HARD_SEM(arm64_stlxp)
{
    ir_val at = ir_get(s, IR_I64, a->r[3]);
    ir_val v = get_pair(s, a->r[1], a->r[2]);
    ir_val stored = ir_sc(s, at, v, PAIR_RELEASE);
    ir_val failed = ir_not(s, stored);
    ir_val status = ir_zext(s, IR_I64, failed);

    ir_set(s, a->r[0], status);
}

/* casp x0, x1, x2, x3, [x4] */
HARD_SEM(arm64_casp)
{
    ir_val at = ir_get(s, IR_I64, a->r[4]);
    ir_val expected = get_pair(s, a->r[0], a->r[1]);
    ir_val desired = get_pair(s, a->r[2], a->r[3]);
    ir_val old = ir_cas(s, at, expected, desired, PAIR);

    set_pair(s, a->r[0], a->r[1], old);
}

/* --- flags --- */

/* NZCV of x - y: C is "no borrow". */
static void set_nzcv(struct ir_builder *s, ir_val n, ir_val z, ir_val c, ir_val v)
{
    ir_set(s, ARM(n), n);
    ir_set(s, ARM(z), z);
    ir_set(s, ARM(c), c);
    ir_set(s, ARM(v), v);
}

/* ccmp x, x, #nzcv, gt */
HARD_SEM(arm64_ccmp_gt)
{
    ir_val n = ir_get(s, IR_I1, ARM(n));
    ir_val z = ir_get(s, IR_I1, ARM(z));
    ir_val v = ir_get(s, IR_I1, ARM(v));
    ir_val x = ir_get(s, IR_I64, a->r[0]);
    ir_val y = ir_get(s, IR_I64, a->r[1]);
    ir_val nzcv = ir_imm(s, IR_I8, a->imm[0]);
    ir_val one = ir_const(s, IR_I8, 1);
    ir_val two = ir_const(s, IR_I8, 2);
    ir_val three = ir_const(s, IR_I8, 3);
    ir_val never = ir_const(s, IR_I1, 0);
    ir_val same = ir_eq(s, n, v);
    ir_val holds = ir_andn(s, same, z);
    ir_val diff = ir_sub(s, x, y);
    ir_val rn = sign_of(s, diff);
    ir_val rz = ir_eq(s, x, y);
    ir_val borrow = ir_borrow(s, x, y, never);
    ir_val rc = ir_not(s, borrow);
    ir_val rv = ir_subovf(s, x, y, never);
    ir_val in_n = ir_shr(s, nzcv, three);
    ir_val in_z = ir_shr(s, nzcv, two);
    ir_val in_c = ir_shr(s, nzcv, one);
    ir_val else_n = ir_trunc(s, IR_I1, in_n);
    ir_val else_z = ir_trunc(s, IR_I1, in_z);
    ir_val else_c = ir_trunc(s, IR_I1, in_c);
    ir_val else_v = ir_trunc(s, IR_I1, nzcv);

    rn = ir_select(s, holds, rn, else_n);
    rz = ir_select(s, holds, rz, else_z);
    rc = ir_select(s, holds, rc, else_c);
    rv = ir_select(s, holds, rv, else_v);
    set_nzcv(s, rn, rz, rc, rv);
}

/* adds x, x, w, extend #shift; signed or unsigned, `from` and shift are variant fields */
static void adds_extended(struct ir_builder *s, const struct hard_args *a, enum ir_type from,
                          bool is_signed, unsigned shift)
{
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val part = ir_get(s, from, a->r[2]);
    ir_val wide = is_signed ? ir_sext(s, IR_I64, part) : ir_zext(s, IR_I64, part);
    ir_val by = ir_const(s, IR_I64, shift);
    ir_val y = ir_shl(s, wide, by);
    ir_val never = ir_const(s, IR_I1, 0);
    ir_val sum = ir_add(s, x, y);
    ir_val n = sign_of(s, sum);
    ir_val z = is_zero(s, sum);
    ir_val c = ir_carry(s, x, y, never);
    ir_val v = ir_addovf(s, x, y, never);

    set_nzcv(s, n, z, c, v);
    ir_set(s, a->r[0], sum);
}

HARD_SEM(arm64_adds_uxtb)
{
    adds_extended(s, a, IR_I8, false, 3);
}

HARD_SEM(arm64_adds_sxtw)
{
    adds_extended(s, a, IR_I32, true, 2);
}

static const struct {
    u16 offset;
    u8 bit;
} nzcv_bits[] = {
    { offsetof(struct arm64_hard, n), 31 },
    { offsetof(struct arm64_hard, z), 30 },
    { offsetof(struct arm64_hard, c), 29 },
    { offsetof(struct arm64_hard, v), 28 },
};

/* msr nzcv, x */
HARD_SEM(arm64_msr_nzcv)
{
    ir_val all = ir_get(s, IR_I64, a->r[0]);

    for (unsigned i = 0; i < ARRAY_SIZE(nzcv_bits); i++) {
        ir_val n = ir_const(s, IR_I64, nzcv_bits[i].bit);
        ir_val down = ir_shr(s, all, n);
        ir_val flag = ir_trunc(s, IR_I1, down);

        ir_set(s, (sem_reg){ -1, nzcv_bits[i].offset }, flag);
    }
}

/* mrs x, nzcv */
HARD_SEM(arm64_mrs_nzcv)
{
    ir_val all = ir_const(s, IR_I64, 0);

    for (unsigned i = 0; i < ARRAY_SIZE(nzcv_bits); i++) {
        ir_val flag = ir_get(s, IR_I1, (sem_reg){ -1, nzcv_bits[i].offset });

        all = ir_deposit(s, all, flag, nzcv_bits[i].bit, 1);
    }
    ir_set(s, a->r[0], all);
}

/* --- extraction and rotation --- */

static void set_w(struct ir_builder *s, sem_reg r, ir_val v)
{
    ir_val wide = ir_zext(s, IR_I64, v);

    ir_set(s, r, wide);
}

/* extr x, x, x, #lsb: 64 bits from the middle of a pair; lsb may be 0 */
HARD_SEM(arm64_extr_x)
{
    ir_val high = ir_get(s, IR_I64, a->r[1]);
    ir_val low = ir_get(s, IR_I64, a->r[2]);
    ir_val lsb = ir_imm(s, IR_I128, a->imm[0]);
    ir_val both = ir_concat64(s, low, high);
    ir_val down = ir_shr(s, both, lsb);
    ir_val r = ir_trunc(s, IR_I64, down);

    ir_set(s, a->r[0], r);
}

HARD_SEM(arm64_extr_w)
{
    ir_val high = ir_get(s, IR_I32, a->r[1]);
    ir_val low = ir_get(s, IR_I32, a->r[2]);
    ir_val lsb = ir_imm(s, IR_I64, a->imm[0]);
    ir_val low64 = ir_zext(s, IR_I64, low);
    ir_val high64 = ir_zext(s, IR_I64, high);
    ir_val both = ir_deposit(s, low64, high64, 32, 32);
    ir_val down = ir_shr(s, both, lsb);
    ir_val r = ir_trunc(s, IR_I32, down);

    set_w(s, a->r[0], r);
}

HARD_SEM(arm64_rorv_x)
{
    ir_val v = ir_get(s, IR_I64, a->r[1]);
    ir_val by = ir_get(s, IR_I64, a->r[2]);
    ir_val r = ir_rotr(s, v, by);

    ir_set(s, a->r[0], r);
}

HARD_SEM(arm64_rorv_w)
{
    ir_val v = ir_get(s, IR_I32, a->r[1]);
    ir_val by = ir_get(s, IR_I32, a->r[2]);
    ir_val r = ir_rotr(s, v, by);

    set_w(s, a->r[0], r);
}

/* eor x, x, x, ror #imm */
HARD_SEM(arm64_eor_ror_x)
{
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val y = ir_get(s, IR_I64, a->r[2]);
    ir_val by = ir_imm(s, IR_I64, a->imm[0]);
    ir_val turned = ir_rotr(s, y, by);
    ir_val r = ir_xor(s, x, turned);

    ir_set(s, a->r[0], r);
}

/* orr w, w, w, ror #imm */
HARD_SEM(arm64_orr_ror_w)
{
    ir_val x = ir_get(s, IR_I32, a->r[1]);
    ir_val y = ir_get(s, IR_I32, a->r[2]);
    ir_val by = ir_imm(s, IR_I32, a->imm[0]);
    ir_val turned = ir_rotr(s, y, by);
    ir_val r = ir_or(s, x, turned);

    set_w(s, a->r[0], r);
}

/* --- floating point --- */

/* A scalar result clears the rest of the vector register. */
static void set_scalar(struct ir_builder *s, sem_reg r, ir_val v)
{
    ir_val all = ir_zext(s, IR_I128, v);

    ir_set(s, r, all);
}

HARD_SEM(arm64_fmulx_d)
{
    const struct ir_fp how = { .format = FP_F64,
                               .rules = FP_RULES_SNAN_FIRST,
                               .round = IR_ROUND_DYNAMIC };
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val y = ir_get(s, IR_I64, a->r[2]);
    ir_val r = ir_fmulx(s, x, y, how);

    set_scalar(s, a->r[0], r);
}

HARD_SEM(arm64_fmulx_s)
{
    const struct ir_fp how = { .format = FP_F32,
                               .rules = FP_RULES_SNAN_FIRST,
                               .round = IR_ROUND_DYNAMIC };
    ir_val x = ir_get(s, IR_I32, a->r[1]);
    ir_val y = ir_get(s, IR_I32, a->r[2]);
    ir_val r = ir_fmulx(s, x, y, how);

    set_scalar(s, a->r[0], r);
}

/* fjcvtzs w, d: Z tells whether the number was an int32, and not -0 */
HARD_SEM(arm64_fjcvtzs)
{
    const struct ir_fp how = { .format = FP_F64, .rules = FP_RULES_SNAN_FIRST, .round = FP_RTZ };
    const struct ir_ftoi to = { .is_signed = 1, .bits = 32, .mode = FP_MODULO_JS };
    ir_val x = ir_get(s, IR_I64, a->r[1]);
    ir_val r = ir_ftoi(s, IR_I32, x, to, how);
    ir_val back = ir_itof(s, r, true, how);
    ir_val exact = ir_eq(s, back, x);
    ir_val no = ir_const(s, IR_I1, 0);

    set_nzcv(s, no, exact, no, no);
    set_w(s, a->r[0], r);
}

/* --- vectors --- */

/* sqrdmlah v.8h, v.8h, v.8h: saturation is remembered in FPSR.QC */
HARD_SEM(arm64_sqrdmlah_8h)
{
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val half = ir_const(s, IR_I64, 1 << 15);
    ir_val highest = ir_const(s, IR_I64, 0x7fff);
    ir_val lowest = ir_const(s, IR_I64, (u64)-0x8000);
    ir_val qc = ir_get(s, IR_I1, ARM(qc));
    ir_var saturated = ir_var_new(s, qc);
    ir_val i = ir_vloop(s, (struct ir_shape){ .element = 2 }, zero, eight);
    ir_val at = ir_shl(s, i, one);
    ir_val d16 = ir_getx(s, IR_I16, a->r[0], at, 16);
    ir_val x16 = ir_getx(s, IR_I16, a->r[1], at, 16);
    ir_val y16 = ir_getx(s, IR_I16, a->r[2], at, 16);
    ir_val d = ir_sext(s, IR_I64, d16);
    ir_val x = ir_sext(s, IR_I64, x16);
    ir_val y = ir_sext(s, IR_I64, y16);
    ir_val product = ir_mul(s, x, y);
    ir_val twice = ir_shl(s, product, one);
    ir_val scaled = ir_shl(s, d, sixteen);
    ir_val sum = ir_add(s, scaled, twice);
    ir_val rounded = ir_add(s, sum, half);
    ir_val full = ir_sar(s, rounded, sixteen);
    ir_val below = ir_mins(s, full, highest);
    ir_val r = ir_maxs(s, below, lowest);
    ir_val clipped = ir_ne(s, r, full);
    ir_val r16 = ir_trunc(s, IR_I16, r);
    ir_val before = ir_var_get(s, saturated);
    ir_val now = ir_or(s, before, clipped);

    ir_setx(s, a->r[0], at, r16, 16);
    ir_var_set(s, saturated, now);
    ir_endvloop(s);
    now = ir_var_get(s, saturated);
    ir_set(s, ARM(qc), now);
}

/* ld4 {v.16b - v.16b}, [x]: everything is loaded before a register changes; then bytes
 * are dealt out from a scratch slot, behind a commit since nothing can fault any more */
HARD_SEM(arm64_ld4_16b)
{
    ir_val base = ir_get(s, IR_I64, a->r[4]);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val four = ir_const(s, IR_I64, 4);
    ir_val i, from;

    for (unsigned k = 0; k < 4; k++) {
        ir_val off = ir_const(s, IR_I64, 16 * k);
        ir_val at = ir_add(s, base, off);
        ir_val v = ir_load(s, IR_I128, at, HARD_PLAIN);

        ir_set(s, sem_reg_at(ARM(scratch), 16 * k), v);
    }
    ir_commit(s);
    i = ir_vloop(s, (struct ir_shape){ .element = 1 }, zero, sixteen);
    from = ir_mul(s, i, four);
    for (unsigned k = 0; k < 4; k++) {
        ir_val byte = ir_getx(s, IR_I8, sem_reg_at(ARM(scratch), k), from, 64 - k);

        ir_setx(s, a->r[k], i, byte, 16);
    }
    ir_endvloop(s);
}

/* tbl v.16b, {v.16b, v.16b}, v.16b: an index outside the table gives 0 */
HARD_SEM(arm64_tbl2_16b)
{
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val fifteen = ir_const(s, IR_I64, 15);
    ir_val size = ir_const(s, IR_I64, 32);
    ir_val three = ir_const(s, IR_I64, 3);
    ir_val zero8 = ir_const(s, IR_I8, 0);
    ir_val none = ir_const(s, IR_I128, 0);
    ir_var all = ir_var_new(s, none);
    ir_val i = ir_vloop(s, (struct ir_shape){ .element = 1 }, zero, sixteen);
    ir_val index8 = ir_getx(s, IR_I8, a->r[3], i, 16);
    ir_val index = ir_zext(s, IR_I64, index8);
    ir_val inside = ir_ltu(s, index, size);
    ir_val in_first = ir_ltu(s, index, sixteen);
    ir_val within = ir_and(s, index, fifteen);
    ir_val first = ir_getx(s, IR_I8, a->r[1], within, 16);
    ir_val second = ir_getx(s, IR_I8, a->r[2], within, 16);
    ir_val either = ir_select(s, in_first, first, second);
    ir_val byte = ir_select(s, inside, either, zero8);
    ir_val part = ir_zext(s, IR_I128, byte);
    ir_val at = ir_shl(s, i, three);
    ir_val at128 = ir_zext(s, IR_I128, at);
    ir_val placed = ir_shl(s, part, at128);
    ir_val old = ir_var_get(s, all);
    ir_val now = ir_or(s, old, placed);

    ir_var_set(s, all, now);
    ir_endvloop(s);
    now = ir_var_get(s, all);
    ir_set(s, a->r[0], now);
}
