/*
 * host_vector_int.h - what the files with the table of integer operations share.
 */
#ifndef ENGINE_BASE_HOST_VECTOR_INT_H
#define ENGINE_BASE_HOST_VECTOR_INT_H

#include "engine/base/host_vector.h"

/* By operation and log2 of the element's bytes: the one instruction that does it, or 0. */
extern const u32 vec_codes[IR_OP_COUNT][5];
/* Signed comparisons by that log2. */
extern const u32 vec_greater[];

enum { PXOR = 0x0fef, PAND = 0x0fdb, PANDN = 0x0fdf, POR = 0x0feb, PSHUFB = 0x0f3800 };

static inline void vec_rr(struct vec_plan *p, u32 op, enum x86_xmm d, enum x86_xmm s)
{
    x86_v_rr(p->l->o, op, d, s);
}

/* The instruction `op` of two nodes. */
enum x86_xmm vec_two(struct vec_plan *p, u32 op, u8 first, u8 second);

static inline bool vec_is_shift(unsigned op)
{
    return op == IR_SHL || op == IR_SHR || op == IR_SAR;
}

bool vec_shift_known(const struct vec_plan *p, const struct vec_node *n);
enum x86_xmm vec_shift_emit(struct vec_plan *p, const struct vec_node *n);
/* Of bytes and of 64 bits, for which there is no instruction. */
enum x86_xmm vec_multiply_emit(struct vec_plan *p, const struct vec_node *n);

/* host_vector_sha.c: on whole registers, where job->has_sha. */
bool vec_is_sha(unsigned op);
enum x86_xmm vec_sha_emit(struct vec_plan *p, const struct vec_node *n);

#endif
