/*
 * arm_system.sem.c - branches, exceptions, hints, barriers, system registers (C4.1.92 and on).
 */
#include "isa/arm64/simd.h"

/* --- branches --- */

static ir_val target(struct ir_builder *s, sem_imm imm)
{
    ir_val pc = ir_pc(s);
    ir_val offset = ir_imm(s, IR_I64, imm);

    return ir_add(s, pc, offset);
}

static void link_if_call(struct ir_builder *s, int kind)
{
    if (kind != IR_JUMP_CALL)
        return;
    ir_val next = ir_next_pc(s);

    ir_set(s, ARM_SLOT(x[30]), next);
}

ARM_SEM(b)
{
    ir_val to = target(s, a->imm);

    link_if_call(s, a->kind);
    ir_jump(s, to, (enum ir_jump)a->kind);
}

void arm_look_at_target(struct ir_builder *s, ir_val to, sem_imm raw)
{
    ir_val pc = ir_pc(s);
    ir_val how = ir_imm(s, IR_I64, raw);

    ir_call(s, &arm_helper_branch, to, pc, how);
}

ARM_SEM(br)
{
    ir_val to = ir_get(s, IR_I64, a->rn);

    if (a->guard)
        arm_look_at_target(s, to, a->raw);
    link_if_call(s, a->kind);
    ir_jump(s, to, (enum ir_jump)a->kind);
}

ARM_SEM(b_cond)
{
    ir_val holds = arm_condition(s, a->cond);
    ir_val to = target(s, a->imm);

    ir_jump_if(s, holds, to);
}

ARM_SEM(cbz)
{
    ir_val x = arm_get(s, arm_type(a->sf), a->rt);
    ir_val zero = arm_zero(s, x);
    ir_val taken = a->nonzero ? ir_ne(s, x, zero) : ir_eq(s, x, zero);
    ir_val to = target(s, a->imm);

    ir_jump_if(s, taken, to);
}

ARM_SEM(tbz)
{
    ir_val x = ir_get(s, IR_I64, a->rt);
    ir_val bit = ir_imm(s, IR_I64, a->bit);
    ir_val down = ir_shr(s, x, bit);
    ir_val set = ir_trunc(s, IR_I1, down);
    ir_val taken = a->nonzero ? set : ir_not(s, set);
    ir_val to = target(s, a->imm);

    ir_jump_if(s, taken, to);
}

/* --- exceptions --- */

ARM_SEM(exception)
{
    ir_val imm = ir_imm(s, IR_I64, a->imm);

    ir_raise(s, (u32)a->ec, imm);
}

ARM_SEM(undefined)
{
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_raise(s, ARM_EC_UNKNOWN, zero);
}

/* --- hints, barriers, caches --- */

ARM_SEM(nop)
{
}

/* type: 1 loads, 2 stores, 3 all; 0 is reserved in DMB, speculation barriers in DSB. */
ARM_SEM(barrier)
{
    ir_fence(s, a->type == 1   ? IR_FENCE_LL | IR_FENCE_LS
                : a->type == 2 ? IR_FENCE_SS
                               : IR_FENCE_ALL);
}

ARM_SEM(isb)
{
    ir_call(s, &arm_helper_icache_sync, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

static ir_val line_address(struct ir_builder *s, ir_val x)
{
    ir_val mask = ir_const(s, IR_I64, ~(u64)(ARM_LINE_BYTES - 1));

    return ir_and(s, x, mask);
}

ARM_SEM(dc_zva)
{
    struct ir_mem write = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY, .access = ISA_WRITE };
    struct ir_mem plain = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };
    ir_val traps = ir_get(s, IR_I1, ARM_SLOT(zva_traps));
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val given = ir_get(s, IR_I64, a->rt);
    ir_val addr = line_address(s, given);
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_raise_if(s, traps, ARM_EC_ZVA, raw);
    ir_probe(s, given, 1, write); /* a fault names the address as it was given (D24.2.47) */
    for (unsigned at = 0; at < ARM_LINE_BYTES; at += 8) {
        ir_val offset = ir_const(s, IR_I64, at);
        ir_val to = ir_add(s, addr, offset);

        ir_store(s, to, zero, plain);
    }
}

