/*
 * complete.c - completions of bash, zsh and fish, from the table of commands.
 */
#include "command.h"

#include <stdio.h>
#include <string.h>

#define MACHINES "vm-cli list --names 2>/dev/null" /* a shell command: one name a line */

static bool is_file(const char *values)
{
    return values && strcmp(values, "@file") == 0;
}

static bool is_machine(const char *values)
{
    return values && strcmp(values, "@machine") == 0;
}

/* The words that can be a command line's first, each once. */
static void print_first_words(void)
{
    for (unsigned i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        size_t len = strcspn(name, " ");

        if (i == 0 || strncmp(commands[i - 1]->name, name, len) != 0 ||
            strchr(" ", commands[i - 1]->name[len]) == NULL)
            printf("%.*s ", (int)len, name);
    }
}

/* --- bash --- */

static void bash_words(const char *values)
{
    if (is_file(values))
        fputs("$(compgen -f -- \"$cur\")", stdout);
    else if (is_machine(values))
        fputs("$(compgen -W \"$(" MACHINES ")\" -- \"$cur\")", stdout);
    else
        printf("$(compgen -W '%s' -- \"$cur\")", values);
}

static void bash_option_values(const struct command *command)
{
    struct option option;
    bool key;

    puts("        case $prev in");
    for (unsigned n = 0; command_option(command, n, &option, &key); n++) {
        if (!option.arg || option.arg_optional)
            continue;
        printf("        --%s) COMPREPLY=(", option.name);
        if (option.values)
            bash_words(option.values);
        puts("); return ;;");
    }
    puts("        esac");
}

static void bash_command(const struct command *command)
{
    struct option option;
    bool key;

    printf("    '%s')\n", command->name);
    bash_option_values(command);
    fputs("        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '", stdout);
    for (unsigned n = 0; command_option(command, n, &option, &key); n++)
        printf(option.letter ? "%s--%s -%c" : "%s--%s", n ? " " : "", option.name, option.letter);
    puts("' -- \"$cur\"))");
    if (command->completes) {
        fputs("        else\n            COMPREPLY=(", stdout);
        bash_words(command->completes);
        puts(")");
    }
    puts("        fi ;;");
}

