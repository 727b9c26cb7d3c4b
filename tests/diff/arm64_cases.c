/*
 * arm64_cases.c - random and edge states for an arm64 instruction, so that it does something:
 * addresses point into the data page, jumps land on a slot's end.
 */
#include "arm64_cases.h"

#include "operands.h"
#include "base/bits.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/state.h"
#include <string.h>

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* All but calls, what waits or needs a right, and registers that say what CPU it is or what time;
 * and pointer authentication, of which each CPU makes its own: diff/pauth_arm64;
 * and what waits: diff/wait_arm64. */
bool arm64_case_line_usable(unsigned line)
{
    static const char *const ids[] = {
        "svc",         "hvc",         "smc",           "mrs",
        "msr",         "sys",         "mrs/dczid_el0", "mrs/tpidrro_el0",
        "msr/daifset", "msr/daifclr", "hint/wfi",      "hint/xpaclri"
    };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        if (!strcmp(arm64_lines.lines[line].id, ids[i]))
            return false;
    return strcmp(arm64_lines.lines[line].ext, "pauth") != 0 &&
           strcmp(arm64_lines.lines[line].ext, "wfxt") != 0;
}

/* --- operands --- */

enum { FPCR_BITS = ARM_FPCR_MODES | 3 << ARM_FPCR_RMODE_SHIFT, FPSR_BITS = 0x0800009f };

static void random_state(struct arm64_case *c, u64 *rng)
{
    unsigned floats = random_below(rng, 4); /* most V registers hold numbers of this format */

    for (unsigned i = 0; i < 31; i++)
        c->x[i] = random_int(rng);
    if (random_below(rng, 4) == 0) /* equal operands, and differences of one */
        for (unsigned i = 1; i < 31; i += 2)
            c->x[i] = c->x[i - 1] + (random_below(rng, 3) == 0);
    c->sp = random_int(rng);
    for (unsigned i = 0; i < 64; i++)
        c->v[i] =
            floats && random_below(rng, 8) ? random_numbers(rng, 8u << floats) : random_int(rng);
    for (unsigned i = 0; i < CASE_MEM_SIZE; i += 8)
        le64_put(c->mem + i, random_int(rng));
    c->nzcv = (u64)random_below(rng, 16) << 28;
    c->fpcr = random_below(rng, 3) ? random_u64(rng) & FPCR_BITS : 0;
    c->fpsr = random_u64(rng) & FPSR_BITS;
    c->tpidr = random_int(rng);
}

/* --- aiming --- */

static unsigned number(u32 w, unsigned at)
{
    return (unsigned)bits_get(w, at, 5);
}

/* X0 to X30 or SP. */
static u64 *base_register(struct arm64_case *c, unsigned n)
{
    return n == 31 ? &c->sp : &c->x[n];
}

static bool is_exclusive(u32 w)
{
    return (w & 0x3fa00000) == 0x08000000 || (w & 0xbfa00000) == 0x88200000;
}

