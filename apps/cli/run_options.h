/*
 * run_options.h - what the options of `vm-cli run` ask for.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "command.h"

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
    bool stats;
    const char *stats_path; /* JSON file; NULL: to standard error */
};

/* Its options next to the configuration's keys. */
extern const struct option run_options[];

/* Fills *o, which is finished in any case. 0, or -1 with *err filled. */
int run_options_take(struct run_options *o, const struct command_line *line, struct vm_err *err);
void run_options_fini(struct run_options *o);

#endif
