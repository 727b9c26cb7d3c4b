/*
 * command.c - from words to a command and its options.
 */
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- messages --- */

static void say_list(const char *fmt, va_list ap)
{
    fputs("vm-cli: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_list(fmt, ap);
    va_end(ap);
}

int failed(const struct vm_err *err)
{
    say("%s", err->text);
    return STATUS_FAILED;
}

int misused(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_list(fmt, ap);
    va_end(ap);
    return STATUS_USAGE;
}

/* --- the table --- */

/* How many words of argv are the command's name; 0: it is another. */
static int name_words(const char *name, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        size_t len = strlen(argv[i]);

        if (strncmp(name, argv[i], len) != 0)
            return 0;
        if (name[len] == 0)
            return i + 1;
        if (name[len] != ' ')
            return 0;
        name += len + 1;
    }
    return 0;
}

const struct command *command_find(int argc, char **argv, int *ret_words)
{
    for (unsigned i = 0; commands[i]; i++) {
        *ret_words = name_words(commands[i]->name, argc, argv);
        if (*ret_words)
            return commands[i];
    }
    return NULL;
}

/* Row n of one of libvm's tables; otherwise lowers *n by its length. */
static bool key_option(const struct vm_config_key *keys, unsigned count, unsigned *n,
                       struct option *ret)
{
    if (*n >= count) {
        *n -= count;
        return false;
    }
    keys += *n;
    *ret = (struct option){ .name = keys->name,
                            .arg = keys->arg,
                            .doc = keys->doc,
                            .values = keys->values,
                            .initial = keys->initial,
                            .repeats = keys->repeats != 0 };
    return true;
}

/* Every command has these. */
static const struct option common[] = {
    { .name = "verbose",
      .letter = 'v',
      .doc = "Says on standard error also what helps only whoever looks for a cause." },
    { .name = "help", .letter = 'h', .doc = "Prints this text." },
};

bool command_option(const struct command *command, unsigned n, struct option *ret, bool *ret_key)
{
    const struct vm_config_key *keys;
    unsigned count;

    *ret_key = true;
    keys = vm_config_keys(&count);
    if (command->keys & KEYS_CONFIG && key_option(keys, count, &n, ret))
        return true;
    keys = vm_machine_keys(&count);
    if (command->keys & KEYS_MACHINE && key_option(keys, count, &n, ret))
        return true;
    *ret_key = false;
    for (const struct option *own = command->options; own && own->name; own++)
        if (n-- == 0) {
            *ret = *own;
            return true;
        }
    if (n >= sizeof common / sizeof common[0])
        return false;
    *ret = common[n];
    return true;
}

/* --- parsing --- */

static bool find_option(const struct command *command, const char *name, size_t len,
                        struct option *ret, bool *ret_key)
{
    for (unsigned n = 0; command_option(command, n, ret, ret_key); n++)
        if (strlen(ret->name) == len && memcmp(ret->name, name, len) == 0)
            return true;
    return false;
}

/* The option at argv[*at]; *at moves to its last word. An exit status. */
static int parse_option(struct command_line *line, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *name = word + 2, *command = line->command->name;
    size_t len = strcspn(name, "=");
    struct given *given = &line->given[line->given_count];
    struct option option;

    if (!find_option(line->command, name, len, &option, &given->key))
        return misused("%.*s is no option of %s: see vm-cli %s --help", (int)len + 2, word, command,
                       command);
    given->name = option.name;
    given->value = NULL;
    if (name[len] == '=')
        given->value = name + len + 1;
    else if (option.arg && !option.arg_optional) {
        if (*at + 1 >= argc)
            return misused("--%s needs a value: %s", option.name, option.arg);
        given->value = argv[++*at];
    }
    /* A key without argument may be given on or off. */
    if (given->value && !option.arg && !given->key)
        return misused("--%s takes no value, not '%s'", option.name, given->value);
    line->given_count++;
    return STATUS_OK;
}

/* "-v": an option by its letter. False: the word is none. */
static bool parse_letter(struct command_line *line, const char *word)
{
    struct option option;
    bool key;

    if (word[0] != '-' || !word[1] || word[2])
        return false;
    for (unsigned n = 0; command_option(line->command, n, &option, &key); n++)
        if (option.letter == word[1]) {
            line->given[line->given_count++] = (struct given){ .name = option.name };
            return true;
        }
    return false;
}

static bool wants_help(const struct command_line *line)
{
    return line->given_count && strcmp(line->given[line->given_count - 1].name, "help") == 0;
}

static int parse_word(struct command_line *line, int argc, char **argv, int *at, bool *options)
{
    char *word = argv[*at];

    if (*options && strcmp(word, "--") == 0) {
        *options = false;
        return STATUS_OK;
    }
    if (*options && parse_letter(line, word))
        return STATUS_OK;
    if (*options && strncmp(word, "--", 2) == 0)
        return parse_option(line, argc, argv, at);
    if (line->operand_count == line->command->operands_max) {
        if (line->command->operands_max == 0)
            return misused("'%s' is no option: every argument of %s is one, see vm-cli %s --help",
                           word, line->command->name, line->command->name);
        return misused("'%s' is one word too many: see vm-cli %s --help", word,
                       line->command->name);
    }
    line->operands[line->operand_count++] = word;
    *options = *options && !line->command->verbatim;
    return STATUS_OK;
}

static int parse(struct command_line *line, int argc, char **argv)
{
    bool options = true;
    int status = STATUS_OK;

    for (int i = 0; status == STATUS_OK && i < argc && !wants_help(line); i++)
        status = parse_word(line, argc, argv, &i, &options);
    if (status == STATUS_OK && !wants_help(line) &&
        line->operand_count < line->command->operands_min)
        status = misused("%s needs %s: see vm-cli %s --help", line->command->name,
                         line->command->operands, line->command->name);
    return status;
}

int command_run(const struct command *command, int argc, char **argv)
{
    struct command_line line = {
        .command = command,
        .given = calloc((size_t)argc + 1, sizeof *line.given),
        .operands = calloc((size_t)argc + 1, sizeof *line.operands),
    };
    int status = STATUS_FAILED;

    if (!line.given || !line.operands)
        say("out of memory");
    else
        status = parse(&line, argc, argv);
    if (line_has(&line, "verbose"))
        vm_verbose_enable();
    if (status == STATUS_OK && wants_help(&line))
        print_command_help(command);
    else if (status == STATUS_OK)
        status = command->run(&line);
    free(line.given);
    free(line.operands);
    return status;
}

/* --- what was given --- */

bool line_has(const struct command_line *line, const char *name)
{
    for (unsigned i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].name, name) == 0)
            return true;
    return false;
}

const char *line_value(const struct command_line *line, const char *name)
{
    for (unsigned i = line->given_count; i-- > 0;)
        if (strcmp(line->given[i].name, name) == 0)
            return line->given[i].value;
    return NULL;
}

int line_number(const struct command_line *line, const char *name, uint64_t min, uint64_t max,
                uint64_t otherwise, uint64_t *ret)
{
    const char *text = line_value(line, name);
    char *end;

    *ret = otherwise;
    if (!text)
        return 0;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0 && *ret >= min && *ret <= max)
        return 0;
    misused("--%s %s: give a number from %llu to %llu", name, text, (unsigned long long)min,
            (unsigned long long)max);
    return -1;
}
