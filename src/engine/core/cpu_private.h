/*
 * cpu_private.h - what the files of engine/core/ share: a vCPU whole, the engine.
 *
 * Threads. A worker is a host thread that runs one vCPU (deterministic mode: all of them).
 * It owns its vCPUs; others reach them by request bits and vcpu.exit_request. Locks, outer
 * before inner: engine.code.lock → engine.lock or translator.lock. No callback into the machine is
 * made under any, but for the clock.
 */
#ifndef ENGINE_CORE_CPU_PRIVATE_H
#define ENGINE_CORE_CPU_PRIVATE_H

#include "engine/core/block.h"
#include "engine/core/code_hash.h"
#include "engine/core/cpu.h"
#include "engine/core/engine.h"
#include "engine/core/insns.h"
#include "engine/core/translator.h"
#include "host/map.h"
#include "host/thread.h"

#define NS_NEVER UINT64_MAX

/* --- TLB: what the slow path knows about entries --- */

enum { TLB_LARGE_SPANS = 8, TLB_NOTE_GLOBAL = 0x80 };

struct tlb_victim {
    struct tlb_entry e;
    u8 note;
};

/* Where entries of leaves over 4 KiB were filled from: a flush of a page in one of these
 * ranges must look for entries of the same leaf. A filter: they may cover more. */
struct tlb_spans {
    struct {
        gva_t first, last;
    } at[TLB_LARGE_SPANS];
    unsigned count;
};

/* Pages of RAM, by host address modulo: a bit is set if a write entry may lead there. */
enum { TLB_WRITTEN_BITS = 1 << 15 };

/* A flush looks at the cache lines of a table that were filled since it was last emptied: a bit for
 * each. The three tables are 768 KiB, and a kernel may flush 1000 times a second.
 */
enum {
    LINE_BYTES = 64,
    TLB_LINE = LINE_BYTES >> TLB_ENTRY_SHIFT,
    TLB_LINES = TLB_ENTRIES / TLB_LINE
};

struct tlb_side {
    u64 filled[ISA_ACCESS_COUNT][TLB_LINES / 64];
    bool ready;                             /* its tables are there, if empty: mmu_place_use() */
    bool used;                              /* filled since it was last emptied */
    bool local;                             /* the same, with something not global */
    u8 note[ISA_ACCESS_COUNT][TLB_ENTRIES]; /* log2 of the leaf's size | GLOBAL */
    struct tlb_victim victim[ISA_ACCESS_COUNT][TLB_VICTIMS];
    u8 victim_next[ISA_ACCESS_COUNT];
    struct tlb_spans large[ISA_ACCESS_COUNT];
};

/* --- jump caches: one for each mode (isa key, place of the fetch bank) lately used --- */

enum {
    JUMP_MODES = 8,
    JUMP_PAGE_BITS = 4096,
    JUMP_LINE = LINE_BYTES / sizeof(struct jump_entry),
    JUMP_LINES = JUMP_CACHE_ENTRIES / JUMP_LINE,
};

struct jump_mode {
    u64 key;
    unsigned place; /* of the fetch bank */
    bool valid;     /* key and place mean something */
    bool used;      /* holds entries */
    u64 last_use;
    u64 when;                       /* its entries' in ecpu.far */
    u64 pages[JUMP_PAGE_BITS / 64]; /* bit = page number mod 4096: may hold entries of it */
    u64 lines[JUMP_LINES / 64];     /* bit = line of cache.entry: may hold some */
    struct jump_cache cache;
};

/* --- address spaces: context.c --- */

enum { MMU_CONTEXTS = 4, MMU_PLACES = 64 };

struct contexts {
    u64 id[MMU_CONTEXTS], last_use[MMU_CONTEXTS], clock;
    bool valid[MMU_CONTEXTS];
    u8 place[16];           /* of each bank now: index in ecpu.banks and cpu.side */
    u8 bank[MMU_PLACES];    /* that lives in a place */
    u8 bound[IR_MMU_COUNT]; /* the bank of each regime */
};

struct cpu;
/* How many places the banks of a vCPU take: at most MMU_PLACES. */
unsigned context_places(const struct isa *isa);
void context_init(struct cpu *c);
void context_bind(struct cpu *c, unsigned mmu, unsigned bank);
void context_switch(struct cpu *c, u64 id);

/* --- a vCPU --- */

enum {
    REQ_TLB = 1 << 0,  /* the memory map changed */
    REQ_CODE = 1 << 1, /* pages became code: look at code_cache.marks */
    REQ_CALL = 1 << 2, /* engine.calls has something for it */
    REQ_WAKE = 1 << 3, /* wake_prepare is set */
};

