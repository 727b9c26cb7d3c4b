/*
 * build.c - the builder: semantics in, operations out. The vocabulary without state of
 * its own is in build_ops.c.
 *
 * It buffers the outermost sets and the exit until the instruction's end, folds
 * constants, and checks each operation as it comes. Built twice: into libvm, and
 * into semgen, where operands are symbolic.
 */
#include "base/bug.h"
#include "ir/build_private.h"
#include "ir/check.h"
#include <stdio.h>
#include <stdlib.h>

enum { PENDING_MAX = 64, CONST_CACHE = 16, SYMBOLIC_REGS = 8, SYMBOLIC_IMMS = 2 };

struct ir_builder {
    struct ir_block *block; /* borrows (begin) */
    void (*on_bug)(const char *what);
    bool symbolic, unchecked;
    struct ir_flow flow;
    s32 offset, len; /* of the open instruction */
    u16 insn;
    unsigned pending_count;
    struct pending {
        sem_reg reg;
        ir_val v;
    } pending[PENDING_MAX];
    struct ir_op exit;  /* JUMP, JUMPIF, ENDBLOCK asked for; IR_INSN: none */
    u32 helper_effects; /* of the helpers called by this instruction */
    u32 clear_off;      /* state at this offset has none of these bits: ir_raise_if_bits */
    u64 clear_bits;
    struct const_entry { /* constants at the outermost level, by value */
        u64 value;
        u32 id; /* IR_NO_VAL: empty */
        u8 type;
    } consts[CONST_CACHE];
};

struct ir_builder *ir_builder_new(bool symbolic)
{
    struct ir_builder *s = calloc(1, sizeof *s);

    if (s)
        s->symbolic = symbolic;
    return s;
}

struct ir_builder *ir_builder_free(struct ir_builder *s)
{
    free(s);
    return NULL;
}

void ir_builder_trust(struct ir_builder *s)
{
    s->unchecked = true;
}

void ir_builder_on_bug(struct ir_builder *s, void (*fn)(const char *what))
{
    s->on_bug = fn;
}

static _Noreturn void builder_bug(struct ir_builder *s, unsigned op, const char *why)
{
    char text[200];

    snprintf(text, sizeof text, "IR builder: %s at +%d: %s", ir_op_infos[op].name, s->offset, why);
    if (s->on_bug)
        s->on_bug(text);
    BUG(text);
}

enum ir_type ir_type_of(struct ir_builder *s, ir_val v)
{
    if (v.id == IR_NO_VAL)
        return IR_NONE;
    BUG_ON(v.id >= s->block->op_count);
    return s->block->ops[v.id].type;
}

/* --- appending --- */

struct ir_op build_op(enum ir_opcode op, enum ir_type t)
{
    return (struct ir_op){
        .op = (u8)op, .type = (u8)t, .a = IR_NO_VAL, .b = IR_NO_VAL, .c = IR_NO_VAL
    };
}

static bool operand_is_symbol(enum ir_opcode op)
{
    return op == IR_CONST || op == IR_PC || op == IR_GET || op == IR_SET || op == IR_GETX ||
           op == IR_SETX;
}

static void grow(struct ir_block *b)
{
    u32 room = b->op_room ? b->op_room * 2 : 256;
    struct ir_op *ops = realloc(b->ops, room * sizeof *ops);

    if (!ops)
        BUG("out of memory for IR");
    b->ops = ops;
    b->op_room = room;
}

static void check(struct ir_builder *s, const struct ir_op *op)
{
    u32 c = operand_is_symbol(op->op) ? IR_NO_VAL : op->c;
    const char *why =
        ir_check_types(op, ir_type_of(s, (ir_val){ op->a }), ir_type_of(s, (ir_val){ op->b }),
                       ir_type_of(s, (ir_val){ c }));

    if (!why)
        why = ir_flow_op(&s->flow, op);
    if (why)
        builder_bug(s, op->op, why);
}

