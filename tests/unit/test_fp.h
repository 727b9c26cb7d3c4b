/*
 * test_fp.h - one operation of the soft-float as data, so that the same case
 * can be put to our functions, to the exact reference and to a real FPU.
 */
#ifndef TESTS_UNIT_TEST_FP_H
#define TESTS_UNIT_TEST_FP_H

#include "ir/fp.h"

enum case_op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_SQRT,
    OP_FMA,
    OP_MULX,
    OP_ROUND_INT,
    OP_CONVERT,
    OP_FROM_INT,
    OP_TO_INT,
    OP_COMPARE,
    OP_MIN,
    OP_MAX,
    OP_CLASS,
    OP_COUNT
};

struct fp_case {
    enum case_op op;
    enum fp_format fmt, to; /* to: OP_CONVERT's target */
    enum fp_rules rules;
    enum fp_round round;
    unsigned bits;   /* of the integer */
    unsigned how;    /* enum fp_toint or enum fp_minmax */
    bool is_signed;  /* the integer */
    bool extra;      /* OP_ROUND_INT: exact; OP_COMPARE: signal_qnan */
    fp_bits a, b, c; /* a: OP_FROM_INT's integer */
};

struct fp_answer {
    fp_bits v; /* integers, enum fp_cmp and class masks in lo */
    u8 flags;
};

/* The oracles: false when this one cannot answer the case. A flag outside
 * *flag_mask is one it does not know. */
bool exact_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask);
bool host_run(const struct fp_case *c, struct fp_answer *out, u8 *flag_mask);

/* The FPU's name, the rule sets it can be put in, and what its integer
 * conversions do; count 0 where this build has no oracle for the host. */
extern const char *const host_name;
extern const enum fp_rules host_rules[];
extern const unsigned host_rule_count;
extern const enum fp_toint host_toint;

#endif
