/*
 * test_build.c - the builder: folding, buffered sets, and every rule seen to fire.
 */
#include "ir/build.h"
#include "ir/check.h"
#include "test.h"
#include <setjmp.h>

static struct ir_block block;
static char text[8192];

static const sem_reg R1 = { -1, 8 }, R2 = { -1, 16 }, R3 = { -1, 24 };
static const struct ir_mem PLAIN_MEM;

/* --- what a run of the builder gives: text, or the rule that was broken --- */

static jmp_buf broken;
static char rule[256];

static void on_bug(const char *what)
{
    snprintf(rule, sizeof rule, "%s", what);
    longjmp(broken, 1);
}

/* Builds one instruction of 4 bytes at +8; returns "" or the broken rule. */
static const char *build(void (*semantics)(struct ir_builder *s), bool symbolic)
{
    struct ir_builder *s = ir_builder_new(symbolic);
    const char *why;

    ir_builder_on_bug(s, on_bug);
    rule[0] = 0;
    if (setjmp(broken) == 0) {
        ir_builder_begin(s, &block);
        ir_builder_insn(s, 8, 4);
        semantics(s);
        ir_builder_insn_end(s);
        ir_print(&block, text, sizeof text);
        why = ir_verify(&block, rule, sizeof rule);
        if (!why)
            rule[0] = 0;
    }
    ir_builder_free(s);
    return rule;
}

#define SEM(name) static void name(struct ir_builder *s)
#define CHECK_BUILDS(semantics, want)                                                              \
    (CHECK_STR(build(semantics, false), ""), CHECK_STR(text, want))
#define CHECK_BREAKS(semantics, part) CHECK_HAS(build(semantics, false), part)

/* --- folding --- */

SEM(fold_constants)
{
    ir_val a = ir_const(s, IR_I8, 200);
    ir_val b = ir_const(s, IR_I8, 100);
    ir_val sum = ir_add(s, a, b);
    ir_val carry = ir_carry(s, a, b, ir_const(s, IR_I1, 0));
    ir_val wide = ir_sext(s, IR_I64, sum);

    ir_set(s, R1, wide);
    ir_set(s, R2, carry);
}

TEST(constants_fold)
{
    CHECK_BUILDS(fold_constants, "insn 0 at +8\n"
                                 "v1 = const i8 0xc8\n"
                                 "v2 = const i8 0x64\n"
                                 "v3 = const i8 0x2c\n"
                                 "v4 = const i1 0\n"
                                 "v5 = const i1 0x1\n"
                                 "v6 = const i64 0x2c\n"
                                 "set i64 [8], v6\n"
                                 "set i1 [16], v5\n");
}

SEM(fold_pc)
{
    ir_val pc = ir_pc(s);
    ir_val off = ir_const(s, IR_I64, (u64)-16);
    ir_val target = ir_add(s, pc, off);
    ir_val next = ir_next_pc(s);

    ir_jump(s, target, IR_JUMP_CALL);
    ir_set(s, R1, next);
}

TEST(pc_folds_and_the_jump_comes_last)
{
    CHECK_BUILDS(fold_pc, "insn 0 at +8\n"
                          "v1 = pc i64 +8\n"
                          "v2 = const i64 0xfffffffffffffff0\n"
                          "v3 = pc i64 -8\n"
                          "v4 = pc i64 +12\n"
                          "set i64 [8], v4\n"
                          "jump v3 call\n");
    CHECK(block.next == 12);
}

SEM(fold_neutral)
{
    ir_val x = ir_get(s, IR_I64, R1);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val a = ir_add(s, zero, x);
    ir_val b = ir_shl(s, a, zero);
    ir_val c = ir_zext(s, IR_I64, b);

    ir_set(s, R2, c);
}

TEST(neutral_operands_vanish)
{
    CHECK_BUILDS(fold_neutral, "insn 0 at +8\n"
                               "v1 = get i64 [8]\n"
                               "v2 = const i64 0\n"
                               "set i64 [16], v1\n");
}

