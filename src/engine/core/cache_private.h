/*
 * cache_private.h - what cache.c and code_pages.c share. All with the cache locked.
 */
#ifndef ENGINE_CORE_CACHE_PRIVATE_H
#define ENGINE_CORE_CACHE_PRIVATE_H

#include "engine/core/cpu_private.h"

/* cache.c */
/* b is dead from now on; it is freed when nobody can be in it any more. */
void code_block_kill(struct code_cache *cache, struct eblock *b);
/* Frees what can be; begins a new epoch when enough is dead. */
void code_reclaim(struct code_cache *cache);

/* code_pages.c */
/* Are b's bytes still in memory? */
bool code_block_matches(const struct eblock *b);
/* Finds b's pages and makes stores to its bytes known from here on. */
void code_block_watch(struct cpu *c, struct eblock *b);
/* b, whose pages are found, is in their lists from here on. */
void code_block_list(struct eblock *b);
/* b leaves its pages. */
void code_block_unwatch(struct eblock *b);
/* Drops changed blocks of unsettled pages, and settled pages from the list after a last
 * comparison. only_settled: at most one of those. */
void code_unsettled_verify(struct code_cache *cache, bool only_settled);
void code_ram_free(struct code_ram *cr);

#endif
