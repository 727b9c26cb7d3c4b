/*
 * host_vector_emit.c - code for vector expressions: registers, constants, and what connects the
 * tables' operations.
 *
 * A vector register of the guest is written to memory when it is set, and stays known to be in an
 * xmm register until that is needed for something else or the block ends: then nothing has to be
 * saved, since such a register holds nothing that is not in memory.
 */
#include "engine/base/host_vector.h"

#include "base/bug.h"
#include <string.h>

/* --- registers --- */

/* The number of a value that no operation has, an owner of a register. Each but once, as what is
 * known of a register rests on it. */
static u32 new_id(struct low *l)
{
    u32 id = l->job->ir->op_count + l->vectors.owners;

    if (id >= IR_BLOCK_MAX_OPS) {
        l->a.failed = true;
        return 0;
    }
    l->vectors.owners++;
    l->a.v[id] = (struct val){
        .type = IR_I64, .at = { X86_NO_REG, X86_NO_REG }, .same_as = id, .spill = -1, .slot = -1
    };
    return id;
}

enum x86_xmm vec_temp(struct vec_plan *p)
{
    u32 id = p->free_count ? p->free_ids[--p->free_count] : new_id(p->l);

    return vals_take_x(&p->l->a, id);
}

void vec_free(struct vec_plan *p, enum x86_xmm x)
{
    u32 id = p->l->a.held[VALS_XMM][x];

    vals_release_x(&p->l->a, x);
    if (id != IR_NO_VAL && p->free_count < VEC_FREE)
        p->free_ids[p->free_count++] = id;
}

void vec_mov(struct vec_plan *p, enum x86_xmm d, enum x86_xmm s)
{
    x86_fp_mov(p->l->o, d, s);
}

static bool is_valid(const struct low *l, const struct low_vector *v)
{
    return v->reg && l->a.held[VALS_XMM][v->reg] == v->id;
}

static void note(struct low *l, struct low_vector *v, enum x86_xmm x)
{
    *v = (struct low_vector){ l->a.held[VALS_XMM][x], (u8)x };
    l->vectors.any = true;
}

static void pin(struct low *l, enum x86_xmm x)
{
    l->a.pinned[VALS_XMM] |= (u16)(1u << x);
}

/* --- constants --- */

static void load_const(struct vec_plan *p, enum x86_xmm x, const u8 *bytes)
{
    struct low *l = p->l;
    u64 word[2];

    memcpy(word, bytes, sizeof word);
    if (word[0] == 0 && word[1] == 0) {
        x86_v_rr(l->o, 0x0fef, x, x);
    } else if (word[0] == ~0ull && word[1] == ~0ull) {
        x86_v_rr(l->o, 0x0f76, x, x);
    } else if (word[0] == word[1] && word[0] >> 32 == (u32)word[0]) {
        x86_mov_ri(l->o, RAX, (u32)word[0]);
        x86_fp_from_reg(l->o, 4, x, RAX);
        x86_v_rr_imm(l->o, 0x0f70, x, x, 0);
    } else {
        lo_fix_cold(l, x86_lea_rip(l->o, RAX));
        x86_data(&l->cold, bytes, 16);
        x86_v_load(l->o, x, x86_at(RAX, 0));
    }
}

enum x86_xmm vec_const(struct vec_plan *p, const void *bytes)
{
    struct low_vectors *v = &p->l->vectors;
    enum x86_xmm x;
    unsigned i;

    for (i = 0; i < LOWER_CONSTS; i++)
        if (is_valid(p->l, &v->consts[i]) && !memcmp(v->bytes[i], bytes, 16)) {
            pin(p->l, v->consts[i].reg);
            return v->consts[i].reg;
        }
    x = vec_temp(p);
    load_const(p, x, bytes);
    i = v->next++ % LOWER_CONSTS;
    memcpy(v->bytes[i], bytes, 16);
    note(p->l, &v->consts[i], x);
    return x;
}

enum x86_xmm vec_const_all(struct vec_plan *p, unsigned size, u64 v)
{
    u8 bytes[16];

    for (unsigned i = 0; i < 16; i += size)
        memcpy(bytes + i, &v, size);
    return vec_const(p, bytes);
}

static enum x86_xmm known(struct vec_plan *p, const struct vec_node *n)
{
    u8 bytes[16] = { 0 };

