/*
 * command.h - the commands of vm-cli: one table from which parsing, --help, the man page and
 * the shell completions come.
 *
 * A command is a `const struct command cmd_NAME` and one line in commands.def.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <vm/machines.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_GUEST = 3 };

/* One option; the first members are those of struct vm_config_key. */
struct option {
    const char *name, *arg, *doc, *values, *initial;
    bool repeats, arg_optional;
    char letter; /* "-v" for short; 0: none */
};

/* Libvm's keys that a command takes as options, too. */
enum command_keys { KEYS_CONFIG = 1 << 0, KEYS_MACHINE = 1 << 1 };

struct command_line;

/* All strings are static and end without newline. */
struct command {
    const char *name;             /* "create"; two words for one of a group: "disk create" */
    const char *operands;         /* "NAME [COMMAND...]"; NULL: none */
    const char *doc;              /* one sentence, for lists of commands */
    const char *details;          /* what else there is to say; may be NULL */
    const struct option *options; /* ends with a row without name; may be NULL */
    unsigned keys;                /* enum command_keys */
    unsigned operands_min, operands_max;
    bool verbatim;         /* what follows the first operand is not looked at for options */
    const char *completes; /* operands: "@machine", "@file", or words; may be NULL */
    /* Named things for the end of its help: a title, and row n, false after the last. */
    const char *list_title;
    int (*list)(unsigned n, const char **ret_name, const char **ret_doc);
    int (*run)(const struct command_line *line); /* returns the exit status */
};

/* One option as it was given. value NULL: none was. */
struct given {
    const char *name, *value;
    bool key; /* one of libvm's */
};

/* A parsed command line. Strings are borrowed from argv and static tables. */
struct command_line {
    const struct command *command;
    struct given *given; /* owns; in the order given */
    unsigned given_count;
    char **operands; /* owns the array; NULL-ended */
    unsigned operand_count;
};

#define COMMAND(name) extern const struct command cmd_##name;
#include "commands.def"
#undef COMMAND

/* All commands, NULL-ended, in the order of help. */
extern const struct command *const commands[];

/* The command argv[0..argc) begins with, and how many words its name has; NULL. */
const struct command *command_find(int argc, char **argv, int *ret_words);

/* Option n of a command: its keys, its own, those of all commands; false after the last. */
bool command_option(const struct command *command, unsigned n, struct option *ret, bool *ret_key);

/* Runs the command with argv[0..argc), which follow its name: parses, or prints its help. */
int command_run(const struct command *command, int argc, char **argv);

/* The last value given to an option; NULL: not given, or without value. */
const char *line_value(const struct command_line *line, const char *name);
bool line_has(const struct command_line *line, const char *name);

/* A whole number from min to max given to an option, `otherwise` when it was not given. 0, or
 * -1 with a message printed. */
int line_number(const struct command_line *line, const char *name, uint64_t min, uint64_t max,
                uint64_t otherwise, uint64_t *ret);

/* --- messages: "vm-cli: SENTENCE" on standard error --- */

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What the library said; returns STATUS_FAILED. */
int failed(const struct vm_err *err);
/* Wrong usage; returns STATUS_USAGE. */
int misused(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- texts made from the table --- */

/* group: the first word of commands of two, whose list it is to be; NULL: all. */
void print_help(const char *group);
void print_command_help(const struct command *command);
void print_man(void);
void print_bash(void);
void print_zsh(void);
void print_fish(void);

#endif
