/*
 * check.c - typing rules of one operation.
 */
#include "ir/check.h"
#include "ir/fp.h"

enum ir_type ir_fp_type(unsigned format)
{
    switch (format) {
    case FP_F16:
    case FP_BF16: return IR_I16;
    case FP_F32: return IR_I32;
    case FP_F64: return IR_I64;
    case FP_F80:
    case FP_F80_P53:
    case FP_F80_P24:
    case FP_F128: return IR_I128;
    }
    return IR_NONE;
}

static bool is_wide(enum ir_type t)
{
    return t >= IR_I8 && t <= IR_I128;
}

/* Operations on truth values: the rest needs i8 or wider. */
static bool takes_i1(enum ir_opcode op)
{
    switch (op) {
    case IR_AND:
    case IR_OR:
    case IR_XOR:
    case IR_ANDN:
    case IR_NOT:
    case IR_EQ:
    case IR_NE:
    case IR_SELECT:
    case IR_VARNEW:
    case IR_VARGET:
    case IR_VARSET:
    case IR_GETX:
    case IR_SETX:
    case IR_SET: return true;
    default: return false;
    }
}

static const char *check_memory(const struct ir_op *op, enum ir_type value)
{
    if (op->mem.mmu >= IR_MMU_COUNT)
        return "unknown memory regime";
    if (op->mem.align > IR_ALIGN_16)
        return "unknown alignment rule";
    if (op->mem.order > IR_TSO)
        return "unknown memory order";
    if (op->op == IR_PROBE)
        return op->imm2 == 0 ? "a probe of no bytes" : NULL;
    if (!is_wide(value))
        return "memory holds i8 to i128";
    if (op->op == IR_RMW && op->imm2 > IR_RMW_MAXS)
        return "unknown atomic function";
    return NULL;
}

static const char *check_fp(const struct ir_op *op, enum ir_type ta)
{
    enum ir_type t = ir_fp_type(op->fp.format);
    bool result = op->op != IR_FCMP && op->op != IR_FTOI && op->op != IR_FCLASS;

    if (t == IR_NONE)
        return "unknown floating-point format";
    if (op->fp.rules >= FP_RULES_COUNT && op->fp.rules != IR_RULES_DYNAMIC)
        return "unknown floating-point rules";
    if (op->fp.round > FP_RTO && op->fp.round != IR_ROUND_DYNAMIC)
        return "unknown rounding mode";
    if (op->fp.env > 1)
        return "unknown floating-point environment";
    if (result && op->type != t)
        return "the result's type does not hold the format";
    if (op->op == IR_FCVT)
        return ta == ir_fp_type(op->fp.from) ? NULL : "a's type does not hold the format";
    if (op->op == IR_ITOF)
        return is_wide(ta) ? NULL : "the integer is i8 to i128";
    if (ta != t)
        return "a's type does not hold the format";
    if (op->op == IR_FTOI && (op->type < IR_I8 || op->type > IR_I64 || op->ftoi.bits < 8 ||
                              op->ftoi.bits > ir_type_bits(op->type)))
        return "the integer does not fit the result";
    if (op->op == IR_FCLASS && op->type != IR_I64)
        return "the class is an i64";
    return NULL;
}

static const char *check_convert(const struct ir_op *op, enum ir_type ta)
{
    switch (op->op) {
    case IR_SEXT:
    case IR_ZEXT: return op->type > ta ? NULL : "extension to a type that is not wider";
    case IR_TRUNC: return op->type < ta ? NULL : "truncation to a type that is not narrower";
    case IR_HIGH64: return op->type == IR_I64 && ta == IR_I128 ? NULL : "i64 from i128 only";
    default: return check_fp(op, ta);
    }
}

/* Rules beyond "operands and result of one type" of the arithmetic operations. */
static const char *check_width(const struct ir_op *op, enum ir_type t)
{
    if (t == IR_I1 && !takes_i1(op->op))
        return "not an operation on i1";
    switch (op->op) {
    case IR_MULHU:
    case IR_MULHS:
    case IR_MULHSU: return t == IR_I128 ? "no high product of i128" : NULL;
    case IR_CLMUL:
    case IR_CLMULH:
    case IR_PEXT:
    case IR_PDEP: return t == IR_I64 ? NULL : "i64 only";
    case IR_SHA256A:
    case IR_SHA256E:
    case IR_SHA256S0:
    case IR_SHA256S1: return t == IR_I128 ? NULL : "i128 only";
    case IR_DEPOSIT:
        return op->imm2 && op->imm2 <= ir_type_bits(t) && op->imm <= ir_type_bits(t) - op->imm2
                   ? NULL
                   : "field outside the value";
    case IR_FADD:
    case IR_FSUB:
    case IR_FMUL:
    case IR_FDIV:
    case IR_FSQRT:
    case IR_FMA:
    case IR_FMIN:
    case IR_FMAX:
    case IR_FMULX:
    case IR_FROUND:
    case IR_FCMP: return check_fp(op, t);
    default: return NULL;
    }
}

static const char *check_a(const struct ir_op *op, enum ir_type ta)
{
    switch (op->op) {
    case IR_SET: return op->type == ta ? NULL : "the type is not that of a";
    case IR_IF:
    case IR_BREAKIF: return ta == IR_I1 ? NULL : "a condition is i1";
    case IR_PROBE: return ta == IR_I64 ? check_memory(op, IR_NONE) : "an address is i64";
    default: /* JUMP, RAISE */ return ta == IR_I64 ? NULL : "a is i64";
    }
}

