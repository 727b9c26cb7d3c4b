/*
 * host_vector_fp.c - the table of floating-point operations on elements.
 *
 * As docs/design/0004-host-fp.md has it for one number: flags gather in MXCSR, and when one of the
 * lanes is a NaN, or could have been tiny before it was rounded, all lanes are done again by
 * software, in the cold part. Then the host's unit has raised no flag that software does not.
 * Lanes that the vector does not have are copies of those that it has.
 */
#include "engine/base/host_fp.h"
#include "engine/base/host_lower_fp.h"
#include "engine/base/host_vector.h"

struct fp_code {
    enum x86_xmm x[3]; /* operands, not to be changed */
    bool own[3];       /* ours to free */
    unsigned count;
    unsigned size; /* of the result's elements, bytes */
    enum x86_xmm d;
};

static const u16 codes[IR_OP_COUNT] = {
    [IR_FADD] = 0x0f58, [IR_FSUB] = 0x0f5c,  [IR_FMUL] = 0x0f59,
    [IR_FDIV] = 0x0f5e, [IR_FSQRT] = 0x0f51, [IR_FCVT] = 0x0f5a,
};

/* --- what is done here --- */

static bool relation_is_known(u64 imm)
{
    u64 mask = imm & 0xff;
    bool signals = imm & 0x100;

    return signals ? mask == 1 << FP_LT || mask == (1 << FP_LT | 1 << FP_EQ) ||
                         mask == 1 << FP_GT || mask == (1 << FP_GT | 1 << FP_EQ)
                   : mask == 1 << FP_EQ;
}

bool vec_fp_known(const struct vec_plan *p, const struct vec_node *n)
{
    const struct ir_op *op = &p->ops[n->id];

    if (!lo_fp_native(p->l, op) || (op->fp.round != IR_ROUND_DYNAMIC && op->op != IR_FTOI))
        return false;
    switch (op->op) {
    case IR_FCMP: return relation_is_known(op->imm2);
    case IR_FTOI:
        return n->size == 2 && op->fp.format == FP_F32 && op->ftoi.is_signed &&
               op->ftoi.bits == 32 && op->fp.round == FP_RTZ;
    case IR_ITOF: return n->size == 2 && p->node[n->a].size == 2 && op->imm2 & 1;
    case IR_FMA:
    case IR_FMIN:
    case IR_FMAX: return true;
    default: return codes[op->op] != 0;
    }
}

/* --- operands --- */

static void use(struct vec_plan *p, struct fp_code *f, u8 number)
{
    const struct vec_node *n = &p->node[number];
    unsigned total = vec_total(n), i = f->count++;
    enum x86_xmm x = vec_use(p, number);

    f->own[i] = total < 16;
    f->x[i] = x;
    if (!f->own[i])
        return;
    f->x[i] = vec_temp(p);
    x86_v_rr_imm(p->l->o, 0x0f70, f->x[i], x, total == 8 ? 0x44 : 0);
}

static void begin(struct vec_plan *p, struct fp_code *f, const struct vec_node *n)
{
    const u8 in[] = { n->a, n->b, n->c };

    f->count = 0;
    f->size = 1u << n->size;
    for (unsigned i = 0; i < 3; i++)
        if (in[i] != VEC_NONE)
            use(p, f, in[i]);
    f->d = vec_temp(p);
}

static enum x86_xmm end(struct vec_plan *p, const struct fp_code *f, const struct vec_node *n)
{
    const u8 in[] = { n->a, n->b, n->c };

    for (unsigned i = 0; i < f->count; i++)
        if (f->own[i])
            vec_free(p, f->x[i]);
    for (unsigned i = 0; i < 3; i++)
        if (in[i] != VEC_NONE)
            vec_done(p, in[i]);
    return f->d;
}

/* --- software --- */

static struct x86_mem operand(unsigned n)
{
    return cpu_at((s32)(offsetof(struct ecpu, fp_vector) + 16 * n));
}

/* The jump at `where` leads to where all lanes are done by software, and from there here. */
static void else_software(struct vec_plan *p, const struct fp_code *f, const struct vec_node *n,
                          u8 *where)
{
    struct low *l = p->l;
    const struct ir_op *op = &p->ops[n->id];

    lo_fix_cold(l, where);
    for (unsigned i = 0; i < f->count; i++)
        x86_v_store(&l->cold, operand(i), f->x[i]);
    x86_mov_ri(&l->cold, RDX, host_fp_pack_vector(op, l->a.v[op->a].type, n->lanes));
    lo_fix(l, x86_call(&l->cold), FIX_ABSOLUTE, (uintptr_t)l->job->thunks->fp_vector);
    x86_v_load(&l->cold, f->d, operand(0));
    lo_jmp_hot(l);
}

/* Jumps when a lane of xmm0 is all ones. */
static u8 *if_any(struct low *l, unsigned size)
{
    x86_v_mask(l->o, size, RAX, XMM0);
    x86_test_rr(l->o, 4, RAX, RAX);
    return x86_jcc(l->o, CC_NE);
}

