/*
 * translator.h - the thread that makes host code beside the vCPUs. One an engine, where it is of
 * use: docs/design/0015-background.md.
 */
#ifndef ENGINE_CORE_TRANSLATOR_H
#define ENGINE_CORE_TRANSLATOR_H

#include "base/err.h"
#include "base/types.h"
#include "host/thread.h"

struct eblock;
struct engine;

/* Counted by one thread: of what it had the tier make host code. */
struct translations {
    u64 blocks, insns, ns;
};

enum { TRANSLATOR_QUEUE = 256 };

struct translator {
    struct host_thread thread;
    bool running; /* it was started */
    struct host_mutex lock;
    struct host_cond cond;    /* of its thread: the queue is not empty, or quit */
    struct host_cond settled; /* of others: it sleeps */
    struct queued {
        struct eblock *block; /* borrows: alive, or about to be dropped */
        gva_t pc;
    } queue[TRANSLATOR_QUEUE]; /* lock; a ring, from `first` on */
    unsigned first, size;      /* lock; size is atomic */
    bool sleeping, quit;       /* lock */
    u64 quiescent;             /* atomic: 0 it holds no block, else the epoch it has seen */
    struct translations made;
};

/* Has the tier make host code of b, which was found at pc, or leave it to the interpreter. */
void block_translate(struct engine *e, struct eblock *b, gva_t pc, struct translations *count);
void translator_init(struct engine *e);
/* Starts the thread where it is of use. */
int translator_start(struct engine *e, struct err *err);
void translator_stop(struct engine *e);
/* True: it will translate b, which is the interpreter's until then. Cache not locked. */
bool translator_take(struct engine *e, struct eblock *b, gva_t pc);
/* b is dead: it is not taken up any more. Cache locked. */
void translator_drop(struct engine *e, const struct eblock *b);
/* Returns when it has nothing to do. vCPUs are paused; cache not locked. */
void translator_settle(struct engine *e);

#endif
