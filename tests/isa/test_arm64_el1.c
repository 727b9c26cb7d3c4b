/*
 * test_arm64_el1.c - exceptions to EL1 and returns (D1.3), system registers and who may reach
 * them, interrupts, the generic timers (D12.2).
 */
#include "test.h"

#include "arm64_cpu.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/trap.h"
#include <errno.h>

#define VBAR 0x40000800ull
enum { EL0T = 0, EL1T = 4, EL1H = 5 };

static void at(unsigned mode)
{
    cpu_reset();
    state()->vbar_el1 = VBAR;
    state()->pc = 0x2000;
    arm_stack_select(state(), mode >> 2, mode & 1);
    state()->daif = 0;
}

static void take(u32 cause, u64 value, u64 value2)
{
    cpu.v.fault =
        (struct isa_fault){ .pending = true, .cause = cause, .value = value, .value2 = value2 };
    arm_trap_exception(&cpu.v);
    CHECK(!cpu.v.fault.pending);
}

/* gdb's org.gnu.gdb.aarch64.core and .fpu, number by number. */
TEST(registers_of_debuggers)
{
    static const u8 rounds[] = { FP_RNE, FP_RUP, FP_RDN, FP_RTZ };
    const struct isa *isa = &arm64_isa;
    u64 v;

    at(EL0T);
    CHECK_EQ(isa->reg_count, 68);
    for (unsigned i = 0; i < isa->reg_count; i++)
        CHECK_EQ(isa->regs[i].number, i);
    CHECK_STR(isa->regs[34].name, "v0");
    CHECK_EQ(isa->regs[65].size, 16);
    CHECK_STR(isa->regs[66].name, "fpsr");
    state()->q[2 * 31] = 5; /* V31 */
    CHECK_EQ(isa->reg_get(&cpu.v, 65, &v), 0);
    CHECK_EQ(v, 5);
    for (u64 bits = 0; bits < 16; bits++) {
        u64 fpcr = bits << 22,
            fpsr = bits << 1 | (bits & 1) << 27 | (bits & 2) << 6; /* RMode, FZ, DN */

        CHECK_EQ(isa->reg_set(&cpu.v, 67, fpcr | 1ull << 40), 0);
        CHECK_EQ(isa->reg_get(&cpu.v, 67, &v), 0);
        CHECK_EQ(v, fpcr);
        CHECK_EQ(state()->round, rounds[bits & 3]);
        CHECK_EQ(isa->reg_set(&cpu.v, 66, fpsr), 0);
        CHECK_EQ(isa->reg_get(&cpu.v, 66, &v), 0);
        CHECK_EQ(v, fpsr);
        CHECK_EQ(state()->flags & FP_DZ, bits & 1 ? FP_DZ : 0);
    }
    CHECK_EQ(isa->reg_get(&cpu.v, 68, &v), -ENOENT);
}

/* Vectors by where an exception comes from; what PSTATE becomes. */
TEST(entry)
{
    static const struct {
        unsigned mode, offset;
    } from[] = { { EL1T, 0 }, { EL1H, 0x200 }, { EL0T, 0x400 } };

    for (unsigned i = 0; i < ARRAY_SIZE(from); i++) {
        at(from[i].mode);
        state()->z = 1;
        state()->uao = 1;
        take(ARM_EC_BRK, 0x1234, 0);
        CHECK_EQ(state()->pc, VBAR + from[i].offset);
        CHECK_EQ(state()->elr_el1, 0x2000);
        CHECK_EQ(state()->spsr_el1, 1ull << SPSR_Z | 1ull << SPSR_UAO | from[i].mode);
        CHECK_EQ(state()->esr_el1, 0xf2001234); /* EC 0x3c, IL */
        CHECK_EQ(state()->el, 1);
        CHECK_EQ(state()->spsel, 1);
        CHECK_EQ(state()->daif, ARM_DAIF_ALL);
        CHECK_EQ(state()->pan, 1); /* SCTLR_EL1.SPAN is 0 */
        CHECK_EQ(state()->uao, 0);
        CHECK_EQ(syncs, 1); /* a context synchronization event */
        CHECK_EQ(bound[IR_MMU_DATA], ARM_BANK_EL1_PAN);
    }
    at(EL0T);
    state()->sctlr_el1 |= SCTLR_SPAN | SCTLR_DSSBS;
    take(ARM_EC_SVC, 7, 0);
    CHECK_EQ(state()->elr_el1, 0x2004); /* the next */
    CHECK_EQ(state()->esr_el1, 0x56000007);
    CHECK_EQ(state()->pan, 0);
    CHECK_EQ(state()->ssbs, 1);
    CHECK_EQ(bound[IR_MMU_DATA], ARM_BANK_EL1);
    CHECK_EQ(bound[IR_MMU_UNPRIV], ARM_BANK_EL0);
}