SEM(fold_carries)
{
    ir_val x = ir_get(s, IR_I64, R1);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val none = ir_const(s, IR_I1, 0);
    ir_val carry = ir_carry(s, x, zero, none);
    ir_val borrow = ir_borrow(s, x, zero, carry);
    ir_val over = ir_addovf(s, x, zero, borrow);
    ir_val under = ir_subovf(s, x, zero, over);
    ir_val wide = ir_zext(s, IR_I64, under);

    ir_set(s, R2, wide);
}

TEST(adding_nothing_carries_nothing)
{
    CHECK_BUILDS(fold_carries, "insn 0 at +8\n"
                               "v1 = get i64 [8]\n"
                               "v2 = const i64 0\n"
                               "v3 = const i1 0\n"
                               "set i64 [16], v2\n");
}

SEM(div_by_zero)
{
    ir_val one = ir_const(s, IR_I64, 1);
    ir_val zero = ir_const(s, IR_I64, 0);

    ir_set(s, R1, ir_divu(s, one, zero));
}

TEST(division_by_a_zero_constant_is_kept)
{
    CHECK_STR(build(div_by_zero, false), "");
    CHECK_HAS(text, "divu i64 v1, v2");
}

/* --- buffering --- */

SEM(swap_registers)
{
    ir_val a = ir_get(s, IR_I64, R1);
    ir_val b;

    ir_set(s, R2, a);
    b = ir_get(s, IR_I64, R2); /* still the old value */
    ir_set(s, R1, b);
    b = ir_load(s, IR_I64, b, PLAIN_MEM); /* may fault: nothing was set */
    ir_set(s, R3, b);
}

TEST(sets_wait_for_the_end)
{
    CHECK_BUILDS(swap_registers, "insn 0 at +8\n"
                                 "v1 = get i64 [8]\n"
                                 "v2 = get i64 [16]\n"
                                 "v3 = ld i64 v2\n"
                                 "set i64 [16], v1\n"
                                 "set i64 [8], v2\n"
                                 "set i64 [24], v3\n");
}

SEM(commit_half_way)
{
    ir_val a = ir_get(s, IR_I64, R1);

    ir_set(s, R2, a);
    ir_commit(s);
    a = ir_load(s, IR_I64, a, PLAIN_MEM);
    ir_set(s, R3, a);
}

TEST(commit_flushes)
{
    CHECK_BUILDS(commit_half_way, "insn 0 at +8\n"
                                  "v1 = get i64 [8]\n"
                                  "set i64 [16], v1\n"
                                  "commit\n"
                                  "v4 = ld i64 v1\n"
                                  "set i64 [24], v4\n");
}

SEM(raise_drops_sets)
{
    ir_val a = ir_get(s, IR_I64, R1);

    ir_set(s, R2, a);
    ir_raise(s, 2, a);
}

TEST(raise_leaves_nothing_behind)
{
    CHECK_BUILDS(raise_drops_sets, "insn 0 at +8\n"
                                   "v1 = get i64 [8]\n"
                                   "raise v1 cause 2\n");
}

/* --- helpers --- */

static u64 helper_fn(struct vcpu *c, u64 a, u64 b, u64 d)
{
    return a + b + d;
}

static const struct ir_helper helper_ends = { "helper_ends", helper_fn, IRH_WRITES | IRH_ENDS };
static const struct ir_helper helper_pc = { "helper_pc", helper_fn, IRH_SETS_PC | IRH_RAISES };

SEM(call_ends)
{
    ir_val a = ir_call(s, &helper_ends, IR_NOVAL, IR_NOVAL, IR_NOVAL);

    ir_set(s, R1, a);
}

