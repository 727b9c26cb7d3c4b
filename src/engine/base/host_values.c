/*
 * host_values.c - registers and spill cells of one block; the cache of guest state is in
 * host_values_state.c.
 */
#include "engine/base/host_values_private.h"

#include "base/bug.h"
#include <string.h>

/* In order of preference: registers that C calls preserve come last, as slow paths save
 * the others; the last two hold no value in blocks whose accesses share checks. */
static const u8 pool_gpr[] = { RSI, RDI, R8, R9, R10, R11, REG_LOADS, REG_STORES };
static const u8 pool_xmm[] = { 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static const struct {
    const u8 *regs;
    unsigned count;
} pools[VALS_FILES] = {
    [VALS_GPR] = { pool_gpr, sizeof pool_gpr },
    [VALS_XMM] = { pool_xmm, sizeof pool_xmm },
};

static void count_use(struct val *v, u32 used, u32 by)
{
    if (used == IR_NO_VAL)
        return;
    v[used].last_use = by;
    v[used].uses++;
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
    for (u32 i = 0; i < ir->op_count; i++) {
        const struct ir_op *op = &ir->ops[i];

        v[i] = (struct val){ .type = op->type,
                             .at = { X86_NO_REG, X86_NO_REG },
                             .same_as = i,
                             .spill = -1,
                             .slot = -1 };
        a->effects |= ir_op_infos[op->op].effects;
        a->divides |= op->op >= IR_DIVU && op->op <= IR_REMS;
        a->sets_flags |= op->op == IR_SET && op->type == IR_I1;
        count_use(v, op->a, i);
        count_use(v, op->b, i);
        count_use(v, op->c, i);
    }
}

struct val *vals_of(struct vals *a, u32 id)
{
    return &a->v[a->v[id].same_as];
}

void vals_load_const(struct x86_out *out, enum x86_reg r, const struct val *v)
{
    if (v->kind == VAL_PC)
        x86_lea(out, 8, r, x86_at(REG_PC, (s32)v->imm));
    else
        x86_mov_ri(out, r, v->imm);
}

/* --- who needs a register --- */

/* Is the value still needed by the present operation or a later one? */
static bool live(const struct vals *a, u32 id)
{
    return a->v[id].last_use >= a->now || a->v[id].slot_count;
}

/* How dear it is to take a register of `id`: 0 free of charge, 1 a later reload, 2 a store. */
static unsigned evict_cost(const struct vals *a, u32 id, enum val_file f)
{
    const struct val *v = &a->v[id];

    if (!live(a, id) || v->at[!f] != X86_NO_REG)
        return 0;
    if (v->kind != VAL_PLACE || (v->last_use < a->now && v->slot >= 0))
        return 1;
    return v->slot >= 0 || v->spill >= 0 ? 2 : 3;
}

/* Cells of values that nobody needs any more. */
static void reclaim_cells(struct vals *a)
{
    for (unsigned i = 0; i < VALS_SPILLS; i++)
        if (!live(a, a->spilled[i])) {
            a->v[a->spilled[i]].spill = -1;
            a->spills &= ~(1ull << i);
        }
}

static void spill(struct vals *a, u32 id)
{
    struct val *v = &a->v[id];
    unsigned cell;

    if (a->spills == ~0ull)
        reclaim_cells(a);
    if (a->spills == ~0ull) {
        a->failed = true;
        return;
    }
    cell = (unsigned)__builtin_ctzll(~a->spills);
    a->spills |= 1ull << cell;
    a->spilled[cell] = id;
    v->spill = (s16)cell;
    if (v->at[VALS_GPR] != X86_NO_REG)
        x86_mov_mr(a->out, 8, vals_spill_mem(a, v), v->at[VALS_GPR]);
    else
        x86_fp_store(a->out, vals_cell_size(v), vals_spill_mem(a, v), v->at[VALS_XMM]);
}

static void spill_free(struct vals *a, struct val *v)
{
    a->spills &= ~(1ull << v->spill);
    v->spill = -1;
}

/* Keeps a value that is about to lose its one register. */
static void save(struct vals *a, u32 id)
{
    struct val *v = &a->v[id];

    if (v->kind != VAL_PLACE)
        return;
    if (v->slot < 0 && v->slot_count)
        vals_find_home(a, id);
    if (v->slot >= 0 || v->spill >= 0)
        return;
    if (v->last_use >= a->now)
        spill(a, id);
    else
        vals_forget_value(a, id);
}

static void evict(struct vals *a, enum val_file f, unsigned r)
{
    u32 id = a->held[f][r];

    if (id == IR_NO_VAL)
        return;
    if (a->v[id].at[!f] == X86_NO_REG)
        save(a, id);
    a->v[id].at[f] = X86_NO_REG;
    a->held[f][r] = IR_NO_VAL;
}

static void hold(struct vals *a, enum val_file f, unsigned r, u32 id)
{
    a->held[f][r] = id;
    a->v[id].at[f] = (u8)r;
    a->pinned[f] |= (u16)(1u << r);
}

static unsigned take_reg(struct vals *a, enum val_file f, u32 id)
{
    unsigned best = 0, best_cost = UINT32_MAX;

    for (unsigned i = 0; i < pools[f].count; i++) {
        unsigned r = pools[f].regs[i], cost;

        if (a->pinned[f] >> r & 1 || (f == VALS_GPR && a->reserved >> r & 1))
            continue;
        cost = a->held[f][r] == IR_NO_VAL ? 0 : 1 + evict_cost(a, a->held[f][r], f);
        if (cost < best_cost) {
            best = r;
            best_cost = cost;
        }
        if (cost <= 1) /* nothing is lost */
            break;
    }
    if (best_cost == UINT32_MAX) { /* as may be in a vector instruction */
        a->failed = true;
        best = pools[f].regs[0];
    }
    evict(a, f, best);
    hold(a, f, best, id);
    return best;
}

/* --- using values --- */

/* A boxed i64 as a number of its own: twice `not`, as that needs no scratch. */
static void unbox(struct vals *a, u32 id)
{
    enum x86_reg low = vals_use(a, a->v[id].same_as), d;

    a->v[id].boxed = false;
    a->v[id].same_as = id;
    a->v[id].kind = VAL_PLACE;
    d = take_reg(a, VALS_GPR, id);
    x86_mov_rr(a->out, 4, d, low);
    x86_unary(a->out, UN_NOT, 4, d);
    x86_unary(a->out, UN_NOT, 8, d);
}

enum x86_reg vals_use(struct vals *a, u32 id)
{
    struct val *v;
    enum x86_reg r;

    if (a->v[id].boxed)
        unbox(a, id);
    v = vals_of(a, id);
    BUG_ON(v->kind == VAL_NONE);
    if (v->at[VALS_GPR] != X86_NO_REG) {
        a->pinned[VALS_GPR] |= (u16)(1u << v->at[VALS_GPR]);
        return v->at[VALS_GPR];
    }
    r = take_reg(a, VALS_GPR, a->v[id].same_as);
    if (v->kind != VAL_PLACE) {
        vals_load_const(a->out, r, v);
    } else if (v->at[VALS_XMM] != X86_NO_REG) {
        x86_fp_to_reg(a->out, vals_cell_size(v), r, v->at[VALS_XMM]);
    } else if (v->spill >= 0) {
        x86_load_zx(a->out, vals_cell_size(v), r, vals_spill_mem(a, v));
        spill_free(a, v);
    } else {
        vals_load_slot(a, a->out, r, v);
    }
    return r;
}

/* From memory when it is there whole; else through a general register. */
static void load_x(struct vals *a, enum x86_xmm x, struct val *v, u32 root)
{
    struct x86_mem m;

    if (v->kind == VAL_PLACE && v->at[VALS_GPR] == X86_NO_REG && v->spill >= 0) {
        x86_fp_load(a->out, vals_cell_size(v), x, vals_spill_mem(a, v));
        spill_free(a, v);
    } else if (v->at[VALS_GPR] == X86_NO_REG && ir_type_size(v->type) >= 4 &&
               vals_memory(a, root, &m)) {
        x86_fp_load(a->out, ir_type_size(v->type), x, m);
    } else { /* x holds nothing yet, but must not be asked for the value */
        v->at[VALS_XMM] = X86_NO_REG;
        x86_fp_from_reg(a->out, 8, x, vals_use(a, root));
        v->at[VALS_XMM] = (u8)x;
    }
}

enum x86_xmm vals_use_x(struct vals *a, u32 id)
{
    u32 root = a->v[id].same_as;
    struct val *v = &a->v[root];
    enum x86_xmm x;

    if (a->v[id].boxed || (a->v[id].type == IR_I64 && v->type != IR_I64)) {
        enum x86_reg r = vals_use(a, id); /* its upper half matters */

        root = a->v[id].same_as = id;
        v = &a->v[id];
        if (v->at[VALS_GPR] == X86_NO_REG) {
            v->kind = VAL_PLACE;
            x = take_reg(a, VALS_XMM, id);
            x86_fp_from_reg(a->out, 8, x, r);
            return x;
        }
    }
    if (v->at[VALS_XMM] != X86_NO_REG) {
        a->pinned[VALS_XMM] |= (u16)(1u << v->at[VALS_XMM]);
        return v->at[VALS_XMM];
    }
    x = take_reg(a, VALS_XMM, root);
    load_x(a, x, v, root);
    return x;
}

/* --- defining values --- */

static unsigned def(struct vals *a, enum val_file f, u32 id)
{
    a->v[id].kind = VAL_PLACE;
    a->v[id].clean = true;
    return take_reg(a, f, id);
}

enum x86_reg vals_def(struct vals *a, u32 id)
{
    return def(a, VALS_GPR, id);
}

enum x86_xmm vals_def_x(struct vals *a, u32 id)
{
    return def(a, VALS_XMM, id);
}

enum x86_xmm vals_take_x(struct vals *a, u32 id)
{
    unsigned free = 0;

    for (unsigned i = 0; i < sizeof pool_xmm; i++)
        free += !(a->pinned[VALS_XMM] >> pool_xmm[i] & 1);
    if (free == 0) {
        a->failed = true;
        return XMM1;
    }
    return def(a, VALS_XMM, id);
}

void vals_release_x(struct vals *a, enum x86_xmm x)
{
    u32 id = a->held[VALS_XMM][x];

    a->pinned[VALS_XMM] &= (u16) ~(1u << x);
    if (id == IR_NO_VAL)
        return;
    a->v[id].at[VALS_XMM] = X86_NO_REG;
    a->held[VALS_XMM][x] = IR_NO_VAL;
}

bool vals_dies(struct vals *a, u32 id)
{
    return vals_of(a, id)->last_use <= a->now;
}

/* At the last use of `from` its register is taken over. */
static bool take_over(struct vals *a, enum val_file f, u32 id, u32 from, unsigned r)
{
    struct val *v = vals_of(a, from);

    if (v->kind != VAL_PLACE || v->last_use > a->now || v->slot_count)
        return false;
    v->at[f] = X86_NO_REG;
    a->v[id].kind = VAL_PLACE;
    a->v[id].clean = true;
    hold(a, f, r, id);
    return true;
}

enum x86_reg vals_def_over(struct vals *a, u32 id, u32 from)
{
    enum x86_reg s = vals_use(a, from);

    return take_over(a, VALS_GPR, id, from, s) ? s : vals_def(a, id);
}

enum x86_reg vals_def_from(struct vals *a, u32 id, u32 from)
{
    enum x86_reg s = vals_use(a, from), d;

    if (take_over(a, VALS_GPR, id, from, s))
        return s;
    d = vals_def(a, id);
    x86_mov_rr(a->out, a->v[from].type == IR_I64 ? 8 : 4, d, s);
    return d;
}

enum x86_xmm vals_def_from_x(struct vals *a, u32 id, u32 from)
{
    enum x86_xmm s = vals_use_x(a, from), d;

    if (take_over(a, VALS_XMM, id, from, s))
        return s;
    d = vals_def_x(a, id);
    x86_fp_mov(a->out, d, s);
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

void vals_def_boxed(struct vals *a, u32 id, u32 low)
{
    const struct val *v = vals_of(a, low);

    if (v->kind == VAL_CONST) {
        vals_def_const(a, id, v->imm | ~0ull << 32);
        return;
    }
    vals_def_same(a, id, low, false);
    a->v[id].boxed = true;
}

/* --- looking --- */

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

bool vals_in_xmm(struct vals *a, u32 id)
{
    const struct val *v = vals_of(a, id);

    return !a->v[id].boxed && v->kind == VAL_PLACE && v->at[VALS_GPR] == X86_NO_REG &&
           v->at[VALS_XMM] != X86_NO_REG && ir_type_size(a->v[id].type) >= 4 &&
           ir_type_size(a->v[id].type) <= vals_cell_size(v);
}

bool vals_has_register(struct vals *a, u32 id)
{
    return vals_in_register(vals_of(a, id));
}

unsigned vals_room(const struct vals *a, enum val_file f)
{
    unsigned n = 0;

    for (unsigned i = 0; i < pools[f].count; i++)
        n += f == VALS_XMM || !(a->reserved >> pools[f].regs[i] & 1);
    return n;
}

bool vals_any_xmm(const struct vals *a)
{
    for (unsigned i = 0; i < sizeof pool_xmm; i++)
        if (a->held[VALS_XMM][pool_xmm[i]] != IR_NO_VAL)
            return true;
    return false;
}