/* Memory is coherent, and ISB does for fetches: what is left is that it must be readable. */
ARM_SEM(cache_line)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val addr = ir_get(s, IR_I64, a->rt);

    ir_call(s, &arm_helper_cache_line, raw, addr, IR_NOVAL);
}

/* --- NZCV, FPCR, FPSR: put together from what engines work with --- */

static const struct {
    u16 slot;
    u8 bit;
} nzcv[] = { { offsetof(struct arm_state, n), 31 },
             { offsetof(struct arm_state, z), 30 },
             { offsetof(struct arm_state, c), 29 },
             { offsetof(struct arm_state, v), 28 } };

static ir_val bit_of(struct ir_builder *s, ir_val all, unsigned bit)
{
    ir_val by = ir_const(s, IR_I64, bit);
    ir_val down = ir_shr(s, all, by);

    return ir_trunc(s, IR_I1, down);
}

ARM_SEM(mrs_nzcv)
{
    ir_val all = ir_const(s, IR_I64, 0);

    for (unsigned i = 0; i < ARRAY_SIZE(nzcv); i++) {
        ir_val one_flag = ir_get(s, IR_I1, (sem_reg){ -1, nzcv[i].slot });

        all = ir_deposit(s, all, one_flag, nzcv[i].bit, 1);
    }
    ir_set(s, a->rt, all);
}

ARM_SEM(msr_nzcv)
{
    ir_val all = ir_get(s, IR_I64, a->rt);

    for (unsigned i = 0; i < ARRAY_SIZE(nzcv); i++) {
        ir_val one_flag = bit_of(s, all, nzcv[i].bit);

        ir_set(s, (sem_reg){ -1, nzcv[i].slot }, one_flag);
    }
}

/* RMode counts RN, RP, RM, RZ; enum fp_round counts RNE, RTZ, RDN, RUP: each is the other's
 * negative modulo 4. */
static ir_val rmode_or_round(struct ir_builder *s, ir_val v)
{
    ir_val minus = ir_neg(s, v);
    ir_val three = ir_const(s, ir_type_of(s, v), 3);

    return ir_and(s, minus, three);
}

ARM_FP_SEM(mrs_fpcr)
{
    ir_val modes32 = ir_get(s, IR_I32, ARM_SLOT(fpcr));
    ir_val round = ir_get(s, IR_I8, ARM_SLOT(round));
    ir_val rmode = rmode_or_round(s, round);
    ir_val modes = ir_zext(s, IR_I64, modes32);
    ir_val all = ir_deposit(s, modes, rmode, ARM_FPCR_RMODE_SHIFT, 2);

    ir_set(s, a->rt, all);
}

static ir_val rules(struct ir_builder *s, ir_val fpcr, unsigned fz)
{
    ir_val first = ir_const(s, IR_I8, FP_RULES_SNAN_FIRST);
    ir_val more = ir_const(s, IR_I8, ARM_RULES_FZ);
    ir_val none = ir_const(s, IR_I8, 0);
    ir_val dn = bit_of(s, fpcr, ARM_FPCR_DN_SHIFT);
    ir_val flush = bit_of(s, fpcr, fz);
    ir_val one = ir_zext(s, IR_I8, dn); /* ARM_RULES_DN is 1 */
    ir_val six = ir_select(s, flush, more, none);
    ir_val r = ir_add(s, first, one);

    return ir_add(s, r, six);
}
_Static_assert(ARM_RULES_DN == 1, "DN's bit is added as it is");

