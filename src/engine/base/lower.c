/*
 * lower.c - one row for each operation that becomes host instructions.
 *
 * Conventions inside a block: REG_CPU, REG_TLB and REG_PC as values.h says; rsp is
 * aligned for calls; rax, rcx and rdx are free within an operation. Guest state is
 * written where the block can be left. Slow paths and exits are in the cold part.
 */
#include "engine/base/lower.h"

#include "base/bug.h"
#include "engine/base/x86_emit.h"
#include "engine/core/block.h"
#include <string.h>

struct low {
    struct lower_job *job;
    struct vals a;
    struct x86_out hot, cold;
    struct x86_out *o;         /* the hot part */
    u8 *hot_start, *cold_start;
    bool here_stored;          /* cpu.block and block_pc hold this block's */
    bool failed;
    bool left;                 /* the block's last exit is out */
};

typedef void lower_fn(struct low *l, const struct ir_op *op, u32 id);

/* --- displacements --- */

static void fix(struct low *l, u8 *where, unsigned to, u64 target)
{
    bool in_cold = where >= l->cold_start && where < l->cold.end;

    if (!where || l->job->fixup_count == LOWER_FIXUPS) {
        l->failed = true;
        return;
    }
    l->job->room->fixups[l->job->fixup_count++] = (struct lower_fixup){
        (u32)(where - (in_cold ? l->cold_start : l->hot_start)), in_cold, to, target
    };
}

/* The displacement at `where` in the hot part leads to the cold part's present end. */
static void fix_cold(struct low *l, u8 *where)
{
    fix(l, where, FIX_COLD, (u64)(l->cold.at - l->cold_start));
}

/* From the cold part back to the hot part's present end. */
static void jmp_hot(struct low *l)
{
    u8 *where = x86_jmp(&l->cold);

    fix(l, where, FIX_HOT, (u64)(l->hot.at - l->hot_start));
}

static void jmp_thunk(struct low *l, struct x86_out *o, const u8 *thunk)
{
    u8 *where = x86_jmp(o);

    fix(l, where, FIX_ABSOLUTE, (uintptr_t)thunk);
}

static const struct isa_insn *insn_of(const struct low *l, u32 index)
{
    return &l->job->block->insn[index].in;
}

static bool is_narrow(enum ir_type t)
{
    return t == IR_I8 || t == IR_I16;
}

static struct x86_mem cpu_at(size_t offset)
{
    return x86_at(REG_CPU, (s32)offset);
}
#define CPU(member) cpu_at(offsetof(struct ecpu, member))

/* --- leaves and state --- */

static void low_const(struct low *l, const struct ir_op *op, u32 id)
{
    vals_def_const(&l->a, id, op->imm);
}

static void low_pc(struct low *l, const struct ir_op *op, u32 id)
{
    vals_def_pc(&l->a, id, op->imm);
}

static void low_get(struct low *l, const struct ir_op *op, u32 id)
{
    vals_get(&l->a, id, (u16)op->imm, op->type);
}

static void low_set(struct low *l, const struct ir_op *op, u32 id)
{
    vals_set(&l->a, op->a, (u16)op->imm, op->type);
}

/* --- arithmetic --- */

static bool dies_here(const struct low *l, u32 id)
{
    return l->a.v[l->a.v[id].same_as].last_use <= l->a.now;
}

static void low_add(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    u32 x = op->a, y = op->b;
    s32 imm;

    if (vals_of(&l->a, x)->kind == VAL_CONST) {
        x = op->b;
        y = op->a;
    }
    if (vals_imm(&l->a, y, &imm)) {
        enum x86_reg s = vals_use(&l->a, x);

        if (dies_here(l, x))
            x86_alu_ri(l->o, ALU_ADD, size, vals_def_from(&l->a, id, x), imm);
        else
            x86_lea(l->o, size, vals_def(&l->a, id), x86_at(s, imm));
    } else {
        enum x86_reg s = vals_use(&l->a, x), t = vals_use(&l->a, y);

        x86_lea(l->o, size, vals_def(&l->a, id), x86_at_index(s, t, 0));
    }
    l->a.v[id].clean = !is_narrow(op->type);
}

static enum x86_alu alu_of(unsigned op)
{
    switch (op) {
    case IR_SUB: return ALU_SUB;
    case IR_AND: return ALU_AND;
    case IR_OR:  return ALU_OR;
    default:     return ALU_XOR;
    }
}

