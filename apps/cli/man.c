/*
 * man.c - the man page in man(7) macros, from the table of commands.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

/* Text for roff: hyphens and backslashes escaped, no line starts with a dot. */
static void roff(const char *text)
{
    for (; *text; text++)
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '"')
            fputs("\\(dq", stdout);
        else
            putchar(*text);
}

static void man_option(const struct option *option)
{
    puts(".TP");
    if (option->letter)
        printf(".BR \\-%c \", \" \"\\-\\-", option->letter);
    else
        fputs(".BR \"\\-\\-", stdout);
    roff(option->name);
    fputs("\" ", stdout);
    if (option->arg) {
        printf("\"%s", option->arg_optional ? "[=" : " ");
        roff(option->arg);
        printf("%s\"", option->arg_optional ? "]" : "");
    }
    putchar('\n');
    roff(option->doc);
    putchar('\n');
    if (option->repeats)
        puts("May be repeated.");
    if (option->initial && option->arg) {
        fputs("Default: ", stdout);
        roff(option->initial);
        puts(".");
    }
}

static void man_synopsis(const struct command *command)
{
    fputs(".B vm\\-cli ", stdout);
    roff(command->name);
    fputs("\n.RI [ OPTIONS ]\n", stdout);
    if (command->operands) {
        fputs(".I \"", stdout);
        roff(command->operands);
        puts("\"");
    }
}

/* Is it a key of a configuration? */
static bool is_of_run(const char *name)
{
    unsigned count;
    const struct vm_config_key *keys = vm_config_keys(&count);

    for (unsigned i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return true;
    return false;
}

/* The options' keys stand once, in the section of run. */
static void man_command(const struct command *command)
{
    const char *name, *doc;
    struct option option;
    bool key;

    fputs(".SS \"", stdout);
    roff(command->name);
    puts("\"");
    man_synopsis(command);
    puts(".PP");
    roff(command->doc);
    putchar('\n');
    if (command->details) {
        roff(command->details);
        putchar('\n');
    }
    if (command->keys & KEYS_CONFIG && command != &cmd_run) {
        fputs("Takes the options of ", stdout);
        roff(cmd_run.name);
        puts(" that describe a machine, and:");
    }
    for (unsigned n = 0; command_option(command, n, &option, &key); n++)
        if (!key || !is_of_run(option.name) || command == &cmd_run)
            man_option(&option);
    if (!command->list)
        return;
    puts(".PP");
    roff(command->list_title);
    puts(":");
    for (unsigned n = 0; command->list(n, &name, &doc); n++) {
        printf(".TP\n.B %s\n", name);
        roff(doc);
        puts(".");
    }
}

void print_man(void)
{
    printf(".TH VM\\-CLI 1 \"\" \"vm %s\" \"User Commands\"\n", vm_version());
    puts(".SH NAME\n"
         "vm-cli \\- run virtual machines of any architecture\n"
         ".SH SYNOPSIS\n"
         ".B vm\\-cli\n.I COMMAND\n.RI [ OPTIONS ]\n.RI [ OPERANDS ]\n.br\n"
         ".B vm\\-cli\n.RB { \\-\\-version | \\-\\-help }\n"
         ".SH COMMANDS");
    for (unsigned i = 0; commands[i]; i++)
        man_command(commands[i]);
    puts(".SH EXIT STATUS\n"
         ".TP\n.B 0\nDone; of a command that runs a machine: the guest powered off.\n"
         ".TP\n.B 1\nThe host or the user failed, or the machine was ended from outside.\n"
         ".TP\n.B 2\nWrong usage.\n"
         ".TP\n.B 3\nThe guest reset under \\-\\-on\\-reset=exit, or reported a panic.\n"
         ".SH EXAMPLES\n"
         ".EX\n"
         "vm\\-cli run \\-\\-kernel vmlinux \\-\\-initrd initrd.img \\-\\-memory 1G \\-\\-cpus 2\n"
         ".EE");
}
