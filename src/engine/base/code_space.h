/*
 * code_space.h - which units of host code memory are taken. No lock of its own.
 */
#ifndef ENGINE_BASE_CODE_SPACE_H
#define ENGINE_BASE_CODE_SPACE_H

#include "base/err.h"
#include "base/types.h"

#define CODE_SPACE_FULL UINT32_MAX

struct code_space {
    u64 *used;        /* owns: a bit a unit */
    u32 units, taken; /* that there are; of them not free */
    u32 reach;        /* units in use so far: the host has given memory for these */
    u32 rover;        /* where the next search begins */
};

/* units: a multiple of 64. */
int code_space_init(struct code_space *s, u32 units, struct err *err);
void code_space_fini(struct code_space *s);
/* The first of `count` units side by side, or CODE_SPACE_FULL. What is free is used again
 * before `reach` grows, unless less than a quarter of it is. */
u32 code_space_take(struct code_space *s, u32 count);
void code_space_give(struct code_space *s, u32 first, u32 count);
/* The first run of free units from *first on, among those that were in use. False: none. */
bool code_space_free_run(const struct code_space *s, u32 *first, u32 *count);

#endif