static void low_alu(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_alu alu = alu_of(op->op);
    s32 imm;

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
    l->a.v[id].clean = !is_narrow(op->type);
}

static void low_andn(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->b));
    x86_unary(l->o, UN_NOT, size, RAX);
    x86_alu_rr(l->o, ALU_AND, size, vals_def_from(&l->a, id, op->a), RAX);
    l->a.v[id].clean = !is_narrow(op->type);
}

static void low_mul(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_imul_rr(l->o, op->type == IR_I64 ? 8 : 4, vals_def_from(&l->a, id, op->a), y);
    l->a.v[id].clean = !is_narrow(op->type);
}

/* rdx:rax = a * b */
static void low_mulh(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->a));
    x86_unary(l->o, op->op == IR_MULHU ? UN_MUL : UN_IMUL, size, y);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RDX);
}

static void low_div(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    bool is_signed = op->op == IR_DIVS || op->op == IR_REMS;
    bool rem = op->op == IR_REMU || op->op == IR_REMS;
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->a));
    if (is_signed)
        x86_cqo(l->o, size);
    else
        x86_alu_rr(l->o, ALU_XOR, 4, RDX, RDX);
    x86_unary(l->o, is_signed ? UN_IDIV : UN_DIV, size, y);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), rem ? RDX : RAX);
}

static enum x86_shift shift_of(unsigned op)
{
    switch (op) {
    case IR_SHL:  return SH_SHL;
    case IR_SHR:  return SH_SHR;
    case IR_SAR:  return SH_SAR;
    case IR_ROTL: return SH_ROL;
    default:      return SH_ROR;
    }
}

static void low_shift(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    s32 n;

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

static void low_unary(struct low *l, const struct ir_op *op, u32 id)
{
    x86_unary(l->o, op->op == IR_NEG ? UN_NEG : UN_NOT, op->type == IR_I64 ? 8 : 4,
              vals_def_from(&l->a, id, op->a));
    l->a.v[id].clean = !is_narrow(op->type);
}

static void low_bswap(struct low *l, const struct ir_op *op, u32 id)
{
    x86_bswap(l->o, op->type == IR_I64 ? 8 : 4, vals_def_from(&l->a, id, op->a));
}

static void low_bit_count(struct low *l, const struct ir_op *op, u32 id)
{
    u8 code = op->op == IR_CLZ ? 0xbd : op->op == IR_CTZ ? 0xbc : 0xb8;
    enum x86_reg x = vals_use(&l->a, op->a);

    x86_bit_count(l->o, code, op->type == IR_I64 ? 8 : 4, vals_def(&l->a, id), x);
}

/* --- comparison --- */

static enum x86_cond cond_of(unsigned op)
{
    switch (op) {
    case IR_EQ:  return CC_E;
    case IR_NE:  return CC_NE;
    case IR_LTU: return CC_B;
    case IR_LEU: return CC_BE;
    case IR_LTS: return CC_L;
    default:     return CC_LE;
    }
}

static bool is_compare(unsigned op)
{
    return op == IR_EQ || op == IR_NE || op == IR_LTU || op == IR_LEU || op == IR_LTS ||
           op == IR_LES;
}

static enum x86_cond emit_compare(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(l->a.v[op->a].type);
    s32 imm;

    if (vals_imm(&l->a, op->b, &imm)) {
        enum x86_reg x = vals_use(&l->a, op->a);

        if (imm == 0)
            x86_test_rr(l->o, size, x, x);
        else
            x86_alu_ri(l->o, ALU_CMP, size, x, imm);
    } else {
        enum x86_reg x = vals_use(&l->a, op->a);

        x86_alu_rr(l->o, ALU_CMP, size, x, vals_use(&l->a, op->b));
    }
    return cond_of(op->op);
}

/* A comparison whose one use is the next branch, raise or select is emitted there. */
static bool is_fused(const struct low *l, u32 id)
{
    const struct ir_op *op = &l->job->ir->ops[id];
    const struct ir_op *user;

    if (!is_compare(op->op) || l->a.v[id].uses != 1)
        return false;
    user = &l->job->ir->ops[l->a.v[id].last_use];
    return user->a == id && (user->op == IR_JUMPIF || user->op == IR_RAISEIF || user->op == IR_SELECT);
}

static void keep_until(struct low *l, u32 id, u32 use)
{
    struct val *v = &l->a.v[l->a.v[id].same_as];

    if (v->last_use < use)
        v->last_use = use;
    if (l->a.v[id].last_use < use)
        l->a.v[id].last_use = use;
}

static void low_compare(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_cond cc;

    if (is_fused(l, id)) {
        keep_until(l, op->a, l->a.v[id].last_use);
        keep_until(l, op->b, l->a.v[id].last_use);
        return;
    }
    cc = emit_compare(l, op);
    x86_setcc(l->o, cc, RAX);
    x86_mov_rr(l->o, 4, vals_def(&l->a, id), RAX);
}

/* Puts the truth of value `id` in the flags. */
static enum x86_cond test_true(struct low *l, u32 id)
{
    enum x86_reg r;

    if (is_fused(l, id))
        return emit_compare(l, &l->job->ir->ops[id]);
    r = vals_use(&l->a, id);
    x86_test_rr(l->o, 1, r, r);
    return CC_NE;
}

static void low_select(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg yes = vals_use(&l->a, op->b);
    enum x86_reg no = vals_use(&l->a, op->c);
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_cond cc;

    /* moves between the comparison and its use leave the flags alone */
    cc = test_true(l, op->a);
    x86_mov_rr(l->o, size, RAX, no);
    x86_cmov(l->o, cc, size, RAX, yes);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RAX);
    l->a.v[id].clean = op->type == IR_I64 || (!is_narrow(op->type) && op->type != IR_I1) ||
                       (l->a.v[op->b].clean && l->a.v[op->c].clean);
}

