/*
 * commands.c - the table of commands.
 */
#include "command.h"

#include <stddef.h>

const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "commands.def"
#undef COMMAND
    NULL,
};
