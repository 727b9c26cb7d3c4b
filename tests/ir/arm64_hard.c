/*
 * arm64_hard.c - the arm64 cases: operands, inputs, what is undefined.
 */
#include "hard_cases.h"

#define X(n) (offsetof(struct arm64_hard, x) + 8 * (n))
#define Q(n) (offsetof(struct arm64_hard, q) + 16 * (n))

static struct arm64_hard *state_of(struct hard_record *r)
{
    return (struct arm64_hard *)r->state;
}

static void randomize(struct hard_rng *g, void *state)
{
    struct arm64_hard *s = state;

    for (unsigned i = 0; i < 16; i++)
        s->x[i] = edge_value(g);
    s->n = (u8)hard_below(g, 2);
    s->z = (u8)hard_below(g, 2);
    s->c = (u8)hard_below(g, 2);
    s->v = (u8)hard_below(g, 2);
    s->qc = (u8)hard_below(g, 2);
    s->h.fp[0].round = (u8)hard_below(g, 4);
    s->h.fp[0].flags = (u8)(hard_random(g) & (FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV | FP_DENORMAL));
    for (unsigned i = 0; i < 32; i++)
        for (unsigned k = 0; k < 16; k++)
            s->q[i][k] = (u8)hard_random(g);
    s->h.pc = HARD_CODE;
}

static void no_operand(struct hard_rng *g, struct hard_record *r)
{
}

/* Close together, so that differences carry and borrow now and then. */
static void close_numbers(struct hard_rng *g, struct hard_record *r)
{
    struct arm64_hard *s = state_of(r);

    if (hard_below(g, 3) == 0)
        s->x[2] = s->x[1] + hard_below(g, 3) - 1;
}

static void x3_is_base(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->x[3] = window_address(g, 16) + 16;
}

static void x3_is_pair(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->x[3] = window_address(g, 16) & ~15ull;
}

static void x4_is_pair(struct hard_rng *g, struct hard_record *r)
{
    struct arm64_hard *s = state_of(r);

    s->x[4] = window_address(g, 16) & ~15ull;
    if (hard_below(g, 2))
        window_put(r, s->x[4], s->x, 16);
}

static void doubles(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned i = 1; i < 3; i++) {
        u64 v = edge_float(g, 52, 11);

        memcpy(state_of(r)->q[i], &v, 8);
    }
}

static void singles(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned i = 1; i < 3; i++) {
        u32 v = (u32)edge_float(g, 23, 8);

        memcpy(state_of(r)->q[i], &v, 4);
    }
}

/* Integers of up to 40 bits, and the usual suspects. */
static void number(struct hard_rng *g, struct hard_record *r)
{
    double d = (double)((s64)hard_random(g) >> (24 + hard_below(g, 40)));
    u64 v = edge_float(g, 52, 11);

    memcpy(state_of(r)->q[1], hard_below(g, 2) ? (void *)&v : (void *)&d, 8);
}

/* Large products: half the lanes saturate. */
static void shorts(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 16; k += 2) {
            u16 v = hard_below(g, 3) ? (u16)edge_value(g) : (u16)(0x7ff0 + hard_below(g, 32));

            memcpy(&state_of(r)->q[i][k], &v, 2);
        }
}

static void x0_is_block(struct hard_rng *g, struct hard_record *r)
{
    state_of(r)->x[0] = window_address(g, 64);
}

static void indexes(struct hard_rng *g, struct hard_record *r)
{
    for (unsigned k = 0; k < 16; k++)
        state_of(r)->q[3][k] = (u8)(hard_below(g, 4) ? hard_below(g, 34) : hard_random(g));
}

/* A load that faults leaves its vector registers unknown. */
static void loaded_registers(const struct hard_record *before, struct hard_record *r)
{
    if (r->end != HARD_DONE)
        memset(state_of(r)->q, 0, 4 * 16);
}

enum {
#define CASE(name, bytes, text) ARM64_##name,
#include "arm64_cases.def"
#undef CASE
    ARM64_CASES
};

