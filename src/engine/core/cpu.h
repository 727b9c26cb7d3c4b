/*
 * cpu.h - the engine's half of a vCPU: what generated code and the tiers touch.
 *
 * One allocation: struct ecpu (begins with the public struct vcpu), the guest's state
 * at VCPU_STATE_OFF, the TLB banks behind it. Base tier code addresses all of it from
 * one register. Only the owning thread writes it, but for the fields marked atomic.
 */
#ifndef ENGINE_CORE_CPU_H
#define ENGINE_CORE_CPU_H

#include "engine/core/engine.h"
#include "isa/isa.h"

enum {
    TLB_BITS = 14, /* entries of one table: 16384; direct mapped */
    TLB_ENTRIES = 1 << TLB_BITS,
    TLB_PAGE_SHIFT = 12,
    TLB_ENTRY_SHIFT = 4, /* log2 of an entry's size */
    TLB_VICTIMS = 4,
    JUMP_CACHE_BITS = 14, /* docs/design/0007-blocks.md says why */
    JUMP_CACHE_ENTRIES = 1 << JUMP_CACHE_BITS,
    JUMP_FAR_BITS = 15,
    JUMP_FAR_ENTRIES = 1 << JUMP_FAR_BITS,
    TIER_SPILLS = 64,
    TIER_STREAMS = 8,
};

/* A translation that the fast path may use. tag is the page's virtual address; any low
 * bit set never matches, so flags there force the slow path. addend = host - virtual. */
struct tlb_entry {
    u64 tag;
    u64 addend;
};
#define TLB_EMPTY  1ull
#define TLB_NOTIFY 2ull /* a good translation, but stores must be reported: code, dirty log */
#define TLB_CHECK  8ull /* a good translation, but every access is looked at (check.c) */
#define TLB_STRICT 16ull /* a good translation for what is aligned */
#define TLB_IO     4ull /* a device: addend = guest-physical - virtual */

/* Separate tables, so that a permission is "present or not". Withheld: write entries
 * of pages with code or under dirty log, all entries of device pages. */
struct tlb_bank {
    struct tlb_entry entry[ISA_ACCESS_COUNT][TLB_ENTRIES]; /* by enum isa_access */
};

struct eblock; /* one translated block: code cache's */

struct jump_entry {
    gva_t pc;   /* tag; an empty entry has one that belongs to another entry */
    void *code; /* host code of that block, or the tier's way out */
};

/* By jump_index(). block[i] belongs to entry[i]. */
struct jump_cache {
    struct jump_entry entry[JUMP_CACHE_ENTRIES];
    struct eblock *block[JUMP_CACHE_ENTRIES];
};

/* What the jump caches of all modes have no room for: by jump_far_index(), good while `when` is
 * ecpu.far_when. So a mode is emptied by giving it another number. 32 bytes. */
#define FAR_NOTHING UINT64_MAX
struct jump_far {
    gva_t pc;
    u64 when;   /* 0: empty */
    void *code; /* host code of that block, which has some */
    struct eblock *block;
};

struct ecpu {
    struct vcpu v;                       /* first: the public part */
    struct engine *engine;               /* borrows (outlives) */
    struct tlb_bank *bind[IR_MMU_COUNT]; /* borrows: into banks, or fetches' own */
    struct tlb_bank *banks;              /* context_places() of them, in this allocation */
    s64 budget;                          /* instructions left before something is due */
    u64 icount_base;                     /* retired = icount_base - budget (+ within block) */
    gva_t block_pc;                      /* virtual address of the running block's start */
    struct eblock *block;                /* the running block */
    /* LL/SC: host address + 1 (0: none), what was read there (hi: of 16 bytes), bytes read. */
    u64 reserve_addr, reserve_lo, reserve_hi, reserve_size;
    u64 io_accesses, slow_accesses, tlb_refills; /* statistics */
    struct jump_cache *jumps;    /* borrows: the present mode's, in this allocation */
    struct jump_far *far;        /* borrows: in this allocation */
    u64 far_when;                /* of the present mode; or FAR_NOTHING is good */
    void *link;                  /* tier: the exit it wants patched, see block.h */
    u32 jump_shift;              /* jump_index()'s */
    void *tier_self;             /* tier: what its start() made */
    u64 tier_value;              /* tier: a value on its way through a slow path */
    u64 tier_expect;             /* tier: the same, what a CAS expects */
    u32 fp_host, fp_guest;       /* tier: MXCSR of C code; the guest's as loaded, no flags */
    u32 fp_tmp;                  /* tier: MXCSR on its way */
    u8 fp_live;                  /* tier: MXCSR is the guest's, see base/host_fp.h */
    u64 fp_arg[3];               /* tier: operands of an operation done by software */
    u64 fp_vector[3][2];         /* tier: the same, vectors */
    u64 tier_spill[TIER_SPILLS]; /* tier: values that found no host register */
    struct tier_stream {
        u64 bound, page;
    } tier_stream[TIER_STREAMS]; /* tier: base/host_plan_stream.c */
    /* more private fields follow in core/: see cpu_private.h */
};

static inline struct ecpu *ecpu_of(struct vcpu *c)
{
    return (struct ecpu *)c; /* v is the first member */
}

/* What an interpreter handler, and a translated block, return. */
enum run_code {
    RUN_NEXT = 0, /* handler only: go on with the next instruction */
    RUN_JUMP,     /* the pc slot is set; look up the next block */
    RUN_FAULT,    /* c->fault is pending; pc of the instruction = block_pc + insn's offset;
                     insn_index tells which instruction it was */
    RUN_LOOKUP,   /* ENDBLOCK: the pc slot is set; modes may have changed */
};

/* Slow paths of memory operations: TLB miss, page crossing, device, code page, fault.
 * in: the running instruction (its index becomes insn_index; NULL: that is set). Return 0, or
 * nonzero with c->fault pending. size: 1, 2, 4, 8, 16; v points to that many bytes, little-endian.
 */
int cpu_load_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, void *v, unsigned size,
                  struct ir_mem how);
int cpu_store_slow(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v,
                   unsigned size, struct ir_mem how);
/* Host minus guest address of the page of va if the fast path may use it for the access from now
 * on; 0 when it may not, or when that would fault. Raises nothing. */
u64 cpu_page(struct vcpu *c, gva_t va, enum isa_access access);
int cpu_probe(struct vcpu *c, const struct isa_insn *in, gva_t va, u64 len, struct ir_mem how);
/* Atomics: *old is what was there. rmw: v is the operand. Sizes 1..16. Handlers always come here;
 * a tier may do in place what atomic.c does to RAM that the fast path may use. */
int cpu_rmw(struct vcpu *c, const struct isa_insn *in, gva_t va, enum ir_rmw f, const void *v,
            void *old, unsigned size, struct ir_mem how);
int cpu_cas(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *expected,
            const void *want, void *old, unsigned size, struct ir_mem how);
int cpu_ll(struct vcpu *c, const struct isa_insn *in, gva_t va, void *v, unsigned size,
           struct ir_mem how);
int cpu_sc(struct vcpu *c, const struct isa_insn *in, gva_t va, const void *v, unsigned size,
           struct ir_mem how, bool *done);
void cpu_clrex(struct vcpu *c);

#endif
