/*
 * command.c - the table of commands, and parsing by it.
 */
#include "command.h"
#include "disk.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

static int generate(const struct command_line *line)
{
    if (print_generated(line->word[0]))
        return STATUS_OK;
    fprintf(stderr, "vm-cli: generate cannot make %s: there are man, bash, zsh and fish\n",
            line->word[0]);
    return STATUS_USAGE;
}

/* In the order of --help; commands with the same first word together. */
const struct command commands[] = {
    { .name = "run",
      .doc = "runs a virtual machine until its guest powers off",
      .row = option_row,
      .more_help = print_trace_kinds,
      .main_raw = run_command },
    { .name = "disk create",
      .words = "FILE [SIZE]",
      .word_values = "@file",
      .words_min = 1,
      .words_max = 2,
      .doc = "makes an empty disk image (without SIZE: as large as --backing)",
      .options = disk_create_options,
      .main = disk_create },
    { .name = "disk convert",
      .words = "FROM TO",
      .word_values = "@file",
      .words_min = 2,
      .words_max = 2,
      .doc = "copies a disk image into a new one, with what is behind it",
      .options = disk_convert_options,
      .main = disk_convert },
    { .name = "disk resize",
      .words = "FILE SIZE",
      .word_values = "@file",
      .words_min = 2,
      .words_max = 2,
      .doc = "changes the size of a disk image",
      .options = disk_resize_options,
      .main = disk_resize },
    { .name = "disk info",
      .words = "FILE",
      .word_values = "@file",
      .words_min = 1,
      .words_max = 1,
      .doc = "tells what a disk image is",
      .options = disk_info_options,
      .main = disk_info },
    { .name = "disk check",
      .words = "FILE",
      .word_values = "@file",
      .words_min = 1,
      .words_max = 1,
      .doc = "looks for errors in a qcow2 image, and with --repair mends them",
      .options = disk_check_options,
      .main = disk_check },
    { .name = "disk commit",
      .words = "FILE",
      .word_values = "@file",
      .words_min = 1,
      .words_max = 1,
      .doc = "writes an overlay's content into the image behind it",
      .options = disk_commit_options,
      .main = disk_commit },
    { .name = "generate",
      .words = "man|bash|zsh|fish",
      .word_values = "man bash zsh fish",
      .words_min = 1,
      .words_max = 1,
      .doc = "prints the man page or a shell's completions",
      .main = generate },
    { .name = NULL },
};

bool command_row(const struct command *c, unsigned n, struct option_row *out)
{
    static const struct option_row help = { .name = "help", .doc = "Prints this text." };
    unsigned count = 0;

    if (c->row)
        return c->row(n, out);
    while (c->options && c->options[count].name)
        count++;
    if (n > count)
        return false;
    *out = n == count ? help : c->options[n];
    return true;
}

const struct command *command_find(int argc, char **argv, int *ret_words)
{
    for (const struct command *c = commands; c->name; c++) {
        size_t first = strcspn(c->name, " ");
        bool two = c->name[first] != 0;

        if (argc < 1 + two || strlen(argv[0]) != first || memcmp(argv[0], c->name, first) != 0)
            continue;
        if (two && strcmp(argv[1], c->name + first + 1) != 0)
            continue;
        *ret_words = 1 + two;
        return c;
    }
    return NULL;
}

const char *line_value(const struct command_line *line, const char *name)
{
    for (unsigned i = line->option_count; i-- > 0;)
        if (strcmp(line->option[i].name, name) == 0)
            return line->option[i].value;
    return NULL;
}

void say(const char *text)
{
    fprintf(stderr, "vm-cli: %s\n", text);
}

int failed(const struct vm_err *err)
{
    say(err->text);
    return STATUS_FAILED;
}

/* --- parsing --- */

static bool find(const struct command *c, const char *name, size_t len, struct option_row *row)
{
    for (unsigned n = 0; command_row(c, n, row); n++)
        if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            return true;
    return false;
}

/* One option at argv[*at]; *at moves to its last word. */
static int parse_option(struct command_line *line, int argc, char **argv, int *at,
                        struct vm_err *err)
{
    const char *name = argv[*at] + 2, *value = "";
    size_t len = strcspn(name, "=");
    struct option_row row;

    if (!find(line->command, name, len, &row))
        return fail(err, "%.*s is no option of %s: see vm-cli %s --help", (int)len + 2, argv[*at],
                    line->command->name, line->command->name);
    if (name[len] == '=' && !row.arg)
        return fail(err, "--%s takes no value, not '%s'", row.name, name + len + 1);
    if (name[len] == '=')
        value = name + len + 1;
    else if (row.arg && !row.arg_optional && *at + 1 >= argc)
        return fail(err, "--%s needs a value: %s", row.name, row.arg);
    else if (row.arg && !row.arg_optional)
        value = argv[++*at];
    if (line->option_count == LINE_OPTIONS_MAX)
        return fail(err, "more than %d options", LINE_OPTIONS_MAX);
    line->option[line->option_count].name = row.name;
    line->option[line->option_count++].value = value;
    return 0;
}

static int parse_words(struct command_line *line, int argc, char **argv, struct vm_err *err)
{
    const struct command *c = line->command;
    bool options = true;

    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] == '-') {
            if (parse_option(line, argc, argv, &i, err) < 0)
                return -1;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            return fail(err, "'%s' is no option of %s: see vm-cli %s --help", argv[i], c->name,
                        c->name);
        } else if (line->word_count == c->words_max) {
            return fail(err, "%s takes no further '%s': vm-cli %s %s", c->name, argv[i], c->name,
                        c->words ? c->words : "");
        } else {
            line->word[line->word_count++] = argv[i];
        }
    }
    if (line->word_count < c->words_min && !line_value(line, "help"))
        return fail(err, "%s needs more words: vm-cli %s %s", c->name, c->name, c->words);
    return 0;
}

int command_run(const struct command *c, int argc, char **argv)
{
    struct command_line line = { .command = c };
    struct vm_err err;

    if (c->main_raw)
        return c->main_raw(c, argc, argv);
    if (argc == 1 && strcmp(argv[0], "-h") == 0) {
        print_command_help(c);
        return STATUS_OK;
    }
    if (parse_words(&line, argc, argv, &err) < 0) {
        say(err.text);
        return STATUS_USAGE;
    }
    if (line_value(&line, "help")) {
        print_command_help(c);
        return STATUS_OK;
    }
    return c->main(&line);
}
