/*
 * rv_fd.sem.c - floating point: F, D, Zfhmin, Zfa.
 *
 * A value narrower than 64 bits is NaN-boxed in its register: a register whose upper
 * bits are not all ones reads as the default NaN. Everything raises illegal-instruction
 * while mstatus.FS is off, and with a reserved rounding mode.
 */
#include "isa/riscv/sem.h"

static struct ir_fp how(int format, int round)
{
    return (struct ir_fp){
        .format = (u8)format, .from = (u8)format, .rules = FP_RULES_CANONICAL, .round = (u8)round
    };
}

static enum ir_type format_type(int format)
{
    return format == FP_F16 ? IR_I16 : format == FP_F32 ? IR_I32 : IR_I64;
}

/* Raises while FS is off. */
static void need_fs(struct ir_builder *s, sem_imm raw)
{
    ir_val encoding = ir_imm(s, IR_I64, raw);
    ir_val fs = ir_get(s, IR_I8, RV_SLOT(fs));
    ir_val zero = ir_const(s, IR_I8, 0);
    ir_val off = ir_eq(s, fs, zero);

    ir_raise_if(s, off, RV_ILLEGAL, encoding);
}

/* The same, and raises with a reserved dynamic rounding mode. */
static void need_rounding(struct ir_builder *s, sem_imm raw, int rm)
{
    need_fs(s, raw);
    if (rm != IR_ROUND_DYNAMIC)
        return;
    ir_val encoding = ir_imm(s, IR_I64, raw);
    ir_val frm = ir_get(s, IR_I8, RV_SLOT(frm));
    ir_val last = ir_const(s, IR_I8, FP_RMM);
    ir_val bad = ir_ltu(s, last, frm);

    ir_raise_if(s, bad, RV_ILLEGAL, encoding);
}

static void set_dirty(struct ir_builder *s)
{
    ir_val dirty = ir_const(s, IR_I8, 3);

    ir_set(s, RV_SLOT(fs), dirty);
}

/* --- NaN-boxing --- */

static ir_val get_f(struct ir_builder *s, sem_reg r, int format)
{
    ir_val x = ir_get(s, IR_I64, r);

    if (format == FP_F64)
        return x;
    enum ir_type t = format_type(format);
    ir_val width = ir_const(s, IR_I64, ir_type_bits(t));
    ir_val ones = ir_const(s, IR_I64, ~0ull >> ir_type_bits(t));
    ir_val upper = ir_shr(s, x, width);
    ir_val boxed = ir_eq(s, upper, ones);
    ir_val low = ir_trunc(s, t, x);
    ir_val nan = ir_const(s, t, format == FP_F32 ? 0x7fc00000 : 0x7e00);

    return ir_select(s, boxed, low, nan);
}

/* v is of the type of its format. */
static void set_f(struct ir_builder *s, sem_reg rd, ir_val v)
{
    unsigned bits = ir_type_bits(ir_type_of(s, v));

    if (bits < 64) {
        ir_val wide = ir_zext(s, IR_I64, v);
        ir_val box = ir_const(s, IR_I64, ~0ull << bits);

        v = ir_or(s, wide, box);
    }
    ir_set(s, rd, v);
    set_dirty(s);
}

/* --- memory; misaligned accesses are done --- */

RV_SEM(fload)
{
    need_fs(s, a->raw);
    ir_val addr = rv_address(s, a->rs1, a->imm);
    ir_val v = ir_load(s, rv_int_type(a->size), addr, rv_mem());

    set_f(s, a->rd, v);
}

RV_SEM(fstore)
{
    need_fs(s, a->raw);
    ir_val addr = rv_address(s, a->rs1, a->imm);
    ir_val f = ir_get(s, IR_I64, a->rs2);
    ir_val v = ir_trunc(s, rv_int_type(a->size), f);

    ir_store(s, addr, v, rv_mem());
}

/* --- arithmetic --- */

