/*
 * eval.c - the reference: one operation after the other, on 128-bit values.
 */
#include "base/bug.h"
#include "ir/check.h"
#include "ir/eval.h"
#include "ir/fp.h"
#include <stdlib.h>
#include <string.h>

struct eval {
    const struct ir_block *b;
    u8 *state;
    struct fp_env *fp; /* one or two */
    u64 pc;
    const struct ir_eval_mem *mem;
    struct vcpu *c;
    bool (*fault_pending)(struct vcpu *);
    u128 *v; /* owns: values and variables, by operation */
    u32 at;
    struct ir_eval_result r;
    bool done;
};

static u128 load_bytes(const void *p, unsigned size)
{
    u128 v = 0;

    memcpy(&v, p, size);
    return v;
}

/* --- leaving --- */

static u64 insn_pc(const struct eval *e, u32 at)
{
    while (e->b->ops[at].op != IR_INSN)
        at--;
    return e->pc + e->b->ops[at].imm;
}

static u64 next_pc(const struct eval *e, u32 at)
{
    for (at++; at < e->b->op_count; at++)
        if (e->b->ops[at].op == IR_INSN)
            return e->pc + e->b->ops[at].imm;
    return e->pc + (u64)(s64)e->b->next;
}

static void leave(struct eval *e, enum ir_eval_end end, u64 pc)
{
    e->r.end = end;
    e->r.pc = pc;
    e->r.retired = e->b->ops[e->at].insn + (end != IR_EVAL_RAISED && end != IR_EVAL_FAULTED);
    e->done = true;
}

static void fault(struct eval *e)
{
    leave(e, IR_EVAL_FAULTED, insn_pc(e, e->at));
}

static void raise(struct eval *e, u64 cause, u128 value)
{
    e->r.cause = (u32)cause;
    e->r.value = (u64)value;
    leave(e, IR_EVAL_RAISED, insn_pc(e, e->at));
}

/* --- memory --- */

typedef u128 rmw_fn(u128 old, u128 v, unsigned bits);

static s128 as_signed(u128 v, unsigned bits)
{
    return (s128)(v << (128 - bits)) >> (128 - bits);
}

static u128 rmw_value(u64 f, u128 old, u128 v, unsigned bits)
{
    bool less = as_signed(old, bits) < as_signed(v, bits);

    switch (f) {
    case IR_RMW_XCHG: return v;
    case IR_RMW_ADD: return old + v;
    case IR_RMW_AND: return old & v;
    case IR_RMW_OR: return old | v;
    case IR_RMW_XOR: return old ^ v;
    case IR_RMW_MINU: return old < v ? old : v;
    case IR_RMW_MAXU: return old > v ? old : v;
    case IR_RMW_MINS: return less ? old : v;
    case IR_RMW_MAXS: return less ? v : old;
    }
    BUG("unknown atomic function");
}

/* A loop of compare-and-swap that begins with a guess. */
static int eval_rmw(struct eval *e, const struct ir_op *op, u64 addr, u128 b, u128 *old)
{
    unsigned size = ir_type_size(op->type);
    u128 expected = 0;

    for (;;) {
        u128 want = rmw_value(op->imm2, expected, b, size * 8);
        int bad = e->mem->cas(e->mem->arg, addr, &expected, &want, old, size, op->mem);

        if (bad || *old == expected)
            return bad;
        expected = *old;
    }
}

static void eval_memory(struct eval *e, const struct ir_op *op, u128 a, u128 b, u128 c)
{
    const struct ir_eval_mem *m = e->mem;
    unsigned size = ir_type_size(op->op == IR_SC ? e->b->ops[op->b].type : op->type);
    u128 out = 0;
    bool stored = false;
    int bad = 0;

    switch (op->op) {
    case IR_LD: bad = m->load(m->arg, (u64)a, &out, size, op->mem); break;
    case IR_ST: bad = m->store(m->arg, (u64)a, &b, size, op->mem); break;
    case IR_PROBE: bad = m->probe(m->arg, (u64)a, (unsigned)op->imm2, op->mem); break;
    case IR_RMW: bad = eval_rmw(e, op, (u64)a, b, &out); break;
    case IR_CAS: bad = m->cas(m->arg, (u64)a, &b, &c, &out, size, op->mem); break;
    case IR_LL: bad = m->ll(m->arg, (u64)a, &out, size, op->mem); break;
    case IR_SC:
        bad = m->sc(m->arg, (u64)a, &b, size, op->mem, &stored);
        out = stored;
        break;
    case IR_CLREX: m->clrex(m->arg); break;
    default: break; /* FENCE: one thread is always in order */
    }
    e->v[e->at] = out;
    if (bad)
        fault(e);
}

