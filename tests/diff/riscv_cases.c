/*
 * riscv_cases.c - random and edge states for an instruction, so that it does something:
 * addresses point into the data page, jumps land on a slot's end, floating-point operands
 * are mostly of the instruction's format.
 */
#include "riscv_cases.h"

#include "operands.h"
#include "base/bits.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/state.h"
#include <string.h>

static const struct isa_line *line_at(unsigned line)
{
    return &riscv_lines.lines[line];
}

/* All but system calls, and CSRs that depend on more than the instruction. */
bool riscv_case_line_usable(unsigned line)
{
    static const char *const ids[] = { "ecall",  "csrrw",  "csrrs", "csrrc",
                                       "csrrwi", "csrrsi", "csrrci" };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        if (!strcmp(line_at(line)->id, ids[i]))
            return false;
    return true;
}

/* --- operands --- */

/* A number of `mant` fraction bits and `expo` exponent bits: specials, neighbours of
 * powers of two, small integers and halves, and any bits. */
static u64 random_float(u64 *rng, unsigned expo, unsigned mant)
{
    u64 r = random_u64(rng), sign = (r & 1) << (expo + mant), top = bits_mask(expo);
    u64 bias = top >> 1, fraction = random_u64(rng) & bits_mask(mant);

    switch (random_below(rng, 12)) {
    case 0: return sign;                                               /* zero */
    case 1: return sign | top << mant;                                 /* infinity */
    case 2: return sign | top << mant | fraction | 1ull << (mant - 1); /* quiet NaN */
    case 3: return sign | top << mant | (fraction >> 1) | 1;           /* signalling NaN */
    case 4: return sign | fraction >> (r >> 8) % mant;                 /* subnormal */
    case 5: return sign | (top - 1) << mant | bits_mask(mant);         /* largest */
    case 6: return sign | (r >> 8 & 1) << mant | (fraction & 3);       /* smallest */
    case 7: /* near 2^n, n up to 64: what integer conversions care about */
        return (sign | (bias + (r >> 8) % 66) << mant) + (r >> 16) % 5 - 2;
    case 8: /* few fraction bits */
        return sign | (bias - 3 + (r >> 8) % 12) << mant | (fraction & ~bits_mask(mant - 4));
    case 9: return sign | bias << mant | fraction;
    default: return sign | (r >> 8 & top) << mant | fraction;
    }
}

enum { HALF, SINGLE, DOUBLE };

static u64 random_f(u64 *rng, unsigned format)
{
    u64 r = random_u64(rng);

    if (r % 16 == 0)
        return random_u64(rng);
    if (r % 16 == 1)
        format = (unsigned)(r >> 8) % 3;
    if (format == HALF)
        return ~0ull << 16 | random_float(rng, 5, 10);
    if (format == SINGLE)
        return ~0ull << 32 | random_float(rng, 8, 23);
    return random_float(rng, 11, 52);
}

/* The format that the line's sources have: its name's last letters. */
static unsigned line_format(const struct isa_line *l)
{
    const char *dot = strrchr(l->mnemonic, '.');

    if (dot && dot[1] == 's')
        return SINGLE;
    return dot && dot[1] == 'h' ? HALF : DOUBLE;
}

/* --- aiming --- */

static const struct isa_field *field_named(const char *name)
{
    for (unsigned i = 0; i < riscv_lines.field_count; i++)
        if (!strcmp(riscv_lines.fields[i].name, name))
            return &riscv_lines.fields[i];
    return NULL;
}

/* Where a direct jump has its offset. */
static const struct isa_field *target_field(u32 w)
{
    if ((w & 3) == 3)
        return field_named((w & 0x7f) == 0x6f ? "j20" : "b12");
    return field_named(w >> 13 == 5 ? "cj" : "cb");
}

static unsigned reg_number(u16 offset)
{
    return (unsigned)((offset - offsetof(struct rv_state, x)) / 8);
}

static bool is_atomic(const struct isa_line *l)
{
    return strstr(l->mnemonic, "amo") || !strncmp(l->mnemonic, "lr.", 3) ||
           !strncmp(l->mnemonic, "sc.", 3);
}

static bool is_jump(const struct isa_line *l)
{
    return l->ends && (l->mnemonic[0] == 'j' || l->mnemonic[0] == 'b' ||
                       !strncmp(l->mnemonic, "c.j", 3) || !strncmp(l->mnemonic, "c.b", 3));
}

static bool is_indirect(const struct isa_line *l)
{
    return strstr(l->mnemonic, "jalr") || !strcmp(l->mnemonic, "c.jr");
}

/* Does the line compute an address from its first source and an offset? */
static bool is_memory(const struct isa_line *l)
{
    static const char *const words[] = { "lb",   "lh",   "lw",   "ld",    "lbu",  "lhu",
                                         "lwu",  "sb",   "sh",   "sw",    "sd",   "flh",
                                         "flw",  "fld",  "fsh",  "fsw",   "fsd",  "lwsp",
                                         "ldsp", "swsp", "sdsp", "fldsp", "fsdsp" };
    const char *name = strncmp(l->mnemonic, "c.", 2) ? l->mnemonic : l->mnemonic + 2;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (!strcmp(name, words[i]))
            return true;
    return is_atomic(l) || !strncmp(name, "cbo.", 4);
}

