/*
 * host_fp.c - MXCSR between host and guest, and what is done by software.
 */
#include "engine/base/host_fp.h"

#include "base/bug.h"
#include "engine/core/block.h"
#include "ir/fp.h"
#include <string.h>

#define CPU_AT(member) cpu_at((s32)offsetof(struct ecpu, member))

/* --- MXCSR --- */

enum { IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32 };

#define F1(m)                                                                                      \
    ((m) & IE ? FP_NV : 0) | ((m) & ZE ? FP_DZ : 0) | ((m) & OE ? FP_OF : 0) |                     \
        ((m) & UE ? FP_UF : 0) | ((m) & PE ? FP_NX : 0)
#define F4(m)  F1(m), F1((m) + 1), F1((m) + 2), F1((m) + 3)
#define F16(m) F4(m), F4((m) + 4), F4((m) + 8), F4((m) + 12)
const u8 host_fp_flags[MXCSR_FLAGS + 1] = { F16(0), F16(16), F16(32), F16(48) };

/* Two bits a mode: RNE 0, RTZ 3, RDN 1, RUP 2. */
enum { RC_TABLE = 0x9c };

unsigned host_fp_rc(unsigned round)
{
    return RC_TABLE >> 2 * round & 3;
}

static struct x86_mem rules_at(const struct isa *isa)
{
    return cpu_at(VCPU_STATE_OFF + (s32)(isa->fp_env_offset + offsetof(struct fp_env, rules)));
}

struct x86_mem host_fp_round_at(const struct isa *isa)
{
    return cpu_at(VCPU_STATE_OFF + (s32)(isa->fp_env_offset + offsetof(struct fp_env, round)));
}

struct x86_mem host_fp_flags_at(const struct isa *isa)
{
    return cpu_at(VCPU_STATE_OFF + (s32)(isa->fp_env_offset + offsetof(struct fp_env, flags)));
}

void host_fp_fold(struct x86_out *o, const struct isa *isa)
{
    x86_load_zx(o, 4, RAX, CPU_AT(fp_tmp));
    x86_alu_ri(o, ALU_AND, 4, RAX, MXCSR_FLAGS);
    x86_mov_ri(o, RCX, (uintptr_t)host_fp_flags);
    x86_load_zx(o, 1, RAX, x86_at_index(RCX, RAX, 0));
    x86_alu_mr(o, ALU_OR, 1, host_fp_flags_at(isa), RAX);
}

void host_fp_make_load(struct x86_out *o, const struct isa *isa)
{
    u8 *fail, *other = NULL;

    if (isa->dynamic_rules) {
        x86_alu_mi(o, ALU_CMP, 1, rules_at(isa), HOST_FP_RULES);
        other = x86_jcc(o, CC_NE);
    }
    x86_load_zx(o, 1, RCX, host_fp_round_at(isa));
    x86_alu_ri(o, ALU_CMP, 4, RCX, FP_RUP);
    fail = x86_jcc(o, CC_A);
    x86_alu_rr(o, ALU_ADD, 4, RCX, RCX);
    x86_mov_ri(o, RAX, RC_TABLE);
    x86_shift_rcl(o, SH_SHR, 4, RAX);
    x86_alu_ri(o, ALU_AND, 4, RAX, 3);
    x86_shift_ri(o, SH_SHL, 4, RAX, MXCSR_RC_SHIFT);
    x86_alu_ri(o, ALU_OR, 4, RAX, MXCSR_MASKED);
    x86_mov_mr(o, 4, CPU_AT(fp_guest), RAX);
    x86_stmxcsr(o, CPU_AT(fp_host));
    x86_ldmxcsr(o, CPU_AT(fp_guest));
    x86_mov_mi(o, 1, CPU_AT(fp_live), 1);
    x86_alu_rr(o, ALU_XOR, 4, RAX, RAX);
    x86_point(fail, o->at);
    x86_point(other, o->at);
    x86_ret(o);
}

void host_fp_make_drop(struct x86_out *o, const struct isa *isa)
{
    x86_stmxcsr(o, CPU_AT(fp_tmp));
    x86_ldmxcsr(o, CPU_AT(fp_host));
    x86_mov_mi(o, 1, CPU_AT(fp_live), 0);
    host_fp_fold(o, isa);
    x86_ret(o);
}

/* --- one operation by software --- */

/* What of an operation decides its result, in 64 bits. */
struct what {
    u64 op : 8, format : 4, from : 4, rules : 4, round : 4, bits : 8, imm : 16, mode : 8;
    u64 lanes : 8; /* of a vector */
};

union word {
    struct what what;
    u64 word;
};

u64 host_fp_pack(const struct ir_op *op, enum ir_type operand)
{
    bool to_int = op->op == IR_FTOI;
    union word u = { .what = { .op = op->op,
                               .format = op->fp.format & 15u,
                               .from = op->fp.from & 15u,
                               .rules = op->fp.rules & 15u,
                               .round = op->fp.round & 15u,
                               .bits = to_int ? op->ftoi.bits : (u8)ir_type_bits(operand),
                               .imm = to_int ? op->ftoi.is_signed : (u16)op->imm2,
                               .mode = to_int ? op->ftoi.mode : 0 } };

    return u.word;
}

