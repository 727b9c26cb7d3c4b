/*
 * arm64_case.h - a case of an arm64 instruction.
 */
#ifndef TESTS_DIFF_ARM64_CASE_H
#define TESTS_DIFF_ARM64_CASE_H

#include "case.h"

struct arm64_case {
    CASE_MEMBERS
    uint64_t x[31], sp;
    uint64_t nzcv, fpcr, fpsr, tpidr; /* as MRS reads them */
    uint64_t v[64];
};

#endif