/* --- floating point --- */

static fp_bits bits_of(u128 v)
{
    return (fp_bits){ (u64)v, (u64)(v >> 64) };
}

static enum fp_rules rules_of(const struct ir_op *op, const struct fp_env *env)
{
    if (op->fp.rules != IR_RULES_DYNAMIC)
        return (enum fp_rules)op->fp.rules;
    return (enum fp_rules)(ir_fp_rules16(op) ? env->rules16 : env->rules);
}

static u128 eval_fp(struct eval *e, const struct ir_op *op, fp_bits a, fp_bits b, fp_bits c)
{
    enum fp_format fmt = (enum fp_format)op->fp.format;
    struct fp_env *env = &e->fp[op->fp.env];
    enum fp_rules rules = rules_of(op, env);
    enum fp_round round =
        (enum fp_round)(op->fp.round == IR_ROUND_DYNAMIC ? env->round : op->fp.round);
    enum fp_minmax mm = (enum fp_minmax)op->imm2;
    u8 *flags = &env->flags;
    fp_bits r;

    switch (op->op) {
    case IR_FADD: r = fp_add(fmt, rules, round, a, b, flags); break;
    case IR_FSUB: r = fp_sub(fmt, rules, round, a, b, flags); break;
    case IR_FMUL: r = fp_mul(fmt, rules, round, a, b, flags); break;
    case IR_FDIV: r = fp_div(fmt, rules, round, a, b, flags); break;
    case IR_FSQRT: r = fp_sqrt(fmt, rules, round, a, flags); break;
    case IR_FMA: r = fp_fma(fmt, rules, round, a, b, c, flags); break;
    case IR_FMIN: r = fp_min(fmt, rules, a, b, mm, flags); break;
    case IR_FMAX: r = fp_max(fmt, rules, a, b, mm, flags); break;
    case IR_FMULX: r = fp_mulx(fmt, rules, round, a, b, flags); break;
    case IR_FROUND: r = fp_round_int(fmt, rules, round, a, op->imm2 & 1, flags); break;
    case IR_FCVT: r = fp_convert((enum fp_format)op->fp.from, fmt, rules, round, a, flags); break;
    case IR_ITOF:
        r = fp_from_int(fmt, round, a.lo, a.hi, op->imm2 & 1, ir_type_bits(e->b->ops[op->a].type),
                        flags);
        break;
    case IR_FCLASS: return fp_class(fmt, a);
    case IR_FCMP: return op->imm2 >> fp_compare(fmt, rules, a, b, op->imm2 >> 8 & 1, flags) & 1;
    default: /* FTOI */
        return fp_to_int(fmt, rules, round, a, op->ftoi.is_signed, op->ftoi.bits,
                         (enum fp_toint)op->ftoi.mode, flags) &
               (~0ull >> (64 - ir_type_bits(op->type)));
    }
    return (u128)r.hi << 64 | r.lo;
}

/* --- state and variables --- */

static u128 eval_state(struct eval *e, const struct ir_op *op, u128 a, u128 b)
{
    unsigned size = ir_type_size(op->type);
    u8 *at = e->state + op->imm;

    if (op->op == IR_GETX || op->op == IR_SETX) {
        BUG_ON(a > op->imm2 - size);
        at += (u64)a;
    }
    if (op->op == IR_GET || op->op == IR_GETX)
        return load_bytes(at, size);
    memcpy(at, op->op == IR_SET ? &a : &b, size);
    return 0;
}

/* --- structure --- */

static bool opens(u8 op)
{
    return op == IR_IF || op == IR_LOOP || op == IR_VLOOP;
}

static bool closes(u8 op)
{
    return op == IR_ENDIF || op == IR_ENDLOOP || op == IR_ENDVLOOP;
}

/* The end of the structure that `at` stands in or opens; or its ELSE when wanted. */
static u32 find_end(const struct eval *e, u32 at, bool or_else)
{
    unsigned depth = 0;

    for (at++;; at++) {
        u8 op = e->b->ops[at].op;

        if (depth == 0 && (closes(op) || (or_else && op == IR_ELSE)))
            return at;
        depth += opens(op);
        depth -= closes(op);
    }
}

/* What opened the structure that ends at `at`. */
static u32 find_start(const struct eval *e, u32 at)
{
    unsigned depth = 1;

    while (depth) {
        u8 op = e->b->ops[--at].op;

        depth += closes(op);
        depth -= opens(op);
    }
    return at;
}

