/*
 * host_lower_ops.h - what the files that lower operations share.
 *
 * Conventions inside a block: REG_CPU, REG_TLB and REG_PC as values.h says; rsp is
 * aligned for calls; rax, rcx and rdx are free within an operation. Guest state is
 * written where the block can be left. Slow paths and exits are in the cold part.
 */
#ifndef ENGINE_BASE_HOST_LOWER_OPS_H
#define ENGINE_BASE_HOST_LOWER_OPS_H

#include "engine/base/host_lower.h"
#include "engine/core/block.h"

enum { LOWER_LAZY = 8, LOWER_FACTS = 4, LOWER_CARRIED = 16, LOWER_VECTORS = 32, LOWER_CONSTS = 8 };

struct vec_plan; /* host_vector.h */

struct low {
    struct lower_job *job;
    struct vals a;
    struct x86_out hot, cold;
    struct x86_out *o; /* the hot part */
    u8 *hot_start, *cold_start;
    enum { FP_ANY, FP_LIVE, FP_DEAD } fp; /* ecpu.fp_live: not known, 1, 0 */
    struct low_fact {
        u8 op;
        u32 a, b;
    } facts[LOWER_FACTS]; /* comparisons that are false from here on, a ring */
    unsigned fact_count;
    u32 checked[2]; /* whose bytes REG_LOADS and REG_STORES are for; IR_NO_VAL */
    struct low_carried {
        u16 offset;
        u8 file; /* enum val_file */
        u8 reg;
        bool changed;         /* by the block */
    } carried[LOWER_CARRIED]; /* state in registers at the loop's head */
    unsigned carried_count;
    unsigned streams; /* of the loop */
    u8 *loop_head;    /* in the hot part */
    bool late;        /* what is carried is written on the ways out only */
    struct low_vectors {
        struct low_vector {
            u32 id; /* valid while the register holds this */
            u8 reg;
        } state[LOWER_VECTORS], consts[LOWER_CONSTS];
        u8 bytes[LOWER_CONSTS][16]; /* of consts */
        unsigned next;
        u32 owners;               /* values that no operation has */
        bool any;                 /* may be valid */
    } vectors;                    /* what xmm registers hold all of: host_vector_emit.c */
    u64 vector_insns;             /* bit by instruction: done by host_vector.c */
    u32 vector_regs;              /* bit by register: these instructions read or write all of it */
    struct vec_plan *vector_plan; /* borrows: of one of them */
    struct low_flags {
        u8 op; /* IR_SUB or IR_ADD: of a and b; else of the result alone, sign and zero */
        u32 a, b;
        u32 result;   /* IR_NO_VAL: none of whose sign and zero they are */
        const u8 *at; /* good here alone */
    } flags;          /* the host's: host_lower_flags.c */
    struct low_lazy {
        u16 offset; /* in guest state */
        struct lower_cond cond;
    } lazy[LOWER_LAZY]; /* flags that have not been written: host_lower_lazy.c */
    unsigned lazy_count;
    u64 called_insns; /* bit by instruction: left to their handlers (host_plan_dead.c) */
    bool here_stored; /* cpu.block and block_pc hold this block's */
    bool failed;
    bool left; /* the block's last exit is out */
};

/* Emits operation `op`, number `id`. */
typedef void lower_fn(struct low *l, const struct ir_op *op, u32 id);

/* lower_arith.c */
lower_fn low_const, low_pc, low_get, low_set, low_getx, low_setx, low_add, low_alu, low_andn,
    low_mul, low_mulh, low_shift, low_unary, low_not, low_bswap, low_bit_count, low_trunc, low_zext,
    low_sext;
lower_fn low_flag;                                                   /* lower_flags.c */
lower_fn low_div;                                                    /* lower_div.c */
lower_fn low_compare, low_select, low_minmax;                        /* lower_cmp.c */
lower_fn low_jump, low_jumpif, low_endblock, low_raise, low_raiseif; /* lower_exit.c */
lower_fn low_ld, low_st, low_probe, low_fence;                       /* lower_mem.c */
lower_fn low_rmw, low_cas, low_ll, low_sc;                           /* lower_atomic.c */

/* Looks the page of bytes [from, to) from `base` up in the table; `page` becomes host minus
 * guest address. low_mask: bits of the address that must be 0. Returns the jump taken when
 * the fast path may not be used. Uses rcx, rdx. */
u8 *lo_tlb_probe(struct low *l, enum x86_reg base, s32 from, s32 to, enum isa_access access,
                 enum x86_reg page, u32 low_mask);
/* In the cold part: the slow path of the access at base + offset by a thunk, which keeps every
 * register but rax, rcx and rdx, and does not come back when it faults. */
void lo_slow_access(struct low *l, const struct ir_op *op, enum x86_reg base, s32 offset,
                    struct ir_mem how, const u8 *thunk);
