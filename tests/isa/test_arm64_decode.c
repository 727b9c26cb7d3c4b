/*
 * arm64's decoder against an independent list of A64's encodings, asmjit's database: every line
 * there of what is described here decodes to the instruction it names, and nothing else decodes.
 */
#include "base/bits.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/model.h"
#include "isa/arm64/state.h"
#include "random.h"
#include "test.h"

/* Read where it is given; SHARED_DATA is the default place. */
static const char *data_folder(void)
{
    const char *given = getenv("VM_SHARED_DATA");

    return given ? given : SHARED_DATA;
}

/* --- the list --- */

enum { MAX_ENTRIES = 2800 };

/* What is described: extensions by the list's names, "" is the base set. */
static const char *const extensions[] = { "",      "CRC32",  "LSE", "LRCPC", "LRCPC2",
                                          "FLAGM", "FLAGM2", "SB",  "PAUTH", "WFXT" };

/* The same of V registers. Which widths an instruction has the list does not tell: the comparison
 * with binutils in test_arm64_text.c does. */
static const char *const vector_extensions[] = { "ASIMD", "AES",  "BF16",    "DOTPROD", "FCMA",
                                                 "FHM",   "FP16", "FRINTTS", "I8MM",    "JSCVT",
                                                 "RDM",   "SHA1", "SHA256",  "SHA3",    "SHA512",
                                                 "SM3",   "SM4" };

/* Of the base set what is not described, or in part: encodings of these may decode. */
static const char *const left_out[] = { "at",     "dc",    "dcps1",  "dcps2", "dcps3", "drps",
                                        "ic",     "msr",   "sysl",   "tlbi",  "stllr", "stllrb",
                                        "stllrh", "ldlar", "ldlarb", "ldlarh" };

/* Lines of the list that are wrong, and what is right; NULL: an alias, left out. */
static const struct {
    const char *inst, *op, *why;
} wrong[] = {
    { "cbz Wn, #relS*4", "00110100|relS:19|Rn", "it has CBNZ's" },
    { "cbz Xn, #relS*4", "10110100|relS:19|Rn", "the same" },
    { "cas Ws, Wd, [Xn|SP]", "10001000|101|Rs|0|11111|Rn|Rd", "it has STXP's" },
    { "casa Ws, Wd, [Xn|SP]", "10001000|111|Rs|0|11111|Rn|Rd", "it has LDXP's" },
    { "casal Ws, Wd, [Xn|SP]", "10001000|111|Rs|1|11111|Rn|Rd", "it has LDAXP's" },
    { "casl Ws, Wd, [Xn|SP]", "10001000|101|Rs|1|11111|Rn|Rd", "it has STLXP's" },
    { "cas Xs, Xd, [Xn|SP]", "11001000|101|Rs|0|11111|Rn|Rd", "the same for X" },
    { "casa Xs, Xd, [Xn|SP]", "11001000|111|Rs|0|11111|Rn|Rd", "the same for X" },
    { "casal Xs, Xd, [Xn|SP]", "11001000|111|Rs|1|11111|Rn|Rd", "the same for X" },
    { "casl Xs, Xd, [Xn|SP]", "11001000|101|Rs|1|11111|Rn|Rd", "the same for X" },
    { "ldraa Xd, [Xn|SP, #offS]{!}", "11111000|0|offS:1|1|offS:9|W|1|Rn|Rd", "W1 is two" },
    { "ldrab Xd, [Xn|SP, #offS]{!}", "11111000|1|offS:1|1|offS:9|W|1|Rn|Rd", "the same" },
    { "dsb #barrier_op", "11010101|000|00|011|0011|CRm|100|11111", "it has DMB's" },
    { "ret Xn", "11010110|010|11111|000000|Rn|00000", "an opcode that is not allocated" },
    { "fmla Vx.4S, Vn.4S, Vm.S[#idx]", "01001111|10|idx[0]|Vm|0001|idx[1]|0|Vn|Vx", "it has 2D's" },
    { "fmls Vx.4S, Vn.4S, Vm.S[#idx]", "01001111|10|idx[0]|Vm|0101|idx[1]|0|Vn|Vx", "the same" },
    { "fmul Vd.4S, Vn.4S, Vm.S[#idx]", "01001111|10|idx[0]|Vm|1001|idx[1]|0|Vn|Vd", "the same" },
    { "fmulx Vd.4S, Vn.4S, Vm.S[#idx]", "01101111|10|idx[0]|Vm|1001|idx[1]|0|Vn|Vd", "the same" },
    { "fabd Vd.2S, Vn.2S, Vm.2S", "00101110|10|1|Vm|11010|1|Vn|Vd", "bit 21 is clear" },
    { "fabd Vd.4S, Vn.4S, Vm.4S", "01101110|10|1|Vm|11010|1|Vn|Vd", "the same, and Q" },
    { "fabd Vd.2D, Vn.2D, Vm.2D", "01101110|11|1|Vm|11010|1|Vn|Vd", "the same" },
    { "fsqrt Sd, Sn", "00011110|00|10000|11100|00|Vn|Vd", "the type is not single precision's" },
    { "fsqrt Dd, Dn", "00011110|01|10000|11100|00|Vn|Vd", "the type is half precision's" },
    { "mvn Wd, Wn, {sop #n}", NULL, "an X among the bits" },
    { "mvn Xd, Xn, {sop #n}", NULL, "the same" },
    { "ror Wd, Wn, #n", NULL, "Rn stands for Rm" },
    { "ror Xd, Xn, #n", NULL, "the same" },
};