struct cpu {
    struct ecpu e;         /* first */
    struct host_map map;   /* owns: the memory of all this */
    struct worker *worker; /* borrows */
    u64 *pc;               /* the pc slot in guest state */
    struct tlb_side *side; /* context_places() of them, in this allocation */
    u64 *written;          /* TLB_WRITTEN_BITS, in this allocation */
    struct contexts context;
    struct jump_mode *modes, *mode; /* JUMP_MODES of them, in this allocation; the present one */
    u64 mode_clock, far_clock;
    u64 far_safe; /* a block in ecpu.far may be looked at if the entry's `when` is not below */

    u32 requests;   /* atomic: REQ_* */
    u64 quiescent;  /* atomic: 0 not running, else the epoch it has seen */
    u64 emptied;    /* epoch for which the jump caches were emptied */
    u64 marks_seen; /* atomic: of code_cache.mark_count */

    struct mem_span span; /* last RAM found: start..start+size, else kind NOTHING */

    ns_t deadline;    /* of isa.timer_expired; engine.lock when threaded */
    bool self_timed;  /* engine.lock: it waits for the deadline itself */
    bool timer_fired; /* atomic, set with engine.lock: the timer thread has told it */
    void (*wake_prepare)(struct vcpu *c, void *arg); /* engine.lock */
    void *wake_arg;

    struct check *check; /* owns; lock-step checking, see check.h; NULL: off */
    u64 stop_at;         /* retire so many, then pause; UINT64_MAX: never */
    ns_t det_time;       /* deterministic: guest time when det_count had retired */
    u64 det_count;

    u64 looked_at;  /* relax.c: retired at the last look */
    unsigned looks; /* at what it waits for now */

    u64 exits_jump, exits_irq, exits_fault, exits_request, run_ns; /* statistics */
    u64 blocks, insns, decoded_again, decode_ns;                   /* of what was decoded */
    struct translations made;
    u64 yields;
};
_Static_assert(sizeof(struct cpu) <= VCPU_STATE_OFF, "engine part of a vCPU overruns its room");
_Static_assert(offsetof(struct ecpu, v) == 0 && offsetof(struct cpu, e) == 0, "one pointer");

static inline struct cpu *cpu_of(struct vcpu *c)
{
    return (struct cpu *)c;
}

/* --- the code cache --- */

enum { CODE_MAX_RAMS = 32, CODE_MARKS = 64 };

/* A guest page with code in it. Lives as long as the engine. */
struct code_page {
    u64 granules;          /* atomic: bit = 64 bytes that blocks were decoded from */
    struct eblock *blocks; /* lock */
    u8 *flags;             /* the page's MEM_PAGE_* */
    u64 unsettled;         /* lock: mark after which stores are all reported; 0: they are */
    struct code_page *unsettled_next;
    struct code_page *all_next; /* of its RAM */
};

struct code_ram {
    struct code_cache *cache;
    struct mem_ram *ram;
    struct host_map map;
    struct code_page **pages; /* atomic members, one a page, made when needed */
    struct code_page *all;    /* owns: those that were made */
};

struct code_cache {
    struct engine *e;
    struct host_mutex lock;
    struct insns_heap insns;              /* owns: where einsns come from */
    struct code_hash hash;                /* owns; lock, but for look-ups */
    struct code_ram *rams[CODE_MAX_RAMS]; /* owns; atomic, filled from 0 */
    struct eblock *oldest, *newest;       /* lock: all live blocks, by age_next and age_prev */
    u64 bytes, budget;                    /* of live blocks, host code included */
    u64 insns_held;                       /* decoded instructions of live blocks */
    u64 epoch;                            /* atomic, from 1: see cpu_safe_point */
    struct eblock *garbage, *batch;       /* dead; dead and waiting for batch_epoch */
    struct einsns *garbage_insns, *batch_insns; /* given back; the same */
    u64 garbage_bytes, batch_epoch;
    u64 mark_count;              /* atomic: pages that became code */
    const u8 *marks[CODE_MARKS]; /* lock: the last ones, by number mod CODE_MARKS */
    struct code_page *unsettled; /* lock; its head atomic */
    u64 evictions, smc;          /* atomic statistics */
    u64 block_number;            /* atomic: of the next block that a tier may translate */
};

int code_init(struct code_cache *cache, struct engine *e, u64 budget, struct err *err);
void code_fini(struct code_cache *cache);
/* The RAM that a host address belongs to; NULL: not one that is known here. */
struct code_ram *code_ram_of(struct code_cache *cache, const void *host);
/* Makes it known; false when there are too many: then stores go the long way. */
bool code_ram_add(struct code_cache *cache, struct mem_ram *ram);
/* The block at the pc slot. NULL: a fault is pending, or (none pending) look again. */
struct eblock *code_find(struct cpu *c);
/* The long block that starts where b does, if it is longer; b's place is taken. b else. */
struct eblock *code_lengthen(struct cpu *c, struct eblock *b);
/* The cache's part of it: by host address of its first byte. */
struct eblock *code_lookup(struct cpu *c, const u8 *host, u64 key, u32 flags);
/* Adds a block just decoded; returns it, or one that was there first (b is freed), or NULL
 * when its bytes changed meanwhile (b is freed). */
