/*
 * emit_x86_fp.c - the encoder's part for scalar floating point in xmm registers.
 */
#include "engine/base/emit_x86_private.h"

/* The mandatory prefix: F2 for f64, F3 for f32; 66 or none where the low bit of both is
 * taken. */
static void scalar(struct x86_out *o, unsigned size)
{
    x86_room(o);
    x86_byte(o, size == 8 ? 0xf2 : 0xf3);
}

static void packed(struct x86_out *o, unsigned size)
{
    x86_room(o);
    if (size == 8)
        x86_byte(o, 0x66);
}

void x86_fp_rr(struct x86_out *o, enum x86_fp op, unsigned size, enum x86_xmm d, enum x86_xmm s)
{
    scalar(o, size);
    x86_op_rr(o, 0x0f00u | op, 4, d, s, false);
}

void x86_fp_logic(struct x86_out *o, enum x86_fp_logic op, enum x86_xmm d, enum x86_xmm s)
{
    x86_op_rr(o, 0x0f00u | op, 4, d, s, false);
}

void x86_fp_mov(struct x86_out *o, enum x86_xmm d, enum x86_xmm s)
{
    x86_op_rr(o, 0x0f28, 4, d, s, false);
}

void x86_fp_load(struct x86_out *o, unsigned size, enum x86_xmm d, struct x86_mem m)
{
    scalar(o, size);
    x86_op_rm(o, 0x0f10, 4, d, m, false);
}

void x86_fp_store(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_xmm s)
{
    scalar(o, size);
    x86_op_rm(o, 0x0f11, 4, s, m, false);
}

void x86_fp_from_reg(struct x86_out *o, unsigned size, enum x86_xmm d, enum x86_reg s)
{
    x86_room(o);
    x86_byte(o, 0x66);
    x86_op_rr(o, 0x0f6e, size, d, s, false);
}

void x86_fp_to_reg(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_xmm s)
{
    x86_room(o);
    x86_byte(o, 0x66);
    x86_op_rr(o, 0x0f7e, size, s, d, false);
}

void x86_fp_compare(struct x86_out *o, bool signal, unsigned size, enum x86_xmm a, enum x86_xmm b)
{
    packed(o, size);
    x86_op_rr(o, signal ? 0x0f2f : 0x0f2e, 4, a, b, false);
}

void x86_fp_from_int(struct x86_out *o, unsigned size, unsigned int_size, enum x86_xmm d,
                     enum x86_reg s)
{
    scalar(o, size);
    x86_op_rr(o, 0x0f2a, int_size, d, s, false);
}

void x86_fp_to_int(struct x86_out *o, bool truncate, unsigned size, unsigned int_size,
                   enum x86_reg d, enum x86_xmm s)
{
    scalar(o, size);
    x86_op_rr(o, truncate ? 0x0f2c : 0x0f2d, int_size, d, s, false);
}

void x86_fp_round(struct x86_out *o, unsigned size, enum x86_xmm d, enum x86_xmm s, unsigned mode)
{
    x86_room(o);
    x86_byte(o, 0x66);
    x86_op_rr(o, size == 8 ? 0x0f3a0b : 0x0f3a0a, 4, d, s, false);
    x86_byte(o, mode);
}

void x86_fp_rrr(struct x86_out *o, enum x86_fp op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b)
{
    x86_room(o);
    x86_byte(o, 0xc4);
    x86_byte(o, (d & 8 ? 0 : 0x80u) | 0x40 | (b & 8 ? 0 : 0x20u) | 1);
    x86_byte(o, (~(unsigned)a & 15) << 3 | (size == 8 ? 3 : 2));
    x86_byte(o, op);
    x86_byte(o, 0xc0 | (d & 7) << 3 | (b & 7));
}

void x86_fma_rr(struct x86_out *o, enum x86_fma op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b)
{
    x86_room(o);
    x86_byte(o, 0xc4);
    x86_byte(o, (d & 8 ? 0 : 0x80u) | 0x40 | (b & 8 ? 0 : 0x20u) | 2);
    x86_byte(o, (size == 8 ? 0x80u : 0) | (~(unsigned)a & 15) << 3 | 1);
    x86_byte(o, op);
    x86_byte(o, 0xc0 | (d & 7) << 3 | (b & 7));
}

void x86_ldmxcsr(struct x86_out *o, struct x86_mem m)
{
    x86_op_rm(o, 0x0fae, 4, 2, m, false);
}

void x86_stmxcsr(struct x86_out *o, struct x86_mem m)
{
    x86_op_rm(o, 0x0fae, 4, 3, m, false);
}
