/*
 * text.c - operands that are left out at their default or spelled by several fields, as
 * GNU binutils prints them with -M no-aliases.
 */
#include "isa/arm64/fields.h"

#include "isa/arm64/decode.h"
#include "isa/arm64/sysreg.h"
#include <inttypes.h>
#include <stdio.h>

static const char *const shifts[] = { "lsl", "lsr", "asr", "ror" };
static const char *const extends[] = { "uxtb", "uxth", "uxtw", "uxtx",
                                       "sxtb", "sxth", "sxtw", "sxtx" };

static int put(char *buf, size_t size, const char *text)
{
    return snprintf(buf, size, "%s", text);
}

int arm_text_addsub(u32 w, gva_t pc, char *buf, size_t size)
{
    return snprintf(buf, size, "#0x%" PRIx64 "%s", bits_get(w, 10, 12),
                    bits_get(w, 22, 1) ? ", lsl #12" : "");
}

int arm_text_shift(u32 w, gva_t pc, char *buf, size_t size)
{
    u64 type = bits_get(w, 22, 2), amount = bits_get(w, 10, 6);

    if (!type && !amount)
        return put(buf, size, "");
    return snprintf(buf, size, ", %s #%" PRIu64, shifts[type], amount);
}

/* A general register: 'w' or 'x' and its number. */
static void name(char *buf, size_t size, bool wide, unsigned n)
{
    if (n == 31)
        snprintf(buf, size, "%czr", wide ? 'x' : 'w');
    else
        snprintf(buf, size, "%c%u", wide ? 'x' : 'w', n);
}

/* The full-width UXT is LSL where the stack pointer takes part, and left out when it shifts
 * by nothing. */
int arm_text_extend(u32 w, gva_t pc, char *buf, size_t size)
{
    bool wide = w >> 31, sets_flags = bits_get(w, 29, 1);
    unsigned option = (unsigned)bits_get(w, 13, 3), amount = (unsigned)bits_get(w, 10, 3);
    bool stack = bits_get(w, 5, 5) == 31 || (!sets_flags && bits_get(w, 0, 5) == 31);
    char rm[8];

    name(rm, sizeof rm, wide && (option & 3) == 3, (unsigned)bits_get(w, 16, 5));
    if (stack && option == (wide ? ARM_UXTX : ARM_UXTW))
        return amount ? snprintf(buf, size, "%s, lsl #%u", rm, amount) : put(buf, size, rm);
    if (!amount)
        return snprintf(buf, size, "%s, %s", rm, extends[option]);
    return snprintf(buf, size, "%s, %s #%u", rm, extends[option], amount);
}

int arm_text_logical(u32 w, gva_t pc, char *buf, size_t size)
{
    return snprintf(buf, size, "#0x%" PRIx64, (u64)arm_imm_logical(w));
}

int arm_text_movwide(u32 w, gva_t pc, char *buf, size_t size)
{
    u64 shift = 16 * bits_get(w, 21, 2);

    if (!shift)
        return snprintf(buf, size, "#0x%" PRIx64, bits_get(w, 5, 16));
    return snprintf(buf, size, "#0x%" PRIx64 ", lsl #%" PRIu64, bits_get(w, 5, 16), shift);
}

int arm_text_adrp(u32 w, gva_t pc, char *buf, size_t size)
{
    s64 pages = bits_sext(bits_get(w, 5, 19) << 2 | bits_get(w, 29, 2), 21);

    return snprintf(buf, size, "0x%" PRIx64, (u64)((pc & ~0xfffull) + (u64)pages * 4096));
}

/* --- loads and stores --- */

static int offset(s64 v, char *buf, size_t size)
{
    return v ? snprintf(buf, size, ", #%" PRId64, v) : put(buf, size, "");
}

int arm_text_offset12(u32 w, gva_t pc, char *buf, size_t size)
{
    return offset(arm_imm_offset12(w), buf, size);
}

int arm_text_offset9(u32 w, gva_t pc, char *buf, size_t size)
{
    return offset(bits_sext(bits_get(w, 12, 9), 9), buf, size);
}

