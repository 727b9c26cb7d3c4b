/*
 * host_values_state.c - the cache of guest state: slots, found by their place in O(1).
 *
 * A slot that other slots overlap would lie to them: whoever reads or writes state of
 * another shape than the slots there makes these clean and drops them first.
 */
#include "engine/base/host_values_private.h"

#include "base/bug.h"
#include <string.h>

/* --- between slots and memory --- */

/* Can the value be read back from the slot? A narrower slot holds only a part of it. */
static bool is_home(const struct vals *a, const struct slot *s)
{
    const struct val *v = &a->v[s->value];
    unsigned size = s->boxed ? 4 : s->size;

    return v->kind == VAL_PLACE && size >= ir_type_size(v->type);
}

void vals_load_slot(struct vals *a, struct x86_out *out, enum x86_reg r, const struct val *v)
{
    const struct slot *s = &a->slots[v->slot];
    unsigned size = ir_type_size(v->type);

    BUG_ON(v->slot < 0);
    x86_load_zx(out, size < s->size ? size : s->size, r, vals_slot_mem(a, s));
}

bool vals_memory(struct vals *a, u32 id, struct x86_mem *m)
{
    const struct val *v = vals_of(a, id);
    const struct slot *s = &a->slots[v->slot < 0 ? 0 : v->slot];
    unsigned size = ir_type_size(a->v[id].type);

    if (v->kind != VAL_PLACE || v->slot < 0 || a->v[id].boxed || size > (s->boxed ? 4 : s->size))
        return false;
    *m = vals_slot_mem(a, s);
    return true;
}

/* A register that holds the value: `scratch` for what is in none. */
static enum x86_reg in_some_register(struct vals *a, struct x86_out *out, const struct val *v,
                                     enum x86_reg scratch)
{
    if (v->at[VALS_GPR] != X86_NO_REG)
        return v->at[VALS_GPR];
    if (v->kind != VAL_PLACE) {
        vals_load_const(out, scratch, v);
    } else if (v->at[VALS_XMM] != X86_NO_REG) {
        x86_fp_to_reg(out, vals_cell_size(v), scratch, v->at[VALS_XMM]);
    } else {
        BUG_ON(v->spill < 0 && v->slot < 0);
        if (v->spill >= 0)
            x86_load_zx(out, vals_cell_size(v), scratch, vals_spill_mem(a, v));
        else
            vals_load_slot(a, out, scratch, v);
    }
    return scratch;
}

enum x86_reg vals_peek(struct vals *a, struct x86_out *out, u32 id, enum x86_reg scratch)
{
    enum x86_reg r = in_some_register(a, out, vals_of(a, id), scratch);

    if (!a->v[id].boxed)
        return r;
    x86_mov_rr(out, 4, scratch, r); /* all ones above it */
    x86_unary(out, UN_NOT, 4, scratch);
    x86_unary(out, UN_NOT, 8, scratch);
    return scratch;
}

/* Stores a slot's value to it. rdx is used for what is in no register. Leaves flags alone. */
static void slot_write(struct vals *a, struct x86_out *out, const struct slot *s)
{
    const struct val *v = &a->v[s->value];
    struct x86_mem m = vals_slot_mem(a, s);
    unsigned size = s->boxed ? 4 : s->size;

    if (v->kind == VAL_CONST && (size < 8 || (s64)v->imm == (s32)v->imm)) {
        x86_mov_mi(out, size, m, (s32)v->imm);
    } else if (v->kind == VAL_PLACE && v->at[VALS_GPR] == X86_NO_REG &&
               v->at[VALS_XMM] != X86_NO_REG && size >= 4 && size <= vals_cell_size(v)) {
        x86_fp_store(out, size, m, v->at[VALS_XMM]);
    } else {
        x86_mov_mr(out, size, m, in_some_register(a, out, v, RDX));
    }
    if (s->boxed) {
        m.disp += 4;
        x86_mov_mi(out, 4, m, -1);
    }
}

static void slot_clean(struct vals *a, unsigned i)
{
    struct slot *s = &a->slots[i];

    if (!(a->dirty >> i & 1))
        return;
    slot_write(a, a->out, s);
    a->dirty &= ~(1ull << i);
    if (is_home(a, s))
        a->v[s->value].slot = (s16)i;
}

