/*
 * test_hard_base.c - the hard instructions with the base tier as third engine: its own
 * code where it has rows, handlers called from its code where it has none.
 */
#include "base/bug.h"
#include "engine/base/host_thunks.h"
#include "engine/core/block.h"
#include "hard.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern isa_handler *const hard_interp_handlers[];

static const struct isa hard_isa = {
    .name = "hard",
    .state_size = HARD_STATE_BYTES,
    .insn_align = 1,
    .mmu_banks = 1,
    .pc_offset = offsetof(struct hard_common, pc),
    .fp_env_offset = offsetof(struct hard_common, fp),
};

static struct host_code_map map;
static struct thunks thunks;
static struct lower_room room;
static struct jump_far far[JUMP_FAR_ENTRIES];
static struct jump_cache jumps = { .entry[0] = { .pc = 2 } };

/* The case whose code is in the map. */
static struct {
    const struct hard_case *of;
    struct eblock *block; /* owns */
    void *entry;
} now;

static unsigned native, called;

const struct einsn *eblock_insns(struct ecpu *c, struct eblock *b)
{
    return eblock_decoded(b);
}

static void free_block(void)
{
    if (now.block)
        free(now.block->insns);
    free(now.block);
}

static void make_block(const struct hard_case *c)
{
    static u8 lens[4];

    free_block();
    now.block = calloc(1, sizeof *now.block + 4 * sizeof(s16));
    BUG_ON(!now.block);
    now.block->insns = calloc(1, sizeof(struct einsns) + 4 * sizeof(struct einsn));
    BUG_ON(!now.block->insns);
    now.block->len = lens;
    now.block->insn_count = (u8)c->insn_count;
    for (unsigned i = 0; i < c->insn_count; i++) {
        now.block->insns->at[i].run = hard_interp_handlers[c->insn[i].handler];
        now.block->insns->at[i].in = c->insn[i].in;
        now.block->offset[i] = c->insn[i].in.offset;
        now.block->offset[i + 1] = (s16)(c->insn[i].in.offset + c->insn[i].in.len);
        lens[i] = c->insn[i].in.len;
    }
}

static void translate(const struct hard_case *c)
{
    struct ir_block ir;
    struct lower_job job = { .ir = &ir, .isa = &hard_isa, .thunks = &thunks.shared, .room = &room };

    lower_ask_host(&job);
    make_block(c);
    ir_block_init(&ir);
    hard_build(c, &ir);
    job.block = now.block;
    job.insn = eblock_decoded(now.block);
    now.entry = NULL;
    if (lower_block(&job)) {
        now.entry = map.rx + thunks.size;
        lower_place(&job, map.rw + thunks.size, now.entry);
        host_code_flush(&map, thunks.size, job.hot_size + job.cold_size);
        native += job.native;
        called += job.called;
    }
    ir_block_fini(&ir);
    now.of = c;
}

static void run(struct hard_machine *m, const struct hard_case *c)
{
    if (now.of != c)
        translate(c);
    if (!now.entry) { /* too hard for the tier: such a block stays with the interpreter */
        hard_interpreter.run(m, c);
        return;
    }
    m->cpu.v.isa = &hard_isa;
    m->cpu.budget = 1000;
    m->cpu.jumps = &jumps;
    m->cpu.far = far;
    m->cpu.far_when = FAR_NOTHING;
    m->cpu.block = now.block;
    BUG_ON((thunks.enter(hard_vcpu(m), now.entry) == RUN_FAULT) != m->cpu.v.fault.pending);
}

static const struct hard_engine base_tier = { "base tier", run, NULL };

int main(int argc, char **argv)
{
    static const struct hard_engine *const engines[] = { &hard_evaluator, &hard_interpreter,
                                                         &base_tier };
    struct err err = { 0 };
    int r;

    if (host_code_map_init(&map, 1 << 20, HOST_CODE_AUTO, &err) ||
        !thunks_make(&thunks, &map, &hard_isa)) {
        printf("Bail out! no memory for host code: %s\n", err.text);
        return 1;
    }
    r = hard_main(argc, argv, engines, ARRAY_SIZE(engines));
    printf("# base tier: %u instructions in its own code, %u by their handlers\n", native, called);
    free_block();
    host_code_map_fini(&map);
    return r;
}
