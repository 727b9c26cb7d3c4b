/*
 * code_hash.h - blocks by the host address of their first byte and their isa key.
 *
 * A chained table that grows with the blocks in it, so that a look-up seldom touches one but
 * the block it wants: each costs a cache miss. Readers take no lock. While it grows they may
 * miss a block that is there, which its owner sees when it is told to insert it again.
 */
#ifndef ENGINE_CORE_CODE_HASH_H
#define ENGINE_CORE_CODE_HASH_H

#include "base/types.h"

struct eblock;
struct code_table;

struct code_hash {
    struct code_table *table; /* owns; atomic */
    u64 count;                /* blocks in it */
};

/* False: no memory. */
bool code_hash_init(struct code_hash *h) MUST_CHECK;
/* Blocks are not its own. */
void code_hash_fini(struct code_hash *h);
/* The first block of a chain with all those of this address and key; the next one is its
 * hash_next, atomic. [any thread] */
struct eblock *code_hash_chain(const struct code_hash *h, const u8 *host, u64 key);
/* How many chains there are. */
u64 code_hash_chains(const struct code_hash *h);
/* Both need the owner's lock. */
void code_hash_add(struct code_hash *h, struct eblock *b);
void code_hash_remove(struct code_hash *h, struct eblock *b);

#endif