/* Aliases, and what they are spelled as here. */
static const struct {
    const char *alias, *names;
} aliases[] = {
    { "asr", "asrv sbfm" },
    { "autia1716", "hint" },
    { "autiasp", "hint" },
    { "autiaz", "hint" },
    { "autib1716", "hint" },
    { "autibsp", "hint" },
    { "autibz", "hint" },
    { "bfc", "bfm" },
    { "bfi", "bfm" },
    { "bfxil", "bfm" },
    { "cinc", "csinc" },
    { "cinv", "csinv" },
    { "cmn", "adds" },
    { "cmp", "subs" },
    { "cneg", "csneg" },
    { "csdb", "hint" },
    { "cset", "csinc" },
    { "csetm", "csinv" },
    { "fcvtx", "fcvtxn" },
    { "fcvtx2", "fcvtxn2" },
    { "ldp", "ldnp" }, /* one pattern has all forms */
    { "mvn", "not" },
    { "lsl", "lslv ubfm" },
    { "lsr", "lsrv ubfm" },
    { "mneg", "msub" },
    { "mov", "orr add movz movn ins dup umov" },
    { "mul", "madd" },
    { "neg", "sub" },
    { "negs", "subs" },
    { "ngc", "sbc" },
    { "ngcs", "sbcs" },
    { "nop", "hint" },
    { "pacia1716", "hint" },
    { "paciasp", "hint" },
    { "paciaz", "hint" },
    { "pacib1716", "hint" },
    { "pacibsp", "hint" },
    { "pacibz", "hint" },
    { "pssbb", "dsb" },
    { "ror", "rorv" },
    { "sbfiz", "sbfm" },
    { "sbfx", "sbfm" },
    { "sev", "hint" },
    { "sevl", "hint" },
    { "smnegl", "smsubl" },
    { "smull", "smaddl" },
    { "ssbb", "dsb" },
    { "stp", "stnp" },
    { "sxtb", "sbfm" },
    { "sxth", "sbfm" },
    { "sxtl", "sshll" },
    { "sxtl2", "sshll2" },
    { "sxtw", "sbfm" },
    { "tst", "ands" },
    { "uxtl", "ushll" },
    { "uxtl2", "ushll2" },
    { "ubfiz", "ubfm" },
    { "ubfx", "ubfm" },
    { "umnegl", "umsubl" },
    { "umull", "umaddl" },
    { "uxtb", "ubfm" },
    { "uxth", "ubfm" },
    { "wfe", "hint" },
    { "wfi", "hint" },
    { "xpaclri", "hint" },
    { "yield", "hint" },
};

/* The same of V registers: entries of that name whose bits `where` are `is`, and what is to be
 * flipped in them. */
