/*
 * host_lower_arith.c - state, arithmetic and changes of width.
 */
#include "engine/base/host_lower_fp.h"

/* --- leaves and state --- */

void low_const(struct low *l, const struct ir_op *op, u32 id)
{
    vals_def_const(&l->a, id, op->imm);
}

void low_pc(struct low *l, const struct ir_op *op, u32 id)
{
    vals_def_pc(&l->a, id, op->imm);
}

bool lo_is_zero(const struct low *l, const struct ir_op *op)
{
    u64 from = l->job->isa->zero_offset;

    return op->op == IR_GET && op->imm >= from &&
           op->imm + ir_type_size(op->type) <= from + l->job->isa->zero_bytes;
}

void low_get(struct low *l, const struct ir_op *op, u32 id)
{
    if (lo_is_zero(l, op))
        vals_def_const(&l->a, id, 0);
    else if (!lo_fp_get(l, op, id))
        vals_get(&l->a, id, (u16)op->imm, op->type);
}

void low_set(struct low *l, const struct ir_op *op, u32 id)
{
    if (!lo_fp_set(l, op, id))
        vals_set(&l->a, op->a, (u16)op->imm, op->type);
}

/* At a place that is known, which is all that is done here: state like any other. */
bool lo_is_element(const struct low *l, const struct ir_op *op)
{
    return (op->op == IR_GETX || op->op == IR_SETX) && l->job->ir->ops[op->a].op == IR_CONST;
}

u16 lo_place_of(const struct low *l, const struct ir_op *op)
{
    return (u16)(op->imm + l->job->ir->ops[op->a].imm);
}

void low_getx(struct low *l, const struct ir_op *op, u32 id)
{
    vals_get(&l->a, id, lo_place_of(l, op), op->type);
}

void low_setx(struct low *l, const struct ir_op *op, u32 id)
{
    vals_set(&l->a, op->b, lo_place_of(l, op), op->type);
    lo_vector_forget(l, lo_place_of(l, op), op->type);
}

/* --- arithmetic --- */

static bool dies_here(const struct low *l, u32 id)
{
    return l->a.v[l->a.v[id].same_as].last_use <= l->a.now;
}

/* x + imm or x | imm, where it needs no instruction. */
static bool fold(struct low *l, const struct ir_op *op, u32 id, u32 x, u64 imm)
{
    const struct val *v = vals_of(&l->a, x);
    u64 mask = op->type == IR_I64 ? ~0ull : UINT32_MAX;

    if (op->type != IR_I64 && op->type != IR_I32)
        return false;
    if (v->kind == VAL_CONST)
        vals_def_const(&l->a, id, (op->op == IR_ADD ? v->imm + imm : v->imm | imm) & mask);
    else if ((imm & mask) == 0 && !l->a.v[x].boxed)
        vals_def_same(&l->a, id, x, l->a.v[x].clean);
    else
        return false;
    return true;
}

/* A shift that the sum it is for does itself, as the scale of its second operand; 0: none. */
static unsigned scale_of(struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id], *user = &l->job->ir->ops[l->a.v[id].last_use];
    const struct val *by;

    if (op->op != IR_SHL || l->a.v[id].uses != 1 || l->a.v[id].plan != PLAN_NONE ||
        user->op != IR_ADD || user->b != id || user->a == id || user->insn != op->insn ||
        l->a.v[l->a.v[id].last_use].plan != PLAN_NONE || lo_is_narrow(op->type))
        return 0;
    by = vals_of(&l->a, op->b);
    return by->kind == VAL_CONST && by->imm >= 1 && by->imm <= 3 ? (unsigned)by->imm : 0;
}

void low_add(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    u32 x = op->a, y = op->b;
    s32 imm;

    if (lo_is_address(l, id, &x, &imm)) {
        lo_keep_until(l, x, l->a.v[id].last_use);
        return;
    }

    if (scale_of(l, y)) {
        enum x86_reg s = vals_use(&l->a, x), t = vals_use(&l->a, l->job->ir->ops[y].a);

        x86_lea(l->o, size, vals_def(&l->a, id), x86_at_scaled(s, t, scale_of(l, y)));
        return;
    }
    if (vals_of(&l->a, x)->kind == VAL_CONST) {
        x = op->b;
        y = op->a;
    }
    if (vals_of(&l->a, y)->kind == VAL_CONST && fold(l, op, id, x, vals_of(&l->a, y)->imm))
        return;
    if (vals_imm(&l->a, y, &imm)) {
        enum x86_reg s = vals_use(&l->a, x);

        x86_lea(l->o, size, vals_def(&l->a, id), x86_at(s, imm));
    } else {
        enum x86_reg s = vals_use(&l->a, x), t = vals_use(&l->a, y);

        x86_lea(l->o, size, vals_def(&l->a, id), x86_at_index(s, t, 0));
    }
    l->a.v[id].clean = !lo_is_narrow(op->type);
}

static enum x86_alu alu_of(unsigned op)
{
    switch (op) {
    case IR_SUB: return ALU_SUB;
    case IR_AND: return ALU_AND;
    case IR_OR: return ALU_OR;
    default: return ALU_XOR;
    }
}

