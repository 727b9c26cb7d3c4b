/*
 * trap.c - taking exceptions to EL1 or EL2 and returning from them, calls, waiting (D1.3).
 */
#include "isa/arm64/trap.h"

#include "base/bits.h"
#include "base/log.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"

enum { ESR_EC = 26, INSN_BYTES = 4 };
#define ESR_IL (1ull << 25) /* a 32-bit instruction, or what counts as one */

/* Kinds of vectors, and groups of them by where the exception comes from (D1.3.1). */
enum { VECTOR_SYNC = 0, VECTOR_IRQ = 0x80, VECTOR_FIQ = 0x100, VECTOR_SERROR = 0x180 };
enum { FROM_SP_EL0 = 0, FROM_SP_ELX = 0x200, FROM_LOWER = 0x400 };

/* A level's registers that an exception writes. */
struct level {
    u64 *spsr, *elr, *esr, *far;
    u64 vbar, sctlr;
};

static struct level level_of(struct arm_state *s, unsigned el)
{
    if (el == 2)
        return (struct level){ &s->spsr_el2, &s->elr_el2, &s->esr_el2,
                               &s->far_el2,  s->vbar_el2, s->sctlr_el2 };
    return (struct level){ &s->spsr_el1, &s->elr_el1, &s->esr_el1,
                           &s->far_el1,  s->vbar_el1, s->sctlr_el1 };
}

static unsigned group(const struct arm_state *s, unsigned target)
{
    return s->el < target ? FROM_LOWER : s->spsel ? FROM_SP_ELX : FROM_SP_EL0;
}

/* Does the level have an EL0 of its own that PAN keeps it from? */
static bool has_pan(const struct arm_state *s, unsigned el)
{
    return el == 1 || (s->hcr_el2 & HCR_E2H && s->hcr_el2 & HCR_TGE);
}

/* AArch64.TakeException(). It and a return are context synchronization events: what other
 * CPUs have stored is fetched from here on, as CTR_EL0.DIC lets software count on (B2.4.4). */
static void enter(struct vcpu *c, unsigned target, unsigned kind, u64 back)
{
    struct arm_state *s = arm_state(c);
    struct level l = level_of(s, target);

    *l.spsr = arm_pstate_get(s) | arm_debug_enter(c, back != s->pc);
    *l.elr = back;
    s->pc = l.vbar + group(s, target) + kind;
    arm_stack_select(s, target, 1);
    s->daif = ARM_DAIF_ALL;
    s->il = s->uao = s->btype = 0;
    if (has_pan(s, target) && !(l.sctlr & SCTLR_SPAN))
        s->pan = 1;
    s->ssbs = (l.sctlr & SCTLR_DSSBS) != 0;
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
    switch (f->cause & ~(u32)ARM_TO_EL2) {
    case ARM_EC_SVC:
    case ARM_EC_HVC:
    case ARM_EC_SMC:
    case ARM_EC_BRK: return f->value & 0xffff;
    case ARM_EC_WFX: /* condition: always */
    case ARM_EC_FP: return 0x1e << 20 | f->value;
    case ARM_EC_SYSREG: return iss_sysreg((u32)f->value);
    case ARM_EC_PAC_FAIL: return f->value;
    default: return f->value2 & ARM_ISS_MASK;
    }
}

/* Aborts have a class of their own when they come from the level they are taken to. */
static u64 class_of(const struct arm_state *s, u32 cause, unsigned target)
{
    bool abort = cause == ARM_EC_FETCH_ABORT || cause == ARM_EC_DATA_ABORT ||
                 cause == ARM_EC_BREAKPOINT || cause == ARM_EC_STEP || cause == ARM_EC_WATCHPOINT;

    return cause + (abort && s->el == target);
}

/* Where a synchronous exception goes that no level traps (D1.3.2). */
static unsigned target_of(const struct arm_state *s, u32 cause)
{
    bool debug = cause == ARM_EC_BRK || cause == ARM_EC_BREAKPOINT || cause == ARM_EC_STEP ||
                 cause == ARM_EC_WATCHPOINT;

    if (s->el == 2 || cause & ARM_TO_EL2)
        return 2;
    if (debug)
        return arm_debug_target(s);
    return s->el == 0 && arm_hcr(s) & HCR_TGE ? 2 : 1;
}