static const struct {
    const char *name;
    u32 where, is, flip;
    const char *why;
} wrong_bits[] = {
    { "bfmlalb", 0xffc0f400, 0x0fc0f400, 0x00000400, "bit 10 is set" },
    { "bfmlalt", 0xffc0f400, 0x4fc0f400, 0x00000400, "the same" },
    { "fcmla", 0xbf009400, 0x2f009000, 0x00008000, "bit 15 is set" },
    { "bif", 0xbf000000, 0x2f000000, 0x01000000, "bit 24 says: by element" },
    { "bit", 0xbf000000, 0x2f000000, 0x01000000, "the same" },
    { "bsl", 0xbf000000, 0x2f000000, 0x01000000, "the same" },
    { "cmeq", 0xbf3ffc00, 0x2e209800, 0x20000000, "it has CMLE's" },
    { "facge", 0xffe0fc00, 0x7e40ec00, 0x00200000, "bit 21 is clear" },
    { "facgt", 0xffe0fc00, 0x7ec0ec00, 0x00200000, "the same" },
    { "fcvtx", 0xbf7ffc00, 0x2e216800, 0x00400000, "there is none from single precision" },
    { "fcvtx2", 0xbf7ffc00, 0x2e216800, 0x00400000, "the same" },
    { "ld4", 0xbfa00000, 0x0d800000, 0x00200000, "it has LD3's" },
    { "st4", 0xbfa00000, 0x0d800000, 0x00200000, "it has ST3's" },
    { "sqdmlal", 0xff000400, 0x1f000000, 0x10000000, "bit 28 says: scalar" },
    { "sqdmlal2", 0xff000400, 0x5f000000, 0x10000000, "the same" },
    { "sqdmlsl", 0xff000400, 0x1f000000, 0x10000000, "the same" },
    { "sqdmlsl2", 0xff000400, 0x5f000000, 0x10000000, "the same" },
    { "sqdmull", 0xff20fc00, 0x0e20b400, 0x00006400, "it has SQDMULH's" },
    { "sqdmull2", 0xff20fc00, 0x4e20b400, 0x00006400, "the same" },
    { "sqrshrun", 0x0f00fc00, 0x0f009c00, 0x00001000, "it has UQRSHRN's" },
    { "sqrshrun2", 0x0f00fc00, 0x0f009c00, 0x00001000, "the same" },
    { "sqrshrun", 0x3f00fc00, 0x3f009c00, 0x00001000, "the same" },
    { "sqxtun", 0x2f3ffc00, 0x0e214800, 0x20006000, "it has SQXTN's" },
    { "sqxtun2", 0x2f3ffc00, 0x0e214800, 0x20006000, "the same" },
    { "uqshrn", 0x2f00fc00, 0x0f009400, 0x20000000, "it has SQSHRN's" },
    { "uqshrn2", 0x2f00fc00, 0x0f009400, 0x20000000, "the same" },
};

struct entry {
    char name[32];
    u32 mask, match;
    bool partly; /* its encodings may decode, or not */
    bool vector; /* some of them decode */
    char ext[16];
};

static struct entry entries[MAX_ENTRIES];
static unsigned entry_count;

/* Bits of one part of an encoding: literal bits, "name:bits", or a name with a usual width. */
static bool entry_part(struct entry *e, unsigned *bits, const char *part)
{
    const char *colon = strchr(part, ':');
    unsigned hi, lo, n = 0;

    part += strspn(part, " ");
    if (part[strspn(part, "01 ")] == '\0') {
        for (; *part == '0' || *part == '1'; part++, ++*bits) {
            e->mask = e->mask << 1 | 1;
            e->match = e->match << 1 | (*part == '1');
        }
        return true;
    }
    if (strchr(part, '[')) /* "relS[20:2]", "relS[1:0]", "idx[0]" */
        n = sscanf(strchr(part, '['), "[%u:%u]", &hi, &lo) == 2 ? hi - lo + 1 : 1;
    else if (colon)
        n = (unsigned)strtoul(colon + 1, NULL, 10);
    else if (part[0] == 'R' || part[0] == 'V')
        n = 5;
    else if (!strcmp(part, "cond") || !strcmp(part, "nzcv") || !strcmp(part, "CRm") ||
             !strcmp(part, "CRn"))
        n = 4;
    else if (!strcmp(part, "sop") || !strcmp(part, "sz"))
        n = 2;
    else if (!strcmp(part, "W") || !strcmp(part, "!post"))
        n = 1;
    e->mask <<= n;
    e->match <<= n;
    *bits += n;
    return n > 0;
}

static bool is_in(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

/* Puts the list's mistakes right; false: there is nothing to be put. */
static bool correct(const char *inst, char *op, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (strcmp(wrong[i].inst, inst))
            continue;
        if (!wrong[i].op)
            return false;
        snprintf(op, size, "%s", wrong[i].op);
    }
    return true;
}