static void low_minmax(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    enum x86_cond cc = op->op == IR_MINU ? CC_A : op->op == IR_MAXU ? CC_B
                       : op->op == IR_MINS ? CC_G : CC_L;
    enum x86_reg y = vals_use(&l->a, op->b);

    x86_mov_rr(l->o, size, RAX, vals_use(&l->a, op->a));
    x86_alu_rr(l->o, ALU_CMP, size, RAX, y);
    x86_cmov(l->o, cc, size, RAX, y);
    x86_mov_rr(l->o, size, vals_def(&l->a, id), RAX);
}

/* --- width --- */

static void low_trunc(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->type == IR_I1) {
        x86_mov_rr(l->o, 4, RAX, vals_use(&l->a, op->a));
        x86_alu_ri(l->o, ALU_AND, 4, RAX, 1);
        x86_mov_rr(l->o, 4, vals_def(&l->a, id), RAX);
        return;
    }
    vals_def_same(&l->a, id, op->a, false);
}

static void low_zext(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned from = l->a.v[op->a].type;
    enum x86_reg x;

    if (vals_of(&l->a, op->a)->kind == VAL_CONST) {
        vals_def_const(&l->a, id, vals_of(&l->a, op->a)->imm & (~0ull >> (64 - ir_type_bits(from))));
        return;
    }
    if (l->a.v[op->a].clean && vals_of(&l->a, op->a)->kind == VAL_PLACE) {
        vals_def_same(&l->a, id, op->a, true);
        return;
    }
    x = vals_use(&l->a, op->a);
    x86_mov_zx(l->o, ir_type_size(from), vals_def(&l->a, id), x);
}

static void low_sext(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned from = l->a.v[op->a].type;
    enum x86_reg x = vals_use(&l->a, op->a);
    enum x86_reg d = vals_def(&l->a, id);

    x86_mov_sx(l->o, ir_type_size(from), d, x);
    l->a.v[id].clean = op->type == IR_I64;
}

/* --- leaving --- */

static struct x86_mem pc_slot(const struct low *l)
{
    return x86_at(REG_CPU, VCPU_STATE_OFF + (s32)l->job->isa->pc_offset);
}

static void retire(struct x86_out *o, u32 insns)
{
    if (insns)
        x86_alu_mi(o, ALU_SUB, 8, CPU(budget), (s32)insns);
}

/* Tells slow paths and helpers which block runs, and where. Uses rax. */
static void store_here(struct low *l, struct x86_out *o)
{
    x86_mov_ri(o, RAX, (uintptr_t)l->job->block);
    x86_mov_mr(o, 8, CPU(block), RAX);
    x86_mov_mr(o, 8, CPU(block_pc), REG_PC);
}

static void leave(struct low *l, struct x86_out *o, enum run_code code)
{
    x86_mov_ri(o, RAX, code);
    jmp_thunk(l, o, l->job->thunks->leave);
}