/* Aborts of the same level have another class; they and PC alignment faults say where. */
TEST(aborts)
{
    at(EL0T);
    take(ARM_EC_DATA_ABORT, 0x5555, 0x47);
    CHECK_EQ(state()->esr_el1, 0x92000047);
    CHECK_EQ(state()->far_el1, 0x5555);
    take(ARM_EC_DATA_ABORT, 0x6666, 7);
    CHECK_EQ(state()->esr_el1, 0x96000007);
    take(ARM_EC_FETCH_ABORT, 0x7777, 7);
    CHECK_EQ(state()->esr_el1, 0x86000007);
    take(ARM_EC_PC_ALIGN, 0x8881, 0);
    CHECK_EQ(state()->esr_el1, 0x8a000000);
    CHECK_EQ(state()->far_el1, 0x8881);
    take(ARM_EC_UNKNOWN, 0, 0);
    CHECK_EQ(state()->esr_el1, 0x02000000);
    CHECK_EQ(state()->far_el1, 0x8881);
}

static void eret(u64 spsr)
{
    at(EL1H);
    state()->spsr_el1 = spsr;
    state()->elr_el1 = 0x3000;
    arm_do_eret(&cpu.v, 0, 0, 0);
    CHECK(!cpu.v.fault.pending);
    CHECK_EQ(state()->pc, 0x3000);
    CHECK_EQ(syncs, 1);
}

TEST(exception_return)
{
    static const u8 illegal[] = { 1, 2, 3, 6, 7, 8, 9, 12, 13, 0x10, 0x13 }; /* M[4:0] */

    eret(9ull << 28 | 1 << SPSR_PAN | 0xa << SPSR_DAIF | EL0T);
    CHECK_EQ(state()->el, 0);
    CHECK_EQ(state()->n + state()->v, 2);
    CHECK_EQ(state()->daif, 0xa);
    CHECK_EQ(state()->pan, 1);
    CHECK_EQ(arm64_isa.fetch_bank(&cpu.v), ARM_BANK_EL0);
    CHECK_EQ(bound[IR_MMU_DATA], ARM_BANK_EL0);
    for (unsigned i = 0; i < ARRAY_SIZE(illegal); i++) {
        struct isa_xlate x;
        struct isa_fault fault;

        eret(5ull << 28 | 3 << SPSR_DAIF | illegal[i]);
        CHECK_EQ(state()->el, 1);
        CHECK_EQ(state()->spsel, 1);
        CHECK_EQ(state()->il, 1);
        CHECK_EQ(state()->z + state()->v, 2); /* flags and masks come back all the same */
        CHECK_EQ(state()->daif, 3);
        CHECK(arm64_isa.translate(&cpu.v, 0x3000, 4, ISA_FETCH, arm64_isa.fetch_bank(&cpu.v), &x,
                                  &fault));
        CHECK_EQ(fault.cause, ARM_EC_ILLEGAL_STATE);
    }
    at(EL0T);
    arm_do_eret(&cpu.v, 0, 0, 0);
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_UNKNOWN);
    CHECK(cpu.v.fault.pending);
}

TEST(stack_pointers)
{
    at(EL1H);
    state()->sp = 0x111;
    arm_stack_select(state(), 1, 0);
    state()->sp = 0x222;
    arm_stack_select(state(), 0, 0);
    CHECK_EQ(state()->sp, 0x222); /* EL0's is the same one */
    take(ARM_EC_SVC, 0, 0);
    CHECK_EQ(state()->sp, 0x111);
    CHECK_EQ(read_register(ARM_SYS(3, 0, 4, 1, 0)), 0x222);
    arm_stack_select(state(), 1, 0);
    read_register(ARM_SYS(3, 0, 4, 1, 0)); /* SP_EL0 by name while it is SP */
    CHECK(cpu.v.fault.pending);
}

/* --- registers --- */

