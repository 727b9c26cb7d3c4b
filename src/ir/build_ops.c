/*
 * build_ops.c - the part of the builder's vocabulary that only names operations.
 */
#include "ir/build_private.h"
#include "ir/check.h"

/* --- arithmetic --- */

#define X(name, op)                                                                                \
    ir_val ir_##name(struct ir_builder *s, ir_val a)                                               \
    {                                                                                              \
        return build_abc(s, IR_##op, ir_type_of(s, a), a, IR_NOVAL, IR_NOVAL);                      \
    }
IR_UNARY(X)
#undef X

#define X(name, op)                                                                                \
    ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b)                                     \
    {                                                                                              \
        return build_abc(s, IR_##op, ir_type_of(s, a), a, b, IR_NOVAL);                             \
    }
IR_BINARY(X)
#undef X

#define X(name, op)                                                                                \
    ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b, ir_val c)                           \
    {                                                                                              \
        return build_abc(s, IR_##op, ir_type_of(s, a), a, b, c);                                    \
    }
IR_TERNARY(X)
#undef X

#define X(name, op)                                                                                \
    ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b)                                     \
    {                                                                                              \
        return build_abc(s, IR_##op, IR_I1, a, b, IR_NOVAL);                                        \
    }
IR_COMPARE(X)
#undef X

#define X(name, op)                                                                                \
    ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b, ir_val carry_in)                    \
    {                                                                                              \
        return build_abc(s, IR_##op, IR_I1, a, b, carry_in);                                        \
    }
IR_CARRIES(X)
#undef X

ir_val ir_parity(struct ir_builder *s, ir_val a)
{
    return build_abc(s, IR_PARITY, IR_I1, a, IR_NOVAL, IR_NOVAL);
}

ir_val ir_select(struct ir_builder *s, ir_val cond, ir_val yes, ir_val no)
{
    return build_abc(s, IR_SELECT, ir_type_of(s, yes), cond, yes, no);
}

static ir_val convert(struct ir_builder *s, enum ir_opcode op, enum ir_type t, ir_val v)
{
    return ir_type_of(s, v) == t ? v : build_abc(s, op, t, v, IR_NOVAL, IR_NOVAL);
}

ir_val ir_sext(struct ir_builder *s, enum ir_type t, ir_val v)
{
    return convert(s, IR_SEXT, t, v);
}

ir_val ir_zext(struct ir_builder *s, enum ir_type t, ir_val v)
{
    return convert(s, IR_ZEXT, t, v);
}

ir_val ir_trunc(struct ir_builder *s, enum ir_type t, ir_val v)
{
    return convert(s, IR_TRUNC, t, v);
}

ir_val ir_high64(struct ir_builder *s, ir_val i128)
{
    return build_abc(s, IR_HIGH64, IR_I64, i128, IR_NOVAL, IR_NOVAL);
}

ir_val ir_concat64(struct ir_builder *s, ir_val low, ir_val high)
{
    return build_abc(s, IR_CONCAT64, IR_I128, low, high, IR_NOVAL);
}

ir_val ir_deposit(struct ir_builder *s, ir_val into, ir_val field, unsigned at, unsigned bits)
{
    enum ir_type t = ir_type_of(s, into);
    struct ir_op op = build_op(IR_DEPOSIT, t);
    ir_val wide = ir_type_of(s, field) < t ? ir_zext(s, t, field) : field;

    op.a = into.id;
    op.b = wide.id;
    op.imm = at;
    op.imm2 = bits;
    return build_emit(s, op);
}

/* --- memory --- */

static ir_val emit_mem(struct ir_builder *s, enum ir_opcode opcode, enum ir_type t, ir_val a,
                       ir_val b, ir_val c, struct ir_mem how, u64 imm2)
{
    struct ir_op op = build_op(opcode, t);

    op.a = a.id;
    op.b = b.id;
    op.c = c.id;
    op.mem = how;
    op.imm2 = imm2;
    return build_append(s, op);
}

ir_val ir_load(struct ir_builder *s, enum ir_type t, ir_val addr, struct ir_mem how)
{
    return emit_mem(s, IR_LD, t, addr, IR_NOVAL, IR_NOVAL, how, 0);
}

void ir_store(struct ir_builder *s, ir_val addr, ir_val v, struct ir_mem how)
{
    emit_mem(s, IR_ST, ir_type_of(s, v), addr, v, IR_NOVAL, how, 0);
}

void ir_probe(struct ir_builder *s, ir_val addr, unsigned bytes, struct ir_mem how)
{
    emit_mem(s, IR_PROBE, IR_NONE, addr, IR_NOVAL, IR_NOVAL, how, bytes);
}

ir_val ir_rmw(struct ir_builder *s, enum ir_rmw f, ir_val addr, ir_val v, struct ir_mem how)
{
    return emit_mem(s, IR_RMW, ir_type_of(s, v), addr, v, IR_NOVAL, how, f);
}

ir_val ir_cas(struct ir_builder *s, ir_val addr, ir_val expected, ir_val desired, struct ir_mem how)
{
    return emit_mem(s, IR_CAS, ir_type_of(s, expected), addr, expected, desired, how, 0);
}

ir_val ir_ll(struct ir_builder *s, enum ir_type t, ir_val addr, struct ir_mem how)
{
    return emit_mem(s, IR_LL, t, addr, IR_NOVAL, IR_NOVAL, how, 0);
}

ir_val ir_sc(struct ir_builder *s, ir_val addr, ir_val v, struct ir_mem how)
{
    return emit_mem(s, IR_SC, IR_I1, addr, v, IR_NOVAL, how, 0);
}

void ir_clrex(struct ir_builder *s)
{
    build_append(s, build_op(IR_CLREX, IR_NONE));
}

void ir_fence(struct ir_builder *s, unsigned fence)
{
    struct ir_op op = build_op(IR_FENCE, IR_NONE);

    op.imm = fence;
    build_append(s, op);
}

/* --- floating point --- */

static ir_val emit_fp(struct ir_builder *s, enum ir_opcode opcode, enum ir_type t, ir_val a,
                      ir_val b, ir_val c, struct ir_fp how, u64 imm2)
{
    struct ir_op op = build_op(opcode, t);

    op.a = a.id;
    op.b = b.id;
    op.c = c.id;
    op.fp = how;
    op.imm2 = imm2;
    return build_emit(s, op);
}

#define FP_BINARY(name, op)                                                                        \
    ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how)                   \
    {                                                                                              \
        return emit_fp(s, IR_##op, ir_type_of(s, a), a, b, IR_NOVAL, how, 0);                      \
    }
FP_BINARY(fadd, FADD)
FP_BINARY(fsub, FSUB)
FP_BINARY(fmul, FMUL)
FP_BINARY(fdiv, FDIV)
FP_BINARY(fmulx, FMULX)
#undef FP_BINARY

ir_val ir_fsqrt(struct ir_builder *s, ir_val a, struct ir_fp how)
{
    return emit_fp(s, IR_FSQRT, ir_type_of(s, a), a, IR_NOVAL, IR_NOVAL, how, 0);
}

ir_val ir_fma(struct ir_builder *s, ir_val a, ir_val b, ir_val c, struct ir_fp how)
{
    return emit_fp(s, IR_FMA, ir_type_of(s, a), a, b, c, how, 0);
}

ir_val ir_fmin(struct ir_builder *s, ir_val a, ir_val b, enum fp_minmax kind, struct ir_fp how)
{
    return emit_fp(s, IR_FMIN, ir_type_of(s, a), a, b, IR_NOVAL, how, kind);
}

ir_val ir_fmax(struct ir_builder *s, ir_val a, ir_val b, enum fp_minmax kind, struct ir_fp how)
{
    return emit_fp(s, IR_FMAX, ir_type_of(s, a), a, b, IR_NOVAL, how, kind);
}

ir_val ir_fcmp(struct ir_builder *s, ir_val a, ir_val b, unsigned mask, bool signal_qnan,
               struct ir_fp how)
{
    return emit_fp(s, IR_FCMP, IR_I1, a, b, IR_NOVAL, how, mask | (u64)signal_qnan << 8);
}

ir_val ir_fcvt(struct ir_builder *s, ir_val a, struct ir_fp how)
{
    return emit_fp(s, IR_FCVT, ir_fp_type(how.format), a, IR_NOVAL, IR_NOVAL, how, 0);
}

ir_val ir_ftoi(struct ir_builder *s, enum ir_type t, ir_val a, struct ir_ftoi to, struct ir_fp how)
{
    struct ir_op op = build_op(IR_FTOI, t);

    op.a = a.id;
    op.fp = how;
    op.ftoi = to;
    return build_emit(s, op);
}

ir_val ir_itof(struct ir_builder *s, ir_val a, bool is_signed, struct ir_fp how)
{
    return emit_fp(s, IR_ITOF, ir_fp_type(how.format), a, IR_NOVAL, IR_NOVAL, how, is_signed);
}

ir_val ir_fround(struct ir_builder *s, ir_val a, bool inexact, struct ir_fp how)
{
    return emit_fp(s, IR_FROUND, ir_type_of(s, a), a, IR_NOVAL, IR_NOVAL, how, inexact);
}

ir_val ir_fclass(struct ir_builder *s, ir_val a, struct ir_fp how)
{
    return emit_fp(s, IR_FCLASS, IR_I64, a, IR_NOVAL, IR_NOVAL, how, 0);
}

/* --- structure --- */

void ir_if(struct ir_builder *s, ir_val cond)
{
    build_plain(s, IR_IF, cond, 0);
}

void ir_else(struct ir_builder *s)
{
    build_plain(s, IR_ELSE, IR_NOVAL, 0);
}

void ir_endif(struct ir_builder *s)
{
    build_plain(s, IR_ENDIF, IR_NOVAL, 0);
}

void ir_loop(struct ir_builder *s)
{
    build_plain(s, IR_LOOP, IR_NOVAL, 0);
}

void ir_break_if(struct ir_builder *s, ir_val cond)
{
    build_plain(s, IR_BREAKIF, cond, 0);
}

void ir_endloop(struct ir_builder *s)
{
    build_plain(s, IR_ENDLOOP, IR_NOVAL, 0);
}

ir_val ir_vloop(struct ir_builder *s, struct ir_shape shape, ir_val from, ir_val to)
{
    struct ir_op op = build_op(IR_VLOOP, IR_I64);

    op.a = from.id;
    op.b = to.id;
    op.shape = shape;
    return build_append(s, op);
}

void ir_endvloop(struct ir_builder *s)
{
    build_plain(s, IR_ENDVLOOP, IR_NOVAL, 0);
}
