/*
 * riscv_case.h - one instruction case as the host and the guest runner see it: state
 * before, and in its place state after. A batch is a file of these, mapped by both.
 */
#ifndef TESTS_DIFF_RISCV_CASE_H
#define TESTS_DIFF_RISCV_CASE_H

#include <stdint.h>

enum {
    CASE_CODE = 0x20000000, /* case n's code is at CASE_CODE + n * CASE_SLOT */
    CASE_SLOT = 16,         /* at most 8 bytes of code, then c.ebreak */
    CASE_CODE_MAX = 8,
    CASE_PAGE = 0x10000000, /* the only data page; the pages around it are not there */
    CASE_PAGE_SIZE = 4096,
    CASE_MEM_SIZE = 256, /* its end, which accesses are aimed at */
    CASE_MEM = CASE_PAGE + CASE_PAGE_SIZE - CASE_MEM_SIZE,
};

struct riscv_case {
    uint64_t x[32]; /* x[0]: unused */
    uint64_t f[32];
    uint64_t pc; /* after: where execution stopped */
    uint32_t fcsr;
    uint32_t signal; /* after: 5 SIGTRAP: completed, 4 SIGILL, 7 SIGBUS, 11 SIGSEGV */
    uint8_t code[CASE_CODE_MAX];
    uint32_t code_size;
    uint32_t line; /* of riscv_lines; the host's note */
    uint8_t mem[CASE_MEM_SIZE];
};

#endif