/* DC ZVA that a derived flag stops: DZE is for EL0 alone. */
static u32 zva_trap(const struct arm_state *s)
{
    bool own = s->el == 0 && !(arm_sctlr(s) & SCTLR_DZE);

    return own ? ARM_EC_SYSREG : (u32)ARM_EC_SYSREG | ARM_TO_EL2;
}

static bool has_far(u32 cause)
{
    return cause == ARM_EC_FETCH_ABORT || cause == ARM_EC_DATA_ABORT || cause == ARM_EC_PC_ALIGN ||
           cause == ARM_EC_WATCHPOINT;
}

/* What stage 2 says of an abort beside FAR: the address by stage 1, and the instruction. */
static void stage2_syndrome(struct vcpu *c, struct isa_fault *f)
{
    struct arm_state *s = arm_state(c);

    s->hpfar_el2 = f->value2 >> ARM_FAULT_IPA << 4;
    f->value2 &= bits_mask(ARM_FAULT_IPA);
    if (f->cause == (ARM_EC_DATA_ABORT | ARM_TO_EL2) && !(f->value2 & (ARM_ISS_S1PTW | ARM_ISS_CM)))
        f->value2 |= arm_abort_syndrome(c);
}

void arm_trap_exception(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    struct isa_fault f = c->fault;
    unsigned target;
    struct level l;
    u32 cause;

    c->fault.pending = false;
    if (f.cause == ARM_FETCH_AGAIN) {
        s->pc = arm_mmu_untagged(s, s->pc);
        return;
    }
    if (f.cause == ARM_EC_FP && arm_fp_trap(s))
        f.cause = arm_fp_trap(s);
    else if (f.cause == ARM_EC_ZVA)
        f.cause = zva_trap(s);
    target = target_of(s, f.cause);
    cause = f.cause & ~(u32)ARM_TO_EL2;
    log_trace(trap, "cpu %u: exception %#x at %#llx, value %#llx, %#llx, from EL%u to EL%u",
              c->index, cause, (unsigned long long)s->pc, (unsigned long long)f.value,
              (unsigned long long)f.value2, s->el, target);
    if (f.cause & ARM_TO_EL2 && has_far(cause))
        stage2_syndrome(c, &f);
    l = level_of(s, target);
    *l.esr = class_of(s, cause, target) << ESR_EC | ESR_IL | iss(&f);
    if (has_far(cause))
        *l.far = f.value;
    enter(c, target, VECTOR_SYNC,
          cause == ARM_EC_SVC || cause == ARM_EC_HVC ? s->pc + INSN_BYTES : s->pc);
}

/* --- interrupts --- */

/* Most urgent first. mo: the bit of HCR_EL2 that routes it, and makes the virtual one. */
static const struct {
    u8 line, mask;
    u16 vector;
    u64 mo, pending; /* pending: HCR_EL2's virtual one */
    u8 virtual_line; /* 0: none */
} kinds[] = {
    { ARM_LINE_SERROR, ARM_DAIF_A, VECTOR_SERROR, HCR_AMO, HCR_VSE, 0 },
    { ARM_LINE_FIQ, ARM_DAIF_F, VECTOR_FIQ, HCR_FMO, HCR_VF, ARM_LINE_VFIQ },
    { ARM_LINE_IRQ, ARM_DAIF_I, VECTOR_IRQ, HCR_IMO, HCR_VI, ARM_LINE_VIRQ },
};
enum { KINDS = ARRAY_SIZE(kinds) };
#define PHYSICAL (1u << ARM_LINE_SERROR | 1u << ARM_LINE_FIQ | 1u << ARM_LINE_IRQ)

static u64 lines_of(struct vcpu *c)
{
    return __atomic_load_n(&c->irq_lines, __ATOMIC_ACQUIRE);
}

/* Is the virtual interrupt of a kind pending for EL1? */
static bool virtual_pending(struct vcpu *c, unsigned kind, u64 hcr)
{
    if (hcr & HCR_TGE || !(hcr & kinds[kind].mo))
        return false;
    return hcr & kinds[kind].pending ||
           (kinds[kind].virtual_line && lines_of(c) >> kinds[kind].virtual_line & 1);
}

