/*
 * pure.c - what the operations without effects compute, said in the plainest way:
 * one width-independent line each, on 128-bit numbers. Evaluator and constant folding
 * use it; the engines' own versions (calc.h, host instructions) are held against it.
 */
#include "base/bug.h"
#include "ir/check.h"

#include <string.h>

static u128 ones(unsigned bits)
{
    return bits >= 128 ? ~(u128)0 : ((u128)1 << bits) - 1;
}

/* The low `bits` of v as a signed number. */
static s128 sign(u128 v, unsigned bits)
{
    unsigned up = 128 - bits;

    return (s128)(v << up) >> up;
}

static bool bit(u128 v, unsigned n)
{
    return v >> n & 1;
}

bool ir_is_pure(enum ir_opcode op)
{
    return op == IR_CONST || (op >= IR_ADD && op <= IR_PARITY);
}

static u128 count_leading(u128 a, unsigned w)
{
    unsigned n = 0;

    while (n < w && !bit(a, w - 1 - n))
        n++;
    return n;
}

static u128 count_trailing(u128 a, unsigned w)
{
    unsigned n = 0;

    while (n < w && !bit(a, n))
        n++;
    return n;
}

static u128 count_ones(u128 a, unsigned w)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w; i++)
        n += bit(a, i);
    return n;
}

/* unit bits at a time: 1 reverses bits, 8 bytes. */
static u128 reverse(u128 a, unsigned w, unsigned unit)
{
    u128 out = 0;

    for (unsigned i = 0; i < w; i += unit)
        out = out << unit | (a >> i & ones(unit));
    return out;
}

static u128 carryless(u64 a, u64 b)
{
    u128 out = 0;

    for (unsigned i = 0; i < 64; i++)
        if (bit(b, i))
            out ^= (u128)a << i;
    return out;
}

static u128 extract_bits(u64 a, u64 mask)
{
    u128 out = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < 64; i++)
        if (bit(mask, i))
            out |= (u128)bit(a, i) << n++;
    return out;
}

static u128 deposit_bits(u64 a, u64 mask)
{
    u128 out = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < 64; i++)
        if (bit(mask, i))
            out |= (u128)bit(a, n++) << i;
    return out;
}

static u128 rotate_left(u128 a, unsigned w, unsigned n)
{
    return n % w ? a << n % w | a >> (w - n % w) : a;
}

static u128 deposit(const struct ir_op *op, u128 a, u128 b)
{
    u128 mask = ones((unsigned)op->imm2) << op->imm;

    return (a & ~mask) | (b << op->imm & mask);
}

static u128 divide(enum ir_opcode op, u128 a, u128 b, unsigned w)
{
    s128 sa = sign(a, w), sb = sign(b, w);

    BUG_ON(b == 0);
    switch (op) {
    case IR_DIVU: return a / b;
    case IR_REMU: return a % b;
    case IR_DIVS: return sb == -1 ? 0 - a : (u128)(sa / sb);
    default: return sb == -1 ? 0 : (u128)(sa % sb);
    }
}

/* Bit w of a + b + c; of 128-bit operands too, whose sum does not fit. */
static bool carry_out(u128 a, u128 b, u128 c, unsigned w)
{
    u128 room = ones(w) - a;

    return b > room || (c && b == room);
}

static bool borrow_out(u128 a, u128 b, u128 c)
{
    return a < b || (c && a == b);
}

/* Signed overflow of a + b + c: operands agree in sign, the sum does not. */
static bool overflow(u128 a, u128 b, u128 sum, unsigned w)
{
    return bit(a, w - 1) == bit(b, w - 1) && bit(a, w - 1) != bit(sum, w - 1);
}

/* --- SHA-256, as FIPS 180-4 says it --- */

static u32 word(u128 v, unsigned i)
{
    return (u32)(v >> 32 * i);
}

/* ROTR, section 3.2 */
static u32 rotr(u32 x, unsigned n)
{
    return (u32)rotate_left(x, 32, 32 - n);
}

/* Section 6.2.2, step 3; s[0] to s[7] are a to h. */
static void sha256_round(u32 *s, u32 wk)
{
    u32 ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
    u32 maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    u32 sum0 = rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22);
    u32 sum1 = rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25);
    u32 t1 = s[7] + sum1 + ch + wk, t2 = sum0 + maj;

    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += t1;
    s[0] = t1 + t2;
}

