/*
 * x86_hard.sem.c - what thirteen of x86's awkward instructions mean.
 *
 * Flags are six one-bit slots: a flag that nobody reads dies by liveness, and a flag
 * that an instruction leaves alone is simply not set. Intel SDM volume 2.
 */
#include "hard_sem.h"

#define X86(member) SEM_SLOT(struct x86_hard, member)

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

static sem_reg gpr(unsigned n)
{
    return (sem_reg){ -1, (u16)(offsetof(struct x86_hard, gpr) + 8 * n) };
}

/* PF, ZF and SF of a result. */
static void set_result_flags(struct ir_builder *s, ir_val r)
{
    enum ir_type t = ir_type_of(s, r);
    ir_val zero = ir_const(s, t, 0);
    ir_val pf = ir_parity(s, r);
    ir_val zf = ir_eq(s, r, zero);
    ir_val sf = ir_lts(s, r, zero);

    ir_set(s, X86(pf), pf);
    ir_set(s, X86(zf), zf);
    ir_set(s, X86(sf), sf);
}

/* The sign bit. */
static ir_val top_bit(struct ir_builder *s, ir_val v)
{
    ir_val zero = ir_const(s, ir_type_of(s, v), 0);

    return ir_lts(s, v, zero);
}

/* Bit n of v, n < 64 a value. */
static ir_val bit_at(struct ir_builder *s, ir_val v, ir_val n)
{
    ir_val down = ir_shr(s, v, n);

    return ir_trunc(s, IR_I1, down);
}

/* slot = yes where cond, else as it was. */
static void set_flag_if(struct ir_builder *s, sem_reg slot, ir_val cond, ir_val yes)
{
    ir_val old = ir_get(s, IR_I1, slot);
    ir_val now = ir_select(s, cond, yes, old);

    ir_set(s, slot, now);
}

/* adc r8h, [m8]: r[0] is the register whose second byte is meant */
HARD_SEM(x86_adc_r8h_m8)
{
    sem_reg high = sem_reg_at(a->r[0], 1);
    ir_val addr = ir_get(s, IR_I64, a->r[1]);
    ir_val y = ir_load(s, IR_I8, addr, HARD_PLAIN);
    ir_val x = ir_get(s, IR_I8, high);
    ir_val cin = ir_get(s, IR_I1, X86(cf));
    ir_val wide_cin = ir_zext(s, IR_I8, cin);
    ir_val part = ir_add(s, x, y);
    ir_val sum = ir_add(s, part, wide_cin);
    ir_val cf = ir_carry(s, x, y, cin);
    ir_val of = ir_addovf(s, x, y, cin);
    ir_val half = ir_xor(s, x, y);
    ir_val changed = ir_xor(s, half, sum);
    ir_val four = ir_const(s, IR_I8, 4);
    ir_val af = bit_at(s, changed, four);

    ir_set(s, high, sum);
    ir_set(s, X86(cf), cf);
    ir_set(s, X86(of), of);
    ir_set(s, X86(af), af);
    set_result_flags(s, sum);
}

/* shl r64, cl. A count of 0 changes no flag; OF is that of a shift by 1. */
HARD_SEM(x86_shl_r64_cl)
{
    ir_val x = ir_get(s, IR_I64, a->r[0]);
    ir_val cl = ir_get(s, IR_I64, gpr(RCX));
    ir_val mask = ir_const(s, IR_I64, 63);
    ir_val n = ir_and(s, cl, mask);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val shifts = ir_ne(s, n, zero);
    ir_val r = ir_shl(s, x, n);
    ir_val back = ir_neg(s, n);
    ir_val cf = bit_at(s, x, back); /* bit 64 - n */
    ir_val sign = top_bit(s, r);
    ir_val of = ir_xor(s, sign, cf);
    ir_val pf = ir_parity(s, r);
    ir_val zf = ir_eq(s, r, zero);

    set_flag_if(s, X86(cf), shifts, cf);
    set_flag_if(s, X86(of), shifts, of);
    set_flag_if(s, X86(pf), shifts, pf);
    set_flag_if(s, X86(zf), shifts, zf);
    set_flag_if(s, X86(sf), shifts, sign);
    ir_set(s, a->r[0], r);
}

