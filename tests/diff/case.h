/*
 * case.h - what an instruction case of any guest begins with, as the host and the guest's
 * runner see it: state before, and in its place state after. A batch is a file of cases,
 * mapped by both.
 */
#ifndef TESTS_DIFF_CASE_H
#define TESTS_DIFF_CASE_H

#include <stdint.h>

#ifndef CASE_CODE_BYTES
#define CASE_CODE_BYTES 8
#endif

enum {
    CASE_CODE = 0x20000000, /* case n's code is at CASE_CODE + n * CASE_SLOT */
    CASE_CODE_MAX = CASE_CODE_BYTES,
    CASE_SLOT = CASE_CODE_MAX + 8, /* code, then breakpoints */
    CASE_PAGE = 0x10000000,        /* the only data page; the pages around it are not there */
    CASE_PAGE_SIZE = 4096,
    CASE_MEM_SIZE = 256, /* its end, which accesses are aimed at */
    CASE_MEM = CASE_PAGE + CASE_PAGE_SIZE - CASE_MEM_SIZE,
};

#define CASE_MEMBERS                                                                               \
    uint64_t pc;     /* after: where execution stopped */                                          \
    uint32_t signal; /* after: 5 SIGTRAP: completed, 4 SIGILL, 7 SIGBUS, 11 SIGSEGV */             \
    uint32_t line;   /* of the guest's isa_lines; the host's note */                               \
    uint32_t code_size;                                                                            \
    uint32_t unused;                                                                               \
    uint8_t code[CASE_CODE_MAX];                                                                   \
    uint8_t mem[CASE_MEM_SIZE];

struct case_head {
    CASE_MEMBERS
};

#endif
