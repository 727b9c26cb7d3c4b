/*
 * host_values.c - registers, spill cells and the cache of guest state of one block.
 */
#include "engine/base/host_values.h"

#include "base/bug.h"
#include <string.h>

/* In order of preference: registers that C calls preserve come last, as slow paths save
 * the others. */
static const u8 pool[] = { RSI, RDI, R8, R9, R10, R11, RBX, RBP, R15 };

static u32 operand(const struct ir_op *op, unsigned n)
{
    return n == 0 ? op->a : n == 1 ? op->b : op->c;
}

void vals_init(struct vals *a, const struct ir_block *ir, struct val *v, struct x86_out *out,
               s32 state_off, s32 spill_off)
{
    memset(a, 0, sizeof *a);
    a->out = out;
    a->ir = ir;
    a->v = v;
    a->state_off = state_off;
    a->spill_off = spill_off;
    memset(a->held, 0xff, sizeof a->held);
    memset(v, 0, ir->op_count * sizeof *v);
    for (u32 i = 0; i < ir->op_count; i++) {
        v[i].type = ir->ops[i].type;
        v[i].reg = X86_NO_REG;
        v[i].same_as = i;
        v[i].spill = v[i].slot = -1;
        for (unsigned n = 0; n < 3; n++) {
            u32 used = operand(&ir->ops[i], n);

            if (used != IR_NO_VAL) {
                v[used].last_use = i;
                v[used].uses++;
            }
        }
    }
}

struct val *vals_of(struct vals *a, u32 id)
{
    return &a->v[a->v[id].same_as];
}

static struct x86_mem slot_mem(const struct vals *a, const struct slot *s)
{
    return x86_at(REG_CPU, a->state_off + s->offset);
}

static struct x86_mem spill_mem(const struct vals *a, const struct val *v)
{
    return x86_at(REG_CPU, a->spill_off + 8 * v->spill);
}

static bool cached(const struct vals *a, u32 id)
{
    for (unsigned i = 0; i < VALS_SLOTS; i++)
        if (a->slots[i].size && a->slots[i].value == id)
            return true;
    return false;
}

static void load_const(struct vals *a, struct x86_out *out, enum x86_reg r, const struct val *v)
{
    if (v->kind == VAL_PC)
        x86_lea(out, 8, r, x86_at(REG_PC, (s32)v->imm));
    else
        x86_mov_ri(out, r, v->imm);
}

/* Stores value `id` into its slot. scratch is used for what is in no register. */
static void slot_write(struct vals *a, struct x86_out *out, const struct slot *s)
{
    struct val *v = &a->v[s->value];
    enum x86_reg r = v->reg;

    if (v->kind == VAL_CONST && (s->size < 8 || (s64)v->imm == (s32)v->imm)) {
        x86_mov_mi(out, s->size, slot_mem(a, s), (s32)v->imm);
        return;
    }
    if (v->kind != VAL_PLACE) {
        r = RDX;
        load_const(a, out, r, v);
    } else if (r == X86_NO_REG) {
        r = RDX;
        BUG_ON(v->spill < 0 && v->slot < 0);
        if (v->spill >= 0)
            x86_load_zx(out, 8, r, spill_mem(a, v));
        else
            x86_load_zx(out, a->slots[v->slot].size, r, slot_mem(a, &a->slots[v->slot]));
    }
    x86_mov_mr(out, s->size, slot_mem(a, s), r);
}

/* Can the value be read back from the slot? A narrower slot holds only a part of it. */
static bool is_home(const struct vals *a, const struct slot *s)
{
    const struct val *v = &a->v[s->value];

    return v->kind == VAL_PLACE && s->size >= ir_type_size(v->type);
}

static void slot_clean(struct vals *a, unsigned i)
{
    struct slot *s = &a->slots[i];

    if (!s->dirty)
        return;
    slot_write(a, a->out, s);
    s->dirty = false;
    if (is_home(a, s))
        a->v[s->value].slot = (s16)i;
}

void vals_flush(struct vals *a)
{
    for (unsigned i = 0; i < VALS_SLOTS; i++)
        if (a->slots[i].size)
            slot_clean(a, i);
}

void vals_flush_copy(struct vals *a, struct x86_out *out)
{
    for (unsigned i = 0; i < VALS_SLOTS; i++)
        if (a->slots[i].size && a->slots[i].dirty)
            slot_write(a, out, &a->slots[i]);
}

/* Is the value still needed by the present operation or a later one? */
static bool live(const struct vals *a, u32 id)
{
    return a->v[id].last_use >= a->now || cached(a, id);
}

