/*
 * riscv's disassembler against binutils: instructions are assembled as raw numbers and
 * printed by objdump with -M no-aliases. What objdump does not know it prints as a
 * number; that is counted, not compared.
 */
#include "base/bits.h"
#include "isa/riscv/isa.h"
#include "isa/riscv/decode.h"
#include "objdump.h"
#include "random.h"
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

enum { PER_LINE = 24, MAX_INSNS = 350 * PER_LINE };

static u32 words[MAX_INSNS];
static unsigned lines[MAX_INSNS], count;
static char folder[] = "/tmp/vm-text-XXXXXX";

/* Lines whose text differs from binutils' on purpose. */
static const struct {
    const char *id, *why;
} different[] = {
    { "c.nop", "binutils prints no operand or an immediate, by version" },
    { "fence", "binutils has no name for an empty set and prints fm as part of the name" },
    { "fence/mem", "the same" },
    { "fence.i", "binutils knows only the encoding with zero fields" },
    { "fence.tso", "the same" },
    { "csrrw", "CSR names differ by version" },
    { "csrrs", "the same" },
    { "csrrc", "the same" },
    { "csrrwi", "the same" },
    { "csrrsi", "the same" },
    { "csrrci", "the same" },
};

static bool is_different(const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(different); i++)
        if (!strcmp(different[i].id, id))
            return true;
    return false;
}

static void choose(void)
{
    u64 rng = 7;

    for (unsigned line = 0; line < riscv_lines.line_count; line++)
        for (unsigned n = 0, got = 0; n < 4000 && got < PER_LINE && count < MAX_INSNS; n++) {
            u32 w;

            if (is_different(riscv_lines.lines[line].id) ||
                !isa_line_encode(&riscv_lines, line, (u32)random_u64(&rng), &w))
                continue;
            words[count] = w;
            lines[count++] = line;
            got++;
        }
}

#define BINUTILS_2_40                                                                              \
    "rv64imafdc_zicsr_zifencei_zba_zbb_zbs_zbc_zbkb_zicbom_zicboz_zicbop_zawrs_zfhmin_"             \
    "zihintpause_svinval"
#define BINUTILS_2_44 BINUTILS_2_40 "_zfa_zacas_zabha_zcb_zicond_zimop_zcmop"

/* The extensions that this assembler knows, and so objdump prints. */
static const char *arch(void)
{
    return system("riscv64-linux-gnu-as -march=" BINUTILS_2_44
                  " -o /dev/null /dev/null 2>/dev/null")
               ? BINUTILS_2_40
               : BINUTILS_2_44;
}

static bool write_source(const char *path)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return false;
    fprintf(out, "\t.attribute arch, \"%s\"\n", arch());
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "\t.insn %#x\n", words[i]);
    return fclose(out) == 0;
}

static void compare(char *theirs, unsigned i, gva_t pc, unsigned *same, unsigned *unknown)
{
    struct isa_insn in;
    char ours[128];
    u8 bytes[4];

    le32_put(bytes, words[i]);
    riscv_isa.decode(bytes, 4, 0, &in);
    riscv_isa.disassemble(&in, pc, ours, sizeof ours);
    /* a compressed shift by 0, the hint, is "c.slli64" to binutils */
    if (*theirs == '.' || !strncmp(theirs, "0x", 2) || strstr(theirs, "64\t")) {
        (*unknown)++;
        return;
    }
    objdump_normalise(theirs, "#");
    objdump_normalise(ours, "#");
    if (strcmp(ours, theirs))
        (void)TEST_FAIL_("%08x (%s) is \"%s\", binutils says \"%s\"", words[i],
                         riscv_lines.lines[lines[i]].id, ours, theirs);
    else
        (*same)++;
}

TEST(text_is_what_binutils_prints)
{
    char command[512], text[512];
    unsigned i = 0, same = 0, unknown = 0;
    gva_t pc = 0;
    FILE *pipe;

    if (system("riscv64-linux-gnu-objdump --version >/dev/null 2>&1") ||
        system("riscv64-linux-gnu-as --version >/dev/null 2>&1"))
        TEST_SKIP("riscv64-linux-gnu-as and -objdump (binutils-riscv64-linux-gnu) are not there");
    choose();
    if (!mkdtemp(folder))
        TEST_SKIP("no folder could be made in /tmp");
    snprintf(command, sizeof command, "%s/a.s", folder);
    CHECK(write_source(command));
    snprintf(command, sizeof command,
             "cd %s && riscv64-linux-gnu-as -o a.o a.s && "
             "riscv64-linux-gnu-objdump -d -M no-aliases a.o",
             folder);
    pipe = popen(command, "r");
    while (pipe && fgets(text, sizeof text, pipe)) {
        u64 at;
        char *theirs = objdump_after_encoding(text, &at);

        if (!theirs || i >= count || at != pc)
            continue;
        compare(theirs, i, pc, &same, &unknown);
        pc += riscv_lines.lines[lines[i++]].bytes;
    }
    CHECK_EQ(pclose(pipe), 0);
    CHECK_EQ(i, count);
    CHECK(same > 4000);
    printf("# %u texts agree, %u instructions are not known to this binutils\n", same, unknown);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

TEST(undefined_bytes_are_data)
{
    struct isa_insn in;
    char text[64];
    static const u8 bytes[4] = { 0xff, 0xff, 0xff, 0xff };

    riscv_isa.decode(bytes, 4, 0, &in);
    CHECK_EQ(riscv_isa.disassemble(&in, 0, text, sizeof text), 17);
    CHECK_STR(text, ".4byte 0xffffffff");
    CHECK_EQ(riscv_isa.disassemble(&in, 0, text, 5), 17);
    CHECK_STR(text, ".4by");
}

TEST_MAIN(TEST_CASE(text_is_what_binutils_prints), TEST_CASE(undefined_bytes_are_data))
