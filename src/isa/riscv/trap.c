/*
 * trap.c - taking exceptions and interrupts, returning from them, WFI, ECALL.
 *
 * Privileged Architecture 20240411, sections 3.1.6 to 3.1.17 and 3.3.
 */
#include "isa/riscv/trap.h"

#include "base/bits.h"
#include "base/log.h"
#include "isa/riscv/csr.h"
#include "isa/riscv/helpers.h"
#include "isa/riscv/mmu.h"

#define CAUSE_INTERRUPT (1ull << 63)

static void set_priv(struct vcpu *c, unsigned priv)
{
    rv_state(c)->priv = (u8)priv;
    rv_mmu_rebind(c);
}

static u64 vector(u64 tvec, u64 cause)
{
    u64 base = tvec & ~3ull;

    return (tvec & 3) == 1 && (cause & CAUSE_INTERRUPT) ? base + 4 * (cause & 63) : base;
}

static void trap_to_s(struct vcpu *c, u64 cause, u64 value)
{
    struct rv_state *s = rv_state(c);

    s->scause = cause;
    s->sepc = s->pc;
    s->stval = value;
    s->mstatus = bits_put(s->mstatus, MSTATUS_SPP_SHIFT, 1, s->priv != RV_U);
    s->mstatus = (s->mstatus & ~MSTATUS_SPIE) | (s->mstatus & MSTATUS_SIE ? MSTATUS_SPIE : 0);
    s->mstatus &= ~MSTATUS_SIE;
    s->pc = vector(s->stvec, cause);
    set_priv(c, RV_S);
}

static void trap_to_m(struct vcpu *c, u64 cause, u64 value)
{
    struct rv_state *s = rv_state(c);

    s->mcause = cause;
    s->mepc = s->pc;
    s->mtval = value;
    s->mstatus = bits_put(s->mstatus, MSTATUS_MPP_SHIFT, 2, s->priv);
    s->mstatus = (s->mstatus & ~MSTATUS_MPIE) | (s->mstatus & MSTATUS_MIE ? MSTATUS_MPIE : 0);
    s->mstatus &= ~MSTATUS_MIE;
    s->pc = vector(s->mtvec, cause);
    set_priv(c, RV_M);
}

static void trap(struct vcpu *c, u64 cause, u64 value)
{
    struct rv_state *s = rv_state(c);
    u64 deleg = cause & CAUSE_INTERRUPT ? s->mideleg : s->medeleg;

    log_trace(trap, "hart %u: %s %u at %#llx, value %#llx, from %u", c->index,
              cause & CAUSE_INTERRUPT ? "interrupt" : "exception", (unsigned)(cause & 63),
              (unsigned long long)s->pc, (unsigned long long)value, s->priv);
    if (s->priv != RV_M && (deleg >> (cause & 63) & 1))
        trap_to_s(c, cause, value);
    else
        trap_to_m(c, cause, value);
}

void rv_trap_exception(struct vcpu *c)
{
    c->fault.pending = false;
    trap(c, c->fault.cause, c->fault.value);
}

unsigned rv_irq_first(u64 set)
{
    static const u8 order[] = { RV_IRQ_MEI, RV_IRQ_MSI, RV_IRQ_MTI, RV_IRQ_SEI,
                                RV_IRQ_SSI, RV_IRQ_STI, RV_IRQ_LCOF };

    for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
        if (set >> order[i] & 1)
            return order[i];
    return 0;
}

bool rv_trap_interrupt(struct vcpu *c)
{
    struct rv_state *s = rv_state(c);
    u64 ready = rv_mip(c) & s->mie;
    u64 m = ready & ~s->mideleg, sv = ready & s->mideleg;
    unsigned first = 0;

    if (!ready)
        return false;
    if (s->priv != RV_M || (s->mstatus & MSTATUS_MIE))
        first = rv_irq_first(m);
    if (!first && (s->priv == RV_U || (s->priv == RV_S && (s->mstatus & MSTATUS_SIE))))
        first = rv_irq_first(sv);
    if (!first)
        return false;
    trap(c, CAUSE_INTERRUPT | first, 0);
    return true;
}

