/*
 * check.c - lock step: runs a block in each engine and compares what they leave.
 */
#include "engine/core/check_private.h"

#include "base/log.h"
#include "engine/interp/interp.h"
#include "state/state.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a run of a block left besides guest state and memory. */
struct outcome {
    int code; /* enum run_code */
    s64 budget;
    u32 insn_index;         /* RUN_FAULT */
    struct isa_fault fault; /* RUN_FAULT */
};

struct check *check_free(struct check *k)
{
    if (!k)
        return NULL;
    ir_builder_free(k->builder);
    ir_block_fini(&k->ir);
    free(k->log);
    free(k->before);
    free(k->after);
    free(k->no_jumps);
    free(k);
    return NULL;
}

struct check *check_new(struct cpu *c)
{
    struct check *k = calloc(1, sizeof *k);
    u32 size = c->e.v.isa->state_size;

    if (!k)
        return NULL;
    k->isa = c->e.v.isa;
    ir_block_init(&k->ir);
    k->builder = ir_builder_new(false);
    k->before = malloc(size);
    k->after = malloc(size);
    k->no_jumps = malloc(sizeof *k->no_jumps);
    if (!k->builder || !k->before || !k->after || !k->no_jumps)
        return check_free(k);
    jump_cache_clear(k->no_jumps, c->e.jump_shift);
    return k;
}

static void build(struct check *k, const struct isa *isa, const struct isa_insn *in, bool follow)
{
    ir_builder_insn(k->builder, in->offset, in->len);
    isa_build(isa, k->builder, in);
    if (follow)
        ir_builder_follow(k->builder);
    ir_builder_insn_end(k->builder);
}

u8 check_insn_flags(struct check *k, const struct isa_insn *in)
{
    ir_builder_begin(k->builder, &k->ir);
    build(k, k->isa, in, false);
    for (u32 i = 0; i < k->ir.op_count; i++)
        if (k->ir.ops[i].op == IR_CALL)
            return ISA_INSN_ALONE | ISA_INSN_ENDS;
    return 0;
}

/* --- the three ways to run --- */

/* One block in the interpreter; pc is set unless it faulted. */
static int run_interp(struct cpu *c, struct eblock *b)
{
    const struct einsn *insn = eblock_insns(&c->e, b);
    unsigned n = 0;
    int r;

    c->e.block = b;
    c->e.block_pc = *c->pc;
    do {
        r = insn[n].run(&c->e.v, &insn[n].in);
        if (r == RUN_JUMP && eblock_follows(b, insn, n))
            r = RUN_NEXT;
    } while (r == RUN_NEXT && ++n < b->insn_count);
    if (r == RUN_NEXT) {
        *c->pc = c->e.block_pc + (u64)(s64)eblock_next(b);
        r = RUN_JUMP;
    } else if (r == RUN_FAULT) {
        c->e.v.insn_index = n;
    } else {
        n++;
    }
    c->e.budget -= n;
    return r;
}

static int run_eval(struct cpu *c, struct eblock *b)
{
    static const u8 codes[] = { [IR_EVAL_NEXT] = RUN_JUMP,       [IR_EVAL_JUMP] = RUN_JUMP,
                                [IR_EVAL_ENDBLOCK] = RUN_LOOKUP, [IR_EVAL_RAISED] = RUN_FAULT,
                                [IR_EVAL_FAULTED] = RUN_FAULT,   [IR_EVAL_PC_SET] = RUN_LOOKUP };
    const struct einsn *insn = eblock_insns(&c->e, b);
    struct vcpu *v = &c->e.v;
    struct ir_eval_mem mem = check_eval_mem;
    struct ir_eval_result r;

    mem.arg = c;
    ir_builder_begin(c->check->builder, &c->check->ir);
    for (unsigned i = 0; i < b->insn_count; i++)
        build(c->check, v->isa, &insn[i].in, eblock_follows(b, insn, i));
    r = ir_eval(&c->check->ir, vcpu_state(v), v->isa->fp_env_offset, *c->pc, &mem, v, NULL);
    c->e.budget -= r.retired;
    v->insn_index = r.retired;
    if (r.end == IR_EVAL_RAISED)
        vcpu_raise(v, r.cause, r.value);
    if (codes[r.end] != RUN_FAULT)
        *c->pc = r.pc;
    return codes[r.end];
}

static int run_tier(struct cpu *c, struct eblock *b)
{
    struct jump_cache *jumps = c->e.jumps;
    u64 far_when = c->e.far_when;
    s64 rest = c->e.budget - b->insn_count;
    int r;

    c->e.jumps = c->check->no_jumps; /* one block only, and once */
    c->e.far_when = FAR_NOTHING;
    c->e.budget = b->insn_count;
    r = c->e.engine->tier->run(&c->e, b);
    c->e.budget += rest;
    c->e.jumps = jumps;
    c->e.far_when = far_when;
    c->e.link = NULL;
    return r;
}

