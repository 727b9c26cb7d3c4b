/*
 * host_lower_fp.c - floating point on the host's unit: arithmetic, and the guest's MXCSR.
 *
 * Only what gives exactly the result and the flags that ir/fp.h describes is here; the rest
 * goes to the handlers (is_native says no) or, one operation at a time and out of line, to
 * software (lo_fp_slow). A hot path that ends in the cold one has raised no flag that the
 * cold one does not.
 */
#include "engine/base/host_fp.h"
#include "engine/base/host_lower_fp.h"
#include "ir/fp.h"

/* --- MXCSR --- */

/* `if (live != want)` goes to the cold part's present end. */
static void test_live(struct low *l, enum x86_cond cc)
{
    x86_alu_mi(l->o, ALU_CMP, 1, LO_CPU(fp_live), 0);
    lo_fix_cold(l, x86_jcc(l->o, cc));
}

static void call_thunk(struct low *l, struct x86_out *o, const u8 *thunk)
{
    lo_fix(l, x86_call(o), FIX_ABSOLUTE, (uintptr_t)thunk);
}

/* At an instruction's start: nothing of it has happened. */
void lo_fp_guard(struct low *l, u32 insn)
{
    u8 *good;

    if (l->fp == FP_LIVE)
        return;
    l->fp = FP_LIVE;
    test_live(l, CC_E);
    call_thunk(l, &l->cold, l->job->thunks->fp_load);
    good = x86_jcc(&l->cold, CC_E);
    lo_flush_copy(l, &l->cold);
    lo_store_here(l, &l->cold);
    lo_retire(&l->cold, insn);
    x86_mov_mi(&l->cold, 4, LO_CPU(v.insn_index), (s32)insn);
    lo_jmp_thunk(l, &l->cold, l->job->thunks->finish);
    x86_point(good, l->cold.at);
    lo_jmp_hot(l);
}

void lo_fp_drop(struct low *l)
{
    if (l->fp != FP_DEAD) {
        test_live(l, CC_NE);
        call_thunk(l, &l->cold, l->job->thunks->fp_drop);
        lo_jmp_hot(l);
    }
    l->fp = FP_DEAD;
}

static s64 into_env(const struct low *l, const struct ir_op *op)
{
    return (s64)op->imm - (s64)l->job->isa->fp_env_offset;
}

static bool touches(const struct low *l, const struct ir_op *op, size_t member)
{
    s64 at = into_env(l, op);

    return at <= (s64)member && (s64)member < at + ir_type_size(op->type);
}

/* Flags are never cached: MXCSR adds to them. */
bool lo_fp_get(struct low *l, const struct ir_op *op, u32 id)
{
    u8 *none = NULL;

    if (!touches(l, op, offsetof(struct fp_env, flags)))
        return false;
    if (l->fp == FP_ANY) {
        x86_alu_mi(l->o, ALU_CMP, 1, LO_CPU(fp_live), 0);
        none = x86_jcc(l->o, CC_E);
    }
    if (l->fp != FP_DEAD) {
        x86_stmxcsr(l->o, LO_CPU(fp_tmp));
        host_fp_fold(l->o, l->job->isa);
    }
    x86_point(none, l->o->at);
    vals_uncache(&l->a, (u16)op->imm, ir_type_size(op->type));
    x86_load_zx(l->o, ir_type_size(op->type), vals_def(&l->a, id),
                cpu_at(VCPU_STATE_OFF + (s32)op->imm));
    return true;
}

/* The flags are given: MXCSR's are forgotten. */
static void clear_flags(struct low *l)
{
    u8 *none = NULL;

    if (l->fp == FP_DEAD)
        return;
    if (l->fp == FP_ANY) {
        x86_alu_mi(l->o, ALU_CMP, 1, LO_CPU(fp_live), 0);
        none = x86_jcc(l->o, CC_E);
    }
    x86_ldmxcsr(l->o, LO_CPU(fp_guest));
    x86_point(none, l->o->at);
}

