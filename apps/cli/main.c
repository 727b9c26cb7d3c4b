/*
 * main.c - vm-cli: chooses the command.
 */
#include "command.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Output that nobody got is a failure (a full disk, a closed pipe). */
static int flushed(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("vm-cli: standard output");
    return status == STATUS_OK ? STATUS_FAILED : status;
}

static int generate(const struct command_line *line)
{
    static const struct {
        const char *kind;
        void (*print)(void);
    } kinds[] = {
        { "man", print_man }, { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish }
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, line->operands[0]) == 0) {
            kinds[i].print();
            return STATUS_OK;
        }
    return misused("generate cannot make %s: see vm-cli generate --help", line->operands[0]);
}

const struct command cmd_generate = {
    .name = "generate",
    .operands = "man|bash|zsh|fish",
    .doc = "Prints the man page or a shell's completions.",
    .operands_min = 1,
    .operands_max = 1,
    .completes = "man bash zsh fish",
    .run = generate,
};

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Some command's name has this as the first of two words. */
static bool is_group(const char *word)
{
    size_t len = strlen(word);

    for (unsigned i = 0; commands[i]; i++)
        if (strncmp(commands[i]->name, word, len) == 0 && commands[i]->name[len] == ' ')
            return true;
    return false;
}

static int group(int argc, char **argv)
{
    if (argc < 2)
        return misused("%s what? See vm-cli %s --help", argv[0], argv[0]);
    if (!is_help(argv[1]))
        return misused("there is no command %s %s: see vm-cli %s --help", argv[0], argv[1],
                       argv[0]);
    print_help(argv[0]);
    return flushed(STATUS_OK);
}

/* A file opened in place of a closed standard output would get what is printed. */
static void open_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    if (fd >= 3)
        close(fd);
}

int main(int argc, char **argv)
{
    const struct command *command;
    int words;

    open_standard();
    if (argc < 2)
        return misused("no command was given: see vm-cli --help");
    if (strcmp(argv[1], "--version") == 0) {
        printf("vm-cli %s\n", vm_version());
        return flushed(STATUS_OK);
    }
    if (is_help(argv[1])) {
        print_help(NULL);
        return flushed(STATUS_OK);
    }
    command = command_find(argc - 1, argv + 1, &words);
    if (!command && is_group(argv[1]))
        return group(argc - 1, argv + 1);
    if (!command)
        return misused("there is no command %s: see vm-cli --help", argv[1]);
    return flushed(command_run(command, argc - 1 - words, argv + 1 + words));
}
