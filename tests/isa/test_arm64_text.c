/*
 * arm64's disassembler against binutils: instructions are assembled as raw numbers and
 * printed by objdump with -M no-aliases. What only one of the two knows is counted, not compared.
 */
#include "base/bits.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/isa.h"
#include "objdump.h"
#include "random.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

enum { PER_LINE = 24, MAX_INSNS = 2048 * PER_LINE };

static u32 words[MAX_INSNS];
static unsigned lines[MAX_INSNS], count, same, unknown;

static void choose(void)
{
    u64 rng = 7;

    for (unsigned line = 0; line < arm64_lines.line_count; line++)
        for (unsigned n = 0, got = 0; n < 4000 && got < PER_LINE && count < MAX_INSNS; n++) {
            u32 w;

            if (!isa_line_encode(&arm64_lines, line, (u32)random_u64(&rng), &w))
                continue;
            words[count] = w;
            lines[count++] = line;
            got++;
        }
}

static bool write_source(const char *path)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return false;
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "\t.inst %#x\n", words[i]);
    return fclose(out) == 0;
}

/* A hint of PRFM that is a number with us and has a name in newer extensions: SLC, RPRFM. */
static bool newer_hint(const char *ours, const char *theirs)
{
    return !strncmp(ours, "prf", 3) && strchr(ours, '#') == strchr(ours, ' ') + 1 &&
           (!strncmp(theirs, "rprfm", 5) || strstr(theirs, "slc"));
}

/* Is it about a system register without a name, "s3_0_c0_c1_2"? */
static bool is_number(const char *text)
{
    const char *at = strpbrk(text, " \t");

    if (at && strncmp(text, "mrs", 3) == 0)
        at = strchr(at + 1, ' ');
    return at && at[1] == 's' && strchr("0123", at[2]) && at[3] == '_';
}

static void compare(char *theirs, unsigned i, u64 pc)
{
    struct isa_insn in;
    char ours[128];
    u8 bytes[4];

    le32_put(bytes, words[i]);
    arm64_isa.decode(bytes, 4, 0, &in);
    arm64_isa.disassemble(&in, pc, ours, sizeof ours);
    if (*theirs == '.' || strstr(theirs, "undefined") || newer_hint(ours, theirs) ||
        is_number(ours) != is_number(theirs)) {
        printf("# not known: %08x %s\n", words[i], ours);
        unknown++;
        return;
    }
    objdump_normalise(theirs, "//");
    objdump_normalise(ours, "//");
    if (strcmp(ours, theirs))
        (void)TEST_FAIL_("%08x (%s) is \"%s\", binutils says \"%s\"", words[i],
                         arm64_lines.lines[lines[i]].id, ours, theirs);
    else
        same++;
}

static bool have_binutils(void)
{
    return !system("aarch64-linux-gnu-objdump --version >/dev/null 2>&1") &&
           !system("aarch64-linux-gnu-as --version >/dev/null 2>&1");
}

/* What binutils prints of all words, one after another. */
static void disassemble(void (*with)(char *theirs, unsigned i, u64 at))
{
    char folder[] = "/tmp/vm-text-XXXXXX", command[512], text[512];
    unsigned i = 0;
    FILE *pipe;

    if (!CHECK(mkdtemp(folder) != NULL))
        return;
    snprintf(command, sizeof command, "%s/a.s", folder);
    CHECK(write_source(command));
    snprintf(command, sizeof command,
             "cd %s && aarch64-linux-gnu-as -o a.o a.s && "
             "aarch64-linux-gnu-objdump -d -z -M no-aliases a.o",
             folder);
    pipe = popen(command, "r");
    while (pipe && fgets(text, sizeof text, pipe)) {
        u64 at;
        char *theirs = objdump_after_encoding(text, &at);

        if (!theirs || i >= count || at != 4ull * i)
            continue;
        with(theirs, i++, at);
    }
    CHECK_EQ(pclose(pipe), 0);
    CHECK_EQ(i, count);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

TEST(text_is_what_binutils_prints)
{
    if (!have_binutils())
        TEST_SKIP("aarch64-linux-gnu-as and -objdump (binutils-aarch64-linux-gnu) are not there");
    choose();
    disassemble(compare);
    CHECK(same > 20000);
    printf("# %u texts agree, %u are unknown to one of the two\n", same, unknown);
}

/* --- the encodings of V registers, which asmjit's list does not tell exactly --- */

/* Data processing, loads and stores of V registers (C4.1). */
static void choose_any(void)
{
    u64 rng = 11;

    for (count = 0; count < MAX_INSNS; count++) {
        u32 w = (u32)random_u64(&rng);

        w = w & 1 ? w | 0x0e000000 : (w & ~0x02000000u) | 0x0c000000;
        if (random_below(&rng, 2)) /* what is fixed in most encodings */
            w = (w & ~0x00200000u) | (w & 0x400 ? 0x00200000 : 0);
        words[count] = w;
    }
}

/* Of which there are encodings in this space, and which are not described: MOPS, LRCPC3. And
 * what is UNDEFINED: FMLAL and FMLSL of vectors with sz, bit 22 (C7.2). */
static bool is_left_out(const char *theirs, u32 w)
{
    static const char *const names[] = { "cpy", "set", "ldap", "stl" };

    if ((w & 0xbf60fc00) == 0x0e60ec00 || (w & 0xbf60fc00) == 0x2e60cc00)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (!strncmp(theirs, names[i], strlen(names[i])))
            return true;
    return false;
}

static void compare_whether(char *theirs, unsigned i, u64 at)
{
    bool known = *theirs != '.' && !strstr(theirs, "undefined") && !is_left_out(theirs, words[i]);
    struct isa_insn in;
    u8 bytes[4];

    le32_put(bytes, words[i]);
    arm64_isa.decode(bytes, 4, 0, &in);
    objdump_normalise(theirs, "//");
    if (known != (in.op != arm64_isa.op_count - 1))
        (void)TEST_FAIL_("%08x is %s here, binutils says \"%s\"", words[i],
                         arm64_isa.ops[in.op].name, theirs);
    same += known;
}

TEST(what_binutils_knows_of_v_registers_decodes_and_nothing_else)
{
    if (!have_binutils())
        TEST_SKIP("aarch64-linux-gnu-as and -objdump (binutils-aarch64-linux-gnu) are not there");
    choose_any();
    same = 0;
    disassemble(compare_whether);
    CHECK(same > 5000);
    printf("# %u of %u words are instructions\n", same, count);
}

TEST_MAIN(TEST_CASE(text_is_what_binutils_prints),
          TEST_CASE(what_binutils_knows_of_v_registers_decodes_and_nothing_else))