ARM_FP_SEM(msr_fpcr)
{
    ir_val all = arm_get(s, IR_I32, a->rt);
    ir_val mask = ir_const(s, IR_I32, ARM_FPCR_MODES);
    ir_val by = ir_const(s, IR_I32, ARM_FPCR_RMODE_SHIFT);
    ir_val modes = ir_and(s, all, mask);
    ir_val down = ir_shr(s, all, by);
    ir_val rmode = ir_trunc(s, IR_I8, down);
    ir_val round = rmode_or_round(s, rmode);
    ir_val wide = ir_zext(s, IR_I64, all);
    ir_val now = rules(s, wide, ARM_FPCR_FZ_SHIFT);
    ir_val now16 = rules(s, wide, ARM_FPCR_FZ16_SHIFT);

    ir_set(s, ARM_SLOT(rules), now);
    ir_set(s, ARM_SLOT(rules16), now16);
    ir_set(s, ARM_SLOT(fpcr), modes);
    ir_set(s, ARM_SLOT(round), round);
}

/* Bits 0 to 4 of FPSR are FP_NV, FP_DZ, FP_OF, FP_UF, FP_NX: the five of FP_* in the other
 * order. Bit 7, IDC, is FP_DENORMAL. */
static ir_val turn_five(struct ir_builder *s, ir_val v)
{
    ir_val three = ir_const(s, IR_I8, 3);
    ir_val turned = ir_bitrev(s, v);

    return ir_shr(s, turned, three);
}

ARM_FP_SEM(mrs_fpsr)
{
    ir_val flags = ir_get(s, IR_I8, ARM_SLOT(flags));
    ir_val qc = ir_get(s, IR_I1, ARM_SLOT(qc));
    ir_val five = ir_const(s, IR_I8, 5);
    ir_val above = ir_shr(s, flags, five);
    ir_val low = turn_five(s, flags);
    ir_val all = ir_zext(s, IR_I64, low);

    all = ir_deposit(s, all, above, 7, 1);
    all = ir_deposit(s, all, qc, ARM_FPSR_QC_SHIFT, 1);
    ir_set(s, a->rt, all);
}

ARM_FP_SEM(msr_fpsr)
{
    ir_val all = ir_get(s, IR_I64, a->rt);
    ir_val byte = ir_trunc(s, IR_I8, all);
    ir_val seven = ir_const(s, IR_I8, 7);
    ir_val low = turn_five(s, byte);
    ir_val top = ir_shr(s, byte, seven);
    ir_val flags = ir_deposit(s, low, top, 5, 1);
    ir_val qc = bit_of(s, all, ARM_FPSR_QC_SHIFT);

    ir_set(s, ARM_SLOT(flags), flags);
    ir_set(s, ARM_SLOT(qc), qc);
}

/* --- the others --- */

enum { DIT_BIT = 24, SSBS_BIT = 12 };

static sem_reg mode_slot(int reg)
{
    return reg == ARM_DIT ? ARM_SLOT(dit) : ARM_SLOT(ssbs);
}

static unsigned mode_bit(int reg)
{
    return reg == ARM_DIT ? DIT_BIT : SSBS_BIT;
}

static ir_val mode_get(struct ir_builder *s, int reg)
{
    ir_val one_flag = ir_get(s, IR_I1, mode_slot(reg));
    ir_val none = ir_const(s, IR_I64, 0);

    return ir_deposit(s, none, one_flag, mode_bit(reg), 1);
}

ARM_SEM(mrs)
{
    ir_val v;

    switch (a->reg) {
    case ARM_TPIDR_EL0: v = ir_get(s, IR_I64, ARM_SLOT(tpidr_el0)); break;
    case ARM_TPIDRRO_EL0: v = ir_get(s, IR_I64, ARM_SLOT(tpidrro_el0)); break;
    case ARM_DCZID: v = ir_const(s, IR_I64, ARM_DCZID_EL0); break;
    default: v = mode_get(s, a->reg); break;
    }
    ir_set(s, a->rt, v);
}

ARM_SEM(msr)
{
    ir_val v = ir_get(s, IR_I64, a->rt);

    if (a->reg == ARM_TPIDR_EL0) {
        ir_set(s, ARM_SLOT(tpidr_el0), v);
        return;
    }
    ir_val one_flag = bit_of(s, v, mode_bit(a->reg));

    ir_set(s, mode_slot(a->reg), one_flag);
}