/* All that a block's making rests on: how deep IFs and LOOPs are, and whether it was left. */
static void follow(struct ir_builder *s, const struct ir_op *op)
{
    if (op->op == IR_INSN || ir_op_infos[op->op].effects & (IRE_CTRL | IRE_EXIT))
        ir_flow_op(&s->flow, op);
}

ir_val build_append(struct ir_builder *s, struct ir_op op)
{
    struct ir_block *b = s->block;

    if (unlikely(!s->unchecked))
        check(s, &op);
    else
        follow(s, &op);
    if (b->op_count == b->op_room)
        grow(b);
    op.insn = s->insn;
    b->ops[b->op_count] = op;
    return (ir_val){ b->op_count++ };
}

/* --- constants --- */

static const struct ir_op *as_const(struct ir_builder *s, ir_val v)
{
    const struct ir_op *op = v.id == IR_NO_VAL ? NULL : &s->block->ops[v.id];

    return op && op->op == IR_CONST && op->c == IR_NO_VAL ? op : NULL;
}

static bool is_const(struct ir_builder *s, ir_val v, u64 value)
{
    const struct ir_op *op = as_const(s, v);

    return op && op->imm == value;
}

static u64 type_mask(enum ir_type t)
{
    return t >= IR_I64 ? ~0ull : (1ull << ir_type_bits(t)) - 1;
}

/* One CONST serves the whole block when it stands outside every IF and LOOP. */
ir_val ir_const(struct ir_builder *s, enum ir_type t, u64 value)
{
    struct ir_op op = build_op(IR_CONST, t);
    struct const_entry *e;
    ir_val v;

    op.imm = value & type_mask(t);
    e = &s->consts[(op.imm ^ op.imm >> 7 ^ t * 5u) % CONST_CACHE];
    if (e->id != IR_NO_VAL && e->value == op.imm && e->type == t)
        return (ir_val){ e->id };
    v = build_append(s, op);
    if (s->flow.depth == 0)
        *e = (struct const_entry){ op.imm, v.id, (u8)t };
    return v;
}

ir_val ir_imm(struct ir_builder *s, enum ir_type t, sem_imm imm)
{
    struct ir_op op = build_op(IR_CONST, t);

    if (imm.operand < 0)
        return ir_const(s, t, (u64)imm.value);
    if (!s->symbolic || imm.operand >= SYMBOLIC_IMMS)
        builder_bug(s, IR_CONST, "an immediate operand that is not decoded");
    op.c = (u32)imm.operand;
    return build_append(s, op);
}

/* --- folding --- */

static bool fold_pure(struct ir_builder *s, const struct ir_op *op, ir_val *out)
{
    const struct ir_op *a = as_const(s, (ir_val){ op->a });
    const struct ir_op *b = as_const(s, (ir_val){ op->b });
    const struct ir_op *c = as_const(s, (ir_val){ op->c });
    u128 v;

    if (!a || (op->b != IR_NO_VAL && !b) || (op->c != IR_NO_VAL && !c))
        return false;
    if (op->op >= IR_DIVU && op->op <= IR_REMS && b->imm == 0)
        return false; /* on a path that is not taken */
    v = ir_pure(op, ir_type_bits(a->type), a->imm, b ? b->imm : 0, c ? c->imm : 0);
    if (v >> 64)
        return false; /* CONST holds 64 bits */
    *out = ir_const(s, op->type, (u64)v);
    return true;
}

/* pc + constant is a PC of another offset. */
static bool fold_pc(struct ir_builder *s, const struct ir_op *op, ir_val *out)
{
    ir_val a = { op->a }, b = { op->b };
    struct ir_op pc;
    u64 delta;

    if (op->op == IR_ADD && as_const(s, a)) {
        a.id = op->b;
        b.id = op->a;
    }
    if ((op->op != IR_ADD && op->op != IR_SUB) || s->block->ops[a.id].op != IR_PC ||
        !as_const(s, b))
        return false;
    pc = s->block->ops[a.id];
    delta = as_const(s, b)->imm;
    pc.imm += op->op == IR_ADD ? delta : 0 - delta;
    *out = build_append(s, pc);
    return true;
}