static void finish(struct vec_plan *p, const struct fp_code *f, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    bool tiny = n->op == IR_FMUL || n->op == IR_FDIV || n->op == IR_FMA ||
                (n->op == IR_FCVT && f->size == 4);
    enum x86_xmm smallest;

    if (tiny) {
        smallest =
            vec_const_all(p, f->size, f->size == 4 ? (u64)SMALLEST_32 << 1 : SMALLEST_64 << 1);
        x86_fp_mov(o, XMM1, f->d);
        x86_v_rr(o, f->size == 4 ? 0x0ffe : 0x0fd4, XMM1, XMM1); /* without the sign */
        x86_v_rr(o, f->size == 4 ? 0x0f76 : 0x0f3829, XMM1, smallest);
    }
    x86_fp_mov(o, XMM0, f->d);
    x86_vf_compare(o, VF_UNORDERED, f->size, XMM0, XMM0);
    if (tiny)
        x86_v_rr(o, 0x0feb, XMM0, XMM1);
    else_software(p, f, n, if_any(p->l, f->size));
}

/* --- operations --- */

static enum x86_xmm arithmetic(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    unsigned size = n->op == IR_FCVT ? 12u - (1u << n->size) : 1u << n->size;
    struct fp_code f;

    begin(p, &f, n);
    if (f.count == 1) {
        x86_vf_rr(o, codes[n->op], size, f.d, f.x[0]);
    } else {
        x86_fp_mov(o, f.d, f.x[0]);
        if (n->op == IR_FMA)
            x86_vf_fma(o, X86_FMA_213, size, f.d, f.x[1], f.x[2]);
        else
            x86_vf_rr(o, codes[n->op], size, f.d, f.x[1]);
    }
    finish(p, &f, n);
    return end(p, &f, n);
}

/* Of equal numbers, zeros, the one with a sign, or the one without. */
static void equal_ones(struct x86_out *o, const struct fp_code *f, bool min)
{
    x86_fp_mov(o, XMM0, f->x[0]);
    x86_vf_compare(o, VF_EQ, f->size, XMM0, f->x[1]);
    if (min) {
        x86_v_rr(o, 0x0fdb, XMM0, f->x[0]);
        x86_v_rr(o, 0x0feb, f->d, XMM0);
        return;
    }
    x86_fp_mov(o, XMM1, XMM0);
    x86_v_rr(o, 0x0fdf, XMM0, f->d); /* what is not equal */
    x86_v_rr(o, 0x0fdb, XMM1, f->x[0]);
    x86_v_rr(o, 0x0fdb, f->d, XMM1);
    x86_v_rr(o, 0x0feb, f->d, XMM0);
}

static enum x86_xmm minmax(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    struct fp_code f;
    u8 *nan;

    begin(p, &f, n);
    x86_fp_mov(o, XMM0, f.x[0]);
    x86_vf_compare(o, VF_UNORDERED, f.size, XMM0, f.x[1]); /* first: MINPS is not quiet */
    nan = if_any(p->l, f.size);
    x86_fp_mov(o, f.d, f.x[0]);
    x86_vf_rr(o, n->op == IR_FMIN ? 0x0f5d : 0x0f5f, f.size, f.d, f.x[1]);
    equal_ones(o, &f, n->op == IR_FMIN);
    else_software(p, &f, n, nan);
    return end(p, &f, n);
}

static enum x86_xmm compare(struct vec_plan *p, const struct vec_node *n)
{
    u64 mask = p->ops[n->id].imm2 & 0xff;
    bool swap = mask & 1 << FP_GT, equal = mask & 1 << FP_EQ;
    struct fp_code f;

    begin(p, &f, n);
    x86_fp_mov(p->l->o, f.d, f.x[swap]);
    x86_vf_compare(p->l->o,
                   mask == 1 << FP_EQ ? VF_EQ
                   : equal            ? VF_LE
                                      : VF_LT,
                   f.size, f.d, f.x[!swap]);
    return end(p, &f, n);
}

/* What does not fit, and what is -2^31, is for software to tell apart. */
static enum x86_xmm to_int(struct vec_plan *p, const struct vec_node *n)
{
    struct x86_out *o = p->l->o;
    enum x86_xmm least = vec_const_all(p, 4, 1ull << 31);
    struct fp_code f;

    begin(p, &f, n);
    x86_v_to_int(o, f.d, f.x[0]);
    x86_fp_mov(o, XMM0, f.d);
    x86_v_rr(o, 0x0f76, XMM0, least);
    else_software(p, &f, n, if_any(p->l, 4));
    return end(p, &f, n);
}

static enum x86_xmm from_int(struct vec_plan *p, const struct vec_node *n)
{
    struct fp_code f;

    begin(p, &f, n);
    x86_vf_rr(p->l->o, 0x0f5b, 4, f.d, f.x[0]);
    return end(p, &f, n);
}

enum x86_xmm vec_fp_emit(struct vec_plan *p, struct vec_node *n)
{
    switch (n->op) {
    case IR_FMIN:
    case IR_FMAX: return minmax(p, n);
    case IR_FCMP: return compare(p, n);
    case IR_FTOI: return to_int(p, n);
    case IR_ITOF: return from_int(p, n);
    default: return arithmetic(p, n);
    }
}
