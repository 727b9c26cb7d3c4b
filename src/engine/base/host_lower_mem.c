/*
 * host_lower_mem.c - loads, stores and fences.
 */
#include "engine/base/host_lower_ops.h"

#include <string.h>

/* --- memory --- */

enum { TLB_ENTRY_SHIFT = 4 };

/* rdx = host minus guest address of the page of [va, va + size). Returns the jump taken
 * when the table has no entry. */
static u8 *tlb_probe(struct low *l, enum x86_reg va, unsigned size, enum isa_access access,
                     unsigned align)
{
    s32 table = (s32)(access * sizeof(struct tlb_entry) * TLB_ENTRIES);
    s32 page = -(1 << TLB_PAGE_SHIFT);
    u8 *miss;

    x86_mov_rr(l->o, 8, RDX, va);
    if (size > 1 && align == IR_ALIGN_ANY)
        x86_lea(l->o, 8, RCX, x86_at(va, (s32)size - 1)); /* the last byte's page is compared */
    else
        x86_mov_rr(l->o, 8, RCX, va);
    x86_shift_ri(l->o, SH_SHR, 8, RDX, TLB_PAGE_SHIFT - TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 4, RDX, (TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 8, RCX, align == IR_ALIGN_ANY ? page : page | (s32)(size - 1));
    x86_alu_rm(l->o, ALU_CMP, 8, RCX, x86_at_index(REG_TLB, RDX, table));
    miss = x86_jcc(l->o, CC_NE);
    x86_load_zx(l->o, 8, RDX, x86_at_index(REG_TLB, RDX, table + 8));
    return miss;
}

/* In the cold part: the slow path by a thunk, which keeps every register but rax, rcx and
 * rdx, and does not come back when it faults. rcx: address, rdx: decoded instruction,
 * eax: how. */
static void slow_path(struct low *l, const struct ir_op *op, enum x86_reg va, const u8 *thunk)
{
    u32 how;

    memcpy(&how, &op->mem, sizeof how);
    vals_flush_copy(&l->a, &l->cold);
    x86_mov_rr(&l->cold, 8, RCX, va);
    x86_mov_ri(&l->cold, RDX, (uintptr_t)lo_insn(l, op->insn));
    x86_mov_ri(&l->cold, RAX, how);
    lo_fix(l, x86_call(&l->cold), FIX_ABSOLUTE, (uintptr_t)thunk);
}

static unsigned log2_size(unsigned size)
{
    return (unsigned)__builtin_ctz(size);
}

/* The thunks of one kind: with xmm registers to keep, or without. */
static const u8 *const *keeping(struct low *l, const u8 *const thunks[2][4])
{
    return thunks[vals_any_xmm(&l->a)];
}

static void load_fp(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_xmm d = vals_def_x(&l->a, id);
    u8 *miss = tlb_probe(l, va, size, ISA_READ, op->mem.align);

    x86_fp_load(l->o, size, d, x86_at_index(va, RDX, 0));
    lo_fix_cold(l, miss);
    slow_path(l, op, va, l->job->thunks->load[1][log2_size(size)]);
    x86_fp_from_reg(&l->cold, size, d, RDX);
    lo_jmp_hot(l);
}

static void load_int(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_reg d = vals_def(&l->a, id); /* before the probe: it may have to spill */
    u8 *miss = tlb_probe(l, va, size, ISA_READ, op->mem.align);

    x86_load_zx(l->o, size, d, x86_at_index(va, RDX, 0));
    lo_fix_cold(l, miss);
    slow_path(l, op, va, keeping(l, l->job->thunks->load)[log2_size(size)]);
    x86_mov_rr(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

void low_ld(struct low *l, const struct ir_op *op, u32 id)
{
    if (l->a.v[id].fp && ir_type_size(op->type) >= 4)
        load_fp(l, op, id);
    else
        load_int(l, op, id);
}

static void store_fp(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_xmm v = vals_use_x(&l->a, op->b);
    u8 *miss = tlb_probe(l, va, size, ISA_WRITE, op->mem.align);

    x86_fp_store(l->o, size, x86_at_index(va, RDX, 0), v);
    lo_fix_cold(l, miss);
    x86_fp_store(&l->cold, 8, LO_CPU(tier_value), v);
    slow_path(l, op, va, l->job->thunks->store[1][log2_size(size)]);
    lo_jmp_hot(l);
}

static void store_int(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_reg v = vals_use(&l->a, op->b);
    u8 *miss = tlb_probe(l, va, size, ISA_WRITE, op->mem.align);

    x86_mov_mr(l->o, size, x86_at_index(va, RDX, 0), v);
    lo_fix_cold(l, miss);
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), v);
    slow_path(l, op, va, keeping(l, l->job->thunks->store)[log2_size(size)]);
    lo_jmp_hot(l);
}

void low_st(struct low *l, const struct ir_op *op, u32 id)
{
    if (vals_in_xmm(&l->a, op->b))
        store_fp(l, op);
    else
        store_int(l, op);
}

void low_fence(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->imm & IR_FENCE_SL) /* the one order that x86 does not keep by itself */
        x86_mfence(l->o);
}