/* x op neutral = x, and leaves no carry. */
static bool fold_neutral(struct ir_builder *s, const struct ir_op *op, ir_val *out)
{
    ir_val a = { op->a }, b = { op->b };

    switch (op->op) {
    case IR_ADD:
    case IR_OR:
    case IR_XOR:
        if (is_const(s, a, 0)) {
            *out = b;
            return true;
        }
        /* fall through */
    case IR_SUB:
    case IR_ANDN:
    case IR_SHL:
    case IR_SHR:
    case IR_SAR:
    case IR_ROTL:
    case IR_ROTR: *out = a; return is_const(s, b, 0);
    case IR_CARRY:
    case IR_BORROW:
    case IR_ADDOVF:
    case IR_SUBOVF:
        if (!is_const(s, b, 0) || !is_const(s, (ir_val){ op->c }, 0))
            return false;
        *out = ir_const(s, IR_I1, 0);
        return true;
    case IR_SELECT: *out = is_const(s, a, 0) ? (ir_val){ op->c } : b; return as_const(s, a) != NULL;
    default: return false;
    }
}

static bool types_are_right(struct ir_builder *s, const struct ir_op *op)
{
    return ir_check_types(op, ir_type_of(s, (ir_val){ op->a }), ir_type_of(s, (ir_val){ op->b }),
                          ir_type_of(s, (ir_val){ op->c })) == NULL;
}

ir_val build_emit(struct ir_builder *s, struct ir_op op)
{
    ir_val v;

    if (ir_is_pure(op.op) && (s->unchecked || types_are_right(s, &op)) &&
        (fold_pure(s, &op, &v) || fold_pc(s, &op, &v) || fold_neutral(s, &op, &v)))
        return v;
    return build_append(s, op);
}

ir_val build_abc(struct ir_builder *s, enum ir_opcode opcode, enum ir_type t, ir_val a, ir_val b,
                 ir_val c)
{
    struct ir_op op = build_op(opcode, t);

    op.a = a.id;
    op.b = b.id;
    op.c = c.id;
    return build_emit(s, op);
}

void build_plain(struct ir_builder *s, enum ir_opcode opcode, ir_val a, u64 imm)
{
    struct ir_op op = build_op(opcode, IR_NONE);

    op.a = a.id;
    op.imm = imm;
    build_append(s, op);
}

/* --- leaves and state --- */

static ir_val pc_plus(struct ir_builder *s, u32 symbol, u64 offset)
{
    struct ir_op op = build_op(IR_PC, IR_I64);

    op.c = s->symbolic ? symbol : IR_NO_VAL;
    op.imm = s->symbolic ? 0 : offset;
    return build_append(s, op);
}

ir_val ir_pc(struct ir_builder *s)
{
    return pc_plus(s, 0, (u64)(s64)s->offset);
}

ir_val ir_next_pc(struct ir_builder *s)
{
    return pc_plus(s, 1, (u64)(s64)(s->offset + s->len));
}

static struct ir_op state_op(struct ir_builder *s, enum ir_opcode opcode, enum ir_type t, sem_reg r)
{
    struct ir_op op = build_op(opcode, t);

    op.imm = r.off;
    if (r.operand < 0)
        return op;
    if (!s->symbolic || r.operand >= SYMBOLIC_REGS)
        builder_bug(s, opcode, "a register operand that is not decoded");
    op.c = (u32)r.operand;
    return op;
}

ir_val ir_get(struct ir_builder *s, enum ir_type t, sem_reg r)
{
    return build_append(s, state_op(s, IR_GET, t, r));
}

static void set_now(struct ir_builder *s, sem_reg r, ir_val v)
{
    struct ir_op op = state_op(s, IR_SET, ir_type_of(s, v), r);

    op.a = v.id;
    build_append(s, op);
    if (r.off < s->clear_off + 8 && s->clear_off < r.off + ir_type_size(ir_type_of(s, v)))
        s->clear_bits = 0;
}

