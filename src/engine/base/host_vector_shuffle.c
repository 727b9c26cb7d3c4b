/*
 * host_vector_shuffle.c - bytes of one or two registers in other places, by the cheapest
 * instructions that do it.
 */
#include "engine/base/host_vector.h"

#include <string.h>

enum { ZERO = 0xff, ANY = 0xfe, BYTES = 16 };

/* Which bytes: 0 to 15 of the first register, 16 to 31 of the second, or one of the above. */
struct shuffle {
    u16 from[2]; /* places in state */
    unsigned count;
    u8 at[BYTES];
};

static bool look(const struct vec_node *n, u32 base, struct shuffle *s)
{
    memset(s, 0, sizeof *s);
    memset(s->at, ANY, sizeof s->at);
    for (unsigned i = 0; i < vec_total(n); i++) {
        u16 reg = (u16)(n->bytes[i] - (n->bytes[i] - base) % BYTES);
        unsigned k = 0;

        if (n->bytes[i] == VEC_ZERO) {
            s->at[i] = ZERO;
            continue;
        }
        while (k < s->count && s->from[k] != reg)
            k++;
        if (k == 2)
            return false;
        s->count += k == s->count;
        s->from[k] = reg;
        s->at[i] = (u8)(16 * k + n->bytes[i] - reg);
    }
    return true;
}

bool vec_shuffle_known(const struct vec_plan *p, const struct vec_node *n)
{
    struct shuffle s;

    return look(n, p->l->job->isa->vector_offset, &s);
}

/* Does it hold for every byte that matters? */
static bool is(const struct shuffle *s, const u8 *want)
{
    for (unsigned i = 0; i < BYTES; i++)
        if (s->at[i] != ANY && s->at[i] != want[i])
            return false;
    return true;
}

static bool is_place(const struct shuffle *s, unsigned from)
{
    u8 want[BYTES];

    for (unsigned i = 0; i < BYTES; i++)
        want[i] = (u8)(from + i);
    return is(s, want);
}

/* Bytes from x on, then zeros: the register moved right; or zeros first: left. */
static bool is_moved(const struct shuffle *s, unsigned by, bool left)
{
    u8 want[BYTES];

    for (unsigned i = 0; i < BYTES; i++) {
        bool in = left ? i >= by : i + by < BYTES;

        want[i] = in ? (u8)(left ? i - by : i + by) : ZERO;
    }
    return is(s, want);
}

/* Units of `size` bytes whose first byte is at a multiple of it: which of them; false: not. */
static bool units(const struct shuffle *s, unsigned size, u8 *unit)
{
    for (unsigned i = 0; i < BYTES / size; i++) {
        u8 first = ANY;

        for (unsigned k = 0; k < size; k++) {
            u8 at = s->at[i * size + k];

            if (at == ANY)
                continue;
            if (at == ZERO || at % size != k || (first != ANY && first != at - k))
                return false;
            first = (u8)(at - k);
        }
        unit[i] = (u8)(first == ANY ? ANY : first / size);
    }
    return true;
}

/* Pieces of `size` bytes with zeros up to `to` each. */
static bool is_extended(const struct shuffle *s, unsigned size, unsigned to)
{
    u8 want[BYTES];

    for (unsigned i = 0; i < BYTES; i++)
        want[i] = (u8)(i % to < size ? i / to * size + i % to : ZERO);
    return is(s, want);
}

static unsigned log2_of(unsigned n)
{
    return (unsigned)__builtin_ctz(n);
}

/* --- of one register --- */

static bool extend(struct vec_plan *p, const struct shuffle *s, enum x86_xmm x, enum x86_xmm *out)
{
    static const u16 codes[] = { 0x30, 0x31, 0x32, 0x33, 0x34, 0x35 };

    for (unsigned size = 1, n = 0; size < 8; size *= 2)
        for (unsigned to = size * 2; to <= 8; to *= 2, n++)
            if (is_extended(s, size, to)) {
                *out = vec_temp(p);
                x86_v_rr(p->l->o, 0x0f3800u | codes[n], *out, x);
                return true;
            }
    return false;
}

static bool move(struct vec_plan *p, const struct shuffle *s, enum x86_xmm x, enum x86_xmm *out)
{
    if (is_extended(s, 8, 16)) {
        *out = vec_temp(p);
        x86_v_low(p->l->o, *out, x);
        return true;
    }
    for (unsigned by = 1; by < BYTES; by++)
        for (unsigned left = 0; left < 2; left++)
            if (is_moved(s, by, left)) {
                *out = vec_temp(p);
                vec_mov(p, *out, x);
                x86_v_shift(p->l->o, left ? V_SHL_BYTES : V_SHR_BYTES, 8, *out, by);
                return true;
            }
    return false;
}

static unsigned two_bits(const u8 *unit, unsigned modulo)
{
    unsigned imm = 0;

    for (unsigned i = 0; i < 4; i++)
        imm |= (unit[i] == ANY ? 0 : unit[i] % modulo) << 2 * i;
    return imm;
}

/* pshufb: numbers with the highest bit make zeros. */
static enum x86_xmm bytes_of(struct vec_plan *p, const struct shuffle *s, unsigned k,
                             enum x86_xmm x)
{
    u8 mask[BYTES];
    enum x86_xmm d = vec_temp(p);

    for (unsigned i = 0; i < BYTES; i++)
        mask[i] = s->at[i] < 32 && s->at[i] / 16 == k ? s->at[i] % 16 : 0x80;
    vec_mov(p, d, x);
    x86_v_rr(p->l->o, 0x0f3800, d, vec_const(p, mask));
    return d;
}

static enum x86_xmm of_one(struct vec_plan *p, const struct shuffle *s, enum x86_xmm x)
{
    u8 unit[BYTES];
    enum x86_xmm d;

