/*
 * host_vector.c - from the operations of an instruction to expressions over whole registers.
 *
 * The instruction is done here when all it does is: set vector registers, and perhaps one flag, to
 * what a loop, or logic, makes of vector registers and of values that are lowered as ever.
 */
#include "engine/base/host_vector.h"

#include "ir/check.h"

#include <string.h>

u8 vec_fail(struct vec_plan *p)
{
    p->failed = true;
    return 0;
}

static bool in_vectors(const struct vec_plan *p, u64 offset, unsigned size)
{
    const struct isa *isa = p->l->job->isa;

    return offset >= isa->vector_offset &&
           offset + size <= (u64)isa->vector_offset + isa->vector_bytes;
}

/* The node of an operand. Constants may be an earlier instruction's. */
u8 vec_value(struct vec_plan *p, u32 id)
{
    if (id == IR_NO_VAL)
        return VEC_NONE;
    if (id >= p->from)
        return p->of[id - p->from];
    if (p->ops[id].op != IR_CONST || p->ops[id].type == IR_I128)
        return vec_fail(p);
    return vec_known(p, p->ops[id].type, 1, &p->ops[id].imm);
}

static u8 scalar(struct vec_plan *p, u32 id)
{
    enum ir_type t = p->ops[id].type;
    u8 n = vec_node(p, VEC_SCALAR, t <= IR_I8 ? 0 : (unsigned)(t - IR_I8), 1, VEC_NONE, VEC_NONE);

    p->node[n].id = id;
    p->node[n].mask = t == IR_I1;
    p->native[id - p->from] = true;
    return n;
}

/* --- state --- */

static u8 get(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    unsigned size = ir_type_size(op->type);
    u16 bytes[16];

    if (!in_vectors(p, op->imm, size))
        return op->type == IR_I128 || p->lanes ? vec_fail(p) : scalar(p, id);
    if (p->write_count) /* it may see what has been written */
        return vec_fail(p);
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (u16)(op->imm + i);
    return vec_state(p, (unsigned)__builtin_ctz(size), 1, bytes);
}

/* Bytes of a register by a number that is data: x & 15. */
static u8 lookup(struct vec_plan *p, const struct ir_op *op)
{
    const struct vec_node *at = &p->node[p->of[op->a - p->from]], *mask, *wide;
    u8 n, of;

    if (op->type != IR_I8 || op->imm2 != 16 || at->kind != VEC_OP || at->op != IR_AND)
        return vec_fail(p);
    mask = &p->node[at->b];
    wide = &p->node[at->a];
    if (mask->kind != VEC_KNOWN || mask->known[0] != 15)
        return vec_fail(p);
    of = at->a;
    if (wide->kind == VEC_OP && wide->op == IR_ZEXT)
        of = wide->a;
    if (p->node[of].size != 0)
        return vec_fail(p);
    n = vec_node(p, VEC_LOOKUP, 0, at->lanes, of, VEC_NONE);
    p->node[n].known[0] = op->imm;
    return n;
}

static u8 getx(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    unsigned size = ir_type_size(op->type), count = 0;
    const struct vec_node *at = &p->node[vec_value(p, op->a)];
    u16 bytes[16];

    if (!in_vectors(p, op->imm, (unsigned)op->imm2) || (unsigned)at->lanes * size > 16 ||
        p->write_count)
        return vec_fail(p);
    if (at->kind != VEC_KNOWN)
        return lookup(p, op);
    for (unsigned i = 0; i < at->lanes; i++)
        for (unsigned k = 0; k < size; k++)
            bytes[count++] = (u16)(op->imm + at->known[i] + k);
    return vec_state(p, (unsigned)__builtin_ctz(size), at->lanes, bytes);
}

static void write(struct vec_plan *p, u64 offset, u8 n)
{
    unsigned bytes = vec_total(&p->node[n]);

    if (p->failed || p->write_count == VEC_WRITES || !in_vectors(p, offset, bytes)) {
        p->failed = true;
        return;
    }
    p->node[n].uses++;
    p->write[p->write_count++] = (struct vec_write){ (u16)offset, (u8)bytes, n };
}

