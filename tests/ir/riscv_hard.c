/*
 * riscv_hard.c - the RISC-V cases: operands, inputs.
 */
#include "hard_cases.h"

#define A(n)  (offsetof(struct riscv_hard, x) + 8 * (n))
#define FA(n) (offsetof(struct riscv_hard, f) + 8 * (n))
#define V(n)  (offsetof(struct riscv_hard, v) + 16 * (n))

static struct riscv_hard *state_of(struct hard_record *r)
{
    return (struct riscv_hard *)r->state;
}

static void randomize(struct hard_rng *g, void *state)
{
    struct riscv_hard *s = state;

    for (unsigned i = 0; i < 8; i++) {
        s->x[i] = edge_value(g);
        s->f[i] = edge_float(g, 52, 11);
    }
    s->h.fp[0].round = (u8)hard_below(g, 5);
    s->h.fp[0].flags = (u8)hard_below(g, 32);
    for (unsigned i = 0; i < 32; i++)
        for (unsigned k = 0; k < 16; k++)
            s->v[i][k] = (u8)hard_random(g);
    s->h.pc = HARD_CODE;
}

/* vtype as vsetvli's immediate has it, tail and mask undisturbed. */
static void set_vector(struct hard_rng *g, struct hard_record *r, unsigned vtype, unsigned vlmax,
                       bool starts)
{
    struct riscv_hard *s = state_of(r);

    s->vtype = vtype;
    s->vl = hard_below(g, 3) ? hard_below(g, vlmax + 1) : vlmax;
    s->vstart = starts && s->vl && hard_below(g, 4) == 0 ? hard_below(g, s->vl) : 0;
}

static void vector_e16_m8(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x0b, 64, true);
}

static void vector_e64_m8(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x1b, 16, true);
}

static void vector_load(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x1a, 8, false);
    state_of(r)->x[0] = window_address(g, 64) & ~7ull;
}

static void vector_e8_m2(struct hard_rng *g, struct hard_record *r)
{
    struct riscv_hard *s = state_of(r);

    set_vector(g, r, 0x01, 32, true);
    for (unsigned k = 0; k < 32; k++)
        s->v[24 + k / 16][k % 16] = (u8)(hard_below(g, 4) ? hard_below(g, 33) : hard_random(g));
}

/* A fault comes at a segment's first field: which of its other fields were already
 * written is not defined. */
static void vector_segments(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x11, 8, true);
    state_of(r)->x[0] = HARD_PAGE_B - 12 * hard_below(g, 12);
}

static void vector_singles(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x12, 16, false);
    for (unsigned i = 16; i < 25; i++)
        for (unsigned k = 0; k < 16; k += 4) {
            u32 v = (u32)edge_float(g, 23, 8);

            if (hard_below(g, 8)) /* mostly sums that mean something */
                v = (u32)(0x3f000000 + (hard_random(g) & 0x81ffffff));
            memcpy(&state_of(r)->v[i][k], &v, 4);
        }
}

static void vector_doubles(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, 0x1a, 8, false);
    for (unsigned i = 16; i < 25; i++)
        for (unsigned k = 0; k < 16; k += 8) {
            u64 v = edge_float(g, 52, 11);

            memcpy(&state_of(r)->v[i][k], &v, 8);
        }
}

static void a0_is_address(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->x[0] = window_address(g, 8) & ~7ull;
}

/* On the page that may always be written: the manual wants an SC to check permissions even when
 * it fails, which qemu 7.2 does not do and qemu 10 does. */
static void a0_is_writable(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->x[0] = HARD_BASE + (hard_below(g, HARD_PAGE_B - HARD_BASE) & ~7ull);
}

/* Numbers near the edges of int32, and halves. */
static void to_word(struct hard_rng *g, struct hard_record *r)
{
    double d = (double)(s64)((hard_random(g) & 0x3ffffffffull) - 0x200000000ll) / 4;

    if (hard_below(g, 2))
        d = (double)((s64)hard_below(g, 64) - 32) / 4;
    if (hard_below(g, 2))
        memcpy(&state_of(r)->f[0], &d, 8);
}

