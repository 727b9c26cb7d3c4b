/*
 * atomic.c - read-modify-write, compare-and-swap, load-linked and store-conditional.
 *
 * They work on the host address of guest RAM with the host's own atomics, all sequentially
 * consistent. On devices they raise a bus fault, as a store would. A misaligned one that
 * stays within aligned 16 bytes is done on those; one that does not raises an
 * alignment fault.
 *
 * LL remembers where and what it read; SC succeeds when that is still there (compare and
 * swap). A value that changed and changed back is not noticed: no guest program is known
 * that can tell, and the exact scheme would cost every store.
 */
#include "engine/core/atomic16.h"
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"

/* Resolves for writing and checks that host atomics can do it. */
static int atomic_at(struct cpu *c, gva_t va, unsigned size, struct ir_mem how, struct mem_ref *ref)
{
    bool never = how.align == IR_ALIGN_NATURAL || (va & 15) + size > 16 ||
                 c->e.v.strict & (ISA_STRICT_ALL | ISA_STRICT_16);

    if (va & (size - 1) && never)
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_WRITE);
    if (mmu_resolve(c, va, size, ISA_WRITE, mmu_bank(c, how.mmu), ref))
        return 1;
    if (va & (size - 1) && ref->strict)
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_WRITE);
    if (!ref->host)
        return mmu_fault(c, ISA_FAULT_BUS, va, ISA_WRITE);
    return 0;
}

/* The same of an access that reads, too. */
static int rmw_at(struct cpu *c, gva_t va, unsigned size, struct ir_mem how, struct mem_ref *ref)
{
    struct vcpu *v = &c->e.v;

    if (!atomic_at(c, va, size, how, ref))
        return 0;
    if (v->isa->atomic_fault)
        v->isa->atomic_fault(v, va, size, c->context.bank[mmu_bank(c, how.mmu)], &v->fault);
    return 1;
}

static void atomic_done(struct cpu *c, gva_t va, struct ir_mem how, const struct mem_ref *ref,
                        unsigned size)
{
    if (ref->notify)
        mmu_stored(c, va, mmu_bank(c, how.mmu), ref, size);
}

/* The bytes [at, at + size) of a 16-byte value. */
static u128 lane_get(u128 word, unsigned at, unsigned size)
{
    return size == 16 ? word : word >> 8 * at & (((u128)1 << 8 * size) - 1);
}

static u128 lane_put(u128 word, unsigned at, unsigned size, u128 v)
{
    u128 mask = size == 16 ? ~(u128)0 : (((u128)1 << 8 * size) - 1) << 8 * at;

    return (word & ~mask) | (v << 8 * at & mask);
}

