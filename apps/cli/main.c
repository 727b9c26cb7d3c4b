/*
 * main.c - vm-cli: chooses the command.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

static int usage(const char *what, const char *word)
{
    fprintf(stderr, "vm-cli: %s%s: see vm-cli --help\n", what, word);
    return STATUS_USAGE;
}

/* Output that nobody got is a failure (a full disk, a closed pipe). */
static int flushed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("vm-cli: standard output");
    return status == STATUS_OK ? STATUS_FAILED : status;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Some command's name has this as the first of two words. */
static bool is_group(const char *word)
{
    size_t len = strlen(word);

    for (const struct command *c = commands; c->name; c++)
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ')
            return true;
    return false;
}

static int group(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "vm-cli: %s what? See vm-cli %s --help\n", argv[0], argv[0]);
        return STATUS_USAGE;
    }
    if (!is_help(argv[1])) {
        fprintf(stderr, "vm-cli: there is no command %s %s: see vm-cli %s --help\n", argv[0],
                argv[1], argv[0]);
        return STATUS_USAGE;
    }
    print_help(argv[0]);
    return flushed(STATUS_OK);
}

int main(int argc, char **argv)
{
    const struct command *c;
    int words;

    if (argc < 2)
        return usage("no command was given", "");
    c = command_find(argc - 1, argv + 1, &words);
    if (c)
        return flushed(command_run(c, argc - 1 - words, argv + 1 + words));
    if (is_group(argv[1]))
        return group(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0) {
        printf("vm-cli %s\n", vm_version());
        return flushed(STATUS_OK);
    }
    if (is_help(argv[1])) {
        print_help(NULL);
        return flushed(STATUS_OK);
    }
    return usage("there is no command ", argv[1]);
}
