/*
 * runtime.h - what generated interpreter handlers are made of.
 *
 * Only the output of semgen includes it. A handler takes its operands from the decoded
 * instruction and guest state, and returns enum run_code.
 */
#ifndef ENGINE_INTERP_RUNTIME_H
#define ENGINE_INTERP_RUNTIME_H

#include "engine/core/cpu.h"
#include "ir/calc.h"
#include "ir/fp.h"

/* --- guest state and host memory: unaligned, of any type --- */

#define RT_ACCESS(w)                                                                               \
    typedef u##w __attribute__((may_alias, aligned(1))) rt_u##w;                                   \
    static inline u##w rt_get##w(const void *p)                                                    \
    {                                                                                              \
        return *(const rt_u##w *)p;                                                                \
    }                                                                                              \
    static inline void rt_set##w(void *p, u##w v)                                                  \
    {                                                                                              \
        *(rt_u##w *)p = v;                                                                         \
    }
RT_ACCESS(8)
RT_ACCESS(16)
RT_ACCESS(32)
RT_ACCESS(64)
RT_ACCESS(128)
#undef RT_ACCESS

/* --- guest memory --- */

/* Guest RAM is changed by other CPUs and by devices meanwhile: where a guest races, plain accesses
 * are races by C's rules too. They are used all the same, one instruction of the host each, since
 * atomics of C want alignment; ThreadSanitizer, which sees no tearing on x86, is given relaxed
 * ones. This is the one place: all other code uses the atomics of engine/core/softmmu.c and
 * atomic.c. */
#ifdef __SANITIZE_THREAD__
#define RT_RAM_GET(w, p)    __atomic_load_n((const u##w *)(p), __ATOMIC_RELAXED)
#define RT_RAM_SET(w, p, v) __atomic_store_n((u##w *)(p), v, __ATOMIC_RELAXED)
#else
#define RT_RAM_GET(w, p)    rt_get##w(p)
#define RT_RAM_SET(w, p, v) rt_set##w(p, v)
#endif

/* What an access must find as its page's tag. An access that leaves the page or breaks its
 * alignment rule gets a number that no entry at this index has. size, align: constants. */
static inline u64 rt_tag(gva_t va, unsigned size, unsigned align)
{
    const u64 page = ~0ull << TLB_PAGE_SHIFT;

    if (align != IR_ALIGN_ANY) /* the slow half knows what IR_ALIGN_16 allows besides */
        return va & (page | (size - 1));
    return (va + (size - 1)) & page;
}

static inline const struct tlb_entry *rt_entry(struct vcpu *c, gva_t va, unsigned mmu,
                                               enum isa_access access)
{
    return &ecpu_of(c)->bind[mmu]->entry[access][va >> TLB_PAGE_SHIFT & (TLB_ENTRIES - 1)];
}

/* Ordered accesses are rare in an interpreter's day: a fence each is enough. */
static inline void rt_order_load(unsigned order)
{
    if (order != IR_RELAXED)
        __atomic_thread_fence(order == IR_SEQ_CST ? __ATOMIC_SEQ_CST : __ATOMIC_ACQUIRE);
}

static inline void rt_order_store(unsigned order)
{
    if (order != IR_RELAXED)
        __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void rt_order_stored(unsigned order)
{
    if (order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The fast half of an access: false when the slow half must do it, with nothing done.
 * The slow half is cpu_load_slow and cpu_store_slow. */
#define RT_MEMORY(w)                                                                               \
    static inline bool rt_load##w(struct vcpu *c, gva_t va, u##w *out, struct ir_mem how)          \
    {                                                                                              \
        const struct tlb_entry *e = rt_entry(c, va, how.mmu, ISA_READ);                            \
        if (unlikely(e->tag != rt_tag(va, (w) / 8, how.align)))                                    \
            return false;                                                                          \
        *out = RT_RAM_GET(w, (const void *)(uintptr_t)(va + e->addend));                               \
        rt_order_load(how.order);                                                                  \
        return true;                                                                               \
    }                                                                                              \
    static inline bool rt_store##w(struct vcpu *c, gva_t va, u##w v, struct ir_mem how)            \
    {                                                                                              \
        const struct tlb_entry *e = rt_entry(c, va, how.mmu, ISA_WRITE);                           \
        if (unlikely(e->tag != rt_tag(va, (w) / 8, how.align)))                                    \
            return false;                                                                          \
        rt_order_store(how.order);                                                                 \
        RT_RAM_SET(w, (void *)(uintptr_t)(va + e->addend), v);                                         \
        rt_order_stored(how.order);                                                                \
        return true;                                                                               \
    }
RT_MEMORY(8)
RT_MEMORY(16)
RT_MEMORY(32)
RT_MEMORY(64)
RT_MEMORY(128)
#undef RT_MEMORY

/* A handler whose first effect is a load or store is compiled twice: without slow halves,
 * where a miss starts over, by a tail call, in its twin; and the twin, without fast halves.
 * So the common path saves no registers. */
#define RT_BODY static inline __attribute__((always_inline)) int
#define RT_TWIN static __attribute__((cold, noinline)) int

/* fence: IR_FENCE_* bits. Only store-load needs more than acquire and release. */
static inline void rt_fence(unsigned fence)
{
    __atomic_thread_fence(fence & IR_FENCE_SL ? __ATOMIC_SEQ_CST : __ATOMIC_ACQ_REL);
}

/* --- leaving a handler --- */

static inline u64 rt_pc(struct vcpu *c, const struct isa_insn *in)
{
    return ecpu_of(c)->block_pc + in->offset;
}

static inline u64 rt_next_pc(struct vcpu *c, const struct isa_insn *in)
{
    return ecpu_of(c)->block_pc + in->offset + in->len;
}

static inline int rt_raise(struct vcpu *c, const struct isa_insn *in, u32 cause, u64 value)
{
    vcpu_raise(c, cause, value);
    c->insn_index = in->index;
    return RUN_FAULT;
}

/* --- floating point of the formats that have no fast functions --- */

static inline fp_bits rt_bits(u128 v)
{
    return (fp_bits){ (u64)v, (u64)(v >> 64) };
}

static inline u128 rt_value(fp_bits b)
{
    return (u128)b.hi << 64 | b.lo;
}

/* b with bits [at, at + n) of into replaced. n < 128. */
static inline u128 rt_deposit(u128 into, u128 b, unsigned at, unsigned n)
{
    u128 mask = (n < 128 ? ((u128)1 << n) - 1 : ~(u128)0) << at;

    return (into & ~mask) | (b << at & mask);
}

#endif