int arm_text_offset10(u32 w, gva_t pc, char *buf, size_t size)
{
    u64 s = bits_get(w, 22, 1), imm9 = bits_get(w, 12, 9);

    return offset(8 * bits_sext(s << 9 | imm9, 10), buf, size);
}

int arm_text_offset7(u32 w, gva_t pc, char *buf, size_t size)
{
    return offset(arm_imm_offset7(w), buf, size);
}

int arm_text_scaled7(u32 w, gva_t pc, char *buf, size_t size)
{
    return snprintf(buf, size, "%" PRId64, arm_imm_offset7(w));
}

int arm_text_index(u32 w, gva_t pc, char *buf, size_t size)
{
    unsigned option = (unsigned)bits_get(w, 13, 3);
    bool scaled = bits_get(w, 12, 1);
    const char *how = option == ARM_UXTX ? "lsl" : extends[option];
    char rm[8];

    name(rm, sizeof rm, option & 1, (unsigned)bits_get(w, 16, 5));
    if (scaled)
        return snprintf(buf, size, "%s, %s #%" PRIu64, rm, how, bits_get(w, 30, 2));
    return option == ARM_UXTX ? put(buf, size, rm) : snprintf(buf, size, "%s, %s", rm, how);
}

static int odd_half(u32 w, unsigned at, char *buf, size_t size)
{
    char r[8];

    name(r, sizeof r, bits_get(w, 30, 1), (unsigned)bits_get(w, at, 5) + 1);
    return put(buf, size, r);
}

int arm_text_casp_rs(u32 w, gva_t pc, char *buf, size_t size)
{
    return odd_half(w, 16, buf, size);
}

int arm_text_casp_rt(u32 w, gva_t pc, char *buf, size_t size)
{
    return odd_half(w, 0, buf, size);
}

int arm_text_prefetch(u32 w, gva_t pc, char *buf, size_t size)
{
    static const char *const types[] = { "pld", "pli", "pst" };
    unsigned op = (unsigned)bits_get(w, 0, 5), type = op >> 3, level = op >> 1 & 3;

    if (type == 3 || level == 3)
        return snprintf(buf, size, "#0x%02x", op);
    return snprintf(buf, size, "%sl%u%s", types[type], level + 1, op & 1 ? "strm" : "keep");
}

/* --- system --- */

int arm_text_sysreg(u32 w, gva_t pc, char *buf, size_t size)
{
    const struct arm_sysreg *r = arm_sysreg_find((unsigned)bits_get(w, 5, 16));

    if (r)
        return put(buf, size, r->name);
    return snprintf(buf, size, "s%u_%u_c%u_c%u_%u", (unsigned)bits_get(w, 19, 2),
                    (unsigned)bits_get(w, 16, 3), (unsigned)bits_get(w, 12, 4),
                    (unsigned)bits_get(w, 8, 4), (unsigned)bits_get(w, 5, 3));
}

int arm_text_sys(u32 w, gva_t pc, char *buf, size_t size)
{
    u64 rt = bits_get(w, 0, 5);

    return rt == 31 ? put(buf, size, "") : snprintf(buf, size, ", x%" PRIu64, rt);
}

int arm_text_crm(u32 w, gva_t pc, char *buf, size_t size)
{
    u64 crm = bits_get(w, 8, 4);

    return crm == 15 ? put(buf, size, "") : snprintf(buf, size, " #0x%" PRIx64, crm);
}

int arm_text_barrier(u32 w, gva_t pc, char *buf, size_t size)
{
    static const char *const domains[] = { "osh", "nsh", "ish", "" };
    static const char *const kinds[] = { "", "ld", "st", "" };
    u64 crm = bits_get(w, 8, 4);

    if (!(crm & 3))
        return snprintf(buf, size, "#0x%02" PRIx64, crm);
    if (crm >> 2 == 3)
        return put(buf, size, (crm & 3) == 3 ? "sy" : kinds[crm & 3]);
    return snprintf(buf, size, "%s%s", domains[crm >> 2], kinds[crm & 3]);
}

int arm64_disassemble(const struct isa_insn *in, gva_t pc, char *buf, size_t size)
{
    return isa_lines_text(&arm64_lines, in, pc, buf, size);
}
