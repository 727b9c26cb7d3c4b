/*
 * helpers.c - the rows of riscv's helpers, and nothing else: semgen is made of them, too.
 */
#include "isa/riscv/helpers.h"

#define H(name, effects) IR_HELPER(rv_helper_##name, rv_do_##name, effects);
RV_HELPERS(H)