/* Where an access goes: base + offset. */
struct lo_where {
    enum x86_reg base;
    s32 offset;
};
struct lo_where lo_where_of(struct low *l, const struct ir_op *op);
/* Before an access, where it can: state is written now rather than in the cold part. Not in
 * loops. */
void lo_write_early(struct low *l);
/* Emits what has to hold before the access, and what to do else up to the slow path, which comes
 * next in the cold part. *at: what to access when it holds. */
void lo_check_access(struct low *l, const struct ir_op *op, const struct lo_where *w, unsigned size,
                     struct x86_mem *at);
/* Is the atomic access done by locked instructions? */
bool lo_atomic_native(const struct low *l, const struct ir_op *op);

/* Which accesses share a check: fills in lower_room.access. (plan_mem.c) */
void lo_mem_plan(struct low *l);
/* Which of them have addresses that grow in a loop. slots: the i64 values of guest state at the
 * block's end, by offset / 8, or IR_NO_VAL. (plan_stream.c) */
void lo_stream_plan(struct low *l, const u32 *slots, unsigned slot_count);
/* Is the load or store one of those that the plan, and fused addresses, are about? */
bool lo_is_plain_access(const struct ir_op *op);
/* Is the sum only the address of one access, which will add it up itself? */
bool lo_is_address(struct low *l, u32 id, u32 *base, s32 *offset);

lower_fn low_fp_binary, low_fp_sqrt, low_fp_fma, low_fp_minmax;          /* lower_fp.c */
lower_fn low_fp_compare, low_fp_to_int, low_fp_from_int, low_fp_convert; /* lower_fp_cvt.c */

static inline bool lo_is_narrow(enum ir_type t)
{
    return t == IR_I8 || t == IR_I16;
}

#define LO_CPU(member) cpu_at((s32)offsetof(struct ecpu, member))

/* The value is needed until operation `use`. */
void lo_keep_until(struct low *l, u32 id, u32 use);
bool lo_is_compare(unsigned op);
/* Puts the truth of the i1 value `id` in the flags. */
enum x86_cond lo_test_true(struct low *l, u32 id);

/* host_lower_flags.c. The operation just emitted left the host's flags as of a OP b, and of the
 * value `result`. Are they now of the sign and whether it is zero? */
void lo_flags_note(struct low *l, unsigned op, u32 a, u32 b, u32 result);
bool lo_flags_of(const struct low *l, u32 id);
/* Defines the i1 value by a condition of the host's flags, which stay what they are. */
void lo_flags_set(struct low *l, enum x86_cond cc, u32 id);
/* A NOT that is left to the branch, raise or select that it is for. (lower_cmp.c) */
bool lo_not_turned(struct low *l, const struct ir_op *op, u32 id);
/* Is it a carry, borrow or overflow? */
bool lo_is_flag(unsigned op);
/* A NOT of a carry, borrow or overflow that was left to it; false: of something else. */
bool lo_not_flag(struct low *l, const struct ir_op *op, u32 id);

/* Is the comparison known to be false? And: it is, or this is not reached. */
bool lo_is_false(struct low *l, u32 id);
void lo_note_false(struct low *l, u32 id);

/* Are the host's flags those of the comparison? And: they are now. */
bool lo_flags_are(const struct low *l, const struct lower_test *t);
void lo_flags_note_test(struct low *l, const struct lower_test *t);
/* Makes them in `o`. Uses rax, rdx. */
void lo_flags_compare(struct low *l, struct x86_out *o, const struct lower_test *t);
/* Puts the truth of a PLAN_COND value in the flags. Uses rax, rcx, rdx. */
enum x86_cond lo_cond_test(struct low *l, u32 id);

/* host_plan_cond.c: fills in lower_room.cond, and finds who asks for conditions of the host's. */
void lo_cond_plan(struct low *l);
/* What the condition rests on is needed until operation `until`. */
void lo_keep_for(struct low *l, const struct lower_cond *c, u32 until);

/* host_lower_lazy.c. A PLAN_LAZY SET. */
void lo_lazy_set(struct low *l, const struct ir_op *op, u32 id);
/* Writes the flags that were put off. The same in the cold part or on a way out, where they stay
 * put off here; and in the cold part, which begins with the host's flags as `has` leaves them, or
 * NULL. */
void lo_lazy_write(struct low *l);
void lo_lazy_copy(struct low *l, struct x86_out *o);
void lo_lazy_copy_after(struct low *l, const struct lower_test *has);
/* Operation `id` is done: writes those that are not to be put off beyond it. */
void lo_lazy_done(struct low *l, u32 id);
/* A GET or SET of state: writes those that it overlaps. */
void lo_lazy_touch(struct low *l, const struct ir_op *op);
/* vals_flush() and vals_flush_copy() with them. */
void lo_flush(struct low *l);
void lo_flush_copy(struct low *l, struct x86_out *o);