void vals_flush_but(struct vals *a, u64 slots)
{
    for (u64 todo = a->dirty & ~slots; todo; todo &= todo - 1)
        slot_clean(a, (unsigned)__builtin_ctzll(todo));
}

void vals_flush(struct vals *a)
{
    vals_flush_but(a, 0);
}

void vals_flush_copy(struct vals *a, struct x86_out *out)
{
    for (u64 todo = a->dirty; todo; todo &= todo - 1)
        slot_write(a, out, &a->slots[__builtin_ctzll(todo)]);
}

void vals_find_home(struct vals *a, u32 id)
{
    for (u64 todo = a->dirty; todo && a->v[id].slot < 0; todo &= todo - 1) {
        unsigned i = (unsigned)__builtin_ctzll(todo);

        if (a->slots[i].value == id)
            slot_clean(a, i);
    }
}

/* --- the list of slots --- */

static u8 *head_of(struct vals *a, unsigned granule)
{
    return &a->heads[granule % VALS_HEADS];
}

static void slot_free(struct vals *a, unsigned i)
{
    u8 *at = head_of(a, a->slots[i].offset >> 3);

    while (*at != i + 1)
        at = &a->slots[*at - 1].next;
    *at = a->slots[i].next;
    a->used &= ~(1ull << i);
    a->dirty &= ~(1ull << i);
    a->v[a->slots[i].value].slot_count--;
}

