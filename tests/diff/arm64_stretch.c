/*
 * arm64_stretch.c - the instructions of a stretch: vectors and floating point, or integers; both
 * with loads and stores, and with branches forward.
 *
 * All work on few registers, so that an instruction meets what one before has left. Branches end
 * within the stretch or right behind it, wherever they go: all ways have one end. Some accesses
 * fault, after which the state is what it was before the instruction.
 */
#include "arm64_stretch.h"

#include "../isa/random.h"
#include "arm64_cases.h"
#include "base/bits.h"
#include "isa/arm64/decode.h"
#include <string.h>

/* X registers that have a use of their own. INDEX: small numbers, of which those of 32 bits have
 * anything above these; the last may be negative. */
enum { COUNT = 19, BASE, BAD, INDEX, INDEX_UXTW, INDEX_SXTW };
enum { INSNS = CASE_CODE_MAX / 4, ZR = 31, FAR = 6 /* instructions that a branch skips */ };

struct stretch {
    u64 *rng;
    unsigned few; /* registers X and V that all work on: a power of 2 */
    bool ints;    /* mostly integers */
    bool faults;  /* some accesses are by BAD */
};

/* --- vectors, floating point and what sets or reads flags: by the decode lines --- */

static struct pool {
    unsigned lines[1024], count;
} vectors, flags;

static void add(struct pool *p, unsigned line)
{
    if (p->count < ARRAY_SIZE(p->lines))
        p->lines[p->count++] = line;
}

