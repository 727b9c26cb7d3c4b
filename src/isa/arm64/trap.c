/*
 * trap.c - taking exceptions to EL1 and returning from them, calls, waiting (D1.3).
 */
#include "isa/arm64/trap.h"

#include "base/bits.h"
#include "base/log.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"

enum { ESR_EC = 26, INSN_BYTES = 4 };
#define ESR_IL (1ull << 25) /* a 32-bit instruction, or what counts as one */

/* Kinds of vectors, and groups of them by where the exception comes from (D1.3.1). */
enum { VECTOR_SYNC = 0, VECTOR_IRQ = 0x80, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };
enum { FROM_SP_EL0 = 0, FROM_SP_ELX = 0x200, FROM_LOWER = 0x400 };

static unsigned group(const struct arm_state *s)
{
    return s->el == 0 ? FROM_LOWER : s->spsel ? FROM_SP_ELX : FROM_SP_EL0;
}

/* AArch64.TakeException() to EL1. It and a return are context synchronization events: what other
 * CPUs have stored is fetched from here on, as CTR_EL0.DIC lets software count on (B2.4.4). */
static void enter(struct vcpu *c, unsigned kind, u64 back)
{
    struct arm_state *s = arm_state(c);

    s->spsr_el1 = arm_pstate_get(s);
    s->elr_el1 = back;
    s->pc = s->vbar_el1 + group(s) + kind;
    arm_stack_select(s, 1, 1);
    s->daif = ARM_DAIF_ALL;
    s->il = s->uao = 0;
    if (!(s->sctlr_el1 & SCTLR_SPAN))
        s->pan = 1;
    s->ssbs = (s->sctlr_el1 & SCTLR_DSSBS) != 0;
    arm_mode_changed(c);
    c->env->icache_sync(c);
}

/* ISS of a trapped MRS, MSR or SYS (D24.2.45). */
static u64 iss_sysreg(u32 w)
{
    return bits_get(w, 19, 2) << 20 | bits_get(w, 5, 3) << 17 | bits_get(w, 16, 3) << 14 |
           bits_get(w, 12, 4) << 10 | bits_get(w, 0, 5) << 5 | bits_get(w, 8, 4) << 1 |
           bits_get(w, 21, 1);
}

static u64 iss(const struct isa_fault *f)
{
    switch (f->cause) {
    case ARM_EC_SVC:
    case ARM_EC_BRK: return f->value & 0xffff;
    case ARM_EC_WFX: /* condition: always */
    case ARM_EC_FP: return 0x1e << 20 | f->value;
    case ARM_EC_SYSREG: return iss_sysreg((u32)f->value);
    default: return f->value2;
    }
}

/* Aborts have a class of their own when they come from the level they are taken to. */
static u64 class_of(const struct arm_state *s, u32 cause)
{
    bool abort = cause == ARM_EC_FETCH_ABORT || cause == ARM_EC_DATA_ABORT;

    return cause + (abort && s->el == 1);
}

void arm_trap_exception(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    const struct isa_fault *f = &c->fault;

    c->fault.pending = false;
    if (f->cause == ARM_PC_TAGGED) {
        s->pc = arm_mmu_untagged(s, s->pc);
        return;
    }
    log_trace(trap, "cpu %u: exception %#x at %#llx, value %#llx, %#llx, from EL%u", c->index,
              f->cause, (unsigned long long)s->pc, (unsigned long long)f->value,
              (unsigned long long)f->value2, s->el);
    s->esr_el1 = class_of(s, f->cause) << ESR_EC | ESR_IL | iss(f);
    if (f->cause == ARM_EC_FETCH_ABORT || f->cause == ARM_EC_DATA_ABORT ||
        f->cause == ARM_EC_PC_ALIGN)
        s->far_el1 = f->value;
    enter(c, VECTOR_SYNC, f->cause == ARM_EC_SVC ? s->pc + INSN_BYTES : s->pc);
}

