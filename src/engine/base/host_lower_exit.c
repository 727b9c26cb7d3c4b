/*
 * host_lower_exit.c - jumps between the parts of a block, and the ways out of it.
 */
#include "engine/base/host_lower_fp.h"

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

u64 lo_site(const struct low *l, u32 index)
{
    return (uintptr_t)l->job->block | (u64)index << LOWER_SITE_INDEX;
}

/* --- leaving --- */

struct x86_mem lo_pc_slot(const struct low *l)
{
    return cpu_at(VCPU_STATE_OFF + (s32)l->job->isa->pc_offset);
}

void lo_write_late(struct low *l)
{
    lo_lazy_copy(l, &l->cold);
    if (l->late)
        vals_flush_copy(&l->a, &l->cold);
}

void lo_retire(struct x86_out *o, u32 insns)
{
    if (insns)
        x86_alu_ri(o, ALU_SUB, 8, REG_BUDGET, (s32)insns);
}

/* Tells helpers which block runs, and where. Uses rax. */
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

/* REG_PC holds the next instruction's address: on to what the jump cache has for it. */
static void exit_lookup(struct low *l, struct x86_out *o)
{
    unsigned shift = l->job->thunks->jump_shift;

    _Static_assert(sizeof(struct jump_entry) == 16, "index is scaled by a shift of 4");
    if (!lower_may(l->job, ENGINE_OPT_JUMP_CACHE)) {
        x86_mov_mr(o, 8, lo_pc_slot(l), REG_PC);
        lo_leave(l, o, RUN_JUMP);
        return;
    }
    x86_mov_rr(o, 4, RDX, REG_PC);
    x86_alu_ri(o, ALU_AND, 4, RDX, (s32)((JUMP_CACHE_ENTRIES - 1) << shift));
    x86_shift_ri(o, SH_SHL, 4, RDX, 4 - shift);
    x86_alu_rm(o, ALU_ADD, 8, RDX, LO_CPU(jumps));
    x86_alu_rm(o, ALU_CMP, 8, REG_PC, x86_at(RDX, offsetof(struct jump_entry, pc)));
    lo_fix(l, x86_jcc(o, CC_NE), FIX_ABSOLUTE, (uintptr_t)l->job->thunks->miss);
    x86_jmp_m(o, x86_at(RDX, offsetof(struct jump_entry, code)));
}

static bool same_page(const struct low *l, s32 offset)
{
    const struct eblock *b = l->job->block;
    s64 at = (s64)((uintptr_t)b->host & ((1 << TLB_PAGE_SHIFT) - 1)) + offset;

    return at >= 0 && at < 1 << TLB_PAGE_SHIFT;
}

/* An exit to a fixed place. Within the page it is a jump that the engine may point at
 * the target's code; until then it leaves with RUN_JUMP and asks for that. */
void lo_exit_direct(struct low *l, struct x86_out *o, s32 offset)
{
    struct lower_job *job = l->job;
    bool in_cold = o == &l->cold;
    const u8 *start = in_cold ? l->cold_start : l->hot_start;
    unsigned n = job->edge_count;
    u8 *where;

    if (offset)
        x86_lea(o, 8, REG_PC, x86_at(REG_PC, offset));
    if (!same_page(l, offset) || n == LOWER_EDGES || !lower_may(job, ENGINE_OPT_CHAINING)) {
        exit_lookup(l, o);
        return;
    }
    while ((o->at - start + 1) & 3) /* patched with one aligned store */
        x86_nop(o);
    where = x86_jmp(o);
    lo_fix_cold(l, where);
    job->edges[n] = (struct lower_edge){ (u32)(where - start), (u32)(l->cold.at - l->cold_start),
                                         offset, in_cold };
    job->edge_count++;
    x86_mov_ri(&l->cold, RAX, lo_site(l, n));
    lo_jmp_thunk(l, &l->cold, job->thunks->link);
}

static void exit_value(struct low *l, struct x86_out *o, enum x86_reg target)
{
    x86_mov_rr(o, 8, REG_PC, target);
    exit_lookup(l, o);
}

static bool is_near(const struct val *v)
{
    return v->kind == VAL_PC && (s64)v->imm == (s32)v->imm;
}

void low_jump(struct low *l, const struct ir_op *op, u32 id)
{
    const struct val *v = vals_of(&l->a, op->a);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->a);

    lo_flush(l);
    lo_retire(l->o, op->insn + 1u);
    if (target == X86_NO_REG)
        lo_exit_direct(l, l->o, (s32)v->imm);
    else
        exit_value(l, l->o, target);
    l->left = true;
}

/* The rest of the block comes when it is not taken; state is written on the way out only. */
void low_jumpif(struct low *l, const struct ir_op *op, u32 id)
{
    const struct val *v = vals_of(&l->a, op->b);
    enum x86_reg target = is_near(v) ? X86_NO_REG : vals_use(&l->a, op->b);
    bool last = id + 1 == l->job->ir->op_count;
    const struct lower_test *has = NULL; /* whose flags a way out begins with */
    enum x86_cond cc;

    if (last && l->job->loops) {
        lo_loop_end(l, op);
        return;
    }
    if (last)
        lo_flush(l);
    cc = lo_test_true(l, op->a);
    if (l->a.v[op->a].plan == PLAN_COND && l->job->room->cond[op->a].when.of == COND_NONE)
        has = &l->job->room->cond[op->a].is;
    lo_fix_cold(l, x86_jcc(l->o, cc));
    if (!last) {
        lo_lazy_copy_after(l, has);
        vals_flush_copy(&l->a, &l->cold);
    }
    lo_retire(&l->cold, op->insn + 1u);
    if (target == X86_NO_REG)
        lo_exit_direct(l, &l->cold, (s32)v->imm);
    else
        exit_value(l, &l->cold, target);
}

static void exit_endblock(struct low *l, u32 insn)
{
    const struct eblock *b = l->job->block;

    lo_flush(l);
    lo_retire(l->o, insn + 1);
    x86_lea(l->o, 8, RAX, x86_at(REG_PC, b->offset[insn] + b->len[insn]));
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

/* In `o`: the exception of op with the value of operand `id`, in a register unless it is a
 * constant (X86_NO_REG). Does not come back. */
static void raise(struct low *l, struct x86_out *o, const struct ir_op *op, u32 id,
                  enum x86_reg value)
{
    lo_flush_copy(l, o);
    if (value == X86_NO_REG)
        vals_load_const(o, RCX, vals_of(&l->a, id));
    else
        x86_mov_rr(o, 8, RCX, value);
    x86_mov_ri(o, RDX, lo_site(l, op->insn));
    x86_mov_ri(o, RAX, (u32)op->imm);
    lo_fix(l, x86_call(o), FIX_ABSOLUTE, (uintptr_t)l->job->thunks->raise);
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
