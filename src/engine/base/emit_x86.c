/*
 * emit_x86.c - the x86-64 encoder.
 */
#include "engine/base/emit_x86_private.h"

#include <string.h>

enum { REX = 0x40, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1 };

static void bytes(struct x86_out *o, const void *p, unsigned n)
{
    memcpy(o->at, p, n);
    o->at += n;
}

static bool fits8(s64 v)
{
    return v == (s8)v;
}

/* These write at p and return where they ended: o->at is set once an instruction. */
static inline u8 *put32(u8 *p, s32 v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* Operand-size prefix and REX. byte_regs: a register whose low byte is used, for which
 * spl, bpl, sil and dil need an empty REX. */
static inline u8 *prefix(u8 *p, unsigned size, unsigned reg, unsigned index, unsigned base,
                         bool byte_regs)
{
    unsigned rex = (size == 8 ? REX | REX_W : 0) | (byte_regs ? REX : 0);

    if (size == 2)
        *p++ = 0x66;
    if (reg != X86_NO_REG && reg & 8)
        rex |= REX | REX_R;
    if (index != X86_NO_REG && index & 8)
        rex |= REX | REX_X;
    if (base & 8)
        rex |= REX | REX_B;
    if (rex)
        *p++ = (u8)rex;
    return p;
}

/* Opcode of one to three bytes, most significant first: 0x0fb6, 0x0f38f7. */
static inline u8 *opcode(u8 *p, unsigned op)
{
    if (op > 0xffff)
        *p++ = (u8)(op >> 16);
    if (op > 0xff)
        *p++ = (u8)(op >> 8);
    *p++ = (u8)op;
    return p;
}

static inline u8 *modrm_mem(u8 *p, unsigned reg, struct x86_mem m)
{
    bool sib = m.index != X86_NO_REG || (m.base & 7) == RSP;
    unsigned mod = m.disp == 0 && (m.base & 7) != RBP ? 0 : fits8(m.disp) ? 1 : 2;

    *p++ = (u8)(mod << 6 | (reg & 7) << 3 | (sib ? 4 : m.base & 7));
    if (sib)
        *p++ = (u8)(m.scale << 6 | (m.index == X86_NO_REG ? 4 : m.index & 7) << 3 | (m.base & 7));
    if (mod == 1)
        *p++ = (u8)m.disp;
    return mod == 2 ? put32(p, m.disp) : p;
}

void x86_op_rr(struct x86_out *o, unsigned op, unsigned size, unsigned reg, unsigned rm,
               bool byte_regs)
{
    u8 *p;

    x86_room(o);
    p = opcode(prefix(o->at, size, reg, X86_NO_REG, rm, byte_regs), op);
    *p++ = (u8)(0xc0 | (reg & 7) << 3 | (rm & 7));
    o->at = p;
}

void x86_op_rm(struct x86_out *o, unsigned op, unsigned size, unsigned reg, struct x86_mem m,
               bool byte_regs)
{
    u8 *p;

    x86_room(o);
    p = opcode(prefix(o->at, size, reg, m.index, m.base, byte_regs), op);
    o->at = modrm_mem(p, reg, m);
}

/* An immediate of the operand's size, at most four bytes. */
static void imm_sized(struct x86_out *o, unsigned size, s32 imm)
{
    bytes(o, &imm, size > 4 ? 4 : size);
}

void x86_alu_rr(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o, op * 8u + (size > 1), size, s, d, size == 1);
}

void x86_alu_ri(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d, s32 imm)
{
    bool small = size > 1 && fits8(imm);

    x86_op_rr(o, size == 1 ? 0x80 : small ? 0x83 : 0x81, size, op, d, size == 1);
    imm_sized(o, small ? 1 : size, imm);
}

void x86_alu_rm(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d, struct x86_mem m)
{
    x86_op_rm(o, op * 8u + 2 + (size > 1), size, d, m, size == 1);
}

void x86_alu_mr(struct x86_out *o, enum x86_alu op, unsigned size, struct x86_mem m, enum x86_reg s)
{
    x86_op_rm(o, op * 8u + (size > 1), size, s, m, size == 1);
}

