/*
 * host_plan_mem.c - a look at a block before it is lowered: accesses through the same pointer.
 *
 * Loads whose addresses are constants away from one value share one check of the page,
 * made at the first of them for all their bytes, and so do stores. 41 to 48 % of the accesses
 * of Debian programs are not the first of their kind. What the check finds stays in
 * REG_LOADS or REG_STORES for the rest of the block: translations of this CPU change at a
 * block's end only. When the bytes are not all in one page of RAM, each goes the slow way.
 */
#include "engine/base/host_lower_ops.h"

#include <string.h>

enum { GROUP_BYTES = 256, SLOT_HEADS = 256, OFFSET_LIMIT = 1 << 20 };

struct mem_plan {
    struct low *l;
    const struct ir_op *ops;
    struct lower_access *access;
    u32 slots[SLOT_HEADS]; /* the i64 value in guest state, by offset / 8; IR_NO_VAL */
    u32 first[2];          /* of the open group of loads and of stores; IR_NO_VAL */
    unsigned depth;        /* open IFs and LOOPs */
    bool groups;           /* they share checks */
};

bool lo_is_plain_access(const struct ir_op *op)
{
    return (op->op == IR_LD || op->op == IR_ST) && op->mem.mmu == IR_MMU_DATA &&
           op->mem.align == IR_ALIGN_ANY && op->mem.order == IR_RELAXED;
}

static bool small_const(const struct ir_op *op, s32 *imm)
{
    s64 v = (s64)op->imm;

    if (op->op != IR_CONST || v <= -OFFSET_LIMIT || v >= OFFSET_LIMIT)
        return false;
    *imm = (s32)v;
    return true;
}

/* id = *base + *offset, an i64 sum with a constant; else both are left alone. */
static bool is_sum(const struct ir_op *ops, u32 id, u32 *base, s32 *offset)
{
    const struct ir_op *op = &ops[id];

    if (op->op != IR_ADD || op->type != IR_I64)
        return false;
    if (small_const(&ops[op->b], offset)) {
        *base = op->a;
        return true;
    }
    if (small_const(&ops[op->a], offset)) {
        *base = op->b;
        return true;
    }
    return false;
}

bool lo_is_address(struct low *l, u32 id, u32 *base, s32 *offset)
{
    const struct ir_op *ops = l->job->ir->ops, *user = &ops[l->a.v[id].last_use];

    return l->a.v[id].uses == 1 && lo_is_plain_access(user) && user->a == id &&
           user->insn == ops[id].insn && is_sum(ops, id, base, offset);
}

static void forget_slots(struct mem_plan *p, u64 offset, u64 size)
{
    for (u64 i = offset / 8; i <= (offset + size - 1) / 8 && i < SLOT_HEADS; i++)
        p->slots[i] = IR_NO_VAL;
}

static bool is_slot(const struct ir_op *op)
{
    return op->type == IR_I64 && op->imm % 8 == 0 && op->imm / 8 < SLOT_HEADS;
}

/* What the i64 value of a sum or a GET is a constant away from. */
static void plan_value(struct mem_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    struct lower_access *a = &p->access[id];
    u32 base, *slot;
    s32 offset;

    if (is_sum(p->ops, id, &base, &offset)) {
        offset += p->access[base].offset;
        if (offset > -OFFSET_LIMIT && offset < OFFSET_LIMIT) {
            a->root = p->access[base].root;
            a->offset = offset;
        }
    } else if (op->op == IR_GET && is_slot(op)) {
        slot = &p->slots[op->imm / 8];
        if (*slot == IR_NO_VAL)
            *slot = id;
        a->root = p->access[*slot].root;
        a->offset = p->access[*slot].offset;
    }
}

static void plan_access(struct mem_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    const struct lower_access *to = &p->access[op->a];
    u32 *first = &p->first[op->op == IR_ST];
    struct lower_access *f = &p->access[*first == IR_NO_VAL ? id : *first];
    s32 low = to->offset, high = low + (s32)ir_type_size(op->type);

    if (*first != IR_NO_VAL && p->access[p->ops[*first].a].root == to->root) {
        low = low < f->low ? low : f->low;
        high = high > f->high ? high : f->high;
        if (high - low <= GROUP_BYTES) {
            f->kind = ACCESS_FIRST;
            p->l->a.reserved |= (u16)(1u << (op->op == IR_ST ? REG_STORES : REG_LOADS));
            f->low = low;
            f->high = high;
            p->access[id].kind = ACCESS_NEXT;
            p->access[id].first = *first;
            return;
        }
    }
    *first = id;
    p->access[id].low = to->offset;
    p->access[id].high = to->offset + (s32)ir_type_size(op->type);
}

static void plan_op(struct mem_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];

    if (op->type == IR_I64) /* an address may be */
        p->access[id] = (struct lower_access){ .root = id };
    switch (op->op) {
    case IR_ADD:
    case IR_GET: plan_value(p, id); break;
    case IR_LD:
    case IR_ST:
        p->access[id] = (struct lower_access){ .root = id };
        if (p->groups && lo_is_plain_access(op) && ir_type_size(op->type) <= 8 && p->depth == 0)
            plan_access(p, id);
        break;
    case IR_SET:
        if (is_slot(op) && p->depth == 0)
            p->slots[op->imm / 8] = op->a;
        else
            forget_slots(p, op->imm, ir_type_size(op->type));
        break;
    case IR_SETX:
    case IR_CALL: memset(p->slots, 0xff, sizeof p->slots); break;
    case IR_IF:
    case IR_LOOP:
    case IR_VLOOP: p->depth++; break;
    case IR_ENDIF:
    case IR_ENDLOOP:
    case IR_ENDVLOOP: p->depth--; break;
    default: break;
    }
}

void lo_mem_plan(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    struct mem_plan p = { .l = l, .ops = ir->ops, .access = l->job->room->access };

    if (!(l->a.effects & IRE_MEM))
        return;
    p.groups = lower_may(l->job, ENGINE_OPT_GROUPS);

    memset(p.slots, 0xff, sizeof p.slots);
    memset(p.first, 0xff, sizeof p.first);
    for (u32 i = 0; i < ir->op_count; i++)
        plan_op(&p, i);
    if (lo_is_loop(ir) && lower_may(l->job, ENGINE_OPT_STREAMS) && p.groups)
        lo_stream_plan(l, p.slots, SLOT_HEADS);
}
