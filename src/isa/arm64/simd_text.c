/*
 * simd_text.c - operands of V registers, as GNU binutils prints them with -M no-aliases.
 *
 * Formats have a code behind each %: what of the encoding it prints is in its case below.
 */
#include "isa/arm64/simd_fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char letters[] = "bhsdq";

struct out {
    char *buf;
    size_t size, n;
};

static void put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(o->n < o->size ? o->buf + o->n : NULL, o->n < o->size ? o->size - o->n : 0,
                  format, ap);
    va_end(ap);
    o->n += (size_t)n;
}

static unsigned field(u32 w, unsigned at, unsigned n)
{
    return (unsigned)bits_get(w, at, n);
}

/* "16b" and its like: elements of 1 << size bytes in 64 or 128 bits. */
static void arrangement(struct out *o, unsigned size, bool q)
{
    put(o, "%u%c", (q ? 16u : 8u) >> size, letters[size]);
}

/* Where the highest bit of immh, the lowest of imm5 is. */
static unsigned size_of_immh(u32 w)
{
    unsigned immh = field(w, 19, 4);

    return immh >= 8 ? 3 : immh >= 4 ? 2 : immh >= 2 ? 1 : 0;
}

static unsigned size_of_imm5(u32 w)
{
    return (unsigned)__builtin_ctz(field(w, 16, 5) | 16);
}

static void general(struct out *o, bool wide, unsigned n)
{
    if (n == 31)
        put(o, "%czr", wide ? 'x' : 'w');
    else
        put(o, "%c%u", wide ? 'x' : 'w', n);
}

/* Registers one behind the other, of an arrangement; a range where there are more than two and
 * none comes after V31. */
static void list(struct out *o, unsigned first, unsigned count, unsigned size, bool q, bool lanes)
{
    unsigned last = (first + count - 1) % 32;

    put(o, "{");
    for (unsigned i = 0; i < count; i++) {
        bool range = count > 2 && last > first;

        if (range && i && i + 1 < count)
            continue;
        put(o, "%sv%u.", i == 0 ? "" : range ? "-" : ", ", (first + i) % 32);
        if (lanes)
            put(o, "%c", letters[size]);
        else
            arrangement(o, size, q);
    }
    put(o, "}");
}

/* Of scalar floating point. */
static char type_letter(unsigned type)
{
    return "sd?h"[type];
}

