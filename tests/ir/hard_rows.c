/*
 * hard_rows.c - semgen's rows for the hard instructions: every operand is symbolic.
 */
#include "hard_sem.h"
#include "semgen.h"

static const struct hard_args symbols = {
    .r = { { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 5, 0 } },
    .imm = { { 0, 0 }, { 1, 0 } },
};

#define SEM(name)                                                                                  \
    static void emit_##name(struct ir_builder *s, const int *v UNUSED)                             \
    {                                                                                              \
        hard_##name(s, &symbols);                                                                  \
    }
#include "hard_sems.def"
#undef SEM

const struct semgen_row semgen_rows[] = {
#define SEM(name) { #name, emit_##name, NULL },
#include "hard_sems.def"
#undef SEM
};
const unsigned semgen_row_count = ARRAY_SIZE(semgen_rows);
const char *const semgen_prefix = "hard";
const u32 semgen_pc_offset = offsetof(struct hard_common, pc);
const u32 semgen_fp_env_offset = offsetof(struct hard_common, fp);