/* plan_dead.c: operation `id` does not use its operands any more. */
void lo_drop(struct low *l, u32 id);
/* Flags that nobody reads. After vals_init(), before other plans. (plan_dead.c) */
void lo_dead_plan(struct low *l);

/* Divisions with what guests define for a divisor of 0. After lo_fp_plan(). (lower_div.c) */
void lo_div_plan(struct low *l);

/* Is the floating-point operation done by the host's unit? */
bool lo_fp_native(const struct low *l, const struct ir_op *op);
/* At the start of instruction `insn`, which has such operations: MXCSR is the guest's. */
void lo_fp_guard(struct low *l, u32 insn);
/* Before C code is called, but by the memory thunks: MXCSR is the host's, the guest's flags are
 * where they belong. Uses rax, rcx, rdx. */
void lo_fp_drop(struct low *l);
/* GET and SET of struct fp_env's members; false: of something else. */
bool lo_fp_get(struct low *l, const struct ir_op *op, u32 id);
bool lo_fp_set(struct low *l, const struct ir_op *op, u32 id);
/* Is it a comparison that MXCSR, being the guest's, makes false? */
bool lo_fp_is_false(const struct low *l, const struct ir_op *op);
/* What lo_fp_plan() found to be floating point; false: nothing. */
bool lo_fp_planned(struct low *l, const struct ir_op *op, u32 id);

/* Is the operation, as it stands, done by its row in the table? */
bool lo_is_native(const struct low *l, const struct ir_op *op);

/* Does one operation by its row. */
void lo_lower_op(struct low *l, u32 id);

/* Is it a GET of state that is always 0? (lower_arith.c) */
bool lo_is_zero(const struct low *l, const struct ir_op *op);
/* Is it a GETX or SETX of which it is known where? And: where in guest state. (lower_arith.c) */
bool lo_is_element(const struct low *l, const struct ir_op *op);
u16 lo_place_of(const struct low *l, const struct ir_op *op);

/* host_vector.c. Is the instruction, operations [from, to), one that *p now says how to do? And:
 * does it. */
bool lo_vector_plan(struct low *l, struct vec_plan *p, u32 from, u32 to);
void lo_vector_lower(struct low *l, struct vec_plan *p);
/* host_vector_mem.c: finds loads and stores of whole vector registers in operations [from, to). */
void lo_vector_plan_access(struct low *l, u32 from, u32 to);
/* The operation, if it is one of those; false: it is not. */
bool lo_vector_planned(struct low *l, const struct ir_op *op, u32 id);
/* Is the state part of a register that these read or write? */
bool lo_vector_has(const struct low *l, const struct ir_op *op);
/* The SET of state, by others, ends what is known of a register. */
void lo_vector_forget(struct low *l, u64 offset, enum ir_type t);

/* Does it end by a branch to its own start? */
bool lo_is_loop(const struct ir_block *ir);

/* CALLS: it has instructions left to handlers. PLAIN: nor has it floating-point operations or
 * atomic accesses. */
enum lo_block_kind { LO_BLOCK_CALLS, LO_BLOCK_NATIVE, LO_BLOCK_PLAIN };
enum lo_block_kind lo_block_kind(const struct low *l);

/* host_lower_loop.c: after the entry's checks; and, when that made job->loops true, the block's
 * last operation. */
void lo_loop_begin(struct low *l);
void lo_loop_end(struct low *l, const struct ir_op *op);

/* A displacement at `where` (in either part, not yet placed) leads to `target`; `to` is one
 * of FIX_*. */
void lo_fix(struct low *l, u8 *where, unsigned to, u64 target);
/* The displacement at `where` in the hot part leads to the cold part's present end. */
void lo_fix_cold(struct low *l, u8 *where);
/* From the cold part back to the hot part's present end. */
void lo_jmp_hot(struct low *l);
void lo_jmp_thunk(struct low *l, struct x86_out *o, const u8 *thunk);

/* The instruction and its block, as the thunks of slow paths take them. */
u64 lo_site(const struct low *l, u32 index);
struct x86_mem lo_pc_slot(const struct low *l);
/* Counts `insns` as retired, on a way out. */
void lo_retire(struct x86_out *o, u32 insns);
/* Before others see state, or may leave the block: writes, to the cold part, what is not written
 * yet. Uses rdx. */
void lo_write_late(struct low *l);
/* Tells helpers which block runs, and where. Uses rax. */
void lo_store_here(struct low *l, struct x86_out *o);
void lo_leave(struct low *l, struct x86_out *o, enum run_code code);
/* The end of instruction `insn`, whose fault is pending; state is written. */
void lo_leave_fault(struct low *l, struct x86_out *o, u32 insn);
/* A patchable exit `offset` bytes from the block's start; state is written. */
void lo_exit_direct(struct low *l, struct x86_out *o, s32 offset);

#endif