/* Four words of the state from word `first` on. */
static u128 sha256_rounds(u128 abcd, u128 efgh, u128 wk, unsigned first)
{
    u128 out = 0;
    u32 s[8];

    for (unsigned i = 0; i < 8; i++)
        s[i] = word(i < 4 ? abcd : efgh, i % 4);
    for (unsigned i = 0; i < 4; i++)
        sha256_round(s, word(wk, i));
    for (unsigned i = 0; i < 4; i++)
        out |= (u128)s[first + i] << 32 * i;
    return out;
}

static u128 sha256_sigma0(u128 a, u128 b)
{
    u128 out = 0;

    for (unsigned i = 0; i < 4; i++) {
        u32 x = i < 3 ? word(a, i + 1) : word(b, 0);
        u32 sigma = rotr(x, 7) ^ rotr(x, 18) ^ x >> 3;

        out |= (u128)(u32)(word(a, i) + sigma) << 32 * i;
    }
    return out;
}

static u128 sha256_sigma1(u128 a, u128 b, u128 c)
{
    u128 out = 0;

    for (unsigned i = 0; i < 4; i++) {
        u32 x = i < 2 ? word(c, i + 2) : word(out, i - 2);
        u32 sigma = rotr(x, 17) ^ rotr(x, 19) ^ x >> 10;
        u32 other = i < 3 ? word(b, i + 1) : word(c, 0);

        out |= (u128)(u32)(word(a, i) + other + sigma) << 32 * i;
    }
    return out;
}

static u128 pure_any(const struct ir_op *op, unsigned wa, u128 a, u128 b, u128 c)
{
    s128 sa = sign(a, wa), sb = sign(b, wa);
    unsigned n = (unsigned)b & (wa - 1);

    switch (op->op) {
    case IR_CONST: return op->imm;
    case IR_ADD: return a + b;
    case IR_SUB: return a - b;
    case IR_MUL: return a * b;
    case IR_MULHU: return a * b >> wa;
    case IR_MULHS: return (u128)(sa * sb >> wa);
    case IR_MULHSU: return (u128)((s128)((u128)sa * b) >> wa);
    case IR_DIVU:
    case IR_DIVS:
    case IR_REMU:
    case IR_REMS: return divide(op->op, a, b, wa);
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_ANDN: return a & ~b;
    case IR_SHL: return a << n;
    case IR_SHR: return a >> n;
    case IR_SAR: return (u128)(sa >> n);
    case IR_ROTL: return rotate_left(a, wa, n);
    case IR_ROTR: return rotate_left(a, wa, wa - n);
    case IR_MINU: return a < b ? a : b;
    case IR_MAXU: return a > b ? a : b;
    case IR_MINS: return sa < sb ? a : b;
    case IR_MAXS: return sa > sb ? a : b;
    case IR_NEG: return 0 - a;
    case IR_NOT: return ~a;
    case IR_BSWAP: return reverse(a, wa, 8);
    case IR_BITREV: return reverse(a, wa, 1);
    case IR_CLZ: return count_leading(a, wa);
    case IR_CTZ: return count_trailing(a, wa);
    case IR_POPCNT: return count_ones(a, wa);
    case IR_CLMUL: return (u64)carryless((u64)a, (u64)b);
    case IR_CLMULH: return carryless((u64)a, (u64)b) >> 64;
    case IR_PEXT: return extract_bits((u64)a, (u64)b);
    case IR_PDEP: return deposit_bits((u64)a, (u64)b);
    case IR_SHA256A: return sha256_rounds(a, b, c, 0);
    case IR_SHA256E: return sha256_rounds(a, b, c, 4);
    case IR_SHA256S0: return sha256_sigma0(a, b);
    case IR_SHA256S1: return sha256_sigma1(a, b, c);
    case IR_SEXT: return (u128)sa;
    case IR_ZEXT: return a;
    case IR_TRUNC: return a;
    case IR_HIGH64: return a >> 64;
    case IR_CONCAT64: return b << 64 | a;
    case IR_DEPOSIT: return deposit(op, a, b);
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LTU: return a < b;
    case IR_LEU: return a <= b;
    case IR_LTS: return sa < sb;
    case IR_LES: return sa <= sb;
    case IR_SELECT: return a ? b : c;
    case IR_CARRY: return carry_out(a, b, c, wa);
    case IR_BORROW: return borrow_out(a, b, c);
    case IR_ADDOVF: return overflow(a, b, a + b + c, wa);
    case IR_SUBOVF: return overflow(a, ~b, a - b - c, wa);
    case IR_PARITY: return ~count_ones(a, 8) & 1;
    }
    BUG("not a pure operation");
}

u128 ir_pure(const struct ir_op *op, unsigned wa, u128 a, u128 b, u128 c)
{
    return pure_any(op, wa ? wa : 1, a, b, c) & ones(ir_type_bits(op->type));
}
