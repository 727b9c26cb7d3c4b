/*
 * host_lower_exit.c - jumps between the parts of a block, and the ways out of it.
 */
#include "engine/base/host_lower_ops.h"

/* --- displacements --- */

void lo_fix(struct low *l, u8 *where, unsigned to, u64 target)
{
    bool in_cold = where >= l->cold_start && where < l->cold.end;

    if (!where || l->job->fixup_count == LOWER_FIXUPS) {
        l->failed = true;
        return;
    }
    l->job->room->fixups[l->job->fixup_count++] =
        (struct lower_fixup){ (u32)(where - (in_cold ? l->cold_start : l->hot_start)), in_cold, to,
                              target };
}

/* The displacement at `where` in the hot part leads to the cold part's present end. */
void lo_fix_cold(struct low *l, u8 *where)
{
    lo_fix(l, where, FIX_COLD, (u64)(l->cold.at - l->cold_start));
}

/* From the cold part back to the hot part's present end. */
void lo_jmp_hot(struct low *l)
{
    u8 *where = x86_jmp(&l->cold);

    lo_fix(l, where, FIX_HOT, (u64)(l->hot.at - l->hot_start));
}

void lo_jmp_thunk(struct low *l, struct x86_out *o, const u8 *thunk)
{
    u8 *where = x86_jmp(o);

    lo_fix(l, where, FIX_ABSOLUTE, (uintptr_t)thunk);
}

const struct isa_insn *lo_insn(const struct low *l, u32 index)
{
    return &l->job->block->insn[index].in;
}

/* --- leaving --- */

struct x86_mem lo_pc_slot(const struct low *l)
{
    return x86_at(REG_CPU, VCPU_STATE_OFF + (s32)l->job->isa->pc_offset);
}

void lo_retire(struct x86_out *o, u32 insns)
{
    if (insns)
        x86_alu_mi(o, ALU_SUB, 8, LO_CPU(budget), (s32)insns);
}

/* Tells slow paths and helpers which block runs, and where. Uses rax. */
void lo_store_here(struct low *l, struct x86_out *o)
{
    x86_mov_ri(o, RAX, (uintptr_t)l->job->block);
    x86_mov_mr(o, 8, LO_CPU(block), RAX);
    x86_mov_mr(o, 8, LO_CPU(block_pc), REG_PC);
}

void lo_leave(struct low *l, struct x86_out *o, enum run_code code)
{
    x86_mov_ri(o, RAX, code);
    lo_jmp_thunk(l, o, l->job->thunks->leave);
}

/* REG_PC holds the next instruction's address; any block of it. */
static void exit_lookup(struct low *l, struct x86_out *o)
{
    lo_jmp_thunk(l, o, l->job->thunks->lookup);
}

static bool same_page(const struct low *l, s32 offset)
{
    const struct eblock *b = l->job->block;
    s64 at = (s64)((uintptr_t)b->host & ((1 << TLB_PAGE_SHIFT) - 1)) + offset;

    return at >= 0 && at < 1 << TLB_PAGE_SHIFT;
}

/* An exit to a fixed place. Within the page it is a jump that the engine may point at
 * the target's code; until then it leaves with RUN_JUMP and asks for that. */
void lo_exit_direct(struct low *l, s32 offset)
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
    lo_fix_cold(l, where);
    job->edges[n] = (struct lower_edge){ (u32)(where - l->hot_start),
                                         (u32)(l->cold.at - l->cold_start), offset };
    job->edge_count++;
    x86_mov_mr(&l->cold, 8, lo_pc_slot(l), REG_PC);
    x86_mov_ri(&l->cold, RAX, (uintptr_t)job->edge_sites[n]);
    x86_mov_mr(&l->cold, 8, LO_CPU(link), RAX);
    lo_leave(l, &l->cold, RUN_JUMP);
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

void low_jump(struct low *l, const struct ir_op *op, u32 id)
{
    const struct val *v = vals_of(&l->a, op->a);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->a);

    vals_flush(&l->a);
    lo_retire(l->o, op->insn + 1u);
    if (target == X86_NO_REG)
        lo_exit_direct(l, (s32)v->imm);
    else
        exit_value(l, target);
    l->left = true;
}

void low_jumpif(struct low *l, const struct ir_op *op, u32 id)
{
    const struct isa_insn *in = lo_insn(l, op->insn);
    const struct val *v = vals_of(&l->a, op->b);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->b);
    enum x86_cond cc;
    u8 *taken;

    vals_flush(&l->a);
    lo_retire(l->o, op->insn + 1u);
    cc = lo_test_true(l, op->a);
    taken = x86_jcc(l->o, cc);
    lo_exit_direct(l, in->offset + in->len);
    x86_point(taken, l->o->at);
    if (target == X86_NO_REG)
        lo_exit_direct(l, (s32)v->imm);
    else
        exit_value(l, target);
    l->left = true;
}

static void exit_endblock(struct low *l, u32 insn)
{
    const struct isa_insn *in = lo_insn(l, insn);

    vals_flush(&l->a);
    lo_retire(l->o, insn + 1);
    x86_lea(l->o, 8, RAX, x86_at(REG_PC, in->offset + in->len));
    x86_mov_mr(l->o, 8, lo_pc_slot(l), RAX);
    lo_leave(l, l->o, RUN_LOOKUP);
    l->left = true;
}

void low_endblock(struct low *l, const struct ir_op *op, u32 id)
{
    exit_endblock(l, op->insn);
}

/* The end of an instruction whose fault is pending, state written. */
void lo_leave_fault(struct low *l, struct x86_out *o, u32 insn)
{
    lo_retire(o, insn);
    x86_mov_mi(o, 4, LO_CPU(v.insn_index), (s32)insn);
    lo_leave(l, o, RUN_FAULT);
}

/* value: of operand `id`; X86_NO_REG: it is a constant. */
static void raise(struct low *l, struct x86_out *o, const struct ir_op *op, u32 id,
                  enum x86_reg value)
{
    vals_flush_copy(&l->a, o);
    if (value == X86_NO_REG) {
        value = RCX;
        vals_load_const(o, value, vals_of(&l->a, id));
    }
    x86_mov_mr(o, 8, LO_CPU(v.fault.value), value);
    x86_mov_mi(o, 8, LO_CPU(v.fault.value2), 0);
    x86_mov_mi(o, 4, LO_CPU(v.fault.cause), (s32)op->imm);
    x86_mov_mi(o, 1, LO_CPU(v.fault.pending), 1);
    lo_store_here(l, o);
    lo_leave_fault(l, o, op->insn);
}

void low_raise(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg value = vals_use(&l->a, op->a);

    raise(l, l->o, op, op->a, value);
    l->left = true;
}

void low_raiseif(struct low *l, const struct ir_op *op, u32 id)
{
    bool is_place = vals_of(&l->a, op->b)->kind == VAL_PLACE;
    enum x86_reg value;

    if (lo_is_false(l, op->a))
        return;
    value = is_place ? vals_use(&l->a, op->b) : X86_NO_REG;
    lo_fix_cold(l, x86_jcc(l->o, lo_test_true(l, op->a)));
    raise(l, &l->cold, op, op->b, value);
    lo_note_false(l, op->a);
}
