/*
 * base_harness.h - random blocks of IR: the base tier's host code against the evaluator.
 *
 * Memory is one page whose TLB entry is there, one behind it that only the slow path reaches, the
 * last of the address space, and nothing else. State is SLOTS words, pc, and a struct fp_env.
 */
#ifndef TESTS_UNIT_BASE_HARNESS_H
#define TESTS_UNIT_BASE_HARNESS_H

#include "ir/build.h"

enum { SLOTS = 24, PC_SLOT = SLOTS, ENV_SLOT, STATE_WORDS, INSN_LEN = 4 };
#define FAST_VA 0x7000000000ull

extern u64 rng_state;
u64 rnd(void);
u64 rnd_value(void);

static inline sem_reg slot_reg(unsigned i)
{
    return (sem_reg){ -1, (u16)(8 * i) };
}

/* Builds a block, fills the state's slots and rounding mode; returns its instructions. */
typedef unsigned harness_gen(struct ir_builder *s, struct ir_block *b, u64 *state);

/* False at the first block that differs, which is printed. */
bool harness_run(harness_gen *gen, u64 blocks);

/* Whether a block of `gen` gets host code, which is not run. */
bool harness_translates(harness_gen *gen);

/* Runs one block `rounds` times on each of CONTENDERS threads, which share memory; state[] becomes
 * the sum of theirs, *word what memory holds at FAST_VA. False: it could not be run. */
enum { CONTENDERS = 3 };
bool harness_contend(harness_gen *gen, u64 rounds, u64 *state, u64 *word);

#endif
