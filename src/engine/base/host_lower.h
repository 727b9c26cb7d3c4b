/*
 * host_lower.h - one block of IR to x86-64 code, in one pass.
 *
 * Operations with a row in lower.c's table become host instructions. An instruction that
 * has any other operation is done whole by calling its interpreter handler: so every
 * guest runs from the first day, and rows are added where a profile shows the need.
 */
#ifndef ENGINE_BASE_HOST_LOWER_H
#define ENGINE_BASE_HOST_LOWER_H

#include "engine/base/host_values.h"
#include "engine/core/block.h"
#include "isa/isa.h"

/* Shared code that blocks call or jump to; addresses as executed. See thunks.h. */
struct lower_thunks {
    const u8 *load[2][4], *store[2][4]; /* xmm registers kept; by log2 of the size */
    const u8 *page[2];                  /* the same */
    const u8 *atomic[2];                /* the same */
    const u8 *raise;
    const u8 *fp_load, *fp_drop, *fp_slow, *fp_vector, *finish;
    const u8 *leave; /* eax: enum run_code */
    const u8 *out;   /* REG_PC is set: leaves with RUN_JUMP */
    const u8 *miss;  /* the same, but goes on where ecpu.far says, if it does */
    const u8 *link;  /* the same, from an edge that is not linked; rax: its site */
    unsigned jump_shift;
};

/* A place in a block: its address, and the index of an instruction or, in ecpu.link, of an edge
 * from this bit on. (User addresses
 * end below it, with five levels of page tables too.) */
enum { LOWER_SITE_INDEX = 56 };

static inline struct eblock *lower_site_block(u64 site)
{
    return (struct eblock *)(uintptr_t)(site & ((1ull << LOWER_SITE_INDEX) - 1));
}

static inline unsigned lower_site_index(u64 site)
{
    return (unsigned)(site >> LOWER_SITE_INDEX);
}

/* What the atomic thunk does, in ir_mem.access: an enum ir_rmw or one of these, and from bit
 * ATOMIC_SIZE on the log2 of the size; of a probe the enum isa_access. */
enum { ATOMIC_CAS = IR_RMW_MAXS + 1, ATOMIC_LL, ATOMIC_SC, ATOMIC_PROBE, ATOMIC_SIZE = 4 };

/* A jump out of the block to a fixed place, which can be pointed at another block. */
struct lower_edge {
    u32 where;    /* of its 4-byte displacement, 4-byte aligned, from the code's start */
    u32 stub;     /* what it points to while unlinked */
    s32 offset;   /* of the target from the block's start, in guest bytes */
    bool in_cold; /* where, while lower_block() runs, counts from the cold part's start */
};
enum { LOWER_EDGES = EBLOCK_MAX_INSNS + 2, LOWER_FIXUPS = 1024 };

/* A displacement that crosses between the two parts, or leaves the block. */
struct lower_fixup {
    u32 at; /* offset in its part */
    bool in_cold;
    enum { FIX_HOT, FIX_COLD, FIX_ABSOLUTE } to;
    u64 target; /* offset in the part, or address */
};

/* A buffer for the code of one block; reused. */
enum lower_access_kind { ACCESS_ALONE, ACCESS_FIRST, ACCESS_NEXT };

/* A plain load or store, and those after it that one check serves: host_plan_mem.c. */
struct lower_access {
    u32 root;      /* the value that its address is a constant away from: */
    s32 offset;    /* address - root; for any i64 operation */
    s32 low, high; /* FIRST: bytes [root + low, root + high) are accessed */
    u32 first;     /* NEXT: the one that checked */
    u8 kind;       /* enum lower_access_kind */
    u8 stream;     /* its number + 1 in a loop; 0: none. See host_plan_stream.c */
};

/* What an i1 value says of comparisons by the host: host_plan_cond.c. */
enum lower_cond_of {
    COND_NONE,
    COND_CONST, /* cc: 0 or 1 */
    COND_SUB,   /* the flags of a - b, */
    COND_ADD,   /* of a + b, */
    COND_LOGIC, /* of a, as logical operations leave them */
};
struct lower_test {
    u8 of, cc; /* enum lower_cond_of, enum x86_cond */
    u32 a, b;  /* values */
};
struct lower_cond {
    struct lower_test is;
    struct lower_test when; /* of COND_NONE: always. Where it is false, it is not that but */
    bool otherwise;
    u32 until; /* PLAN_LAZY: the operation by which it has to be there */
};

/* Of one comparison? The conditions may be two. */
static inline bool lower_test_same(const struct lower_test *x, const struct lower_test *y)
{
    return x->of == y->of && x->a == y->a && x->b == y->b;
}

/* The same, and where one is not itself but `otherwise`, so is the other. */
static inline bool lower_cond_same(const struct lower_cond *x, const struct lower_cond *y)
{
    return lower_test_same(&x->is, &y->is) && lower_test_same(&x->when, &y->when) &&
           (x->when.of == COND_NONE || x->when.cc == y->when.cc);
}

struct lower_room {
    u8 hot[24 * 1024], cold[48 * 1024];
    struct val values[IR_BLOCK_MAX_OPS];
    struct lower_access access[IR_BLOCK_MAX_OPS]; /* by operation */
    struct lower_cond cond[IR_BLOCK_MAX_OPS];     /* the same */
    struct lower_fixup fixups[LOWER_FIXUPS];
};

struct lower_job {
    /* in */
    const struct ir_block *ir;
    const struct isa *isa;
    struct eblock *block;     /* and what exits hand to the engine */
    const struct einsn *insn; /* of the block */
    const struct lower_thunks *thunks;
    struct lower_room *room;
    bool has_bit_counts; /* the host has LZCNT, TZCNT and POPCNT */
    bool has_fma;        /* FMA3 */
    bool has_vectors;    /* SSE4.2 */
    bool has_avx;
    bool has_avx2;
    bool has_sha;   /* the SHA extensions */
    bool has_round; /* SSE4.1's ROUNDSD */
    u32 opts_off;   /* engine_config.opts_off */
    /* out */
    u32 hot_size, cold_size; /* the code is hot, then cold, one after the other */
    u32 fixup_count;
    struct lower_edge edges[LOWER_EDGES];
    unsigned edge_count;
    bool loops;         /* it may run several times before it is left */
    u32 native, called; /* instructions done in place, and by their handler */
};

/* Fills lower_job's has_*: what this host has. */
void lower_ask_host(struct lower_job *job);

/* May the tier do this? */
static inline bool lower_may(const struct lower_job *job, enum engine_opt opt)
{
    return !(job->opts_off >> opt & 1);
}

/* False when there is no room or the block is too hard for this tier. */
bool lower_block(struct lower_job *job);

/* Copies the code to `rw`, where it will be executed as `rx`; both 64-byte aligned, with
 * room for hot_size + cold_size bytes. */
void lower_place(const struct lower_job *job, u8 *rw, const u8 *rx);

#endif
