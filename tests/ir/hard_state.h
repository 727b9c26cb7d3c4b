/*
 * hard_state.h - what a hard instruction runs on: records that engines and oracles share.
 *
 * Oracles are programs of the guest's own kind, so this header names only fixed layouts.
 */
#ifndef TESTS_IR_HARD_STATE_H
#define TESTS_IR_HARD_STATE_H

#include "base/types.h"
#include "ir/fp.h"

/*
 * Guest memory is two pages with nothing around them. A record holds the 512 bytes in
 * their middle; page B may be absent or read-only. Oracles map the same addresses.
 */
enum { HARD_PAGE = 4096, HARD_WINDOW = 512, HARD_STATE_BYTES = 1536 };
#define HARD_PAGE_A 0x50000000ull
#define HARD_PAGE_B (HARD_PAGE_A + HARD_PAGE)
#define HARD_BASE   (HARD_PAGE_B - HARD_WINDOW / 2)
#define HARD_CODE   0x60001000ull /* where the instructions are said to be */
#define HARD_TARGET 0x60000000ull /* where jumps go */

enum hard_end {
    HARD_DONE,      /* pc, state and memory count */
    HARD_MEMORY,    /* memory fault; value is the first address that failed */
    HARD_ALIGNMENT, /* alignment or general-protection fault of an access */
    HARD_EXCEPTION, /* cause and value are the guest's */
};
enum { HARD_B_ABSENT, HARD_B_READ, HARD_B_WRITE };

struct hard_record {
    u32 number; /* of the case in its guest's list */
    u8 page_b;  /* HARD_B_* */
    u8 end;     /* out: enum hard_end */
    u16 pad;
    u64 cause; /* out */
    u64 value; /* out */
    u8 memory[HARD_WINDOW];
    u8 state[HARD_STATE_BYTES]; /* struct x86_hard, arm64_hard or riscv_hard */
};

/* How every guest's state begins, so that one semgen serves the three. */
struct hard_common {
    u64 pc;
    struct fp_env fp[2];
    u32 pad;
};

struct x86_hard {
    struct hard_common h; /* fp[0]: MXCSR, fp[1]: x87 */
    u64 gpr[16];          /* rax rcx rdx rbx rsp rbp rsi rdi r8 … */
    u8 cf, pf, af, zf, sf, of, df;
    u8 c1, stack_fault, top; /* x87 status word */
    u8 valid[8];             /* x87 tags, by physical register */
    u8 pad[14];
    u64 st[8][2]; /* x87 registers, physical, 80 bits each */
    u8 ymm[8][32];
};

struct arm64_hard {
    struct hard_common h;
    u64 x[16];
    u8 n, z, c, v, qc, pad[11];
    u8 q[32][16];
    u8 scratch[64]; /* of the semantics; not architectural */
};

struct riscv_hard {
    struct hard_common h;
    u64 x[16]; /* x[i] is a0 + i, for 8; the rest unused */
    u64 f[8];  /* fa0 … */
    u64 vl, vtype, vstart, pad;
    u8 v[32][16]; /* VLEN = 128 */
};

/* A guest that does not exist: see random_hard.sem.c. */
struct random_hard {
    struct hard_common h;
    u64 address[2];
    u64 reg[16]; /* operands lie anywhere in reg and out, also askew */
    u64 out[4];
    u8 flag[16];
    u8 file[256];
};

_Static_assert(sizeof(struct x86_hard) <= HARD_STATE_BYTES, "record too small");
_Static_assert(sizeof(struct arm64_hard) <= HARD_STATE_BYTES, "record too small");
_Static_assert(sizeof(struct riscv_hard) <= HARD_STATE_BYTES, "record too small");

#endif
