/*
 * arm64_cpu.h - an arm64 CPU without an engine: state, a little memory, and a note of what it
 * asks for. For tests of what stands behind struct isa.
 */
#ifndef TESTS_ISA_ARM64_CPU_H
#define TESTS_ISA_ARM64_CPU_H

#include "base/bits.h"
#include "isa/arm64/guard.h"
#include "isa/arm64/helpers.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/pstate.h"
#include "isa/arm64/sysreg.h"
#include <string.h>

enum { MEMORY = 1 << 20 }; /* from physical address 0 */

static union {
    struct vcpu v;
    u64 room[(VCPU_STATE_OFF + sizeof(struct arm_state) + sizeof(struct arm_guard)) / 8 + 4];
} cpu;
static u8 memory[MEMORY];
static u64 now, retired, deadline, context;
static u32 ppi_levels; /* bit = INTID */
static unsigned bound[IR_MMU_COUNT];
static struct {
    enum isa_tlb_flush what;
    gva_t va;
    u32 banks;
    unsigned count, everywhere;
} flushed;

static inline struct arm_state *state(void)
{
    return arm_state(&cpu.v);
}

static int phys_load(struct vcpu *c, gpa_t gpa, unsigned size, u64 *out)
{
    if (gpa + size > MEMORY)
        return -1;
    *out = le64_get(memory + gpa);
    return 0;
}

static int phys_cas(struct vcpu *c, gpa_t gpa, unsigned size, u64 old, u64 want, bool *done)
{
    *done = le64_get(memory + gpa) == old;
    if (*done)
        le64_put(memory + gpa, want);
    return 0;
}

static void mmu_bind(struct vcpu *c, enum ir_mmu mmu, unsigned bank)
{
    bound[mmu] = bank;
}

static void mmu_context(struct vcpu *c, u64 id)
{
    context = id;
}

static void tlb_flush(struct vcpu *c, enum isa_tlb_flush what, gva_t va, u32 banks)
{
    flushed.what = what;
    flushed.va = va;
    flushed.banks = banks;
    flushed.count++;
}

static void tlb_flush_context(struct vcpu *c, u64 id, enum isa_tlb_flush what, gva_t va)
{
    flushed.count++;
}

static void everywhere(struct vcpu *c, void (*fn)(struct vcpu *c, void *arg), void *arg)
{
    flushed.everywhere++;
    fn(c, arg);
}

static unsigned syncs;

static void icache_sync(struct vcpu *c)
{
    syncs++;
}

static ns_t clock_now(struct vcpu *c)
{
    return now;
}

static u64 insn_count(struct vcpu *c)
{
    return retired;
}

static void timer_set(struct vcpu *c, ns_t at)
{
    deadline = at;
}

static int sysreg_read(struct vcpu *c, unsigned space, unsigned number, u64 *out)
{
    return -1;
}

static int sysreg_write(struct vcpu *c, unsigned space, unsigned number, u64 v)
{
    if (space != ARM_SPACE_PPI)
        return -1;
    ppi_levels = (ppi_levels & ~(1u << number)) | (u32)v << number;
    return 0;
}

static bool firmware_call(struct vcpu *c)
{
    return false;
}

static const struct cpu_env cpu_env = { .phys_load = phys_load,
                                        .phys_cas = phys_cas,
                                        .mmu_bind = mmu_bind,
                                        .mmu_context = mmu_context,
                                        .tlb_flush = tlb_flush,
                                        .tlb_flush_context = tlb_flush_context,
                                        .everywhere = everywhere,
                                        .icache_sync = icache_sync,
                                        .clock = clock_now,
                                        .insn_count = insn_count,
                                        .timer_set = timer_set,
                                        .sysreg_read = sysreg_read,
                                        .sysreg_write = sysreg_write,
                                        .firmware_call = firmware_call };

static inline void cpu_reset(void)
{
    memset(&cpu, 0, sizeof cpu);
    memset(memory, 0, sizeof memory);
    now = retired = 0;
    syncs = 0;
    ppi_levels = 0;
    cpu.v.isa = &arm64_isa;
    cpu.v.env = &cpu_env;
    arm64_isa.reset(&cpu.v, 0x1000, NULL, 0);
    memset(&flushed, 0, sizeof flushed);
}

/* The encoding of MRS or MSR. */
static inline u64 mrs(unsigned number, unsigned rt)
{
    return 0xd5200000u | number << 5 | rt;
}

static inline u64 msr(unsigned number, unsigned rt)
{
    return 0xd5000000u | number << 5 | rt;
}

static inline u64 read_register(unsigned number)
{
    return arm_do_mrs(&cpu.v, mrs(number, 0), 0, 0);
}

static inline void write_register(unsigned number, u64 v)
{
    arm_do_msr(&cpu.v, msr(number, 0), v, 0);
}

#endif