    for (unsigned i = 0; i < n->lanes; i++) {
        u64 v = n->mask && n->known[i] ? ~0ull : n->known[i];

        memcpy(bytes + (i << n->size), &v, n->size > 3 ? 8 : 1u << n->size);
    }
    return vec_const(p, bytes);
}

/* --- state --- */

static struct x86_mem memory(unsigned offset)
{
    return cpu_at(VCPU_STATE_OFF + (s32)offset);
}

static struct low_vector *cached(struct low *l, unsigned offset)
{
    return &l->vectors.state[(offset - l->job->isa->vector_offset) / 16 % LOWER_VECTORS];
}

static bool is_word(struct low *l, u32 value)
{
    const struct val *v = &l->a.v[value == IR_NO_VAL ? 0 : value];

    return value != IR_NO_VAL && v->type == IR_I64 &&
           (v->kind == VAL_PLACE || v->kind == VAL_CONST);
}

/* Memory may have it, but was written just now: two stores that one load would wait for. */
static bool is_at_hand(struct low *l, u32 value)
{
    return l->a.v[value].kind == VAL_CONST || vals_has_register(&l->a, value);
}

/* From two values of 8 bytes. */
static enum x86_xmm from_words(struct vec_plan *p, u32 low, u32 high)
{
    struct vals *a = &p->l->a;
    const struct val *lo = &a->v[low], *hi = &a->v[high];
    enum x86_xmm x, y;

    if (lo->kind == VAL_CONST && hi->kind == VAL_CONST) {
        const u64 word[2] = { lo->imm, hi->imm };

        return vec_const(p, word);
    }
    x = vec_temp(p);
    if (lo->kind == VAL_PLACE && lo->at[VALS_XMM] == X86_NO_REG && lo->at[VALS_GPR] != X86_NO_REG)
        x86_fp_from_reg(p->l->o, 8, x, vals_use(a, low));
    else
        x86_v_low(p->l->o, x, vals_use_x(a, low));
    if (hi->kind == VAL_CONST && hi->imm == 0)
        return x;
    y = low == high ? x : vals_use_x(a, high);
    x86_v_rr(p->l->o, 0x0f6c, x, y);
    return x;
}

enum x86_xmm vec_state_reg(struct vec_plan *p, u16 offset)
{
    struct low *l = p->l;
    struct low_vector *c = cached(l, offset);
    enum x86_xmm x;
    u32 low, high;
    bool dirty;

    if (is_valid(l, c)) {
        pin(l, c->reg);
        return c->reg;
    }
    low = vals_slot_value(&l->a, offset);
    high = vals_slot_value(&l->a, (u16)(offset + 8));
    dirty = vals_is_dirty(&l->a, offset, 16);
    if (is_word(l, low) && is_word(l, high) &&
        (dirty || (is_at_hand(l, low) && is_at_hand(l, high)))) {
        x = from_words(p, low, high);
        note(l, c, x);
        return x;
    }
    if (dirty)
        vals_uncache(&l->a, offset, 16);
    x = vec_temp(p);
    x86_v_load(l->o, x, memory(offset));
    note(l, c, x);
    return x;
}

void vec_state_set(struct low *l, u16 offset, enum x86_xmm x)
{
    if (l->a.failed)
        return;
    vals_discard(&l->a, offset, 16);
    x86_v_store(l->o, memory(offset), x);
    note(l, cached(l, offset), x);
}

void lo_vector_forget(struct low *l, u64 offset, enum ir_type t)
{
    u64 last = offset + ir_type_size(t) - 1, base = l->job->isa->vector_offset;

    if (offset < base || last >= base + l->job->isa->vector_bytes)
        return;
    cached(l, (unsigned)offset)->reg = 0;
    cached(l, (unsigned)last)->reg = 0;
}

/* --- nodes --- */

/* A scalar in every lane. */
static enum x86_xmm broadcast(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    enum x86_reg r = vals_use(&p->l->a, n->id);
    enum x86_xmm x = vec_temp(p);

    x86_fp_from_reg(o, n->size == 3 ? 8 : 4, x, r);
    if (n->lanes == 1)
        return x;
    switch (n->size) {
    case 0: x86_v_rr(o, 0x0f3800, x, vec_const_all(p, 8, 0)); break;
    case 1: x86_v_rr(o, 0x0f3800, x, vec_const_all(p, 2, 0x0100)); break;
    case 2: x86_v_rr_imm(o, 0x0f70, x, x, 0); break;
    default: x86_v_rr(o, 0x0f6c, x, x); break;
    }
    return x;
}

