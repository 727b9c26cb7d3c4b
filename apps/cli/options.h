/*
 * options.h - the options of `vm-cli run`: one table from which parsing, --help, the man
 * page and the shell completions come.
 *
 * Most rows are libvm's configuration keys; the rest belong to this program.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "command.h"

#include <stdint.h>

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

/* Row n of the whole table; false after the last. */
bool option_row(unsigned n, struct option_row *out);

/* Parses argv[0..argc) (after the command's name). 0, or -1 with *err filled. */
int options_parse(struct run_options *o, int argc, char **argv, struct vm_err *err);
void options_fini(struct run_options *o);

/* The rest of run --help. */
void print_trace_kinds(void);

int run_command(const struct command *c, int argc, char **argv);

#endif
