/*
 * machine.h - what the commands on named machines share.
 */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include "command.h"
#include <jansson.h>

#define OPTION_JSON { .name = "json", .doc = "Prints the result as JSON." }

/* Opens the machine that the command's first operand names. An exit status; the failure has
 * been told. */
int machine_open(const struct command_line *line, struct vm_machine **ret);

/* Tells a failure, with --json on standard output as well; returns STATUS_FAILED. */
int machine_failed(const struct command_line *line, const struct vm_err *err);

/* Ends a command on a machine: frees it; with --json prints what it is now. rc: of the last
 * library call, which filled *err. */
int machine_done(const struct command_line *line, struct vm_machine *m, int rc, struct vm_err *err);

/* Everything known of a machine. NULL: out of memory. */
json_t *machine_json(const struct vm_machine_info *info);

/* Rows as an object; a key with several rows has an array. */
json_t *settings_json(const struct vm_setting *rows, unsigned count);

/* "2026-11-26T14:20:05.123Z" */
json_t *time_json(int64_t ms);

/* Prints and frees it; an exit status. */
int print_json(json_t *value);

/* "2026-11-26 14:20:05", local time; at least 32 bytes. */
const char *time_text(int64_t ms, char out[32]);

#endif