#define RV_FP_BINARY(name)                                                                         \
    RV_SEM(name)                                                                                   \
    {                                                                                              \
        need_rounding(s, a->raw, a->rm);                                                           \
        ir_val x = get_f(s, a->rs1, a->fmt);                                                       \
        ir_val y = get_f(s, a->rs2, a->fmt);                                                       \
        ir_val r = ir_##name(s, x, y, how(a->fmt, a->rm));                                         \
                                                                                                   \
        set_f(s, a->rd, r);                                                                        \
    }
RV_FP_BINARY(fadd)
RV_FP_BINARY(fsub)
RV_FP_BINARY(fmul)
RV_FP_BINARY(fdiv)

RV_SEM(fsqrt)
{
    need_rounding(s, a->raw, a->rm);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val r = ir_fsqrt(s, x, how(a->fmt, a->rm));

    set_f(s, a->rd, r);
}

static ir_val sign_bit(struct ir_builder *s, int fmt)
{
    enum ir_type t = format_type(fmt);

    return ir_const(s, t, 1ull << (ir_type_bits(t) - 1));
}

static ir_val negate_if(struct ir_builder *s, bool negate, int fmt, ir_val v)
{
    if (!negate)
        return v;
    ir_val sign = sign_bit(s, fmt);

    return ir_xor(s, v, sign);
}

/* FNMADD is -(a * b) - c and FNMSUB -(a * b) + c: rounding is of the negated sum. */
RV_SEM(fma)
{
    need_rounding(s, a->raw, a->rm);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val y = get_f(s, a->rs2, a->fmt);
    ir_val z = get_f(s, a->rs3, a->fmt);
    ir_val factor = negate_if(s, a->neg_product, a->fmt, x);
    ir_val term = negate_if(s, a->neg_c, a->fmt, z);
    ir_val r = ir_fma(s, factor, y, term, how(a->fmt, a->rm));

    set_f(s, a->rd, r);
}

RV_SEM(fsgnj)
{
    need_fs(s, a->raw);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val y = get_f(s, a->rs2, a->fmt);
    ir_val mask = sign_bit(s, a->fmt);
    ir_val body = a->how == RV_SGNJX ? x : ir_andn(s, x, mask);
    ir_val source = a->how == RV_SGNJN ? ir_not(s, y) : y;
    ir_val sign = ir_and(s, source, mask);
    ir_val r = ir_xor(s, body, sign);

    set_f(s, a->rd, r);
}

RV_SEM(fminmax)
{
    need_fs(s, a->raw);
    enum fp_minmax kind = (enum fp_minmax)a->kind;
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val y = get_f(s, a->rs2, a->fmt);
    ir_val r = a->max ? ir_fmax(s, x, y, kind, how(a->fmt, FP_RNE))
                      : ir_fmin(s, x, y, kind, how(a->fmt, FP_RNE));

    set_f(s, a->rd, r);
}

RV_SEM(fround)
{
    need_rounding(s, a->raw, a->rm);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val r = ir_fround(s, x, a->inexact, how(a->fmt, a->rm));

    set_f(s, a->rd, r);
}

/* --- to integer registers: flags may become dirty --- */

RV_SEM(fcmp)
{
    need_fs(s, a->raw);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val y = get_f(s, a->rs2, a->fmt);
    ir_val r = ir_fcmp(s, x, y, (unsigned)a->mask, a->signal, how(a->fmt, FP_RNE));

    rv_set_zext(s, a->rd, r);
    set_dirty(s);
}

RV_SEM(fclass)
{
    need_fs(s, a->raw);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val r = ir_fclass(s, x, how(a->fmt, FP_RNE));

    ir_set(s, a->rd, r);
}

/* The unsigned 32-bit forms sign-extend their result, too. */
RV_SEM(ftoi)
{
    const struct ir_ftoi to = { (u8)a->sign, (u8)a->bits, FP_SATURATE_NAN_MAX };

    need_rounding(s, a->raw, a->rm);
    ir_val x = get_f(s, a->rs1, a->fmt);
    ir_val v = ir_ftoi(s, a->bits == 32 ? IR_I32 : IR_I64, x, to, how(a->fmt, a->rm));

    rv_set_sext(s, a->rd, v);
    set_dirty(s);
}