SEM(call_sets_pc)
{
    ir_call(s, &helper_pc, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

TEST(helpers_end_the_block)
{
    CHECK_BUILDS(call_ends, "insn 0 at +8\n"
                            "v1 = call i64 helper_ends\n"
                            "set i64 [8], v1\n"
                            "endblock\n");
    CHECK_BUILDS(call_sets_pc, "insn 0 at +8\n"
                               "v1 = call i64 helper_pc\n"
                               "endblock pc set\n");
}

/* --- structure and symbols --- */

SEM(bounded_loop)
{
    ir_val n = ir_get(s, IR_I64, R1);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_var i = ir_var_new(s, n);
    ir_val v, done;

    ir_loop(s);
    v = ir_var_get(s, i);
    done = ir_eq(s, v, zero);
    ir_break_if(s, done);
    v = ir_sub(s, v, ir_const(s, IR_I64, 1));
    ir_var_set(s, i, v);
    ir_endloop(s);
    v = ir_var_get(s, i);
    ir_set(s, R1, v);
}

TEST(loops_with_variables)
{
    CHECK_BUILDS(bounded_loop, "insn 0 at +8\n"
                               "v1 = get i64 [8]\n"
                               "v2 = const i64 0\n"
                               "v3 = varnew i64 v1\n"
                               "loop\n"
                               "v5 = varget i64 v3\n"
                               "v6 = eq i1 v5, v2\n"
                               "breakif v6\n"
                               "v8 = const i64 0x1\n"
                               "v9 = sub i64 v5, v8\n"
                               "varset i64 v3, v9\n"
                               "endloop\n"
                               "v12 = varget i64 v3\n"
                               "set i64 [8], v12\n");
}

SEM(symbolic_operands)
{
    ir_val a = ir_get(s, IR_I32, (sem_reg){ 1, 4 });
    ir_val b = ir_imm(s, IR_I32, (sem_imm){ 0, 0 });
    ir_val sum = ir_add(s, a, b);
    ir_val next = ir_next_pc(s);
    ir_val four = ir_const(s, IR_I64, 4);
    ir_val target = ir_add(s, next, four);

    ir_set(s, (sem_reg){ 0, 0 }, sum);
    ir_jump(s, target, IR_JUMP_PLAIN);
}

TEST(symbols_stay_symbols)
{
    CHECK_STR(build(symbolic_operands, true), "");
    CHECK_STR(text, "insn 0 at +8\n"
                    "v1 = get i32 [reg1 + 4]\n"
                    "v2 = const i32 imm0\n"
                    "v3 = add i32 v1, v2\n"
                    "v4 = pc i64 next +0\n"
                    "v5 = const i64 0x4\n"
                    "v6 = pc i64 next +4\n"
                    "set i32 [reg0 + 0], v3\n"
                    "jump v6\n");
    CHECK_BREAKS(symbolic_operands, "not decoded");
}

/* --- rules --- */

SEM(mixed_types)
{
    ir_val word = ir_get(s, IR_I32, R1);
    ir_val dword = ir_get(s, IR_I64, R1);

    ir_add(s, word, dword);
}

SEM(narrow_extension)
{
    ir_sext(s, IR_I8, ir_get(s, IR_I64, R1));
}

SEM(add_of_i1)
{
    ir_val x = ir_get(s, IR_I1, R1);

    ir_add(s, x, x);
}

SEM(wide_condition)
{
    ir_if(s, ir_get(s, IR_I8, R1));
}

SEM(fault_after_set)
{
    ir_val x = ir_get(s, IR_I64, R1);
    ir_val c = ir_get(s, IR_I1, R2);

    ir_if(s, c);
    ir_set(s, R3, x);
    ir_endif(s);
    ir_store(s, x, x, PLAIN_MEM);
}

SEM(get_after_set)
{
    ir_val c = ir_get(s, IR_I1, R2);

    ir_if(s, c);
    ir_set(s, R3, ir_const(s, IR_I64, 5));
    ir_get(s, IR_I64, R3);
    ir_endif(s);
}

SEM(fault_in_next_round)
{
    ir_val c = ir_get(s, IR_I1, R2);
    ir_val x = ir_get(s, IR_I64, R1);

    ir_loop(s);
    x = ir_load(s, IR_I64, x, PLAIN_MEM);
    ir_break_if(s, c);
    ir_set(s, R3, x);
    ir_endloop(s);
}

SEM(fault_after_break)
{
    ir_val c = ir_get(s, IR_I1, R2);
    ir_val x = ir_get(s, IR_I64, R1);

    ir_loop(s);
    ir_set(s, R3, x);
    ir_break_if(s, c);
    ir_commit(s);
    ir_endloop(s);
    ir_load(s, IR_I64, x, PLAIN_MEM);
}

SEM(commit_each_round)
{
    ir_val c = ir_get(s, IR_I1, R2);
    ir_val x = ir_get(s, IR_I64, R1);

    ir_loop(s);
    x = ir_load(s, IR_I64, x, PLAIN_MEM);
    ir_set(s, R3, x);
    ir_commit(s);
    ir_break_if(s, c);
    ir_endloop(s);
}

SEM(either_set_or_fault)
{
    ir_val c = ir_get(s, IR_I1, R2);
    ir_val x = ir_get(s, IR_I64, R1);

    ir_if(s, c);
    ir_set(s, R3, x);
    ir_else(s);
    ir_raise(s, 1, x);
    ir_endif(s);
}

SEM(inner_set_under_buffered)
{
    ir_val c = ir_get(s, IR_I1, R2);
    ir_val x = ir_get(s, IR_I64, R1);

    ir_set(s, R3, x);
    ir_if(s, c);
    ir_set(s, R3, x);
    ir_endif(s);
}

SEM(commit_under_buffered)
{
    ir_val c = ir_get(s, IR_I1, R2);

    ir_set(s, R3, c);
    ir_if(s, c);
    ir_commit(s);
    ir_endif(s);
}

SEM(jump_inside_if)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_if(s, ir_get(s, IR_I1, R2));
    ir_jump(s, x, IR_JUMP_PLAIN);
    ir_endif(s);
}

SEM(two_jumps)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_jump(s, x, IR_JUMP_PLAIN);
    ir_end_block(s);
}