void low_alu(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_alu alu = alu_of(op->op);
    s32 imm;

    if (op->op == IR_OR && vals_of(&l->a, op->a)->kind == VAL_CONST &&
        fold(l, op, id, op->b, vals_of(&l->a, op->a)->imm))
        return;
    if (op->op == IR_OR && vals_of(&l->a, op->b)->kind == VAL_CONST &&
        fold(l, op, id, op->a, vals_of(&l->a, op->b)->imm))
        return;
    if (vals_imm(&l->a, op->b, &imm)) {
        x86_alu_ri(l->o, alu, size, vals_def_from(&l->a, id, op->a), imm);
    } else {
        enum x86_reg y = vals_use(&l->a, op->b);
        enum x86_reg x = vals_use(&l->a, op->a);

        if (x != y && !dies_here(l, op->a) && dies_here(l, op->b) && op->op != IR_SUB)
            x86_alu_rr(l->o, alu, size, vals_def_from(&l->a, id, op->b), x);
        else
            x86_alu_rr(l->o, alu, size, vals_def_from(&l->a, id, op->a), y);
    }
    l->a.v[id].clean = !lo_is_narrow(op->type);
    if (op->type == IR_I32 || op->type == IR_I64)
        lo_flags_note(l, op->op, op->a, op->b, id);
}

void low_andn(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->b));
    x86_unary(l->o, UN_NOT, size, RAX);
    x86_alu_rr(l->o, ALU_AND, size, vals_def_from(&l->a, id, op->a), RAX);
    l->a.v[id].clean = op->type == IR_I1 ? l->a.v[op->a].clean : !lo_is_narrow(op->type);
}

void low_mul(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_imul_rr(l->o, op->type == IR_I64 ? 8 : 4, vals_def_from(&l->a, id, op->a), y);
    l->a.v[id].clean = !lo_is_narrow(op->type);
}

/* rdx:rax = a * b */
void low_mulh(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->a));
    x86_unary(l->o, op->op == IR_MULHU ? UN_MUL : UN_IMUL, size, y);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RDX);
}

static enum x86_shift shift_of(unsigned op)
{
    switch (op) {
    case IR_SHL: return SH_SHL;
    case IR_SHR: return SH_SHR;
    case IR_SAR: return SH_SAR;
    case IR_ROTL: return SH_ROL;
    default: return SH_ROR;
    }
}

void low_shift(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    s32 n;

    if (scale_of(l, id)) {
        lo_keep_until(l, op->a, l->a.v[id].last_use);
        return;
    }
    if (vals_imm(&l->a, op->b, &n)) {
        enum x86_reg d = vals_def_from(&l->a, id, op->a);

        if (n & (s32)(8 * size - 1))
            x86_shift_ri(l->o, shift_of(op->op), size, d, (unsigned)n & (8 * size - 1));
        l->a.v[id].clean = (n & (s32)(8 * size - 1)) || l->a.v[op->a].clean;
        return;
    }
    x86_mov_rr(l->o, 4, RCX, vals_use(&l->a, op->b));
    x86_shift_rcl(l->o, shift_of(op->op), size, vals_def_from(&l->a, id, op->a));
    l->a.v[id].clean = size == 8;
}

void low_unary(struct low *l, const struct ir_op *op, u32 id)
{
    x86_unary(l->o, op->op == IR_NEG ? UN_NEG : UN_NOT, op->type == IR_I64 ? 8 : 4,
              vals_def_from(&l->a, id, op->a));
    l->a.v[id].clean = !lo_is_narrow(op->type);
}

void low_not(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->type != IR_I1) {
        low_unary(l, op, id);
        return;
    }
    if (lo_not_turned(l, op, id) || lo_not_flag(l, op, id))
        return;
    x86_alu_ri(l->o, ALU_XOR, 4, vals_def_from(&l->a, id, op->a), 1);
    l->a.v[id].clean = l->a.v[op->a].clean;
}

void low_bswap(struct low *l, const struct ir_op *op, u32 id)
{
    x86_bswap(l->o, op->type == IR_I64 ? 8 : 4, vals_def_from(&l->a, id, op->a));
}

void low_bit_count(struct low *l, const struct ir_op *op, u32 id)
{
    u8 code = op->op == IR_CLZ ? 0xbd : op->op == IR_CTZ ? 0xbc : 0xb8;
    enum x86_reg x = vals_use(&l->a, op->a);

    x86_bit_count(l->o, code, op->type == IR_I64 ? 8 : 4, vals_def(&l->a, id), x);
}

/* --- width --- */

void low_trunc(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->type == IR_I1) {
        x86_mov_rr(l->o, 4, RAX, vals_use(&l->a, op->a));
        x86_alu_ri(l->o, ALU_AND, 4, RAX, 1);
        x86_mov_rr(l->o, 4, vals_def(&l->a, id), RAX);
        return;
    }
    vals_def_same(&l->a, id, op->a, false);
}

void low_zext(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned from = l->a.v[op->a].type;
    enum x86_reg x;

    if (vals_of(&l->a, op->a)->kind == VAL_CONST) {
        vals_def_const(&l->a, id,
                       vals_of(&l->a, op->a)->imm & (~0ull >> (64 - ir_type_bits(from))));
        return;
    }
    if (l->a.v[op->a].clean && vals_of(&l->a, op->a)->kind == VAL_PLACE) {
        vals_def_same(&l->a, id, op->a, true);
        return;
    }
    x = vals_use(&l->a, op->a);
    x86_mov_zx(l->o, ir_type_size(from), vals_def(&l->a, id), x);
}

void low_sext(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned from = l->a.v[op->a].type;
    enum x86_reg x, d;

    if (l->a.v[id].kind != VAL_NONE) /* the load did it */
        return;
    x = vals_use(&l->a, op->a);
    if (from == IR_I1) {
        d = vals_def(&l->a, id);
        x86_mov_zx(l->o, 1, d, x);
        x86_unary(l->o, UN_NEG, 8, d);
        l->a.v[id].clean = op->type == IR_I64;
        return;
    }
    d = vals_def_over(&l->a, id, op->a);
    x86_mov_sx(l->o, ir_type_size(from), d, x);
    l->a.v[id].clean = op->type == IR_I64;
}
