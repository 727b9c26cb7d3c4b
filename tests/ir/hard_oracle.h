/*
 * hard_oracle.h - an oracle: reads records, runs each one's instructions on the real CPU,
 * writes them back. hard_oracle.c is the frame, *_oracle.c the CPU's part.
 */
#ifndef TESTS_IR_HARD_ORACLE_H
#define TESTS_IR_HARD_ORACLE_H

#include "hard_state.h"
#include <signal.h>

/* Runs the case on r->state; memory is mapped. Fills r->state but for faults. */
void oracle_run(struct hard_record *r);

/* In the signal handler: notes the fault in r and makes the context go on behind the
 * instruction, with registers as they are. */
void oracle_fault(struct hard_record *r, int signo, siginfo_t *info, void *context);

#endif