ARM_SEM(msr_imm)
{
    ir_val v = ir_imm(s, IR_I64, a->imm);
    ir_val one_flag = ir_trunc(s, IR_I1, v);

    ir_set(s, mode_slot(a->reg), one_flag);
}

/* --- EL1's --- */

static sem_reg kernel_slot(int reg)
{
    switch (reg) {
    case ARM_SP_EL0: return ARM_SLOT(sp_el0);
    case ARM_TPIDR_EL2: return ARM_SLOT(tpidr_el2);
    default: return ARM_SLOT(tpidr_el1);
    }
}

/* Registers that a kernel reads all the time: the one it keeps its CPU in, and SP_EL0, which can
 * be named only while it is not the stack pointer. */
ARM_SEM(mrs_el1)
{
    ir_val el = ir_get(s, IR_I8, ARM_SLOT(el));
    ir_val least = ir_const(s, IR_I8, a->reg == ARM_TPIDR_EL2 ? 2 : 1);
    ir_val nothing = ir_const(s, IR_I64, 0);
    ir_val denied = ir_ltu(s, el, least);
    ir_val v;

    if (a->reg == ARM_SP_EL0) {
        ir_val spsel = ir_get(s, IR_I1, ARM_SLOT(spsel));
        ir_val selected = ir_not(s, spsel);

        denied = ir_or(s, denied, selected);
    }
    ir_raise_if(s, denied, ARM_EC_UNKNOWN, nothing);
    v = ir_get(s, IR_I64, kernel_slot(a->reg));
    ir_set(s, a->rt, v);
}

ARM_SEM(mrs_any)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val v = ir_call(s, &arm_helper_mrs, raw, IR_NOVAL, IR_NOVAL);

    ir_set(s, a->rt, v);
}

/* A helper for its effect alone, after which everything is looked up again. */
static void call_and_leave(struct ir_builder *s, const struct ir_helper *h, ir_val x, ir_val y)
{
    ir_call(s, h, x, y, IR_NOVAL);
    ir_end_block(s);
}

ARM_SEM(msr_any)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val v = ir_get(s, IR_I64, a->rt);

    call_and_leave(s, &arm_helper_msr, raw, v);
}

ARM_SEM(sys_any)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val v = ir_get(s, IR_I64, a->rt);

    call_and_leave(s, &arm_helper_sys, raw, v);
}

ARM_SEM(msr_pstate)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);

    call_and_leave(s, &arm_helper_msr_pstate, raw, IR_NOVAL);
}

/* An exception return clears the local monitor (B2.12). */
ARM_SEM(eret)
{
    ir_clrex(s);
    call_and_leave(s, &arm_helper_eret, IR_NOVAL, IR_NOVAL);
}

ARM_SEM(hvc)
{
    ir_val imm = ir_imm(s, IR_I64, a->imm);

    call_and_leave(s, &arm_helper_hvc, imm, IR_NOVAL);
}

ARM_SEM(smc)
{
    ir_val imm = ir_imm(s, IR_I64, a->imm);

    call_and_leave(s, &arm_helper_smc, imm, IR_NOVAL);
}

ARM_SEM(wfi)
{
    call_and_leave(s, &arm_helper_wfi, IR_NOVAL, IR_NOVAL);
}

ARM_SEM(wfe)
{
    ir_call(s, &arm_helper_wfe, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

ARM_SEM(wfit)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val until = ir_get(s, IR_I64, a->rt);

    call_and_leave(s, &arm_helper_wfit, raw, until);
}

ARM_SEM(wfet)
{
    ir_val raw = ir_imm(s, IR_I64, a->raw);
    ir_val until = ir_get(s, IR_I64, a->rt);

    ir_call(s, &arm_helper_wfet, raw, until, IR_NOVAL);
}

ARM_SEM(yield)
{
    ir_call(s, &arm_helper_yield, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}