void x86_alu_mi(struct x86_out *o, enum x86_alu op, unsigned size, struct x86_mem m, s32 imm)
{
    bool small = size > 1 && fits8(imm);

    x86_op_rm(o, size == 1 ? 0x80 : small ? 0x83 : 0x81, size, op, m, false);
    imm_sized(o, small ? 1 : size, imm);
}

void x86_test_rr(struct x86_out *o, unsigned size, enum x86_reg a, enum x86_reg b)
{
    x86_op_rr(o, size == 1 ? 0x84 : 0x85, size, b, a, size == 1);
}

void x86_unary(struct x86_out *o, enum x86_unary op, unsigned size, enum x86_reg r)
{
    x86_op_rr(o, size == 1 ? 0xf6 : 0xf7, size, op, r, size == 1);
}

void x86_imul_rr(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o, 0x0faf, size, d, s, false);
}

void x86_shift_ri(struct x86_out *o, enum x86_shift op, unsigned size, enum x86_reg r, unsigned n)
{
    x86_op_rr(o, size == 1 ? 0xc0 : 0xc1, size, op, r, size == 1);
    x86_byte(o, n);
}

void x86_shift_rcl(struct x86_out *o, enum x86_shift op, unsigned size, enum x86_reg r)
{
    x86_op_rr(o, size == 1 ? 0xd2 : 0xd3, size, op, r, size == 1);
}

void x86_lea(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m)
{
    x86_op_rm(o, 0x8d, size, d, m, false);
}

void x86_mov_rr(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o, 0x8b, size < 4 ? 4 : size, d, s, false);
}

void x86_mov_ri(struct x86_out *o, enum x86_reg d, u64 v)
{
    x86_room(o);
    if (v <= UINT32_MAX) {
        o->at = prefix(o->at, 4, X86_NO_REG, X86_NO_REG, d, false);
        x86_byte(o, 0xb8u | (d & 7));
        bytes(o, &v, 4);
    } else if ((s64)v == (s32)v) {
        x86_op_rr(o, 0xc7, 8, 0, d, false);
        bytes(o, &v, 4);
    } else {
        o->at = prefix(o->at, 8, X86_NO_REG, X86_NO_REG, d, false);
        x86_byte(o, 0xb8u | (d & 7));
        bytes(o, &v, 8);
    }
}

void x86_mov_mr(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s)
{
    x86_op_rm(o, size == 1 ? 0x88 : 0x89, size, s, m, size == 1);
}

void x86_mov_mi(struct x86_out *o, unsigned size, struct x86_mem m, s32 imm)
{
    x86_op_rm(o, size == 1 ? 0xc6 : 0xc7, size, 0, m, false);
    imm_sized(o, size, imm);
}

void x86_load_zx(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m)
{
    x86_op_rm(o, size == 1 ? 0x0fb6 : size == 2 ? 0x0fb7 : 0x8b, size == 8 ? 8 : 4, d, m, false);
}

void x86_load_sx(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m)
{
    x86_op_rm(o, size == 1 ? 0x0fbe : size == 2 ? 0x0fbf : size == 4 ? 0x63 : 0x8b, 8, d, m, false);
}

void x86_mov_zx(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o,
              size == 1   ? 0x0fb6
              : size == 2 ? 0x0fb7
                          : 0x8b,
              size == 8 ? 8 : 4, d, s, size == 1);
}

void x86_mov_sx(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o,
              size == 1   ? 0x0fbe
              : size == 2 ? 0x0fbf
              : size == 4 ? 0x63
                          : 0x8b,
              8, d, s, size == 1);
}

void x86_bswap(struct x86_out *o, unsigned size, enum x86_reg r)
{
    x86_room(o);
    o->at = prefix(o->at, size, X86_NO_REG, X86_NO_REG, r, false);
    x86_byte(o, 0x0f);
    x86_byte(o, 0xc8u | (r & 7));
}

void x86_bit_count(struct x86_out *o, u8 op, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_room(o);
    x86_byte(o, 0xf3);
    x86_op_rr(o, 0x0f00u | op, size, d, s, false);
}

void x86_setcc(struct x86_out *o, enum x86_cond cc, enum x86_reg r)
{
    x86_op_rr(o, 0x0f90u | cc, 1, 0, r, true);
    x86_mov_zx(o, 1, r, r);
}

