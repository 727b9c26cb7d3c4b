/*
 * host_values.h - where each value of a block lives while the block is compiled.
 *
 * One forward pass. A value is a constant, an address relative to the block's start,
 * in a host register, in the guest state slot it was read from or stored to, or in a
 * spill cell. It may be in a general register, in an xmm register, or in both: where it
 * goes follows from who uses it. Guest state is cached: a GET after a GET or SET of the
 * same slot costs nothing, and a SET reaches memory only where the block may be left or
 * the slot is seen by other code (vals_flush, and the cold stubs' vals_flush_copy).
 */
#ifndef ENGINE_BASE_HOST_VALUES_H
#define ENGINE_BASE_HOST_VALUES_H

#include "engine/base/emit_x86.h"
#include "ir/ir.h"
#include "isa/isa.h"

enum { VALS_SLOTS = 64, VALS_SPILLS = 64 /* both: bits of a word */, VALS_HEADS = 256 };

/* Registers with a fixed meaning in translated code. rax, rcx, rdx, xmm0 and xmm1 are
 * scratch within one operation; the rest hold values. */
#define REG_CPU RBP /* struct ecpu + CPU_BIAS */
#define REG_TLB R13 /* TLB bank of the data regime */
/* Host minus guest address of the page that loads, and stores, through a pointer were checked
 * for; 0: look again. See host_plan_mem.c. In blocks without such checks they hold values. */
#define REG_LOADS  R15
#define REG_STORES R12
#define REG_PC  R14 /* guest virtual address of the block's start */
/* ecpu.budget while translated code runs; one that C code keeps. In memory each block would wait
 * for the block before to have stored it: docs/design/0007-blocks.md. */
#define REG_BUDGET RBX

/* So that the first 256 bytes of guest state have one-byte displacements. */
enum { CPU_BIAS = VCPU_STATE_OFF + 128 };

static inline struct x86_mem cpu_at(s32 offset)
{
    return x86_at(REG_CPU, offset - CPU_BIAS);
}

enum val_kind { VAL_NONE, VAL_CONST, VAL_PC, VAL_PLACE };

enum val_file { VALS_GPR, VALS_XMM, VALS_FILES };

struct val {
    u8 kind;           /* enum val_kind */
    u8 type;           /* enum ir_type */
    u8 at[VALS_FILES]; /* VAL_PLACE: register of each file, or X86_NO_REG */
    bool clean;        /* no bits set above the type's width, when in a general register */
    bool boxed;        /* i64: all ones above the low half of the value it is the same as */
    u8 slot_count;     /* slots that hold it */
    u8 plan;           /* the lowering's note on the operation, see host_lower_ops.h */
    bool fp;           /* used as floating point: better in an xmm register */
    u32 same_as;       /* the value whose place this one shares, or its own number */
    u32 last_use;      /* number of the last operation that uses it */
    u32 uses;
    s16 spill; /* cell, or -1 */
    s16 slot;  /* index in slots[] of a clean copy in guest state, or -1 */
    u64 imm;   /* CONST; PC: offset from the block's start */
};

struct slot {
    u16 offset;
    u8 size;
    bool boxed; /* the upper half is all ones, the lower the value */
    u8 next;    /* number + 1 of the next with this head; 0: none */
    u32 value;
};

struct vals {
    struct x86_out *out;
    const struct ir_block *ir;
    struct val *v;            /* one for each operation */
    u32 now;                  /* the operation being compiled */
    u32 held[VALS_FILES][16]; /* value in each register, or IR_NO_VAL */
    u16 pinned[VALS_FILES];   /* registers in use by the present operation */
    u16 locked;               /* xmm registers that are pinned beyond it */
    u16 reserved;             /* general registers that hold no value in this block */
    u64 used, dirty;          /* bit per slot: there is one; guest memory is behind */
    u8 heads[VALS_HEADS];     /* slots by offset / 8 modulo: number + 1 */
    struct slot slots[VALS_SLOTS];
    u64 spills;               /* bit per cell in use */
    u32 spilled[VALS_SPILLS]; /* the value in each */
    s32 state_off;            /* of guest state from REG_CPU */
    s32 spill_off;            /* of the spill cells from REG_CPU */
    bool straddles;           /* some slot crosses a multiple of 8 */
    u8 effects;               /* IRE_* of all operations together */
    bool divides;             /* there are divisions */
    bool sets_flags;          /* i1 slots */
    bool failed;              /* out of spill cells or registers: give the block up */
};

/* v: room for ir->op_count values. Counts uses. */
void vals_init(struct vals *a, const struct ir_block *ir, struct val *v, struct x86_out *out,
               s32 state_off, s32 spill_off);

