/*
 * test_base_vector.c - which of arm64's vector instructions the base tier does in place: how much
 * of the tables in host_vector_int.c and host_vector_fp.c there is, and that what programs
 * execute most is there. That it is right, diff/arm64 says.
 *
 * VERBOSE=1: also what is left to handlers, and how much of it is not.
 */
#include "../isa/random.h"
#include "base/bits.h"
#include "engine/base/block_ir.h"
#include "engine/base/host_lower.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"
#include "test.h"
#include <stdlib.h>
#include <string.h>

enum { LEN = 4, TRIES = 60 };

static struct lower_room room;
static const struct lower_thunks thunks;
static union {
    struct eblock b;
    u8 bytes[sizeof(struct eblock) + 8 * sizeof(s16)];
} block;
static union {
    struct einsns s;
    u8 bytes[sizeof(struct einsns) + 4 * sizeof(struct einsn)];
} decoded;
static const u8 lens[] = { LEN, LEN };

/* One instruction: is it done without its handler? */
static bool is_native(struct ir_builder *s, struct ir_block *ir, u32 w)
{
    struct lower_job job = { .ir = ir,
                             .isa = &arm64_isa,
                             .block = &block.b,
                             .insn = decoded.s.at,
                             .thunks = &thunks,
                             .room = &room };

    memset(&block, 0, sizeof block);
    memset(&decoded, 0, sizeof decoded);
    if (arm64_decode((const u8 *)&w, LEN, 0, &decoded.s.at[0].in) != ISA_DECODE_OK)
        return false;
    decoded.s.at[0].in.len = LEN;
    block.b.insn_count = 1;
    block.b.insns = &decoded.s;
    block.b.len = lens;
    block.b.offset[1] = LEN;
    lower_ask_host(&job);
    block_ir_build(s, ir, &arm64_isa, &block.b, decoded.s.at);
    return lower_block(&job) && job.called == 0;
}

static bool is_vector(const struct isa_line *line)
{
    return !strcmp(line->ext, "simd") || !strcmp(line->ext, "sha2");
}

/* Some lines need what not every host has. */
static bool host_can(const struct isa_line *line)
{
    struct lower_job job = { 0 };

    lower_ask_host(&job);
    return strcmp(line->ext, "sha2") || job.has_sha;
}

struct tally {
    unsigned lines, whole, part;
};

/* Random encodings of the line; returns how many of 100 are native. */
static unsigned share(struct ir_builder *s, struct ir_block *ir, unsigned line, u64 *rng)
{
    unsigned made = 0, native = 0;
    u32 w;

    for (unsigned i = 0; i < TRIES; i++)
        if (isa_line_encode(&arm64_lines, line, (u32)random_u64(rng), &w)) {
            made++;
            native += is_native(s, ir, w);
        }
    return made ? native * 100 / made : 0;
}

TEST(what_programs_execute_is_native)
{
    static const char *const names[] = {
        "cmeq/v",   "umaxp/v",   "uminp/v",     "shrn",   "umaxv",   "addv",       "addp/v",
        "orr/v",    "bic/v",     "and/v",       "eor/v",  "bsl/v",   "add/v",      "sub/v",
        "mul/v",    "zip1/v",    "uzp1/v",      "trn1/v", "ext/16b", "dup/elem_b", "fadd/v",
        "fmul/v",   "fmla/v",    "fmla/elem_s", "fsub/v", "fdiv/v",  "cnt/v",      "sha256h",
        "sha256h2", "sha256su0", "sha256su1",
    };
    struct ir_builder *s = ir_builder_new(false);
    struct tally t = { 0 };
    struct ir_block ir;
    u64 rng = 5;

    ir_block_init(&ir);
    for (unsigned i = 0; i < arm64_lines.line_count; i++) {
        const struct isa_line *line = &arm64_lines.lines[i];
        bool wanted = false;
        unsigned n;

        if (!is_vector(line))
            continue;
        n = share(s, &ir, i, &rng);
        t.lines++;
        t.whole += n == 100;
        t.part += n > 0 && n < 100;
        if (getenv("VERBOSE") && n < 100)
            printf("# %3u %% %s\n", n, line->id);
        for (size_t k = 0; k < ARRAY_SIZE(names); k++)
            wanted |= !strcmp(line->id, names[k]);
        if (wanted && n < 100 && host_can(line))
            (void)TEST_FAIL_("%s is left to its handler", line->id);
    }
    printf("# of %u lines of vector instructions %u are done in place, %u in part\n", t.lines,
           t.whole, t.part);
    CHECK(t.whole > 300);
    ir_block_fini(&ir);
    ir_builder_free(s);
}

TEST_MAIN(TEST_CASE(what_programs_execute_is_native))
