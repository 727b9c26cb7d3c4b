/*
 * arm64_sequences.c - random stretches of vector and floating-point instructions, and of those that
 * set condition flags or read them, on few registers, loads and stores of these, some in a loop:
 * the base tier against the interpreter.
 *
 * diff/arm64 has one instruction a case; here is what an instruction leaves in the host's
 * registers for the next. VM_CASES, VM_SEED as in diff.h.
 */
#include "../isa/random.h"
#include "arm64_cases.h"
#include "base/bits.h"
#include "diff.h"
#include "engine/core/engine.h"
#include "isa/arm64/decode.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2000, BASE = 20, COUNT = 9, INSNS = CASE_CODE_MAX / 4, REGS = 4 };

/* Lines of vectors and floating point; of integers that set condition flags or read them. */
static struct pool {
    unsigned lines[1024], count;
} vectors, flags;

static void add(struct pool *p, unsigned line)
{
    if (p->count < ARRAY_SIZE(p->lines))
        p->lines[p->count++] = line;
}

static bool is_of_flags(const struct isa_line *l)
{
    static const char *const names[] = { "adds", "subs",  "ands",   "bics",   "adc",
                                         "adcs", "sbc",   "sbcs",   "ccmp",   "ccmn",
                                         "csel", "csinc", "csinv",  "csneg",  "cfinv",
                                         "rmif", "setf8", "setf16", "axflag", "xaflag" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (!strcmp(l->mnemonic, names[i]))
            return true;
    return false;
}

static void fill_pools(void)
{
    for (unsigned i = 0; i < arm64_lines.line_count; i++) {
        const struct isa_line *l = &arm64_lines.lines[i];
        bool moves_memory = !strncmp(l->mnemonic, "ld", 2) || !strncmp(l->mnemonic, "st", 2);
        bool has_vectors =
            !strcmp(l->ext, "simd") || !strcmp(l->ext, "fp") || !strcmp(l->ext, "sha2");

        if (has_vectors && !moves_memory)
            add(&vectors, i);
        else if (is_of_flags(l))
            add(&flags, i);
    }
}

/* The encoding with one of its register numbers below REGS, if that is what these bits are. */
static u32 with_few(unsigned line, u32 w, unsigned at)
{
    u32 few = w & ~((31u & ~(REGS - 1u)) << at);

    return isa_line_matches(&arm64_lines, line, few) ? few : w;
}

static u32 compute(u64 *rng)
{
    const struct pool *from = random_below(rng, 3) ? &vectors : &flags;
    struct isa_insn in;
    unsigned line;
    u8 bytes[4];
    u32 w;

    do {
        line = from->lines[random_below(rng, from->count)];
        while (!isa_line_encode(&arm64_lines, line, (u32)random_u64(rng), &w))
            ;
        w = with_few(line, with_few(line, with_few(line, w, 0), 5), 16);
        le32_put(bytes, w);
        arm64_decode(bytes, 4, 0, &in);
    } while (in.flags || (w & 31 & ~arm64_lines.lines[line].mask) >= REGS);
    return w;
}

/* Loads and stores of Q and D registers, pairs, and moves to and from general registers. */
static u32 transfer(u64 *rng)
{
    static const u32 words[] = {
        0x3dc00000, 0x3d800000, 0xfd400000, 0xfd000000,
        0xad400000, 0xad000000, 0x3cc10400, /* ldr q, [x], #16 */
        0x9e670000, 0x9e660000, 0x9eaf0000, 0x4e081c00,
    };
    unsigned which = random_below(rng, ARRAY_SIZE(words)), rt = random_below(rng, REGS);
    u32 w = words[which] | rt;

    if (which < 2)
        return w | random_below(rng, 3) << 10 | BASE << 5;
    if (which < 4)
        return w | random_below(rng, 6) << 10 | BASE << 5;
    if (which < 6)
        return w | random_below(rng, 3) << 15 | (rt + 1) % REGS << 10 | BASE << 5;
    return w | (which == 6 ? BASE : random_below(rng, REGS)) << 5;
}

static void make(struct arm64_case *c, u64 *rng)
{
    unsigned n = 2 + random_below(rng, INSNS - 4);
    bool loop = random_below(rng, 3) == 0;

    arm64_case_make((struct case_head *)c, vectors.lines[0], 0, 1, rng);
    if (random_below(rng, 4))
        c->fpcr = 0;
    c->x[BASE] = CASE_MEM + (random_below(rng, 16) ? 64 : random_below(rng, CASE_MEM_SIZE));
    c->x[COUNT] = 1 + random_below(rng, 3);
    for (unsigned i = 0; i < n; i++)
        le32_put(c->code + 4 * i, random_below(rng, 3) ? compute(rng) : transfer(rng));
    if (loop) {
        le32_put(c->code + 4 * n, 0xd1000400 | COUNT << 5 | COUNT); /* sub x9, x9, #1 */
        n++;
        le32_put(c->code + 4 * n, 0xb5000000 | ((0 - n) & 0x7ffff) << 5 | COUNT); /* cbnz x9 */
        n++;
    }
    c->code_size = 4 * n;
}

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

    if (!vectors.count)
        fill_pools();
    CHECK(flags.count);
    for (unsigned long done = 0; done < total && differ < 3; done += BATCH) {
        for (unsigned i = 0; i < BATCH; i++)
            make(&before[i], &rng);
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