bool lo_fp_set(struct low *l, const struct ir_op *op, u32 id)
{
    bool round = touches(l, op, offsetof(struct fp_env, round)) ||
                 (l->job->isa->dynamic_rules && touches(l, op, offsetof(struct fp_env, rules)));
    bool flags = touches(l, op, offsetof(struct fp_env, flags));

    if (!round && !flags)
        return false;
    if (round)
        lo_fp_drop(l);
    else if (l->a.v[id].plan != PLAN_QUIET)
        clear_flags(l);
    vals_set(&l->a, op->a, (u16)op->imm, op->type);
    vals_uncache(&l->a, (u16)op->imm, ir_type_size(op->type));
    return true;
}

/* RUP or more < round: not while the host's unit rounds as the guest says. */
bool lo_fp_is_false(const struct low *l, const struct ir_op *op)
{
    const struct ir_op *limit = &l->job->ir->ops[op->a], *get = &l->job->ir->ops[op->b];

    return l->fp == FP_LIVE && op->op == IR_LTU && limit->op == IR_CONST && limit->imm >= FP_RUP &&
           get->op == IR_GET && get->type == IR_I8 && get->insn == op->insn &&
           into_env(l, get) == offsetof(struct fp_env, round);
}

void lo_fp_round_begin(struct low *l, const struct ir_op *op)
{
    if (op->fp.round == IR_ROUND_DYNAMIC)
        return;
    x86_stmxcsr(l->o, LO_CPU(fp_tmp));
    x86_load_zx(l->o, 4, RAX, LO_CPU(fp_tmp));
    x86_alu_ri(l->o, ALU_AND, 4, RAX, ~MXCSR_RC);
    x86_alu_ri(l->o, ALU_OR, 4, RAX, (s32)(host_fp_rc(op->fp.round) << MXCSR_RC_SHIFT));
    x86_mov_mr(l->o, 4, LO_CPU(fp_tmp), RAX);
    x86_ldmxcsr(l->o, LO_CPU(fp_tmp));
}

void lo_fp_round_end(struct low *l, const struct ir_op *op)
{
    if (op->fp.round == IR_ROUND_DYNAMIC)
        return;
    x86_stmxcsr(l->o, LO_CPU(fp_tmp));
    x86_load_zx(l->o, 4, RAX, LO_CPU(fp_tmp));
    x86_alu_ri(l->o, ALU_AND, 4, RAX, ~MXCSR_RC);
    x86_alu_rm(l->o, ALU_OR, 4, RAX, LO_CPU(fp_guest));
    x86_mov_mr(l->o, 4, LO_CPU(fp_tmp), RAX);
    x86_ldmxcsr(l->o, LO_CPU(fp_tmp));
}

/* --- pieces --- */

void lo_fp_const(struct low *l, struct x86_out *o, unsigned size, enum x86_xmm x, u64 bits)
{
    x86_mov_ri(o, RAX, bits);
    x86_fp_from_reg(o, size, x, RAX);
}

static struct x86_mem argument(unsigned n)
{
    return cpu_at((s32)(offsetof(struct ecpu, fp_arg) + 8 * n));
}

static void call_slow(struct low *l, const struct ir_op *op)
{
    x86_mov_ri(&l->cold, RDX, host_fp_pack(op, l->a.v[op->a].type));
    call_thunk(l, &l->cold, l->job->thunks->fp_slow);
}

void lo_fp_slow(struct low *l, const struct ir_op *op, const enum x86_xmm *x, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        x86_fp_store(&l->cold, 8, argument(i), x[i]);
    call_slow(l, op);
}

void lo_fp_canon(struct low *l, unsigned size, enum x86_xmm x)
{
    x86_fp_compare(l->o, false, size, x, x); /* no NaN that an operation gives signals */
    lo_fix_cold(l, x86_jcc(l->o, CC_P));
    lo_fp_const(l, &l->cold, size, x, size == 4 ? FP_NAN_32 : FP_NAN_64);
    lo_jmp_hot(l);
}

static bool keeps_nans(const struct ir_op *op)
{
    return op->fp.rules == IR_RULES_DYNAMIC;
}

