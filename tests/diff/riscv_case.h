/*
 * riscv_case.h - a case of a riscv64 instruction.
 */
#ifndef TESTS_DIFF_RISCV_CASE_H
#define TESTS_DIFF_RISCV_CASE_H

#include "case.h"

struct riscv_case {
    CASE_MEMBERS
    uint64_t x[32]; /* x[0]: unused */
    uint64_t f[32];
    uint64_t fcsr;
};

#endif
