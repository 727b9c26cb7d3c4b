/*
 * riscv's decoder against the independent list of RISC-V's encodings, riscv-opcodes:
 * every line there decodes to the instruction it names, and nothing else decodes.
 */
#include "base/bits.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/state.h"
#include "random.h"
#include "test.h"

/* Read where it is given; SHARED_DATA is the default place. */
static const char *data_folder(void)
{
    const char *given = getenv("VM_SHARED_DATA");

    return given ? given : SHARED_DATA;
}

/* --- the list --- */

enum { MAX_ENTRIES = 600 };

static const char *const files[] = {
    "rv_i",        "rv64_i",   "rv_m",        "rv64_m",     "rv_a",           "rv64_a",
    "rv_f",        "rv64_f",   "rv_d",        "rv64_d",     "rv_c",           "rv64_c",
    "rv_c_d",      "rv_zicsr", "rv_zifencei", "rv_zba",     "rv64_zba",       "rv_zbb",
    "rv64_zbb",    "rv_zbs",   "rv64_zbs",    "rv_zbc",     "rv_zbkb",        "rv64_zbkb",
    "rv_zicond",   "rv_zicbo", "rv_zawrs",    "rv_f_zfa",   "rv_d_zfa",       "rv_zfhmin",
    "rv_d_zfhmin", "rv_zacas", "rv64_zacas",  "rv_zabha",   "rv_zabha_zacas", "rv_zcb",
    "rv64_zcb",    "rv_zimop", "rv_zcmop",    "rv_svinval", "rv_s",           "rv_system",
};

struct entry {
    char name[32];
    u32 mask, match;
    bool rounding; /* bits 14..12 are a rounding mode: 5 and 6 are reserved */
    u32 nonzero;   /* bits that must not all be zero */
    bool not_x2;   /* rd = 2 is another instruction */
    u32 even;      /* bits that must be zero: register pairs */
};

static struct entry entries[MAX_ENTRIES];
static unsigned entry_count;

/* Fields whose value 0 is reserved or another instruction; elsewhere in C it is a hint. */
static const struct {
    const char *name;
    u32 bits;
} reserved_zero[] = {
    { "c.addi4spn", 0x1fe0 }, { "c.addi16sp", 0x107c }, { "c.lui", 0x107c }, { "c.addiw", 0xf80 },
    { "c.lwsp", 0xf80 },      { "c.ldsp", 0xf80 },      { "c.jr", 0xf80 },   { "c.jalr", 0xf80 },
    { "c.mv", 0x7c },         { "c.add", 0x7c },        { "c.addi", 0xf80 },
};

static void entry_operand(struct entry *e, const char *word)
{
    if (!strcmp(word, "rm"))
        e->rounding = true;
    else if (!strcmp(word, "rd_n2"))
        e->not_x2 = true;
}

/* "14..12=2" or "12=0" fixes bits, anything else is an operand. */
static void entry_word(struct entry *e, const char *word)
{
    unsigned hi, lo;
    char value[32];

    if (sscanf(word, "%u..%u=%31s", &hi, &lo, value) != 3) {
        if (sscanf(word, "%u=%31s", &hi, value) != 2) {
            entry_operand(e, word);
            return;
        }
        lo = hi;
    }
    u64 v = strncmp(value, "0b", 2) == 0 ? strtoul(value + 2, NULL, 2) : strtoul(value, NULL, 0);

    e->mask |= (u32)(bits_mask(hi - lo + 1) << lo);
    e->match |= (u32)(v << lo);
}

static void entry_line(char *text)
{
    struct entry *e = &entries[entry_count];
    char *word = strtok(text, " \t\n");

    if (!word || *word == '#' || *word == '$' || entry_count == MAX_ENTRIES)
        return;
    *e = (struct entry){ 0 };
    snprintf(e->name, sizeof e->name, "%s", word);
    if (strlen(e->name) > 2 && !strcmp(e->name + strlen(e->name) - 2, ".N"))
        e->name[strlen(e->name) - 2] = '\0';
    while ((word = strtok(NULL, " \t\n")) && *word != '#')
        entry_word(e, word);
    for (size_t i = 0; i < ARRAY_SIZE(reserved_zero); i++)
        if (!strcmp(e->name, reserved_zero[i].name))
            e->nonzero = reserved_zero[i].bits;
    if (!strcmp(e->name, "amocas.q"))
        e->even = 1u << 7 | 1u << 20;
    entry_count++;
}

