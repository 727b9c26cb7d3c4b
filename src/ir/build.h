/*
 * build.h - the vocabulary in which semantics (*.sem.c) is written.
 *
 * The same semantics run in two builders: build.c as it is appends operations of a
 * decoded instruction to a block; with symbolic operands it makes the block from
 * which semgen prints an interpreter handler. Three C types keep three binding times
 * apart:
 *   plain integers  variant fields, known when a handler is generated: C `if` is for these
 *   sem_reg/sem_imm operands, known when an instruction is decoded: opaque here
 *   ir_val          values, known when the instruction runs
 *
 * Rules, checked by both builders:
 *  - one builder call per statement (C leaves argument order unspecified);
 *  - ir_set at the outermost level is buffered until the instruction ends or
 *    ir_commit: a fault leaves nothing behind, and ir_get still sees old values;
 *  - inside ir_if / ir_loop / ir_vloop, SET takes effect at once, and after it
 *    nothing in the instruction may fault, nor ir_get, unless ir_commit comes
 *    between; use variables to carry a value out;
 *  - ir_jump, ir_jump_if, ir_end_block are said at the outermost level, at most one in
 *    an instruction; they happen at its end, after the buffered sets;
 *  - values of different types are never mixed; extend or truncate.
 */
#ifndef IR_BUILD_H
#define IR_BUILD_H

#include "ir/fp.h"
#include "ir/ir.h"

typedef struct {
    u32 id;
} ir_val;
typedef struct {
    u32 id;
} ir_var;

/* Guest state at a fixed byte offset (operand < 0), or at the offset that operand
 * number `operand` of the decoded instruction names, plus off. */
typedef struct {
    s16 operand;
    u16 off;
} sem_reg;

/* A decoded immediate: its value (operand < 0), or operand 0 (imm) or 1 (imm2). */
typedef struct {
    s16 operand;
    s64 value;
} sem_imm;

#define SEM_SLOT(state_type, member) ((sem_reg){ -1, (u16)offsetof(state_type, member) })

/* The register `bytes` further on: AH, the upper half of a vector register. */
static inline sem_reg sem_reg_at(sem_reg r, unsigned bytes)
{
    return (sem_reg){ r.operand, (u16)(r.off + bytes) };
}

struct ir_builder;

enum ir_type ir_type_of(struct ir_builder *s, ir_val v);

/* leaves */
ir_val ir_const(struct ir_builder *s, enum ir_type t, u64 value); /* i128: zero-extended */
ir_val ir_imm(struct ir_builder *s, enum ir_type t, sem_imm imm); /* truncated to t */
ir_val ir_pc(struct ir_builder *s);                               /* address of this instruction */
ir_val ir_next_pc(struct ir_builder *s); /* address of the one that follows */
ir_val ir_get(struct ir_builder *s, enum ir_type t, sem_reg r);
void ir_set(struct ir_builder *s, sem_reg r, ir_val v);
/* State at base + index; index + size <= file_bytes is the semantics' promise. */
ir_val ir_getx(struct ir_builder *s, enum ir_type t, sem_reg base, ir_val index,
               unsigned file_bytes);
void ir_setx(struct ir_builder *s, sem_reg base, ir_val index, ir_val v, unsigned file_bytes);
ir_var ir_var_new(struct ir_builder *s, ir_val first);
ir_val ir_var_get(struct ir_builder *s, ir_var v);
void ir_var_set(struct ir_builder *s, ir_var v, ir_val to);

/* uniform operations: operand types agree, see ops.def */
#define IR_UNARY(X)                                                                                \
    X(neg, NEG) X(not, NOT) X(bswap, BSWAP) X(bitrev, BITREV) X(clz, CLZ) X(ctz, CTZ)              \
    X(popcnt, POPCNT)
