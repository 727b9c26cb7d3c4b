/*
 * host_lower.c - one row for each operation that becomes host instructions, and the pass over a
 * block.
 */
#include "engine/base/host_lower_fp.h"
#include "engine/base/host_vector.h"
#include "base/bug.h"
#include "host/cpu.h"

#include <string.h>

/* --- the table --- */

#define PLAIN true

enum {
    W8 = 1 << IR_I8,
    W16 = 1 << IR_I16,
    W32 = 1 << IR_I32,
    W64 = 1 << IR_I64,
    WB = 1 << IR_I1,
    WORD = W32 | W64,
    INT = W8 | W16 | W32 | W64,
    ANY = INT | WB,
    NONE = 1 << IR_NONE
};

/* What is done in place, and for which types of the result (of the operand where there
 * is none). PLAIN: always. */
static const struct {
    lower_fn *fn;
    u16 types;
    bool plain;
} rows[IR_OP_COUNT] = {
    [IR_INSN] = { NULL, ANY | NONE, PLAIN },
    [IR_CONST] = { low_const, ANY, PLAIN },
    [IR_PC] = { low_pc, W64, PLAIN },
    [IR_GET] = { low_get, ANY, PLAIN },
    [IR_SET] = { low_set, ANY, PLAIN },
    [IR_GETX] = { low_getx, INT, 0 },
    [IR_SETX] = { low_setx, INT, 0 },
    [IR_ADD] = { low_add, INT, PLAIN },
    [IR_SUB] = { low_alu, INT, PLAIN },
    [IR_AND] = { low_alu, ANY, PLAIN },
    [IR_OR] = { low_alu, ANY, PLAIN },
    [IR_XOR] = { low_alu, ANY, PLAIN },
    [IR_ANDN] = { low_andn, ANY, PLAIN },
    [IR_MUL] = { low_mul, WORD, PLAIN },
    [IR_MULHU] = { low_mulh, WORD, PLAIN },
    [IR_MULHS] = { low_mulh, WORD, PLAIN },
    [IR_DIVU] = { low_div, WORD, PLAIN },
    [IR_DIVS] = { low_div, WORD, PLAIN },
    [IR_REMU] = { low_div, WORD, PLAIN },
    [IR_REMS] = { low_div, WORD, PLAIN },
    [IR_SHL] = { low_shift, WORD, PLAIN },
    [IR_SHR] = { low_shift, WORD, PLAIN },
    [IR_SAR] = { low_shift, WORD, PLAIN },
    [IR_ROTL] = { low_shift, WORD, PLAIN },
    [IR_ROTR] = { low_shift, WORD, PLAIN },
    [IR_NEG] = { low_unary, INT, PLAIN },
    [IR_NOT] = { low_not, ANY, PLAIN },
    [IR_BSWAP] = { low_bswap, WORD, PLAIN },
    [IR_MINU] = { low_minmax, WORD, PLAIN },
    [IR_MAXU] = { low_minmax, WORD, PLAIN },
    [IR_MINS] = { low_minmax, WORD, PLAIN },
    [IR_MAXS] = { low_minmax, WORD, PLAIN },
    [IR_SEXT] = { low_sext, INT },
    [IR_ZEXT] = { low_zext, INT },
    [IR_TRUNC] = { low_trunc, ANY },
    [IR_EQ] = { low_compare, WB },
    [IR_NE] = { low_compare, WB },
    [IR_LTU] = { low_compare, WB },
    [IR_LEU] = { low_compare, WB },
    [IR_LTS] = { low_compare, WB },
    [IR_LES] = { low_compare, WB },
    [IR_CARRY] = { low_flag, WB },
    [IR_BORROW] = { low_flag, WB },
    [IR_ADDOVF] = { low_flag, WB },
    [IR_SUBOVF] = { low_flag, WB },
    [IR_SELECT] = { low_select, ANY, PLAIN },
    [IR_CLZ] = { low_bit_count, WORD },
    [IR_CTZ] = { low_bit_count, WORD },
    [IR_POPCNT] = { low_bit_count, WORD },
    [IR_FADD] = { low_fp_binary, WORD },
    [IR_FSUB] = { low_fp_binary, WORD },
    [IR_FMUL] = { low_fp_binary, WORD },
    [IR_FDIV] = { low_fp_binary, WORD },
    [IR_FSQRT] = { low_fp_sqrt, WORD },
    [IR_FMA] = { low_fp_fma, WORD },
    [IR_FMIN] = { low_fp_minmax, WORD },
    [IR_FMAX] = { low_fp_minmax, WORD },
    [IR_FCMP] = { low_fp_compare, WB },
    [IR_FTOI] = { low_fp_to_int, WORD },
    [IR_ITOF] = { low_fp_from_int, WORD },
    [IR_FCVT] = { low_fp_convert, WORD },
    [IR_LD] = { low_ld, INT },
    [IR_ST] = { low_st, INT },
    [IR_RMW] = { low_rmw, INT },
    [IR_CAS] = { low_cas, INT },
    [IR_LL] = { low_ll, INT },
    [IR_SC] = { low_sc, WB },
    [IR_PROBE] = { low_probe, NONE, 0 },
    [IR_FENCE] = { low_fence, NONE, PLAIN },
    [IR_RAISE] = { low_raise, ANY | NONE, PLAIN },
    [IR_RAISEIF] = { low_raiseif, ANY | NONE, PLAIN },
    [IR_JUMP] = { low_jump, ANY | NONE, PLAIN },
    [IR_JUMPIF] = { low_jumpif, ANY | NONE, PLAIN },
    [IR_ENDBLOCK] = { low_endblock, NONE, PLAIN },
};

