/*
 * main.c - vm-cli: chooses the command.
 */
#include "options.h"

#include <stdio.h>
#include <string.h>

static int usage(const char *what, const char *word)
{
    fprintf(stderr, "vm-cli: %s%s: see vm-cli --help\n", what, word);
    return STATUS_USAGE;
}

/* Output that nobody got is a failure (a full disk, a closed pipe). */
static int flushed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_OK;
    perror("vm-cli: standard output");
    return STATUS_FAILED;
}

static int generate(int argc, char **argv)
{
    if (argc != 1)
        return usage("generate takes one word", "");
    if (!print_generated(argv[0]))
        return usage("generate cannot make ", argv[0]);
    return flushed();
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage("no command was given", "");
    if (strcmp(argv[1], "run") == 0) {
        int status = run_command(argc - 2, argv + 2);
        int out = flushed();

        return status == STATUS_OK ? out : status;
    }
    if (strcmp(argv[1], "generate") == 0)
        return generate(argc - 2, argv + 2);
    if (strcmp(argv[1], "--version") == 0) {
        printf("vm-cli %s\n", vm_version());
        return flushed();
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return flushed();
    }
    return usage("there is no command ", argv[1]);
}