/* Doubles in and around the range of single precision. */
static void to_single(struct hard_rng *g, struct hard_record *r)
{
    u64 v = hard_random(g);

    if (hard_below(g, 2))
        state_of(r)->f[0] = (v & ~(0x7ffull << 52)) | (1023 - 160 + hard_below(g, 300)) << 52;
}

static void vector_length(struct hard_rng *g, struct hard_record *r)
{
    set_vector(g, r, (unsigned)hard_below(g, 4), 8, true);
    if (hard_below(g, 2))
        state_of(r)->x[1] = hard_below(g, 40);
}

enum {
#define CASE(name, bytes, text) RISCV_##name,
#include "riscv_cases.def"
#undef CASE
    RISCV_CASES
};

#define ONE(id, text, prep, sem, ...)                                                              \
    [RISCV_##id] = { text, 1, { INSN(riscv_##sem, 0, 4, __VA_ARGS__) }, prep, NULL }
#define ROUNDED(mode)                                                                              \
    ONE(fcvt_w_d_##mode, "fcvt.w.d, " #mode, to_word, fcvt_w_d_##mode, .reg = { A(0), FA(0) }),    \
    ONE(fcvt_s_d_##mode, "fcvt.s.d, " #mode, to_single, fcvt_s_d_##mode, .reg = { FA(1), FA(0) })

static const struct hard_case cases[RISCV_CASES] = {
    ONE(vadd_e16_m8, "masked vadd at LMUL = 8, SEW = 16", vector_e16_m8, vadd_masked_e16,
        .reg = { V(8), V(16), V(24) }),
    ONE(vadd_e64_m8, "masked vadd at LMUL = 8, SEW = 64", vector_e64_m8, vadd_masked_e64,
        .reg = { V(8), V(16), V(24) }),
    ONE(vle64ff_m4, "vle64ff", vector_load, vle64ff, .reg = { A(0) }, .imm = V(8)),
    ONE(vrgather_m2, "vrgather", vector_e8_m2, vrgather_e8, .reg = { V(8), V(16), V(24) }),
    ONE(vlseg3e32_m2, "vlseg3", vector_segments, vlseg3e32, .reg = { V(8), V(10), V(12), A(0) }),
    ONE(vfredosum_e32_m4, "vfredosum, SEW = 32", vector_singles, vfredosum_e32,
        .reg = { V(8), V(16), V(24) }),
    ONE(vfredosum_e64_m4, "vfredosum, SEW = 64", vector_doubles, vfredosum_e64,
        .reg = { V(8), V(16), V(24) }),
    [RISCV_lr_sc] = { "lr, sc",
                      2,
                      { INSN(riscv_lr_d, 0, 4, .reg = { A(1), A(0) }),
                        INSN(riscv_sc_d, 4, 4, .reg = { A(2), A(3), A(0) }) },
                      a0_is_address,
                      NULL },
    ONE(sc_alone, "sc without a reservation", a0_is_writable, sc_d, .reg = { A(2), A(3), A(0) }),
    ONE(amoadd_w, "amoadd.w", a0_is_address, amoadd_w, .reg = { A(1), A(2), A(0) }),
    ONE(amoadd_d, "amoadd.d", a0_is_address, amoadd_d, .reg = { A(1), A(2), A(0) }),
    ROUNDED(rne),
    ROUNDED(rtz),
    ROUNDED(rdn),
    ROUNDED(rup),
    ROUNDED(rmm),
    ROUNDED(dyn),
    ONE(vsetvli, "vsetvli", vector_length, vsetvli, .reg = { A(0), A(1) }, .imm = 0x52, .imm2 = 16),
};

const struct hard_guest hard_riscv = {
    .name = "riscv",
    .oracle_command = "qemu-riscv64 -cpu rv64,v=true,vlen=128 %s",
    .oracle_tool = "qemu-riscv64",
    .state_size = sizeof(struct riscv_hard),
    .cases = cases,
    .case_count = RISCV_CASES,
    .randomize = randomize,
};