/* rcl r64, cl: 65 bits turn. */
HARD_SEM(x86_rcl_r64_cl)
{
    ir_val x = ir_get(s, IR_I64, a->r[0]);
    ir_val cl = ir_get(s, IR_I64, gpr(RCX));
    ir_val cin = ir_get(s, IR_I1, X86(cf));
    ir_val mask = ir_const(s, IR_I64, 63);
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val n = ir_and(s, cl, mask);
    ir_val turns = ir_ne(s, n, zero);
    ir_val upper = ir_shl(s, x, n);
    ir_val carry = ir_zext(s, IR_I64, cin);
    ir_val before = ir_sub(s, n, one);
    ir_val middle = ir_shl(s, carry, before);
    ir_val half = ir_shr(s, x, one);
    ir_val back = ir_neg(s, n);
    ir_val lower = ir_shr(s, half, back); /* x >> (65 - n) */
    ir_val high = ir_or(s, upper, middle);
    ir_val turned = ir_or(s, high, lower);
    ir_val r = ir_select(s, turns, turned, x);
    ir_val cf = bit_at(s, x, back);
    ir_val sign = top_bit(s, r);
    ir_val of = ir_xor(s, sign, cf);

    set_flag_if(s, X86(cf), turns, cf);
    set_flag_if(s, X86(of), turns, of);
    ir_set(s, a->r[0], r);
}

/* rcl r8, cl: 9 bits turn by cl mod 32 mod 9. */
HARD_SEM(x86_rcl_r8_cl)
{
    ir_val x = ir_get(s, IR_I8, a->r[0]);
    ir_val cl = ir_get(s, IR_I32, gpr(RCX));
    ir_val cin = ir_get(s, IR_I1, X86(cf));
    ir_val mask = ir_const(s, IR_I32, 31);
    ir_val nine = ir_const(s, IR_I32, 9);
    ir_val eight = ir_const(s, IR_I32, 8);
    ir_val count = ir_and(s, cl, mask);
    ir_val n = ir_remu(s, count, nine);
    ir_val low = ir_zext(s, IR_I32, x);
    ir_val carry = ir_zext(s, IR_I32, cin);
    ir_val ninth = ir_shl(s, carry, eight);
    ir_val wheel = ir_or(s, low, ninth);
    ir_val up = ir_shl(s, wheel, n);
    ir_val rest = ir_sub(s, nine, n);
    ir_val down = ir_shr(s, wheel, rest);
    ir_val turned = ir_or(s, up, down);
    ir_val r = ir_trunc(s, IR_I8, turned);
    ir_val cf = bit_at(s, turned, eight);
    ir_val sign = top_bit(s, r);
    ir_val of = ir_xor(s, sign, cf);
    ir_val zero = ir_const(s, IR_I32, 0);
    ir_val turns = ir_ne(s, count, zero);

    set_flag_if(s, X86(of), turns, of);
    ir_set(s, X86(cf), cf);
    ir_set(s, a->r[0], r);
}

/* div r64: rdx:rax / r[0]; #DE (0) when the quotient has no room */
HARD_SEM(x86_div_r64)
{
    ir_val low = ir_get(s, IR_I64, gpr(RAX));
    ir_val high = ir_get(s, IR_I64, gpr(RDX));
    ir_val d = ir_get(s, IR_I64, a->r[0]);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val bad = ir_leu(s, d, high); /* and d = 0 */
    ir_val n, wide, q, r;

    ir_raise_if(s, bad, 0, zero);
    n = ir_concat64(s, low, high);
    wide = ir_zext(s, IR_I128, d);
    q = ir_divu(s, n, wide);
    r = ir_remu(s, n, wide);
    q = ir_trunc(s, IR_I64, q);
    r = ir_trunc(s, IR_I64, r);
    ir_set(s, gpr(RAX), q);
    ir_set(s, gpr(RDX), r);
}

