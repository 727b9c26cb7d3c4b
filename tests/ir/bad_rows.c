/*
 * bad_rows.c - rows for semgen whose semantics break a rule each; test_semgen.sh says which.
 */
#include "ir/build.h"
#include "semgen.h"

static const sem_reg R0 = { 0, 0 }, R1 = { 1, 0 }, R9 = { 9, 0 };
static const struct ir_mem PLAIN;

static void good(struct ir_builder *s, const int *values UNUSED)
{
    ir_val a = ir_get(s, IR_I64, R1);

    ir_set(s, R0, a);
}

static void mixed_types(struct ir_builder *s, const int *values UNUSED)
{
    ir_val a = ir_get(s, IR_I64, R0);
    ir_val b = ir_get(s, IR_I32, R1);

    ir_add(s, a, b);
}

static void fault_after_set(struct ir_builder *s, const int *values UNUSED)
{
    ir_val a = ir_get(s, IR_I64, R0);
    ir_val c = ir_get(s, IR_I1, R1);

    ir_if(s, c);
    ir_set(s, R0, a);
    ir_endif(s);
    ir_load(s, IR_I8, a, PLAIN);
}

static void get_after_set(struct ir_builder *s, const int *values UNUSED)
{
    ir_val c = ir_get(s, IR_I1, R1);

    ir_if(s, c);
    ir_set(s, R0, c);
    ir_endif(s);
    ir_get(s, IR_I64, R0);
}

static void unbalanced_if(struct ir_builder *s, const int *values UNUSED)
{
    ir_val c = ir_get(s, IR_I1, R1);

    ir_if(s, c);
}

static void unbalanced_loop(struct ir_builder *s, const int *values UNUSED)
{
    ir_endloop(s);
}

static void value_of_closed_if(struct ir_builder *s, const int *values UNUSED)
{
    ir_val c = ir_get(s, IR_I1, R1);
    ir_val v;

    ir_if(s, c);
    v = ir_get(s, IR_I64, R0);
    ir_endif(s);
    ir_set(s, R0, v);
}

static void no_such_operand(struct ir_builder *s, const int *values UNUSED)
{
    ir_get(s, IR_I64, R9);
}

const struct semgen_row semgen_rows[] = {
    { "good", good, NULL },
    { "mixed_types", mixed_types, NULL },
    { "fault_after_set", fault_after_set, NULL },
    { "get_after_set", get_after_set, NULL },
    { "unbalanced_if", unbalanced_if, NULL },
    { "unbalanced_loop", unbalanced_loop, NULL },
    { "value_of_closed_if", value_of_closed_if, NULL },
    { "no_such_operand", no_such_operand, NULL },
};
const unsigned semgen_row_count = sizeof semgen_rows / sizeof semgen_rows[0];
const char *const semgen_prefix = "bad";
const u32 semgen_pc_offset = 0;
const u32 semgen_fp_env_offset = 8;