/* Goes to the cold part's present end where the host's rules are not HOST_FP_RULES: for a NaN, and
 * for the smallest normal number, which may have been tiny before it was rounded. Uses rax, rcx. */
static void check_result(struct low *l, unsigned size, enum x86_xmm x, bool may_be_tiny)
{
    x86_fp_compare(l->o, false, size, x, x);
    lo_fix_cold(l, x86_jcc(l->o, CC_P));
    if (!may_be_tiny)
        return;
    x86_fp_to_reg(l->o, size, RAX, x);
    x86_alu_rr(l->o, ALU_ADD, size, RAX, RAX);
    if (size == 8) {
        x86_mov_ri(l->o, RCX, SMALLEST_64 << 1);
        x86_alu_rr(l->o, ALU_CMP, 8, RAX, RCX);
    } else {
        x86_alu_ri(l->o, ALU_CMP, 4, RAX, SMALLEST_32 << 1);
    }
    lo_fix_cold(l, x86_jcc(l->o, CC_E));
}

/* The result is in d, and none of the operands is: or it comes from software. */
static void finish(struct low *l, const struct ir_op *op, enum x86_xmm d, const enum x86_xmm *x,
                   unsigned count)
{
    bool tiny = op->op == IR_FMUL || op->op == IR_FDIV || op->op == IR_FMA ||
                (op->op == IR_FCVT && op->fp.format == FP_F32);

    check_result(l, lo_fp_size(op->fp.format), d, tiny);
    lo_fp_slow(l, op, x, count);
    x86_fp_from_reg(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

/* --- arithmetic --- */

static enum x86_fp sse_of(unsigned op)
{
    switch (op) {
    case IR_FADD: return X86_FP_ADD;
    case IR_FSUB: return X86_FP_SUB;
    case IR_FMUL: return X86_FP_MUL;
    default: return X86_FP_DIV;
    }
}

static void binary_keeping(struct low *l, const struct ir_op *op, u32 id)
{
    const enum x86_xmm x[] = { vals_use_x(&l->a, op->a), vals_use_x(&l->a, op->b) };
    unsigned size = lo_fp_size(op->fp.format);
    enum x86_xmm d = vals_def_x(&l->a, id);

    lo_fp_round_begin(l, op);
    if (l->job->has_avx) {
        x86_fp_rrr(l->o, sse_of(op->op), size, d, x[0], x[1]);
    } else {
        x86_fp_mov(l->o, d, x[0]);
        x86_fp_rr(l->o, sse_of(op->op), size, d, x[1]);
    }
    lo_fp_round_end(l, op);
    finish(l, op, d, x, 2);
}

static void canonical_binary(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format);
    bool swap = (op->op == IR_FADD || op->op == IR_FMUL) && !vals_dies(&l->a, op->a) &&
                vals_dies(&l->a, op->b);
    u32 first = swap ? op->b : op->a;
    enum x86_xmm y = vals_use_x(&l->a, swap ? op->a : op->b);
    enum x86_xmm d = vals_def_from_x(&l->a, id, first);

    lo_fp_round_begin(l, op);
    x86_fp_rr(l->o, sse_of(op->op), size, d, y);
    lo_fp_round_end(l, op);
    lo_fp_canon(l, size, d);
}

void low_fp_binary(struct low *l, const struct ir_op *op, u32 id)
{
    if (keeps_nans(op))
        binary_keeping(l, op, id);
    else
        canonical_binary(l, op, id);
}

/* Of one operand, under dynamic rules. */
void lo_fp_unary_keeping(struct low *l, const struct ir_op *op, u32 id, enum x86_fp how,
                         unsigned size)
{
    enum x86_xmm x = vals_use_x(&l->a, op->a);
    enum x86_xmm d = vals_def_x(&l->a, id);

    x86_fp_mov(l->o, d, x);
    lo_fp_round_begin(l, op);
    x86_fp_rr(l->o, how, size, d, d);
    lo_fp_round_end(l, op);
    finish(l, op, d, &x, 1);
}

void low_fp_sqrt(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format);
    enum x86_xmm d;

    if (keeps_nans(op)) {
        lo_fp_unary_keeping(l, op, id, X86_FP_SQRT, size);
        return;
    }
    d = vals_def_from_x(&l->a, id, op->a);

    lo_fp_round_begin(l, op);
    x86_fp_rr(l->o, X86_FP_SQRT, size, d, d);
    lo_fp_round_end(l, op);
    lo_fp_canon(l, size, d);
}

