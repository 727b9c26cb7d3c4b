/*
 * helpers.h - C functions that arm64's semantics call, and what they may do.
 *
 * Each is an ir_helper: C code with declared effects. Arguments that are not named are
 * ignored.
 */
#ifndef ISA_ARM64_HELPERS_H
#define ISA_ARM64_HELPERS_H

#include "isa/arm64/state.h"

/* H(name, effects): arm_helper_NAME is arm_do_NAME(). raw: the instruction's encoding.
 * crc32:         (checksum, value, bytes) → CRC-32 of value's low bytes put into the checksum
 * crc32c:        the same with Castagnoli's polynomial
 * icache_sync:   () what this PE has stored is what it fetches from here on
 * mrs:           (raw) → a system register, UNDEFINED or trapped where that may not be read
 * msr:           (raw, value)
 * msr_pstate:    (raw) MSR (immediate) of UAO, PAN, SPSel, DAIFSet, DAIFClr
 * sys:           (raw, value) SYS of what is EL1's
 * cache_line:    (raw, address) DC or IC of a line that must be readable
 * branch:        (target, pc, raw) to where there may be a guarded page
 * eret:          () sets pc
 * hvc, smc:      (immediate)
 * wfi, wfe, yield: ()
 * wfit, wfet:    (raw, virtual count at which to go on)
 * Floating point; how: ARM_HELP_*. They go by FPCR and raise FPSR's flags.
 * f_to_fixed:    (number, how) → an integer, scaled
 * f_from_fixed:  (integer, how) → a number
 * f_convert:     (number, how) from or to half precision
 * f_step:        (a, b, how) FRECPS, FRSQRTS
 * f_estimate:    (number, how) FRECPE, FRSQRTE, FRECPX
 * f_round_int:   (number, how) FRINT32Z and its like
 * u_estimate:    (integer, how) URECPE, URSQRTE
 * f_half_fma:    (single, half, half) the first and the others' product, in single precision
 * bf_dot:        (single, pair, pair) the first and two products of bfloat16; no flags
 * aes:           (low, high, ARM_AES_*) half of what the operation makes of 128 bits
 * sm4:           (word) its bytes by SM4's box
 * pauth_sign, pauth_check: (pointer, modifier, ARM_KEY_*) with its code; without, or a fault
 * pauth_strip:   (pointer, is of data) without its code, right or not
 * pauth_generic: (value, modifier) a code in the upper half
 * eret_checked:  (ARM_KEY_*) sets pc */
#define ARM_HELPERS(H)                                                                             \
    H(crc32, 0)                                                                                    \
    H(crc32c, 0)                                                                                   \
    H(icache_sync, IRH_MEM | IRH_ENDS)                                                             \
    H(mrs, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT)                              \
    H(msr, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                   \
    H(msr_pstate, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_ENDS)                                  \
    H(sys, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_ENDS)                               \
    H(cache_line, IRH_RAISES | IRH_READS | IRH_MEM)                                                \
    H(branch, IRH_READS | IRH_WRITES | IRH_MEM)                                                    \
    H(eret, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS | IRH_SETS_PC)    \
    H(hvc, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                   \
    H(smc, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                   \
    H(wfi, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_COUNT | IRH_ENDS)                                          \
    H(wfe, IRH_RAISES | IRH_READS)                                                                 \
    H(wfit, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS)                  \
    H(wfet, IRH_RAISES | IRH_READS | IRH_COUNT)                                                    \
    H(yield, 0)                                                                                    \
    H(f_to_fixed, IRH_READS | IRH_WRITES)                                                          \
    H(f_from_fixed, IRH_READS | IRH_WRITES)                                                        \
    H(f_convert, IRH_READS | IRH_WRITES)                                                           \
    H(f_step, IRH_READS | IRH_WRITES)                                                              \
    H(f_estimate, IRH_READS | IRH_WRITES)                                                          \
    H(f_round_int, IRH_READS | IRH_WRITES)                                                         \
    H(u_estimate, 0)                                                                               \
    H(f_half_fma, IRH_READS | IRH_WRITES)                                                          \
    H(bf_dot, 0)                                                                                   \
    H(aes, 0)                                                                                      \
    H(sm4, 0)                                                                                      \
    H(pauth_sign, IRH_RAISES | IRH_READS)                                                          \
    H(pauth_check, IRH_RAISES | IRH_READS)                                                         \
    H(pauth_strip, IRH_READS)                                                                      \
    H(pauth_generic, IRH_RAISES | IRH_READS)                                                       \
    H(eret_checked,                                                                                \
      IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM | IRH_COUNT | IRH_ENDS | IRH_SETS_PC)

#define H(name, effects)                                                                           \
    extern const struct ir_helper arm_helper_##name;                                               \
    u64 arm_do_##name(struct vcpu *c, u64 a, u64 b, u64 d);
ARM_HELPERS(H)
#undef H

#endif
