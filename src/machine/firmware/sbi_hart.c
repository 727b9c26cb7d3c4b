/*
 * sbi_hart.c - the SBI's calls that concern other harts: HSM, IPI, RFENCE.
 *
 * RISC-V SBI 2.0, chapters 7, 8 and 9.
 */
#include "machine/firmware/sbi_private.h"

#include "isa/riscv/state.h"
#include <errno.h>

/* The started harts among (mask, base); false: it names a hart that does not exist. */
static bool hart_mask(struct sbi *sbi, u64 mask, u64 base, u64 *out)
{
    u64 all = 0, want;

    for (unsigned i = 0; i < sbi->power.cpus; i++)
        all |= cpu_power_status(&sbi->power, i) == CPU_POWER_ON ? 1ull << i : 0;
    if (base == UINT64_MAX) {
        *out = all;
        return true;
    }
    if (base >= sbi->power.cpus || (base && mask >> (64 - base)))
        return false;
    want = mask << base;
    if (sbi->power.cpus < 64 && want >> sbi->power.cpus)
        return false;
    *out = want & all;
    return true;
}

/* --- HSM --- */

/* 0, an SBI error. */
static s64 start_error(int rc)
{
    return rc == 0         ? SBI_SUCCESS
           : rc == -EFAULT ? SBI_ERR_INVALID_ADDRESS
                           : SBI_ERR_ALREADY_AVAILABLE;
}

static void hart_start(struct sbi *sbi, struct sbi_args *args)
{
    u64 id = args->a[0];
    const struct cpu_power_start start = { args->a[1],
                                           { id, args->a[2], SBI_FROM_S },
                                           SBI_START_ARGS };

    if (id >= sbi->power.cpus)
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
    else
        args->error = start_error(cpu_power_on(&sbi->power, (unsigned)id, &start));
}

/* The one kind there is: retentive, like WFI. */
static void hart_suspend(struct vcpu *c, struct sbi_args *args)
{
    u32 type = (u32)args->a[0];

    if (type == 0)
        cpu_power_standby(c);
    else if (type == 0x80000000)
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    else
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
}

void sbi_ext_hsm(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    switch (args->fid) {
    case 0: hart_start(sbi, args); break;
    case 1: cpu_power_off(&sbi->power, c); break;
    case 2:
        if (args->a[0] >= sbi->power.cpus)
            sbi_fail(args, SBI_ERR_INVALID_PARAM);
        else
            args->value = cpu_power_status(&sbi->power, (unsigned)args->a[0]);
        break;
    case 3: hart_suspend(c, args); break;
    default: sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    }
}

/* --- IPI --- */

static void raise_software(struct vcpu *c, void *arg)
{
    rv_state(c)->mip |= 1ull << RV_IRQ_SSI;
}

void sbi_ext_ipi(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u64 mask;

    if (args->fid != 0)
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    else if (!hart_mask(sbi, args->a[0], args->a[1], &mask))
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
    else
        engine_cpu_call(sbi->power.engine, &mask, raise_software, NULL);
}

/* --- RFENCE --- */

struct range {
    u64 start, size;
};

/* Beyond this, all entries go: a table has few. */
enum { MAX_PAGES = 64 };

static void flush_here(struct vcpu *c, void *arg)
{
    const struct range *r = arg;
    u32 banks = (1u << c->isa->mmu_banks) - 1;
    u64 pages;

    if ((r->start == 0 && r->size == 0) || r->size > MAX_PAGES * MEM_PAGE_SIZE) {
        c->env->tlb_flush(c, ISA_FLUSH_ALL, 0, banks);
        return;
    }
    pages = ((r->start & (MEM_PAGE_SIZE - 1)) + r->size + MEM_PAGE_SIZE - 1) / MEM_PAGE_SIZE;
    for (u64 i = 0; i < pages; i++)
        c->env->tlb_flush(c, ISA_FLUSH_PAGE, r->start + i * MEM_PAGE_SIZE, banks);
}

static void sync_here(struct vcpu *c, void *arg)
{
    c->env->icache_sync(c);
}

void sbi_ext_rfence(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    struct range range = { args->a[2], args->a[3] };
    u64 mask;

    if (args->fid > 2) /* 3 to 6: fences of the hypervisor extension */
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    else if (!hart_mask(sbi, args->a[0], args->a[1], &mask))
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
    else if (args->fid > 0 && range.size != UINT64_MAX && range.start + range.size < range.start)
        sbi_fail(args, SBI_ERR_INVALID_ADDRESS);
    else
        engine_cpu_call(sbi->power.engine, &mask, args->fid == 0 ? sync_here : flush_here, &range);
}
