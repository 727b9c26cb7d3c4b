/*
 * sbi_hart.c - the SBI's calls that concern other harts: HSM, IPI, RFENCE.
 *
 * RISC-V SBI 2.0, chapters 7, 8 and 9.
 */
#include "machine/firmware/sbi_private.h"

#include "isa/riscv/state.h"

static bool status_is(struct sbi *sbi, unsigned hart, u32 status)
{
    return __atomic_load_n(&sbi->hart[hart].status, __ATOMIC_ACQUIRE) == status;
}

/* The started harts among (mask, base); false: it names a hart that does not exist. */
static bool hart_mask(struct sbi *sbi, u64 mask, u64 base, u64 *out)
{
    u64 all = 0, want;

    for (unsigned i = 0; i < sbi->harts; i++)
        all |= status_is(sbi, i, SBI_HART_STARTED) ? 1ull << i : 0;
    if (base == UINT64_MAX) {
        *out = all;
        return true;
    }
    if (base >= sbi->harts || (base && mask >> (64 - base)))
        return false;
    want = mask << base;
    if (sbi->harts < 64 && want >> sbi->harts)
        return false;
    *out = want & all;
    return true;
}

/* --- HSM --- */

/* On the starting hart's thread. */
static void start_here(struct vcpu *c, void *arg)
{
    struct sbi_hart *hart = arg;

    c->isa->reset(c, hart->entry, (const u64[]){ c->index, hart->opaque, 1 }, 3);
    c->stopped = false;
    c->waiting = false;
    __atomic_store_n(&hart->status, SBI_HART_STARTED, __ATOMIC_RELEASE);
}

static void hart_start(struct sbi *sbi, struct sbi_args *args)
{
    u64 id = args->a[0];
    u32 was = SBI_HART_STOPPED;
    struct mem_span span;

    if (id >= sbi->harts) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    if (!mem_map_find(sbi->map, args->a[1], &span) || span.kind != MEM_RAM) {
        sbi_fail(args, SBI_ERR_INVALID_ADDRESS);
        return;
    }
    if (!__atomic_compare_exchange_n(&sbi->hart[id].status, &was, SBI_HART_START_PENDING, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        sbi_fail(args, SBI_ERR_ALREADY_AVAILABLE);
        return;
    }
    sbi->hart[id].entry = args->a[1];
    sbi->hart[id].opaque = args->a[2];
    engine_cpu_wake(sbi->engine, (unsigned)id, start_here, &sbi->hart[id]);
}

static void hart_stop(struct sbi *sbi, struct vcpu *c)
{
    c->stopped = true;
    __atomic_store_n(&sbi->hart[c->index].status, SBI_HART_STOPPED, __ATOMIC_RELEASE);
}

/* The one kind there is: retentive, like WFI. */
static void hart_suspend(struct vcpu *c, struct sbi_args *args)
{
    u32 type = (u32)args->a[0];

    if (type == 0)
        c->waiting = !c->isa->wakes(c);
    else if (type == 0x80000000)
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    else
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
}

void sbi_ext_hsm(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    switch (args->fid) {
    case 0: hart_start(sbi, args); break;
    case 1: hart_stop(sbi, c); break;
    case 2:
        if (args->a[0] >= sbi->harts)
            sbi_fail(args, SBI_ERR_INVALID_PARAM);
        else
            args->value = __atomic_load_n(&sbi->hart[args->a[0]].status, __ATOMIC_ACQUIRE);
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
        engine_cpu_call(sbi->engine, &mask, raise_software, NULL);
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
        engine_cpu_call(sbi->engine, &mask, args->fid == 0 ? sync_here : flush_here, &range);
}