RV_SEM(fcvtmod)
{
    const struct ir_ftoi to = { 1, 32, FP_MODULO_JS };

    need_fs(s, a->raw);
    ir_val x = get_f(s, a->rs1, FP_F64);
    ir_val v = ir_ftoi(s, IR_I32, x, to, how(FP_F64, FP_RTZ));

    rv_set_sext(s, a->rd, v);
    set_dirty(s);
}

/* Bits as they are, boxed or not. */
RV_SEM(fmv_x)
{
    need_fs(s, a->raw);
    ir_val f = ir_get(s, IR_I64, a->rs1);
    ir_val v = ir_trunc(s, rv_int_type(a->size), f);

    rv_set_sext(s, a->rd, v);
}

/* --- from integer registers, and between formats --- */

RV_SEM(fmv_f)
{
    need_fs(s, a->raw);
    ir_val x = rv_x(s, a->rs1);
    ir_val v = ir_trunc(s, rv_int_type(a->size), x);

    set_f(s, a->rd, v);
}

RV_SEM(itof)
{
    need_rounding(s, a->raw, a->rm);
    ir_val x = rv_x(s, a->rs1);
    ir_val v = ir_trunc(s, a->bits == 32 ? IR_I32 : IR_I64, x);
    ir_val r = ir_itof(s, v, a->sign, how(a->fmt, a->rm));

    set_f(s, a->rd, r);
}

RV_SEM(fcvt)
{
    struct ir_fp conversion = how(a->fmt, a->rm);

    conversion.from = (u8)a->from;
    need_rounding(s, a->raw, a->rm);
    ir_val x = get_f(s, a->rs1, a->from);
    ir_val r = ir_fcvt(s, x, conversion);

    set_f(s, a->rd, r);
}

/* value is the whole register. */
RV_SEM(fli)
{
    need_fs(s, a->raw);
    ir_val v = ir_imm(s, IR_I64, a->value);

    ir_set(s, a->rd, v);
    set_dirty(s);
}

/* --- fcsr: its parts are slots of state, so that reading and writing them costs no call --- */

static ir_val get_part(struct ir_builder *s, sem_reg slot)
{
    ir_val v = ir_get(s, IR_I8, slot);

    return ir_zext(s, IR_I64, v);
}

RV_SEM(fcsr_read)
{
    need_fs(s, a->raw);
    if (a->part != RV_FCSR) {
        ir_val v = get_part(s, a->part == RV_FRM ? RV_SLOT(frm) : RV_SLOT(fflags));

        ir_set(s, a->rd, v);
        return;
    }
    ir_val mode = get_part(s, RV_SLOT(frm));
    ir_val flags = get_part(s, RV_SLOT(fflags));
    ir_val five = ir_const(s, IR_I64, 5);
    ir_val high = ir_shl(s, mode, five);
    ir_val v = ir_or(s, high, flags);

    ir_set(s, a->rd, v);
}

/* With rd = x0. */
RV_SEM(fcsr_write)
{
    need_fs(s, a->raw);
    ir_val x = rv_x(s, a->rs1);
    ir_val all = ir_const(s, IR_I64, 31);
    ir_val shift = ir_const(s, IR_I64, a->part == RV_FCSR ? 5 : 0);
    ir_val seven = ir_const(s, IR_I64, 7);

    if (a->part != RV_FFLAGS) {
        ir_val above = ir_shr(s, x, shift);
        ir_val mode = ir_and(s, above, seven);
        ir_val frm = ir_trunc(s, IR_I8, mode);

        ir_set(s, RV_SLOT(frm), frm);
    }
    if (a->part != RV_FRM) {
        ir_val low = ir_and(s, x, all);
        ir_val flags = ir_trunc(s, IR_I8, low);

        ir_set(s, RV_SLOT(fflags), flags);
    }
    set_dirty(s);
}
