/*
 * hard_engines.c - the two engines that always take part: evaluator and interpreter.
 */
#include "base/bug.h"
#include "hard.h"
#include "ir/eval.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void build_insn(struct ir_builder *s, const struct hard_insn *insn)
{
    struct hard_args a;

    for (unsigned k = 0; k < ARRAY_SIZE(a.r); k++)
        a.r[k] = (sem_reg){ -1, insn->in.reg[k] };
    a.imm[0] = (sem_imm){ -1, insn->in.imm };
    a.imm[1] = (sem_imm){ -1, insn->in.imm2 };
    ir_builder_insn(s, insn->in.offset, insn->in.len);
    insn->semantics(s, &a);
    ir_builder_insn_end(s);
}

void hard_build(const struct hard_case *c, struct ir_block *block)
{
    struct ir_builder *s = ir_builder_new(false);
    const char *why;
    char buf[200];

    ir_builder_begin(s, block);
    for (unsigned i = 0; i < c->insn_count; i++)
        build_insn(s, &c->insn[i]);
    ir_builder_free(s);
    why = ir_verify(block, buf, sizeof buf);
    if (why) {
        printf("# %s: %s\n", c->name, why);
        exit(1);
    }
}

/* --- evaluator --- */

static const struct isa_insn no_insn; /* the evaluator says itself which one it was */

static int eval_load(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how)
{
    return cpu_load_slow(arg, &no_insn, addr, v, size, how);
}

static int eval_store(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how)
{
    return cpu_store_slow(arg, &no_insn, addr, v, size, how);
}

static int eval_probe(void *arg, u64 addr, unsigned size, struct ir_mem how)
{
    return cpu_probe(arg, &no_insn, addr, size, how);
}

static int eval_cas(void *arg, u64 addr, const void *expected, const void *want, void *old,
                    unsigned size, struct ir_mem how)
{
    return cpu_cas(arg, &no_insn, addr, expected, want, old, size, how);
}

static int eval_ll(void *arg, u64 addr, void *v, unsigned size, struct ir_mem how)
{
    return cpu_ll(arg, &no_insn, addr, v, size, how);
}

static int eval_sc(void *arg, u64 addr, const void *v, unsigned size, struct ir_mem how, bool *done)
{
    return cpu_sc(arg, &no_insn, addr, v, size, how, done);
}

static void eval_clrex(void *arg)
{
    cpu_clrex(arg);
}

static bool fault_pending(struct vcpu *c)
{
    return c->fault.pending;
}

static void evaluate(struct hard_machine *m, const struct hard_case *c)
{
    struct vcpu *v = hard_vcpu(m);
    const struct ir_eval_mem mem = { v,        eval_load, eval_store, eval_probe,
                                     eval_cas, eval_ll,   eval_sc,    eval_clrex };
    struct hard_common *s = vcpu_state(v);
    struct ir_block block;
    struct ir_eval_result r;

    ir_block_init(&block);
    hard_build(c, &block);
    r = ir_eval(&block, s, offsetof(struct hard_common, fp), HARD_CODE, &mem, v, fault_pending);
    ir_block_fini(&block);
    if (r.end == IR_EVAL_RAISED)
        vcpu_raise(v, r.cause, r.value);
    v->insn_index = r.retired;
    if (r.end != IR_EVAL_RAISED && r.end != IR_EVAL_FAULTED && r.end != IR_EVAL_PC_SET)
        s->pc = r.pc;
    BUG_ON((r.end == IR_EVAL_FAULTED || r.end == IR_EVAL_RAISED) != v->fault.pending);
}

const struct hard_engine hard_evaluator = { "evaluator", evaluate, NULL };

/* --- interpreter: what semgen printed --- */

extern isa_handler *const hard_interp_handlers[];

static void interpret(struct hard_machine *m, const struct hard_case *c)
{
    struct hard_common *s = vcpu_state(hard_vcpu(m));

    for (unsigned i = 0; i < c->insn_count; i++) {
        const struct isa_insn *in = &c->insn[i].in;

        if (hard_interp_handlers[c->insn[i].handler](hard_vcpu(m), in) != RUN_NEXT)
            return;
        s->pc = HARD_CODE + in->offset + in->len;
    }
}

const struct hard_engine hard_interpreter = { "interpreter", interpret, NULL };
