/*
 * host_lower_atomic.c - atomic accesses by the host's locked instructions.
 *
 * In place is what the TLB's fast path allows, aligned; it does to RAM and to the reservation
 * what core/atomic.c does, which has the rest: by a thunk.
 */
#include "engine/base/host_lower_ops.h"

/* Bytes accessed. */
static unsigned size_of(const struct low *l, const struct ir_op *op)
{
    return ir_type_size(op->op == IR_SC ? l->a.v[op->b].type : op->type);
}

bool lo_atomic_native(const struct low *l, const struct ir_op *op)
{
    return lower_may(l->job, ENGINE_OPT_ATOMICS) && op->mem.mmu == IR_MMU_DATA &&
           op->mem.align != IR_ALIGN_ANY && size_of(l, op) <= 8;
}

/* The check, after which the returned place may be accessed; it needs rdx. What to do else comes
 * next in the cold part. */
static struct x86_mem begin(struct low *l, const struct ir_op *op, enum x86_reg base,
                            enum isa_access access)
{
    lo_fix_cold(l, lo_tlb_probe(l, base, 0, 1, access, RDX, size_of(l, op) - 1));
    return x86_at_index(base, RDX, 0);
}

/* Ends the cold part's way, operands stored. what: of enum ir_rmw or ATOMIC_*. */
static void slow(struct low *l, const struct ir_op *op, enum x86_reg base, enum x86_reg d,
                 unsigned what)
{
    unsigned log2 = (unsigned)__builtin_ctz(size_of(l, op));
    struct ir_mem how = op->mem;

    how.access = (u8)(what | log2 << ATOMIC_SIZE);
    lo_slow_access(l, op, base, 0, how, l->job->thunks->atomic[vals_any_xmm(&l->a)]);
    x86_mov_rr(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

/* rcx = f(rax, v) */
static void compute(struct low *l, enum ir_rmw f, unsigned size, enum x86_reg v)
{
    static const u8 keeps_old[] = {
        [IR_RMW_MINU] = CC_B, [IR_RMW_MAXU] = CC_AE, [IR_RMW_MINS] = CC_L, [IR_RMW_MAXS] = CC_GE
    };

    if (f == IR_RMW_AND || f == IR_RMW_OR || f == IR_RMW_XOR) {
        x86_mov_rr(l->o, 8, RCX, RAX);
        x86_alu_rr(l->o, f == IR_RMW_AND ? ALU_AND : f == IR_RMW_OR ? ALU_OR : ALU_XOR, 8, RCX, v);
        return;
    }
    x86_mov_rr(l->o, 8, RCX, v);
    x86_alu_rr(l->o, ALU_CMP, size, RAX, v);
    x86_cmov(l->o, keeps_old[f], 8, RCX, RAX);
}

/* What the host has no instruction for: again until nobody else was between. */
static void rmw_loop(struct low *l, enum ir_rmw f, unsigned size, struct x86_mem at, enum x86_reg v,
                     enum x86_reg d)
{
    const u8 *again;

    x86_load_zx(l->o, size, RAX, at);
    again = l->o->at;
    compute(l, f, size, v);
    x86_atomic_compare(l->o, size, at, RCX);
    x86_point(x86_jcc(l->o, CC_NE), again);
    x86_mov_zx(l->o, size, d, RAX);
}

void low_rmw(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = size_of(l, op);
    enum ir_rmw f = (enum ir_rmw)op->imm2;
    enum x86_reg base, v, d;
    struct x86_mem at;

    lo_flush(l);
    base = vals_use(&l->a, op->a);
    v = vals_use(&l->a, op->b);
    d = vals_def(&l->a, id);
    at = begin(l, op, base, ISA_WRITE);
    if (f == IR_RMW_XCHG || f == IR_RMW_ADD) {
        x86_mov_zx(l->o, size, d, v);
        (f == IR_RMW_ADD ? x86_atomic_add : x86_atomic_swap)(l->o, size, at, d);
    } else {
        rmw_loop(l, f, size, at, v, d);
    }
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), v);
    slow(l, op, base, d, f);
}

void low_cas(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg base, expect, want, d;
    struct x86_mem at;

    lo_flush(l);
    base = vals_use(&l->a, op->a);
    expect = vals_use(&l->a, op->b);
    want = vals_use(&l->a, op->c);
    d = vals_def(&l->a, id);
    at = begin(l, op, base, ISA_WRITE);
    x86_mov_rr(l->o, 8, RAX, expect);
    x86_atomic_compare(l->o, size_of(l, op), at, want);
    x86_mov_zx(l->o, size_of(l, op), d, RAX);
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), want);
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_expect), expect);
    slow(l, op, base, d, ATOMIC_CAS);
}

void low_ll(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg base, d;
    struct x86_mem at;

    lo_flush(l);
    base = vals_use(&l->a, op->a);
    d = vals_def(&l->a, id);
    at = begin(l, op, base, ISA_READ);
    x86_load_zx(l->o, size_of(l, op), d, at);
    x86_lea(l->o, 8, RCX, x86_at_index(base, RDX, 1));
    x86_mov_mr(l->o, 8, LO_CPU(reserve_addr), RCX);
    x86_mov_mr(l->o, 8, LO_CPU(reserve_lo), d);
    x86_mov_mi(l->o, 8, LO_CPU(reserve_size), (s32)size_of(l, op));
    slow(l, op, base, d, ATOMIC_LL);
}

void low_sc(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg base, v, d;
    u8 *elsewhere, *other_size;
    struct x86_mem at;

    lo_flush(l);
    base = vals_use(&l->a, op->a);
    v = vals_use(&l->a, op->b);
    d = vals_def(&l->a, id);
    at = begin(l, op, base, ISA_WRITE);
    x86_lea(l->o, 8, RCX, x86_at_index(base, RDX, 1));
    x86_alu_rm(l->o, ALU_CMP, 8, RCX, LO_CPU(reserve_addr));
    elsewhere = x86_jcc(l->o, CC_NE);
    x86_alu_mi(l->o, ALU_CMP, 8, LO_CPU(reserve_size), (s32)size_of(l, op));
    other_size = x86_jcc(l->o, CC_NE);
    x86_load_zx(l->o, 8, RAX, LO_CPU(reserve_lo));
    x86_atomic_compare(l->o, size_of(l, op), at, v);
    x86_setcc(l->o, CC_E, d);
    x86_mov_mi(l->o, 8, LO_CPU(reserve_addr), 0);
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), v);
    slow(l, op, base, d, ATOMIC_SC);
    lo_fix_cold(l, elsewhere); /* no reservation of these bytes */
    lo_fix_cold(l, other_size);
    x86_mov_ri(&l->cold, d, 0);
    x86_mov_mi(&l->cold, 8, LO_CPU(reserve_addr), 0);
    lo_jmp_hot(l);
}