/* The most urgent of the lines that are up and not masked. */
bool arm_trap_interrupt(struct vcpu *c)
{
    static const struct {
        u8 line, mask;
        u16 vector;
    } order[] = { { ARM_LINE_SERROR, ARM_DAIF_A, VECTOR_SERROR },
                  { ARM_LINE_FIQ, ARM_DAIF_F, VECTOR_FIQ },
                  { ARM_LINE_IRQ, ARM_DAIF_I, VECTOR_IRQ } };
    struct arm_state *s = arm_state(c);
    u64 lines = __atomic_load_n(&c->irq_lines, __ATOMIC_ACQUIRE);

    if (!lines)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        if (!(lines >> order[i].line & 1) || s->daif & order[i].mask)
            continue;
        if (order[i].line == ARM_LINE_SERROR)
            s->esr_el1 = (u64)ARM_EC_SERROR << ESR_EC | ESR_IL;
        log_trace(trap, "cpu %u: interrupt line %u at %#llx, from EL%u", c->index, order[i].line,
                  (unsigned long long)s->pc, s->el);
        enter(c, order[i].vector, s->pc);
        return true;
    }
    return false;
}

/* Masks of PSTATE do not keep WFI asleep (D1.6.2). */
bool arm_trap_wakes(struct vcpu *c)
{
    return __atomic_load_n(&c->irq_lines, __ATOMIC_ACQUIRE) != 0;
}

/* --- helpers --- */

static u64 undefined(struct vcpu *c)
{
    vcpu_raise(c, ARM_EC_UNKNOWN, 0);
    return 0;
}

/* ELFromSPSR() and what is illegal with EL1 on top: AArch32, levels that are not there, EL0 with
 * another stack pointer (D1.3.4). */
static bool return_is_legal(u64 spsr)
{
    unsigned el = (unsigned)bits_get(spsr, SPSR_EL, 2);

    if (spsr >> SPSR_NRW & 1 || spsr >> 1 & 1)
        return false;
    return el == 1 || (el == 0 && !(spsr >> SPSR_SP & 1));
}

/* What SetPSTATEFromSPSR() leaves alone, or UNKNOWN, when the return is illegal. */
#define KEPT (15 | 1ull << SPSR_SSBS | 1ull << SPSR_UAO | 1ull << SPSR_DIT)

u64 arm_do_eret(struct vcpu *c, u64 a, u64 b, u64 d)
{
    struct arm_state *s = arm_state(c);
    u64 spsr = s->spsr_el1;

    if (s->el == 0)
        return undefined(c);
    s->pc = s->elr_el1;
    if (return_is_legal(spsr)) {
        arm_pstate_set(s, spsr);
        s->il = spsr >> SPSR_IL & 1;
    } else {
        arm_pstate_set(s, (spsr & ~KEPT) | (arm_pstate_get(s) & KEPT));
        s->il = 1;
    }
    arm_mode_changed(c);
    c->env->icache_sync(c);
    return 0;
}

/* There is neither EL2 nor EL3: a call from EL1 is the board's firmware's, or nobody's. */
u64 arm_do_firmware_call(struct vcpu *c, u64 a, u64 b, u64 d)
{
    if (arm_state(c)->el == 0 || !c->env->firmware_call(c))
        return undefined(c);
    return 0;
}

/* EL1 says whether EL0 may wait, when it would. event: WFE. */
static bool may_wait(struct vcpu *c, u64 event)
{
    const struct arm_state *s = arm_state(c);

    if (s->el || s->sctlr_el1 & (event ? SCTLR_NTWE : SCTLR_NTWI))
        return true;
    vcpu_raise(c, ARM_EC_WFX, event);
    return false;
}

u64 arm_do_wfi(struct vcpu *c, u64 a, u64 b, u64 d)
{
    if (!arm_trap_wakes(c) && may_wait(c, 0))
        c->waiting = true;
    return 0;
}

/* The event register may be set at any time, by anything (D1.6.1): a wait that ends soon is one. */
u64 arm_do_wfe(struct vcpu *c, u64 a, u64 b, u64 d)
{
    if (may_wait(c, 1))
        c->env->relax(c, ISA_RELAX_STALL);
    return 0;
}

u64 arm_do_yield(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->relax(c, ISA_RELAX_ONCE);
    return 0;
}

/* DC and IC by address, for EL0 where EL1 allows it: the line must be readable. */
u64 arm_do_cache_line(struct vcpu *c, u64 raw, u64 va, u64 d)
{
    const struct arm_state *s = arm_state(c);

    if (s->el == 0 && !(s->sctlr_el1 & SCTLR_UCI)) {
        vcpu_raise(c, ARM_EC_SYSREG, raw);
        return 0;
    }
    if (c->env->probe(c, va, 1, ISA_READ, IR_MMU_DATA))
        c->fault.value2 |= ARM_ISS_CM | ARM_ISS_WNR;
    return 0;
}
