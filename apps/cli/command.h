/*
 * command.h - the commands of vm-cli: one table from which dispatch, --help, the man page
 * and the shell completions come.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <vm/vm.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_GUEST = 3 };
enum { LINE_WORDS_MAX = 16, LINE_OPTIONS_MAX = 64 };

struct run_options;

/* One option, whatever its owner. */
struct option_row {
    const char *name, *arg, *doc, *values; /* as in struct vm_config_key */
    const char *initial;
    bool repeats, arg_optional;
    /* Of `run` only; NULL: a configuration key. value NULL: none was given. 0, or -1 with
     * *err filled. */
    int (*set)(struct run_options *o, const char *value, struct vm_err *err);
};

/* What was given to a command, parsed by its row of the table. Borrowed from argv. */
struct command_line {
    const struct command *command;
    const char *word[LINE_WORDS_MAX];
    unsigned word_count;
    struct {
        const char *name, *value; /* value "": an option without one */
    } option[LINE_OPTIONS_MAX];
    unsigned option_count;
};

struct command {
    const char *name;        /* "run"; "disk create": of two words */
    const char *words;       /* what it takes beside options: "FILE SIZE"; NULL: nothing */
    const char *word_values; /* what a word may be, as in struct vm_config_key */
    const char *doc;         /* one sentence, without its full stop */
    unsigned words_min, words_max;
    const struct option_row *options;                /* ended by a NULL name; NULL: none */
    bool (*row)(unsigned n, struct option_row *out); /* in place of options: for a made table */
    void (*more_help)(void);                         /* after the options; NULL: nothing */
    int (*main)(const struct command_line *line);    /* returns an exit status */
    /* In place of main, for a command that parses by itself. */
    int (*main_raw)(const struct command *c, int argc, char **argv);
};

extern const struct command commands[]; /* ended by a NULL name */

/* Option n of a command; false after the last. */
bool command_row(const struct command *c, unsigned n, struct option_row *out);

/* The command that argv[0..argc) begins with and how many words its name has; NULL. */
const struct command *command_find(int argc, char **argv, int *ret_words);

/* Parses what follows the name and runs it; returns the exit status. */
int command_run(const struct command *c, int argc, char **argv);

/* The last value of an option; NULL: it was not given. */
const char *line_value(const struct command_line *line, const char *name);

/* Prints "vm-cli: text" on standard error. */
void say(const char *text);
/* The same for a failed call; returns STATUS_FAILED. */
int failed(const struct vm_err *err);
/* Fills *err like the library does; returns -1. */
int fail(struct vm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Texts made from the table. `group`: the first word of commands of two, NULL: all. */
void print_help(const char *group);
void print_command_help(const struct command *c);
/* kind: man, bash, zsh, fish. False for another. */
bool print_generated(const char *kind);

#endif