TEST(table)
{
    at(EL1H);
    for (unsigned i = 0; i < arm_sysreg_count; i++) {
        const struct arm_sysreg *r = &arm_sysregs[i];
        u64 v;

        CHECK(i == 0 || arm_sysregs[i - 1].number < r->number);
        CHECK(arm_sysreg_find(r->number) == r);
        CHECK_EQ(arm_sysreg_read(&cpu.v, r->number, &v), (r->access & ARM_R1) != 0);
    }
    CHECK(!arm_sysreg_find(0xffff));
    CHECK_EQ(read_register(ARM_SYS(3, 0, 1, 0, 0)), SCTLR_RES1);
    CHECK_EQ(read_register(ARM_SYS(3, 0, 0, 7, 7)), 0); /* reserved for identification */
    CHECK(!cpu.v.fault.pending);
    read_register(ARM_SYS(3, 4, 1, 1, 0)); /* HCR_EL2 */
    CHECK(cpu.v.fault.pending);
}

/* EL0 reaches its own, and some when EL1 lets it; else EL1 is told which instruction it was. */
TEST(rights_of_el0)
{
    at(EL0T);
    read_register(ARM_SYS(3, 0, 1, 0, 0));
    CHECK(cpu.v.fault.pending);
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_UNKNOWN);
    write_register(ARM_SYS(3, 3, 0, 0, 1), 0); /* read-only */
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_UNKNOWN);
    arm_do_mrs(&cpu.v, mrs(ARM_SYS(3, 3, 0, 0, 1), 9), 0, 0);
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_SYSREG);
    take(cpu.v.fault.cause, cpu.v.fault.value, 0);
    /* Op0 3, Op2 1, Op1 3, CRn 0, Rt 9, CRm 0, read */
    CHECK_EQ(state()->esr_el1, 0x62000000 | 3 << 20 | 1 << 17 | 3 << 14 | 9 << 5 | 1);
    at(EL0T);
    state()->sctlr_el1 |= SCTLR_UCT;
    CHECK_EQ(read_register(ARM_SYS(3, 3, 0, 0, 1)), ARM_CTR_EL0);
    CHECK(!cpu.v.fault.pending);
    state()->cntkctl_el1 = CNTKCTL_EL0VCTEN;
    now = 77;
    CHECK_EQ(read_register(ARM_SYS(3, 3, 14, 0, 2)), 77);
    CHECK(!cpu.v.fault.pending);
    read_register(ARM_SYS(3, 3, 14, 0, 1)); /* the physical count is another's right */
    CHECK(cpu.v.fault.pending);
}

/* MSR (immediate): op1, op2, CRm. */
static void msr_imm(unsigned op1, unsigned op2, unsigned imm)
{
    cpu.v.fault.pending = false;
    arm_do_msr_pstate(&cpu.v, 0xd500401f | op1 << 16 | imm << 8 | op2 << 5, 0, 0);
}

TEST(pstate_fields)
{
    at(EL1H);
    msr_imm(3, 6, 0xf);
    msr_imm(3, 7, 0x2);
    CHECK_EQ(state()->daif, 0xd);
    CHECK_EQ(read_register(ARM_SYS(3, 3, 4, 2, 1)), 0xd << 6);
    msr_imm(0, 4, 1);
    CHECK_EQ(bound[IR_MMU_DATA], ARM_BANK_EL1_PAN);
    msr_imm(0, 3, 1); /* UAO: LDTR is LDR */
    CHECK_EQ(bound[IR_MMU_UNPRIV], ARM_BANK_EL1_PAN);
    msr_imm(0, 5, 0);
    CHECK_EQ(state()->spsel, 0);
    at(EL0T);
    msr_imm(0, 4, 1);
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_UNKNOWN);
    msr_imm(3, 6, 2);
    CHECK_EQ(cpu.v.fault.cause, ARM_EC_SYSREG);
    state()->sctlr_el1 |= SCTLR_UMA;
    msr_imm(3, 6, 2);
    CHECK(!cpu.v.fault.pending);
    CHECK_EQ(state()->daif, 2);
}

/* --- interrupts and timers --- */

TEST(interrupts)
{
    at(EL0T);
    cpu.v.irq_lines = 1 << ARM_LINE_IRQ | 1 << ARM_LINE_FIQ;
    CHECK(arm_trap_interrupt(&cpu.v));
    CHECK_EQ(state()->pc, VBAR + 0x500);
    CHECK(!arm_trap_interrupt(&cpu.v)); /* all are masked */
    CHECK(arm_trap_wakes(&cpu.v));
    CHECK_EQ(read_register(ARM_SYS(3, 0, 12, 1, 0)), 3 << 6);
    state()->daif = ARM_DAIF_F;
    CHECK(arm_trap_interrupt(&cpu.v));
    CHECK_EQ(state()->pc, VBAR + 0x280);
    cpu.v.irq_lines = 1 << ARM_LINE_SERROR;
    CHECK(!arm_trap_interrupt(&cpu.v));
    state()->daif = 0;
    CHECK(arm_trap_interrupt(&cpu.v));
    CHECK_EQ(state()->pc, VBAR + 0x380);
    CHECK_EQ(state()->esr_el1 >> 26, ARM_EC_SERROR);
}