void vals_forget_value(struct vals *a, u32 id)
{
    for (u64 todo = a->used; todo && a->v[id].slot_count; todo &= todo - 1) {
        unsigned i = (unsigned)__builtin_ctzll(todo);

        if (a->slots[i].value == id)
            slot_free(a, i);
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
    if (v->slot_count > 1)
        for (u64 todo = a->used & ~(1ull << i); todo; todo &= todo - 1) {
            unsigned k = (unsigned)__builtin_ctzll(todo);

            if (a->slots[k].value != id)
                continue;
            if (a->dirty >> k & 1 || !is_home(a, &a->slots[k]))
                needed = true;
            else
                other = (s16)k;
        }
    if (needed && other < 0 && v->spill < 0 && !vals_in_register(v))
        vals_use(a, id);
    v->slot = other;
}

static void slot_drop(struct vals *a, unsigned i)
{
    slot_rescue(a, i);
    slot_free(a, i);
}

/* A slot that overlaps [offset, offset + size); -1: none. */
static int find(struct vals *a, u16 offset, unsigned size)
{
    unsigned last = (offset + size - 1) >> 3;

    for (unsigned g = (offset >> 3) - a->straddles; (int)g <= (int)last; g++)
        for (unsigned i = *head_of(a, g); i; i = a->slots[i - 1].next) {
            const struct slot *s = &a->slots[i - 1];

            if (s->offset < offset + size && offset < s->offset + s->size)
                return (int)i - 1;
        }
    return -1;
}

/* Makes the state at [offset, offset + size) free of differently shaped slots; returns the
 * slot of exactly this shape, or -1. */
static int slot_shape(struct vals *a, u16 offset, unsigned size)
{
    int i;

    while ((i = find(a, offset, size)) >= 0) {
        if (a->slots[i].offset == offset && a->slots[i].size == size)
            return i; /* slots do not overlap each other */
        slot_clean(a, (unsigned)i);
        slot_drop(a, (unsigned)i);
    }
    return -1;
}

static unsigned slot_new(struct vals *a, struct slot s, bool dirty)
{
    unsigned i;

    if (a->used == ~0ull) {
        i = a->now % VALS_SLOTS;
        slot_clean(a, i);
        slot_drop(a, i);
    }
    i = (unsigned)__builtin_ctzll(~a->used);
    s.next = *head_of(a, s.offset >> 3);
    *head_of(a, s.offset >> 3) = (u8)(i + 1);
    a->slots[i] = s;
    a->used |= 1ull << i;
    a->dirty |= (u64)dirty << i;
    a->straddles |= (s.offset & 7) + s.size > 8;
    a->v[s.value].slot_count++;
    return i;
}

/* --- state --- */

void vals_get(struct vals *a, u32 id, u16 offset, enum ir_type t)
{
    unsigned size = ir_type_size(t);
    int i = slot_shape(a, offset, size);

    if (i >= 0) {
        u32 root = a->slots[i].value;

        vals_def_same(a, id, root, a->v[root].type == t && a->v[root].clean);
        a->v[id].boxed = a->slots[i].boxed;
        return;
    }
    a->v[id].kind = VAL_PLACE;
    a->v[id].clean = true; /* loads extend with zeros */
    a->v[id].spill = -1;
    a->v[id].slot =
        (s16)slot_new(a, (struct slot){ .offset = offset, .size = (u8)size, .value = id }, false);
}

void vals_set(struct vals *a, u32 id, u16 offset, enum ir_type t)
{
    u32 root = a->v[id].same_as;
    struct slot s = { offset, (u8)ir_type_size(t), a->v[id].boxed, 0, root };
    int i = slot_shape(a, offset, s.size);

    if (i >= 0) {
        if (a->slots[i].value == root && a->slots[i].boxed == s.boxed)
            return;
        slot_drop(a, (unsigned)i);
    }
    slot_new(a, s, true);
}

/* The slot of the 8 bytes at `offset`; -1: there is none of just that shape. */
static int whole_slot(struct vals *a, u16 offset)
{
    int i = find(a, offset, 8);

    return i >= 0 && a->slots[i].offset == offset && a->slots[i].size == 8 ? i : -1;
}

unsigned vals_slot_reg(struct vals *a, enum val_file f, u16 offset)
{
    int i = whole_slot(a, offset);
    const struct slot *s = &a->slots[i < 0 ? 0 : i];
    const struct val *v = &a->v[s->value];

    if (i < 0 || s->boxed || v->type != IR_I64 || v->kind != VAL_PLACE)
        return X86_NO_REG;
    return v->at[f];
}

void vals_soil(struct vals *a, u16 offset)
{
    int i = whole_slot(a, offset);

    BUG_ON(i < 0);
    a->dirty |= 1ull << i;
    if (a->v[a->slots[i].value].slot == i)
        a->v[a->slots[i].value].slot = -1;
}

u64 vals_slot_bit(struct vals *a, u16 offset)
{
    int i = whole_slot(a, offset);

    return i < 0 ? 0 : 1ull << i;
}

void vals_uncache(struct vals *a, u16 offset, unsigned size)
{
    int i;

    while ((i = find(a, offset, size)) >= 0) {
        slot_clean(a, (unsigned)i);
        slot_drop(a, (unsigned)i);
    }
}

void vals_discard(struct vals *a, u16 offset, unsigned size)
{
    int i;

    while ((i = find(a, offset, size)) >= 0) {
        const struct slot *s = &a->slots[i];

        if (s->offset < offset || s->offset + s->size > offset + size)
            slot_clean(a, (unsigned)i);
        slot_drop(a, (unsigned)i);
    }
}

bool vals_is_dirty(struct vals *a, u16 offset, unsigned size)
{
    for (u64 todo = a->dirty; todo; todo &= todo - 1) {
        const struct slot *s = &a->slots[__builtin_ctzll(todo)];

        if (s->offset < offset + size && offset < s->offset + s->size)
            return true;
    }
    return false;
}

u32 vals_slot_value(struct vals *a, u16 offset)
{
    int i = whole_slot(a, offset);

    return i < 0 || a->slots[i].boxed ? IR_NO_VAL : a->slots[i].value;
}

void vals_forget(struct vals *a)
{
    for (u64 todo = a->used; todo; todo &= todo - 1)
        a->v[a->slots[__builtin_ctzll(todo)].value].slot_count = 0;
    for (unsigned f = 0; f < VALS_FILES; f++)
        for (unsigned r = 0; r < 16; r++) {
            if (a->held[f][r] != IR_NO_VAL)
                a->v[a->held[f][r]].at[f] = X86_NO_REG;
            a->held[f][r] = IR_NO_VAL;
        }
    a->used = a->dirty = a->spills = 0;
    memset(a->heads, 0, sizeof a->heads);
}
