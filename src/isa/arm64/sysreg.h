/*
 * sysreg.h - system registers: their numbers, fields by the manual's names, who answers them.
 *
 * A number is op0:op1:CRn:CRm:op2, 16 bits, as in the instruction from bit 5 up (C5.1.2).
 */
#ifndef ISA_ARM64_SYSREG_H
#define ISA_ARM64_SYSREG_H

#include "isa/arm64/state.h"

#define ARM_SYS(op0, op1, crn, crm, op2)                                                           \
    ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* Spaces of cpu_env.sysreg_read and sysreg_write: what a device or the board answers. */
enum arm_sysreg_space {
    /* Registers of an interrupt controller's CPU interface (ICC_*), by number. Number 0 reads 1,
     * without effect, when there is one. */
    ARM_SPACE_GIC,
    /* Written only: the level of an output of this CPU, by the number that its interrupt has
     * among the private ones (INTID). */
    ARM_SPACE_PPI,
    /* The virtual CPU interface (ICV_*), by the numbers of ICC_*. */
    ARM_SPACE_GIC_VIRTUAL,
    /* Read only: what the board says of its CPUs, by enum arm_board. */
    ARM_SPACE_BOARD,
};

/* ARM_BOARD_EL2: reads 1 where CPUs have EL2. */
enum arm_board { ARM_BOARD_EL2 };

/* Private interrupts of the performance monitors and the timers, as Arm's Base System Architecture
 * has them. */
enum {
    ARM_PPI_PMU = 23,
    ARM_PPI_TIMER_HYP_PHYSICAL = 26,
    ARM_PPI_TIMER_VIRTUAL = 27,
    ARM_PPI_TIMER_HYP_VIRTUAL = 28,
    ARM_PPI_TIMER_PHYSICAL = 30,
};

/* SCTLR_EL1 (D24.2.174) */
#define SCTLR_M     (1ull << 0)
#define SCTLR_A     (1ull << 1)
#define SCTLR_C     (1ull << 2)
#define SCTLR_SA    (1ull << 3)
#define SCTLR_SA0   (1ull << 4)
#define SCTLR_UMA   (1ull << 9)
#define SCTLR_I     (1ull << 12)
#define SCTLR_DZE   (1ull << 14)
#define SCTLR_UCT   (1ull << 15)
#define SCTLR_NTWI  (1ull << 16)
#define SCTLR_NTWE  (1ull << 18)
#define SCTLR_WXN   (1ull << 19)
#define SCTLR_SPAN  (1ull << 23)
#define SCTLR_UCI   (1ull << 26)
#define SCTLR_ENDB  (1ull << 13)
#define SCTLR_ENDA  (1ull << 27)
#define SCTLR_ENIB  (1ull << 30)
#define SCTLR_ENIA  (1ull << 31)
#define SCTLR_BT0   (1ull << 35)
#define SCTLR_BT1   (1ull << 36)
#define SCTLR_DSSBS (1ull << 44)
#define SCTLR_RES1  0x30500980ull

/* CPACR_EL1.FPEN (D24.2.34): its lower bit allows EL1 alone, without it nobody may */
#define CPACR_FPEN1 (1ull << 20)
#define CPACR_FPEN0 (1ull << 21)

/* TCR_EL1 (D24.2.183); T0 fields 16 bits below T1's, TG1 apart */
enum { TCR_T0SZ, TCR_EPD0 = 7, TCR_TG0 = 14, TCR_T1SZ = 16, TCR_EPD1 = 23, TCR_TG1 = 30 };
enum { TCR_IPS = 32, TCR_TBI0 = 37, TCR_TBI1 = 38, TCR_HPD0 = 41, TCR_HPD1 = 42 };
enum { TCR_TBID0 = 51, TCR_TBID1 = 52, TCR_E0PD0 = 55, TCR_E0PD1 = 56, TCR_DS = 59 };
enum { TCR_SH0 = 12, TCR_SH1 = 28 };
#define TCR_A1 (1ull << 22)
#define TCR_AS (1ull << 36)
#define TCR_HA (1ull << 39)
#define TCR_HD (1ull << 40)