void x86_setcc_m(struct x86_out *o, enum x86_cond cc, struct x86_mem m)
{
    x86_op_rm(o, 0x0f90u | cc, 1, 0, m, false);
}

void x86_cmov(struct x86_out *o, enum x86_cond cc, unsigned size, enum x86_reg d, enum x86_reg s)
{
    x86_op_rr(o, 0x0f40u | cc, size, d, s, false);
}

void x86_cqo(struct x86_out *o, unsigned size)
{
    x86_room(o);
    if (size == 8)
        x86_byte(o, REX | REX_W);
    x86_byte(o, 0x99);
}

void x86_call_r(struct x86_out *o, enum x86_reg r)
{
    x86_op_rr(o, 0xff, 4, 2, r, false);
}

void x86_jmp_r(struct x86_out *o, enum x86_reg r)
{
    x86_op_rr(o, 0xff, 4, 4, r, false);
}

void x86_jmp_m(struct x86_out *o, struct x86_mem m)
{
    x86_op_rm(o, 0xff, 4, 4, m, false);
}

void x86_ret(struct x86_out *o)
{
    x86_room(o);
    x86_byte(o, 0xc3);
}

void x86_push(struct x86_out *o, enum x86_reg r)
{
    x86_room(o);
    o->at = prefix(o->at, 4, X86_NO_REG, X86_NO_REG, r, false);
    x86_byte(o, 0x50u | (r & 7));
}

void x86_pop(struct x86_out *o, enum x86_reg r)
{
    x86_room(o);
    o->at = prefix(o->at, 4, X86_NO_REG, X86_NO_REG, r, false);
    x86_byte(o, 0x58u | (r & 7));
}

void x86_mfence(struct x86_out *o)
{
    x86_room(o);
    /* lock or dword [rsp], 0: orders like mfence and is faster on every x86 measured by
     * the field; the red zone is not used below. */
    x86_byte(o, 0xf0);
    x86_alu_mi(o, ALU_OR, 4, x86_at(RSP, 0), 0);
}

void x86_atomic_swap(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s)
{
    x86_op_rm(o, 0x86u + (size > 1), size, s, m, size == 1); /* locks by itself */
}

static void locked(struct x86_out *o, unsigned op, unsigned size, struct x86_mem m, enum x86_reg s)
{
    x86_room(o);
    x86_byte(o, 0xf0);
    x86_op_rm(o, op + (size > 1), size, s, m, size == 1);
}

void x86_atomic_add(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s)
{
    locked(o, 0x0fc0, size, m, s);
}

void x86_atomic_compare(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s)
{
    locked(o, 0x0fb0, size, m, s);
}

static u8 *displacement(struct x86_out *o)
{
    u8 *where = o->at;

    bytes(o, &(s32){ 0 }, 4);
    return o->full ? NULL : where;
}

u8 *x86_jmp(struct x86_out *o)
{
    x86_room(o);
    x86_byte(o, 0xe9);
    return displacement(o);
}

u8 *x86_jcc(struct x86_out *o, enum x86_cond cc)
{
    x86_room(o);
    x86_byte(o, 0x0f);
    x86_byte(o, 0x80u | cc);
    return displacement(o);
}

u8 *x86_call(struct x86_out *o)
{
    x86_room(o);
    x86_byte(o, 0xe8);
    return displacement(o);
}

u8 *x86_lea_rip(struct x86_out *o, enum x86_reg d)
{
    x86_room(o);
    o->at = prefix(o->at, 8, d, X86_NO_REG, 0, false);
    x86_byte(o, 0x8d);
    x86_byte(o, 5 | (d & 7u) << 3);
    return displacement(o);
}

void x86_data(struct x86_out *o, const void *p, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        x86_room(o);
        x86_byte(o, ((const u8 *)p)[i]);
    }
}

void x86_nop(struct x86_out *o)
{
    x86_room(o);
    x86_byte(o, 0x90);
}

void x86_point(u8 *where, const u8 *target)
{
    s32 rel;

    if (!where)
        return;
    rel = (s32)(target - (where + 4));
    memcpy(where, &rel, 4);
}