/* The level that a physical interrupt of the kind is taken to now; 0: it has to wait (D1.3.6). */
static unsigned physical_target(const struct arm_state *s, unsigned kind, u64 hcr)
{
    bool masked = s->daif & kinds[kind].mask;

    if (!(hcr & (kinds[kind].mo | HCR_TGE)))
        return s->el == 2 || masked ? 0 : 1;
    if (s->el < 2 && !(hcr & HCR_E2H && hcr & HCR_TGE))
        masked = false;
    return masked ? 0 : 2;
}

static void take(struct vcpu *c, unsigned kind, unsigned target)
{
    struct arm_state *s = arm_state(c);

    if (kinds[kind].line == ARM_LINE_SERROR)
        *level_of(s, target).esr = (u64)ARM_EC_SERROR << ESR_EC | ESR_IL;
    log_trace(trap, "cpu %u: interrupt line %u at %#llx, from EL%u to EL%u", c->index,
              kinds[kind].line, (unsigned long long)s->pc, s->el, target);
    enter(c, target, kinds[kind].vector, s->pc);
}

/* The most urgent of the lines that are up and not masked. */
bool arm_trap_interrupt(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    u64 lines = lines_of(c), hcr;

    if (!lines && !(s->hcr_el2 & (HCR_VSE | HCR_VF | HCR_VI)))
        return false;
    hcr = arm_hcr(s);
    for (unsigned i = 0; i < KINDS; i++) {
        unsigned target = lines >> kinds[i].line & 1 ? physical_target(s, i, hcr) : 0;

        if (target) {
            take(c, i, target);
            return true;
        }
    }
    for (unsigned i = 0; i < KINDS; i++) {
        if (s->el == 2 || s->daif & kinds[i].mask || !virtual_pending(c, i, hcr))
            continue;
        if (kinds[i].pending == HCR_VSE)
            s->hcr_el2 &= ~HCR_VSE;
        take(c, i, 1);
        return true;
    }
    return false;
}

/* Masks of PSTATE do not keep WFI asleep (D1.6.2). */
bool arm_trap_wakes(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);
    u64 hcr = arm_hcr(s);

    if (lines_of(c) & PHYSICAL || (s->wait_until && c->env->clock(c) >= s->wait_until))
        return true;
    for (unsigned i = 0; s->el < 2 && i < KINDS; i++)
        if (virtual_pending(c, i, hcr))
            return true;
    return false;
}

/* ISR_EL1: to EL1, what would interrupt it, virtual or not. */
u64 arm_trap_pending(struct vcpu *c)
{
    const struct arm_state *s = arm_state(c);
    u64 hcr = arm_hcr(s), isr = 0;

    for (unsigned i = 0; i < KINDS; i++) {
        bool is_virtual = s->el < 2 && hcr & kinds[i].mo;
        bool up = is_virtual ? virtual_pending(c, i, hcr) : lines_of(c) >> kinds[i].line & 1;

        isr |= (u64)up << (SPSR_DAIF + (unsigned)__builtin_ctz(kinds[i].mask));
    }
    return isr;
}

/* --- helpers --- */

static u64 undefined(struct vcpu *c)
{
    vcpu_raise(c, ARM_EC_UNKNOWN, 0);
    return 0;
}

/* ELFromSPSR() and what is illegal: AArch32, levels that are not there or above, EL1 while TGE is
 * set, EL0 with another stack pointer (D1.3.4). */
static bool return_is_legal(const struct arm_state *s, u64 spsr)
{
    unsigned el = (unsigned)bits_get(spsr, SPSR_EL, 2);

    if (spsr >> SPSR_NRW & 1 || spsr >> 1 & 1 || el > s->el)
        return false;
    if (el == 1)
        return !(s->el == 2 && s->hcr_el2 & HCR_TGE);
    return el == 2 || !(spsr >> SPSR_SP & 1);
}

/* What SetPSTATEFromSPSR() leaves alone, or UNKNOWN, when the return is illegal. */
#define KEPT (15 | 1ull << SPSR_SSBS | 1ull << SPSR_UAO | 1ull << SPSR_DIT | 3ull << SPSR_BTYPE)