struct val *vals_of(struct vals *a, u32 id);

/* The register that holds value `id`, loaded if need be; pinned until vals_step(). */
enum x86_reg vals_use(struct vals *a, u32 id);
/* The same in an xmm register; bits above the type's width are of no account. */
enum x86_xmm vals_use_x(struct vals *a, u32 id);
/* A register for the result of the present operation. */
enum x86_reg vals_def(struct vals *a, u32 id);
enum x86_xmm vals_def_x(struct vals *a, u32 id);
/* The same, perhaps the register of `from`, to be written when that has been read. */
enum x86_reg vals_def_over(struct vals *a, u32 id, u32 from);
/* The same, holding a copy of `from` to be modified. */
enum x86_reg vals_def_from(struct vals *a, u32 id, u32 from);
enum x86_xmm vals_def_from_x(struct vals *a, u32 id, u32 from);
void vals_def_const(struct vals *a, u32 id, u64 imm);
void vals_def_pc(struct vals *a, u32 id, u64 offset);
void vals_def_same(struct vals *a, u32 id, u32 as, bool clean);
/* i64 id: the low 32 bits of `low` under all ones. */
void vals_def_boxed(struct vals *a, u32 id, u32 low);

/* Code in `out` alone, which may be in the cold part: the value in a register, `scratch` if it is
 * in none. Leaves flags alone. */
enum x86_reg vals_peek(struct vals *a, struct x86_out *out, u32 id, enum x86_reg scratch);

/* True when the value is a constant that fits a sign-extended 32-bit immediate of its type. */
bool vals_imm(struct vals *a, u32 id, s32 *imm);
/* Is it, of 4 or 8 bytes, in an xmm register and in no general one? */
bool vals_in_xmm(struct vals *a, u32 id);
/* May any xmm register hold a value? */
bool vals_any_xmm(const struct vals *a);
/* Is the present operation the last that uses it? */
bool vals_dies(struct vals *a, u32 id);
bool vals_has_register(struct vals *a, u32 id);
/* How many registers of the file may hold values in this block? */
unsigned vals_room(const struct vals *a, enum val_file f);
/* Where guest state in memory holds all of the value; false: nowhere. */
bool vals_memory(struct vals *a, u32 id, struct x86_mem *m);
/* Puts a VAL_CONST or VAL_PC into a register that is no value's. */
void vals_load_const(struct x86_out *out, enum x86_reg r, const struct val *v);

/* Ends the present operation, and unpins what it used; `next` comes. */
static inline void vals_step(struct vals *a, u32 next)
{
    a->pinned[VALS_GPR] = 0;
    a->pinned[VALS_XMM] = a->locked;
    a->now = next;
}

void vals_get(struct vals *a, u32 id, u16 offset, enum ir_type t);
void vals_set(struct vals *a, u32 id, u16 offset, enum ir_type t);
/* The register of that file that holds all of the 8 bytes of state at `offset`, or X86_NO_REG. */
unsigned vals_slot_reg(struct vals *a, enum val_file f, u16 offset);
/* The 8 bytes of state at `offset`, of which there is a slot, are no longer taken for what memory
 * has. */
void vals_soil(struct vals *a, u16 offset);
/* The bit of the slot of the 8 bytes of state at `offset`; 0: there is none. */
u64 vals_slot_bit(struct vals *a, u16 offset);
/* Writes what is cached of the state at [offset, offset + size) and forgets that it is. */
void vals_uncache(struct vals *a, u16 offset, unsigned size);
/* The same without writing what lies within: somebody else does. */
void vals_discard(struct vals *a, u16 offset, unsigned size);
/* Has part of it been set and not been written yet? */
bool vals_is_dirty(struct vals *a, u16 offset, unsigned size);
/* The value that the 8 bytes of state at `offset` hold; IR_NO_VAL: none is known. */
u32 vals_slot_value(struct vals *a, u16 offset);
/* For vectors: a register for a value, pinned; that nothing else uses keeps it no longer. And gives
 * it back. */
enum x86_xmm vals_take_x(struct vals *a, u32 id);
void vals_release_x(struct vals *a, enum x86_xmm x);

/* Writes every dirty slot; they become clean. */
void vals_flush(struct vals *a);
/* The same, without those whose bits are set. */
void vals_flush_but(struct vals *a, u64 slots);
/* Writes every dirty slot to `out` (a cold stub): the state here stays as it was. */
void vals_flush_copy(struct vals *a, struct x86_out *out);
/* Forgets everything cached, after code that may write any slot ran. Flush before. */
void vals_forget(struct vals *a);

#endif