/* rep movsb: each byte is architectural before the next one may fault */
HARD_SEM(x86_rep_movsb)
{
    ir_val df = ir_get(s, IR_I1, X86(df));
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val minus_one = ir_const(s, IR_I64, ~0ull);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val step = ir_select(s, df, minus_one, one);
    ir_val count = ir_get(s, IR_I64, gpr(RCX));
    ir_val source = ir_get(s, IR_I64, gpr(RSI));
    ir_val target = ir_get(s, IR_I64, gpr(RDI));
    ir_var rcx = ir_var_new(s, count);
    ir_var rsi = ir_var_new(s, source);
    ir_var rdi = ir_var_new(s, target);
    ir_val done, byte;

    ir_loop(s);
    count = ir_var_get(s, rcx);
    done = ir_eq(s, count, zero);
    ir_break_if(s, done);
    source = ir_var_get(s, rsi);
    target = ir_var_get(s, rdi);
    byte = ir_load(s, IR_I8, source, HARD_PLAIN);
    ir_store(s, target, byte, HARD_PLAIN);
    count = ir_sub(s, count, one);
    source = ir_add(s, source, step);
    target = ir_add(s, target, step);
    ir_var_set(s, rcx, count);
    ir_var_set(s, rsi, source);
    ir_var_set(s, rdi, target);
    ir_set(s, gpr(RCX), count);
    ir_set(s, gpr(RSI), source);
    ir_set(s, gpr(RDI), target);
    ir_commit(s);
    ir_endloop(s);
}

/* push [m64] */
HARD_SEM(x86_push_m64)
{
    ir_val addr = ir_get(s, IR_I64, a->r[0]);
    ir_val v = ir_load(s, IR_I64, addr, HARD_PLAIN);
    ir_val sp = ir_get(s, IR_I64, gpr(RSP));
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val to = ir_sub(s, sp, eight);

    ir_store(s, to, v, HARD_PLAIN);
    ir_set(s, gpr(RSP), to);
}

/* lock cmpxchg16b [m128]: misaligned is #GP */
HARD_SEM(x86_cmpxchg16b)
{
    const struct ir_mem how = { .align = IR_ALIGN_NATURAL, .order = IR_SEQ_CST };
    ir_val addr = ir_get(s, IR_I64, a->r[0]);
    ir_val rax = ir_get(s, IR_I64, gpr(RAX));
    ir_val rdx = ir_get(s, IR_I64, gpr(RDX));
    ir_val rbx = ir_get(s, IR_I64, gpr(RBX));
    ir_val rcx = ir_get(s, IR_I64, gpr(RCX));
    ir_val expected = ir_concat64(s, rax, rdx);
    ir_val desired = ir_concat64(s, rbx, rcx);
    ir_val old = ir_cas(s, addr, expected, desired, how);
    ir_val zf = ir_eq(s, old, expected);
    ir_val low = ir_trunc(s, IR_I64, old);
    ir_val high = ir_high64(s, old);

    ir_set(s, X86(zf), zf);
    ir_set(s, gpr(RAX), low);
    ir_set(s, gpr(RDX), high);
}

/* bsf r64, r64: a source of 0 leaves the target alone */
HARD_SEM(x86_bsf_r64)
{
    ir_val v = ir_get(s, IR_I64, a->r[1]);
    ir_val old = ir_get(s, IR_I64, a->r[0]);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val zf = ir_eq(s, v, zero);
    ir_val n = ir_ctz(s, v);
    ir_val r = ir_select(s, zf, old, n);

    ir_set(s, X86(zf), zf);
    ir_set(s, a->r[0], r);
}

/* --- x87: the register file turns, so it is reached by index --- */

/* (top + delta) mod 8, as i8 */
static ir_val st_number(struct ir_builder *s, ir_val top, unsigned delta)
{
    ir_val d = ir_const(s, IR_I8, delta);
    ir_val sum = ir_add(s, top, d);
    ir_val seven = ir_const(s, IR_I8, 7);

    return ir_and(s, sum, seven);
}

static ir_val st_offset(struct ir_builder *s, ir_val number)
{
    ir_val wide = ir_zext(s, IR_I64, number);
    ir_val four = ir_const(s, IR_I64, 4);

    return ir_shl(s, wide, four);
}

static ir_val st_get(struct ir_builder *s, ir_val number)
{
    ir_val at = st_offset(s, number);

    return ir_getx(s, IR_I128, X86(st), at, 128);
}

static void st_set(struct ir_builder *s, ir_val number, ir_val v)
{
    ir_val at = st_offset(s, number);

    ir_setx(s, X86(st), at, v, 128);
}