static u32 loop_end(const struct eval *e, u32 at)
{
    do
        at = find_end(e, at, false);
    while (e->b->ops[at].op != IR_ENDLOOP);
    return at;
}

static bool more_rounds(const struct eval *e, u32 vloop)
{
    return e->v[vloop] < e->v[e->b->ops[vloop].b];
}

/* at names the operation after which to go on. */
static void eval_control(struct eval *e, const struct ir_op *op, u128 a)
{
    u32 start;

    switch (op->op) {
    case IR_IF:
        if (!a)
            e->at = find_end(e, e->at, true);
        break;
    case IR_ELSE: /* reached from the first part */ e->at = find_end(e, e->at, false); break;
    case IR_BREAKIF:
        if (a)
            e->at = loop_end(e, e->at);
        break;
    case IR_ENDLOOP: e->at = find_start(e, e->at); break;
    case IR_VLOOP:
        e->v[e->at] = a;
        if (!more_rounds(e, e->at))
            e->at = find_end(e, e->at, false);
        break;
    case IR_ENDVLOOP:
        start = find_start(e, e->at);
        e->v[start]++;
        if (more_rounds(e, start))
            e->at = start;
        break;
    default: break;
    }
}

static void eval_call(struct eval *e, const struct ir_op *op, u128 a, u128 b, u128 c)
{
    e->v[e->at] = op->helper->fn(e->c, (u64)a, (u64)b, (u64)c);
    if (op->helper->effects & IRH_RAISES && e->fault_pending(e->c))
        fault(e);
}

static void eval_op(struct eval *e)
{
    const struct ir_op *op = &e->b->ops[e->at];
    u128 a = op->a == IR_NO_VAL ? 0 : e->v[op->a];
    u128 b = op->b == IR_NO_VAL ? 0 : e->v[op->b];
    u128 c = op->c == IR_NO_VAL ? 0 : e->v[op->c];

    switch (op->op) {
    case IR_PC: e->v[e->at] = e->pc + op->imm; break;
    case IR_GET:
    case IR_SET:
    case IR_GETX:
    case IR_SETX: e->v[e->at] = eval_state(e, op, a, b); break;
    case IR_VARNEW:
    case IR_VARGET: e->v[e->at] = a; break;
    case IR_VARSET: e->v[op->a] = b; break;
    case IR_LD:
    case IR_ST:
    case IR_PROBE:
    case IR_RMW:
    case IR_CAS:
    case IR_LL:
    case IR_SC:
    case IR_CLREX:
    case IR_FENCE: eval_memory(e, op, a, b, c); break;
    case IR_COMMIT:
    case IR_INSN: break;
    case IR_RAISE: raise(e, op->imm, a); break;
    case IR_RAISEIF:
        if (a)
            raise(e, op->imm, b);
        break;
    case IR_JUMP: leave(e, IR_EVAL_JUMP, (u64)a); break;
    case IR_JUMPIF:
        if (a)
            leave(e, IR_EVAL_JUMP, (u64)b);
        break;
    case IR_ENDBLOCK:
        leave(e, op->imm ? IR_EVAL_PC_SET : IR_EVAL_ENDBLOCK, next_pc(e, e->at));
        break;
    case IR_CALL: eval_call(e, op, a, b, c); break;
    default:
        if (ir_op_infos[op->op].effects & IRE_CTRL)
            eval_control(e, op, a);
        else if (ir_is_pure(op->op))
            e->v[e->at] =
                ir_pure(op, op->a == IR_NO_VAL ? 0 : ir_type_bits(e->b->ops[op->a].type), a, b, c);
        else
            e->v[e->at] = eval_fp(e, op, bits_of(a), bits_of(b), bits_of(c));
    }
}

struct ir_eval_result ir_eval(const struct ir_block *b, void *state, u32 fp_env_off, u64 pc,
                              const struct ir_eval_mem *mem, struct vcpu *c,
                              bool (*fault_pending)(struct vcpu *))
{
    struct eval e = {
        .b = b,
        .state = state,
        .fp = (struct fp_env *)((u8 *)state + fp_env_off),
        .pc = pc,
        .mem = mem,
        .c = c,
        .fault_pending = fault_pending,
        .v = calloc((size_t)b->op_count + 1, sizeof(u128)),
    };

    if (!e.v)
        BUG("out of memory for the evaluator");
    for (e.at = 0; e.at < b->op_count && !e.done; e.at++)
        eval_op(&e);
    if (!e.done) {
        e.r.pc = pc + (u64)(s64)b->next;
        e.r.retired = b->insn_count;
    }
    free(e.v);
    return e.r;
}
