/*
 * regs.c - registers as debuggers and firmware see them.
 */
#include "isa/arm64/regs.h"

#include "isa/arm64/pstate.h"
#include <errno.h>

#define XREG(n) { "x" #n, n, 8, offsetof(struct arm_state, x[n]) }
#define VREG(n) { "v" #n, ARM_REG_V0 + (n), 16, offsetof(struct arm_state, q[2 * (n)]) }
const struct isa_reg arm_regs[] = {
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
    { "sp", ARM_REG_SP, 8, offsetof(struct arm_state, sp) },
    { "pc", ARM_REG_PC, 8, offsetof(struct arm_state, pc) },
    { "cpsr", ARM_REG_CPSR, 4, UINT32_MAX },
    VREG(0),
    VREG(1),
    VREG(2),
    VREG(3),
    VREG(4),
    VREG(5),
    VREG(6),
    VREG(7),
    VREG(8),
    VREG(9),
    VREG(10),
    VREG(11),
    VREG(12),
    VREG(13),
    VREG(14),
    VREG(15),
    VREG(16),
    VREG(17),
    VREG(18),
    VREG(19),
    VREG(20),
    VREG(21),
    VREG(22),
    VREG(23),
    VREG(24),
    VREG(25),
    VREG(26),
    VREG(27),
    VREG(28),
    VREG(29),
    VREG(30),
    VREG(31),
    { "fpsr", ARM_REG_FPSR, 4, UINT32_MAX },
    { "fpcr", ARM_REG_FPCR, 4, UINT32_MAX },
};
_Static_assert(ARRAY_SIZE(arm_regs) == ARM_REG_COUNT, "each number has its row");

/* The member of the state that it is, or NULL. */
static u64 *member(struct vcpu *c, unsigned number)
{
    if (number >= ARM_REG_COUNT || arm_regs[number].offset == UINT32_MAX)
        return NULL;
    return (u64 *)((char *)vcpu_state(c) + arm_regs[number].offset);
}

int arm_reg_get(struct vcpu *c, unsigned number, u64 *out)
{
    const u64 *m = member(c, number);

    if (m)
        *out = *m;
    else if (number == ARM_REG_CPSR)
        *out = arm_pstate_get(arm_state(c));
    else if (number == ARM_REG_FPSR)
        *out = arm_fpsr_get(arm_state(c));
    else if (number == ARM_REG_FPCR)
        *out = arm_fpcr_get(arm_state(c));
    else
        return -ENOENT;
    return 0;
}

int arm_reg_set(struct vcpu *c, unsigned number, u64 v)
{
    struct arm_state *s = arm_state(c);
    u64 *m = member(c, number);

    if (m) {
        *m = v;
    } else if (number == ARM_REG_CPSR) {
        /* the level and the stack pointer are not for debuggers to change */
        arm_pstate_set(s, (v & ~15ull) | (arm_pstate_get(s) & 15));
        arm_mode_changed(c);
    } else if (number == ARM_REG_FPSR) {
        arm_fpsr_set(s, v);
    } else if (number == ARM_REG_FPCR) {
        arm_fpcr_set(s, v);
    } else {
        return -ENOENT;
    }
    return 0;
}