/* Which of isa_insn.reg is rs1? Stores and branches have it first. */
static unsigned rs1_of(const struct isa_insn *in, const struct isa_line *l)
{
    const char *name = strncmp(l->mnemonic, "c.", 2) ? l->mnemonic : l->mnemonic + 2;
    bool store = !is_atomic(l) && (name[0] == 's' || (name[0] == 'f' && name[1] == 's'));

    if (!strncmp(name, "cbo.", 4))
        return reg_number(in->reg[0]);
    if (!strncmp(l->mnemonic, "amocas.q", 8))
        return reg_number(in->reg[2]);
    return reg_number(in->reg[store ? 0 : 1]);
}

static void aim_memory(struct riscv_case *c, const struct isa_insn *in, const struct isa_line *l,
                       u64 *rng)
{
    u64 offset = random_below(rng, CASE_MEM_SIZE + 8); /* a few run over the page's end */
    u64 imm = is_atomic(l) || !strncmp(l->mnemonic, "cbo.", 4) ? 0 : (u64)in->imm;
    unsigned rs1 = rs1_of(in, l);

    /* a misaligned SC without reservation ends qemu 10: "unhandled CPU exception 0x6" */
    if (is_atomic(l) && (random_below(rng, 16) || !strncmp(l->mnemonic, "sc.", 3)))
        offset &= ~15ull;
    if (rs1)
        c->x[rs1] = CASE_MEM + offset - imm;
}

/* An even address inside some slot, behind its code. */
static u64 landing(unsigned slots, u64 *rng)
{
    return CASE_CODE + (u64)random_below(rng, slots) * CASE_SLOT + CASE_CODE_MAX +
           2 * random_below(rng, 4);
}

static struct isa_insn decode(u32 w)
{
    struct isa_insn in;
    u8 bytes[4];

    le32_put(bytes, w);
    riscv_decode(bytes, 4, 0, &in);
    return in;
}

/* Sets the target of a direct jump; false when the field cannot reach it. */
static bool aim_direct(u32 *w, unsigned slot, unsigned slots, u64 *rng)
{
    static const unsigned reaches[] = { 1000000, 250, 8 }; /* slots */
    const struct isa_field *field = target_field(*w);

    for (unsigned tries = 0; tries < 300; tries++) {
        unsigned reach = reaches[tries / 100];
        unsigned first = slot > reach ? slot - reach : 0;
        unsigned last = slots - slot > reach ? slot + reach : slots;
        u64 target = landing(last - first, rng) + (u64)first * CASE_SLOT;

        if (isa_field_put(field, w, (s64)(target - CASE_CODE - (u64)slot * CASE_SLOT)))
            return true;
    }
    return false;
}

static bool aim_indirect(struct riscv_case *c, const struct isa_insn *in, unsigned slots, u64 *rng)
{
    unsigned rs1 = reg_number(in->reg[1]);

    if (!rs1)
        return false;
    c->x[rs1] = landing(slots, rng) - (u64)in->imm + random_below(rng, 2);
    return true;
}

/* --- cases --- */

static void random_state(struct riscv_case *c, unsigned format, u64 *rng)
{
    for (unsigned i = 0; i < 32; i++) {
        c->x[i] = i ? random_int(rng) : 0;
        c->f[i] = random_f(rng, format);
    }
    if (random_below(rng, 4) == 0) /* equal operands, and differences of one */
        for (unsigned i = 2; i < 32; i += 2)
            c->x[i] = c->x[i - 1] + (random_below(rng, 3) == 0);
    for (unsigned i = 0; i < CASE_MEM_SIZE; i += 8)
        le64_put(c->mem + i, random_int(rng));
    c->fcsr = random_below(rng, 32);
    c->fcsr |= (random_below(rng, 8) ? random_below(rng, 5) : 5 + random_below(rng, 3)) << 5;
}

/* An SC never stands alone: qemu-user keeps the reservation of an earlier case. The LR before it
 * is of the same address, so that the SC stores, or now and then of another. */
static void put_lr_before(struct riscv_case *c, u32 w, u64 *rng)
{
    unsigned rs1 = w >> 15 & 31, base = rs1, rd;

    if (random_below(rng, 4) == 0) {
        base = 1 + random_below(rng, 31);
        if (base != rs1)
            c->x[base] = CASE_MEM + 16 * random_below(rng, CASE_MEM_SIZE / 16);
    }
    do
        rd = 1 + random_below(rng, 31);
    while (rd == rs1);
    le32_put(c->code, 0x1000202f | (w & 0x7000) | base << 15 | rd << 7);
    le32_put(c->code + 4, w);
    c->code_size = 8;
}

static bool make(struct riscv_case *c, unsigned line, unsigned slot, unsigned slots, u64 *rng)
{
    const struct isa_line *l = line_at(line);
    struct isa_insn in;
    u32 w;

    if (!isa_line_encode(&riscv_lines, line, (u32)random_u64(rng), &w))
        return false;
    if (is_jump(l) && !is_indirect(l) && !aim_direct(&w, slot, slots, rng))
        return false;
    in = decode(w);
    if (riscv_lines.line_of_op[in.op] != line)
        return false;
    random_state(c, line_format(l), rng);
    if (is_indirect(l) && !aim_indirect(c, &in, slots, rng))
        return false;
    if (is_memory(l))
        aim_memory(c, &in, l, rng);
    le32_put(c->code, w);
    c->code_size = l->bytes;
    if (!strncmp(l->mnemonic, "sc.", 3))
        put_lr_before(c, w, rng);
    return true;
}

void riscv_case_make(struct case_head *head, unsigned line, unsigned slot, unsigned slots, u64 *rng)
{
    struct riscv_case *c = (struct riscv_case *)head;

    do
        *c = (struct riscv_case){ .line = line };
    while (!make(c, line, slot, slots, rng));
}
