/*
 * host_vector.h - a vector instruction as an expression over whole registers.
 *
 * The IR of a vector instruction is a loop over scalar element operations (docs/design/
 * 0001-ir.md). Its shape is known when a block is compiled, so each operation inside is done for
 * all elements at once: what depends on the element's number alone is a list of constants, what
 * is read from state at such places a list of bytes, and the rest an operation of the table in
 * host_vector_int.c or host_vector_fp.c. Two halves that are computed by the same operations
 * are joined. Design: docs/design/0012-vectors.md.
 */
#ifndef ENGINE_BASE_HOST_VECTOR_H
#define ENGINE_BASE_HOST_VECTOR_H

#include "engine/base/host_lower_ops.h"

enum {
    VEC_NODES = 240,
    VEC_OPS = 320,
    VEC_WRITES = 12,
    VEC_LANES = 16,
    VEC_FREE = 32,
    VEC_NONE = 0xff
};

/* In vec_node.bytes, instead of a place in state. */
enum { VEC_ZERO = 0xffff };

enum vec_kind {
    VEC_KNOWN,  /* constants: known[] */
    VEC_STATE,  /* bytes of vector registers: bytes[] */
    VEC_SCALAR, /* the same value, lowered as ever, in all lanes */
    VEC_OP,     /* operation `op` of a, b, c */
    VEC_FIRST,  /* what a variable holds as a round of the loop begins; a: as the loop begins */
    VEC_ACROSS, /* a's lanes combined by `op` to one */
    VEC_SUM,    /* of a's lanes, unsigned bytes */
    VEC_ANY,    /* i1: b, or some lane of the mask a */
    VEC_PACKED, /* a's lanes as one of 8 bytes */
    VEC_JOINED, /* b's bytes behind a's 8 */
    VEC_LOOKUP  /* bytes of the register at known[0] by their number a, modulo 16 */
};

struct vec_node {
    u8 kind;   /* enum vec_kind */
    u8 op;     /* enum ir_opcode */
    u8 size;   /* log2 of a lane's bytes; of a mask: of the lanes that were compared */
    u8 lanes;  /* up to VEC_LANES */
    bool mask; /* lanes are all ones or zeros */
    u8 a, b, c;
    u8 of[2];  /* joined from these */
    u8 uses;   /* by other nodes and writes */
    u8 reg;    /* while emitting: where it is, or X86_NO_XMM */
    bool temp; /* reg may be overwritten by the last user */
    bool ready;
    bool early; /* read before the loop began */
    u32 id;     /* VEC_OP: the operation; VEC_SCALAR: the value */
    union {
        u64 known[VEC_LANES];
        u16 bytes[16];
    };
};

/* Bytes of state that a node becomes. */
struct vec_write {
    u16 offset;
    u8 bytes, node;
};

struct vec_plan {
    struct low *l;
    const struct ir_op *ops;
    u32 from, to; /* the instruction's operations */
    struct vec_node node[VEC_NODES];
    unsigned count;
    u8 of[VEC_OPS];       /* node of operation from + i */
    bool native[VEC_OPS]; /* that operation is lowered by its row */
    struct vec_write write[VEC_WRITES];
    unsigned write_count;
    struct vec_write flag[2]; /* i1 state that a VEC_ANY becomes */
    unsigned flag_count;
    u32 free_ids[VEC_FREE]; /* owners of registers that hold nothing now */
    unsigned free_count;
    u8 lanes; /* of the open loop; 0: none */
    u32 loop; /* where it began: operation, and the first of its nodes */
    unsigned loop_nodes;
    bool loops, fp, failed;
};

/* --- host_vector.c, host_vector_loop.c, host_vector_write.c: from operations to nodes --- */

u8 vec_fail(struct vec_plan *p);
/* The node of an operand. */
u8 vec_value(struct vec_plan *p, u32 id);
void vec_loop_begin(struct vec_plan *p, u32 id);
void vec_loop_end(struct vec_plan *p, u32 id);
/* Every write becomes one of a whole register; counts uses; fails where the tables lack something.
 */
void vec_make_whole(struct vec_plan *p);

/* --- host_vector_make.c: nodes that say no more than is needed --- */

/* Each returns a number in node[]; when something is not done here `failed` is set. */
u8 vec_add(struct vec_plan *p, struct vec_node n);
u8 vec_known(struct vec_plan *p, enum ir_type t, unsigned lanes, const u64 *v);
u8 vec_state(struct vec_plan *p, unsigned size, unsigned lanes, const u16 *bytes);
u8 vec_node(struct vec_plan *p, enum vec_kind kind, unsigned size, unsigned lanes, u8 a, u8 b);
/* The pure or floating-point operation, of type t, of nodes; VEC_NONE where it has fewer. */
u8 vec_make(struct vec_plan *p, u32 id, u8 a, u8 b, u8 c);
/* b's lanes behind a's, which have 8 bytes in all. (host_vector_join.c) */
u8 vec_join(struct vec_plan *p, u8 a, u8 b);
u8 vec_spread(struct vec_plan *p, u8 n, unsigned lanes);
bool vec_is_zero(const struct vec_node *n);

static inline unsigned vec_total(const struct vec_node *n)
{
    return (unsigned)n->lanes << n->size;
}

/* --- host_vector_emit.c --- */

/* A register with what the node is, which must not be changed. */
enum x86_xmm vec_use(struct vec_plan *p, u8 n);
/* One that may be: the node's own at its last use, or a copy. */
enum x86_xmm vec_take(struct vec_plan *p, u8 n);
/* An empty one. */
enum x86_xmm vec_temp(struct vec_plan *p);
void vec_free(struct vec_plan *p, enum x86_xmm x);
/* One user of the node less. */
void vec_done(struct vec_plan *p, u8 n);
/* A register with 16 bytes, not to be changed, nor given back. */
enum x86_xmm vec_const(struct vec_plan *p, const void *bytes);
/* The same with each lane of `size` bytes the same. */
enum x86_xmm vec_const_all(struct vec_plan *p, unsigned size, u64 v);
void vec_mov(struct vec_plan *p, enum x86_xmm d, enum x86_xmm s);
/* A register with the 16 bytes of state at `offset`, likewise. */
enum x86_xmm vec_state_reg(struct vec_plan *p, u16 offset);
/* Those bytes become what x has, which keeps it. */
void vec_state_set(struct low *l, u16 offset, enum x86_xmm x);
void vec_emit_writes(struct vec_plan *p);

/* --- tables --- */

/* host_vector_int.c, host_vector_fp.c: is the node's operation done here? And: do it; returns
 * the register. */
bool vec_int_known(const struct vec_plan *p, const struct vec_node *n);
enum x86_xmm vec_int_emit(struct vec_plan *p, struct vec_node *n);
bool vec_fp_known(const struct vec_plan *p, const struct vec_node *n);
enum x86_xmm vec_fp_emit(struct vec_plan *p, struct vec_node *n);
bool vec_across_known(const struct vec_plan *p, const struct vec_node *n);
enum x86_xmm vec_across_emit(struct vec_plan *p, struct vec_node *n);

/* host_vector_shuffle.c: VEC_STATE, and lanes of registers in other places. */
bool vec_shuffle_known(const struct vec_plan *p, const struct vec_node *n);
enum x86_xmm vec_shuffle_emit(struct vec_plan *p, const struct vec_node *n, bool *temp);

static inline bool vec_is_fp(const struct ir_op *op)
{
    return ir_op_infos[op->op].effects & IRE_FP;
}

#endif
