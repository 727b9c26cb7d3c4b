/*
 * ir.h - the intermediate representation that every guest is described in and
 * every engine runs.
 *
 * A block is a linear list of operations in single assignment: operand numbers
 * are the numbers of earlier operations. Guest registers are not values but
 * *state at a byte offset*, read and written by GET and SET. Inside one guest
 * instruction there are structured IF, LOOP and VLOOP with VARs; between
 * instructions control only falls through or leaves the block. Floating-point
 * values are bit patterns in integer types. Design: docs/design/0001-ir.md.
 */
#ifndef IR_IR_H
#define IR_IR_H

#include "base/types.h"

struct vcpu;

enum ir_type { IR_NONE, IR_I1, IR_I8, IR_I16, IR_I32, IR_I64, IR_I128, IR_TYPE_COUNT };

/* Bytes that a value of the type takes in guest state and memory (i1: one). */
static inline unsigned ir_type_size(enum ir_type t)
{
    return t <= IR_I1 ? t : 1u << (t - IR_I8);
}

/* Bits of the type; 1 for i1. */
static inline unsigned ir_type_bits(enum ir_type t)
{
    return t <= IR_I1 ? t : 8u << (t - IR_I8);
}

enum ir_opcode {
#define IR_OP(name, shape, effects, text, doc) IR_##name,
#include "ir/ops.def"
#undef IR_OP
    IR_OP_COUNT
};

/* Operands and result. "same" means: of the operation's type. */
enum ir_shape_kind {
    IRS_NONE,   /* nothing */
    IRS_LEAF,   /* result */
    IRS_A,      /* a, no result */
    IRS_AB,     /* a, b, no result */
    IRS_R_A,    /* result same as a (LD, GETX, LL: a is an i64 address) */
    IRS_R_AB,   /* result same as a and b (RMW, VLOOP: see the operation) */
    IRS_R_ABC,  /* result same as a, b, c (CAS: a is an i64 address) */
    IRS_CVT,    /* result of another type than a */
    IRS_CVT2,   /* result of another type than a, b */
    IRS_CMP,    /* i1 from a, b of one type */
    IRS_CMP1,   /* i1 from a */
    IRS_SELECT, /* a is i1; b, c same */
    IRS_CARRY,  /* i1 from a, b of one type and c i1 */
    IRS_SC,     /* i1 from address a, value b */
    IRS_CALL,   /* up to three i64 operands, result i64 or none */
};

enum {
    IRE_READ = 1 << 0,  /* reads guest state */
    IRE_WRITE = 1 << 1, /* writes guest state */
    IRE_MEM = 1 << 2,   /* touches guest memory */
    IRE_FAULT = 1 << 3, /* may raise: uses every architectural slot */
    IRE_EXIT = 1 << 4,  /* ends the block */
    IRE_FP = 1 << 5,    /* reads the rounding mode, adds to the sticky flags */
    IRE_CTRL = 1 << 6,  /* structure inside an instruction */
};

struct ir_op_info {
    const char *name; /* as in ops.def; printed in lower case */
    u8 shape;         /* enum ir_shape_kind */
    u8 effects;       /* IRE_* */
    const char *text, *doc;
};
extern const struct ir_op_info ir_op_infos[IR_OP_COUNT];

/* Which of the CPU's present memory regimes an access goes by. The isa binds
 * them to TLB banks (cpu_env.mmu_bind) whenever its privilege state changes. */
enum ir_mmu {
    IR_MMU_DATA,   /* what loads and stores of the running code use */
    IR_MMU_UNPRIV, /* as if less privileged: LDTR, HLV */
    IR_MMU_SYSTEM, /* as if most privileged: x86 descriptor tables */
    IR_MMU_COUNT
};

enum ir_align {
    IR_ALIGN_ANY,     /* any address; not atomic when it crosses 8 bytes */
    IR_ALIGN_NATURAL, /* raises unless a multiple of the size */
    IR_ALIGN_16,      /* raises unless it stays within aligned 16 bytes (Zam, LSE2); as far as
                         vcpu.strict lets it */
};

/* Memory order of one access; a host may always give more. */
enum ir_order { IR_RELAXED, IR_ACQUIRE, IR_RELEASE, IR_SEQ_CST, IR_TSO };

/* Immediate of LD, ST, PROBE, RMW, CAS, LL, SC. */
struct ir_mem {
    u8 mmu;    /* enum ir_mmu */
    u8 align;  /* enum ir_align */
    u8 order;  /* enum ir_order */
    u8 access; /* PROBE: enum isa_access. LD, ST: IR_UNIT() of what is aligned where memory or
                  vcpu.strict wants accesses aligned; 0: it as a whole */
};
#define IR_UNIT(log2_bytes) ((u8)((log2_bytes) + 1))

enum ir_rmw {
    IR_RMW_XCHG,
    IR_RMW_ADD,
    IR_RMW_AND,
    IR_RMW_OR,
    IR_RMW_XOR,
    IR_RMW_MINU,
    IR_RMW_MAXU,
    IR_RMW_MINS,
    IR_RMW_MAXS
};

