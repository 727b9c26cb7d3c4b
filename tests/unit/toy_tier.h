/*
 * toy_tier.h - a tier for tests: its "host code" calls the interpreter's handlers, but it is
 * hung in, linked, invalidated and released as a real one.
 */
#ifndef TESTS_TOY_TIER_H
#define TESTS_TOY_TIER_H

#include "base/types.h"

/* What it says the host code of a block takes: more than the decoded block. */
enum { TOY_TIER_BYTES = 16384 };

/* What the last engine's tier saw; atomic. */
struct toy_tier_counts {
    u64 translated, linked, followed, probed, invalidated, released, runs, wrong;
    u64 held, most_bytes; /* blocks with host code, dead ones too; bytes they took at most */
};
extern struct toy_tier_counts toy_tier_counts;
/* Atomic: the translator's thread stays in translate() as long as this is set. */
extern bool toy_tier_hold;

#endif
