/*
 * options.h - the options of `vm-cli run`: one table from which parsing, --help, the man
 * page and the shell completions come.
 *
 * Most rows are libvm's configuration keys; the rest belong to this program.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <vm/vm.h>

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_GUEST = 3 };

/* When --save-state saves. */
enum save_at { SAVE_NEVER, SAVE_CONSOLE, SAVE_INSNS, SAVE_SECONDS };

/* A parsed command line. Strings are borrowed from argv or owned by config. */
struct run_options {
    struct vm_config *config; /* owns */
    char *save_path;          /* owns; NULL: none */
    enum save_at save_at;
    const char *save_text; /* in save_path's memory */
    uint64_t save_insns;
    double save_seconds;
    const char *load_path;
    bool stats, help;
    const char *stats_path; /* JSON file; NULL: to standard error */
};

/* One option, whatever its owner. */
struct option_row {
    const char *name, *arg, *doc, *values; /* as in struct vm_config_key */
    const char *initial;
    bool repeats, arg_optional;
    /* NULL: a configuration key. value NULL: none was given. 0, or -1 with *err filled. */
    int (*set)(struct run_options *o, const char *value, struct vm_err *err);
};

/* Row n of the whole table; false after the last. */
bool option_row(unsigned n, struct option_row *out);

/* Parses argv[0..argc) (after the command's name). 0, or -1 with *err filled. */
int options_parse(struct run_options *o, int argc, char **argv, struct vm_err *err);
void options_fini(struct run_options *o);

/* Fills *err like the library does; returns -1. */
int fail(struct vm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Texts made from the table. */
void print_help(void);
void print_run_help(void);
/* kind: man, bash, zsh, fish. False for another. */
bool print_generated(const char *kind);

int run_command(int argc, char **argv);

#endif
