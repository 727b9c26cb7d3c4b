/*
 * host_fp.h - floating point of translated code on the host's unit.
 *
 * While ecpu.fp_live is 1, MXCSR is the guest's: its dynamic rounding mode, everything
 * masked, and the flags that its operations have raised since fp_env.flags was last told.
 * C code never runs under it. It is loaded by a block's first floating-point instruction
 * and given back when translated code is left or a handler is called: code without
 * floating point does nothing for all this. Where a guest's rules are dynamic (isa.dynamic_rules)
 * they are HOST_FP_RULES meanwhile. Design: docs/design/0004-host-fp.md.
 */
#ifndef ENGINE_BASE_HOST_FP_H
#define ENGINE_BASE_HOST_FP_H

#include "engine/base/host_values.h"
#include "ir/fp.h"
#include "isa/isa.h"

enum { MXCSR_FLAGS = 0x3f, MXCSR_MASKED = 0x1f80, MXCSR_RC_SHIFT = 13, MXCSR_RC = 3 << 13 };

/* The dynamic rules that translated code keeps to. */
enum { HOST_FP_RULES = FP_RULES_SNAN_FIRST };

/* FP_* flags by the six of MXCSR. FP_DENORMAL is not among them. */
extern const u8 host_fp_flags[MXCSR_FLAGS + 1];

/* MXCSR.RC of enum fp_round, FP_RNE to FP_RUP. */
unsigned host_fp_rc(unsigned round);

/* Struct fp_env's members in guest state. */
struct x86_mem host_fp_round_at(const struct isa *isa);
struct x86_mem host_fp_flags_at(const struct isa *isa);

/* Adds MXCSR's flags, just stored to ecpu.fp_tmp, to fp_env.flags. Uses rax and rcx. */
void host_fp_fold(struct x86_out *o, const struct isa *isa);

/* The bodies of thunks, which return; they use rax, rcx and rdx. load: ZF set when MXCSR
 * is the guest's now, clear when its rounding mode is not one of the host's or its rules are
 * others. */
void host_fp_make_load(struct x86_out *o, const struct isa *isa);
void host_fp_make_drop(struct x86_out *o, const struct isa *isa);

/* One operation that translated code will not do itself: operands in ecpu.fp_arg, the result
 * to ecpu.tier_value. what: host_fp_pack(). Returns 0. */
int host_fp_slow(struct vcpu *c, u64 what);
u64 host_fp_pack(const struct ir_op *op, enum ir_type operand);
/* The same for `lanes` elements of ecpu.fp_vector; the results replace the first operand. */
u64 host_fp_pack_vector(const struct ir_op *op, enum ir_type operand, unsigned lanes);
int host_fp_slow_vector(struct vcpu *c, u64 what);

/* Runs the rest of ecpu.block by handlers, from insn_index on, state being in its place:
 * enum run_code. */
int host_fp_finish(struct vcpu *c);

#endif