static bool overlaps(struct ir_builder *s, const struct pending *p, sem_reg r, ir_val v)
{
    return p->reg.operand == r.operand && p->reg.off < r.off + ir_type_size(ir_type_of(s, v)) &&
           r.off < p->reg.off + ir_type_size(ir_type_of(s, p->v));
}

void ir_set(struct ir_builder *s, sem_reg r, ir_val v)
{
    if (ir_type_of(s, v) == IR_NONE)
        builder_bug(s, IR_SET, "a value is missing");
    if (s->flow.depth == 0) {
        if (s->flow.left)
            builder_bug(s, IR_SET, "an operation after the block was left");
        if (s->pending_count == PENDING_MAX)
            builder_bug(s, IR_SET, "too many sets in one instruction");
        s->pending[s->pending_count++] = (struct pending){ r, v };
        return;
    }
    for (unsigned i = 0; i < s->pending_count; i++)
        if (overlaps(s, &s->pending[i], r, v))
            builder_bug(s, IR_SET, "set inside IF or LOOP while an outer set of it is buffered");
    set_now(s, r, v);
}

static void flush_sets(struct ir_builder *s)
{
    for (unsigned i = 0; i < s->pending_count; i++)
        set_now(s, s->pending[i].reg, s->pending[i].v);
    s->pending_count = 0;
}

ir_val ir_getx(struct ir_builder *s, enum ir_type t, sem_reg base, ir_val index,
               unsigned file_bytes)
{
    struct ir_op op = state_op(s, IR_GETX, t, base);

    op.a = index.id;
    op.imm2 = file_bytes;
    return build_append(s, op);
}

void ir_setx(struct ir_builder *s, sem_reg base, ir_val index, ir_val v, unsigned file_bytes)
{
    struct ir_op op = state_op(s, IR_SETX, ir_type_of(s, v), base);

    op.a = index.id;
    op.b = v.id;
    op.imm2 = file_bytes;
    build_append(s, op);
    s->clear_bits = 0;
}

ir_var ir_var_new(struct ir_builder *s, ir_val first)
{
    return (ir_var){ build_abc(s, IR_VARNEW, ir_type_of(s, first), first, IR_NOVAL, IR_NOVAL).id };
}

ir_val ir_var_get(struct ir_builder *s, ir_var v)
{
    ir_val var = { v.id };

    return build_abc(s, IR_VARGET, ir_type_of(s, var), var, IR_NOVAL, IR_NOVAL);
}

void ir_var_set(struct ir_builder *s, ir_var v, ir_val to)
{
    build_abc(s, IR_VARSET, ir_type_of(s, to), (ir_val){ v.id }, to, IR_NOVAL);
}

/* --- leaving --- */

void ir_commit(struct ir_builder *s)
{
    if (s->flow.depth && s->pending_count)
        builder_bug(s, IR_COMMIT, "inside IF or LOOP while outer sets are buffered");
    flush_sets(s);
    build_plain(s, IR_COMMIT, IR_NOVAL, 0);
}

void ir_raise(struct ir_builder *s, u32 cause, ir_val value)
{
    if (s->flow.depth == 0)
        s->pending_count = 0; /* they never happen */
    build_plain(s, IR_RAISE, value, cause);
}

void ir_raise_if_bits(struct ir_builder *s, sem_reg r, sem_imm mask, u32 cause)
{
    bool decoded = mask.operand < 0 && r.operand < 0;
    u64 bits = (u64)mask.value;

    if (decoded && (bits == 0 || (s->clear_off == r.off && (bits & ~s->clear_bits) == 0)))
        return;
    ir_val v = ir_get(s, IR_I64, r);
    ir_val m = ir_imm(s, IR_I64, mask);
    ir_val set = ir_and(s, v, m);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val any = ir_ne(s, set, zero);

    ir_raise_if(s, any, cause, zero);
    if (decoded && s->flow.depth == 0) {
        s->clear_off = r.off;
        s->clear_bits = bits;
    }
}

