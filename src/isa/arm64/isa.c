/*
 * isa.c - the arm64 architecture as an engine sees it: one table.
 */
#include "isa/arm64/isa.h"

#include "base/bits.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"
#include "isa/arm64/trap.h"
#include "arm64_ops.gen.h"
#include <errno.h>

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

/* gdb's numbers (org.gnu.gdb.aarch64.core): 0..30 x, 31 sp, 32 pc, 33 cpsr. */
enum { REG_SP = 31, REG_PC = 32, REG_CPSR = 33 };

#define XREG(n) { "x" #n, n, 8, offsetof(struct arm_state, x[n]) }
static const struct isa_reg regs[] = {
    XREG(0),
    XREG(1),
    XREG(2),
    XREG(3),
    XREG(4),
    XREG(5),
    XREG(6),
    XREG(7),
    XREG(8),
    XREG(9),
    XREG(10),
    XREG(11),
    XREG(12),
    XREG(13),
    XREG(14),
    XREG(15),
    XREG(16),
    XREG(17),
    XREG(18),
    XREG(19),
    XREG(20),
    XREG(21),
    XREG(22),
    XREG(23),
    XREG(24),
    XREG(25),
    XREG(26),
    XREG(27),
    XREG(28),
    XREG(29),
    XREG(30),
    { "sp", REG_SP, 8, offsetof(struct arm_state, sp) },
    { "pc", REG_PC, 8, offsetof(struct arm_state, pc) },
    { "cpsr", REG_CPSR, 4, UINT32_MAX },
};

static const char *const irq_lines[] = {
    [ARM_LINE_IRQ] = "irq",   [ARM_LINE_FIQ] = "fiq",   [ARM_LINE_SERROR] = "serror",
    [ARM_LINE_VIRQ] = "virq", [ARM_LINE_VFIQ] = "vfiq", NULL
};

/* The same bytes mean the same at every level: what one forbids is checked when the instruction
 * runs. */
static u64 block_key(const struct vcpu *c)
{
    return 0;
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
    arm_fpcr_changed(arm_state(c));
    arm_timer_update(c);
    arm_mmu_flush(c);
    arm_mode_changed(c);
}

static int reg_get(struct vcpu *c, unsigned number, u64 *out)
{
    const struct arm_state *s = arm_state(c);

    if (number < REG_SP)
        *out = s->x[number];
    else if (number == REG_SP)
        *out = s->sp;
    else if (number == REG_PC)
        *out = s->pc;
    else if (number == REG_CPSR)
        *out = arm_pstate_get(s);
    else
        return -ENOENT;
    return 0;
}

static int reg_set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);

    if (number < REG_SP) {
        s->x[number] = v;
    } else if (number == REG_SP) {
        s->sp = v;
    } else if (number == REG_PC) {
        s->pc = v;
    } else if (number == REG_CPSR) {
        /* the level and the stack pointer are not for debuggers to change */
        arm_pstate_set(s, (v & ~15ull) | (arm_pstate_get(s) & 15));
        arm_mode_changed(c);
    } else {
        return -ENOENT;
    }
    return 0;
}

const struct isa arm64_isa = {
    .name = "arm64",
    .state_size = sizeof(struct arm_state),
    .pc_offset = offsetof(struct arm_state, pc),
    .fp_env_offset = offsetof(struct arm_state, round),
    .dynamic_rules = true,
    .vector_offset = offsetof(struct arm_state, q),
    .vector_bytes = sizeof(((struct arm_state *)0)->q),
    .state = &arm_state_list,
    .mmu_banks = ARM_BANK_COUNT,
    .context_banks = ARM_CONTEXT_BANKS,
    .insn_align = 4,
    .ops = arm64_ops,
    .op_count = ARM64_OP_COUNT,
    .regs = regs,
    .reg_count = ARRAY_SIZE(regs),
    .decode = arm64_decode,
    .disassemble = arm64_disassemble,
    .block_key = block_key,
    .fetch_bank = arm_mmu_fetch_bank,
    .translate = arm_mmu_translate,
    .memory_fault = arm_mmu_memory_fault,
    .take_exception = arm_trap_exception,
    .take_interrupt = arm_trap_interrupt,
    .wakes = arm_trap_wakes,
    .timer_expired = arm_timer_update,
    .reset = reset,
    .state_changed = state_changed,
    .reg_get = reg_get,
    .reg_set = reg_set,
    .irq_lines = irq_lines,
};