/* REG_PC holds the next instruction's address; any block of it. */
static void exit_lookup(struct low *l, struct x86_out *o)
{
    jmp_thunk(l, o, l->job->thunks->lookup);
}

static bool same_page(const struct low *l, s32 offset)
{
    const struct eblock *b = l->job->block;
    s64 at = (s64)((uintptr_t)b->host & ((1 << TLB_PAGE_SHIFT) - 1)) + offset;

    return at >= 0 && at < 1 << TLB_PAGE_SHIFT;
}

/* An exit to a fixed place. Within the page it is a jump that the engine may point at
 * the target's code; until then it leaves with RUN_JUMP and asks for that. */
static void exit_direct(struct low *l, s32 offset)
{
    struct lower_job *job = l->job;
    unsigned n = job->edge_count;
    u8 *where;

    if (offset)
        x86_lea(l->o, 8, REG_PC, x86_at(REG_PC, offset));
    if (!same_page(l, offset) || n == LOWER_EDGES) {
        exit_lookup(l, l->o);
        return;
    }
    while ((l->o->at - l->hot_start + 1) & 3) /* patched with one aligned store */
        x86_nop(l->o);
    where = x86_jmp(l->o);
    fix_cold(l, where);
    job->edges[n] = (struct lower_edge){ (u32)(where - l->hot_start),
                                         (u32)(l->cold.at - l->cold_start), offset };
    job->edge_count++;
    x86_mov_mr(&l->cold, 8, pc_slot(l), REG_PC);
    x86_mov_ri(&l->cold, RAX, (uintptr_t)job->edge_sites[n]);
    x86_mov_mr(&l->cold, 8, CPU(link), RAX);
    leave(l, &l->cold, RUN_JUMP);
}

static void exit_value(struct low *l, enum x86_reg target)
{
    x86_mov_rr(l->o, 8, REG_PC, target);
    exit_lookup(l, l->o);
}

static bool is_near(const struct val *v)
{
    return v->kind == VAL_PC && (s64)v->imm == (s32)v->imm;
}

static void low_jump(struct low *l, const struct ir_op *op, u32 id)
{
    const struct val *v = vals_of(&l->a, op->a);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->a);

    vals_flush(&l->a);
    retire(l->o, op->insn + 1u);
    if (target == X86_NO_REG)
        exit_direct(l, (s32)v->imm);
    else
        exit_value(l, target);
    l->left = true;
}

static void low_jumpif(struct low *l, const struct ir_op *op, u32 id)
{
    const struct isa_insn *in = insn_of(l, op->insn);
    const struct val *v = vals_of(&l->a, op->b);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->b);
    enum x86_cond cc;
    u8 *taken;

    vals_flush(&l->a);
    retire(l->o, op->insn + 1u);
    cc = test_true(l, op->a);
    taken = x86_jcc(l->o, cc);
    exit_direct(l, in->offset + in->len);
    x86_point(taken, l->o->at);
    if (target == X86_NO_REG)
        exit_direct(l, (s32)v->imm);
    else
        exit_value(l, target);
    l->left = true;
}

static void exit_endblock(struct low *l, u32 insn)
{
    const struct isa_insn *in = insn_of(l, insn);

    vals_flush(&l->a);
    retire(l->o, insn + 1);
    x86_lea(l->o, 8, RAX, x86_at(REG_PC, in->offset + in->len));
    x86_mov_mr(l->o, 8, pc_slot(l), RAX);
    leave(l, l->o, RUN_LOOKUP);
    l->left = true;
}

static void low_endblock(struct low *l, const struct ir_op *op, u32 id)
{
    exit_endblock(l, op->insn);
}

/* The end of an instruction whose fault is pending, state written. */
static void leave_fault(struct low *l, struct x86_out *o, u32 insn)
{
    retire(o, insn);
    x86_mov_mi(o, 4, CPU(v.insn_index), (s32)insn);
    leave(l, o, RUN_FAULT);
}

static void raise(struct low *l, struct x86_out *o, const struct ir_op *op, enum x86_reg value)
{
    vals_flush_copy(&l->a, o);
    x86_mov_mr(o, 8, CPU(v.fault.value), value);
    x86_mov_mi(o, 8, CPU(v.fault.value2), 0);
    x86_mov_mi(o, 4, CPU(v.fault.cause), (s32)op->imm);
    x86_mov_mi(o, 1, CPU(v.fault.pending), 1);
    store_here(l, o);
    leave_fault(l, o, op->insn);
}

