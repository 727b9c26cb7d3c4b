/*
 * help.c - --help, from the table of commands.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 79, INDENT = 6 };

/* Prints text in lines of WIDTH, indented. */
static void print_wrapped(const char *text, int indent)
{
    int column = 0;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (column && column + 1 + (int)len > WIDTH) {
            putchar('\n');
            column = 0;
        }
        if (column == 0)
            column = printf("%*s", indent, "");
        else
            column += printf(" ");
        column += printf("%.*s", (int)len, text);
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

void print_help(const char *group)
{
    size_t len = group ? strlen(group) : 0;

    puts("Usage: vm-cli COMMAND [OPTIONS] [OPERANDS]\n"
         "       vm-cli COMMAND --help\n"
         "       vm-cli --version | --help\n");
    for (unsigned i = 0; commands[i]; i++)
        if (strncmp(commands[i]->name, group ? group : "", len) == 0)
            printf("  %-14s %s\n", commands[i]->name, commands[i]->doc);
    puts("\n"
         "Exit status: 0 done (run, start: the guest powered off), 1 the host or the user\n"
         "failed, 2 wrong usage, 3 the guest reset under --on-reset=exit or reported a\n"
         "panic.");
}

static void print_option(const struct option *option)
{
    if (option->letter)
        printf("  -%c, --%s", option->letter, option->name);
    else
        printf("  --%s", option->name);
    if (option->arg)
        printf(option->arg_optional ? "[=%s]" : " %s", option->arg);
    puts(option->repeats ? " (may be repeated)" : "");
    print_wrapped(option->doc, INDENT);
    if (option->initial && option->arg)
        printf("%*sDefault: %s\n", INDENT, "", option->initial);
}

void print_command_help(const struct command *command)
{
    const char *name, *doc;
    struct option option;
    bool key;

    printf("Usage: vm-cli %s [OPTIONS]%s%s\n\n", command->name, command->operands ? " " : "",
           command->operands ? command->operands : "");
    print_wrapped(command->doc, 0);
    if (command->details)
        print_wrapped(command->details, 0);
    putchar('\n');
    for (unsigned n = 0; command_option(command, n, &option, &key); n++)
        print_option(&option);
    if (!command->list)
        return;
    printf("\n%s:\n", command->list_title);
    for (unsigned n = 0; command->list(n, &name, &doc); n++)
        printf("  %-8s %s\n", name, doc);
}
