/*
 * emit_x86_vec.c - the encoder's part for whole xmm registers.
 */
#include "engine/base/emit_x86_private.h"

void x86_v_rr(struct x86_out *o, unsigned op, enum x86_xmm d, enum x86_xmm s)
{
    x86_op_rr(o, op, 2, d, s, false);
}

void x86_v_rr_imm(struct x86_out *o, unsigned op, enum x86_xmm d, enum x86_xmm s, unsigned imm)
{
    x86_op_rr(o, op, 2, d, s, false);
    x86_byte(o, imm);
}

void x86_v_shift(struct x86_out *o, enum x86_v_shift how, unsigned size, enum x86_xmm d, unsigned n)
{
    x86_op_rr(o, size == 2 ? 0x0f71 : size == 4 ? 0x0f72 : 0x0f73, 2, how, d, false);
    x86_byte(o, n);
}

void x86_v_shift_each(struct x86_out *o, enum x86_v_each how, unsigned size, enum x86_xmm d,
                      enum x86_xmm x, enum x86_xmm by)
{
    x86_fma_rr(o, (enum x86_fma)how, size, d, x, by); /* of the same shape */
}

void x86_v_load(struct x86_out *o, enum x86_xmm d, struct x86_mem m)
{
    x86_op_rm(o, 0x0f10, 4, d, m, false);
}

void x86_v_store(struct x86_out *o, struct x86_mem m, enum x86_xmm s)
{
    x86_op_rm(o, 0x0f11, 4, s, m, false);
}

void x86_v_low(struct x86_out *o, enum x86_xmm d, enum x86_xmm s)
{
    x86_room(o);
    x86_byte(o, 0xf3);
    x86_op_rr(o, 0x0f7e, 4, d, s, false);
}

void x86_vf_rr(struct x86_out *o, unsigned op, unsigned size, enum x86_xmm d, enum x86_xmm s)
{
    x86_op_rr(o, op, size == 8 ? 2 : 4, d, s, false);
}

void x86_vf_rr_imm(struct x86_out *o, unsigned op, unsigned size, enum x86_xmm d, enum x86_xmm s,
                   unsigned imm)
{
    x86_vf_rr(o, op, size, d, s);
    x86_byte(o, imm);
}

void x86_vf_compare(struct x86_out *o, enum x86_vf_cmp how, unsigned size, enum x86_xmm d,
                    enum x86_xmm s)
{
    x86_vf_rr_imm(o, 0x0fc2, size, d, s, how);
}

void x86_v_to_int(struct x86_out *o, enum x86_xmm d, enum x86_xmm s)
{
    x86_room(o);
    x86_byte(o, 0xf3);
    x86_op_rr(o, 0x0f5b, 4, d, s, false);
}

void x86_vf_fma(struct x86_out *o, enum x86_fma op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b)
{
    x86_fma_rr(o, (enum x86_fma)(op - 1), size, d, a, b); /* packed ones stand before the scalar */
}

void x86_v_mask(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_xmm s)
{
    if (size >= 4)
        x86_op_rr(o, 0x0f50, size == 8 ? 2 : 4, d, s, false);
    else
        x86_op_rr(o, 0x0fd7, 2, d, s, false);
}