static bool is_fp(const struct ir_op *op)
{
    return ir_op_infos[op->op].effects & IRE_FP;
}

static bool is_atomic(const struct ir_op *op)
{
    return op->op == IR_RMW || op->op == IR_CAS || op->op == IR_LL || op->op == IR_SC;
}

/* Where the row's types do not say it all. */
static bool is_native_special(const struct low *l, const struct ir_op *op)
{
    const struct isa *isa = l->job->isa;
    const struct ir_op *at;

    switch (op->op) {
    case IR_GETX:
    case IR_SETX: /* a vector register's element, of which it is known which */
        at = &l->job->ir->ops[op->a];
        return at->op == IR_CONST && op->imm >= isa->vector_offset &&
               op->imm + at->imm + ir_type_size(op->type) <=
                   (u64)isa->vector_offset + isa->vector_bytes;
    case IR_LD:
    case IR_ST:
        return (op->mem.mmu == IR_MMU_DATA || op->mem.mmu == IR_MMU_UNPRIV) &&
               lower_may(l->job, ENGINE_OPT_MEMORY);
    case IR_PROBE:
        return op->mem.mmu == IR_MMU_DATA && op->imm2 == 1 && lower_may(l->job, ENGINE_OPT_MEMORY);
    case IR_SEXT:
    case IR_ZEXT:
    case IR_TRUNC:
    case IR_EQ:
    case IR_NE:
    case IR_LTU:
    case IR_LEU:
    case IR_LTS:
    case IR_LES: return l->a.v[op->a].type != IR_I128;
    case IR_CARRY:
    case IR_BORROW:
    case IR_ADDOVF:
    case IR_SUBOVF: return WORD >> l->a.v[op->a].type & 1;
    case IR_CLZ:
    case IR_CTZ:
    case IR_POPCNT: return l->job->has_bit_counts;
    default: return is_atomic(op) ? lo_atomic_native(l, op) : !is_fp(op) || lo_fp_native(l, op);
    }
}

static inline bool is_native(const struct low *l, const struct ir_op *op)
{
    return (rows[op->op].types >> op->type & 1) && (rows[op->op].plain || is_native_special(l, op));
}

bool lo_is_native(const struct low *l, const struct ir_op *op)
{
    return is_native(l, op);
}

enum lo_block_kind lo_block_kind(const struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    enum lo_block_kind kind = LO_BLOCK_PLAIN;

    for (u32 i = 0; i < ir->op_count; i++) {
        if (l->vector_insns >> ir->ops[i].insn & 1) {
            kind = LO_BLOCK_NATIVE;
            continue;
        }
        if (!is_native(l, &ir->ops[i]))
            return LO_BLOCK_CALLS;
        if (is_fp(&ir->ops[i]) || is_atomic(&ir->ops[i]) || ir->ops[i].op == IR_SETX)
            kind = LO_BLOCK_NATIVE;
    }
    return kind;
}

/* --- the block --- */

