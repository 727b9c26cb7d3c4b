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

TEST_MAIN(TEST_CASE(width_8), TEST_CASE(width_16), TEST_CASE(width_32), TEST_CASE(width_64),
          TEST_CASE(width_128), TEST_CASE(one_bit), TEST_CASE(known_answers))