/* CPACR_EL1.FPEN, and what is told when it forbids (D24.2.34, D24.2.39). */
TEST(floating_point_traps)
{
    static const struct {
        unsigned fpen;
        bool el0, el1;
    } rows[] = { { 0, true, true }, { 1, true, false }, { 2, true, true }, { 3, false, false } };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        at(EL1H);
        write_register(ARM_SYS(3, 0, 1, 0, 2), (u64)rows[i].fpen << 20 | 1);
        CHECK_EQ(read_register(ARM_SYS(3, 0, 1, 0, 2)), (u64)rows[i].fpen << 20);
        CHECK_EQ(state()->fp_traps, rows[i].el1);
        state()->elr_el1 = 0x3000;
        state()->spsr_el1 = 0;
        arm_do_eret(&cpu.v, 0, 0, 0);
        CHECK_EQ(state()->fp_traps, rows[i].el0);
        take(ARM_EC_FP, 0, 0);
        CHECK_EQ(state()->esr_el1, 0x1fe00000); /* EC 7, IL, CV, COND 14 */
        CHECK_EQ(state()->elr_el1, 0x3000);
        CHECK_EQ(state()->fp_traps, rows[i].el1);
    }
}

/* What FPCR asks for is known again after its state was loaded. */
TEST(floating_point_rules)
{
    at(EL1H);
    CHECK_EQ(state()->rules, FP_RULES_SNAN_FIRST);
    CHECK_EQ(state()->rules16, FP_RULES_SNAN_FIRST);
    state()->fpcr = ARM_FPCR_DN | ARM_FPCR_FZ16;
    arm64_isa.state_changed(&cpu.v);
    CHECK_EQ(state()->rules, FP_RULES_DEFAULT_BEFORE);
    CHECK_EQ(state()->rules16, FP_RULES_DEFAULT_BEFORE_FZ);
}

#define CNTV(op2) ARM_SYS(3, 3, 14, 3, op2)
#define CNTP(op2) ARM_SYS(3, 3, 14, 2, op2)

TEST(timers)
{
    at(EL1H);
    now = 1000;
    write_register(CNTV(0), 500);
    CHECK_EQ(read_register(CNTV(2)), 1500);
    write_register(CNTP(2), 1200);
    CHECK_EQ(deadline, UINT64_MAX); /* neither is enabled */
    write_register(CNTV(1), 1);
    CHECK_EQ(deadline, 1500);
    write_register(CNTP(1), 1);
    CHECK_EQ(deadline, 1200);
    now = 1200;
    arm_timer_update(&cpu.v);
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_PHYSICAL);
    CHECK_EQ(read_register(CNTP(1)), 5);
    CHECK_EQ(deadline, 1500);
    write_register(CNTP(1), 3); /* masked: the condition is told, the line falls */
    CHECK_EQ(read_register(CNTP(1)), 7);
    CHECK_EQ(ppi_levels, 0);
    now = 1600;
    arm_timer_update(&cpu.v);
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_VIRTUAL);
    CHECK_EQ(read_register(CNTV(0)), 0xffffff9c); /* 100 late, 32 bits */
    write_register(CNTV(0), 0xffffffff);          /* one back is late, too */
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_VIRTUAL);
    write_register(CNTV(2), 9999);
    CHECK_EQ(ppi_levels, 0);
    CHECK_EQ(deadline, 9999);
}