/* Would a round read what an earlier one has set? */
static bool sees_earlier(const struct vec_plan *p, const struct vec_node *n, u64 first,
                         unsigned size)
{
    if (n->early)
        return false;
    if (n->kind != VEC_STATE || n->lanes != p->lanes)
        return n->kind == VEC_LOOKUP && first - n->known[0] < 16;
    for (unsigned i = 0; i < vec_total(n); i++)
        if (n->bytes[i] >= first && n->bytes[i] < first + (u64)(i >> n->size) * size)
            return true;
    return false;
}

/* Inside a loop, where reads of the same lane alone may come before. */
static void setx(struct vec_plan *p, const struct ir_op *op)
{
    unsigned size = ir_type_size(op->type), lanes = p->lanes ? p->lanes : 1;
    const struct vec_node *at = &p->node[vec_value(p, op->a)];
    u8 n = vec_spread(p, vec_value(p, op->b), lanes);
    u64 first = at->known[0];

    if (at->kind != VEC_KNOWN || at->lanes != lanes || p->node[n].size != __builtin_ctz(size))
        p->failed = true;
    for (unsigned i = 0; i < lanes && !p->failed; i++)
        p->failed = at->known[i] != first + i * size;
    for (unsigned i = 0; i < p->count && p->lanes && !p->failed; i++)
        p->failed = sees_earlier(p, &p->node[i], op->imm + first, size);
    write(p, op->imm + first, n);
}

static bool is_get_of(const struct vec_plan *p, u8 n, u64 offset)
{
    const struct ir_op *op = &p->ops[p->node[n].kind == VEC_SCALAR ? p->node[n].id : p->from];

    return op->op == IR_GET && op->imm == offset;
}

static void set(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    u8 n = vec_value(p, op->a);
    u8 kind = p->node[n].kind;

    if (p->lanes || p->failed)
        p->failed = true;
    else if (in_vectors(p, op->imm, ir_type_size(op->type)))
        write(p, op->imm, n);
    else if (kind == VEC_SCALAR || kind == VEC_KNOWN)
        p->native[id - p->from] = true;
    else if (kind == VEC_ANY && p->flag_count < 2 && is_get_of(p, p->node[n].b, op->imm))
        p->flag[p->flag_count++] = (struct vec_write){ (u16)op->imm, 1, n };
    else
        p->failed = true;
}

/* --- operations --- */

static bool is_plain(const struct vec_plan *p, u32 id)
{
    const struct vec_node *n;

    if (id == IR_NO_VAL || id < p->from)
        return true;
    n = &p->node[p->of[id - p->from]];
    return n->kind == VEC_SCALAR || (n->kind == VEC_KNOWN && p->ops[id].op == IR_CONST);
}

/* Of values that vectors have no part in: as ever. */
static u8 operate(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    u8 a = vec_value(p, op->a), b = vec_value(p, op->b), c = vec_value(p, op->c);

    if (p->failed || a == VEC_NONE)
        return vec_fail(p);
    if (!p->lanes && is_plain(p, op->a) && is_plain(p, op->b) && is_plain(p, op->c))
        return lo_is_native(p->l, op) ? scalar(p, id) : vec_fail(p);
    return vec_make(p, id, a, b, c);
}

static void look_at(struct vec_plan *p, u32 id)
{
    const struct ir_op *op = &p->ops[id];
    u8 *out = &p->of[id - p->from];

    switch (op->op) {
    case IR_INSN: break;
    case IR_CONST:
        p->native[id - p->from] = op->type != IR_I128; /* others may use it, too */
        *out = op->type == IR_I128 && op->imm > 1000 ? vec_fail(p)
                                                     : vec_known(p, op->type, 1, &op->imm);
        break;
    case IR_GET: *out = get(p, id); break;
    case IR_GETX: *out = getx(p, id); break;
    case IR_SET: set(p, id); break;
    case IR_SETX: setx(p, op); break;
    case IR_RAISEIF:
        p->native[id - p->from] = true;
        p->failed |= p->lanes || !is_plain(p, op->a) || !is_plain(p, op->b);
        break;
    case IR_VARNEW: *out = vec_value(p, op->a); break;
    case IR_VARGET: *out = vec_value(p, op->a); break;
    case IR_VARSET: p->of[op->a - p->from] = vec_value(p, op->b); break;
    case IR_VLOOP: vec_loop_begin(p, id); break;
    case IR_ENDVLOOP: vec_loop_end(p, id); break;
    default:
        if (!ir_is_pure(op->op) && !vec_is_fp(op))
            p->failed = true;
        else
            *out = operate(p, id);
    }
}

