/*
 * maker.c - see maker.h.
 */
#include "engine/base/maker.h"

#include "engine/base/block_ir.h"
#include <stdlib.h>

static bool maker_init(struct maker *m)
{
    host_mutex_init(&m->lock);
    ir_block_init(&m->ir);
    m->builder = ir_builder_new(false);
    if (m->builder && !VERIFY_IR)
        ir_builder_trust(m->builder);
    m->room = malloc(sizeof *m->room);
    return m->builder && m->room;
}

bool makers_init(struct makers *m)
{
    bool good = true;

    for (unsigned i = 0; i < MAKERS; i++)
        good = maker_init(&m->maker[i]) && good;
    return good;
}

void makers_fini(struct makers *m)
{
    for (unsigned i = 0; i < MAKERS; i++) {
        ir_builder_free(m->maker[i].builder);
        ir_block_fini(&m->maker[i].ir);
        free(m->maker[i].room);
        host_mutex_fini(&m->maker[i].lock);
    }
}

struct maker *makers_take(struct makers *m)
{
    for (unsigned i = 0; i < MAKERS; i++)
        if (host_mutex_trylock(&m->maker[i].lock))
            return &m->maker[i];
    host_mutex_lock(&m->maker[0].lock);
    return &m->maker[0];
}

void maker_give(struct maker *m)
{
    host_mutex_unlock(&m->lock);
}