static fp_bits argument(const struct ecpu *c, unsigned n, struct what w)
{
    unsigned format = w.op == IR_FCVT ? w.from : w.format;

    return fp_bits_u64(format == FP_F32 ? (u32)c->fp_arg[n] : c->fp_arg[n]);
}

static u64 compute(const struct ecpu *c, struct what w, enum fp_rules rules, enum fp_round round,
                   u8 *flags)
{
    enum fp_format f = (enum fp_format)w.format;
    fp_bits a = argument(c, 0, w), b = argument(c, 1, w);

    switch (w.op) {
    case IR_FADD: return fp_add(f, rules, round, a, b, flags).lo;
    case IR_FSUB: return fp_sub(f, rules, round, a, b, flags).lo;
    case IR_FMUL: return fp_mul(f, rules, round, a, b, flags).lo;
    case IR_FDIV: return fp_div(f, rules, round, a, b, flags).lo;
    case IR_FSQRT: return fp_sqrt(f, rules, round, a, flags).lo;
    case IR_FCVT: return fp_convert((enum fp_format)w.from, f, rules, round, a, flags).lo;
    case IR_FMA: return fp_fma(f, rules, round, a, b, argument(c, 2, w), flags).lo;
    case IR_FMIN: return fp_min(f, rules, a, b, (enum fp_minmax)w.imm, flags).lo;
    case IR_FMAX: return fp_max(f, rules, a, b, (enum fp_minmax)w.imm, flags).lo;
    case IR_ITOF: return fp_from_int(f, round, c->fp_arg[0], 0, w.imm & 1, w.bits, flags).lo;
    case IR_FTOI:
        return fp_to_int(f, rules, round, a, w.imm & 1, w.bits, (enum fp_toint)w.mode, flags);
    default: BUG("an operation without a slow way");
    }
}

int host_fp_slow(struct vcpu *v, u64 word)
{
    struct ecpu *c = ecpu_of(v);
    struct fp_env *env = (struct fp_env *)((u8 *)vcpu_state(v) + v->isa->fp_env_offset);
    union word u = { .word = word };
    unsigned round = u.what.round == IR_ROUND_DYNAMIC ? env->round : u.what.round;
    unsigned rules = u.what.rules == IR_RULES_DYNAMIC ? HOST_FP_RULES : u.what.rules;

    c->tier_value = compute(c, u.what, (enum fp_rules)rules, (enum fp_round)round, &env->flags);
    return 0;
}

u64 host_fp_pack_vector(const struct ir_op *op, enum ir_type operand, unsigned lanes)
{
    union word u = { .word = host_fp_pack(op, operand) };

    u.what.lanes = lanes & 0xffu;
    return u.word;
}

static unsigned format_size(unsigned format)
{
    return format == FP_F32 ? 4 : 8;
}

int host_fp_slow_vector(struct vcpu *v, u64 word)
{
    struct ecpu *c = ecpu_of(v);
    union word u = { .word = word };
    unsigned in = u.what.op == IR_ITOF
                      ? u.what.bits / 8u
                      : format_size(u.what.op == IR_FCVT ? u.what.from : u.what.format);
    unsigned out = u.what.op == IR_FTOI ? u.what.bits / 8u : format_size(u.what.format);
    u8 result[16] = { 0 };

    for (unsigned i = 0; i < u.what.lanes; i++) {
        for (unsigned k = 0; k < 3; k++)
            memcpy(&c->fp_arg[k], (const u8 *)c->fp_vector[k] + i * in, in);
        host_fp_slow(v, word);
        memcpy(result + i * out, &c->tier_value, out);
    }
    memcpy(c->fp_vector[0], result, sizeof result);
    return 0;
}

/* --- the rest of a block --- */

int host_fp_finish(struct vcpu *v)
{
    struct ecpu *c = ecpu_of(v);
    struct eblock *b = c->block;
    const struct einsn *insn = eblock_insns(c, b);
    u32 first = v->insn_index, i = first;
    u64 pc = c->block_pc + (u64)(s64)eblock_next(b);
    int r = RUN_NEXT;

    while (i < b->insn_count && r == RUN_NEXT) {
        r = insn[i].run(v, &insn[i].in);
        if (r == RUN_JUMP && eblock_follows(b, insn, i))
            r = RUN_NEXT;
        i++;
    }
    if (r == RUN_FAULT)
        v->insn_index = --i;
    if (r == RUN_NEXT) {
        memcpy((u8 *)vcpu_state(v) + v->isa->pc_offset, &pc, sizeof pc);
        r = RUN_JUMP;
    }
    __atomic_store_n(&c->budget, c->budget - (s64)(i - first), __ATOMIC_RELAXED);
    return r;
}