/* Without a loop: the upper half is more than zeros, and neither is only moved there by others. */
static bool is_worth(const struct vec_plan *p)
{
    for (unsigned i = 0; i < p->write_count; i++) {
        const struct vec_node *n = &p->node[p->write[i].node];

        if (n->kind == VEC_SCALAR || n->kind == VEC_KNOWN)
            return false;
    }
    return p->write_count > 0;
}

/* Is it likely? Cheap, for the many that are not. */
static bool may_be(const struct low *l, u32 from, u32 to)
{
    const struct ir_block *ir = l->job->ir;
    const struct isa *isa = l->job->isa;
    unsigned halves = 0;

    if (!isa->vector_bytes || !l->job->has_vectors || to - from > VEC_OPS ||
        !lower_may(l->job, ENGINE_OPT_VECTORS))
        return false;
    for (u32 i = from; i < to; i++) {
        const struct ir_op *op = &ir->ops[i];

        if (op->op == IR_VLOOP)
            return true;
        if (op->op == IR_LD || op->op == IR_ST)
            return false;
        if (op->op == IR_SETX)
            halves += 2;
        if (op->op == IR_SET && op->imm >= isa->vector_offset &&
            op->imm < isa->vector_offset + isa->vector_bytes &&
            (ir->ops[op->a].op != IR_CONST || op->imm % 16 == isa->vector_offset % 16))
            halves += ir_type_size(op->type) < 8 ? 2 : ir_type_size(op->type) / 8;
    }
    return halves >= 2;
}

static void note_register(struct vec_plan *p, u16 offset)
{
    p->l->vector_regs |= 1u << (offset - p->l->job->isa->vector_offset) / 16 % 32;
}

static void note_registers(struct vec_plan *p)
{
    for (unsigned i = 0; i < p->write_count; i++)
        note_register(p, p->write[i].offset);
    for (unsigned i = 0; i < p->count; i++)
        for (unsigned k = 0; p->node[i].kind == VEC_STATE && k < vec_total(&p->node[i]); k++)
            if (p->node[i].bytes[k] != VEC_ZERO)
                note_register(p, p->node[i].bytes[k]);
}

bool lo_vector_has(const struct low *l, const struct ir_op *op)
{
    const struct isa *isa = l->job->isa;
    u64 at = op->imm - isa->vector_offset;

    return at < isa->vector_bytes && l->vector_regs >> at / 16 % 32 & 1;
}

bool lo_vector_plan(struct low *l, struct vec_plan *p, u32 from, u32 to)
{
    if (!may_be(l, from, to))
        return false;
    p->l = l;
    p->ops = l->job->ir->ops;
    p->from = from;
    p->to = to;
    p->count = p->write_count = p->flag_count = 0;
    p->lanes = 0;
    p->loops = p->fp = p->failed = false;
    memset(p->native, 0, sizeof p->native);
    memset(p->of, 0, sizeof p->of);
    for (u32 i = from; i < to && !p->failed; i++)
        look_at(p, i);
    if (p->failed || (!p->loops && !is_worth(p)))
        return false;
    vec_make_whole(p);
    if (!p->failed)
        note_registers(p);
    return !p->failed;
}

/* Scalars are kept for the end, where vectors are done. */
static void keep_scalars(struct vec_plan *p)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->node[i].kind == VEC_SCALAR && p->node[i].uses)
            lo_keep_until(p->l, p->node[i].id, p->to - 1);
}

void lo_vector_lower(struct low *l, struct vec_plan *p)
{
    p->free_count = 0;
    for (u32 i = p->from; i < p->to; i++) {
        if (i == p->from)
            keep_scalars(p);
        else if (p->native[i - p->from])
            lo_lower_op(l, i);
        if (i + 1 == p->to)
            vec_emit_writes(p);
        vals_step(&l->a, i + 1);
    }
}