/* Operands as they are, their signs changed in memory. */
static void fma_slow(struct low *l, const struct ir_op *op, const enum x86_xmm *x, unsigned plan)
{
    s32 top = (s32)lo_fp_size(op->fp.format) - 4;

    for (unsigned i = 0; i < 3; i++) {
        struct x86_mem m = argument(i);

        x86_fp_store(&l->cold, 8, m, x[i]);
        m.disp += top;
        if ((i == 0 && plan & PLAN_FMA_MINUS_A) || (i == 2 && plan & PLAN_FMA_MINUS_C))
            x86_alu_mi(&l->cold, ALU_XOR, 4, m, INT32_MIN);
    }
    call_slow(l, op);
}

/* A NaN may come of inf * 0 + NaN, where the host raises nothing: software tells. */
void low_fp_fma(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format), plan = l->a.v[id].plan;
    bool minus_a = plan & PLAN_FMA_MINUS_A, minus_c = plan & PLAN_FMA_MINUS_C;
    u32 a = minus_a ? l->job->ir->ops[op->a].a : op->a;
    u32 c = minus_c ? l->job->ir->ops[op->c].a : op->c;
    const enum x86_xmm x[] = { vals_use_x(&l->a, a), vals_use_x(&l->a, op->b),
                               vals_use_x(&l->a, c) };
    enum x86_xmm d = vals_def_x(&l->a, id);

    x86_fp_mov(l->o, d, x[0]);
    lo_fp_round_begin(l, op);
    x86_fma_rr(l->o,
               minus_a ? (minus_c ? X86_FNMSUB_213 : X86_FNMADD_213)
                       : (minus_c ? X86_FMSUB_213 : X86_FMA_213),
               size, d, x[1], x[2]);
    lo_fp_round_end(l, op);
    check_result(l, size, d, keeps_nans(op));
    fma_slow(l, op, x, plan);
    x86_fp_from_reg(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

/* Zeros of both signs and equal numbers by logic, NaNs by software. */
void low_fp_minmax(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = lo_fp_size(op->fp.format);
    bool min = op->op == IR_FMIN;
    const enum x86_xmm x[] = { vals_use_x(&l->a, op->a), vals_use_x(&l->a, op->b) };
    enum x86_xmm d = vals_def_x(&l->a, id);
    u8 *nan;

    x86_fp_mov(l->o, d, x[0]);
    x86_fp_compare(l->o, false, size, x[0], x[1]);
    lo_fix_cold(l, x86_jcc(l->o, CC_E)); /* unordered too */
    x86_fp_rr(l->o, min ? X86_FP_MIN : X86_FP_MAX, size, d, x[1]);
    nan = x86_jcc(&l->cold, CC_P);
    x86_fp_logic(&l->cold, min ? X86_FP_OR : X86_FP_AND, d, x[1]);
    lo_jmp_hot(l);
    x86_point(nan, l->cold.at);
    lo_fp_slow(l, op, x, 2);
    x86_fp_from_reg(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

/* --- what the plan found --- */

static void unbox(struct low *l, const struct ir_op *op, u32 id)
{
    u32 from = l->job->ir->ops[op->b].a;
    struct val *v = vals_of(&l->a, from);
    struct x86_mem m;
    enum x86_xmm d;

    if (l->a.v[from].boxed) {
        vals_def_same(&l->a, id, from, false);
        return;
    }
    if (v->kind == VAL_CONST) {
        vals_def_const(&l->a, id, v->imm >> 32 == UINT32_MAX ? (u32)v->imm : FP_NAN_32);
        return;
    }
    d = vals_def_x(&l->a, id);
    if (vals_memory(&l->a, from, &m)) {
        m.disp += 4;
        x86_alu_mi(l->o, ALU_CMP, 4, m, -1);
        m.disp -= 4;
        lo_fix_cold(l, x86_jcc(l->o, CC_NE));
        x86_fp_load(l->o, 4, d, m);
    } else {
        x86_mov_rr(l->o, 8, RAX, vals_use(&l->a, from));
        x86_fp_from_reg(l->o, 4, d, RAX);
        x86_shift_ri(l->o, SH_SHR, 8, RAX, 32);
        x86_alu_ri(l->o, ALU_CMP, 4, RAX, -1);
        lo_fix_cold(l, x86_jcc(l->o, CC_NE));
    }
    lo_fp_const(l, &l->cold, 4, d, FP_NAN_32);
    lo_jmp_hot(l);
}

static void change_sign(struct low *l, const struct ir_op *op, u32 id, bool negate, u32 from)
{
    unsigned size = op->type == IR_I64 ? 8 : 4;
    u64 sign = 1ull << (8 * size - 1);
    enum x86_xmm d = vals_def_from_x(&l->a, id, from);

    lo_fp_const(l, l->o, size, XMM0, negate ? sign : sign - 1);
    x86_fp_logic(l->o, negate ? X86_FP_XOR : X86_FP_AND, d, XMM0);
}

bool lo_fp_planned(struct low *l, const struct ir_op *op, u32 id)
{
    u32 from = (u32)l->a.v[id].imm;

    switch (l->a.v[id].plan) {
    case PLAN_SKIP:
    case PLAN_COND: return true;
    case PLAN_LAZY: lo_lazy_set(l, op, id); return true;
    case PLAN_BOX: vals_def_boxed(&l->a, id, l->job->ir->ops[op->a].a); return true;
    case PLAN_UNBOX: unbox(l, op, id); return true;
    case PLAN_COPY:
        vals_def_same(&l->a, id, from, l->a.v[from].clean);
        l->a.v[id].boxed = l->a.v[from].boxed;
        return true;
    case PLAN_ABS:
    case PLAN_NEGATE: change_sign(l, op, id, l->a.v[id].plan == PLAN_NEGATE, from); return true;
    default: return false;
    }
}

/* --- what is done here at all --- */

static bool relation_is_known(u64 mask)
{
    mask &= 0xff;
    return mask == 1 << FP_EQ || mask == 1 << FP_LT || mask == (1 << FP_LT | 1 << FP_EQ) ||
           mask == 1 << FP_GT || mask == (1 << FP_GT | 1 << FP_EQ) || mask == 1 << FP_UNORDERED;
}

static bool format_is_known(unsigned format)
{
    return format == FP_F32 || format == FP_F64;
}

bool lo_fp_native(const struct low *l, const struct ir_op *op)
{
    bool is_static = op->fp.round != IR_ROUND_DYNAMIC;
    bool dynamic = op->fp.rules == IR_RULES_DYNAMIC && l->job->isa->dynamic_rules;

    if (!lower_may(l->job, ENGINE_OPT_HOST_FPU) ||
        (op->fp.rules != FP_RULES_CANONICAL && !dynamic) || op->fp.env ||
        !format_is_known(op->fp.format))
        return false;
    if (is_static && op->fp.round > FP_RUP)
        return false;
    switch (op->op) {
    case IR_FMA: return l->job->has_fma;
    case IR_FMIN:
    case IR_FMAX: return op->imm2 != FP_MM_SSE;
    case IR_FCMP: return relation_is_known(op->imm2);
    case IR_FCVT: return format_is_known(op->fp.from) && op->fp.from != op->fp.format;
    case IR_FTOI:
        return op->ftoi.bits == ir_type_bits(op->type) &&
               (!is_static || op->fp.round == FP_RTZ || l->job->has_round);
    case IR_ITOF: return l->a.v[op->a].type == IR_I32 || l->a.v[op->a].type == IR_I64;
    default: return true;
    }
}