/* What must be visible before what: bit 0 load-load, 1 load-store, 2 store-load, 3 store-store. */
enum { IR_FENCE_LL = 1, IR_FENCE_LS = 2, IR_FENCE_SL = 4, IR_FENCE_SS = 8, IR_FENCE_ALL = 15 };

enum {
    IR_ROUND_DYNAMIC = 7
}; /* in ir_fp.round: the mode in the CPU's fp_env, which is FP_RNE to FP_RTO */

enum {
    IR_RULES_DYNAMIC = 15
}; /* in ir_fp.rules: those in the CPU's fp_env (docs/design/0011-dynamic-rules.md) */

/* Immediate of the floating-point operations; see ir/fp.h for the values. */
struct ir_fp {
    u8 format; /* enum fp_format of the result, or of the operands of FCMP, FTOI, FCLASS */
    u8 from;   /* FCVT: format of a */
    u8 rules;  /* enum fp_rules or IR_RULES_DYNAMIC */
    u8 round;  /* enum fp_round or IR_ROUND_DYNAMIC */
    u8 env;    /* which struct fp_env: 0, or 1 for the one behind it (x87 beside SSE) */
};

/* imm2 of FTOI. */
struct ir_ftoi {
    u8 is_signed, bits, mode; /* 8..64 bits; mode = enum fp_toint */
};

/* What a VLOOP does, so that a tier may use host vectors: imm of VLOOP. */
struct ir_shape {
    u8 element;  /* bytes of the widest element: 1..16 */
    u8 masked;   /* elements are chosen by a mask register */
    u8 ordered;  /* elements must be done in order (sums, faults) */
    u8 restarts; /* progress is committed: may fault or be interrupted half way */
};

enum ir_jump { IR_JUMP_PLAIN, IR_JUMP_CALL, IR_JUMP_RETURN };

/* What a helper may do; engines trust it, debug builds check what they can. */
enum {
    IRH_RAISES = 1 << 0,  /* may raise: returns with vcpu->fault.pending set */
    IRH_READS = 1 << 1,   /* reads guest state */
    IRH_WRITES = 1 << 2,  /* writes guest state */
    IRH_MEM = 1 << 3,     /* touches guest memory or devices */
    IRH_COUNT = 1 << 4,   /* needs vcpu->insn_index exact: reads counters or time */
    IRH_ENDS = 1 << 5,    /* may change what translation depends on: ENDBLOCK follows */
    IRH_SETS_PC = 1 << 6, /* sets the pc slot itself: ENDBLOCK follows, pc is not advanced */
};

/* A piece of meaning in C. Up to three i64 arguments. Static storage. */
struct ir_helper {
    const char *name; /* the C function's name, for semgen and disassembly */
    u64 (*fn)(struct vcpu *c, u64 a, u64 b, u64 d);
    u32 effects; /* IRH_* */
};

/* Defines a helper's row. Rows stand in files that hold nothing but them and the
 * functions' prototypes: semgen compiles these with SEMGEN defined and has no functions. */
#ifdef SEMGEN
#define IR_HELPER(row, function, effect_bits)                                                      \
    const struct ir_helper row = { #function, NULL, effect_bits }
#else
#define IR_HELPER(row, function, effect_bits)                                                      \
    const struct ir_helper row = { #function, function, effect_bits }
#endif

/* One operation: 32 bytes. */
struct ir_op {
    u8 op;       /* enum ir_opcode */
    u8 type;     /* enum ir_type of the result; of b for ST, SET, SETX, VARSET */
    u16 insn;    /* index of the guest instruction it belongs to */
    u32 a, b, c; /* numbers of earlier operations; IR_NO_VAL if absent */
    union {
        u64 imm;
        struct ir_mem mem;
        struct ir_fp fp;
        struct ir_shape shape;
        const struct ir_helper *helper;
    };
    union {
        u64 imm2;
        struct ir_ftoi ftoi;
    };
};
#define IR_NO_VAL UINT32_MAX

/* Does an operation with IR_RULES_DYNAMIC go by fp_env.rules16? */
bool ir_fp_rules16(const struct ir_op *op);

enum { IR_BLOCK_MAX_OPS = 4096, IR_BLOCK_MAX_INSNS = 64 };

/* A translated stretch of guest code. Filled by a builder; heap arrays grow. */
struct ir_block {
    struct ir_op *ops; /* owns */
    u32 op_count, op_room;
    u32 insn_count;
    s32 next; /* where it goes on when nothing leaves it: bytes from the block's start */
};

void ir_block_init(struct ir_block *b);
void ir_block_fini(struct ir_block *b);
void ir_block_clear(struct ir_block *b);

/* Checks types, single assignment, nesting, the order of writes and faults, and
 * effects. Returns NULL, or one sentence (static or in buf) naming the operation. */
const char *ir_verify(const struct ir_block *b, char *buf, size_t size);

/* Writes the block as text, one operation a line; returns bytes like snprintf. */
size_t ir_print(const struct ir_block *b, char *buf, size_t size);

#endif
