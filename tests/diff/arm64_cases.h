/*
 * arm64_cases.h - makes arm64's instruction cases: usable and make of struct diff_guest.
 */
#ifndef TESTS_DIFF_ARM64_CASES_H
#define TESTS_DIFF_ARM64_CASES_H

#include "base/types.h"
#include "arm64_case.h"

bool arm64_case_line_usable(unsigned line);
void arm64_case_make(struct case_head *c, unsigned line, unsigned slot, unsigned slots, u64 *rng);

#endif