u64 arm_do_eret(struct vcpu *c, u64 a, u64 b, u64 d)
{
    struct arm_state *s = arm_state(c);
    struct level l = level_of(s, s->el);
    u64 spsr = *l.spsr & arm_model(c)->spsr;
    bool debugged = arm_debug_enabled(s);

    if (s->el == 0)
        return undefined(c);
    s->pc = *l.elr;
    if (return_is_legal(s, spsr)) {
        arm_pstate_set(s, spsr);
        s->il = spsr >> SPSR_IL & 1;
    } else {
        arm_pstate_set(s, (spsr & ~KEPT) | (arm_pstate_get(s) & KEPT));
        s->il = 1;
    }
    arm_debug_return(c, spsr, debugged);
    arm_mode_changed(c);
    c->env->icache_sync(c);
    return 0;
}

/* A call from EL1 or above that the board's firmware answers, or nobody. */
static u64 firmware(struct vcpu *c)
{
    if (arm_state(c)->el == 0 || !c->env->firmware_call(c))
        return undefined(c);
    return 0;
}

/* With EL2, HVC is a call to it; without, the firmware takes it like SMC. */
u64 arm_do_hvc(struct vcpu *c, u64 imm, u64 b, u64 d)
{
    const struct arm_state *s = arm_state(c);

    if (!s->has_el2)
        return firmware(c);
    if (s->el == 0 || arm_hcr(s) & HCR_HCD)
        return undefined(c);
    vcpu_raise(c, (u32)ARM_EC_HVC | ARM_TO_EL2, imm);
    return 0;
}

u64 arm_do_smc(struct vcpu *c, u64 imm, u64 b, u64 d)
{
    const struct arm_state *s = arm_state(c);

    if (s->el != 1 || !(arm_hcr(s) & HCR_TSC))
        return firmware(c);
    vcpu_raise(c, (u32)ARM_EC_SMC | ARM_TO_EL2, imm);
    return 0;
}

/* A kernel says whether EL0 may wait, and EL2 whether those below may, when they would. */
bool arm_trap_may_wait(struct vcpu *c, u64 iss)
{
    const struct arm_state *s = arm_state(c);
    bool event = iss & ARM_ISS_WFE;

    if (s->el == 0 && !(arm_sctlr(s) & (event ? SCTLR_NTWE : SCTLR_NTWI)))
        vcpu_raise(c, ARM_EC_WFX, iss);
    else if (s->el < 2 && arm_hcr(s) & (event ? HCR_TWE : HCR_TWI))
        vcpu_raise(c, (u32)ARM_EC_WFX | ARM_TO_EL2, iss);
    return !c->fault.pending;
}

u64 arm_do_wfi(struct vcpu *c, u64 a, u64 b, u64 d)
{
    arm_state(c)->wait_until = 0;
    if (!arm_trap_wakes(c) && arm_trap_may_wait(c, 0))
        c->waiting = true;
    return 0;
}

/* The event register may be set at any time, by anything (D1.6.1): a wait that ends soon is one. */
u64 arm_do_wfe(struct vcpu *c, u64 a, u64 b, u64 d)
{
    if (arm_trap_may_wait(c, ARM_ISS_WFE))
        c->env->relax(c, ISA_RELAX_STALL);
    return 0;
}

u64 arm_do_yield(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->relax(c, ISA_RELAX_ONCE);
    return 0;
}

/* DC and IC by address, for EL0 where its kernel allows it: the line must be readable. */
u64 arm_do_cache_line(struct vcpu *c, u64 raw, u64 va, u64 d)
{
    const struct arm_state *s = arm_state(c);

    if (s->el == 0 && !(arm_sctlr(s) & SCTLR_UCI)) {
        vcpu_raise(c, ARM_EC_SYSREG, raw);
        return 0;
    }
    if (arm_el2_traps(c, (unsigned)bits_get(raw, 5, 16), true)) {
        vcpu_raise(c, (u32)ARM_EC_SYSREG | ARM_TO_EL2, raw);
        return 0;
    }
    if (c->env->probe(c, va, 1, ISA_READ, IR_MMU_DATA))
        c->fault.value2 |= ARM_ISS_CM | ARM_ISS_WNR;
    return 0;
}
