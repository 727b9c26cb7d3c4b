/*
 * range.h - which parts of an image are being worked at: readers together, a writer that
 * moves clusters alone.
 */
#ifndef BACKEND_BLOCK_RANGE_H
#define BACKEND_BLOCK_RANGE_H

#include "base/types.h"
#include "host/thread.h"

/* The holder's storage while it is held. */
struct blk_range {
    u64 first, last; /* clusters, both included */
    bool exclusive;
    struct blk_range *next;
};

struct blk_ranges {
    struct host_mutex lock; /* never held over I/O; taken last */
    struct host_cond freed;
    struct blk_range *list; /* held, and waiting for an older one */
};

void blk_ranges_init(struct blk_ranges *r);
void blk_ranges_fini(struct blk_ranges *r);

/* Waits for its turn: after all that it conflicts with and that came before. */
void blk_range_lock(struct blk_ranges *r, struct blk_range *range);
/* Without waiting; false: somebody is there. */
bool blk_range_trylock(struct blk_ranges *r, struct blk_range *range);
void blk_range_unlock(struct blk_ranges *r, struct blk_range *range);

#endif