static void code(struct out *o, char c, u32 w)
{
    unsigned size = field(w, 22, 2);
    bool q = field(w, 30, 1);

    switch (c) {
    case 'd': put(o, "%u", field(w, 0, 5)); break;
    case 'n': put(o, "%u", field(w, 5, 5)); break;
    case 'm': put(o, "%u", field(w, 16, 5)); break;
    case 'a': put(o, "%u", field(w, 10, 5)); break;
    case 'o': put(o, "%u", field(w, 16, size < 2 ? 4 : 5)); break; /* of an element */
    case '2': put(o, "%s", q ? "2" : ""); break;
    /* arrangements by size and Q: as they are; bytes; twice as wide; and of all bits */
    case 'T': arrangement(o, size, q); break;
    case 'B': arrangement(o, 0, q); break;
    case 'L': arrangement(o, size + 1, q); break;
    case 'W': arrangement(o, size + 1, true); break;
    case 'S': put(o, "%c", letters[size]); break;
    case 'Y': put(o, "%c", letters[size + 1]); break;
    case 's': put(o, "%c", letters[size]); break;
    case 'e': put(o, "%" PRId64, arm_imm_by_elem(w) >> size); break;
    case 'E': put(o, "%u", 8u << size); break;
    /* floating point: by bit 22, of halves, by the scalar's type, twice as wide and as narrow */
    case 'F': arrangement(o, 2 + (size & 1), q); break;
    case 'H': arrangement(o, 1, q); break;
    case 'f': put(o, "%c", letters[2 + (size & 1)]); break;
    case 'P': put(o, "%c", type_letter(size)); break;
    case 'Q': put(o, "%c", type_letter(field(w, 15, 2))); break;
    case 'G': arrangement(o, 2 + (size & 1), true); break;
    case 'J': arrangement(o, 1 + (size & 1), q); break;
    case 'h': put(o, "%" PRId64, arm_imm_by_elem(w) >> 1); break;
    case 'b': put(o, "%" PRId64, arm_imm_fbits(w)); break;
    /* groups and halves of elements, their numbers, rotations */
    case 'D': arrangement(o, 2, q); break;
    case 'X': put(o, "%uh", q ? 4 : 2); break;
    case 'O': put(o, "%u", field(w, 16, 4)); break;
    case 't': put(o, "%" PRId64, arm_imm_dot(w) / 4); break;
    case 'w': put(o, "%" PRId64, arm_imm_half_elem(w) / 2); break;
    case 'z': put(o, "%" PRId64, arm_imm_complex(w) >> (size + 1)); break;
    case 'N': put(o, "%u", field(w, 12, 2)); break;
    case 'R': put(o, "%u", field(w, 12, 1) ? 270 : 90); break;
    case 'U': put(o, "%u", field(w, 11, 2) * 90); break;
    case 'V': put(o, "%u", field(w, 13, 2) * 90); break;
    /* by imm5 */
    case 'C': arrangement(o, size_of_imm5(w), q); break;
    case 'c': put(o, "%c", letters[size_of_imm5(w)]); break;
    case 'i': put(o, "%u", field(w, 16, 5) >> (size_of_imm5(w) + 1)); break;
    case 'j': put(o, "%u", field(w, 11, 4) >> size_of_imm5(w)); break;
    case 'g': general(o, size_of_imm5(w) == 3, field(w, 5, 5)); break;
    case 'q': general(o, q, field(w, 0, 5)); break;
    case 'x': put(o, "%u", field(w, 11, 4)); break;
    case 'l': list(o, field(w, 5, 5), field(w, 13, 2) + 1, 0, true, false); break;
    /* by immh */
    case 'K': arrangement(o, size_of_immh(w), q); break;
    case 'M': arrangement(o, size_of_immh(w) + 1, true); break;
    case 'k': put(o, "%c", letters[size_of_immh(w)]); break;
    case 'y': put(o, "%c", letters[size_of_immh(w) + 1]); break;
    case 'u': put(o, "%" PRId64, arm_imm_shift_left(w)); break;
    case 'r': put(o, "%" PRId64, arm_imm_shift_right1(w) + 1); break;
    /* loads and stores */
    case 'v': put(o, "%c", field(w, 23, 1) ? 'q' : letters[field(w, 30, 2)]); break;
    case 'p': put(o, "%c", letters[field(w, 30, 2) + 2]); break;
    default: put(o, "?"); break;
    }
}

static int show(u32 w, char *buf, size_t size, const char *format)
{
    struct out o = { buf, size, 0 };

    for (const char *p = format; *p; p++)
        if (*p == '%')
            code(&o, *++p, w);
        else
            put(&o, "%c", *p);
    return (int)o.n;
}

#define T(name, format)                                                                            \
    int arm_text_##name(u32 w, gva_t pc, char *buf, size_t size)                                   \
    {                                                                                              \
        return show(w, buf, size, format);                                                         \
    }
ARM_SIMD_TEXTS(T)

/* --- loads and stores --- */

static int offset(s64 v, char *buf, size_t size)
{
    if (v)
        return snprintf(buf, size, ", #%" PRId64, v);
    if (size)
        buf[0] = 0;
    return 0;
}

int arm_text_offset_q(u32 w, gva_t pc, char *buf, size_t size)
{
    return offset(arm_imm_offset_q(w), buf, size);
}

int arm_text_pair_offset_v(u32 w, gva_t pc, char *buf, size_t size)
{
    return offset(arm_imm_pair_v(w), buf, size);
}

int arm_text_pair_scaled_v(u32 w, gva_t pc, char *buf, size_t size)
{
    return snprintf(buf, size, "%" PRId64, arm_imm_pair_v(w));
}

