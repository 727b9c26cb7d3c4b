/*
 * verify.c - checks a whole block: what a builder or a pass may have got wrong.
 */
#include "ir/check.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Where each value may be used: in the scope that made it and the scopes within. */
struct verifier {
    const struct ir_block *b;
    struct ir_flow flow;
    u32 *scope_of;               /* by operation: number of the scope it stands in */
    u32 open[IR_FLOW_DEPTH + 1]; /* numbers of the open scopes, outermost first */
    u32 scopes;                  /* given out so far */
    u32 insns;
};

static const char *check_operand(const struct verifier *v, u32 at, u32 operand)
{
    const struct ir_op *op = &v->b->ops[at];
    const struct ir_op *from;
    bool var = (op->op == IR_VARGET || op->op == IR_VARSET) && operand == op->a;

    if (operand == IR_NO_VAL)
        return NULL;
    if (operand >= at)
        return "an operand that does not come before";
    from = &v->b->ops[operand];
    if (from->type == IR_NONE || from->op == IR_SET || from->op == IR_SETX || from->op == IR_ST ||
        from->op == IR_VARSET)
        return "an operand that is no value";
    if (var != (from->op == IR_VARNEW))
        return var ? "not a variable" : "a variable used as a value";
    if (var && from->insn != op->insn)
        return "a variable of another instruction";
    for (unsigned i = 0; i <= v->flow.depth; i++)
        if (v->open[i] == v->scope_of[operand])
            return NULL;
    return "an operand from an IF or LOOP that is closed";
}

static bool symbol_in_c(const struct ir_op *op)
{
    return op->op == IR_CONST || op->op == IR_PC || op->op == IR_GET || op->op == IR_SET ||
           op->op == IR_GETX || op->op == IR_SETX;
}

static enum ir_type operand_type(const struct verifier *v, u32 operand)
{
    return operand == IR_NO_VAL ? IR_NONE : v->b->ops[operand].type;
}

static const char *check_state(const struct ir_op *op)
{
    u64 size = ir_type_size(op->type);

    if ((op->op == IR_GET || op->op == IR_SET) && op->imm + size > 65536)
        return "guest state ends at 65,536";
    if ((op->op == IR_GETX || op->op == IR_SETX) && (op->imm2 < size || op->imm + op->imm2 > 65536))
        return "a register file outside guest state";
    if (op->op == IR_CONST && op->type < IR_I64 && op->imm >> ir_type_bits(op->type))
        return "a constant wider than its type";
    return NULL;
}

static const char *check_insn(struct verifier *v, const struct ir_op *op)
{
    if (op->op == IR_INSN && op->imm2 != v->insns++)
        return "instructions are not numbered in order";
    if (v->insns && op->insn != v->insns - 1)
        return "marked with another instruction's number";
    return NULL;
}

/* Scope numbers after op has opened or closed something; depth is flow's, already new. */
static void follow_scopes(struct verifier *v, const struct ir_op *op)
{
    if (op->op == IR_IF || op->op == IR_ELSE || op->op == IR_LOOP || op->op == IR_VLOOP)
        v->open[v->flow.depth] = ++v->scopes;
}

static const char *check_op(struct verifier *v, u32 at)
{
    const struct ir_op *op = &v->b->ops[at];
    u32 c = symbol_in_c(op) ? IR_NO_VAL : op->c;
    const char *why;

    if (op->op >= IR_OP_COUNT)
        return "unknown operation";
    if ((why = check_insn(v, op)) || (why = check_operand(v, at, op->a)) ||
        (why = check_operand(v, at, op->b)) || (why = check_operand(v, at, c)) ||
        (why = check_state(op)) ||
        (why = ir_check_types(op, operand_type(v, op->a), operand_type(v, op->b),
                              operand_type(v, c))) ||
        (why = ir_flow_op(&v->flow, op)))
        return why;
    follow_scopes(v, op);
    /* The counter of a VLOOP lives inside it. */
    v->scope_of[at] = v->open[v->flow.depth];
    return NULL;
}

static const char *check_all(struct verifier *v, u32 *at)
{
    for (*at = 0; *at < v->b->op_count; ++*at) {
        const char *why = check_op(v, *at);

        if (why)
            return why;
    }
    return v->insns != v->b->insn_count ? "the count of instructions is wrong"
                                        : ir_flow_insn_end(&v->flow);
}

const char *ir_verify(const struct ir_block *b, char *buf, size_t size)
{
    struct verifier v = { .b = b, .scope_of = calloc((size_t)b->op_count + 1, sizeof(u32)) };
    const char *why = "out of memory";
    u32 at = 0;

    if (v.scope_of)
        why = check_all(&v, &at);
    free(v.scope_of);
    if (!why)
        return NULL;
    snprintf(buf, size, "operation %" PRIu32 " (%s): %s", at,
             at < b->op_count && b->ops[at].op < IR_OP_COUNT ? ir_op_infos[b->ops[at].op].name
                                                             : "end",
             why);
    return buf;
}