SEM(jump_and_ending_helper)
{
    ir_val x = ir_call(s, &helper_ends, IR_NOVAL, IR_NOVAL, IR_NOVAL);

    ir_jump(s, x, IR_JUMP_PLAIN);
}

SEM(work_after_raise)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_raise(s, 2, x);
    ir_set(s, R1, x);
}

SEM(open_if)
{
    ir_if(s, ir_get(s, IR_I1, R2));
}

SEM(else_alone)
{
    ir_else(s);
}

SEM(endif_of_loop)
{
    ir_loop(s);
    ir_endif(s);
}

SEM(break_outside)
{
    ir_break_if(s, ir_get(s, IR_I1, R2));
}

SEM(break_from_vloop)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_loop(s);
    ir_vloop(s, (struct ir_shape){ .element = 8 }, x, x);
    ir_break_if(s, ir_get(s, IR_I1, R2));
    ir_endvloop(s);
    ir_endloop(s);
}

SEM(value_from_closed_if)
{
    ir_val x = ir_get(s, IR_I64, R1);
    ir_val y;

    ir_if(s, ir_get(s, IR_I1, R2));
    y = ir_not(s, x);
    ir_endif(s);
    ir_set(s, R1, y);
}

SEM(write_then_helper_raises)
{
    ir_call(s, &helper_ends, IR_NOVAL, IR_NOVAL, IR_NOVAL);
    ir_call(s, &helper_pc, IR_NOVAL, IR_NOVAL, IR_NOVAL);
}

SEM(wrong_format)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_fadd(s, x, x, (struct ir_fp){ .format = FP_F32 });
}

SEM(narrow_sha256)
{
    ir_val x = ir_get(s, IR_I64, R1);

    ir_sha256a(s, x, x, x);
}

TEST(types_are_checked)
{
    CHECK_BREAKS(mixed_types, "ADD at +8: operands and result differ in type");
    CHECK_BREAKS(narrow_extension, "SEXT at +8: extension to a type that is not wider");
    CHECK_BREAKS(add_of_i1, "not an operation on i1");
    CHECK_BREAKS(wide_condition, "a condition is i1");
    CHECK_BREAKS(wrong_format, "the result's type does not hold the format");
    CHECK_BREAKS(narrow_sha256, "SHA256A at +8: i128 only");
}

