/*
 * rv_a.sem.c - atomics: A, Zabha, Zacas.
 *
 * Addresses must be naturally aligned. aq and rl are orders of the one access.
 */
#include "isa/riscv/sem.h"

static struct ir_mem atomic(int aq, int rl)
{
    enum ir_order order = aq && rl ? IR_SEQ_CST : aq ? IR_ACQUIRE : rl ? IR_RELEASE : IR_RELAXED;

    return (struct ir_mem){ .mmu = IR_MMU_DATA, .align = IR_ALIGN_NATURAL, .order = (u8)order };
}

RV_SEM(lr)
{
    ir_val addr = rv_x(s, a->rs1);
    ir_val v = ir_ll(s, rv_int_type(a->size), addr, atomic(a->aq, a->rl));

    rv_set_sext(s, a->rd, v);
}

/* rd = 0 when it stored, 1 when not. */
RV_SEM(sc)
{
    ir_val addr = rv_x(s, a->rs1);
    ir_val x = rv_x(s, a->rs2);
    ir_val v = ir_trunc(s, rv_int_type(a->size), x);
    ir_val done = ir_sc(s, addr, v, atomic(a->aq, a->rl));
    ir_val failed = ir_not(s, done);

    rv_set_zext(s, a->rd, failed);
}

RV_SEM(amo)
{
    ir_val addr = rv_x(s, a->rs1);
    ir_val x = rv_x(s, a->rs2);
    ir_val v = ir_trunc(s, rv_int_type(a->size), x);
    ir_val old = ir_rmw(s, (enum ir_rmw)a->f, addr, v, atomic(a->aq, a->rl));

    rv_set_sext(s, a->rd, old);
}

/* cmp is rd as a source. */
RV_SEM(amocas)
{
    enum ir_type t = rv_int_type(a->size);
    ir_val addr = rv_x(s, a->rs1);
    ir_val want = rv_x(s, a->rs2);
    ir_val expect = rv_x(s, a->cmp);
    ir_val want_t = ir_trunc(s, t, want);
    ir_val expect_t = ir_trunc(s, t, expect);
    ir_val old = ir_cas(s, addr, expect_t, want_t, atomic(a->aq, a->rl));

    rv_set_sext(s, a->rd, old);
}

/* Register pairs: rd and cmp, rs2 even, each with its odd half. */
RV_SEM(amocas_q)
{
    ir_val addr = rv_x(s, a->rs1);
    ir_val want_low = rv_x(s, a->rs2);
    ir_val want_high = rv_x(s, a->rs2o);
    ir_val expect_low = rv_x(s, a->cmp);
    ir_val expect_high = rv_x(s, a->cmpo);
    ir_val want = ir_concat64(s, want_low, want_high);
    ir_val expect = ir_concat64(s, expect_low, expect_high);
    ir_val old = ir_cas(s, addr, expect, want, atomic(a->aq, a->rl));
    ir_val old_low = ir_trunc(s, IR_I64, old);
    ir_val old_high = ir_high64(s, old);

    ir_set(s, a->rd, old_low);
    ir_set(s, a->rdo, old_high);
}