static ir_val st_valid(struct ir_builder *s, ir_val number)
{
    ir_val at = ir_zext(s, IR_I64, number);

    return ir_getx(s, IR_I1, X86(valid), at, 8);
}

static void st_set_valid(struct ir_builder *s, ir_val number, unsigned valid)
{
    ir_val at = ir_zext(s, IR_I64, number);
    ir_val v = ir_const(s, IR_I1, valid);

    ir_setx(s, X86(valid), at, v, 8);
}

/* The masked answer to a stack fault: the negative quiet NaN. */
static ir_val st_indefinite(struct ir_builder *s)
{
    ir_val low = ir_const(s, IR_I64, 0xc000000000000000ull);
    ir_val high = ir_const(s, IR_I64, 0xffff);

    return ir_concat64(s, low, high);
}

/* Sticky flags: what operations raised, without FP_ROUNDED_UP, and IE and SF of a stack
 * fault. */
static void st_set_flags(struct ir_builder *s, ir_val fault, ir_val c1)
{
    ir_val flags = ir_get(s, IR_I8, X86(h.fp[1].flags));
    ir_val keep = ir_const(s, IR_I8, 0xff & ~FP_ROUNDED_UP);
    ir_val nv = ir_const(s, IR_I8, FP_NV);
    ir_val none = ir_const(s, IR_I8, 0);
    ir_val kept = ir_and(s, flags, keep);
    ir_val more = ir_select(s, fault, nv, none);
    ir_val now = ir_or(s, kept, more);
    ir_val sf = ir_get(s, IR_I1, X86(stack_fault));
    ir_val sf_now = ir_or(s, sf, fault);

    ir_set(s, X86(h.fp[1].flags), now);
    ir_set(s, X86(stack_fault), sf_now);
    ir_set(s, X86(c1), c1);
}

/* fld tword [m80]: the bits as they are */
HARD_SEM(x86_fld_m80)
{
    ir_val addr = ir_get(s, IR_I64, a->r[0]);
    ir_val low = ir_load(s, IR_I64, addr, HARD_PLAIN);
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val addr_high = ir_add(s, addr, eight);
    ir_val tail = ir_load(s, IR_I16, addr_high, HARD_PLAIN);
    ir_val high = ir_zext(s, IR_I64, tail);
    ir_val loaded = ir_concat64(s, low, high);
    ir_val nan = st_indefinite(s);
    ir_val top = ir_get(s, IR_I8, X86(top));
    ir_val to = st_number(s, top, 7);
    ir_val overflow = st_valid(s, to);
    ir_val v = ir_select(s, overflow, nan, loaded);

    st_set_flags(s, overflow, overflow);
    st_set(s, to, v);
    st_set_valid(s, to, 1);
    ir_set(s, X86(top), to);
}

/* faddp st(1), st(0): add, pop */
HARD_SEM(x86_faddp)
{
    const struct ir_fp how = {
        .format = FP_F80, .rules = FP_RULES_LARGER, .round = IR_ROUND_DYNAMIC, .env = 1
    };
    ir_val top = ir_get(s, IR_I8, X86(top));
    ir_val one_down = st_number(s, top, 1);
    ir_val valid0 = st_valid(s, top);
    ir_val valid1 = st_valid(s, one_down);
    ir_val good = ir_and(s, valid0, valid1);
    ir_val fault = ir_not(s, good);
    ir_val x = st_get(s, one_down);
    ir_val y = st_get(s, top);
    ir_val nan = st_indefinite(s);
    ir_var result = ir_var_new(s, nan);
    ir_val sum, flags, six, c1;

    ir_if(s, good);
    sum = ir_fadd(s, x, y, how);
    ir_var_set(s, result, sum);
    ir_endif(s);
    sum = ir_var_get(s, result);
    flags = ir_get(s, IR_I8, X86(h.fp[1].flags));
    six = ir_const(s, IR_I8, 6); /* FP_ROUNDED_UP */
    c1 = bit_at(s, flags, six);
    st_set_flags(s, fault, c1);
    st_set(s, one_down, sum);
    st_set_valid(s, one_down, 1);
    st_set_valid(s, top, 0);
    ir_set(s, X86(top), one_down);
}

/* --- vectors --- */

