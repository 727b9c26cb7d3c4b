/*
 * isa.c - the arm64 architecture as an engine sees it: one table.
 */
#include "isa/arm64/isa.h"

#include "base/bits.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/fields.h"
#include "isa/arm64/guard.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pauth.h"
#include "isa/arm64/pmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/regs.h"
#include "isa/arm64/sysreg.h"
#include "isa/arm64/trap.h"
#include "arm64_ops.gen.h"

#define STATE_ROW_T struct arm_state
STATE_LIST(arm, ARM_STATE, 1);
#undef STATE_ROW_T

#define ENV_HOLDS(m)                                                                               \
    _Static_assert(offsetof(struct arm_state, m) ==                                                \
                       offsetof(struct arm_state, round) + offsetof(struct fp_env, m),             \
                   "round, flags, rules and rules16 are the struct fp_env")
ENV_HOLDS(flags);
ENV_HOLDS(rules);
ENV_HOLDS(rules16);

static const char *const irq_lines[] = {
    [ARM_LINE_IRQ] = "irq",   [ARM_LINE_FIQ] = "fiq",   [ARM_LINE_SERROR] = "serror",
    [ARM_LINE_VIRQ] = "virq", [ARM_LINE_VFIQ] = "vfiq", NULL
};

/* The same bytes mean the same at every level: what one forbids is checked when the instruction
 * runs. But SP as a base is looked at where SCTLR_ELx.SA or SA0 says so. */
static u64 block_key(const struct vcpu *c)
{
    const struct arm_state *s = vcpu_state((struct vcpu *)(uintptr_t)c);
    bool looks_at_sp = arm_sctlr(s) & (s->el ? SCTLR_SA : SCTLR_SA0);

    return (looks_at_sp ? ARM_BLOCK_SP : 0) | (s->steps ? ARM_BLOCK_STEP : 0) |
           (arm_guard(c)->on ? ARM_BLOCK_GUARD : 0) |
           (s->pauth & ARM_PAUTH_IN_PLACE ? ARM_BLOCK_PAUTH_IN_PLACE : 0) |
           (s->pauth & ARM_PAUTH_OFF ? ARM_BLOCK_PAUTH_OFF : 0) | (u64)c->model << ARM_BLOCK_MODEL;
}

/* With a base in bits 9:5; literals have none. */
static bool is_load_or_store(u32 raw)
{
    return bits_get(raw, 27, 1) && !bits_get(raw, 25, 1) && (raw & 0x3b000000) != 0x18000000;
}

static enum isa_decode decode(const u8 *bytes, unsigned avail, u64 key, struct isa_insn *in)
{
    enum isa_decode end = arm64_decode(bytes, avail, key, in);
    unsigned model = (unsigned)(key >> ARM_BLOCK_MODEL);

    if (end != ISA_DECODE_OK)
        return end;
    if (model && !arm_model_has(model, arm64_ops[in->op].ext, in->raw))
        *in = (struct isa_insn){ .raw = in->raw, .len = in->len, .op = ARM64_OP_COUNT - 1 };
    /* the last immediate is ARM_SP_MASK, and no other of them is in its place */
    if (!(key & ARM_BLOCK_SP) && is_load_or_store(in->raw) && arm_sp_mask(in->raw)) {
        if (in->imm2)
            in->imm2 = 0;
        else
            in->imm = 0;
    }
    return end;
}

static bool board_has_el2(struct vcpu *c)
{
    u64 v = 0;

    return c->env->sysreg_read(c, ARM_SPACE_BOARD, ARM_BOARD_EL2, &v) == 0 && v;
}

static void reset_registers(struct arm_state *s, const struct arm_sysreg *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (r[i].reset)
            *(u64 *)((char *)s + r[i].offset) = r[i].reset;
}

/* args: X0 and on. Runs at the highest level with all interrupts masked, as the boot protocols have
 * it. */
static void reset(struct vcpu *c, gva_t entry, const u64 *args, unsigned arg_count)
{
    struct arm_state *s = arm_state(c);

    state_reset(&arm_state_list, s);
    reset_registers(s, arm_sysregs, arm_sysreg_count);
    s->has_el2 = board_has_el2(c);
    if (s->has_el2) {
        reset_registers(s, arm_sysregs_el2, arm_sysreg_el2_count);
        s->vpidr_el2 = arm_id_get(c, ARM_SYS(3, 0, 0, 0, 0));
        s->vmpidr_el2 = arm_id_get(c, ARM_SYS(3, 0, 0, 0, 5));
    }
    s->el = s->has_el2 ? 2 : 1;
    s->spsel = 1;
    s->daif = ARM_DAIF_ALL;
    s->pc = entry;
    for (unsigned i = 0; i < arg_count && i < ARRAY_SIZE(s->x); i++)
        s->x[i] = args[i];
    c->fault.pending = false;
    arm_fpcr_changed(s);
    arm_timer_update(c);
    arm_mmu_flush(c);
    arm_mode_changed(c);
}

static void state_changed(struct vcpu *c)
{
    arm_state(c)->pauth_regime = 0;
    arm_fpcr_changed(arm_state(c));
    arm_pmu_loaded(c);
    arm_timer_update(c);
    arm_mmu_flush(c);
    arm_mode_changed(c);
}

const struct isa arm64_isa = {
    .name = "arm64",
    .state_size = sizeof(struct arm_state),
    .scratch_size = sizeof(struct arm_guard),
    .pc_offset = offsetof(struct arm_state, pc),
    .fp_env_offset = offsetof(struct arm_state, round),
    .dynamic_rules = true,
    .zero_offset = offsetof(struct arm_state, zero),
    .zero_bytes = sizeof(u64),
    .vector_offset = offsetof(struct arm_state, q),
    .vector_bytes = sizeof(((struct arm_state *)0)->q),
    .state = &arm_state_list,
    .mmu_banks = ARM_BANK_COUNT,
    .context_banks = ARM_CONTEXT_BANKS,
    .insn_align = 4,
    .ops = arm64_ops,
    .op_count = ARM64_OP_COUNT,
    .regs = arm_regs,
    .reg_count = ARM_REG_COUNT,
    .decode = decode,
    .disassemble = arm64_disassemble,
    .block_key = block_key,
    .fetch_bank = arm_mmu_fetch_bank,
    .translate = arm_mmu_translate,
    .memory_fault = arm_mmu_memory_fault,
    .atomic_fault = arm_mmu_atomic_fault,
    .take_exception = arm_trap_exception,
    .take_interrupt = arm_trap_interrupt,
    .wakes = arm_trap_wakes,
    .timer_expired = arm_timer_update,
    .reset = reset,
    .state_changed = state_changed,
    .reg_get = arm_reg_get,
    .reg_set = arm_reg_set,
    .irq_lines = irq_lines,
};
