/*
 * emit_x86_private.h - what the encoder's files share: bytes, and the two shapes.
 */
#ifndef ENGINE_BASE_EMIT_X86_PRIVATE_H
#define ENGINE_BASE_EMIT_X86_PRIVATE_H

#include "engine/base/emit_x86.h"

/* Room for one instruction, at the least; what no longer fits goes to a place that is
 * never looked at. Buffers are longer than that. */
enum { X86_ROOM = 32 };

static inline void x86_room(struct x86_out *o)
{
    if (o->end - o->at < X86_ROOM) {
        o->full = true;
        o->at = o->end - X86_ROOM;
    }
}

/* After x86_room(). */
static inline void x86_byte(struct x86_out *o, unsigned v)
{
    *o->at++ = (u8)v;
}

/* Opcode with a register and a register, or a register and memory. size: of the operands;
 * byte_regs: registers whose low byte is used. */
void x86_op_rr(struct x86_out *o, unsigned op, unsigned size, unsigned reg, unsigned rm,
               bool byte_regs);
void x86_op_rm(struct x86_out *o, unsigned op, unsigned size, unsigned reg, struct x86_mem m,
               bool byte_regs);

#endif