static void low_raise(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg value = vals_use(&l->a, op->a);

    raise(l, l->o, op, value);
    l->left = true;
}

static void low_raiseif(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg value = vals_use(&l->a, op->b);
    enum x86_cond cc = test_true(l, op->a);

    fix_cold(l, x86_jcc(l->o, cc));
    raise(l, &l->cold, op, value);
}

/* --- memory --- */

enum { TLB_ENTRY_SHIFT = 4 };

/* rdx = host minus guest address of the page of [va, va + size). Returns the jump taken
 * when the table has no entry. */
static u8 *tlb_probe(struct low *l, enum x86_reg va, unsigned size, enum isa_access access,
                     unsigned align)
{
    s32 table = (s32)(access * sizeof(struct tlb_entry) * TLB_ENTRIES);
    s32 page = -(1 << TLB_PAGE_SHIFT);
    u8 *miss;

    x86_mov_rr(l->o, 8, RDX, va);
    if (size > 1 && align == IR_ALIGN_ANY)
        x86_lea(l->o, 8, RCX, x86_at(va, (s32)size - 1)); /* the last byte's page is compared */
    else
        x86_mov_rr(l->o, 8, RCX, va);
    x86_shift_ri(l->o, SH_SHR, 8, RDX, TLB_PAGE_SHIFT - TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 4, RDX, (TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 8, RCX, align == IR_ALIGN_ANY ? page : page | (s32)(size - 1));
    x86_alu_rm(l->o, ALU_CMP, 8, RCX, x86_at_index(REG_TLB, RDX, table));
    miss = x86_jcc(l->o, CC_NE);
    x86_load_zx(l->o, 8, RDX, x86_at_index(REG_TLB, RDX, table + 8));
    return miss;
}

/* In the cold part: the slow path by a thunk, which keeps every register but rax, rcx and
 * rdx; ZF clear when it faulted. rcx: address, rdx: decoded instruction, eax: how. */
static void slow_path(struct low *l, const struct ir_op *op, enum x86_reg va, const u8 *thunk)
{
    u32 how;
    u8 *good;

    memcpy(&how, &op->mem, sizeof how);
    vals_flush_copy(&l->a, &l->cold);
    store_here(l, &l->cold);
    x86_mov_rr(&l->cold, 8, RCX, va);
    x86_mov_ri(&l->cold, RDX, (uintptr_t)insn_of(l, op->insn));
    x86_mov_ri(&l->cold, RAX, how);
    fix(l, x86_call(&l->cold), FIX_ABSOLUTE, (uintptr_t)thunk);
    good = x86_jcc(&l->cold, CC_E);
    leave_fault(l, &l->cold, op->insn);
    x86_point(good, l->cold.at);
}

static unsigned log2_size(unsigned size)
{
    return (unsigned)__builtin_ctz(size);
}

static void low_ld(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_reg d = vals_def(&l->a, id); /* before the probe: it may have to spill */
    u8 *miss = tlb_probe(l, va, size, ISA_READ, op->mem.align);

    x86_load_zx(l->o, size, d, x86_at_index(va, RDX, 0));
    fix_cold(l, miss);
    slow_path(l, op, va, l->job->thunks->load[log2_size(size)]);
    x86_mov_rr(&l->cold, 8, d, RDX);
    jmp_hot(l);
}

static void low_st(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    enum x86_reg va = vals_use(&l->a, op->a);
    enum x86_reg v = vals_use(&l->a, op->b);
    u8 *miss = tlb_probe(l, va, size, ISA_WRITE, op->mem.align);

    x86_mov_mr(l->o, size, x86_at_index(va, RDX, 0), v);
    fix_cold(l, miss);
    x86_mov_mr(&l->cold, 8, CPU(tier_value), v);
    slow_path(l, op, va, l->job->thunks->store[log2_size(size)]);
    jmp_hot(l);
}

static void low_fence(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->imm & IR_FENCE_SL) /* the one order that x86 does not keep by itself */
        x86_mfence(l->o);
}

/* --- the table --- */

enum { W8 = 1 << IR_I8, W16 = 1 << IR_I16, W32 = 1 << IR_I32, W64 = 1 << IR_I64, WB = 1 << IR_I1,
       WORD = W32 | W64, INT = W8 | W16 | W32 | W64, ANY = INT | WB, NONE = 1 << IR_NONE };