/* vaddps ymm, ymm, ymm */
HARD_SEM(x86_vaddps_ymm)
{
    const struct ir_fp how = { .format = FP_F32,
                               .rules = FP_RULES_FIRST,
                               .round = IR_ROUND_DYNAMIC };
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val two = ir_const(s, IR_I64, 2);
    ir_val i = ir_vloop(s, (struct ir_shape){ .element = 4 }, zero, eight);
    ir_val at = ir_shl(s, i, two);
    ir_val x = ir_getx(s, IR_I32, a->r[1], at, 32);
    ir_val y = ir_getx(s, IR_I32, a->r[2], at, 32);
    ir_val sum = ir_fadd(s, x, y, how);

    ir_setx(s, a->r[0], at, sum, 32);
    ir_endvloop(s);
}

/* pshufb xmm, xmm: the result is put together beside the register it replaces */
HARD_SEM(x86_pshufb_xmm)
{
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val three = ir_const(s, IR_I64, 3);
    ir_val fifteen = ir_const(s, IR_I64, 15);
    ir_val zero8 = ir_const(s, IR_I8, 0);
    ir_val none = ir_const(s, IR_I128, 0);
    ir_var all = ir_var_new(s, none);
    ir_val i = ir_vloop(s, (struct ir_shape){ .element = 1 }, zero, sixteen);
    ir_val control = ir_getx(s, IR_I8, a->r[1], i, 16);
    ir_val clears = ir_lts(s, control, zero8);
    ir_val wide = ir_zext(s, IR_I64, control);
    ir_val from = ir_and(s, wide, fifteen);
    ir_val byte = ir_getx(s, IR_I8, a->r[0], from, 16);
    ir_val chosen = ir_select(s, clears, zero8, byte);
    ir_val part = ir_zext(s, IR_I128, chosen);
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

/* --- control --- */

/* lretq: the new code segment is checked by a helper, which also sets pc */
HARD_SEM(x86_far_return)
{
    ir_val sp = ir_get(s, IR_I64, gpr(RSP));
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val sixteen = ir_const(s, IR_I64, 16);
    ir_val rip = ir_load(s, IR_I64, sp, HARD_PLAIN);
    ir_val cs_at = ir_add(s, sp, eight);
    ir_val cs = ir_load(s, IR_I64, cs_at, HARD_PLAIN);
    ir_val up = ir_add(s, sp, sixteen);

    ir_set(s, gpr(RSP), up);
    ir_call(s, &hard_helper_far_return, rip, cs, IR_NOVAL);
}

static const struct {
    u16 offset;
    u8 bit;
} flag_bits[] = {
    { offsetof(struct x86_hard, cf), 0 },  { offsetof(struct x86_hard, pf), 2 },
    { offsetof(struct x86_hard, af), 4 },  { offsetof(struct x86_hard, zf), 6 },
    { offsetof(struct x86_hard, sf), 7 },  { offsetof(struct x86_hard, df), 10 },
    { offsetof(struct x86_hard, of), 11 },
};

/* pushfq: IF and the bit that is always 1 besides what is kept as slots */
HARD_SEM(x86_pushfq)
{
    ir_val all = ir_const(s, IR_I64, 0x202);
    ir_val sp = ir_get(s, IR_I64, gpr(RSP));
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val to = ir_sub(s, sp, eight);

    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++) {
        ir_val flag = ir_get(s, IR_I1, (sem_reg){ -1, flag_bits[i].offset });

        all = ir_deposit(s, all, flag, flag_bits[i].bit, 1);
    }
    ir_store(s, to, all, HARD_PLAIN);
    ir_set(s, gpr(RSP), to);
}

HARD_SEM(x86_popfq)
{
    ir_val sp = ir_get(s, IR_I64, gpr(RSP));
    ir_val eight = ir_const(s, IR_I64, 8);
    ir_val all = ir_load(s, IR_I64, sp, HARD_PLAIN);
    ir_val up = ir_add(s, sp, eight);

    for (unsigned i = 0; i < ARRAY_SIZE(flag_bits); i++) {
        ir_val n = ir_const(s, IR_I64, flag_bits[i].bit);
        ir_val flag = bit_at(s, all, n);

        ir_set(s, (sem_reg){ -1, flag_bits[i].offset }, flag);
    }
    ir_set(s, gpr(RSP), up);
}
