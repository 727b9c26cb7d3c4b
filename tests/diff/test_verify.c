/*
 * What the JIT compiles is checked in debug and sanitiser builds: semantics that use a value
 * outside the IF that made it, which only the verifier sees, end the process with the rule.
 */
#include "base/bits.h"
#include "diff.h"
#include "engine/core/engine.h"
#include "ir/build.h"
#include "isa/riscv/isa.h"
#include "riscv_cases.h"
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAVES_IF "an operand from an IF or LOOP that is closed"

static void leaves_if(struct ir_builder *s, const struct isa_insn *in, const int *values UNUSED)
{
    sem_reg rd = { .operand = -1, .off = in->reg[0] };
    ir_val old = ir_get(s, IR_I64, rd), inside;

    ir_if(s, ir_ne(s, old, ir_const(s, IR_I64, 0)));
    inside = ir_not(s, old);
    ir_endif(s);
    ir_set(s, rd, inside);
}

/* Runs addi a0, a0, 1, to which `build` gives a meaning if it is not NULL. */
static void run_addi(void (*build)(struct ir_builder *s, const struct isa_insn *in,
                                   const int *values))
{
    struct machine *m = diff_engine_new(ENGINE_BASE, 1, 0);
    struct isa_op *ops = calloc(riscv_isa.op_count, sizeof *ops);
    struct riscv_case c = { .code_size = 4 };

    if (!m || !ops)
        _exit(1);
    memcpy(ops, riscv_isa.ops, riscv_isa.op_count * sizeof *ops);
    for (unsigned i = 0; build && i < riscv_isa.op_count; i++)
        if (!strcmp(ops[i].name, "addi"))
            ops[i].build = build;
    diff_engine_set_ops(m, ops);
    le32_put(c.code, 0x00150513);
    diff_engine_run(m, (struct case_head *)&c, 1);
    diff_engine_free(m);
    free(ops);
    _exit(c.x[10] == 1 ? 0 : 2);
}

/* How a process ends that does, and what it said. */
static int child(void (*build)(struct ir_builder *s, const struct isa_insn *in, const int *values),
                 char *said, size_t size)
{
    size_t got = 0;
    int fds[2], status = -1;
    ssize_t n;
    pid_t pid;

    if (!CHECK_EQ(pipe(fds), 0))
        return -1;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], 2);
        run_addi(build);
    }
    close(fds[1]);
    while ((n = read(fds[0], said + got, size - 1 - got)) > 0)
        got += (size_t)n;
    said[got] = '\0';
    close(fds[0]);
    waitpid(pid, &status, 0);
    return status;
}

TEST(a_bad_block_is_told_of)
{
    char said[4096];
    int status;

    if (!VERIFY_IR)
        TEST_SKIP("this build does not verify IR: meson setup -Dverify_ir=enabled");
    status = child(NULL, said, sizeof said);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
        TEST_SKIP("this host has no base tier");
    CHECK_EQ(status, 0);
    status = child(leaves_if, said, sizeof said);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK_HAS(said, LEAVES_IF);
    CHECK_HAS(said, "\nendif\n");
}

TEST_MAIN(TEST_CASE(a_bad_block_is_told_of))