/* What is done in place, and for which types of the result (of the operand where there
 * is none). */
static const struct {
    lower_fn *fn;
    u16 types;
} rows[IR_OP_COUNT] = {
    [IR_CONST] = { low_const, ANY }, [IR_PC] = { low_pc, W64 },
    [IR_GET] = { low_get, ANY }, [IR_SET] = { low_set, ANY },
    [IR_ADD] = { low_add, INT }, [IR_SUB] = { low_alu, INT }, [IR_AND] = { low_alu, ANY },
    [IR_OR] = { low_alu, ANY }, [IR_XOR] = { low_alu, ANY }, [IR_ANDN] = { low_andn, INT },
    [IR_MUL] = { low_mul, WORD }, [IR_MULHU] = { low_mulh, WORD }, [IR_MULHS] = { low_mulh, WORD },
    [IR_DIVU] = { low_div, WORD }, [IR_DIVS] = { low_div, WORD }, [IR_REMU] = { low_div, WORD },
    [IR_REMS] = { low_div, WORD }, [IR_SHL] = { low_shift, WORD }, [IR_SHR] = { low_shift, WORD },
    [IR_SAR] = { low_shift, WORD }, [IR_ROTL] = { low_shift, WORD }, [IR_ROTR] = { low_shift, WORD },
    [IR_NEG] = { low_unary, INT }, [IR_NOT] = { low_unary, INT }, [IR_BSWAP] = { low_bswap, WORD },
    [IR_MINU] = { low_minmax, WORD }, [IR_MAXU] = { low_minmax, WORD },
    [IR_MINS] = { low_minmax, WORD }, [IR_MAXS] = { low_minmax, WORD },
    [IR_SEXT] = { low_sext, INT }, [IR_ZEXT] = { low_zext, INT }, [IR_TRUNC] = { low_trunc, ANY },
    [IR_EQ] = { low_compare, WB }, [IR_NE] = { low_compare, WB }, [IR_LTU] = { low_compare, WB },
    [IR_LEU] = { low_compare, WB }, [IR_LTS] = { low_compare, WB }, [IR_LES] = { low_compare, WB },
    [IR_SELECT] = { low_select, ANY }, [IR_CLZ] = { low_bit_count, WORD },
    [IR_CTZ] = { low_bit_count, WORD }, [IR_POPCNT] = { low_bit_count, WORD },
    [IR_LD] = { low_ld, INT }, [IR_ST] = { low_st, INT }, [IR_FENCE] = { low_fence, NONE },
    [IR_RAISE] = { low_raise, ANY | NONE }, [IR_RAISEIF] = { low_raiseif, ANY | NONE },
    [IR_JUMP] = { low_jump, ANY | NONE }, [IR_JUMPIF] = { low_jumpif, ANY | NONE },
    [IR_ENDBLOCK] = { low_endblock, NONE },
};

static bool is_native(const struct low *l, const struct ir_op *op)
{
    if (op->op == IR_INSN)
        return true;
    if ((op->op == IR_LD || op->op == IR_ST) && op->mem.mmu != IR_MMU_DATA)
        return false;
    if ((op->op == IR_LD || op->op == IR_ST) && op->mem.align == IR_ALIGN_16)
        return false;
    if (op->op == IR_SEXT && l->a.v[op->a].type == IR_I1)
        return false;
    if (rows[op->op].fn == low_bit_count && !l->job->has_bit_counts)
        return false;
    if ((op->op == IR_SEXT || op->op == IR_ZEXT || op->op == IR_TRUNC || is_compare(op->op)) &&
        l->a.v[op->a].type == IR_I128)
        return false;
    return rows[op->op].fn && (rows[op->op].types >> op->type & 1);
}

/* --- the block --- */