/* The text between the quotes that follow key. */
static bool quoted(const char *line, const char *key, char *out, size_t size)
{
    const char *at = strstr(line, key);
    size_t n;

    if (!at)
        return false;
    at = strchr(at + strlen(key), '"');
    if (!at)
        return false;
    n = strcspn(++at, "\"");
    if (n >= size)
        return false;
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

static void entry_line(const char *text, const char *ext, bool vector)
{
    struct entry *e = &entries[entry_count];
    char inst[256], op[256];
    unsigned bits = 0;
    bool sound = true;

    if (entry_count == MAX_ENTRIES || !quoted(text, "\"inst\":", inst, sizeof inst) ||
        !quoted(text, "\"op\":", op, sizeof op) || !correct(inst, op, sizeof op))
        return;
    *e = (struct entry){ 0 };
    snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(inst, " |."), inst);
    for (char *part = strtok(op, "|"); part; part = strtok(NULL, "|"))
        sound &= entry_part(e, &bits, part);
    if (!sound || bits != 32) {
        (void)TEST_FAIL_("\"%s\" is not understood: %u bits", inst, bits);
        return;
    }
    e->vector = vector;
    snprintf(e->ext, sizeof e->ext, "%.15s", ext);
    for (size_t i = 0; i < ARRAY_SIZE(wrong_bits); i++)
        if (!strcmp(e->name, wrong_bits[i].name) &&
            (e->match & wrong_bits[i].where) == wrong_bits[i].is) {
            e->match ^= wrong_bits[i].flip;
            break;
        }
    e->partly = is_in(e->name, left_out, ARRAY_SIZE(left_out));
    entry_count++;
}

static bool read_list(void)
{
    char path[1024], text[1024], ext[64];
    bool wanted = false, vector = false;
    FILE *in;

    snprintf(path, sizeof path, "%s/asmjit-db/isa_aarch64.json", data_folder());
    in = fopen(path, "r");
    if (!in)
        return false;
    entry_count = 0;
    while (fgets(text, sizeof text, in)) {
        if (strstr(text, "\"category\":")) {
            if (!quoted(text, "\"ext\":", ext, sizeof ext))
                ext[0] = '\0';
            vector = strstr(text, "\"ASIMD") != NULL;
            wanted = vector
                         ? is_in(ext, vector_extensions, ARRAY_SIZE(vector_extensions))
                         : strstr(text, "\"GP") && is_in(ext, extensions, ARRAY_SIZE(extensions));
        } else if (wanted) {
            entry_line(text, ext, vector);
        }
    }
    fclose(in);
    return true;
}

/* Values that the manual reserves in the encodings of the list: C4.1.89 to C4.1.95. */
static bool is_reserved(u32 w)
{
    bool wide = w >> 31, n = w >> 22 & 1;
    unsigned amount = w >> 10 & 63, rotate = w >> 16 & 63;

    if ((w & 0x1f200000) == 0x0b000000) /* add, subtract: shifted */
        return (w >> 22 & 3) == 3 || (!wide && amount > 31);
    if ((w & 0x1f000000) == 0x0a000000) /* logical: shifted */
        return !wide && amount > 31;
    if ((w & 0x1f200000) == 0x0b200000) /* add, subtract: extended */
        return (w >> 10 & 7) > 4 || (w >> 22 & 3);
    if ((w & 0x1f800000) == 0x12000000) { /* logical: an element of ones only, or none */
        unsigned size = n << 6 | (~amount & 63),
                 length = size ? 31 - (unsigned)__builtin_clz(size) : 0;

        return (n && !wide) || !length || (~amount & bits_mask(length)) == 0;
    }
    if ((w & 0x1f800000) == 0x12800000) /* move wide */
        return !wide && n;
    if ((w & 0x1f800000) == 0x13000000) /* bit fields */
        return n != wide || (!wide && (amount > 31 || rotate > 31));
    if ((w & 0x3b200c00) == 0x38200800) /* by index: bytes and halfwords are no indices */
        return !(w >> 14 & 1);
    if ((w & 0xffc00000) == 0x68400000) /* LDPSW has no non-temporal form */
        return true;
    if ((w & 0xbfa07c00) == 0x08207c00) /* CASP: odd pairs */
        return (w & 1) || (w >> 16 & 1);
    return false;
}

/* Bits of imm5 above the width in DUP, of imm4 below it in INS: zero in the list, ignored by the
 * manual (C7.2). */
static bool ignores_bits(u32 w)
{
    return (w & 0xbfe0fc00) == 0x0e000c00 || (w & 0xffe08400) == 0x6e000400;
}

static bool entry_matches(const struct entry *e, u32 w)
{
    return (w & e->mask) == e->match;
}

