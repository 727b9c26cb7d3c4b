/*
 * disk.h - `vm-cli disk`: the functions and options of its rows in the table of commands.
 */
#ifndef CLI_DISK_H
#define CLI_DISK_H

#include "command.h"

extern const struct option_row disk_create_options[], disk_convert_options[], disk_resize_options[],
    disk_info_options[], disk_check_options[], disk_commit_options[];

int disk_create(const struct command_line *line);
int disk_convert(const struct command_line *line);
int disk_resize(const struct command_line *line);
int disk_info(const struct command_line *line);
int disk_check(const struct command_line *line);
int disk_commit(const struct command_line *line);

#endif