/* Runs an instruction by its interpreter handler, with all state in its place. */
static void call_handler(struct low *l, u32 index)
{
    const struct einsn *e = &l->job->insn[index];
    u8 *out;

    lo_fp_drop(l);
    lo_flush(l);
    vals_forget(&l->a);
    if (!l->here_stored)
        lo_store_here(l, l->o);
    l->here_stored = true;
    x86_lea(l->o, 8, RDI, cpu_at(0));
    while ((l->cold.at - l->cold_start) & 7)
        x86_nop(&l->cold);
    lo_fix_cold(l, x86_lea_rip(l->o, RSI));
    x86_data(&l->cold, &e->in, sizeof e->in);
    x86_mov_ri(l->o, RAX, (uintptr_t)e->run);
    x86_mov_mr(l->o, 8, LO_CPU(budget), REG_BUDGET);
    x86_call_r(l->o, RAX);
    x86_load_zx(l->o, 8, REG_BUDGET, LO_CPU(budget));
    x86_test_rr(l->o, 4, RAX, RAX);
    lo_fix_cold(l, x86_jcc(l->o, CC_NE));
    /* cold: left by a fault, or as the last instruction does */
    x86_alu_ri(&l->cold, ALU_CMP, 4, RAX, RUN_FAULT);
    out = x86_jcc(&l->cold, CC_E);
    lo_retire(&l->cold, index + 1);
    lo_jmp_thunk(l, &l->cold, l->job->thunks->leave);
    x86_point(out, l->cold.at);
    lo_leave_fault(l, &l->cold, index);
}

static void entry_check(struct low *l)
{
    u8 *a, *b;

    /* The first instruction is long enough to be made a jump: see base_invalidate(). */
    x86_alu_mi(l->o, ALU_CMP, 4, LO_CPU(v.exit_request), 0);
    a = x86_jcc(l->o, CC_NE);
    x86_alu_ri(l->o, ALU_CMP, 8, REG_BUDGET, l->job->block->insn_count);
    b = x86_jcc(l->o, CC_L);
    lo_fix_cold(l, a);
    lo_fix_cold(l, b);
    x86_mov_mr(&l->cold, 8, lo_pc_slot(l), REG_PC);
    lo_leave(l, &l->cold, RUN_JUMP);
}

/* Constants are the one kind of value that later instructions may use too. */
static bool is_shared(const struct ir_op *op)
{
    return (op->op == IR_CONST && op->type != IR_I128) || op->op == IR_PC;
}

static inline void lower_op(struct low *l, const struct ir_op *op, u32 id)
{
    if (l->lazy_count && (op->op == IR_GET || op->op == IR_SET))
        lo_lazy_touch(l, op);
    rows[op->op].fn(l, op, id);
    if (op->op == IR_SET && l->vectors.any)
        lo_vector_forget(l, op->imm, op->type);
}

void lo_lower_op(struct low *l, u32 id)
{
    lower_op(l, &l->job->ir->ops[id], id);
}

static void lower_vector(struct low *l, u32 index, u32 from, u32 to)
{
    struct vec_plan *p = l->vector_plan;

    if (!lo_vector_plan(l, p, from, to))
        BUG("a vector instruction is none any more");
    l->job->native++;
    if (p->fp)
        lo_fp_guard(l, index);
    lo_vector_lower(l, p);
}

/* One guest instruction: operations [from, to) of the block. */
static void lower_insn(struct low *l, u32 index, u32 from, u32 to)
{
    const struct ir_block *ir = l->job->ir;
    bool native = true, fp = false;

    if (l->lazy_count)
        lo_lazy_done(l, from); /* it may be one that was taken for its handler's */
    if (l->vector_insns >> index & 1) {
        lower_vector(l, index, from, to);
        return;
    }
    if (l->a.sets_flags && !(l->a.effects & IRE_FP)) /* the plan of flags has looked */
        native = !(l->called_insns >> index & 1);
    else
        for (u32 i = from; i < to && native; i++) {
            native = is_native(l, &ir->ops[i]);
            fp |= is_fp(&ir->ops[i]);
        }
    if (native)
        l->job->native++;
    else
        l->job->called++;
    if (!native)
        call_handler(l, index);
    else if (fp)
        lo_fp_guard(l, index);
    vals_step(&l->a, from + 1); /* past the INSN */
    for (u32 i = from + 1; i < to; i++) {
        const struct ir_op *op = &ir->ops[i];

        if ((native || is_shared(op)) &&
            (l->a.v[i].plan == PLAN_NONE ||
             (!lo_fp_planned(l, op, i) && !lo_vector_planned(l, op, i))))
            lower_op(l, op, i);
        if (l->lazy_count)
            lo_lazy_done(l, i);
        vals_step(&l->a, i + 1);
    }
}