    if (extend(p, s, x, &d) || move(p, s, x, &d))
        return d;
    if (!units(s, 4, unit))
        return bytes_of(p, s, 0, x);
    d = vec_temp(p);
    x86_v_rr_imm(p->l->o, 0x0f70, d, x, two_bits(unit, 4));
    return d;
}

/* --- of two --- */

/* Elements of both in turn, from the lower or the upper halves. */
static bool interleave(struct vec_plan *p, const struct shuffle *s, const enum x86_xmm *x,
                       enum x86_xmm *out)
{
    static const u8 codes[2][4] = { { 0x60, 0x61, 0x62, 0x6c }, { 0x68, 0x69, 0x6a, 0x6d } };

    for (unsigned size = 1; size <= 8; size *= 2)
        for (unsigned high = 0; high < 2; high++)
            for (unsigned swap = 0; swap < 2; swap++) {
                u8 want[BYTES];

                for (unsigned i = 0; i < BYTES; i++)
                    want[i] = (u8)(high * 8 + i / (2 * size) * size + i % size +
                                   16 * ((i / size & 1) ^ swap));
                if (!is(s, want))
                    continue;
                *out = vec_temp(p);
                vec_mov(p, *out, x[swap]);
                x86_v_rr(p->l->o, 0x0f00u | codes[high][log2_of(size)], *out, x[!swap]);
                return true;
            }
    return false;
}

/* The one's bytes from some place on, then the other's. */
static bool align(struct vec_plan *p, const struct shuffle *s, const enum x86_xmm *x,
                  enum x86_xmm *out)
{
    for (unsigned by = 1; by < BYTES; by++)
        for (unsigned swap = 0; swap < 2; swap++) {
            u8 want[BYTES];

            for (unsigned i = 0; i < BYTES; i++)
                want[i] = (u8)((i + by + 16 * swap) % 32);
            if (!is(s, want))
                continue;
            *out = vec_temp(p);
            vec_mov(p, *out, x[!swap]);
            x86_v_rr_imm(p->l->o, 0x0f3a0f, *out, x[swap], by);
            return true;
        }
    return false;
}

/* Two words of 4 bytes of one, then two of the other; or words of 2 bytes that stay. */
static bool by_words(struct vec_plan *p, const struct shuffle *s, const enum x86_xmm *x,
                     enum x86_xmm *out)
{
    u8 unit[BYTES];
    unsigned imm = 0;

    if (units(s, 4, unit) && unit[0] != ANY && unit[0] / 4 == unit[1] / 4 && unit[2] != ANY &&
        unit[2] / 4 == unit[3] / 4 && unit[0] / 4 < 2 && unit[2] / 4 < 2) {
        *out = vec_temp(p);
        vec_mov(p, *out, x[unit[0] / 4]);
        x86_vf_rr_imm(p->l->o, 0x0fc6, 4, *out, x[unit[2] / 4], two_bits(unit, 4));
        return true;
    }
    if (!units(s, 2, unit))
        return false;
    for (unsigned i = 0; i < 8; i++) {
        if (unit[i] == ANY)
            continue;
        if (unit[i] % 8 != i)
            return false;
        imm |= unit[i] / 8u << i;
    }
    *out = vec_temp(p);
    vec_mov(p, *out, x[0]);
    x86_v_rr_imm(p->l->o, 0x0f3a0e, *out, x[1], imm);
    return true;
}

/* The even or the odd bytes of one, then of the other: narrowed from words. */
static bool narrow(struct vec_plan *p, const struct shuffle *s, const enum x86_xmm *x,
                   enum x86_xmm *out)
{
    for (unsigned odd = 0; odd < 2; odd++) {
        u8 want[BYTES];
        enum x86_xmm d[2];

        for (unsigned i = 0; i < BYTES; i++)
            want[i] = (u8)(2 * i + odd);
        if (!is(s, want))
            continue;
        for (unsigned k = 0; k < 2; k++) {
            d[k] = vec_temp(p);
            vec_mov(p, d[k], x[k]);
            if (odd)
                x86_v_shift(p->l->o, V_SHR, 2, d[k], 8);
            else
                x86_v_rr(p->l->o, 0x0fdb, d[k], vec_const_all(p, 2, 0xff));
        }
        x86_v_rr(p->l->o, 0x0f67, d[0], d[1]);
        vec_free(p, d[1]);
        *out = d[0];
        return true;
    }
    return false;
}

static enum x86_xmm of_two(struct vec_plan *p, const struct shuffle *s, const enum x86_xmm *x)
{
    enum x86_xmm d, other;

    if (interleave(p, s, x, &d) || align(p, s, x, &d) || by_words(p, s, x, &d) ||
        narrow(p, s, x, &d))
        return d;
    d = bytes_of(p, s, 0, x[0]);
    other = bytes_of(p, s, 1, x[1]);
    x86_v_rr(p->l->o, 0x0feb, d, other);
    vec_free(p, other);
    return d;
}

enum x86_xmm vec_shuffle_emit(struct vec_plan *p, const struct vec_node *n, bool *temp)
{
    struct shuffle s;
    enum x86_xmm x[2];

    *temp = true;
    look(n, p->l->job->isa->vector_offset, &s);
    if (s.count == 0) {
        x[0] = vec_temp(p);
        x86_v_rr(p->l->o, 0x0fef, x[0], x[0]);
        return x[0];
    }
    for (unsigned i = 0; i < s.count; i++)
        x[i] = vec_state_reg(p, s.from[i]);
    *temp = !is_place(&s, 0);
    if (!*temp)
        return x[0];
    return s.count == 1 ? of_one(p, &s, x[0]) : of_two(p, &s, x);
}