static bool listed(u32 w, bool *partly)
{
    bool found = false;

    *partly = ignores_bits(w);
    if (is_reserved(w))
        return false;
    for (unsigned i = 0; i < entry_count; i++)
        if (entry_matches(&entries[i], w)) {
            found |= !entries[i].partly;
            *partly |= entries[i].partly || entries[i].vector;
        }
    return found;
}

static struct isa_insn decode_key(u32 w, u64 key)
{
    struct isa_insn in = { 0 };
    u8 bytes[4];

    le32_put(bytes, w);
    CHECK_EQ(arm64_isa.decode(bytes, 4, key, &in), ISA_DECODE_OK);
    return in;
}

static struct isa_insn decode(u32 w)
{
    return decode_key(w, 0);
}

static bool is_defined(const struct isa_insn *in)
{
    return in->op != arm64_isa.op_count - 1;
}

/* Is the word one of the names, set apart by blanks? */
static bool among(const char *word, const char *names)
{
    const char *at = strstr(names, word);
    size_t n = strlen(word);

    for (; at; at = strstr(at + 1, word))
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

/* The decoded instruction has the name, or the one behind the alias. Stores of atomics are
 * their loads with XZR. */
static bool is_named(const struct isa_insn *in, const char *name)
{
    char text[128], load[40];

    arm64_isa.disassemble(in, 0, text, sizeof text);
    text[strcspn(text, " .")] = '\0';
    if (!strcmp(text, name))
        return true;
    snprintf(load, sizeof load, "ld%s", name + 2);
    if (!strncmp(name, "st", 2) && !strcmp(text, load) &&
        (in->raw & 0x3f20fc1f) == (in->raw & 0x3f20fc00) + 31)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
        if (!strcmp(aliases[i].alias, name) && among(text, aliases[i].names))
            return true;
    return false;
}

/* --- cases --- */

TEST(every_listed_encoding_decodes_to_its_name)
{
    u64 rng = 2;

    if (!read_list())
        TEST_SKIP("asmjit's database is not there: give its folder's parent as VM_SHARED_DATA");
    CHECK(entry_count > 550);
    printf("# %u lines of the list\n", entry_count);
    for (unsigned i = 0; i < entry_count; i++) {
        const struct entry *e = &entries[i];
        unsigned tried = 0;

        for (unsigned n = 0; n < 2000 && !e->partly; n++) {
            u32 w = ((u32)random_u64(&rng) & ~e->mask) | e->match;
            struct isa_insn in = decode(w);

            if (!e->vector && is_reserved(w))
                continue;
            if (e->vector) {
                tried += is_defined(&in) && is_named(&in, e->name);
                continue;
            }
            tried++;
            if (!is_defined(&in) || !is_named(&in, e->name)) {
                (void)TEST_FAIL_("%08x is %s in the list and decodes to %s", w, e->name,
                                 arm64_isa.ops[in.op].name);
                break;
            }
        }
        if (!e->partly && !tried)
            (void)TEST_FAIL_("nothing decodes to %s, %08x of %08x", e->name, e->match, e->mask);
    }
}

static void check_word(u32 w, unsigned *failures)
{
    struct isa_insn in = decode(w);
    bool partly, is = listed(w, &partly);

    if (!partly && is_defined(&in) != is && (*failures)++ < 20)
        (void)TEST_FAIL_("%08x decodes to %s; in the list: %s", w, arm64_isa.ops[in.op].name,
                         is ? "yes" : "no");
}

TEST(nothing_else_decodes)
{
    unsigned failures = 0;
    u64 rng = 3;

    if (!read_list())
        TEST_SKIP("asmjit's database is not there: give its folder's parent as VM_SHARED_DATA");
    for (unsigned n = 0; n < 500000; n++)
        check_word((u32)random_u64(&rng), &failures);
    /* near what is listed: up to three bits flipped */
    for (unsigned n = 0; n < 500000; n++) {
        const struct entry *e = &entries[random_below(&rng, entry_count)];
        u32 w = ((u32)random_u64(&rng) & ~e->mask) | e->match;

        for (unsigned flips = random_below(&rng, 4); flips--;)
            w ^= 1u << random_below(&rng, 32);
        check_word(w, &failures);
    }
}

/* Vectors of half precision that the list has among those of all: FMOV, and conversions from and
 * to fixed point (C4.1.96). */
static bool is_half_unlisted(u32 w)
{
    unsigned opcode = w >> 11 & 31;

    return (w & 0x9ff8fc00) == 0x0f00fc00 ||
           ((w & 0x8ff00400) == 0x0f100400 && (opcode == 0x1c || opcode == 0x1f));
}

/* What a model has not is undefined, and all else is as it was; hints are never undefined. */
static void check_model(unsigned model, const char *const *has, size_t n)
{
    u64 rng = 5;

    for (unsigned i = 0; i < entry_count * 40; i++) {
        const struct entry *e = &entries[i / 40];
        u32 w = ((u32)random_u64(&rng) & ~e->mask) | e->match;
        struct isa_insn all = decode(w), in = decode_key(w, (u64)model << ARM_BLOCK_MODEL);
        bool some = false, partly = is_half_unlisted(w);

        for (unsigned k = 0; k < entry_count; k++) {
            some |= entry_matches(&entries[k], w) && is_in(entries[k].ext, has, n);
            partly |= entry_matches(&entries[k], w) && entries[k].partly;
        }
        some |= !strcmp(arm64_isa.ops[all.op].name, "hint");
        if (!partly && is_defined(&in) != (is_defined(&all) && some))
            (void)TEST_FAIL_("%s %08x is %s", arm64_isa.ops[all.op].name, w,
                             is_defined(&in) ? "there" : "not there");
    }
}

TEST(models)
{
    static const char *const a57[] = { "", "CRC32", "ASIMD", "AES", "SHA1", "SHA256" };
    static const char *const n1[] = { "",     "CRC32", "ASIMD",   "AES", "SHA1", "SHA256",
                                      "FP16", "LSE",   "DOTPROD", "RDM", "LRCPC" };

    if (!read_list())
        TEST_SKIP("asmjit's database is not there: give its folder's parent as VM_SHARED_DATA");
    check_model(ARM_MODEL_CORTEX_A57, a57, ARRAY_SIZE(a57));
    check_model(ARM_MODEL_NEOVERSE_N1, n1, ARRAY_SIZE(n1));
}

TEST(encoder_and_decoder_agree)
{
    u64 rng = 4;

    for (unsigned line = 0; line < arm64_lines.line_count; line++) {
        const struct isa_line *l = &arm64_lines.lines[line];
        unsigned tried = 0;

        for (unsigned n = 0; n < 3000 && tried < 100; n++) {
            struct isa_insn in;
            u32 w;

            if (!isa_line_encode(&arm64_lines, line, (u32)random_u64(&rng), &w))
                continue;
            tried++;
            in = decode(w);
            if (arm64_lines.line_of_op[in.op] != line || in.len != 4 || in.raw != w)
                (void)TEST_FAIL_("%08x of %s decodes to %s, %u bytes", w, l->id,
                                 arm64_isa.ops[in.op].name, in.len);
        }
        if (!tried)
            (void)TEST_FAIL_("no encoding of %s was found", l->id);
    }
}

/* Register 31 is XZR, the sink or SP; immediates are final. */
TEST(operands_are_where_they_should_be)
{
    struct isa_insn in = decode(0x910043ff); /* add sp, sp, #16 */

    CHECK_EQ(in.reg[0], offsetof(struct arm_state, sp));
    CHECK_EQ(in.reg[1], offsetof(struct arm_state, sp));
    CHECK_EQ(in.imm, 16);
    in = decode(0xeb01001f); /* subs xzr, x0, x1 */
    CHECK_EQ(in.reg[0], offsetof(struct arm_state, sink));
    CHECK_EQ(in.reg[1], offsetof(struct arm_state, x[0]));
    in = decode(0xaa1f03e0); /* orr x0, xzr, xzr */
    CHECK_EQ(in.reg[1], offsetof(struct arm_state, zero));
    in = decode(0x9200f000); /* and x0, x0, #0x5555555555555555 */
    CHECK_EQ(in.imm, 0x5555555555555555);
    in = decode(0x17ffffff); /* b .-4 */
    CHECK_EQ(in.imm, -4);
    in = decode(0xa9bf7bfd); /* stp x29, x30, [sp, #-16]! */
    CHECK_EQ(in.imm, -16);
    in = decode(0x1280001f); /* movn wzr, #0 */
    CHECK_EQ(in.imm, 0xffffffff);
}

TEST_MAIN(TEST_CASE(every_listed_encoding_decodes_to_its_name), TEST_CASE(nothing_else_decodes),
          TEST_CASE(models), TEST_CASE(encoder_and_decoder_agree),
          TEST_CASE(operands_are_where_they_should_be))
