/*
 * softmmu.c - loads, stores and probes when the fast path will not do: TLB misses, page
 * crossings, devices, pages with code, alignment faults.
 *
 * An access that crosses a page resolves both pages before it touches either.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include <errno.h>

/* Not at a multiple of what is aligned where all must be? */
static bool unit_misaligned(gva_t va, unsigned size, struct ir_mem how)
{
    return va & ((how.access ? 1u << (how.access - 1) : size) - 1);
}

static bool misaligned(const struct cpu *c, gva_t va, unsigned size, struct ir_mem how)
{
    u32 strict = c->e.v.strict;

    if (strict & ISA_STRICT_ALL && unit_misaligned(va, size, how))
        return true;
    if (how.align == IR_ALIGN_16 && !(strict & ISA_STRICT_16))
        return !(strict & ISA_LOOSE_ORDERED) && (va & 15) + size > 16;
    return how.align != IR_ALIGN_ANY && va & (size - 1);
}

static unsigned bytes_in_page(gva_t va, unsigned size)
{
    u64 left = MEM_PAGE_SIZE - (va & (MEM_PAGE_SIZE - 1));

    return size <= left ? size : (unsigned)left;
}

/* Aligned accesses are single-copy atomic, and sequentially consistent where asked for. */
static void ram_load(const u8 *p, void *v, unsigned size)
{
    if ((uintptr_t)p & (size - 1)) {
        memcpy(v, p, size);
        return;
    }
    switch (size) {
    case 1: *(u8 *)v = __atomic_load_n(p, __ATOMIC_SEQ_CST); break;
    case 2: le16_put(v, __atomic_load_n((const u16 *)(const void *)p, __ATOMIC_SEQ_CST)); break;
    case 4: le32_put(v, __atomic_load_n((const u32 *)(const void *)p, __ATOMIC_SEQ_CST)); break;
    case 8: le64_put(v, __atomic_load_n((const u64 *)(const void *)p, __ATOMIC_SEQ_CST)); break;
    default: memcpy(v, p, size);
    }
}

static void ram_store(u8 *p, const void *v, unsigned size, unsigned order)
{
    if (order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if ((uintptr_t)p & (size - 1)) {
        memcpy(p, v, size);
        return;
    }
    switch (size) {
    case 1: __atomic_store_n(p, *(const u8 *)v, __ATOMIC_RELEASE); break;
    case 2: __atomic_store_n((u16 *)(void *)p, le16_get(v), __ATOMIC_RELEASE); break;
    case 4: __atomic_store_n((u32 *)(void *)p, le32_get(v), __ATOMIC_RELEASE); break;
    case 8: __atomic_store_n((u64 *)(void *)p, le64_get(v), __ATOMIC_RELEASE); break;
    default: memcpy(p, v, size);
    }
    if (order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* One page's part of an access. Devices are asked for at most 8 bytes at once. */
static int part_load(struct cpu *c, gva_t va, const struct mem_ref *ref, u8 *v, unsigned size)
{
    if (ref->host) {
        ram_load(ref->host, v, size);
        return 0;
    }
    STAT_ADD(c->e.io_accesses, 1);
    for (unsigned at = 0, n; at < size; at += n) {
        u64 word;

        n = size - at < 8 ? size - at : 8;
        if (!mem_map_cpu_read(c->e.engine->cfg.map, ref->gpa + at, n, &word, c->e.v.index))
            return mmu_fault(c, ISA_FAULT_BUS, va + at, ISA_READ);
        memcpy(v + at, &word, n);
    }
    return 0;
}

static int part_store(struct cpu *c, gva_t va, unsigned bank, const struct mem_ref *ref,
                      const u8 *v, unsigned size, unsigned order)
{
    if (ref->host) {
        ram_store(ref->host, v, size, order);
        if (ref->notify)
            mmu_stored(c, va, bank, ref, size);
        return 0;
    }
    STAT_ADD(c->e.io_accesses, 1);
    for (unsigned at = 0, n; at < size; at += n) {
        u64 word = 0;

        n = size - at < 8 ? size - at : 8;
        memcpy(&word, v + at, n);
        if (!mem_map_cpu_write(c->e.engine->cfg.map, ref->gpa + at, n, word, c->e.v.index))
            return mmu_fault(c, ISA_FAULT_BUS, va + at, ISA_WRITE);
    }
    return 0;
}

int mmu_load(struct cpu *c, gva_t va, void *v, unsigned size, struct ir_mem how)
{
    unsigned bank = mmu_bank(c, how.mmu), first = bytes_in_page(va, size);
    struct mem_ref a, b;

    if (misaligned(c, va, size, how))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_READ);
    if (mmu_resolve(c, va, first, ISA_READ, bank, &a))
        return 1;
    if (a.strict && unit_misaligned(va, size, how))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_READ);
    if (first == size)
        return part_load(c, va, &a, v, size);
    if (mmu_resolve(c, va + first, size - first, ISA_READ, bank, &b))
        return 1;
    if (part_load(c, va, &a, v, first))
        return 1;
    return part_load(c, va + first, &b, (u8 *)v + first, size - first);
}

int mmu_store(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how)
{
    unsigned bank = mmu_bank(c, how.mmu), first = bytes_in_page(va, size);
    struct mem_ref a, b;

    if (misaligned(c, va, size, how))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_WRITE);
    if (mmu_resolve(c, va, first, ISA_WRITE, bank, &a))
        return 1;
    if (a.strict && unit_misaligned(va, size, how))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_WRITE);
    if (first == size)
        return part_store(c, va, bank, &a, v, size, how.order);
    if (mmu_resolve(c, va + first, size - first, ISA_WRITE, bank, &b))
        return 1;
    if (part_store(c, va, bank, &a, v, first, how.order))
        return 1;
    return part_store(c, va + first, bank, &b, (const u8 *)v + first, size - first, how.order);
}

int mmu_probe(struct cpu *c, gva_t va, u64 len, struct ir_mem how)
{
    unsigned bank = mmu_bank(c, how.mmu);
    struct mem_ref ref;
    gva_t last = va + (len - 1);

    if (len == 0)
        return 0;
    for (;;) {
        bool ends = (va ^ last) < MEM_PAGE_SIZE;
        u64 part = (ends ? last : va | (MEM_PAGE_SIZE - 1)) - va + 1;

        if (mmu_resolve(c, va, (unsigned)part, how.access, bank, &ref))
            return 1;
        if (ends)
            return 0;
        va += part;
    }
}