static bool is_memory(const struct isa_line *l)
{
    static const char *const words[] = { "ld", "st", "cas", "swp" };

    if (strstr(l->id, "/literal"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (begins(l->mnemonic, words[i]))
            return true;
    return false;
}

static bool is_store_exclusive(const struct isa_line *l)
{
    return begins(l->mnemonic, "stx") || begins(l->mnemonic, "stlx");
}

/* Ordered, atomic, exclusive: at other addresses these mean alignment faults. */
static bool is_aligned(u32 w, const struct isa_line *l)
{
    return (w & 0x3f000000) == 0x08000000 || !strcmp(l->ext, "lse") || begins(l->ext, "lrcpc");
}

/* Of V registers: single ones, pairs, structures. */
static bool is_vector(u32 w)
{
    return w >> 26 & 1;
}

static bool is_pair(const struct isa_line *l)
{
    return begins(l->mnemonic, "ldp") || begins(l->mnemonic, "ldnp") ||
           begins(l->mnemonic, "stp") || begins(l->mnemonic, "stnp");
}

/* LD1 to LD4, ST1 to ST4 */
static bool is_structure(u32 w)
{
    return (w & 0xbe000000) == 0x0c000000;
}

/* By a register's value: an index, or what the base grows by. */
static bool is_indexed(const struct isa_line *l)
{
    return strstr(l->id, "index") != NULL;
}

/* What is added to the base: an offset, or an index register, which is made small if it is not
 * the base. */
static u64 displacement(struct arm64_case *c, u32 w, const struct isa_line *l,
                        const struct isa_insn *in, u64 *rng)
{
    unsigned rm = number(w, 16), option = (unsigned)bits_get(w, 13, 3);
    u64 index;

    if (strstr(l->id, "post") || is_aligned(w, l) || is_structure(w))
        return begins(l->ext, "lrcpc2") ? (u64)in->imm : 0;
    if (!is_indexed(l))
        return (u64)in->imm;
    if (rm != 31 && rm != number(w, 5) && random_below(rng, 2))
        c->x[rm] = (u64)random_below(rng, 64) - 32;
    index = rm == 31 ? 0 : c->x[rm];
    if (!(option & 1))
        index = option & 4 ? (u64)bits_sext(index, 32) : (u32)index;
    return index << in->imm;
}

static void aim_memory(struct arm64_case *c, u32 w, const struct isa_line *l,
                       const struct isa_insn *in, u64 *rng)
{
    u64 at = random_below(rng, CASE_MEM_SIZE + 8); /* a few run over the page's end */

    /* What of these is stored, or loaded, before a fault, and whether one that fails faults, is
     * left open (B2.2.1, B2.12). */
    if (begins(l->mnemonic, "stp") || begins(l->mnemonic, "stnp") || is_store_exclusive(l))
        at = random_below(rng, CASE_MEM_SIZE - 15);
    if (is_structure(w) || (is_vector(w) && (begins(l->mnemonic, "st") || is_pair(l))))
        at = random_below(rng, CASE_MEM_SIZE - 63);

    if (is_aligned(w, l) && (random_below(rng, 16) || is_exclusive(w)))
        at &= ~15ull;
    *base_register(c, number(w, 5)) = CASE_MEM + at - displacement(c, w, l, in, rng);
}

/* Somewhere behind a slot's code. */
static u64 landing(unsigned slots, u64 *rng)
{
    return CASE_CODE + (u64)random_below(rng, slots) * CASE_SLOT + CASE_CODE_MAX +
           4 * random_below(rng, 2);
}

static const struct isa_field *field_named(const char *name)
{
    for (unsigned i = 0; i < arm64_lines.field_count; i++)
        if (!strcmp(arm64_lines.fields[i].name, name))
            return &arm64_lines.fields[i];
    return NULL;
}

/* Sets the target of a direct branch; false when the field cannot reach it. */
static bool aim_direct(u32 *w, unsigned slot, unsigned slots, u64 *rng)
{
    static const unsigned reaches[] = { 1000000, 250, 8 }; /* slots */
    const struct isa_field *field = field_named((*w & 0x7c000000) == 0x14000000   ? "b26"
                                                : (*w & 0x7e000000) == 0x36000000 ? "b14"
                                                                                  : "b19");

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

static bool is_direct(const struct isa_insn *in)
{
    return in->flags & (ISA_INSN_BRANCH | ISA_INSN_JUMP);
}

static bool is_indirect(const struct isa_line *l)
{
    return begins(l->id, "br") || begins(l->id, "blr") || begins(l->id, "ret");
}

/* --- cases --- */

/* Before a store-exclusive its load, of the same size and address so that it stores, or now and
 * then of another address. */
static void put_load_before(struct arm64_case *c, u32 w, u64 *rng)
{
    unsigned rn = number(w, 5), base = rn, rt, rt2 = 31;
    bool pair = w >> 21 & 1;

    if (random_below(rng, 4) == 0) {
        base = random_below(rng, 31);
        if (base != rn)
            c->x[base] = CASE_MEM + 16 * random_below(rng, CASE_MEM_SIZE / 16);
    }
    do
        rt = random_below(rng, 31);
    while (rt == rn);
    while (pair && (rt2 == 31 || rt2 == rn || rt2 == rt))
        rt2 = random_below(rng, 31);
    le32_put(c->code, (w & 0xc0200000) | 0x085f0000 | rt2 << 10 | base << 5 | rt);
    le32_put(c->code + 4, w);
    c->code_size = 8;
}

/* Not to be tried: what is CONSTRAINED UNPREDICTABLE, with two results in one register, or data
 * or base as status. */
static bool unpredictable(u32 w, const struct isa_line *l)
{
    unsigned t = number(w, 0), n = number(w, 5), t2 = number(w, 10), status = number(w, 16);
    bool pair = begins(l->mnemonic, "ldp") || begins(l->mnemonic, "ldnp") ||
                begins(l->mnemonic, "ldxp") || begins(l->mnemonic, "ldaxp");

    if (pair && t == t2 && t != 31)
        return true;
    if (is_memory(l) && is_indexed(l) && status == n) /* cannot be aimed */
        return true;
    if (is_memory(l) && is_vector(w))
        return false;
    if (strstr(l->id, "/post") || strstr(l->id, "/pre"))
        return n != 31 && (t == n || (begins(l->mnemonic, "ldp") && t2 == n) ||
                           (begins(l->mnemonic, "stp") && t2 == n));
    if (is_store_exclusive(l))
        return status != 31 && (status == t || status == n || ((w >> 21 & 1) && status == t2));
    return !strcmp(l->id, "hlt") && bits_get(w, 5, 16) == 0xf000; /* qemu: a semihosting call */
}

static void aim(struct arm64_case *c, u32 w, const struct isa_line *l, const struct isa_insn *in,
                u64 *rng)
{
    unsigned rt = number(w, 0);

    if (is_memory(l))
        aim_memory(c, w, l, in, rng);
    else if (begins(l->id, "sys/") && rt != 31)
        c->x[rt] = CASE_MEM + random_below(rng, CASE_MEM_SIZE);
    else if (!strcmp(l->id, "msr/fpcr") && rt != 31)
        c->x[rt] &= FPCR_BITS;
    else if (!strcmp(l->id, "msr/fpsr") && rt != 31)
        c->x[rt] &= FPSR_BITS;
}

static bool make(struct arm64_case *c, unsigned line, unsigned slot, unsigned slots, u64 *rng)
{
    const struct isa_line *l = &arm64_lines.lines[line];
    struct isa_insn in;
    u8 bytes[4];
    u32 w;

    if (!isa_line_encode(&arm64_lines, line, (u32)random_u64(rng), &w) || unpredictable(w, l))
        return false;
    le32_put(bytes, w);
    arm64_decode(bytes, 4, 0, &in);
    if (is_direct(&in) && !aim_direct(&w, slot, slots, rng))
        return false;
    if (strstr(l->id, "ldr") && strstr(l->id, "/literal")) /* its own slot */
        isa_field_put(field_named("lit"), &w,
                      strstr(l->id, "_q") ? 0 : 4 * (s64)random_below(rng, 3));
    random_state(c, rng);
    if (is_indirect(l)) {
        if (number(w, 5) == 31)
            return false;
        c->x[number(w, 5)] = landing(slots, rng);
    }
    aim(c, w, l, &in, rng);
    le32_put(c->code, w);
    c->code_size = 4;
    if (is_store_exclusive(l))
        put_load_before(c, w, rng);
    return true;
}

void arm64_case_make(struct case_head *head, unsigned line, unsigned slot, unsigned slots, u64 *rng)
{
    struct arm64_case *c = (struct arm64_case *)head;

    do
        *c = (struct arm64_case){ .line = line };
    while (!make(c, line, slot, slots, rng));
}