#define ONE(id, text, prep, undef, sem, ...)                                                       \
    [ARM64_##id] = { text, 1, { INSN(arm64_##sem, 0, 4, __VA_ARGS__) }, prep, undef }

static const struct hard_case cases[ARM64_CASES] = {
    ONE(ldp_pre, "ldp pre-index, second access faults", x3_is_base, NULL, ldp_pre,
        .reg = { X(1), X(2), X(3) }, .imm = -16),
    ONE(ccmp, "ccmp", close_numbers, NULL, ccmp_gt, .reg = { X(1), X(2) }, .imm = 5),
    [ARM64_ldaxp_stlxp] = { "ldaxp/stlxp",
                            2,
                            { INSN(arm64_ldaxp, 0, 4, .reg = { X(1), X(2), X(3) }),
                              INSN(arm64_stlxp, 4, 4, .reg = { X(4), X(5), X(6), X(3) }) },
                            x3_is_pair,
                            NULL },
    ONE(stlxp_alone, "stlxp without a reservation", x3_is_pair, NULL, stlxp,
        .reg = { X(4), X(5), X(6), X(3) }),
    ONE(casp, "casp", x4_is_pair, NULL, casp, .reg = { X(0), X(1), X(2), X(3), X(4) }),
    ONE(fmulx_d, "fmulx d", doubles, NULL, fmulx_d, .reg = { Q(0), Q(1), Q(2) }),
    ONE(fmulx_s, "fmulx s", singles, NULL, fmulx_s, .reg = { Q(0), Q(1), Q(2) }),
    ONE(sqrdmlah, "sqrdmlah", shorts, NULL, sqrdmlah_8h, .reg = { Q(0), Q(1), Q(2) }),
    ONE(ld4, "ld4", x0_is_block, loaded_registers, ld4_16b,
        .reg = { Q(0), Q(1), Q(2), Q(3), X(0) }),
    ONE(tbl, "tbl", indexes, NULL, tbl2_16b, .reg = { Q(0), Q(1), Q(2), Q(3) }),
    ONE(fjcvtzs, "fjcvtzs", number, NULL, fjcvtzs, .reg = { X(0), Q(1) }),
    ONE(adds_uxtb, "adds, uxtb #3", no_operand, NULL, adds_uxtb, .reg = { X(0), X(1), X(2) }),
    ONE(adds_sxtw, "adds, sxtw #2", no_operand, NULL, adds_sxtw, .reg = { X(0), X(1), X(2) }),
    ONE(extr_x, "extr x", no_operand, NULL, extr_x, .reg = { X(0), X(1), X(2) }, .imm = 13),
    ONE(extr_x_0, "extr x by 0", no_operand, NULL, extr_x, .reg = { X(0), X(1), X(2) }, .imm = 0),
    ONE(extr_w, "extr w", no_operand, NULL, extr_w, .reg = { X(0), X(1), X(2) }, .imm = 27),
    ONE(ror_imm, "ror x, #n", no_operand, NULL, extr_x, .reg = { X(0), X(1), X(1) }, .imm = 7),
    ONE(ror_x, "ror x, x", no_operand, NULL, rorv_x, .reg = { X(0), X(1), X(2) }),
    ONE(ror_w, "ror w, w", no_operand, NULL, rorv_w, .reg = { X(0), X(1), X(2) }),
    ONE(eor_ror, "eor x, ror #n", no_operand, NULL, eor_ror_x, .reg = { X(0), X(1), X(2) },
        .imm = 50),
    ONE(orr_ror_w, "orr w, ror #n", no_operand, NULL, orr_ror_w, .reg = { X(0), X(1), X(2) },
        .imm = 5),
    ONE(msr_nzcv, "msr nzcv", no_operand, NULL, msr_nzcv, .reg = { X(0) }),
    ONE(mrs_nzcv, "mrs nzcv", no_operand, NULL, mrs_nzcv, .reg = { X(0) }),
};

const struct hard_guest hard_arm64 = {
    .name = "arm64",
    .oracle_command = "qemu-aarch64 %s",
    .oracle_tool = "qemu-aarch64",
    .state_size = offsetof(struct arm64_hard, scratch),
    .cases = cases,
    .case_count = ARM64_CASES,
    .randomize = randomize,
};
