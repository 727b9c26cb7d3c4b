/*
 * flow.c - the rules about the order of operations, in the builder and the verifier.
 *
 * An instruction that faults must leave nothing behind, so whatever may fault comes
 * before the first write of state, or after a COMMIT. Inside a LOOP, "before" means
 * the round before, too.
 */
#include "ir/check.h"

static bool may_fault(const struct ir_op *op)
{
    return ir_op_infos[op->op].effects & IRE_FAULT ||
           (op->op == IR_CALL && op->helper->effects & IRH_RAISES);
}

static bool writes(const struct ir_op *op)
{
    return op->op == IR_SET || op->op == IR_SETX ||
           (op->op == IR_CALL && op->helper->effects & IRH_WRITES);
}

static const char *open_scope(struct ir_flow *f, const struct ir_op *op)
{
    if (f->depth == IR_FLOW_DEPTH)
        return "nested too deeply";
    f->scope[f->depth++] = (struct ir_flow_scope){
        .kind = op->op,
        .wrote_in = f->wrote,
        .set_in = f->set,
    };
    return NULL;
}

static const char *flow_else(struct ir_flow *f)
{
    struct ir_flow_scope *top = f->depth ? &f->scope[f->depth - 1] : NULL;

    if (!top || top->kind != IR_IF)
        return "ELSE without IF";
    top->kind = IR_ELSE;
    top->wrote_then = f->wrote;
    top->set_then = f->set;
    f->wrote = top->wrote_in;
    f->set = top->set_in;
    return NULL;
}

/* What a closed scope has done, its surroundings have done. */
static void leave_scope(struct ir_flow *f)
{
    const struct ir_flow_scope *top = &f->scope[--f->depth];

    if (f->depth && !f->scope[f->depth - 1].committed) {
        f->scope[f->depth - 1].faults |= top->faults;
        f->scope[f->depth - 1].gets |= top->gets;
    }
}

static const char *flow_endif(struct ir_flow *f)
{
    const struct ir_flow_scope *top = f->depth ? &f->scope[f->depth - 1] : NULL;

    if (!top || (top->kind != IR_IF && top->kind != IR_ELSE))
        return "ENDIF without IF";
    f->wrote |= top->kind == IR_ELSE ? top->wrote_then : top->wrote_in;
    f->set |= top->kind == IR_ELSE ? top->set_then : top->set_in;
    leave_scope(f);
    return NULL;
}

static const char *flow_endloop(struct ir_flow *f, enum ir_opcode opener)
{
    const struct ir_flow_scope *top = f->depth ? &f->scope[f->depth - 1] : NULL;

    if (!top || top->kind != opener)
        return "the end of a loop that is not open";
    if (f->wrote && top->faults)
        return "a round of the loop may fault after the round before wrote state";
    if (f->set && top->gets)
        return "a round of the loop reads state that the round before may have set";
    f->wrote |= top->wrote_in | top->wrote_then;
    f->set |= top->set_in | top->set_then;
    leave_scope(f);
    return NULL;
}

static const char *flow_break(struct ir_flow *f)
{
    unsigned i = f->depth;

    while (i > 0 && (f->scope[i - 1].kind == IR_IF || f->scope[i - 1].kind == IR_ELSE))
        i--;
    if (i == 0 || f->scope[i - 1].kind != IR_LOOP)
        return "BREAKIF outside LOOP";
    f->scope[i - 1].wrote_then |= f->wrote;
    f->scope[i - 1].set_then |= f->set;
    return NULL;
}

static const char *flow_exit(struct ir_flow *f, const struct ir_op *op)
{
    if (f->depth && op->op != IR_RAISE)
        return "the block is left inside IF or LOOP";
    f->left = f->depth == 0;
    f->maybe = op->op == IR_JUMPIF;
    return NULL;
}

static const char *flow_control(struct ir_flow *f, const struct ir_op *op)
{
    switch (op->op) {
    case IR_IF:
    case IR_LOOP:
    case IR_VLOOP: return open_scope(f, op);
    case IR_ELSE: return flow_else(f);
    case IR_ENDIF: return flow_endif(f);
    case IR_ENDLOOP: return flow_endloop(f, IR_LOOP);
    case IR_ENDVLOOP: return flow_endloop(f, IR_VLOOP);
    default: return flow_break(f);
    }
}

/* Only the innermost scope is surely past a COMMIT when its end is reached. */
static void flow_commit(struct ir_flow *f)
{
    f->wrote = f->set = false;
    if (f->depth)
        f->scope[f->depth - 1].committed = true;
}

static const char *flow_insn(struct ir_flow *f)
{
    const char *why = ir_flow_insn_end(f);

    if (why)
        return why;
    if (f->left && !f->maybe)
        return "an instruction after the block was left";
    f->in_insn = true;
    f->left = false;
    f->wrote = f->set = false;
    return NULL;
}

const char *ir_flow_op(struct ir_flow *f, const struct ir_op *op)
{
    unsigned effects = ir_op_infos[op->op].effects;

    if (op->op == IR_INSN)
        return flow_insn(f);
    if (!f->in_insn)
        return "an operation before the first instruction";
    if (f->left)
        return "an operation after the block was left";
    if (may_fault(op) && f->wrote)
        return "may fault after state was written";
    if (op->op == IR_GET && f->set)
        return "state is read after the instruction has set some";
    if (f->depth && !f->scope[f->depth - 1].committed) {
        f->scope[f->depth - 1].faults |= may_fault(op);
        f->scope[f->depth - 1].gets |= op->op == IR_GET;
    }
    if (writes(op))
        f->wrote = true;
    if (op->op == IR_SET)
        f->set = true;
    if (op->op == IR_COMMIT)
        flow_commit(f);
    if (effects & IRE_CTRL)
        return flow_control(f, op);
    return effects & IRE_EXIT ? flow_exit(f, op) : NULL;
}

const char *ir_flow_insn_end(const struct ir_flow *f)
{
    return f->depth ? "an instruction ends inside IF or LOOP" : NULL;
}
