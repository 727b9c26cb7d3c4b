/*
 * tiers.c - for hosts that have no tier besides the interpreter yet.
 */
#include "engine/core/block.h"

const struct tier *tier_base(void)
{
    return NULL;
}