/* How dear it is to take the register of `id`: 0 free of charge, 1 a later reload, 2 a store. */
static unsigned evict_cost(const struct vals *a, u32 id)
{
    const struct val *v = &a->v[id];

    if (!live(a, id))
        return 0;
    if (v->last_use < a->now && v->slot >= 0)
        return 1;
    return v->slot >= 0 || v->spill >= 0 ? 2 : 3;
}

static void spill(struct vals *a, struct val *v)
{
    unsigned cell = a->spills == ~0ull ? VALS_SPILLS : (unsigned)__builtin_ctzll(~a->spills);

    if (cell >= VALS_SPILLS) {
        a->failed = true;
        return;
    }
    a->spills |= 1ull << cell;
    v->spill = (s16)cell;
    x86_mov_mr(a->out, 8, spill_mem(a, v), v->reg);
}

static void spill_free(struct vals *a, struct val *v)
{
    a->spills &= ~(1ull << v->spill);
    v->spill = -1;
}

/* No operation needs the value any more, and every slot that was set to it is clean. */
static void forget_value(struct vals *a, u32 id)
{
    for (unsigned i = 0; i < VALS_SLOTS; i++)
        if (a->slots[i].size && a->slots[i].value == id)
            a->slots[i].size = 0;
}

/* Takes the register away from what it holds, keeping the value somewhere. */
static void evict(struct vals *a, enum x86_reg r)
{
    u32 id = a->held[r];
    struct val *v = &a->v[id];

    if (id == IR_NO_VAL)
        return;
    if (v->kind == VAL_PLACE)
        for (unsigned i = 0; i < VALS_SLOTS && v->slot < 0; i++)
            if (a->slots[i].size && a->slots[i].value == id)
                slot_clean(a, i);
    if (v->kind == VAL_PLACE && v->slot < 0 && v->spill < 0) {
        if (v->last_use >= a->now)
            spill(a, v);
        else
            forget_value(a, id);
    }
    v->reg = X86_NO_REG;
    a->held[r] = IR_NO_VAL;
}

static enum x86_reg take_reg(struct vals *a, u32 id)
{
    unsigned best = 0, best_cost = UINT32_MAX;

    for (unsigned i = 0; i < sizeof pool; i++) {
        unsigned r = pool[i], cost;

        if (a->pinned >> r & 1)
            continue;
        cost = a->held[r] == IR_NO_VAL ? 0 : 1 + evict_cost(a, a->held[r]);
        if (cost < best_cost) {
            best = r;
            best_cost = cost;
        }
    }
    BUG_ON(best_cost == UINT32_MAX);
    evict(a, best);
    a->held[best] = id;
    a->v[id].reg = (u8)best;
    a->pinned |= (u16)(1u << best);
    return best;
}

enum x86_reg vals_use(struct vals *a, u32 id)
{
    struct val *v = vals_of(a, id);
    u32 root = a->v[id].same_as;
    enum x86_reg r;

    BUG_ON(v->kind == VAL_NONE);
    if (v->reg != X86_NO_REG) {
        a->pinned |= (u16)(1u << v->reg);
        return v->reg;
    }
    r = take_reg(a, root);
    if (v->kind != VAL_PLACE)
        load_const(a, a->out, r, v);
    else if (v->spill >= 0) {
        x86_load_zx(a->out, 8, r, spill_mem(a, v));
        spill_free(a, v);
    } else {
        BUG_ON(v->slot < 0);
        x86_load_zx(a->out, a->slots[v->slot].size, r, slot_mem(a, &a->slots[v->slot]));
    }
    return r;
}

enum x86_reg vals_def(struct vals *a, u32 id)
{
    a->v[id].kind = VAL_PLACE;
    a->v[id].clean = true;
    return take_reg(a, id);
}

enum x86_reg vals_def_from(struct vals *a, u32 id, u32 from)
{
    enum x86_reg s = vals_use(a, from);
    u32 root = a->v[from].same_as;
    enum x86_reg d;

    if (a->v[root].kind == VAL_PLACE && a->v[root].last_use <= a->now && !cached(a, root)) {
        a->v[root].reg = X86_NO_REG; /* its last use: take the register over */
        a->held[s] = id;
        a->v[id].kind = VAL_PLACE;
        a->v[id].clean = true;
        a->v[id].reg = (u8)s;
        return s;
    }
    d = vals_def(a, id);
    x86_mov_rr(a->out, a->v[from].type == IR_I64 ? 8 : 4, d, s);
    return d;
}

void vals_def_const(struct vals *a, u32 id, u64 imm)
{
    a->v[id].kind = VAL_CONST;
    a->v[id].imm = imm;
    a->v[id].clean = true;
}

void vals_def_pc(struct vals *a, u32 id, u64 offset)
{
    a->v[id].kind = VAL_PC;
    a->v[id].imm = offset;
    a->v[id].clean = true;
}

