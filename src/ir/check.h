/*
 * check.h - typing rules of one operation, shared by builder and verifier; and what
 * pure operations compute, shared by evaluator and constant folding.
 */
#ifndef IR_CHECK_H
#define IR_CHECK_H

#include "ir/ir.h"

/* NULL, or what is wrong with op (static text). ta, tb, tc: types of its operands,
 * IR_NONE where absent. */
const char *ir_check_types(const struct ir_op *op, enum ir_type ta, enum ir_type tb,
                           enum ir_type tc);

/* Type that holds a value of an fp_format; IR_NONE for an unknown format. */
enum ir_type ir_fp_type(unsigned format);

/* True when op only computes its result from its operands: no state, memory, control,
 * floating-point environment. */
bool ir_is_pure(enum ir_opcode op);

/* The result of a pure operation, by wide arithmetic: slow and obvious. Operands have
 * no bits above their types, nor has the result. wa: bits of operand a. Divisors are
 * not zero, signed quotients fit. */
u128 ir_pure(const struct ir_op *op, unsigned wa, u128 a, u128 b, u128 c);

/* --- the order of operations --- */

enum { IR_FLOW_DEPTH = 16 };

/* Follows a block operation by operation: nesting, leaving, and that nothing faults or
 * reads state after state was set. All zero at a block's start. */
struct ir_flow {
    struct ir_flow_scope {
        u8 kind;                   /* enum ir_opcode that opened it; IR_ELSE in the second part */
        bool wrote_in, set_in;     /* as below, on entry */
        bool wrote_then, set_then; /* as below, at the end of IF's first part or a BREAKIF */
        bool faults, gets;         /* seen inside, before the first COMMIT there */
        bool committed;            /* a COMMIT was seen directly inside */
    } scope[IR_FLOW_DEPTH];
    unsigned depth;
    bool in_insn; /* an INSN came */
    bool left;    /* the block was left */
    bool maybe;   /* left: by JUMPIF, so that another instruction may follow */
    bool wrote;   /* state may have been written since the instruction's start or COMMIT */
    bool set;     /* by SET: later GETs would be ambiguous */
};

/* NULL, or why op may not come here (static text). */
const char *ir_flow_op(struct ir_flow *f, const struct ir_op *op);
/* NULL, or why the instruction may not end here. */
const char *ir_flow_insn_end(const struct ir_flow *f);

#endif