/* FEAT_LPA2's of TCR_EL2 without E2H (D24.2.184) and of VTCR_EL2 (D24.2.206) */
enum { TCR_EL2_DS = 32, VTCR_DS = 32, VTCR_SL2 = 33 };

/* CNTKCTL_EL1 (D24.10.8) */
#define CNTKCTL_EL0PCTEN (1ull << 0)
#define CNTKCTL_EL0VCTEN (1ull << 1)
#define CNTKCTL_EL0VTEN  (1ull << 8)
#define CNTKCTL_EL0PTEN  (1ull << 9)

#define CNTKCTL_EVNTIS   (1ull << 17)

/* The counters, their self-synchronised views and the physical one's offset (FEAT_ECV) */
enum {
    ARM_CNTPOFF = ARM_SYS(3, 4, 14, 0, 6),
    ARM_CNTPCT = ARM_SYS(3, 3, 14, 0, 1),
    ARM_CNTVCT = ARM_SYS(3, 3, 14, 0, 2),
    ARM_CNTPCTSS = ARM_SYS(3, 3, 14, 0, 5),
    ARM_CNTVCTSS = ARM_SYS(3, 3, 14, 0, 6),
};

/* A register of the table. Access by level, and what a write changes. */
enum {
    ARM_R0 = 1, /* EL0 may read it, */
    ARM_W0 = 2, /* write it */
    ARM_R1 = 4, /* EL1 may */
    ARM_W1 = 8,
    ARM_R2 = 16, /* EL2 may, as it may whatever EL1 may */
    ARM_W2 = 32,
    ARM_RW1 = ARM_R1 | ARM_W1,
    ARM_RW2 = ARM_R2 | ARM_W2,
    ARM_RW = ARM_R0 | ARM_W0 | ARM_RW1,
};

struct arm_sysreg {
    const char *name;
    u16 number;
    u8 access;  /* ARM_R0 and so on */
    u16 offset; /* of the member in the state, when there is no reader or no writer */
    u64 mask;   /* bits that a write changes; others stay as reset has them */
    u64 reset;  /* of the member */
    u64 (*get)(struct vcpu *c, unsigned number);
    void (*set)(struct vcpu *c, unsigned number, u64 v);
    /* Whether EL0 may, where that is for EL1 to say: bits of SCTLR_EL1, and of CNTKCTL_EL1, one of
     * which must be set. Else EL1 is told (EC 0x18). */
    u64 sctlr, cntkctl;
    /* Of the performance monitors: bits of PMUSERENR_EL0, likewise. */
    u8 pm_read, pm_write;
};

/* Sorted by number; EL2's, which are behind the others, are in sysreg_el2.c. */
extern const struct arm_sysreg arm_sysregs[], arm_sysregs_el2[];
extern const unsigned arm_sysreg_count, arm_sysreg_el2_count;

/* NULL: not of this table. */
const struct arm_sysreg *arm_sysreg_find(unsigned number);

/* A register with the rights of EL1, or of EL2 at that level, and without traps. False: there is
 * none of that number. */
bool arm_sysreg_read(struct vcpu *c, unsigned number, u64 *out);
bool arm_sysreg_write(struct vcpu *c, unsigned number, u64 v);

/* MPIDR_EL1's affinity of CPU `index`: clusters of 16, as GICv3's target lists name CPUs. */
static inline u64 arm_affinity(u32 index)
{
    return (index & 15) | index >> 4 << 8;
}

/* Registers that tell what this CPU has: id.c. Numbers 3,0,0,1..7,x without one read as zero. */
u64 arm_id_get(struct vcpu *c, unsigned number);

/* A reader of zero, a writer without effect. */
u64 arm_sysreg_zero(struct vcpu *c, unsigned number);
void arm_sysreg_ignore(struct vcpu *c, unsigned number, u64 v);

/* timer.c */
u64 arm_timer_get(struct vcpu *c, unsigned number);
void arm_timer_set(struct vcpu *c, unsigned number, u64 v);
u64 arm_count_get(struct vcpu *c, unsigned number);
/* Sets the timers' outputs and asks to be called when the next one is due. */
void arm_timer_update(struct vcpu *c);

#endif
