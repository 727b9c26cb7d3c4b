/*
 * test_calc.c - calc.h and the C texts of ops.def against the wide arithmetic of pure.c.
 *
 * Each pure operation runs at each width on edge and random operands, by the text that
 * semgen would print for it.
 */
#include "ir/calc.h"
#include "ir/check.h"
#include "test.h"

static u64 seed = 1;

static u64 rnd(void)
{
    u64 z = (seed += 0x9e3779b97f4a7c15ull);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static u128 operand(unsigned w)
{
    u128 v = (u128)rnd() << 64 | rnd();
    u128 mask = w == 128 ? ~(u128)0 : ((u128)1 << w) - 1;

    switch (rnd() % 8) {
    case 0: return 0;
    case 1: return mask;
    case 2: return (u128)1 << (w - 1);
    case 3: return mask >> 1;
    case 4: return (u128)1 << rnd() % w;
    case 5: return v & 0xff & mask;
    default: return v & mask;
    }
}

static int check(enum ir_opcode opcode, enum ir_type t, unsigned w, u128 a, u128 b, u128 c,
                 u128 got)
{
    struct ir_op op = { .op = (u8)opcode, .type = (u8)t };
    u128 want = ir_pure(&op, w, a, b, c);

    if (got == want)
        return 1;
    return TEST_FAIL_("%s of %u bits: %016" PRIx64 "%016" PRIx64 ", %016" PRIx64 "%016" PRIx64
                      " gives %016" PRIx64 "%016" PRIx64 ", not %016" PRIx64 "%016" PRIx64,
                      ir_op_infos[opcode].name, w, (u64)(a >> 64), (u64)a, (u64)(b >> 64), (u64)b,
                      (u64)(got >> 64), (u64)got, (u64)(want >> 64), (u64)want);
}

enum { ROUNDS = 20000 };

#define TYPE_8   IR_I8
#define TYPE_16  IR_I16
#define TYPE_32  IR_I32
#define TYPE_64  IR_I64
#define TYPE_128 IR_I128

#define R(op, w, expr) ok = ok && check(IR_##op, TYPE_##w, w, a, b, c, (u##w)(expr))
#define F(op, w, expr) ok = ok && check(IR_##op, IR_I1, w, a, b, c, (u8)(expr))

#define COMMON(w)                                                                                  \
    R(MUL, w, irc_mul##w(a, b));                                                                   \
    R(NOT, w, irc_not##w(a));                                                                      \
    R(ROTL, w, irc_rotl##w(a, b));                                                                 \
    R(ROTR, w, irc_rotr##w(a, b));                                                                 \
    R(BSWAP, w, irc_bswap##w(a));                                                                  \
    R(BITREV, w, irc_bitrev##w(a));                                                                \
    R(CLZ, w, irc_clz##w(a));                                                                      \
    R(CTZ, w, irc_ctz##w(a));                                                                      \
    R(POPCNT, w, irc_popcnt##w(a));                                                                \
    R(ADD, w, (u##w)(a + b));                                                                      \
    R(NEG, w, (u##w)(0 - a));                                                                      \
    R(SHL, w, (u##w)(a << (b & (w - 1))));                                                         \
    R(SHR, w, (u##w)(a >> (b & (w - 1))));                                                         \
    R(SAR, w, (u##w)((s##w)a >> (b & (w - 1))));                                                   \
    R(MINS, w, ((s##w)a < (s##w)b ? a : b));                                                       \
    R(MAXU, w, (a > b ? a : b));                                                                   \
    F(LTS, w, (u8)((s##w)a < (s##w)b));                                                            \
    F(LEU, w, (u8)(a <= b));                                                                       \
    F(CARRY, w, irc_carry##w(a, b, c));                                                            \
    F(BORROW, w, irc_borrow##w(a, b, c));                                                          \
    F(ADDOVF, w, irc_addovf##w(a, b, c));                                                          \
    F(SUBOVF, w, irc_subovf##w(a, b, c));                                                          \
    F(PARITY, w, (u8)!__builtin_parity((unsigned)a & 0xff));                                       \
    F(TRUNC, w, irc_trunc1(a))

#define DIVIDE(w)                                                                                  \
    if (b != 0) {                                                                                  \
        R(DIVU, w, (u##w)(a / b));                                                                 \
        R(REMU, w, (u##w)(a % b));                                                                 \
    }                                                                                              \
    if (b != 0 && !((s##w)b == -1 && a == (u##w)((u##w)1 << (w - 1)))) {                           \
        R(DIVS, w, (u##w)((s##w)a / (s##w)b));                                                     \
        R(REMS, w, (u##w)((s##w)a % (s##w)b));                                                     \
    }

#define HIGH(w)                                                                                    \
    R(MULHU, w, irc_mulhu##w(a, b));                                                               \
    R(MULHS, w, irc_mulhs##w(a, b));                                                               \
    R(MULHSU, w, irc_mulhsu##w(a, b));                                                             \
    ok = ok && check(IR_SEXT, IR_I128, w, a, 0, 0, (u128)(s128)irc_sext##w(a))

#define WIDTH_TEST(w, more)                                                                        \
    TEST(width_##w)                                                                                \
    {                                                                                              \
        bool ok = true;                                                                            \
                                                                                                   \
        for (unsigned i = 0; ok && i < ROUNDS; i++) {                                              \
            u##w a = (u##w)operand(w), b = (u##w)operand(w);                                       \
            u8 c = (u8)(rnd() & 1);                                                                \
                                                                                                   \
            COMMON(w);                                                                             \
            DIVIDE(w)                                                                              \
            more;                                                                                  \
        }                                                                                          \
    }

WIDTH_TEST(8, HIGH(8))
WIDTH_TEST(16, HIGH(16))
WIDTH_TEST(32, HIGH(32))
WIDTH_TEST(64, HIGH(64); R(CLMUL, 64, irc_clmul(a, b)); R(CLMULH, 64, irc_clmulh(a, b));
           R(PEXT, 64, irc_pext(a, b)); R(PDEP, 64, irc_pdep(a, b)))
WIDTH_TEST(128, (void)0)

TEST(sha256)
{
    bool ok = true;

    for (unsigned i = 0; ok && i < ROUNDS; i++) {
        u128 a = operand(128), b = operand(128), c = operand(128);

        R(SHA256A, 128, irc_sha256a(a, b, c));
        R(SHA256E, 128, irc_sha256e(a, b, c));
        R(SHA256S0, 128, irc_sha256s0(a, b));
        R(SHA256S1, 128, irc_sha256s1(a, b, c));
    }
}

TEST(one_bit)
{
    for (u8 a = 0; a < 2; a++) {
        struct ir_op not = { .op = IR_NOT, .type = IR_I1 };
        struct ir_op sext = { .op = IR_SEXT, .type = IR_I32 };

        CHECK_EQ(irc_not1(a), ir_pure(&not, 1, a, 0, 0));
        CHECK_EQ((u32)irc_sext1(a), ir_pure(&sext, 1, a, 0, 0));
    }
}

/* The reference itself, on numbers from outside. */
TEST(known_answers)
{
    CHECK_EQ(irc_clmul(0xdeadbeefcafebabe, 0x0123456789abcdef), 0xf099825fe2af618a);
    CHECK_EQ(irc_pext(0x123456789abcdef0, 0xff00ff00ff00ff00), 0x12569ade);
    CHECK_EQ(irc_pdep(0x12569ade, 0xff00ff00ff00ff00), 0x120056009a00de00);
    CHECK_EQ(irc_mulhs64((u64)-1, (u64)-1), 0);
    CHECK_EQ(irc_mulhsu64((u64)-1, (u64)-1), (u64)-1);
    CHECK_EQ(irc_bitrev8(0x12), 0x48);
    CHECK_EQ(irc_clz16(0), 16);
    CHECK_EQ(irc_ctz32(0), 32);
}

/* FIPS 180-4, 4.2.2 */
static const u32 sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static u128 add_words(u128 a, u128 b)
{
    return irc_words(irc_word(a, 0) + irc_word(b, 0), irc_word(a, 1) + irc_word(b, 1),
                     irc_word(a, 2) + irc_word(b, 2), irc_word(a, 3) + irc_word(b, 3));
}

/* "abc" hashed as programs do with these operations; NIST's example for FIPS 180-4. */
TEST(sha256_of_abc)
{
    const u128 a0 = irc_words(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a);
    const u128 e0 = irc_words(0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
    u128 a = a0, e = e0, w[16] = { irc_words(0x61626380, 0, 0, 0), 0, 0, irc_words(0, 0, 0, 24) };

    for (unsigned i = 0; i < 16; i++) {
        const u32 *k = sha256_k + 4 * i;
        u128 old = a, wk;

        if (i >= 4)
            w[i] = irc_sha256s1(irc_sha256s0(w[i - 4], w[i - 3]), w[i - 2], w[i - 1]);
        wk = add_words(w[i], irc_words(k[0], k[1], k[2], k[3]));
        a = irc_sha256a(old, e, wk);
        e = irc_sha256e(old, e, wk);
    }
    CHECK(add_words(a, a0) == irc_words(0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223));
    CHECK(add_words(e, e0) == irc_words(0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad));
}

TEST_MAIN(TEST_CASE(width_8), TEST_CASE(width_16), TEST_CASE(width_32), TEST_CASE(width_64),
          TEST_CASE(width_128), TEST_CASE(sha256), TEST_CASE(one_bit), TEST_CASE(known_answers),
          TEST_CASE(sha256_of_abc))
