/*
 * block.h - one decoded stretch of guest code, and how a tier hangs its own code on it.
 *
 * The code cache (cache.c) makes an eblock the first time a physical address is executed
 * under an isa key; all vCPUs share it. It never changes, but for the fields marked atomic.
 * The interpreter runs its decoded instructions, which are most of its memory: they are given
 * back when a tier has made host code, and decoded again when they are asked for. When a block has
 * run as often as the tier asks for, a longer one takes its place if there is one: EBLOCK_LONG
 * goes on behind a forward branch, and where a direct jump within the page leads.
 *
 * Life: found or made by code_find() → dead (its bytes were overwritten, or it was evicted)
 * → freed once every vCPU has passed a safe point and emptied its jump cache.
 *
 * How a tier plugs in (struct tier below). The run loop counts executions in `runs`; at
 * the tier's threshold it calls translate(), which may set host_entry. From then on the
 * run loop calls run() for the block. Code of a tier
 *   - begins with the pc slot (isa->pc_offset) holding the block's address, and leaves
 *     with it holding the address of the next instruction, except for RUN_FAULT;
 *   - at the entry of every block, the first included, checks that vcpu.exit_request is 0 and
 *     that ecpu.budget >= insn_count, and else leaves with RUN_JUMP, pc = that block;
 *   - subtracts from ecpu.budget what it retired, at every exit, where that is left in memory, and
 *     before whoever may look at it is called; between blocks
 *     retired = icount_base - budget. Inside a block vcpu.insn_index is added: it is set
 *     before helpers with IRH_COUNT or IRH_MEM and by the slow memory paths;
 *   - keeps ecpu.block and ecpu.block_pc true before anything that may fault or look at them;
 *   - returns an enum run_code; for RUN_FAULT budget counts the instructions before the
 *     faulting one in this block too, insn_index and block tell which it was.
 * It may go straight from block to block in two ways:
 *   - by probing ecpu.jumps->entry[jump_index(pc)]: when pc equals, `code` may be jumped to. It
 *     is a block's host_entry or what miss() returned. Behind it ecpu.far[jump_far_index(pc)]
 *     may be probed, for pc and far_when; what miss() returned must not come back to it. The engine
 * empties the jump cache whenever privilege, translation or mapping changes, but not when a block
 * dies: the tier makes the entry of that block's code lead to the way out in invalidate();
 *   - by a patched jump. A tier that leaves through an exit it would like to have patched
 *     sets ecpu.link to a pointer of its own choice; when the next block is found and
 *     has host code, the run loop calls link(ecpu.link, block) with the cache locked. The
 *     tier remembers the edge and undoes it in invalidate(block), also under the lock. Only
 *     edges within one guest page may be patched without a check of the fetch mapping.
 */
#ifndef ENGINE_CORE_BLOCK_H
#define ENGINE_CORE_BLOCK_H

#include "base/err.h"
#include "engine/core/cpu.h"
#include "isa/isa.h"

/* One instruction and what runs it: 48 bytes. */
struct einsn {
    isa_handler *run;
    struct isa_insn in;
};

enum {
    EBLOCK_MAX_INSNS = IR_BLOCK_MAX_INSNS,
    EBLOCK_MAX_BYTES = EBLOCK_MAX_INSNS * ISA_INSN_MAX_BYTES,
};

enum {
    EBLOCK_TWO_PAGES = 1 << 0, /* its one instruction lies in two pages: never in a jump cache */
    EBLOCK_SINGLE = 1 << 1,    /* of a page whose permissions are looked up for every instruction */
    EBLOCK_LONG = 1 << 2,      /* follows direct jumps and branches not taken, within the page */
};

#define EBLOCK_DECLINED UINT32_MAX /* eblock.runs: the tier does not want it */

/* A block's instructions decoded, then a mark that ends the interpreter's run. */
struct einsns {
    struct einsns *next; /* in a list of those to be freed */
    struct slab *slab;   /* insns.c: that it is a piece of */
    struct einsn at[];
};

struct code_page;

struct eblock {
    /* what the run loop reads */
    u8 dead;                  /* atomic: not to be entered any more */
    u8 used;                  /* atomic: looked up since the evictor came by */
    u8 insn_count;            /* 1..64 */
    u8 flags;                 /* EBLOCK_* */
    u32 runs;                 /* atomic: executions by the interpreter up to the tier's threshold */
    void *host_entry;         /* atomic: where the tier's code begins; NULL: none, or dead */
    const u8 *host;           /* borrows: guest RAM, its first byte; part of the key */
    u64 key;                  /* isa->block_key() it was decoded under */
    struct eblock *hash_next; /* atomic: of its chain; here for the look-up's one cache line */
    struct einsns *insns;     /* atomic; owns: NULL when given back, see eblock_insns() */

    void *tier;      /* atomic; owns: the tier's own record */
    u32 byte_count;  /* of its instructions */
    u8 queued;       /* atomic: the translator will come to it, or is at it */
    const u8 *host2; /* TWO_PAGES: start of the second page in guest RAM */
    const u8 *bytes; /* into this allocation: a copy of its instructions' bytes, in their order */
    const u8 *len;   /* into this allocation: of each instruction, bytes */
    u32 alloc_bytes; /* of this allocation */
    u32 host_bytes;  /* cache's lock: of host code, as translate() said */

