/*
 * maker.h - what a translation works in, twice: a vCPU seldom waits for the translator's thread.
 */
#ifndef ENGINE_BASE_MAKER_H
#define ENGINE_BASE_MAKER_H

#include "engine/base/host_lower.h"
#include "host/thread.h"
#include "ir/build.h"

enum { MAKERS = 2 };

struct makers {
    struct maker {
        struct host_mutex lock;     /* of the rest */
        struct ir_builder *builder; /* owns */
        struct ir_block ir;         /* owns */
        struct lower_room *room;    /* owns */
    } maker[MAKERS];
};

/* False: no memory; then makers_fini() all the same. */
bool makers_init(struct makers *m);
void makers_fini(struct makers *m);
/* One that nobody else has until maker_give(). [any thread] */
struct maker *makers_take(struct makers *m);
void maker_give(struct maker *m);

#endif