/* What is not compared: once, in the interpreter. */
static int run_plain(struct cpu *c, struct eblock *b)
{
    struct jump_cache *jumps = c->e.jumps;
    int r;

    c->e.jumps = c->check->no_jumps;
    r = interp_run(&c->e, b, UINT32_MAX);
    c->e.jumps = jumps;
    return r;
}

/* --- comparing --- */

static struct outcome outcome_of(struct cpu *c, int code)
{
    struct outcome o = { .code = code, .budget = c->e.budget };

    if (code == RUN_FAULT) {
        o.insn_index = c->e.v.insn_index;
        o.fault = c->e.v.fault;
    }
    return o;
}

static void print_block(struct cpu *c, struct eblock *b, gva_t pc)
{
    const struct einsn *insn = eblock_insns(&c->e, b);

    for (unsigned i = 0; i < b->insn_count; i++) {
        const struct isa_insn *in = &insn[i].in;
        char text[80];

        c->e.v.isa->disassemble(in, pc + in->offset, text, sizeof text);
        log_error("  %#" PRIx64 ": %s", pc + in->offset, text);
    }
}

static void print_state(const struct isa *isa, const char *whose, const void *state)
{
    log_error("state after %s:", whose);
    state_print(isa->state, state, stderr);
}

static const char *difference(struct cpu *c, const struct outcome *want, const struct outcome *got,
                              char *buf, size_t size)
{
    const struct check *k = c->check;
    const char *member;

    if (k->why[0])
        return k->why;
    if (k->next != k->count)
        return "memory accesses are missing";
    if (want->code != got->code || want->fault.pending != got->fault.pending)
        return "the way the block was left";
    if (want->code == RUN_FAULT &&
        (want->fault.cause != got->fault.cause || want->fault.value != got->fault.value ||
         want->insn_index != got->insn_index))
        return "the exception";
    if (want->budget != got->budget)
        return "the count of retired instructions";
    member = state_diff(c->e.v.isa->state, k->after, vcpu_state(&c->e.v), buf, size);
    if (member && want->code == RUN_FAULT && strcmp(member, "pc") == 0)
        return NULL; /* set from the block's start by the run loop */
    return member;
}

/* Runs b again from the state before it and compares with what the interpreter left. */
static bool again(struct cpu *c, struct eblock *b, const char *engine,
                  int (*run)(struct cpu *c, struct eblock *b), s64 budget,
                  const struct outcome *want)
{
    struct check *k = c->check;
    struct vcpu *v = &c->e.v;
    struct outcome got;
    char buf[120];
    const char *what;

    memcpy(vcpu_state(v), k->before, v->isa->state_size);
    c->e.budget = budget;
    v->fault.pending = false;
    v->insn_index = 0;
    k->next = 0;
    k->mode = CHECK_REPEAT;
    got = outcome_of(c, run(c, b));
    k->mode = CHECK_OFF;
    if (got.budget == budget && got.code == RUN_JUMP && !k->next && want->budget != budget &&
        __atomic_load_n(&v->exit_request, __ATOMIC_ACQUIRE))
        return true; /* it was asked to stop before it began */
    what = difference(c, want, &got, buf, sizeof buf);
    if (!what)
        return true;
    log_error("lock step: CPU %u, block at %#" PRIx64 ": %s differs from the interpreter: %s",
              v->index, c->e.block_pc, engine, what);
    print_block(c, b, c->e.block_pc);
    print_state(v->isa, "the interpreter", k->after);
    print_state(v->isa, engine, vcpu_state(v));
    return false;
}

int check_run(struct cpu *c, struct eblock *b)
{
    struct check *k = c->check;
    struct vcpu *v = &c->e.v;
    struct engine *e = c->e.engine;
    s64 budget = c->e.budget;
    gva_t pc = *c->pc;
    struct outcome want;
    bool good;

    if (budget < b->insn_count || eblock_insns(&c->e, b)->in.flags & ISA_INSN_ALONE)
        return run_plain(c, b);
    memcpy(k->before, vcpu_state(v), v->isa->state_size);
    k->count = 0;
    k->why[0] = 0;
    k->mode = CHECK_KEEP;
    want = outcome_of(c, run_interp(c, b));
    k->mode = CHECK_OFF;
    memcpy(k->after, vcpu_state(v), v->isa->state_size);
    k->blocks++;

    good = (!e->cfg.check_eval || again(c, b, "the evaluator", run_eval, budget, &want)) &&
           (!e->cfg.check_interp || !eblock_host_entry(b) ||
            again(c, b, "the host-code tier", run_tier, budget, &want));

    memcpy(vcpu_state(v), k->after, v->isa->state_size);
    c->e.budget = want.budget;
    v->fault = want.fault;
    v->insn_index = want.insn_index;
    c->e.block = b;
    c->e.block_pc = pc;
    if (!good && e->host.check_failed)
        e->host.check_failed(e->host.arg);
    return want.code;
}