/* EL2 gives EL1 and EL0 a physical count of their own; its own is as it was (FEAT_ECV). */
TEST(physical_offset)
{
    at(EL1H);
    state()->has_el2 = 1;
    state()->cnthctl_el2 = CNTHCTL_EL1PCTEN | CNTHCTL_EL1PCEN;
    state()->cntpoff_el2 = 400;
    now = 1000;
    CHECK_EQ(read_register(ARM_CNTPCT), 1000);
    state()->cnthctl_el2 |= CNTHCTL_ECV;
    CHECK_EQ(read_register(ARM_CNTPCT), 600);
    CHECK_EQ(read_register(ARM_CNTPCTSS), 600);
    write_register(CNTP(0), 100);
    CHECK_EQ(read_register(CNTP(2)), 700);
    write_register(CNTP(1), 1);
    CHECK_EQ(deadline, 1100);
    now = 1099;
    CHECK_EQ(read_register(CNTP(1)), 1);
    CHECK_EQ(read_register(CNTP(0)), 1);
    now = 1100;
    CHECK_EQ(read_register(CNTP(1)), 5);
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_PHYSICAL); /* who sees that has the interrupt */
    state()->hcr_el2 |= HCR_E2H | HCR_TGE;              /* a host's: no offset */
    arm_timer_update(&cpu.v);
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_PHYSICAL);
    state()->timer_cval[1] = 1101;
    arm_timer_update(&cpu.v);
    CHECK_EQ(deadline, 1101);
    CHECK_EQ(ppi_levels, 0);
}

/* The host's timer may be late: who reads the count beyond a deadline has the interrupt. */
TEST(interrupt_by_looking)
{
    at(EL1H);
    now = 1000;
    write_register(CNTV(2), 1500);
    write_register(CNTV(1), 1);
    now = 1499;
    read_register(ARM_CNTVCT);
    CHECK_EQ(ppi_levels, 0);
    now = 1500;
    read_register(ARM_CNTVCT);
    CHECK_EQ(ppi_levels, 1u << ARM_PPI_TIMER_VIRTUAL);
}

TEST(waiting)
{
    at(EL0T);
    arm_do_wfi(&cpu.v, 0, 0, 0);
    CHECK(!cpu.v.waiting);
    take(cpu.v.fault.cause, cpu.v.fault.value, 0);
    CHECK_EQ(state()->esr_el1, 0x07e00000); /* EC 1, IL, CV, COND 14, WFI */
    at(EL1H);
    arm_do_wfi(&cpu.v, 0, 0, 0);
    CHECK(cpu.v.waiting);
    at(EL1H);
    cpu.v.irq_lines = 1;
    arm_do_wfi(&cpu.v, 0, 0, 0);
    CHECK(!cpu.v.waiting);
}

/* What traps says which register it is; a time-out ends the wait, by CNTVCT_EL0. */
TEST(waiting_with_a_time_out)
{
    enum { WFIT_X2 = 2, WFET_X3 = 3 };

    at(EL0T);
    arm_do_wfit(&cpu.v, WFIT_X2, UINT64_MAX, 0);
    take(cpu.v.fault.cause, cpu.v.fault.value, 0);
    CHECK_EQ(state()->esr_el1, 0x07e00046); /* RN, RV, TI */
    at(EL0T);
    arm_do_wfet(&cpu.v, WFET_X3, UINT64_MAX, 0);
    take(cpu.v.fault.cause, cpu.v.fault.value, 0);
    CHECK_EQ(state()->esr_el1, 0x07e00067);
    at(EL1H);
    state()->has_el2 = 1;
    state()->cntvoff_el2 = 400;
    now = 1000;
    arm_do_wfit(&cpu.v, WFIT_X2, 600, 0); /* has come */
    CHECK(!cpu.v.waiting);
    arm_do_wfit(&cpu.v, WFIT_X2, 650, 0);
    CHECK(cpu.v.waiting);
    CHECK_EQ(deadline, 1050);
    now = 1049;
    CHECK(!arm_trap_wakes(&cpu.v));
    now = 1050;
    CHECK(arm_trap_wakes(&cpu.v));
    /* WFI has none */
    arm_do_wfi(&cpu.v, 0, 0, 0);
    now = 100000;
    CHECK(!arm_trap_wakes(&cpu.v));
    arm_do_wfit(&cpu.v, WFIT_X2, UINT64_MAX, 0);
    CHECK_EQ(deadline, UINT64_MAX);
}

TEST_MAIN(TEST_CASE(registers_of_debuggers), TEST_CASE(entry), TEST_CASE(aborts),
          TEST_CASE(exception_return), TEST_CASE(stack_pointers), TEST_CASE(table),
          TEST_CASE(rights_of_el0), TEST_CASE(pstate_fields), TEST_CASE(interrupts),
          TEST_CASE(timers), TEST_CASE(physical_offset), TEST_CASE(interrupt_by_looking),
          TEST_CASE(waiting), TEST_CASE(waiting_with_a_time_out), TEST_CASE(floating_point_traps),
          TEST_CASE(floating_point_rules))