static enum x86_xmm joined(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm x, y;

    if (vec_is_zero(&p->node[n->b])) {
        x = vec_use(p, n->a);
        vec_done(p, n->b);
        y = vec_temp(p);
        x86_v_low(p->l->o, y, x);
        vec_done(p, n->a);
        return y;
    }
    vec_use(p, n->a);
    y = vec_use(p, n->b);
    x = vec_take(p, n->a);
    x86_v_rr(p->l->o, 0x0f6c, x, y);
    vec_done(p, n->b);
    return x;
}

static enum x86_xmm lookup(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm table = vec_state_reg(p, (u16)n->known[0]), d;
    enum x86_xmm at = vec_take(p, n->a);

    x86_v_rr(p->l->o, 0x0fdb, at, vec_const_all(p, 1, 15));
    d = vec_temp(p);
    vec_mov(p, d, table);
    x86_v_rr(p->l->o, 0x0f3800, d, at);
    vec_free(p, at);
    return d;
}

/* Differences from zero, which the host sums up by halves. */
static enum x86_xmm sum(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    bool all = vec_total(&p->node[n->a]) == 16;
    enum x86_xmm d = vec_take(p, n->a), t;

    x86_v_rr(o, 0x0ff6, d, vec_const_all(p, 8, 0));
    if (!all)
        return d;
    t = vec_temp(p);
    x86_v_rr_imm(o, 0x0f70, t, d, 0xee);
    x86_v_rr(o, 0x0fd4, d, t);
    vec_free(p, t);
    return d;
}

static enum x86_xmm emit(struct vec_plan *p, struct vec_node *n)
{
    n->temp = true;
    switch (n->kind) {
    case VEC_KNOWN: n->temp = false; return known(p, n);
    case VEC_STATE: return vec_shuffle_emit(p, n, &n->temp);
    case VEC_SCALAR: return broadcast(p, n);
    case VEC_ACROSS: return vec_across_emit(p, n);
    case VEC_SUM: return sum(p, n);
    case VEC_PACKED: return vec_take(p, n->a);
    case VEC_JOINED: return joined(p, n);
    case VEC_LOOKUP: return lookup(p, n);
    default: return vec_is_fp(&p->ops[n->id]) ? vec_fp_emit(p, n) : vec_int_emit(p, n);
    }
}

enum x86_xmm vec_use(struct vec_plan *p, u8 number)
{
    struct vec_node *n = &p->node[number];

    if (!n->ready) {
        n->reg = (u8)emit(p, n);
        n->ready = true;
    }
    return n->reg;
}

void vec_done(struct vec_plan *p, u8 number)
{
    struct vec_node *n = &p->node[number];

    if (--n->uses == 0 && n->ready && n->temp)
        vec_free(p, n->reg);
}

enum x86_xmm vec_take(struct vec_plan *p, u8 number)
{
    struct vec_node *n = &p->node[number];
    enum x86_xmm s = vec_use(p, number), d;

    if (n->temp && n->uses == 1) {
        n->uses = 0;
        return s;
    }
    d = vec_temp(p);
    vec_mov(p, d, s);
    vec_done(p, number);
    return d;
}

/* --- an instruction --- */

/* The flag, or whether a lane of the mask is set. */
static void emit_flag(struct vec_plan *p, const struct vec_write *w)
{
    struct low *l = p->l;
    const struct vec_node *n = &p->node[p->node[w->node].a];
    unsigned total = vec_total(n);

    x86_v_mask(l->o, 1, RAX, vec_use(p, p->node[w->node].a));
    if (total < 16)
        x86_alu_ri(l->o, ALU_AND, 4, RAX, (1 << total) - 1);
    x86_test_rr(l->o, 4, RAX, RAX);
    x86_setcc(l->o, CC_NE, RAX);
    vals_uncache(&l->a, w->offset, 1);
    x86_alu_mr(l->o, ALU_OR, 1, memory(w->offset), RAX);
}

void vec_emit_writes(struct vec_plan *p)
{
    struct low *l = p->l;

    for (unsigned i = 0; i < p->write_count; i++)
        vec_use(p, p->write[i].node);
    for (unsigned i = 0; i < p->flag_count; i++)
        emit_flag(p, &p->flag[i]);
    for (unsigned i = 0; i < p->write_count; i++) {
        vec_state_set(l, p->write[i].offset, p->node[p->write[i].node].reg);
    }
}