static bool read_list(void)
{
    entry_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char path[1024], text[512];
        FILE *in;

        snprintf(path, sizeof path, "%s/riscv-opcodes/extensions/%s", data_folder(), files[i]);
        in = fopen(path, "r");
        if (!in)
            return false;
        while (fgets(text, sizeof text, in))
            entry_line(text);
        fclose(in);
    }
    return true;
}

static bool entry_matches(const struct entry *e, u32 w)
{
    unsigned rm = w >> 12 & 7;

    return (w & e->mask) == e->match && !(e->rounding && (rm == 5 || rm == 6)) &&
           !(e->nonzero && !(w & e->nonzero)) && !(e->not_x2 && (w >> 7 & 31) == 2) &&
           !(w & e->even);
}

static bool listed(u32 w)
{
    for (unsigned i = 0; i < entry_count; i++)
        if ((entries[i].match & 3) == (w & 3) && entry_matches(&entries[i], w))
            return true;
    return false;
}

static struct isa_insn decode(u32 w)
{
    struct isa_insn in = { 0 };
    u8 bytes[4];

    le32_put(bytes, w);
    CHECK_EQ(riscv_isa.decode(bytes, 4, 0, &in), ISA_DECODE_OK);
    return in;
}

static bool is_defined(const struct isa_insn *in)
{
    return in->op != riscv_isa.op_count - 1;
}

/* Is the decoded line of that name, or carved out of one that is? */
static bool line_is(unsigned line, const char *name)
{
    if (!strcmp(riscv_lines.lines[line].mnemonic, name))
        return true;
    for (unsigned i = 0; i < riscv_lines.line_count; i++) {
        const struct isa_line *l = &riscv_lines.lines[i];

        for (unsigned k = 0; k < ISA_LINE_CARVED && l->carved[k]; k++)
            if (l->carved[k] == line + 1 && !strcmp(l->mnemonic, name))
                return true;
    }
    return false;
}

/* --- cases --- */

TEST(every_listed_encoding_decodes_to_its_name)
{
    u64 rng = 2;

    if (!read_list())
        TEST_SKIP("riscv-opcodes is not there: give its folder's parent as VM_SHARED_DATA");
    CHECK(entry_count > 290);
    for (unsigned i = 0; i < entry_count; i++) {
        const struct entry *e = &entries[i];
        unsigned tried = 0;

        for (unsigned n = 0; n < 2000; n++) {
            u32 w = ((u32)random_u64(&rng) & ~e->mask) | e->match;
            struct isa_insn in;

            if ((w & 3) != 3)
                w &= 0xffff;
            if (!entry_matches(e, w))
                continue;
            tried++;
            in = decode(w);
            if (!is_defined(&in) || !line_is(riscv_lines.line_of_op[in.op], e->name)) {
                (void)TEST_FAIL_("%08x is %s in the list and decodes to %s", w, e->name,
                                 riscv_isa.ops[in.op].name);
                break;
            }
        }
        CHECK(tried > 0);
    }
}

static void check_word(u32 w, unsigned *failures)
{
    struct isa_insn in = decode(w);

    if (is_defined(&in) != listed(w) && (*failures)++ < 20)
        (void)TEST_FAIL_("%08x decodes to %s; in the list: %s", w, riscv_isa.ops[in.op].name,
                         listed(w) ? "yes" : "no");
}

TEST(nothing_else_decodes)
{
    unsigned failures = 0;
    u64 rng = 3;

    if (!read_list())
        TEST_SKIP("riscv-opcodes is not there: give its folder's parent as VM_SHARED_DATA");
    for (u32 w = 0; w < 0x10000; w++)
        if ((w & 3) != 3)
            check_word(w, &failures);
    for (unsigned n = 0; n < 2000000; n++)
        check_word((u32)random_u64(&rng) | 3, &failures);
    /* near what is listed: one to three bits flipped */
    for (unsigned n = 0; n < 2000000; n++) {
        const struct entry *e = &entries[random_below(&rng, entry_count)];
        u32 w = ((u32)random_u64(&rng) & ~e->mask) | e->match;

        if ((w & 3) != 3)
            continue;
        for (unsigned flips = random_below(&rng, 4); flips--;)
            w ^= 1u << random_below(&rng, 32);
        check_word(w | 3, &failures);
    }
}

