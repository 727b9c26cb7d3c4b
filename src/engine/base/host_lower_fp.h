/*
 * host_lower_fp.h - what the files that lower floating point share.
 */
#ifndef ENGINE_BASE_HOST_LOWER_FP_H
#define ENGINE_BASE_HOST_LOWER_FP_H

#include "engine/base/host_lower_ops.h"
#include "ir/fp.h"

#define FP_NAN_32 0x7fc00000u
#define FP_NAN_64 0x7ff8000000000000ull

/* The smallest normal numbers. */
#define SMALLEST_32 0x00800000
#define SMALLEST_64 0x0010000000000000ull

/* val.plan of an operation. */
enum {
    PLAN_NONE,
    PLAN_SKIP, /* done as a part of a later one, or for nobody */
    PLAN_BOX,
    PLAN_UNBOX,
    PLAN_COPY, /* of value val.imm, until it is lowered; so the next two */
    PLAN_ABS,
    PLAN_NEGATE,
    PLAN_DIVISION,         /* host_lower_div.c; val.imm, until it is lowered: by zero */
    PLAN_QUIET,            /* FCMP: of no flags; SET of the flags: to what they are */
    PLAN_VECTOR_LOAD,      /* host_vector_mem.c; val.imm, until it is lowered: place in state */
    PLAN_VECTOR_SET,       /* val.imm: the load */
    PLAN_VECTOR_STORE,     /* val.imm: place in state */
    PLAN_COND,             /* asked for as a condition of the host's: host_plan_cond.c */
    PLAN_LAZY,             /* SET of such, done later: host_lower_lazy.c */
    PLAN_FMA_MINUS_A = 16, /* bits */
    PLAN_FMA_MINUS_C = 32
};

/* Fills in val.plan and val.fp. After vals_init(). */
void lo_fp_plan(struct low *l);
void lo_fp_plan_flags(struct low *l);

/* Bytes of an operand in its format. */
static inline unsigned lo_fp_size(unsigned format)
{
    return format == FP_F32 ? 4 : 8;
}

/* x = a bit pattern. Uses rax. */
void lo_fp_const(struct low *l, struct x86_out *o, unsigned size, enum x86_xmm x, u64 bits);
/* In the cold part: what's left is done by software. The operands: xmm registers, or for
 * ITOF a general one. rdx: the result. */
void lo_fp_slow(struct low *l, const struct ir_op *op, const enum x86_xmm *x, unsigned count);
/* An operation of one operand, of that size, by the host's instruction where rules are dynamic. */
void lo_fp_unary_keeping(struct low *l, const struct ir_op *op, u32 id, enum x86_fp how,
                         unsigned size);
/* Makes a NaN the canonical one. */
void lo_fp_canon(struct low *l, unsigned size, enum x86_xmm x);
/* Around an instruction that rounds, when its mode is a static one. Use rax. */
void lo_fp_round_begin(struct low *l, const struct ir_op *op);
void lo_fp_round_end(struct low *l, const struct ir_op *op);

#endif