#define IR_BINARY(X)                                                                               \
    X(add, ADD) X(sub, SUB) X(mul, MUL) X(mulhu, MULHU) X(mulhs, MULHS) X(mulhsu, MULHSU)          \
    X(divu, DIVU) X(divs, DIVS) X(remu, REMU) X(rems, REMS) X(and, AND) X(or, OR) X(xor, XOR)      \
    X(andn, ANDN) X(shl, SHL) X(shr, SHR) X(sar, SAR) X(rotl, ROTL) X(rotr, ROTR) X(minu, MINU)    \
    X(maxu, MAXU) X(mins, MINS) X(maxs, MAXS) X(clmul, CLMUL) X(clmulh, CLMULH) X(pext, PEXT)      \
    X(pdep, PDEP) X(sha256s0, SHA256S0)
#define IR_TERNARY(X) X(sha256a, SHA256A) X(sha256e, SHA256E) X(sha256s1, SHA256S1)
#define IR_COMPARE(X) X(eq, EQ) X(ne, NE) X(ltu, LTU) X(leu, LEU) X(lts, LTS) X(les, LES)
#define IR_CARRIES(X) X(carry, CARRY) X(borrow, BORROW) X(addovf, ADDOVF) X(subovf, SUBOVF)

#define X(name, op) ir_val ir_##name(struct ir_builder *s, ir_val a);
IR_UNARY(X)
#undef X
#define X(name, op) ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b);
IR_BINARY(X)
IR_COMPARE(X)
#undef X
#define X(name, op) ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b, ir_val c);
IR_TERNARY(X)
#undef X
#define X(name, op) ir_val ir_##name(struct ir_builder *s, ir_val a, ir_val b, ir_val carry_in);
IR_CARRIES(X)
#undef X
ir_val ir_parity(struct ir_builder *s, ir_val a);
ir_val ir_select(struct ir_builder *s, ir_val cond, ir_val yes, ir_val no);
/* To a wider / a narrower type; the same type gives v itself. */
ir_val ir_sext(struct ir_builder *s, enum ir_type t, ir_val v);
ir_val ir_zext(struct ir_builder *s, enum ir_type t, ir_val v);
ir_val ir_trunc(struct ir_builder *s, enum ir_type t, ir_val v);
ir_val ir_high64(struct ir_builder *s, ir_val i128);
ir_val ir_concat64(struct ir_builder *s, ir_val low, ir_val high);
/* field: of into's type or narrower (then zero-extended). */
ir_val ir_deposit(struct ir_builder *s, ir_val into, ir_val field, unsigned at, unsigned bits);

/* memory: addresses are i64 */
ir_val ir_load(struct ir_builder *s, enum ir_type t, ir_val addr, struct ir_mem how);
void ir_store(struct ir_builder *s, ir_val addr, ir_val v, struct ir_mem how);
void ir_probe(struct ir_builder *s, ir_val addr, unsigned bytes, struct ir_mem how);
ir_val ir_rmw(struct ir_builder *s, enum ir_rmw f, ir_val addr, ir_val v, struct ir_mem how);
ir_val ir_cas(struct ir_builder *s, ir_val addr, ir_val expected, ir_val desired,
              struct ir_mem how);
ir_val ir_ll(struct ir_builder *s, enum ir_type t, ir_val addr, struct ir_mem how);
ir_val ir_sc(struct ir_builder *s, ir_val addr, ir_val v, struct ir_mem how);
void ir_clrex(struct ir_builder *s);
void ir_fence(struct ir_builder *s, unsigned fence);

/* floating point: bit patterns in the integer type of the format's size (f80: i128) */
ir_val ir_fadd(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how);
ir_val ir_fsub(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how);
ir_val ir_fmul(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how);
ir_val ir_fdiv(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how);
ir_val ir_fmulx(struct ir_builder *s, ir_val a, ir_val b, struct ir_fp how);
ir_val ir_fsqrt(struct ir_builder *s, ir_val a, struct ir_fp how);
ir_val ir_fma(struct ir_builder *s, ir_val a, ir_val b, ir_val c, struct ir_fp how);
ir_val ir_fmin(struct ir_builder *s, ir_val a, ir_val b, enum fp_minmax kind, struct ir_fp how);
ir_val ir_fmax(struct ir_builder *s, ir_val a, ir_val b, enum fp_minmax kind, struct ir_fp how);
/* i1: is the relation of a and b one of the set bits (1 << FP_LT …) of mask? */
ir_val ir_fcmp(struct ir_builder *s, ir_val a, ir_val b, unsigned mask, bool signal_qnan,
               struct ir_fp how);