/* Runs an instruction by its interpreter handler, with all state in its place. */
static void call_handler(struct low *l, u32 index)
{
    const struct einsn *e = &l->job->block->insn[index];
    u8 *out;

    vals_flush(&l->a);
    vals_forget(&l->a);
    if (!l->here_stored)
        store_here(l, l->o);
    l->here_stored = true;
    x86_mov_rr(l->o, 8, RDI, REG_CPU);
    x86_mov_ri(l->o, RSI, (uintptr_t)&e->in);
    x86_mov_ri(l->o, RAX, (uintptr_t)e->run);
    x86_call_r(l->o, RAX);
    x86_test_rr(l->o, 4, RAX, RAX);
    fix_cold(l, x86_jcc(l->o, CC_NE));
    /* cold: left by a fault, or as the last instruction does */
    x86_alu_ri(&l->cold, ALU_CMP, 4, RAX, RUN_FAULT);
    out = x86_jcc(&l->cold, CC_E);
    retire(&l->cold, index + 1);
    jmp_thunk(l, &l->cold, l->job->thunks->leave);
    x86_point(out, l->cold.at);
    leave_fault(l, &l->cold, index);
}

static void entry_check(struct low *l)
{
    u8 *a, *b;

    x86_alu_mi(l->o, ALU_CMP, 8, CPU(budget), l->job->block->insn_count);
    a = x86_jcc(l->o, CC_L);
    x86_alu_mi(l->o, ALU_CMP, 4, CPU(v.exit_request), 0);
    b = x86_jcc(l->o, CC_NE);
    fix_cold(l, a);
    fix_cold(l, b);
    x86_mov_mr(&l->cold, 8, pc_slot(l), REG_PC);
    leave(l, &l->cold, RUN_JUMP);
}

/* Constants are the one kind of value that later instructions may use too. */
static bool is_shared(const struct ir_op *op)
{
    return (op->op == IR_CONST && op->type != IR_I128) || op->op == IR_PC;
}

/* One guest instruction: operations [from, to) of the block. */
static void lower_insn(struct low *l, u32 index, u32 from, u32 to)
{
    const struct ir_block *ir = l->job->ir;
    bool native = true;

    for (u32 i = from; i < to && native; i++)
        native = is_native(l, &ir->ops[i]);
    if (native)
        l->job->native++;
    else
        l->job->called++;
    if (!native)
        call_handler(l, index);
    for (u32 i = from; i < to; i++) {
        l->a.now = i;
        if (ir->ops[i].op != IR_INSN && (native || is_shared(&ir->ops[i])))
            rows[ir->ops[i].op].fn(l, &ir->ops[i], i);
        vals_step(&l->a);
    }
}

static void lower_all(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    u32 from = 0, index = 0;

    entry_check(l);
    while (from < ir->op_count && !l->failed && !l->left) {
        u32 to = from + 1;

        while (to < ir->op_count && ir->ops[to].op != IR_INSN)
            to++;
        lower_insn(l, index++, from, to);
        from = to;
    }
    if (!l->left) { /* falls through to what follows */
        vals_flush(&l->a);
        retire(l->o, ir->insn_count);
        exit_direct(l, (s32)ir->byte_count);
    }
}

bool lower_block(struct lower_job *job)
{
    struct lower_room *room = job->room;
    struct low l = { .job = job,
                     .hot = { room->hot, room->hot + sizeof room->hot, false },
                     .cold = { room->cold, room->cold + sizeof room->cold, false },
                     .hot_start = room->hot, .cold_start = room->cold };

    if (job->ir->op_count > IR_BLOCK_MAX_OPS)
        return false;
    l.o = &l.hot;
    job->fixup_count = job->edge_count = 0;
    vals_init(&l.a, job->ir, room->values, l.o, VCPU_STATE_OFF,
              (s32)offsetof(struct ecpu, tier_spill));
    lower_all(&l);
    while ((l.hot.at - l.hot_start) & 15)
        x86_nop(l.o);
    job->hot_size = (u32)(l.hot.at - l.hot_start);
    job->cold_size = (u32)(l.cold.at - l.cold_start);
    return !l.failed && !l.a.failed && !l.hot.full && !l.cold.full;
}

void lower_place(const struct lower_job *job, u8 *rw, const u8 *rx)
{
    memcpy(rw, job->room->hot, job->hot_size);
    memcpy(rw + job->hot_size, job->room->cold, job->cold_size);
    for (u32 i = 0; i < job->fixup_count; i++) {
        const struct lower_fixup *f = &job->room->fixups[i];
        u32 at = f->at + (f->in_cold ? job->hot_size : 0);
        const u8 *target = f->to == FIX_HOT    ? rx + f->target
                           : f->to == FIX_COLD ? rx + job->hot_size + f->target
                                               : (const u8 *)(uintptr_t)f->target;
        s32 rel = (s32)(target - (rx + at + 4));

        memcpy(rw + at, &rel, sizeof rel);
    }
}