void print_bash(void)
{
    puts("# bash completion of vm-cli\n"
         "_vm_cli()\n{\n"
         "    local cur prev command\n"
         "    cur=${COMP_WORDS[COMP_CWORD]}\n"
         "    prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    COMPREPLY=()\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    print_first_words();
    puts("--version --help' -- \"$cur\"))\n"
         "        return\n    fi\n"
         "    command=${COMP_WORDS[1]}");
    puts("    case $command in");
    for (unsigned i = 0; commands[i]; i++)
        if (strchr(commands[i]->name, ' '))
            printf("    %.*s)\n        [ \"$COMP_CWORD\" -eq 2 ] &&\n"
                   "            COMPREPLY+=($(compgen -W '%s' -- \"$cur\"))\n"
                   "        [ \"${COMP_WORDS[2]}\" = %s ] && command='%s' ;;&\n",
                   (int)strcspn(commands[i]->name, " "), commands[i]->name,
                   strchr(commands[i]->name, ' ') + 1, strchr(commands[i]->name, ' ') + 1,
                   commands[i]->name);
    puts("    esac\n"
         "    case $command in");
    for (unsigned i = 0; commands[i]; i++)
        bash_command(commands[i]);
    puts("    esac\n}\ncomplete -o filenames -F _vm_cli vm-cli");
}

/* --- zsh --- */

/* Inside '…' in a _arguments specification. */
static void zsh_text(const char *text)
{
    for (; *text; text++)
        if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
}

static void zsh_values(const char *values)
{
    if (is_file(values))
        fputs(":_files", stdout);
    else if (is_machine(values))
        fputs(":($(" MACHINES "))", stdout);
    else if (values)
        printf(":(%s)", values);
    else
        fputs(": ", stdout);
}

static void zsh_option(const struct option *option)
{
    if (option->letter) /* '(-v --verbose)'{-v,--verbose}'[doc]': one excludes the other */
        printf("        '(-%c --%s)'{-%c,--%s}'[", option->letter, option->name, option->letter,
               option->name);
    else
        printf("        '%s--%s[", option->repeats ? "*" : "", option->name);
    zsh_text(option->doc);
    putchar(']');
    if (option->arg && !option->arg_optional) {
        putchar(':');
        zsh_text(option->name);
        zsh_values(option->values);
    }
    puts("' \\");
}

static void zsh_command(const struct command *command)
{
    struct option option;
    bool key;

    printf("'%s')\n    _arguments \\\n", command->name);
    for (unsigned n = 0; command_option(command, n, &option, &key); n++)
        zsh_option(&option);
    if (command->completes) {
        fputs(is_machine(command->completes) ? "        \"*:operand" : "        '*:operand",
              stdout);
        zsh_values(command->completes);
        puts(is_machine(command->completes) ? "\" ;;" : "' ;;");
    } else {
        puts("        ;;");
    }
}

void print_zsh(void)
{
    fputs("#compdef vm-cli\n"
          "if (( CURRENT == 2 )); then\n"
          "    compadd ",
          stdout);
    print_first_words();
    puts("-- --version --help\n"
         "    return\nfi\n"
         "local command=$words[2]\n"
         "shift words; (( CURRENT-- ))");
    for (unsigned i = 0; commands[i]; i++)
        if (strchr(commands[i]->name, ' '))
            printf("if [[ $command == %.*s ]]; then\n"
                   "    (( CURRENT == 2 )) && compadd %s\n"
                   "    [[ $words[2] == %s ]] && command='%s' && shift words && (( CURRENT-- ))\n"
                   "fi\n",
                   (int)strcspn(commands[i]->name, " "), commands[i]->name,
                   strchr(commands[i]->name, ' ') + 1, strchr(commands[i]->name, ' ') + 1,
                   commands[i]->name);
    puts("case $command in");
    for (unsigned i = 0; commands[i]; i++)
        zsh_command(commands[i]);
    puts("esac");
}

/* --- fish --- */

static void fish_values(const char *values)
{
    if (is_file(values))
        fputs(" -r -F", stdout);
    else if (is_machine(values))
        fputs(" -x -a '(" MACHINES ")'", stdout);
    else if (values)
        printf(" -x -a '%s'", values);
    else
        fputs(" -x", stdout);
}

static void fish_option(const struct command *command, const struct option *option)
{
    printf("complete -c vm-cli -n '__vm_cli_is %s' -l %s", command->name, option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    fputs(" -d '", stdout);
    for (const char *p = option->doc; *p; p++)
        printf("%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
    putchar('\'');
    if (option->arg && !option->arg_optional)
        fish_values(option->values);
    putchar('\n');
}

static void fish_command(const struct command *command)
{
    const char *second = strchr(command->name, ' ');
    struct option option;
    bool key;

    if (second)
        printf("complete -c vm-cli -n '__vm_cli_is_just %.*s' -a '%s'\n",
               (int)(second - command->name), command->name, second + 1);
    for (unsigned n = 0; command_option(command, n, &option, &key); n++)
        fish_option(command, &option);
    if (!command->completes)
        return;
    printf("complete -c vm-cli -n '__vm_cli_is %s'", command->name);
    fish_values(command->completes);
    putchar('\n');
}

void print_fish(void)
{
    fputs("# fish completion of vm-cli\n"
          "function __vm_cli_is # do the words after vm-cli begin with these?\n"
          "    set -l words (commandline -opc)\n"
          "    set -l last (math (count $argv) + 1)\n"
          "    test (count $words) -ge $last; and test \"$words[2..$last]\" = \"$argv\"\n"
          "end\n"
          "function __vm_cli_is_just\n"
          "    __vm_cli_is $argv\n"
          "    and test (count (commandline -opc)) -eq (math (count $argv) + 1)\n"
          "end\n"
          "complete -c vm-cli -f\n"
          "complete -c vm-cli -n __fish_use_subcommand -a '",
          stdout);
    print_first_words();
    puts("'\ncomplete -c vm-cli -n __fish_use_subcommand -l version -l help");
    for (unsigned i = 0; commands[i]; i++)
        fish_command(commands[i]);
}
