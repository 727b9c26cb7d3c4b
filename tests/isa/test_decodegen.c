/*
 * decodegen refuses tables that contradict themselves, and says where.
 */
#include "test.h"

#include <unistd.h>

static const char head[] = "guest toy prefix=toy state=toy_state pc=pc fp_env=fp\n"
                           "include toy.h\n"
                           "field rd 11:7\nfield imm s 31:20\n"
                           "regs x \"8 * n\"\n"
                           "format R rd=x(rd) imm=imm \"{rd},{imm}\"\n"
                           "format N \"\"\n"
                           "undefined illegal N\n"
                           "[base]\n";

static char folder[] = "/tmp/vm-decodegen-XXXXXX", said[2048];

/* Runs decodegen on head + text; its exit status, with what it printed in said. */
static int decodegen(const char *text)
{
    char command[1024];
    FILE *out, *pipe;

    snprintf(command, sizeof command, "%s/toy.decode", folder);
    out = fopen(command, "w");
    if (!out)
        return -1;
    fprintf(out, "%s%s\n", head, text);
    fclose(out);
    snprintf(command, sizeof command, "%s %s %s/toy.decode 2>&1", DECODEGEN, folder, folder);
    pipe = popen(command, "r");
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    return pclose(pipe);
}

#define ADD "add ............ ..... 000 ..... 0110011 add(R)\n"

TEST(a_sound_table_is_taken)
{
    if (!CHECK_EQ(decodegen(ADD "sub ............ ..... 001 ..... 0110011 add(R)"), 0))
        printf("# %s\n", said);
    CHECK_HAS(said, "3 lines, 3 handlers");
    CHECK_EQ(decodegen("v ............ ..... ... ..... 0110011 v(R) k=1,2,5@14:12 q=0,1@15"), 0);
    CHECK_HAS(said, "2 lines, 7 handlers");
}

/* A variant may hang on the block key instead of the encoding. */
TEST(the_key_may_choose)
{
    char command[1024];
    FILE *in;

    CHECK_EQ(decodegen("v ............ ..... ... ..... 0110011 v(R) k=1,2@14:12 t=0,1@key5"), 0);
    CHECK_HAS(said, "2 lines, 5 handlers");
    snprintf(command, sizeof command, "grep -c 'key >> 5 & 1' %s/toy_decode.gen.c", folder);
    in = popen(command, "r");
    CHECK(in && fgetc(in) == '1');
    CHECK_EQ(in ? pclose(in) : -1, 0);
}

static void refused(const char *text, const char *because)
{
    if (decodegen(text) == 0)
        (void)TEST_FAIL_("taken: %s", text);
    CHECK_HAS(said, because);
    CHECK_HAS(said, "toy.decode:");
}

TEST(contradictions_are_refused)
{
    refused(ADD "nop ............ ..... 000 00000 0110011 nop(N)", "claim the same encodings");
    refused(ADD "nop ............ ..... 001 00000 0110011 nop(N) over add", "shares no encoding");
    refused(ADD ADD, "is there already");
    refused(ADD "sub ............ ..... 001 ..... 0110011 add(N)", "other arguments");
    refused("add ............ ..... 000 ..... 011001 add(R)", "31 bits");
    refused("add ............ ..... 000 ..... 0110011 add(Q)", "no format \"Q\"");
    refused("add ............ ..... 000 ..... 0110011 add(R) rs!=0", "no field \"rs\"");
    refused("add ............ ..... 000 ..... 0110011 add(R) k=0,1@12", "fixes bits that choose");
    refused("add ............ ..... ... ..... 0110011 add(R) k=0,9@14:12", "does not fit");
    refused("add ............ ..... 000 ..... 0110011 add(R) k=0,1@key64", "no bit 64");
    refused("add ............ ..... 000 ..... 0110011 add(R) k=1,2@key5", "its values are 0,1");
    refused("add .... .... .... .... add(R)", "16 bits, its field");
    refused("field rd 1:0", "is there already");
    refused("field bad 40:1", "not a bit range");
    refused("format W a=x(rd) b=imm c=imm d=imm", "more than 8 registers or 2 immediates");
    refused("format T rd=x(rd) \"{rs}\"\nadd ............ ..... 000 ..... 0110011 add(T)", "{rs}");
}

/* A text may be made by C; what is there is not a field. */
TEST(a_function_may_print_an_operand)
{
    char command[1024];
    FILE *in;

    CHECK_EQ(decodegen("format F rd=x(rd) imm=imm \"{rd}{@toy_text}\"\n"
                       "add ............ ..... 000 ..... 0110011 add(F)\n"
                       "sub ............ ..... 001 ..... 0110011 add(F)"),
             0);
    snprintf(command, sizeof command, "%s/toy_lines.gen.c", folder);
    in = fopen(command, "r");
    if (!CHECK(in != NULL))
        return;
    said[fread(said, 1, sizeof said - 1, in)] = '\0';
    fclose(in);
    CHECK_HAS(said, "add {0}{1}");
    CHECK_HAS(said, "sub {0}{1}");
    CHECK_HAS(said, "ISA_SHOW_TEXT, NULL, 0, toy_text }");
}

/* Conditions and variant values that keep lines apart need no "over". */
TEST(conditions_tell_lines_apart)
{
    CHECK_EQ(decodegen("add ............ ..... 000 ..... 0110011 add(R) rd!=0\n"
                       "nop ............ ..... 000 00000 0110011 nop(N)"),
             0);
    CHECK_EQ(decodegen("add ............ ..... ... ..... 0110011 add(R) k=0,1@14:12\n"
                       "nop ............ ..... 010 00000 0110011 nop(N)"),
             0);
    CHECK_EQ(decodegen(ADD "nop ............ ..... 000 00000 0110011 nop(N) over add"), 0);
}

TEST(clean_up)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = {
        TEST_CASE(a_sound_table_is_taken),          TEST_CASE(the_key_may_choose),
        TEST_CASE(contradictions_are_refused),      TEST_CASE(conditions_tell_lines_apart),
        TEST_CASE(a_function_may_print_an_operand), TEST_CASE(clean_up),
    };

    if (!mkdtemp(folder))
        return 1;
    return test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
}
