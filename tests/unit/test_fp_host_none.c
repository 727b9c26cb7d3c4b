/*
 * test_fp_host_none.c - for hosts whose FPU the tests do not know.
 */
#include "test_fp.h"

const char *const host_name = "none";
const enum fp_rules host_rules[] = { FP_RULES_CANONICAL };
const unsigned host_rule_count = 0;
const enum fp_toint host_toint = FP_SATURATE_NAN_MAX;

bool host_run(const struct fp_case *c UNUSED, struct fp_answer *out UNUSED, u8 *flag_mask UNUSED)
{
    return false;
}
