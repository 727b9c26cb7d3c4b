/*
 * riscv_cases.h - makes instruction cases, and says what the evaluator makes of them.
 */
#ifndef TESTS_DIFF_RISCV_CASES_H
#define TESTS_DIFF_RISCV_CASES_H

#include "base/types.h"
#include "isa/isa.h"
#include "riscv_case.h"

/* Can the line be tried as a user program's instruction? */
bool riscv_case_line_usable(unsigned line);

/* A case of the line for slot `slot` of a batch of `slots`. *rng: see random.h. */
void riscv_case_make(struct riscv_case *c, unsigned line, unsigned slot, unsigned slots, u64 *rng);

/* Runs the case's code in the evaluator, with mstatus.FS = fs (0 off, 1 initial, 3 dirty), and
 * leaves the state after in *c. Returns FS after. */
unsigned riscv_case_eval(struct riscv_case *c, unsigned slot, unsigned fs);

/* A machine whose engine runs cases on a tier (enum engine_tier), batches of up to `slots`.
 * NULL where this host has no such tier. One at a time runs. */
struct machine;
struct machine *riscv_engine_new(unsigned tier, unsigned slots, u32 opts_off);
struct machine *riscv_engine_free(struct machine *m);
/* Before it runs: the build functions of its instructions. ops: outlive m. */
void riscv_engine_set_ops(struct machine *m, const struct isa_op *ops);
/* Leaves the states after in cases[0 .. n). */
void riscv_engine_run(struct machine *m, struct riscv_case *cases, unsigned n);

#endif