void ir_raise_if(struct ir_builder *s, ir_val cond, u32 cause, ir_val value)
{
    struct ir_op op = build_op(IR_RAISEIF, IR_NONE);

    op.a = cond.id;
    op.b = value.id;
    op.imm = cause;
    build_append(s, op);
}

/* Kept until the instruction ends: a set said later still comes before it. */
static void set_exit(struct ir_builder *s, struct ir_op op)
{
    if (s->flow.depth)
        builder_bug(s, op.op, "the block is left inside IF or LOOP");
    if (s->exit.op != IR_INSN)
        builder_bug(s, op.op, "the instruction already leaves the block");
    s->exit = op;
}

void ir_jump(struct ir_builder *s, ir_val target, enum ir_jump kind)
{
    struct ir_op op = build_op(IR_JUMP, IR_NONE);

    op.a = target.id;
    op.imm = kind;
    set_exit(s, op);
}

void ir_jump_if(struct ir_builder *s, ir_val cond, ir_val target)
{
    struct ir_op op = build_op(IR_JUMPIF, IR_NONE);

    op.a = cond.id;
    op.b = target.id;
    set_exit(s, op);
}

void ir_end_block(struct ir_builder *s)
{
    set_exit(s, build_op(IR_ENDBLOCK, IR_NONE));
}

ir_val ir_call(struct ir_builder *s, const struct ir_helper *h, ir_val a, ir_val b, ir_val c)
{
    struct ir_op op = build_op(IR_CALL, IR_I64);

    if (s->flow.depth && h->effects & IRH_SETS_PC)
        builder_bug(s, IR_CALL, "a helper that sets pc inside IF or LOOP");
    op.a = a.id;
    op.b = b.id;
    op.c = c.id;
    op.helper = h;
    s->helper_effects |= h->effects;
    if (h->effects & IRH_WRITES)
        s->clear_bits = 0;
    return build_append(s, op);
}

/* --- instructions --- */

void ir_builder_begin(struct ir_builder *s, struct ir_block *block)
{
    ir_block_clear(block);
    s->block = block;
    s->flow = (struct ir_flow){ 0 };
    s->insn = 0;
    s->clear_bits = 0;
    for (unsigned i = 0; i < CONST_CACHE; i++)
        s->consts[i].id = IR_NO_VAL;
}

void ir_builder_insn(struct ir_builder *s, s32 offset, u32 len)
{
    struct ir_op op = build_op(IR_INSN, IR_NONE);

    s->offset = offset;
    s->len = (s32)len;
    s->insn = (u16)s->block->insn_count++;
    s->pending_count = 0;
    s->exit = build_op(IR_INSN, IR_NONE);
    s->helper_effects = 0;
    op.imm = (u64)(s64)offset;
    op.imm2 = s->insn;
    build_append(s, op);
}

void ir_builder_follow(struct ir_builder *s)
{
    if (s->exit.op != IR_JUMP)
        builder_bug(s, s->exit.op, "only a jump can be followed");
    s->exit = build_op(IR_INSN, IR_NONE);
}

void ir_builder_insn_end(struct ir_builder *s)
{
    const char *why = ir_flow_insn_end(&s->flow);
    struct ir_op end = build_op(IR_ENDBLOCK, IR_NONE);

    if (why)
        builder_bug(s, IR_INSN, why);
    flush_sets(s);
    if (s->helper_effects & (IRH_ENDS | IRH_SETS_PC)) {
        if (s->exit.op != IR_INSN && s->exit.op != IR_ENDBLOCK)
            builder_bug(s, s->exit.op, "a jump beside a helper that ends the block");
        end.imm = (s->helper_effects & IRH_SETS_PC) != 0;
        s->exit = end;
    }
    if (s->exit.op != IR_INSN && !s->flow.left)
        build_append(s, s->exit);
    s->block->next = s->offset + s->len;
}

bool ir_builder_left(const struct ir_builder *s)
{
    return s->flow.left;
}