static const char *check_ab(const struct ir_op *op, enum ir_type ta, enum ir_type tb)
{
    switch (op->op) {
    case IR_ST:
        return ta != IR_I64     ? "an address is i64"
               : op->type != tb ? "the type is not that of b"
                                : check_memory(op, tb);
    case IR_SETX: return ta == IR_I64 && op->type == tb ? NULL : "a is i64, the type that of b";
    case IR_VARSET: return op->type == ta && ta == tb ? NULL : "variable and value differ in type";
    default: /* RAISEIF, JUMPIF */ return ta == IR_I1 && tb == IR_I64 ? NULL : "a is i1, b is i64";
    }
}

static const char *check_r_a(const struct ir_op *op, enum ir_type ta)
{
    switch (op->op) {
    case IR_LD:
    case IR_LL: return ta == IR_I64 ? check_memory(op, op->type) : "an address is i64";
    case IR_GETX: return ta == IR_I64 ? NULL : "an index is i64";
    default: return op->type == ta ? check_width(op, ta) : "operand and result differ in type";
    }
}

static const char *check_r_ab(const struct ir_op *op, enum ir_type ta, enum ir_type tb)
{
    if (op->op == IR_RMW)
        return ta != IR_I64     ? "an address is i64"
               : op->type != tb ? "operand and result differ in type"
                                : check_memory(op, tb);
    if (op->op == IR_VLOOP)
        return op->type == IR_I64 && ta == IR_I64 && tb == IR_I64 ? NULL : "bounds are i64";
    if (op->type != ta || ta != tb)
        return "operands and result differ in type";
    return check_width(op, ta);
}

static const char *check_r_abc(const struct ir_op *op, enum ir_type ta, enum ir_type tb,
                               enum ir_type tc)
{
    if (op->op == IR_CAS)
        return ta != IR_I64                 ? "an address is i64"
               : op->type != tb || tb != tc ? "operands and result differ in type"
                                            : check_memory(op, tb);
    if (op->type != ta || ta != tb || tb != tc)
        return "operands and result differ in type";
    return check_width(op, ta);
}

static const char *check_call(const struct ir_op *op, enum ir_type ta, enum ir_type tb,
                              enum ir_type tc)
{
    if (!op->helper)
        return "a call of nothing";
    if (op->type != IR_I64 && op->type != IR_NONE)
        return "a helper returns i64 or nothing";
    return (ta == IR_I64 || ta == IR_NONE) && (tb == IR_I64 || tb == IR_NONE) &&
                   (tc == IR_I64 || tc == IR_NONE)
               ? NULL
               : "a helper takes i64";
}

/* How many operands a shape has: bit 0 for a, 1 for b, 2 for c. */
static unsigned shape_operands(unsigned shape)
{
    switch (shape) {
    case IRS_NONE:
    case IRS_LEAF: return 0;
    case IRS_A:
    case IRS_R_A:
    case IRS_CVT:
    case IRS_CMP1: return 1;
    case IRS_R_ABC:
    case IRS_SELECT:
    case IRS_CARRY: return 7;
    default: return 3;
    }
}

static bool shape_has_result(unsigned shape)
{
    return shape != IRS_NONE && shape != IRS_A && shape != IRS_AB;
}

const char *ir_check_types(const struct ir_op *op, enum ir_type ta, enum ir_type tb,
                           enum ir_type tc)
{
    unsigned shape = ir_op_infos[op->op].shape;
    unsigned have = (ta != IR_NONE) | (tb != IR_NONE) << 1 | (tc != IR_NONE) << 2;

    if (shape == IRS_CALL)
        return check_call(op, ta, tb, tc);
    if (have != shape_operands(shape))
        return "wrong number of operands";
    if (shape_has_result(shape) && (op->type == IR_NONE || op->type >= IR_TYPE_COUNT))
        return "no result type";
    switch (shape) {
    case IRS_LEAF: return op->op == IR_PC && op->type != IR_I64 ? "pc is i64" : NULL;
    case IRS_A: return check_a(op, ta);
    case IRS_AB: return check_ab(op, ta, tb);
    case IRS_R_A: return check_r_a(op, ta);
    case IRS_R_AB: return check_r_ab(op, ta, tb);
    case IRS_R_ABC: return check_r_abc(op, ta, tb, tc);
    case IRS_CVT: return check_convert(op, ta);
    case IRS_CVT2:
        return op->type == IR_I128 && ta == IR_I64 && tb == IR_I64 ? NULL : "i128 from two i64";
    case IRS_CMP:
        return op->type != IR_I1 ? "the result is i1"
               : ta != tb        ? "operands differ in type"
                                 : check_width(op, ta);
    case IRS_CMP1: return op->type == IR_I1 && is_wide(ta) ? NULL : "i1 from i8 or wider";
    case IRS_SELECT:
        return ta == IR_I1 && tb == tc && op->type == tb ? NULL : "a is i1, the rest of one type";
    case IRS_CARRY:
        return op->type == IR_I1 && is_wide(ta) && ta == tb && tc == IR_I1
                   ? NULL
                   : "i1 from two of one type and an i1";
    case IRS_SC:
        return op->type == IR_I1 && ta == IR_I64 ? check_memory(op, tb) : "i1 from an i64 address";
    }
    return NULL;
}
