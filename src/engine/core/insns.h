/*
 * insns.h - memory of decoded instructions, apart from all other: it goes back in one piece
 * when a guest has become idle, and leaves no holes among what stays.
 */
#ifndef ENGINE_CORE_INSNS_H
#define ENGINE_CORE_INSNS_H

#include "engine/core/block.h"
#include "host/thread.h"

struct slab;

/* Slabs of the allocator's memory, each cut into pieces for as many instructions. */
struct insns_heap {
    struct host_mutex lock;                   /* inner to all others */
    struct slab *roomy[EBLOCK_MAX_INSNS + 1]; /* with free pieces, by count of instructions */
    u32 slabs;                                /* all that there are */
};

void insns_heap_init(struct insns_heap *h);
/* All pieces have been given back. */
void insns_heap_fini(struct insns_heap *h);
/* Room for `count` instructions, 1..EBLOCK_MAX_INSNS, and the mark behind them; the caller owns
 * it. NULL: no memory. [any thread] */
struct einsns *insns_take(struct insns_heap *h, unsigned count);
/* n may be NULL. [any thread] */
void insns_give(struct insns_heap *h, struct einsns *n);

#endif