struct eblock *code_insert(struct cpu *c, struct eblock *b);
/* b, which has been given back its decoded instructions or has others: n's owner is the cache
 * now. Returns those that b has. */
const struct einsn *code_insns_put(struct cpu *c, struct eblock *b, struct einsns *n);
/* b has host code of so many bytes, 0 when another thread made it. Its decoded instructions are
 * freed when no vCPU can be in them, unless in lock step. */
void code_translated(struct engine *e, struct eblock *b, u32 host_bytes);
/* Write entries to pages that became code since the vCPU last looked: stores are reported
 * from now on. */
void code_marks_take(struct cpu *c);
/* Blocks of pages whose stores may have gone unreported: compares their bytes. */
void code_revalidate(struct cpu *c);

/* decode.c */
/* flags: EBLOCK_SINGLE. NULL as code_insert(), or a fault is pending. */
struct eblock *code_decode(struct cpu *c, gva_t pc, const u8 *host, u64 key, u32 flags);
/* The long block that begins as b, which starts at pc and has these instructions; NULL as
 * code_insert(), or when it would not be longer. */
struct eblock *code_decode_on(struct cpu *c, gva_t pc, const struct eblock *b,
                              const struct einsn *insn);

/* --- softmmu --- */

/* What an address means for one access. */
struct mem_ref {
    u8 *host;    /* RAM; NULL: device */
    gpa_t gpa;   /* device */
    bool notify; /* stores must be reported */
    bool no_tlb; /* good for these bytes only */
    bool strict; /* what is not aligned faults */
};

/* size: bytes of the access, all in va's page. */
int mmu_resolve(struct cpu *c, gva_t va, unsigned size, enum isa_access access, unsigned bank,
                struct mem_ref *out);
/* c->fault from isa->memory_fault; returns nonzero. */
int mmu_fault(struct cpu *c, enum isa_mem_fault kind, gva_t va, enum isa_access access);
/* banks, places: bit masks. */
void mmu_flush(struct cpu *c, enum isa_tlb_flush what, gva_t va, u32 banks);
void mmu_flush_context(struct cpu *c, u64 id, enum isa_tlb_flush what, gva_t va);
/* Before translations of a place are looked for: empties it if it never was in use. */
void mmu_place_use(struct cpu *c, unsigned place);
void mmu_flush_places(struct cpu *c, enum isa_tlb_flush what, gva_t va, u64 places);
/* Sets NOTIFY in write entries to the host page. */
void mmu_notify_page(struct cpu *c, const u8 *host_page);
void mmu_notify_all(struct cpu *c);
bool mmu_find(struct cpu *c, gpa_t at, struct mem_span *out);
int mmu_load(struct cpu *c, gva_t va, void *v, unsigned size, struct ir_mem how);
int mmu_store(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how);
int mmu_probe(struct cpu *c, gva_t va, u64 len, struct ir_mem how);
int mmu_rmw(struct cpu *c, gva_t va, enum ir_rmw f, const void *operand, void *out, unsigned size,
            struct ir_mem how);
int mmu_cas(struct cpu *c, gva_t va, const void *expected, const void *want, void *out,
            unsigned size, struct ir_mem how);
int mmu_ll(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how);
int mmu_sc(struct cpu *c, gva_t va, const void *value, unsigned size, struct ir_mem how,
           bool *done);
void mmu_clrex(struct cpu *c);
/* Is there a reservation, and what load-linked read still there? */
bool mmu_reserved(const struct cpu *c);
/* f(a, b) of `size`-byte values, before it is cut to size. */
u128 mmu_rmw_value(enum ir_rmw f, u128 a, u128 b, unsigned size);
/* After a store through ref. */
void mmu_stored(struct cpu *c, gva_t va, unsigned bank, const struct mem_ref *ref, unsigned size);

/* The place of a regime's bank. */
static inline unsigned mmu_bank(const struct cpu *c, unsigned mmu)
{
    return (unsigned)(c->e.bind[mmu] - c->e.banks);
}

/* --- the engine --- */

struct worker {
    struct engine *e;
    struct host_thread thread;
    struct host_cond cond; /* with engine.lock */
    bool sleeping;         /* atomic, set with engine.lock: waits for cond */
    bool running;          /* thread was started */
    unsigned first, count; /* its vCPUs */
};

/* Waits in engine_cpu_call's frame. */
struct call {
    void (*fn)(struct vcpu *c, void *arg);
    void *arg;
    u64 todo[4];
    unsigned left;
    struct host_cond *done;
    struct call *next;
};