TEST(order_of_writes_and_faults_is_checked)
{
    CHECK_BREAKS(fault_after_set, "ST at +8: may fault after state was written");
    CHECK_BREAKS(get_after_set, "state is read after the instruction has set some");
    CHECK_BREAKS(fault_in_next_round, "may fault after the round before wrote state");
    CHECK_BREAKS(fault_after_break, "LD at +8: may fault after state was written");
    CHECK_BREAKS(write_then_helper_raises, "CALL at +8: may fault after state was written");
    CHECK_BREAKS(inner_set_under_buffered, "while an outer set of it is buffered");
    CHECK_BREAKS(commit_under_buffered, "while outer sets are buffered");
    CHECK_STR(build(commit_each_round, false), "");
    CHECK_STR(build(either_set_or_fault, false), "");
}

TEST(structure_is_checked)
{
    CHECK_BREAKS(jump_inside_if, "the block is left inside IF or LOOP");
    CHECK_BREAKS(two_jumps, "already leaves the block");
    CHECK_BREAKS(jump_and_ending_helper, "a jump beside a helper that ends the block");
    CHECK_BREAKS(work_after_raise, "an operation after the block was left");
    CHECK_BREAKS(open_if, "an instruction ends inside IF or LOOP");
    CHECK_BREAKS(else_alone, "ELSE without IF");
    CHECK_BREAKS(endif_of_loop, "ENDIF without IF");
    CHECK_BREAKS(break_outside, "BREAKIF outside LOOP");
    CHECK_BREAKS(break_from_vloop, "BREAKIF outside LOOP");
    CHECK_BREAKS(value_from_closed_if, "an operand from an IF or LOOP that is closed");
}

/* --- the verifier alone: what a builder cannot do wrong --- */

static const char *damage(u32 at, void (*change)(struct ir_op *op))
{
    build(bounded_loop, false);
    change(&block.ops[at]);
    return ir_verify(&block, rule, sizeof rule) ? rule : "";
}

static void later_operand(struct ir_op *op)
{
    op->a = 12;
}

static void no_value(struct ir_op *op)
{
    op->a = 4; /* LOOP */
}

static void variable_as_value(struct ir_op *op)
{
    op->a = 3;
}

static void far_state(struct ir_op *op)
{
    op->imm = 65530;
}

static void unknown_op(struct ir_op *op)
{
    op->op = IR_OP_COUNT;
}

static void wide_constant(struct ir_op *op)
{
    op->type = IR_I8;
    op->imm = 256;
}

static void other_insn(struct ir_op *op)
{
    op->insn = 3;
}

TEST(verifier_names_the_operation)
{
    CHECK_STR(damage(9, later_operand), "operation 9 (SUB): an operand that does not come before");
    CHECK_HAS(damage(9, no_value), "an operand that is no value");
    CHECK_HAS(damage(9, variable_as_value), "a variable used as a value");
    CHECK_HAS(damage(1, far_state), "guest state ends at 65,536");
    CHECK_STR(damage(4, unknown_op), "operation 4 (end): unknown operation");
    CHECK_HAS(damage(2, wide_constant), "a constant wider than its type");
    CHECK_HAS(damage(6, other_insn), "another instruction's number");
}

TEST_MAIN(TEST_CASE(constants_fold), TEST_CASE(pc_folds_and_the_jump_comes_last),
          TEST_CASE(neutral_operands_vanish), TEST_CASE(adding_nothing_carries_nothing),
          TEST_CASE(division_by_a_zero_constant_is_kept), TEST_CASE(sets_wait_for_the_end),
          TEST_CASE(commit_flushes), TEST_CASE(raise_leaves_nothing_behind),
          TEST_CASE(helpers_end_the_block), TEST_CASE(loops_with_variables),
          TEST_CASE(symbols_stay_symbols), TEST_CASE(types_are_checked),
          TEST_CASE(order_of_writes_and_faults_is_checked), TEST_CASE(structure_is_checked),
          TEST_CASE(verifier_names_the_operation))