TEST(encoder_and_decoder_agree)
{
    u64 rng = 4;

    for (unsigned line = 0; line < riscv_lines.line_count; line++) {
        const struct isa_line *l = &riscv_lines.lines[line];
        unsigned tried = 0;

        for (unsigned n = 0; n < 3000 && tried < 100; n++) {
            struct isa_insn in;
            u32 w;

            if (!isa_line_encode(&riscv_lines, line, (u32)random_u64(&rng), &w))
                continue;
            tried++;
            in = decode(w);
            if (riscv_lines.line_of_op[in.op] != line || in.op < l->first_op ||
                in.op >= l->first_op + l->op_count || in.len != l->bytes || in.raw != w)
                (void)TEST_FAIL_("%08x of %s decodes to %s, %u bytes", w, l->id,
                                 riscv_isa.ops[in.op].name, in.len);
        }
        if (!tried)
            (void)TEST_FAIL_("no encoding of %s was found", l->id);
    }
}

TEST(fields_hold_what_is_put_into_them)
{
    u64 rng = 5;

    for (unsigned i = 0; i < riscv_lines.field_count; i++) {
        const struct isa_field *f = &riscv_lines.fields[i];

        for (unsigned n = 0; n < 1000; n++) {
            u32 from = (u32)random_u64(&rng), to = (u32)random_u64(&rng), mask = isa_field_mask(f);
            s64 v = isa_field_get(f, from);
            u32 w = to;

            CHECK(isa_field_put(f, &w, v));
            CHECK_EQ(w, (to & ~mask) | (from & mask));
            CHECK(!isa_field_put(f, &w, v + ((s64)1 << 40)));
        }
    }
}

TEST(short_input_asks_for_more)
{
    static const u8 add[4] = { 0xb3, 0x00, 0x31, 0x00 }, c_nop[2] = { 0x01, 0x00 };
    struct isa_insn in;

    for (unsigned avail = 0; avail < 4; avail++)
        CHECK_EQ(riscv_isa.decode(add, avail, 0, &in), ISA_DECODE_MORE);
    CHECK_EQ(riscv_isa.decode(add, 4, 0, &in), ISA_DECODE_OK);
    CHECK_STR(riscv_isa.ops[in.op].name, "add");
    CHECK_EQ(riscv_isa.decode(c_nop, 1, 0, &in), ISA_DECODE_MORE);
    CHECK_EQ(riscv_isa.decode(c_nop, 2, 0, &in), ISA_DECODE_OK);
    CHECK_STR(riscv_isa.ops[in.op].name, "c.nop");
}

/* x0 as a destination is the sink, as a source x[0]; compressed immediates. */
TEST(operands_are_where_they_should_be)
{
    struct isa_insn in = decode(0x00000013); /* addi zero,zero,0 */

    CHECK_EQ(in.reg[0], offsetof(struct rv_state, sink));
    CHECK_EQ(in.reg[1], offsetof(struct rv_state, x));
    in = decode(0xfff58513); /* addi a0,a1,-1 */
    CHECK_EQ(in.reg[0], offsetof(struct rv_state, x[10]));
    CHECK_EQ(in.reg[1], offsetof(struct rv_state, x[11]));
    CHECK_EQ(in.imm, -1);
    in = decode(0xfe000ee3); /* beq zero,zero,.-4 */
    CHECK_EQ(in.imm, -4);
    in = decode(0x1141); /* c.addi sp,-16 */
    CHECK_EQ(in.reg[0], offsetof(struct rv_state, x[2]));
    CHECK_EQ(in.imm, -16);
    in = decode(0x7159); /* c.addi16sp sp,-112 */
    CHECK_EQ(in.imm, -112);
    in = decode(0x28a5a82f); /* amocas.w a6,a0,(a1) */
    CHECK_EQ(in.reg[3], offsetof(struct rv_state, x[16]));
}

TEST_MAIN(TEST_CASE(every_listed_encoding_decodes_to_its_name), TEST_CASE(nothing_else_decodes),
          TEST_CASE(encoder_and_decoder_agree), TEST_CASE(fields_hold_what_is_put_into_them),
          TEST_CASE(short_input_asks_for_more), TEST_CASE(operands_are_where_they_should_be))
