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
static unsigned lines[MAX_INSNS], count;
static char folder[] = "/tmp/vm-text-XXXXXX";

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

static void compare(char *theirs, unsigned i, gva_t pc, unsigned *same, unsigned *unknown)
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
        (*unknown)++;
        return;
    }
    objdump_normalise(theirs, "//");
    objdump_normalise(ours, "//");
    if (strcmp(ours, theirs))
        (void)TEST_FAIL_("%08x (%s) is \"%s\", binutils says \"%s\"", words[i],
                         arm64_lines.lines[lines[i]].id, ours, theirs);
    else
        (*same)++;
}

TEST(text_is_what_binutils_prints)
{
    char command[512], text[512];
    unsigned i = 0, same = 0, unknown = 0;
    FILE *pipe;

    if (system("aarch64-linux-gnu-objdump --version >/dev/null 2>&1") ||
        system("aarch64-linux-gnu-as --version >/dev/null 2>&1"))
        TEST_SKIP("aarch64-linux-gnu-as and -objdump (binutils-aarch64-linux-gnu) are not there");
    choose();
    if (!mkdtemp(folder))
        TEST_SKIP("no folder could be made in /tmp");
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
        compare(theirs, i, at, &same, &unknown);
        i++;
    }
    CHECK_EQ(pclose(pipe), 0);
    CHECK_EQ(i, count);
    CHECK(same > 4000);
    printf("# %u texts agree, %u are unknown to one of the two\n", same, unknown);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

TEST_MAIN(TEST_CASE(text_is_what_binutils_prints))