/* Finds the instructions that host_vector.c does. */
static void plan_vectors(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    u32 from = 0, index = 0;

    while (from < ir->op_count) {
        u32 to = from + 1;

        while (to < ir->op_count && ir->ops[to].op != IR_INSN)
            to++;
        if (lo_vector_plan(l, l->vector_plan, from, to))
            l->vector_insns |= 1ull << index;
        else
            lo_vector_plan_access(l, from, to);
        index++;
        from = to;
    }
}

static void lower_all(struct low *l)
{
    const struct ir_block *ir = l->job->ir;
    u32 from = 0, index = 0;

    entry_check(l);
    lo_loop_begin(l);
    while (from < ir->op_count && !l->failed && !l->left) {
        u32 to = from + 1;

        while (to < ir->op_count && ir->ops[to].op != IR_INSN)
            to++;
        lower_insn(l, index++, from, to);
        from = to;
    }
    if (!l->left) { /* falls through to what follows */
        lo_flush(l);
        lo_retire(l->o, ir->insn_count);
        lo_exit_direct(l, l->o, ir->next);
    }
}

/* vectors: may be used; becomes whether they were. */
static bool lower_once(struct lower_job *job, bool *vectors)
{
    struct lower_room *room = job->room;
    struct vec_plan plan;
    struct low l = { .job = job,
                     .hot = { room->hot, room->hot + sizeof room->hot, false },
                     .cold = { room->cold, room->cold + sizeof room->cold, false },
                     .hot_start = room->hot,
                     .cold_start = room->cold };

    l.o = &l.hot;
    l.vector_plan = &plan;
    l.checked[0] = l.checked[1] = IR_NO_VAL;
    job->fixup_count = job->edge_count = 0;
    job->loops = false;
    vals_init(&l.a, job->ir, room->values, l.o, VCPU_STATE_OFF,
              (s32)offsetof(struct ecpu, tier_spill));
    if (l.a.sets_flags)
        lo_dead_plan(&l);
    if (l.a.effects & IRE_FP)
        lo_fp_plan(&l);
    if (l.a.divides)
        lo_div_plan(&l);
    lo_mem_plan(&l);
    if (*vectors)
        plan_vectors(&l);
    *vectors = l.vector_regs != 0;
    lower_all(&l);
    /* What is aligned in the cold part is so in the block. */
    while (!l.hot.full && ((l.hot.at - l.hot_start) & 15))
        x86_nop(l.o);
    job->hot_size = (u32)(l.hot.at - l.hot_start);
    job->cold_size = (u32)(l.cold.at - l.cold_start);
    for (unsigned i = 0; i < job->edge_count; i++) {
        job->edges[i].stub += job->hot_size;
        job->edges[i].where += job->edges[i].in_cold ? job->hot_size : 0;
    }
    return !l.failed && !l.a.failed && !l.hot.full && !l.cold.full;
}

bool lower_block(struct lower_job *job)
{
    bool vectors = job->has_vectors && job->isa->vector_bytes;
    u32 native = job->native, called = job->called;

    if (job->ir->op_count > IR_BLOCK_MAX_OPS)
        return false;
    if (lower_once(job, &vectors))
        return true;
    if (!vectors)
        return false;
    job->native = native; /* again without them: an expression took more registers than there are */
    job->called = called;
    vectors = false;
    return lower_once(job, &vectors);
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

void lower_ask_host(struct lower_job *job)
{
    const u32 counts = HOST_X86_LZCNT | HOST_X86_BMI1 | HOST_X86_POPCNT;
    const u32 fma = HOST_X86_FMA | HOST_X86_AVX, avx2 = HOST_X86_AVX | HOST_X86_AVX2;
    struct host_cpu cpu;

    host_cpu_detect(&cpu);
    job->has_bit_counts = (cpu.features & counts) == counts;
    job->has_fma = (cpu.features & fma) == fma;
    job->has_avx2 = (cpu.features & avx2) == avx2;
    job->has_avx = cpu.features & HOST_X86_AVX;
    job->has_sha = cpu.features & HOST_X86_SHA;
    job->has_vectors = cpu.features & HOST_X86_SSE42; /* and so SSSE3 */
    job->has_round = cpu.features & HOST_X86_SSE42;
}