static bool is_of_flags(const struct isa_line *l)
{
    static const char *const names[] = { "adds", "subs",  "ands",   "bics",   "adc",
                                         "adcs", "sbc",   "sbcs",   "ccmp",   "ccmn",
                                         "csel", "csinc", "csinv",  "csneg",  "cfinv",
                                         "rmif", "setf8", "setf16", "axflag", "xaflag" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
        if (!strcmp(l->mnemonic, names[i]))
            return true;
    return false;
}

static void fill_pools(void)
{
    for (unsigned i = 0; i < arm64_lines.line_count; i++) {
        const struct isa_line *l = &arm64_lines.lines[i];
        bool moves_memory = !strncmp(l->mnemonic, "ld", 2) || !strncmp(l->mnemonic, "st", 2);

        bool has_vectors =
            !strcmp(l->ext, "simd") || !strcmp(l->ext, "fp") || !strcmp(l->ext, "sha2");

        if (has_vectors && !moves_memory)
            add(&vectors, i);
        else if (is_of_flags(l))
            add(&flags, i);
    }
}

/* The encoding with one of its register numbers below `few`, if that is what these bits are. */
static u32 with_few(const struct stretch *s, unsigned line, u32 w, unsigned at)
{
    u32 few = w & ~((31u & ~(s->few - 1u)) << at);

    return isa_line_matches(&arm64_lines, line, few) ? few : w;
}

static u32 compute(const struct stretch *s)
{
    const struct pool *from = random_below(s->rng, 3) ? &vectors : &flags;
    struct isa_insn in;
    unsigned line;
    u8 bytes[4];
    u32 w;

    do {
        line = from->lines[random_below(s->rng, from->count)];
        while (!isa_line_encode(&arm64_lines, line, (u32)random_u64(s->rng), &w))
            ;
        w = with_few(s, line, with_few(s, line, with_few(s, line, w, 0), 5), 16);
        le32_put(bytes, w);
        arm64_decode(bytes, 4, 0, &in);
    } while (in.flags || (w & 31 & ~arm64_lines.lines[line].mask) >= s->few);
    return w;
}

/* --- integers --- */

enum { D = 1, N = 2, M = 4, T = D }; /* register fields that are filled in */

struct shape {
    u32 word, any; /* bits that are always so, and those that are random */
    u8 fields;
};

static unsigned reg(const struct stretch *s)
{
    return random_below(s->rng, 6) ? random_below(s->rng, s->few) : ZR;
}

static u32 of_shape(const struct stretch *s, const struct shape *shape)
{
    u32 w = shape->word | ((u32)random_u64(s->rng) & shape->any);

    w |= shape->fields & D ? reg(s) : 0;
    w |= shape->fields & N ? reg(s) << 5 : 0;
    return w | (shape->fields & M ? reg(s) << 16 : 0);
}

/* Of W and X. MOV, CMP, TST, NEG, CSET and their like are these with XZR. */
static u32 integer(const struct stretch *s)
{
    static const struct shape shapes[] = {
        { 0x0b000000, 0xe0000000, D | N | M }, /* add, sub, adds, subs */
        { 0x0b000000, 0xe0407c00, D | N | M }, /* shifted */
        { 0x0b000000, 0x80000c00, D | N | M }, /* scaled */
        { 0x0b200000, 0xe000e400, D | N | M }, /* extended */
        { 0x11000000, 0xe0003c00, D | N },     /* of a small number */
        { 0x6b00001f, 0x80000000, N | M },     /* cmp */
        { 0x7100001f, 0x80003c00, N },         /* cmp with a small number */
        { 0x2b00001f, 0x80000000, N | M },     /* cmn */
        { 0x6a00001f, 0x80000000, N | M },     /* tst */
        { 0x0a000000, 0xe0200000, D | N | M }, /* and, orr, eor, ands; not */
        { 0x0a000000, 0xe0e07c00, D | N | M }, /* shifted */
        { 0x12000000, 0xe01f3c00, D | N },     /* of a mask */
        { 0x72000000, 0x801f3c00, D | N },     /* ands of a mask */
        { 0x2a0003e0, 0x80000000, D | M },     /* mov */
        { 0x52800000, 0x800001e0, D },         /* mov of a small number */
        { 0x1a000000, 0xe0000000, D | N | M }, /* adc, sbc */
        { 0x1a800000, 0xc000f400, D | N | M }, /* csel, csinc, csinv, csneg */
        { 0x1a9f07e0, 0x8000f000, D },         /* cset */
        { 0x3a400000, 0xc000f00f, N | M },     /* ccmp, ccmn */
        { 0x3a400800, 0xc01ff00f, N },         /* with a number */
        { 0x1b000000, 0x8000fc00, D | N | M }, /* madd, msub; of any register */
        { 0x1ac00800, 0x80000400, D | N | M }, /* udiv, sdiv */
        { 0x5ac01000, 0x80000400, D | N },     /* clz, cls */
        { 0xd53b4200, 0, D },                  /* mrs nzcv */
        { 0xd51b4200, 0, D },                  /* msr nzcv */
    };

    return of_shape(s, &shapes[random_below(s->rng, ARRAY_SIZE(shapes))]);
}

/* --- loads and stores --- */

static unsigned base(const struct stretch *s)
{
    return s->faults && random_below(s->rng, 4) == 0 ? BAD : BASE;
}

/* [Xn, Xm or Wm]: of all sizes, the index scaled or not. */
static u32 indexed(const struct stretch *s)
{
    static const u16 options[] = { 3 << 13, 2 << 13, 6 << 13 }; /* LSL, UXTW, SXTW */
    u32 size = random_below(s->rng, 4), opc = random_below(s->rng, size < 2 ? 4 : 5 - size);
    unsigned by = random_below(s->rng, 3);

    return 0x38200800 | size << 30 | opc << 22 | (INDEX + by) << 16 | options[by] |
           random_below(s->rng, 2) << 12 | base(s) << 5 | reg(s);
}

/* Of general registers, and of WZR. */
static u32 access(const struct stretch *s)
{
    static const struct shape shapes[] = {
        { 0x39000000, 0x00c03c00, T }, /* of bytes */
        { 0x79000000, 0x00c03c00, T },     { 0xb9000000, 0x00403c00, T },
        { 0xf9000000, 0x00403c00, T },     { 0xb9800000, 0x00003c00, T }, /* ldrsw */
        { 0x38000000, 0xc0407000, T },     /* of any size, at odd places */
        { 0x08dffc00, 0xc0000000, T },     /* ldar */
        { 0x089ffc00, 0xc0000000, T },     /* stlr */
        { 0x38200000, 0xc0000000, T | M }, /* ldadd */
    };
    unsigned which = random_below(s->rng, ARRAY_SIZE(shapes) + 4);

    if (which >= ARRAY_SIZE(shapes))
        return indexed(s);
    return of_shape(s, &shapes[which]) | base(s) << 5;
}

/* Loads and stores of Q and D registers, pairs, and moves to and from general registers. */
static u32 transfer(const struct stretch *s)
{
    static const u32 words[] = {
        0x3dc00000, 0x3d800000, 0xfd400000, 0xfd000000,
        0xad400000, 0xad000000, 0x3cc10400, /* ldr q, [x], #16 */
        0x9e670000, 0x9e660000, 0x9eaf0000, 0x4e081c00,
    };
    unsigned which = random_below(s->rng, ARRAY_SIZE(words)), rt = random_below(s->rng, s->few);
    u32 w = words[which] | rt;

    if (which < 2)
        return w | random_below(s->rng, 3) << 10 | base(s) << 5;
    if (which < 4)
        return w | random_below(s->rng, 6) << 10 | base(s) << 5;
    if (which < 6)
        return w | random_below(s->rng, 3) << 15 | (rt + 1) % s->few << 10 | BASE << 5;
    return w | (which == 6 ? BASE : random_below(s->rng, s->few)) << 5;
}

/* --- branches --- */

/* Over less than `left` instructions. */
static u32 branch(const struct stretch *s, unsigned left)
{
    u32 to = (1 + random_below(s->rng, left < FAR ? left : FAR)) << 5;
    u32 any = (u32)random_u64(s->rng);

    switch (random_below(s->rng, 9)) {
    case 0: return 0x14000000 | to >> 5; /* b */
    case 1:
    case 2: return 0x34000000 | (any & 0x81000000) | to | reg(s); /* cbz, cbnz */
    case 3:
    case 4: return 0x36000000 | (any & 0x81f80000) | to | reg(s); /* tbz, tbnz */
    default: return 0x54000000 | to | (any & 15);
    }
}

/* --- stretches --- */

static u32 instruction(const struct stretch *s, unsigned left)
{
    if (!s->ints && random_below(s->rng, 10))
        return random_below(s->rng, 3) ? compute(s) : transfer(s);
    switch (random_below(s->rng, 8)) {
    case 0:
    case 1: return branch(s, left);
    case 2: return access(s);
    case 3: return random_below(s->rng, 3) ? compute(s) : transfer(s);
    default: return integer(s);
    }
}

/* Outside the page or over its edge, or where what has to be aligned is not. */
static u64 bad_address(u64 *rng)
{
    switch (random_below(rng, 5)) {
    case 0: return random_u64(rng);
    case 1: return CASE_PAGE - 1 - random_below(rng, 16);
    case 2: return CASE_MEM + 1 + 2 * random_below(rng, 32);
    default: return CASE_MEM + CASE_MEM_SIZE - random_below(rng, 16);
    }
}

static void set_addresses(struct arm64_case *c, u64 *rng)
{
    c->x[BASE] = CASE_MEM + (random_below(rng, 16) ? 64 : random_below(rng, CASE_MEM_SIZE));
    c->x[BAD] = bad_address(rng);
    c->x[INDEX] = random_below(rng, 16);
    c->x[INDEX_UXTW] = random_u64(rng) << 32 | random_below(rng, 16);
    c->x[INDEX_SXTW] = random_u64(rng) << 32 | (u32)(random_below(rng, 16) - 8);
}

/* Works on registers that are seldom alike: small numbers make branches go both ways. */
static void set_small(struct arm64_case *c, const struct stretch *s)
{
    for (unsigned i = 0; i < s->few; i++)
        if (random_below(s->rng, 2))
            c->x[i] = (u64)random_below(s->rng, 16) - 4;
}

/* Back to the start, COUNT times at most: by CBNZ, or by a condition of the flags there are or of a
 * comparison, which comes after a way out so that it may say what it likes. Returns the number of
 * instructions. */
static unsigned put_loop(struct arm64_case *c, const struct stretch *s, unsigned n)
{
    unsigned how = random_below(s->rng, 3), cond = random_below(s->rng, 16);
    u32 back = how ? 0x54000000 | cond : 0xb5000000 | COUNT;
    u32 any = (u32)random_u64(s->rng);

    /* sub or subs x19, x19, #1 */
    le32_put(c->code + 4 * n++, 0xd1000400 | (any & 0x20000000) | COUNT << 5 | COUNT);
    if (how) /* cbz x19 */
        le32_put(c->code + 4 * n++, 0xb4000000 | (1 + how) << 5 | COUNT);
    if (how == 2) /* ccmp or ccmn */
        le32_put(c->code + 4 * n++, 0x3a400000 | (any & 0xc000f00f) | reg(s) << 16 | reg(s) << 5);
    le32_put(c->code + 4 * n, back | ((0 - n) & 0x7ffff) << 5);
    return n + 1;
}

void arm64_stretch_make(struct arm64_case *c, u64 *rng)
{
    struct stretch s = { .rng = rng,
                         .few = random_below(rng, 3) ? 4 : 16,
                         .ints = random_below(rng, 2),
                         .faults = random_below(rng, 4) == 0 };
    unsigned n = 2 + random_below(rng, INSNS - 5);

    if (!vectors.count)
        fill_pools();
    arm64_case_make((struct case_head *)c, vectors.lines[0], 0, 1, rng);
    if (random_below(rng, 4))
        c->fpcr = 0;
    if (s.ints)
        set_small(c, &s);
    set_addresses(c, rng);
    c->x[COUNT] = 1 + random_below(rng, 3);
    for (unsigned i = 0; i < n; i++)
        le32_put(c->code + 4 * i, instruction(&s, n - i));
    if (random_below(rng, 3) == 0)
        n = put_loop(c, &s, n);
    c->code_size = 4 * n;
}
