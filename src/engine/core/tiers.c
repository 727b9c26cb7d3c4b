/*
 * tiers.c - which tiers this build has besides the interpreter.
 */
#include "engine/core/block.h"

const struct tier *tier_base(void)
{
    return NULL;
}