/* Compare and swap of any size and of any place within aligned 16 bytes. old: what was there. */
static bool host_cas(u8 *p, u128 expected, u128 want, unsigned size, u128 *old)
{
    unsigned at = (unsigned)(uintptr_t)p & 15;
    u128 *line = (u128 *)(void *)(p - at);
    bool done;

#define CAS_CASE(n)                                                                                \
    case n / 8: {                                                                                  \
        u##n e = (u##n)expected;                                                                   \
        done = __atomic_compare_exchange_n((u##n *)(void *)p, &e, (u##n)want, false,               \
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                    \
        *old = e;                                                                                  \
        return done;                                                                               \
    }
    if (at % size == 0) {
        switch (size) {
            CAS_CASE(8)
            CAS_CASE(16)
            CAS_CASE(32)
            CAS_CASE(64)
        }
    }
#undef CAS_CASE
    for (;;) {
        u128 now = atomic16_load(line), seen = now;

        *old = lane_get(now, at, size);
        if (*old != expected)
            return false;
        if (atomic16_cas(line, &seen, lane_put(now, at, size, want)))
            return true;
    }
}

static u128 host_load(const u8 *p, unsigned size)
{
    unsigned at = (unsigned)(uintptr_t)p & 15;

    if (at % size == 0) {
        switch (size) {
        case 1: return __atomic_load_n(p, __ATOMIC_SEQ_CST);
        case 2: return __atomic_load_n((const u16 *)(const void *)p, __ATOMIC_SEQ_CST);
        case 4: return __atomic_load_n((const u32 *)(const void *)p, __ATOMIC_SEQ_CST);
        case 8: return __atomic_load_n((const u64 *)(const void *)p, __ATOMIC_SEQ_CST);
        }
    }
    return lane_get(atomic16_load((u128 *)(uintptr_t)(p - at)), at, size);
}

static u128 value_get(const void *v, unsigned size)
{
    u128 out = 0;

    memcpy(&out, v, size);
    return out;
}

static s128 value_sext(u128 v, unsigned size)
{
    unsigned up = 128 - 8 * size;

    return (s128)(v << up) >> up;
}

u128 mmu_rmw_value(enum ir_rmw f, u128 a, u128 b, unsigned size)
{
    bool less_s = value_sext(a, size) < value_sext(b, size);

    switch (f) {
    case IR_RMW_XCHG: return b;
    case IR_RMW_ADD: return a + b;
    case IR_RMW_AND: return a & b;
    case IR_RMW_OR: return a | b;
    case IR_RMW_XOR: return a ^ b;
    case IR_RMW_MINU: return a < b ? a : b;
    case IR_RMW_MAXU: return a < b ? b : a;
    case IR_RMW_MINS: return less_s ? a : b;
    case IR_RMW_MAXS: return less_s ? b : a;
    }
    BUG("unknown read-modify-write");
}

/* The common ones without a loop: aligned 4 and 8 bytes. */
static bool rmw_direct(enum ir_rmw f, u8 *p, u128 b, unsigned size, u128 *old)
{
#define RMW_CASES(n)                                                                               \
    switch (f) {                                                                                   \
    case IR_RMW_XCHG:                                                                              \
        *old = __atomic_exchange_n((u##n *)(void *)p, (u##n)b, __ATOMIC_SEQ_CST);                  \
        return true;                                                                               \
    case IR_RMW_ADD:                                                                               \
        *old = __atomic_fetch_add((u##n *)(void *)p, (u##n)b, __ATOMIC_SEQ_CST);                   \
        return true;                                                                               \
    case IR_RMW_AND:                                                                               \
        *old = __atomic_fetch_and((u##n *)(void *)p, (u##n)b, __ATOMIC_SEQ_CST);                   \
        return true;                                                                               \
    case IR_RMW_OR:                                                                                \
        *old = __atomic_fetch_or((u##n *)(void *)p, (u##n)b, __ATOMIC_SEQ_CST);                    \
        return true;                                                                               \
    case IR_RMW_XOR:                                                                               \
        *old = __atomic_fetch_xor((u##n *)(void *)p, (u##n)b, __ATOMIC_SEQ_CST);                   \
        return true;                                                                               \
    default: return false;                                                                         \
    }
    if ((uintptr_t)p % size != 0)
        return false;
    if (size == 4)
        RMW_CASES(32)
    if (size == 8)
        RMW_CASES(64)
#undef RMW_CASES
    return false;
}

int mmu_rmw(struct cpu *c, gva_t va, enum ir_rmw f, const void *operand, void *out, unsigned size,
            struct ir_mem how)
{
    u128 b = value_get(operand, size), old, seen;
    struct mem_ref ref;

    if (rmw_at(c, va, size, how, &ref))
        return 1;
    if (!rmw_direct(f, ref.host, b, size, &old)) {
        old = host_load(ref.host, size);
        while (!host_cas(ref.host, old, mmu_rmw_value(f, old, b, size), size, &seen))
            old = seen;
    }
    memcpy(out, &old, size);
    atomic_done(c, va, how, &ref, size);
    return 0;
}

int mmu_cas(struct cpu *c, gva_t va, const void *expected, const void *want, void *out,
            unsigned size, struct ir_mem how)
{
    struct mem_ref ref;
    u128 old;

    if (rmw_at(c, va, size, how, &ref))
        return 1;
    if (host_cas(ref.host, value_get(expected, size), value_get(want, size), size, &old))
        atomic_done(c, va, how, &ref, size);
    memcpy(out, &old, size);
    return 0;
}

int mmu_ll(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how)
{
    struct mem_ref ref;
    u128 value;

    mmu_clrex(c);
    if (va & (size - 1))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_READ);
    if (mmu_resolve(c, va, size, ISA_READ, mmu_bank(c, how.mmu), &ref))
        return 1;
    if (!ref.host)
        return mmu_fault(c, ISA_FAULT_BUS, va, ISA_READ);
    value = host_load(ref.host, size);
    memcpy(out, &value, size);
    c->e.reserve_addr = (u64)(uintptr_t)ref.host + 1;
    c->e.reserve_lo = (u64)value;
    c->e.reserve_hi = (u64)(value >> 64);
    c->e.reserve_size = size;
    return 0;
}

int mmu_sc(struct cpu *c, gva_t va, const void *value, unsigned size, struct ir_mem how, bool *done)
{
    struct mem_ref ref;
    u128 old;

    *done = false;
    if (va & (size - 1))
        return mmu_fault(c, ISA_FAULT_ALIGN, va, ISA_WRITE);
    if (atomic_at(c, va, size, how, &ref))
        return 1;
    if (c->e.reserve_addr == (u64)(uintptr_t)ref.host + 1 && c->e.reserve_size == size)
        *done = host_cas(ref.host, (u128)c->e.reserve_hi << 64 | c->e.reserve_lo,
                         value_get(value, size), size, &old);
    mmu_clrex(c);
    if (*done)
        atomic_done(c, va, how, &ref, size);
    return 0;
}

bool mmu_reserved(const struct cpu *c)
{
    unsigned size = (unsigned)c->e.reserve_size;
    u128 was = (u128)c->e.reserve_hi << 64 | c->e.reserve_lo;

    return c->e.reserve_addr && host_load((const u8 *)(uintptr_t)(c->e.reserve_addr - 1), size) ==
                                    lane_get(was, 0, size);
}

void mmu_clrex(struct cpu *c)
{
    c->e.reserve_addr = 0;
}