    /* links of the cache; atomic or under its lock */
    struct eblock *page_next[2];        /* of each page's list of blocks */
    struct eblock **page_at[2];         /* what points at it in that list */
    struct code_page *page[2];          /* borrows: its pages; [1] only TWO_PAGES */
    struct eblock *age_prev, *age_next; /* evictor's list; NULL at its ends */

    s16 offset[]; /* of each instruction from the block's start, then of what follows */
};

/* A tier that makes host code of blocks. Static; state of one engine lives behind `self`. */
struct tier {
    const char *name; /* "base" */
    u32 threshold;    /* executions by the interpreter before translate() is called */
    /* cfg: outlives the tier. */
    int (*start)(struct engine *e, const struct engine_config *cfg, void **self, struct err *err);
    void (*stop)(void *self); /* every block has been freed */
    /* Makes host code and gives it to b by eblock_code_set(), under a lock that invalidate()
     * takes too. May do nothing: then b stays with the interpreter. On vCPU threads and the
     * translator's, cache not locked: two may come with one b, and b may die meanwhile. Host code
     * must not need b->insns: they go when it is there, unless in lock step. pc: where b was
     * found, for those who read about it. Returns the bytes of memory that b's host code takes
     * until release(); 0 when it made none. */
    u32 (*translate)(void *self, struct eblock *b, gva_t pc);
    /* Runs from b on, through any number of blocks. */
    int (*run)(struct ecpu *c, struct eblock *b);
    /* See above. NULL when the tier never sets ecpu.link. Cache locked; `to` is alive, the
     * block that site belongs to has not been released but may be dead. */
    void (*link)(void *self, void *site, struct eblock *to);
    /* Where a jump-cache hit goes that has no host code: out, with RUN_JUMP and the pc slot
     * set. NULL when the tier does not jump to jump_entry.code. */
    void *(*miss)(void *self);
    /* b is dead from now on: undo the edges that lead to it; whoever enters its code gets
     * out again at once, as by miss(). Cache locked. */
    void (*invalidate)(void *self, struct eblock *b);
    /* Nobody runs in b any more and it will be freed: give its host code back. */
    void (*release)(void *self, struct eblock *b);
    /* Gives memory that holds no host code back to the host. NULL: keeps it. vCPUs are paused. */
    void (*trim)(void *self);
};

/* The base tier of this build for this host; NULL when there is none. (tiers.c) */
const struct tier *tier_base(void);

/* The decoded instructions, which stay as long as the vCPU has not passed a safe point. NULL:
 * they were given back. */
static inline const struct einsn *eblock_decoded(const struct eblock *b)
{
    const struct einsns *insns = __atomic_load_n(&b->insns, __ATOMIC_ACQUIRE);

    return insns ? insns->at : NULL;
}

/* The same, decoded again if need be. Not under the cache's lock. (decode.c) */
const struct einsn *eblock_insns(struct ecpu *c, struct eblock *b);

/* The jump of instruction i leads to the next one of the block. insn: its decoded ones. */
static inline bool eblock_follows(const struct eblock *b, const struct einsn *insn, unsigned i)
{
    return insn[i].in.flags & ISA_INSN_JUMP && i + 1 < b->insn_count;
}

/* Where a block that nothing leaves goes on: bytes from its start. */
static inline s32 eblock_next(const struct eblock *b)
{
    return b->offset[b->insn_count];
}

static inline bool eblock_dead(const struct eblock *b)
{
    return __atomic_load_n(&b->dead, __ATOMIC_ACQUIRE) != 0;
}

static inline bool eblock_queued(const struct eblock *b)
{
    return __atomic_load_n(&b->queued, __ATOMIC_RELAXED) != 0;
}

static inline void *eblock_host_entry(const struct eblock *b)
{
    return __atomic_load_n(&b->host_entry, __ATOMIC_ACQUIRE);
}

/* For translate(): b has this record and is entered here from now on; if it died meanwhile it
 * gets the record alone, to be released with it. Either we see that b is dead, or who
 * kills it (code_block_kill) sees the record, waits in invalidate() until we are done, and then
 * takes the entry back: no jump cache keeps one to a dead block that was not invalidated. */
static inline void eblock_code_set(struct eblock *b, void *record, void *entry)
{
    __atomic_store_n(&b->tier, record, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!eblock_dead(b))
        __atomic_store_n(&b->host_entry, entry, __ATOMIC_RELEASE);
}

/* Drops a quarter of the code cache: for a tier whose own memory is full. It gets the memory
 * back by release(), later. Not under the cache's lock. */
void code_evict(struct engine *e);

/* Where pc lives in ecpu.jumps; shift = log2 of isa->insn_align. */
static inline unsigned jump_index(gva_t pc, unsigned shift)
{
    return (unsigned)(pc >> shift) & (JUMP_CACHE_ENTRIES - 1);
}

/* And in ecpu.far. Addresses that meet in the jump cache do not meet here. */
static inline unsigned jump_far_index(gva_t pc, unsigned shift)
{
    u32 x = (u32)pc >> shift;

    return (x ^ x >> JUMP_CACHE_BITS) & (JUMP_FAR_ENTRIES - 1);
}

#endif