bool rv_trap_wakes(struct vcpu *c)
{
    return (rv_mip(c) & rv_state(c)->mie) != 0;
}

/* --- the helpers of priv.h --- */

static u64 illegal(struct vcpu *c, u64 raw)
{
    vcpu_raise(c, RV_ILLEGAL, (u32)raw);
    return 0;
}

u64 rv_do_ecall(struct vcpu *c, u64 a, u64 b, u64 d)
{
    struct rv_state *s = rv_state(c);

    if (s->priv == RV_S && c->env->firmware_call(c))
        return 0;
    vcpu_raise(c, RV_ECALL_U + s->priv, 0);
    return 0;
}

u64 rv_do_mret(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    struct rv_state *s = rv_state(c);
    unsigned to = (unsigned)bits_get(s->mstatus, MSTATUS_MPP_SHIFT, 2);

    if (s->priv != RV_M)
        return illegal(c, raw);
    s->mstatus = (s->mstatus & ~MSTATUS_MIE) | (s->mstatus & MSTATUS_MPIE ? MSTATUS_MIE : 0);
    s->mstatus |= MSTATUS_MPIE;
    s->mstatus &= ~MSTATUS_MPP; /* U is the least privileged mode */
    if (to != RV_M)
        s->mstatus &= ~MSTATUS_MPRV;
    s->pc = s->mepc;
    set_priv(c, to);
    return 0;
}

u64 rv_do_sret(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    struct rv_state *s = rv_state(c);
    unsigned to = (unsigned)bits_get(s->mstatus, MSTATUS_SPP_SHIFT, 1);

    if (s->priv == RV_U || (s->priv == RV_S && (s->mstatus & MSTATUS_TSR)))
        return illegal(c, raw);
    s->mstatus = (s->mstatus & ~MSTATUS_SIE) | (s->mstatus & MSTATUS_SPIE ? MSTATUS_SIE : 0);
    s->mstatus |= MSTATUS_SPIE;
    s->mstatus &= ~(MSTATUS_SPP | MSTATUS_MPRV);
    s->pc = s->sepc;
    set_priv(c, to);
    return 0;
}

u64 rv_do_wfi(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    struct rv_state *s = rv_state(c);

    if (s->priv == RV_U || (s->priv == RV_S && (s->mstatus & MSTATUS_TW)))
        return illegal(c, raw);
    c->waiting = !rv_trap_wakes(c);
    return 0;
}

u64 rv_do_sfence_vma(struct vcpu *c, u64 va, u64 asid, u64 info)
{
    struct rv_state *s = rv_state(c);

    if (s->priv == RV_U || (s->priv == RV_S && (s->mstatus & MSTATUS_TVM)))
        return illegal(c, info);
    rv_mmu_fence(c, info >> 32 & 1, va, info >> 33 & 1, asid);
    return 0;
}

u64 rv_do_sfence_inval(struct vcpu *c, u64 raw, u64 b, u64 d)
{
    return rv_state(c)->priv == RV_U ? illegal(c, raw) : 0;
}

u64 rv_do_fence_i(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->icache_sync(c);
    return 0;
}

/* Cache-block operations are enabled per mode; what they do to a coherent memory is
 * nothing. "Base Cache Management Operation ISA", section on environment configuration. */
u64 rv_do_cbo_check(struct vcpu *c, u64 kind, u64 raw, u64 d)
{
    static const u64 enable[] = { ENVCFG_CBIE, ENVCFG_CBCFE, ENVCFG_CBZE };
    const struct rv_state *s = rv_state(c);
    bool ok = s->priv == RV_M ||
              ((s->menvcfg & enable[kind]) && (s->priv == RV_S || (s->senvcfg & enable[kind])));

    return ok ? 0 : illegal(c, raw);
}

u64 rv_do_pause(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->relax(c, ISA_RELAX_ONCE);
    return 0;
}

/* "Wait-on-Reservation-Set": a stall may end for any reason. One that ends soon is both the
 * one with a time-out and, whatever mstatus.TW says, the one without. */
u64 rv_do_wrs(struct vcpu *c, u64 a, u64 b, u64 d)
{
    c->env->relax(c, ISA_RELAX_STALL);
    return 0;
}