void vals_def_same(struct vals *a, u32 id, u32 as, bool clean)
{
    u32 root = a->v[as].same_as;

    a->v[id].same_as = root;
    a->v[id].kind = a->v[root].kind;
    a->v[id].clean = clean;
    if (a->v[root].last_use < a->v[id].last_use)
        a->v[root].last_use = a->v[id].last_use;
}

bool vals_imm(struct vals *a, u32 id, s32 *imm)
{
    const struct val *v = vals_of(a, id);
    unsigned type = a->v[id].type;
    u64 x = v->imm;

    if (v->kind != VAL_CONST)
        return false;
    if (type != IR_I64)
        x = (u64)(s64)(s32)(u32)x; /* the upper half does not matter */
    *imm = (s32)x;
    return (s64)x == (s32)x;
}

void vals_step(struct vals *a)
{
    a->pinned = 0;
    a->now++;
    for (unsigned i = 0; i < sizeof pool; i++) {
        u32 id = a->held[pool[i]];

        if (id == IR_NO_VAL || live(a, id))
            continue;
        a->v[id].reg = X86_NO_REG;
        a->held[pool[i]] = IR_NO_VAL;
    }
}

/* Slot i is about to be lost to the value that it is a copy of: finds it another clean
 * copy, or brings it into a register if it is still needed. */
static void slot_rescue(struct vals *a, unsigned i)
{
    u32 id = a->slots[i].value;
    struct val *v = &a->v[id];
    bool needed = v->last_use >= a->now;
    s16 other = -1;

    if (v->slot != (s16)i)
        return;
    for (unsigned k = 0; k < VALS_SLOTS; k++) {
        const struct slot *s = &a->slots[k];

        if (k == i || !s->size || s->value != id)
            continue;
        if (s->dirty || !is_home(a, s))
            needed = true;
        else
            other = (s16)k;
    }
    if (needed && other < 0 && v->reg == X86_NO_REG && v->spill < 0)
        vals_use(a, id);
    v->slot = other;
}

static void slot_drop(struct vals *a, unsigned i)
{
    slot_rescue(a, i);
    a->slots[i].size = 0;
}

static bool overlaps(const struct slot *s, u16 offset, unsigned size)
{
    return s->size && s->offset < offset + size && offset < s->offset + s->size;
}

/* Makes the state at [offset, offset + size) free of differently shaped entries; returns
 * the entry of exactly this shape, or -1. keep: its old content matters. */
static int slot_shape(struct vals *a, u16 offset, unsigned size)
{
    int found = -1;

    for (unsigned i = 0; i < VALS_SLOTS; i++) {
        struct slot *s = &a->slots[i];

        if (!overlaps(s, offset, size))
            continue;
        if (s->offset == offset && s->size == size) {
            found = (int)i;
            continue;
        }
        slot_clean(a, i);
        slot_drop(a, i);
    }
    return found;
}

static unsigned slot_new(struct vals *a, u16 offset, unsigned size, u32 value, bool dirty)
{
    unsigned i = 0;

    while (i < VALS_SLOTS && a->slots[i].size)
        i++;
    if (i == VALS_SLOTS) {
        i = a->now % VALS_SLOTS;
        slot_clean(a, i);
        slot_drop(a, i);
    }
    a->slots[i] = (struct slot){ offset, (u8)size, dirty, value };
    return i;
}

void vals_get(struct vals *a, u32 id, u16 offset, enum ir_type t)
{
    unsigned size = ir_type_size(t);
    int i = slot_shape(a, offset, size);

    if (i >= 0) {
        vals_def_same(a, id, a->slots[i].value,
                      a->v[a->slots[i].value].type == t && a->v[a->slots[i].value].clean);
        return;
    }
    a->v[id].kind = VAL_PLACE;
    a->v[id].clean = true; /* loads extend with zeros */
    a->v[id].slot = (s16)slot_new(a, offset, size, id, false);
}

void vals_set(struct vals *a, u32 id, u16 offset, enum ir_type t)
{
    u32 root = a->v[id].same_as;
    int i = slot_shape(a, offset, ir_type_size(t));

    if (i >= 0) {
        if (a->slots[i].value == root)
            return;
        slot_rescue(a, (unsigned)i);
        a->slots[i].value = root;
        a->slots[i].dirty = true;
        return;
    }
    slot_new(a, offset, ir_type_size(t), root, true);
}

void vals_forget(struct vals *a)
{
    for (unsigned i = 0; i < VALS_SLOTS; i++)
        a->slots[i].size = 0;
    for (unsigned i = 0; i < sizeof pool; i++) {
        if (a->held[pool[i]] != IR_NO_VAL)
            a->v[a->held[pool[i]]].reg = X86_NO_REG;
        a->held[pool[i]] = IR_NO_VAL;
    }
    a->spills = 0;
}