struct engine {
    struct engine_config cfg;
    struct engine_host host;
    const struct isa *isa;
    struct cpu **cpus;      /* owns cfg.cpus of them */
    struct worker *workers; /* owns worker_count of them */
    unsigned worker_count;
    unsigned host_cpus;
    const struct tier *tier; /* NULL: interpreter only */
    u32 tier_threshold;      /* UINT32_MAX: never */
    void *tier_self;
    void *tier_miss; /* tier->miss() */
    struct code_cache code;
    struct translator translator;

    struct host_mutex lock;   /* of all below, but for what is atomic */
    bool started, quit;       /* atomic */
    bool pause_wanted;        /* atomic */
    bool pause_told, paused;  /* host.paused called for this pause; and returned */
    unsigned pausing;         /* workers that hold still */
    unsigned awake;           /* atomic: workers that do not wait for their cond */
    struct host_cond outside; /* threads that are not workers wait here */
    struct call *calls;

    struct host_thread timer_thread;
    struct host_cond timer_cond;
    ns_t timer_target; /* guest time it sleeps until */
    bool timer_started;

    ns_t det_now;            /* atomic: guest time at the last quantum's end */
    ns_t det_end;            /* later than det_now: of the quantum that is being lived */
    unsigned det_turn;       /* whose turn it is in it */
    bool det_moved;          /* these were set from outside, while paused */
    struct cpu *det_running; /* worker's own: whose turn it is */
};

/* Lock step: vCPUs need the decoded instructions of blocks with host code, too. */
static inline bool engine_checks(const struct engine *e)
{
    return e->cfg.check_interp || e->cfg.check_eval;
}

struct cpu *cpu_new(struct engine *e, unsigned index);
struct cpu *cpu_free(struct cpu *c);
extern const struct cpu_env engine_cpu_env;

/* [any thread] Sets request bits and makes the vCPU look at them. */
void cpu_request(struct cpu *c, u32 bits);
void cpu_kick(struct cpu *c);
void cpu_kick_locked(struct cpu *c); /* engine.lock held */

/* Counters that other threads may read: only the owner counts. */
#define STAT_ADD(counter, n) __atomic_store_n(&(counter), (counter) + (n), __ATOMIC_RELAXED)

/* Retired so far; exact between blocks and where insn_index is. */
static inline u64 cpu_insns(const struct cpu *c)
{
    return c->e.icount_base - (u64)c->e.budget + c->e.v.insn_index;
}
void cpu_budget_set(struct cpu *c, u64 insns);

/* Runs until exit_request, the budget's end, or nothing to run. On entry modes may have
 * changed. */
void cpu_run(struct cpu *c);
/* The same, safe points around it, its time counted. */
void cpu_run_timed(struct cpu *c);
/* Handles requests, timer included; not interrupts. */
void cpu_requests(struct cpu *c);
void cpu_calls_serve(struct cpu *c);
void cpu_mode_update(struct cpu *c);
void cpu_jumps_empty(struct cpu *c);
void jump_cache_clear(struct jump_cache *j, unsigned shift);
/* The same for one of zeroes. */
void jump_cache_init(struct jump_cache *j, unsigned shift);
/* b is what the pc slot leads to in the present mode, with whatever host code it has. */
void cpu_jumps_put(struct cpu *c, struct eblock *b);
/* Drops what was found through the bank in `place`: of va's page, or all. */
void cpu_jumps_flush(struct cpu *c, gva_t va, unsigned place, bool whole);
void cpu_go_online(struct cpu *c);
void cpu_go_offline(struct cpu *c);
/* Between blocks: no pointer to a block is held but in the jump caches. */
void cpu_safe_point_slow(struct cpu *c, u64 epoch);
/* Is there anything to run? */
bool cpu_idle(struct cpu *c);
/* cpu_env.relax */
void cpu_relax(struct vcpu *v, enum isa_relax how);

/* threads */
int workers_start(struct engine *e, struct err *err);
void workers_stop(struct engine *e);
struct worker *worker_self(struct engine *e);
/* It is about to look at exit_request for the last time before it waits for its cond, or does not
 * wait any more. engine.lock held. */
void worker_sleeping(struct worker *w, bool on);
/* Until kicked, or until the deadline on the host's monotonic clock (NS_NEVER: none). */
void worker_sleep(struct worker *w, ns_t host_deadline);
/* Holds still until resumed; serves requests meanwhile. */
void worker_pause(struct worker *w);
void worker_deterministic(struct worker *w);
int timer_start(struct engine *e, struct err *err);
void timer_stop(struct engine *e);
void timer_set(struct cpu *c, ns_t deadline);
void timer_self(struct cpu *c, bool on);
/* When to wake, on the host's monotonic clock. */
ns_t timer_host_deadline(struct engine *e, ns_t guest_deadline);

#endif
