/*
 * emit_x86.h - writes x86-64 instructions, one call each.
 *
 * The encoder knows shapes (register-register, register-memory, immediate); the
 * tables below say which opcode each operation has in each shape. Nothing here
 * knows the IR. Intel SDM volume 2, chapter 2.
 */
#ifndef ENGINE_BASE_EMIT_X86_H
#define ENGINE_BASE_EMIT_X86_H

#include "base/types.h"

enum x86_reg {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    X86_NO_REG = 0xff
};

enum x86_cond {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G
};

/* The low 4 or 8 bytes of these hold an f32 or f64. */
enum x86_xmm { XMM0, XMM1, XMM2, XMM15 = 15, X86_NO_XMM = 0xff };

/* Two-operand arithmetic; the value is the /digit of the immediate form, and opcode * 8
 * that of the register forms. */
enum x86_alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

/* Shifts by the /digit of C1 and D3. */
enum x86_shift { SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAR = 7 };

/* F7 /digit: one operand, rdx:rax implied for the last four. */
enum x86_unary { UN_NOT = 2, UN_NEG, UN_MUL, UN_IMUL, UN_DIV, UN_IDIV };

/* Scalar operations by their last opcode byte; FP_CVT: to the other format. */
enum x86_fp {
    X86_FP_SQRT = 0x51,
    X86_FP_ADD = 0x58,
    X86_FP_MUL,
    X86_FP_CVT,
    X86_FP_SUB = 0x5c,
    X86_FP_MIN,
    X86_FP_DIV,
    X86_FP_MAX
};

/* On all 16 bytes. ANDN: ~d & s. */
enum x86_fp_logic { X86_FP_AND = 0x54, X86_FP_ANDN, X86_FP_OR, X86_FP_XOR };

/* FMA3: d = +-(a * d) +- b for 213, d = +-(a * b) +- d for 231; N: product negated, SUB:
 * addend negated. */
enum x86_fma {
    X86_FMA_213 = 0xa9,
    X86_FMSUB_213 = 0xab,
    X86_FNMADD_213 = 0xad,
    X86_FNMSUB_213 = 0xaf
};

/* [base + (index << scale) + disp]; index may be X86_NO_REG. */
struct x86_mem {
    u8 base, index;
    s32 disp;
    u8 scale; /* 0 to 3 */
};

/* Output. When it is full, bytes are dropped and `full` is set: checked once at the end. */
struct x86_out {
    u8 *at, *end;
    bool full;
};

static inline struct x86_mem x86_at(enum x86_reg base, s32 disp)
{
    return (struct x86_mem){ (u8)base, X86_NO_REG, disp, 0 };
}

static inline struct x86_mem x86_at_index(enum x86_reg base, enum x86_reg index, s32 disp)
{
    return (struct x86_mem){ (u8)base, (u8)index, disp, 0 };
}

/* scale: 0 to 3 */
static inline struct x86_mem x86_at_scaled(enum x86_reg base, enum x86_reg index, unsigned scale)
{
    return (struct x86_mem){ (u8)base, (u8)index, 0, (u8)scale };
}

