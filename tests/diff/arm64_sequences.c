/*
 * arm64_sequences.c - random stretches of instructions, on few registers: the base tier against
 * the interpreter.
 *
 * Half of them are vectors and floating point, half integers that set condition flags or read
 * them, with selections and conditional comparisons; both with loads and stores, some of which
 * fault, and conditional branches forward; a third is a loop (arm64_stretch.c). State after, or at
 * the fault, is compared, flags included.
 *
 * diff/arm64 has one instruction a case; here is what an instruction leaves in the host's
 * registers and flags for the next. VM_CASES, VM_SEED as in diff.h.
 */
#include "arm64_cases.h"
#include "arm64_stretch.h"
#include "base/bits.h"
#include "diff.h"
#include "engine/core/engine.h"
#include "isa/arm64/decode.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2000 };

static void say(const struct arm64_case *before, const struct arm64_case *want,
                const struct arm64_case *got)
{
    for (u32 at = 0; at < before->code_size; at += 4) {
        struct isa_insn in;
        char text[100];

        arm64_decode(before->code + at, 4, 0, &in);
        isa_lines_text(&arm64_lines, &in, CASE_CODE + at, text, sizeof text);
        printf("#   %08x %s\n", le32_get(before->code + at), text);
    }
    diff_say_regs("x", 31, before->x, got->x, want->x);
    diff_say_regs("nzcv", 1, &before->nzcv, &got->nzcv, &want->nzcv);
    diff_say_regs("v/2 ", 64, before->v, got->v, want->v);
    printf("#   pc %#" PRIx64 " %#" PRIx64 ", signal %u %u, fpsr %#" PRIx64 " %#" PRIx64
           ", fpcr %#" PRIx64 ", memory %s\n",
           got->pc, want->pc, got->signal, want->signal, got->fpsr, want->fpsr, before->fpcr,
           memcmp(got->mem, want->mem, sizeof got->mem) ? "differs" : "agrees");
}

static void run(unsigned tier, u32 opts_off, struct arm64_case *cases)
{
    struct machine *m = diff_engine_new(tier, BATCH, opts_off);

    if (CHECK(m))
        diff_engine_run(m, (struct case_head *)cases, BATCH);
    diff_engine_free(m);
}

static void sequences(u32 opts_off)
{
    static struct arm64_case before[BATCH], want[BATCH], got[BATCH];
    unsigned long total = getenv("VM_CASES") ? strtoul(getenv("VM_CASES"), NULL, 0) : 60000;
    u64 rng = getenv("VM_SEED") ? strtoul(getenv("VM_SEED"), NULL, 0) : 1;
    unsigned differ = 0;

    for (unsigned long done = 0; done < total && differ < 3; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++)
            arm64_stretch_make(&before[i], &rng);
        memcpy(want, before, sizeof want);
        memcpy(got, before, sizeof got);
        run(ENGINE_INTERP, 0, want);
        run(ENGINE_BASE, opts_off, got);
        for (unsigned i = 0; i < BATCH && differ < 3; i++)
            if (memcmp(&want[i], &got[i], sizeof *want)) {
                say(&before[i], &want[i], &got[i]);
                differ++;
            }
    }
    CHECK_EQ(differ, 0);
}

TEST(base_tier_agrees_with_interpreter)
{
    sequences(0);
}

TEST(without_groups_too)
{
    sequences(1u << ENGINE_OPT_GROUPS);
}

TEST_MAIN(TEST_CASE(base_tier_agrees_with_interpreter), TEST_CASE(without_groups_too))
