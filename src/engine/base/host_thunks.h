/*
 * host_thunks.h - the code that all blocks of one engine share.
 *
 * Made once at the start of the code map:
 *   enter    called from C: saves registers, sets REG_CPU, REG_TLB and REG_PC, jumps to a block
 *   leave    jumped to from blocks with eax = enum run_code: back to C
 *   out      jumped to with REG_PC set: leaves with RUN_JUMP
 *   miss     the same where the jump cache has another address: looks behind it first
 *   link     the same from an edge that could be linked; rax = its site
 *   load[n]  called from cold parts; rcx = address, rdx = decoded instruction, eax = struct
 *            ir_mem. 2^n bytes come back in rdx. It does not return when there is a fault
 *   store[n] the same with the value in ecpu.tier_value
 *   page[n]  called from cold parts: rdx = length, eax = enum isa_access; REG_LOADS' or REG_STORES'
 *            value for the bytes at rcx comes back in rdx, 0 when they share no page of RAM
 *   atomic   as load: what it does is in ir_mem.access, its operand in ecpu.tier_value, what
 *            CAS expects in ecpu.tier_expect; rdx: what was there; 1 when SC stored
 *   raise    the same: rcx = value, eax = cause; never returns
 * load and store keep every register but rax, rcx and rdx: the first row of each the general
 * ones alone, the second xmm2 to xmm15 too.
 *   fp_load, fp_drop   called: MXCSR becomes the guest's (ZF set) or the host's: host_fp.h
 *   fp_slow  called: does one operation by software, operands in ecpu.fp_arg, rdx = which;
 *            the result comes back in rdx. Keeps what load keeps
 *   fp_vector   the same for each element of ecpu.fp_vector, whose first 16 bytes the results
 *            replace
 *   finish   jumped to with state written and insn_index set: handlers do the rest of the
 *            block, then back to C
 */
#ifndef ENGINE_BASE_HOST_THUNKS_H
#define ENGINE_BASE_HOST_THUNKS_H

#include "engine/base/host_lower.h"
#include "host/map.h"

struct thunks {
    struct lower_thunks shared;
    int (*enter)(struct vcpu *c, const void *host_code);
    size_t size; /* bytes used from the map's start, a multiple of 64 */
};

/* False when `map` is too small. */
bool thunks_make(struct thunks *t, const struct host_code_map *map, const struct isa *isa);

#endif