int arm_text_index_v(u32 w, gva_t pc, char *buf, size_t size)
{
    static const char *const extends[] = { "uxtb", "uxth", "uxtw", "lsl",
                                           "sxtb", "sxth", "sxtw", "sxtx" };
    unsigned option = field(w, 13, 3), scale = field(w, 23, 1) ? 4 : field(w, 30, 2);
    struct out o = { buf, size, 0 };

    general(&o, option & 1, field(w, 16, 5));
    if (field(w, 12, 1))
        put(&o, ", %s #%u", extends[option], scale);
    else if (option != 3)
        put(&o, ", %s", extends[option]);
    return (int)o.n;
}

/* opcode of LD1 and so on with several elements: how many registers */
static unsigned registers(u32 w)
{
    static const u8 counts[16] = { 4, 0, 4, 0, 3, 0, 3, 1, 2, 0, 2 };

    return counts[field(w, 12, 4)];
}

int arm_text_structs(u32 w, gva_t pc, char *buf, size_t size)
{
    struct out o = { buf, size, 0 };
    bool single = field(w, 24, 1);
    unsigned count = single ? 1 + (field(w, 13, 1) << 1 | field(w, 21, 1)) : registers(w);

    list(&o, field(w, 0, 5), count, field(w, 10, 2), field(w, 30, 1), false);
    return (int)o.n;
}

static unsigned lane_size(u32 w)
{
    unsigned scale = field(w, 14, 2);

    return scale < 2 ? scale : 2 + field(w, 10, 1);
}

int arm_text_struct_lane(u32 w, gva_t pc, char *buf, size_t size)
{
    struct out o = { buf, size, 0 };
    unsigned count = 1 + (field(w, 13, 1) << 1 | field(w, 21, 1));

    list(&o, field(w, 0, 5), count, lane_size(w), false, true);
    put(&o, "[%" PRId64 "]", arm_imm_lane(w) >> lane_size(w));
    return (int)o.n;
}

int arm_text_struct_post(u32 w, gva_t pc, char *buf, size_t size)
{
    struct out o = { buf, size, 0 };
    bool single = field(w, 24, 1);
    unsigned count = 1 + (field(w, 13, 1) << 1 | field(w, 21, 1)), rm = field(w, 16, 5);

    if (rm != 31)
        put(&o, "x%u", rm);
    else if (!single)
        put(&o, "#%u", registers(w) * (field(w, 30, 1) ? 16 : 8));
    else
        put(&o, "#%u", count << (field(w, 14, 2) == 3 ? field(w, 10, 2) : lane_size(w)));
    return (int)o.n;
}

/* --- immediates --- */

static void fp_number(struct out *o, unsigned imm8)
{
    u64 bits = arm_fp_immediate(imm8, 64);
    double d;

    memcpy(&d, &bits, sizeof d);
    put(o, "#%.18e", d);
}

int arm_text_fp_imm(u32 w, gva_t pc, char *buf, size_t size)
{
    struct out o = { buf, size, 0 };

    fp_number(&o, field(w, 13, 8));
    return (int)o.n;
}

int arm_text_modified(u32 w, gva_t pc, char *buf, size_t size)
{
    struct out o = { buf, size, 0 };
    unsigned cmode = field(w, 12, 4), imm8 = field(w, 16, 3) << 5 | field(w, 5, 5);
    bool q = field(w, 30, 1), op = field(w, 29, 1);
    unsigned width = cmode < 8 || (cmode & 14) == 12 ? 2 : cmode < 12 ? 1 : cmode == 14 ? 0 : 2;

    if (cmode == 15)
        width = field(w, 11, 1) ? 1 : op ? 3 : 2;
    if (cmode == 14 && op) {
        put(&o, q ? "v%u.2d" : "d%u", field(w, 0, 5));
        put(&o, ", #0x%" PRIx64, (u64)arm_imm_modified(w));
        return (int)o.n;
    }
    put(&o, "v%u.", field(w, 0, 5));
    arrangement(&o, width, q);
    put(&o, ", ");
    if (cmode == 15)
        fp_number(&o, imm8);
    else
        put(&o, "#0x%x", imm8);
    if ((cmode & 14) == 12)
        put(&o, ", msl #%u", 8 << (cmode & 1));
    else if (cmode < 12 && (cmode >> 1 & (cmode < 8 ? 3 : 1)))
        put(&o, ", lsl #%u", 8 * (cmode >> 1 & (cmode < 8 ? 3 : 1)));
    return (int)o.n;
}
