/*
 * helpers.c - the rows of arm64's helpers, and nothing else: semgen is made of them, too.
 */
#include "isa/arm64/helpers.h"

#define H(name, effects) IR_HELPER(arm_helper_##name, arm_do_##name, effects);
ARM_HELPERS(H)
