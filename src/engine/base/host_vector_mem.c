/*
 * host_vector_mem.c - loads and stores of whole vector registers.
 *
 * Guests describe 16 bytes as two accesses of 8, one behind the other, whose page one check covers
 * (host_plan_mem.c). Where they are both halves of a register, they are one of the host's, which
 * is as atomic as two; when the check fails they are two.
 */
#include "engine/base/host_lower_fp.h"
#include "engine/base/host_vector.h"

/* --- finding them --- */

static bool is_register(const struct low *l, const struct ir_op *low, const struct ir_op *high)
{
    const struct isa *isa = l->job->isa;
    u64 at = low->imm - isa->vector_offset;

    return at < isa->vector_bytes && at % 16 == 0 && high->imm == low->imm + 8 &&
           low->type == IR_I64 && high->type == IR_I64;
}

/* Two accesses of 8 bytes, one behind the other, of which the first one's check is for both. */
static bool is_pair(const struct low *l, u32 first, u32 second)
{
    const struct ir_op *x = &l->job->ir->ops[first], *y = &l->job->ir->ops[second];
    const struct lower_access *all = l->job->room->access, *a = &all[first], *b = &all[second];

    if (x->op != y->op || x->type != IR_I64 || y->type != IR_I64 || !lo_is_plain_access(x) ||
        !lo_is_plain_access(y) || all[x->a].root != all[y->a].root ||
        all[y->a].offset != all[x->a].offset + 8 || b->kind != ACCESS_NEXT)
        return false;
    return a->kind == ACCESS_FIRST ? b->first == first
                                   : a->kind == ACCESS_NEXT && a->first == b->first;
}

static void note(struct low *l, const struct ir_op *op)
{
    l->vector_regs |= 1u << (op->imm - l->job->isa->vector_offset) / 16 % 32;
}

static void plan_load(struct low *l, u32 first, u32 second)
{
    struct val *v = l->a.v;
    u32 low = v[first].last_use, high = v[second].last_use;
    const struct ir_op *ops = l->job->ir->ops;

    if (v[first].uses != 1 || v[second].uses != 1 || ops[low].op != IR_SET ||
        ops[high].op != IR_SET || !is_register(l, &ops[low], &ops[high]))
        return;
    v[first].plan = PLAN_VECTOR_LOAD;
    v[first].imm = ops[low].imm;
    v[low].plan = PLAN_VECTOR_SET;
    v[low].imm = first;
    v[second].plan = v[high].plan = PLAN_SKIP;
    note(l, &ops[low]);
}

static void plan_store(struct low *l, u32 first, u32 second)
{
    struct val *v = l->a.v;
    const struct ir_op *ops = l->job->ir->ops;
    u32 low = ops[first].b, high = ops[second].b;

    if (v[low].uses != 1 || v[high].uses != 1 || ops[low].op != IR_GET || ops[high].op != IR_GET ||
        ops[low].insn != ops[first].insn || ops[high].insn != ops[first].insn ||
        !is_register(l, &ops[low], &ops[high]))
        return;
    v[first].plan = PLAN_VECTOR_STORE;
    v[first].imm = ops[low].imm;
    v[second].plan = v[low].plan = v[high].plan = PLAN_SKIP;
    note(l, &ops[low]);
}

void lo_vector_plan_access(struct low *l, u32 from, u32 to)
{
    const struct ir_op *ops = l->job->ir->ops;
    u32 last = IR_NO_VAL;

    if (!lower_may(l->job, ENGINE_OPT_VECTORS) || !lower_may(l->job, ENGINE_OPT_MEMORY))
        return;
    for (u32 i = from; i < to; i++)
        if (!lo_is_native(l, &ops[i]))
            return;
    for (u32 i = from; i < to; i++) {
        if (ops[i].op != IR_LD && ops[i].op != IR_ST)
            continue;
        if (last != IR_NO_VAL && is_pair(l, last, i)) {
            (ops[i].op == IR_LD ? plan_load : plan_store)(l, last, i);
            last = IR_NO_VAL;
        } else {
            last = i;
        }
    }
}

/* --- doing them --- */

static struct x86_mem half(unsigned n)
{
    return cpu_at((s32)(offsetof(struct ecpu, fp_vector) + 8 * n));
}

/* How half n is accessed, where the first may have been looked at for both (IR_UNIT()). */
static struct ir_mem half_how(const struct ir_op *op, unsigned n)
{
    struct ir_mem how = op->mem;

    if (n && how.access > IR_UNIT(3))
        how.access = IR_UNIT(3);
    return how;
}

static void load(struct low *l, const struct ir_op *op, u32 id)
{
    struct lo_where w;
    enum x86_xmm d;
    struct x86_mem at;

    lo_write_early(l);
    w = lo_where_of(l, op);
    d = vals_take_x(&l->a, id);
    l->a.locked |= (u16)(1u << d);
    lo_check_access(l, op, &w, 16, &at);
    x86_v_load(l->o, d, at);
    for (unsigned i = 0; i < 2; i++) {
        lo_slow_access(l, op, w.base, w.offset + 8 * (s32)i, half_how(op, i),
                       l->job->thunks->load[1][3]);
        x86_mov_mr(&l->cold, 8, half(i), RDX);
    }
    x86_v_load(&l->cold, d, half(0));
    lo_jmp_hot(l);
}

/* From where the load left it. */
static void set(struct low *l, const struct ir_op *op, u32 load_id)
{
    enum x86_xmm x = l->a.v[load_id].at[VALS_XMM];

    if (l->a.failed)
        return;
    l->a.locked &= (u16) ~(1u << x);
    vec_state_set(l, (u16)op->imm, x);
}

static enum x86_xmm state(struct low *l, u32 id)
{
    struct vec_plan *p = l->vector_plan;

    p->l = l;
    p->free_count = 0;
    return vec_state_reg(p, (u16)l->a.v[id].imm);
}

static void store(struct low *l, const struct ir_op *op, u32 id)
{
    struct lo_where w;
    enum x86_xmm x;
    struct x86_mem at;

    x = state(l, id);
    lo_write_early(l);
    w = lo_where_of(l, op);
    lo_check_access(l, op, &w, 16, &at);
    x86_v_store(l->o, at, x);
    x86_v_store(&l->cold, half(0), x);
    for (unsigned i = 0; i < 2; i++) {
        x86_load_zx(&l->cold, 8, RAX, half(i));
        x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), RAX);
        lo_slow_access(l, op, w.base, w.offset + 8 * (s32)i, half_how(op, i),
                       l->job->thunks->store[1][3]);
    }
    lo_jmp_hot(l);
}

bool lo_vector_planned(struct low *l, const struct ir_op *op, u32 id)
{
    switch (l->a.v[id].plan) {
    case PLAN_VECTOR_LOAD: load(l, op, id); return true;
    case PLAN_VECTOR_SET: set(l, op, (u32)l->a.v[id].imm); return true;
    case PLAN_VECTOR_STORE: store(l, op, id); return true;
    default: return false;
    }
}