/* size: operand bytes, 1, 2, 4 or 8. 4-byte results clear the upper half. */
void x86_alu_rr(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_alu_ri(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d, s32 imm);
void x86_alu_rm(struct x86_out *o, enum x86_alu op, unsigned size, enum x86_reg d,
                struct x86_mem m);
void x86_alu_mr(struct x86_out *o, enum x86_alu op, unsigned size, struct x86_mem m,
                enum x86_reg s);
void x86_alu_mi(struct x86_out *o, enum x86_alu op, unsigned size, struct x86_mem m, s32 imm);
void x86_test_rr(struct x86_out *o, unsigned size, enum x86_reg a, enum x86_reg b);
void x86_unary(struct x86_out *o, enum x86_unary op, unsigned size, enum x86_reg r);
void x86_imul_rr(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_shift_ri(struct x86_out *o, enum x86_shift op, unsigned size, enum x86_reg r, unsigned n);
void x86_shift_rcl(struct x86_out *o, enum x86_shift op, unsigned size, enum x86_reg r);
void x86_lea(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m);
void x86_mov_rr(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s);
/* Shortest form for the constant. Leaves flags alone. */
void x86_mov_ri(struct x86_out *o, enum x86_reg d, u64 v);
void x86_mov_mr(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s);
void x86_mov_mi(struct x86_out *o, unsigned size, struct x86_mem m, s32 imm);
/* Zero- and sign-extending loads and moves from `size` bytes to 8. */
void x86_load_zx(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m);
void x86_load_sx(struct x86_out *o, unsigned size, enum x86_reg d, struct x86_mem m);
void x86_mov_zx(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_mov_sx(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_bswap(struct x86_out *o, unsigned size, enum x86_reg r);
/* lzcnt, tzcnt, popcnt: op is the last opcode byte BD, BC, B8. */
void x86_bit_count(struct x86_out *o, u8 op, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_setcc(struct x86_out *o, enum x86_cond cc, enum x86_reg r);     /* then zero-extended */
void x86_setcc_m(struct x86_out *o, enum x86_cond cc, struct x86_mem m); /* a byte */
void x86_cmov(struct x86_out *o, enum x86_cond cc, unsigned size, enum x86_reg d, enum x86_reg s);
void x86_cqo(struct x86_out *o, unsigned size);
void x86_call_r(struct x86_out *o, enum x86_reg r);
void x86_jmp_r(struct x86_out *o, enum x86_reg r);
void x86_jmp_m(struct x86_out *o, struct x86_mem m);
void x86_ret(struct x86_out *o);
void x86_push(struct x86_out *o, enum x86_reg r);
void x86_pop(struct x86_out *o, enum x86_reg r);
void x86_mfence(struct x86_out *o);

/* Atomic, in one order with all others. Swap: m and s change places. Add: m += s, s = what m was.
 * Compare: when m = rax then m = s, else rax = m; CC_E tells. */
void x86_atomic_swap(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s);
void x86_atomic_add(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s);
void x86_atomic_compare(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_reg s);

/* emit_x86_fp.c. size: 4 for f32, 8 for f64; of x86_fp_rr's FP_CVT: of the source. */
void x86_fp_rr(struct x86_out *o, enum x86_fp op, unsigned size, enum x86_xmm d, enum x86_xmm s);
void x86_fp_logic(struct x86_out *o, enum x86_fp_logic op, enum x86_xmm d, enum x86_xmm s);
void x86_fp_mov(struct x86_out *o, enum x86_xmm d, enum x86_xmm s);
void x86_fp_load(struct x86_out *o, unsigned size, enum x86_xmm d, struct x86_mem m);
void x86_fp_store(struct x86_out *o, unsigned size, struct x86_mem m, enum x86_xmm s);
/* The bits, zero-extended. */
void x86_fp_from_reg(struct x86_out *o, unsigned size, enum x86_xmm d, enum x86_reg s);
void x86_fp_to_reg(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_xmm s);
/* comis or ucomis: CF, ZF and PF as after an unsigned comparison; all three: unordered. */
void x86_fp_compare(struct x86_out *o, bool signal, unsigned size, enum x86_xmm a, enum x86_xmm b);
/* Signed integers of 4 or 8 bytes. from_int leaves the upper bits of d. */
void x86_fp_from_int(struct x86_out *o, unsigned size, unsigned int_size, enum x86_xmm d,
                     enum x86_reg s);
void x86_fp_to_int(struct x86_out *o, bool truncate, unsigned size, unsigned int_size,
                   enum x86_reg d, enum x86_xmm s);
/* SSE4.1. mode: MXCSR.RC's encoding. */
void x86_fp_round(struct x86_out *o, unsigned size, enum x86_xmm d, enum x86_xmm s, unsigned mode);
/* AVX: d = a op b; the rest of d is a's. */
void x86_fp_rrr(struct x86_out *o, enum x86_fp op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b);
void x86_fma_rr(struct x86_out *o, enum x86_fma op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b);
void x86_ldmxcsr(struct x86_out *o, struct x86_mem m);
void x86_stmxcsr(struct x86_out *o, struct x86_mem m);

/* emit_x86_vec.c: all 16 bytes. The opcode without its prefix 66, 0x0fef or 0x0f3800. */
void x86_v_rr(struct x86_out *o, unsigned op, enum x86_xmm d, enum x86_xmm s);
void x86_v_rr_imm(struct x86_out *o, unsigned op, enum x86_xmm d, enum x86_xmm s, unsigned imm);
/* By the /digit; BYTES: of the whole register, size 8. */
enum x86_v_shift { V_SHR = 2, V_SHR_BYTES, V_SAR, V_SHL = 6, V_SHL_BYTES };
/* Elements of 2, 4 or 8 bytes; V_SAR not of 8. */
void x86_v_shift(struct x86_out *o, enum x86_v_shift how, unsigned size, enum x86_xmm d,
                 unsigned n);
/* AVX2: elements of 4 or 8 bytes by those of `by`. V_EACH_SAR not of 8. */
enum x86_v_each { V_EACH_SHR = 0x45, V_EACH_SAR, V_EACH_SHL };
void x86_v_shift_each(struct x86_out *o, enum x86_v_each how, unsigned size, enum x86_xmm d,
                      enum x86_xmm x, enum x86_xmm by);
void x86_v_load(struct x86_out *o, enum x86_xmm d, struct x86_mem m);
void x86_v_store(struct x86_out *o, struct x86_mem m, enum x86_xmm s);
/* The lower 8 bytes, and zeros. */
void x86_v_low(struct x86_out *o, enum x86_xmm d, enum x86_xmm s);
/* Floating point on elements of 4 or 8 bytes. */
void x86_vf_rr(struct x86_out *o, unsigned op, unsigned size, enum x86_xmm d, enum x86_xmm s);
void x86_vf_rr_imm(struct x86_out *o, unsigned op, unsigned size, enum x86_xmm d, enum x86_xmm s,
                   unsigned imm);
enum x86_vf_cmp { VF_EQ, VF_LT, VF_LE, VF_UNORDERED };
void x86_vf_compare(struct x86_out *o, enum x86_vf_cmp how, unsigned size, enum x86_xmm d,
                    enum x86_xmm s);
/* f32 to s32 towards zero */
void x86_v_to_int(struct x86_out *o, enum x86_xmm d, enum x86_xmm s);
void x86_vf_fma(struct x86_out *o, enum x86_fma op, unsigned size, enum x86_xmm d, enum x86_xmm a,
                enum x86_xmm b);
/* The elements' signs as bits; those of bytes when size is less than 4. */
void x86_v_mask(struct x86_out *o, unsigned size, enum x86_reg d, enum x86_xmm s);

void x86_nop(struct x86_out *o);

/* Jumps to a place not known yet: return where the 4-byte displacement is (NULL when
 * full); x86_point points it to its target, NULL allowed. */
u8 *x86_jmp(struct x86_out *o);
u8 *x86_jcc(struct x86_out *o, enum x86_cond cc);
u8 *x86_call(struct x86_out *o);
/* d = an address in reach, whose displacement is returned as a jump's is. */
u8 *x86_lea_rip(struct x86_out *o, enum x86_reg d);
/* No instruction: size bytes. */
void x86_data(struct x86_out *o, const void *p, unsigned size);
void x86_point(u8 *where, const u8 *target);

#endif
