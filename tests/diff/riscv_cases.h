/*
 * riscv_cases.h - makes riscv's instruction cases: usable and make of struct diff_guest.
 */
#ifndef TESTS_DIFF_RISCV_CASES_H
#define TESTS_DIFF_RISCV_CASES_H

#include "base/types.h"
#include "riscv_case.h"

/* mstatus.FS before a case: 0 off, 1 initial, 3 dirty. */
extern u8 riscv_guest_fs;

bool riscv_case_line_usable(unsigned line);
void riscv_case_make(struct case_head *c, unsigned line, unsigned slot, unsigned slots, u64 *rng);

#endif