ir_val ir_fcvt(struct ir_builder *s, ir_val a, struct ir_fp how);
ir_val ir_ftoi(struct ir_builder *s, enum ir_type t, ir_val a, struct ir_ftoi to, struct ir_fp how);
ir_val ir_itof(struct ir_builder *s, ir_val a, bool is_signed, struct ir_fp how);
ir_val ir_fround(struct ir_builder *s, ir_val a, bool inexact, struct ir_fp how);
ir_val ir_fclass(struct ir_builder *s, ir_val a, struct ir_fp how);

/* structure inside the instruction */
void ir_if(struct ir_builder *s, ir_val cond);
void ir_else(struct ir_builder *s);
void ir_endif(struct ir_builder *s);
void ir_loop(struct ir_builder *s);
void ir_break_if(struct ir_builder *s, ir_val cond);
void ir_endloop(struct ir_builder *s);
ir_val ir_vloop(struct ir_builder *s, struct ir_shape shape, ir_val from, ir_val to);
void ir_endvloop(struct ir_builder *s);
void ir_commit(struct ir_builder *s);

/* leaving it */
void ir_raise(struct ir_builder *s, u32 cause, ir_val value);
void ir_raise_if(struct ir_builder *s, ir_val cond, u32 cause, ir_val value);
/* Raises with value 0 when the register has a bit of mask, an i64 that most instructions have no
 * bit of: nothing is built for those, nor for a register that was looked at before in the block. */
void ir_raise_if_bits(struct ir_builder *s, sem_reg r, sem_imm mask, u32 cause);
void ir_jump(struct ir_builder *s, ir_val target, enum ir_jump kind);
void ir_jump_if(struct ir_builder *s, ir_val cond, ir_val target);
void ir_end_block(struct ir_builder *s);

/* A helper with up to three i64 arguments; unused ones are IR_NOVAL. Returns an
 * i64. Buffered sets are not visible to it: a helper that reads state runs first.
 * IRH_ENDS and IRH_SETS_PC add the ENDBLOCK by themselves. */
#define IR_NOVAL ((ir_val){ IR_NO_VAL })
ir_val ir_call(struct ir_builder *s, const struct ir_helper *h, ir_val a, ir_val b, ir_val c);

/* --- who drives a builder: engines, semgen, tests --- */

/* symbolic: operands >= 0 are allowed; then `c` of a GET, SET, GETX, SETX is the number
 * of the register operand, `c` of a CONST that of the immediate, and PC counts from this
 * instruction (c = 0) or the one that follows (c = 1). Such a block is only printed.
 * NULL when memory is out. */
struct ir_builder *ir_builder_new(bool symbolic);
struct ir_builder *ir_builder_free(struct ir_builder *s); /* returns NULL */

/* Checks no more whether what it is told to build is right: for instructions of which the same
 * code was built with all checks before, as semgen does with every one of a guest. */
void ir_builder_trust(struct ir_builder *s);

/* Starts building into *block (cleared); borrows block until the next begin. */
void ir_builder_begin(struct ir_builder *s, struct ir_block *block);

/* Broken rules call fn with one sentence instead of BUG; it must not return. */
void ir_builder_on_bug(struct ir_builder *s, void (*fn)(const char *what));

/* Opens and closes one instruction at `offset` bytes from the block's start. */
void ir_builder_insn(struct ir_builder *s, s32 offset, u32 len);
void ir_builder_insn_end(struct ir_builder *s);
/* Before the latter: where this instruction jumps to is what comes next in the block. */
void ir_builder_follow(struct ir_builder *s);

/* True when the instruction just closed leaves the block (JUMP, RAISE, ENDBLOCK …). */
bool ir_builder_left(const struct ir_builder *s);

#endif
