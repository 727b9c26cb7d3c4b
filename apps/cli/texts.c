/*
 * texts.c - help, man page and shell completions, all from the tables of commands and options.
 */
#include "command.h"
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 79, INDENT = 6 };

/* Prints text in lines of WIDTH, indented. */
static void print_wrapped(const char *text)
{
    int column = 0;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (column && column + 1 + (int)len > WIDTH) {
            putchar('\n');
            column = 0;
        }
        if (column == 0)
            column = printf("%*s", INDENT, "");
        else
            column += printf(" ");
        column += printf("%.*s", (int)len, text);
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

/* A name is "group second". */
static bool in_group(const struct command *c, const char *group)
{
    size_t len = strlen(group);

    return strncmp(c->name, group, len) == 0 && c->name[len] == ' ';
}

static const char *words_of(const struct command *c)
{
    return c->words ? c->words : "";
}

void print_help(const char *group)
{
    const struct command *c;

    for (c = commands; c->name; c++)
        if (!group || in_group(c, group))
            printf("%s vm-cli %s%s%s%s\n", c == commands || group ? "Usage:" : "      ", c->name,
                   c->words ? " " : "", words_of(c), c->row || c->options ? " [OPTIONS]" : "");
    if (!group)
        puts("       vm-cli --version | --help");
    putchar('\n');
    for (c = commands; c->name; c++)
        if (!group || in_group(c, group))
            printf("  %-14s %s\n", c->name, c->doc);
    puts("\nvm-cli COMMAND --help lists a command's options.");
    if (!group)
        puts("\nExit status: 0 done (run: the guest powered off), 1 the host or the user failed,\n"
             "2 wrong usage, 3 the guest reset under --on-reset=exit or reported a panic.");
}

void print_trace_kinds(void)
{
    const char *name, *doc;

    puts("\nKinds of --trace:");
    for (unsigned n = 0; vm_trace_kind(n, &name, &doc); n++)
        printf("  %-8s %s\n", name, doc);
}

void print_command_help(const struct command *c)
{
    struct option_row row;

    printf("Usage: vm-cli %s%s%s [OPTIONS]\n\n", c->name, c->words ? " " : "", words_of(c));
    if (!c->row)
        printf("vm-cli %s %s.\n\n", c->name, c->doc);
    for (unsigned n = 0; command_row(c, n, &row); n++) {
        printf("  --%s%s%s%s%s\n", row.name,
               !row.arg           ? ""
               : row.arg_optional ? "[="
                                  : " ",
               row.arg ? row.arg : "", row.arg_optional ? "]" : "",
               row.repeats ? " (may be repeated)" : "");
        print_wrapped(row.doc);
        if (row.initial && row.arg)
            printf("%*sDefault: %s\n", INDENT, "", row.initial);
    }
    if (c->more_help)
        c->more_help();
}

/* --- man page: man(7) macros --- */

/* Text for roff: hyphens and backslashes escaped, no line starts with a dot. */
static void roff(const char *text)
{
    for (; *text; text++)
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
}

static void man_option(const struct option_row *row)
{
    puts(".TP");
    fputs(".BR \"\\-\\-", stdout);
    roff(row->name);
    fputs("\" ", stdout);
    if (row->arg) {
        printf("\"%s", row->arg_optional ? "[=" : " ");
        roff(row->arg);
        printf("%s\"", row->arg_optional ? "]" : "");
    }
    putchar('\n');
    roff(row->doc);
    putchar('\n');
    if (row->repeats)
        puts("May be repeated.");
    if (row->initial && row->arg) {
        fputs("Default: ", stdout);
        roff(row->initial);
        puts(".");
    }
}

/* Text of the table in capitals, for a heading. */
static void man_heading(const char *name)
{
    fputs(".SH OPTIONS OF ", stdout);
    for (; *name; name++)
        putchar(toupper((unsigned char)*name));
    putchar('\n');
}

static void man_commands(void)
{
    for (const struct command *c = commands; c->name; c++) {
        fputs(".TP\n.B vm-cli ", stdout);
        roff(c->name);
        putchar(' ');
        roff(words_of(c));
        putchar('\n');
        putchar(toupper((unsigned char)c->doc[0]));
        roff(c->doc + 1);
        puts(".");
    }
}

static void man_options(const struct command *c)
{
    struct option_row row;

    if (!c->row && !c->options)
        return;
    man_heading(c->name);
    for (unsigned n = 0; command_row(c, n, &row); n++)
        man_option(&row);
}

static void print_man(void)
{
    const char *name, *doc;

    printf(".TH VM\\-CLI 1 \"\" \"vm %s\" \"User Commands\"\n", vm_version());
    puts(".SH NAME\n"
         "vm-cli \\- run virtual machines of any architecture\n"
         ".SH SYNOPSIS\n"
         ".B vm-cli\n.I COMMAND\n.RI [ OPTIONS ]\n.br\n"
         ".B vm-cli\n.RB { \\-\\-version | \\-\\-help }\n"
         ".SH DESCRIPTION\n"
         ".B vm-cli run\n"
         "runs a virtual machine until its guest powers off.\n"
         "Its serial console is on standard input and output; Ctrl\\-A x ends the machine.\n"
         ".SH COMMANDS");
    man_commands();
    for (const struct command *c = commands; c->name; c++)
        man_options(c);
    puts(".SH TRACE KINDS");
    for (unsigned n = 0; vm_trace_kind(n, &name, &doc); n++) {
        printf(".TP\n.B %s\n", name);
        roff(doc);
        puts(".");
    }
    puts(".SH EXIT STATUS\n"
         ".TP\n.B 0\nDone; of run: the guest powered off.\n"
         ".TP\n.B 1\nThe host or the user failed, or the machine was ended from outside.\n"
         ".TP\n.B 2\nWrong usage.\n"
         ".TP\n.B 3\nThe guest reset under \\-\\-on\\-reset=exit, or reported a panic.\n"
         ".SH EXAMPLES\n"
         ".EX\n"
         "vm-cli run \\-\\-kernel vmlinux \\-\\-initrd initrd.img \\-\\-memory 1G \\-\\-cpus 2\n"
         ".EE");
}

/* --- completions --- */

static bool is_file(const char *values)
{
    return values && strcmp(values, "@file") == 0;
}

/* The first words of all commands, or the second words of those of a group, each once. */
static void print_names(const char *group)
{
    const struct command *c, *before;
    const char *space = "";

    for (c = commands, before = NULL; c->name; before = c, c++) {
        size_t len = strcspn(c->name, " ");
        const char *name = c->name;

        if (group && !in_group(c, group))
            continue;
        if (group)
            len = strlen(name += strlen(group) + 1);
        else if (before && strncmp(before->name, name, len + 1) == 0)
            continue; /* of the same group */
        printf("%s%.*s", space, (int)len, name);
        space = " ";
    }
}

/* The group's name in c's, at the first of the group; else NULL. */
static bool group_begins(const struct command *c, char group[32])
{
    size_t len = strcspn(c->name, " ");

    if (!c->name[len])
        return false;
    snprintf(group, 32, "%.*s", (int)len, c->name);
    return c == commands || !in_group(c - 1, group);
}

static void bash_values(const struct option_row *row)
{
    if (is_file(row->values))
        printf("        --%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", row->name);
    else if (row->values)
        printf("        --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", row->name,
               row->values);
    else
        printf("        --%s) return ;;\n", row->name);
}

/* What may follow a command: values of the option before, else options and files. */
static void bash_command(const struct command *c)
{
    struct option_row row;

    printf("    '%s')\n        case $prev in\n", c->name);
    for (unsigned n = 0; command_row(c, n, &row); n++)
        if (row.arg && !row.arg_optional)
            bash_values(&row);
    fputs("        *) ;;\n        esac\n        COMPREPLY=($(compgen ", stdout);
    if (is_file(c->word_values))
        fputs("-f ", stdout);
    fputs("-W '", stdout);
    if (c->word_values && !is_file(c->word_values))
        printf("%s ", c->word_values);
    for (unsigned n = 0; command_row(c, n, &row); n++)
        printf("%s--%s", n ? " " : "", row.name);
    puts("' -- \"$cur\")) ;;");
}

static void print_bash(void)
{
    char group[32];

    puts("# bash completion of vm-cli\n"
         "_vm_cli()\n{\n"
         "    local cur prev name\n"
         "    cur=${COMP_WORDS[COMP_CWORD]}\n"
         "    prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    name=${COMP_WORDS[1]}");
    fputs("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '", stdout);
    print_names(NULL);
    puts(" --version --help' -- \"$cur\"))\n        return\n    fi\n    case $name in");
    for (const struct command *c = commands; c->name; c++)
        if (group_begins(c, group)) {
            printf("    %s)\n        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
                   "            COMPREPLY=($(compgen -W '",
                   group);
            print_names(group);
            puts(" --help' -- \"$cur\"))\n            return\n        fi\n"
                 "        name=\"$name ${COMP_WORDS[2]}\" ;;");
        }
    puts("    *) ;;\n    esac\n    case $name in");
    for (const struct command *c = commands; c->name; c++)
        bash_command(c);
    puts("    *) ;;\n    esac\n}\ncomplete -o filenames -F _vm_cli vm-cli");
}

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

static void zsh_option(const struct option_row *row)
{
    printf("        '%s--%s[", row->repeats ? "*" : "", row->name);
    zsh_text(row->doc);
    putchar(']');
    if (row->arg && !row->arg_optional) {
        putchar(':');
        zsh_text(row->name);
        if (is_file(row->values))
            fputs(":_files", stdout);
        else if (row->values)
            printf(":(%s)", row->values);
        else
            fputs(": ", stdout);
    }
    puts("' \\");
}

static void zsh_command(const struct command *c)
{
    struct option_row row;

    printf("'%s')\n    _arguments \\\n", c->name);
    for (unsigned n = 0; command_row(c, n, &row); n++)
        zsh_option(&row);
    if (is_file(c->word_values))
        puts("        '*: :_files' \\");
    else if (c->word_values)
        printf("        '*: :(%s)' \\\n", c->word_values);
    puts("        && return 0 ;;");
}

static void print_zsh(void)
{
    char group[32];

    fputs("#compdef vm-cli\n"
          "if (( CURRENT == 2 )); then\n"
          "    compadd ",
          stdout);
    print_names(NULL);
    puts(
        " -- --version --help\n    return\nfi\nlocal name=$words[2]\nshift words; (( CURRENT-- ))");
    for (const struct command *c = commands; c->name; c++)
        if (group_begins(c, group)) {
            printf("if [[ $name == %s ]]; then\n    if (( CURRENT == 2 )); then\n        compadd ",
                   group);
            print_names(group);
            puts("\n        return\n    fi\n"
                 "    name=\"$name $words[2]\"\n    shift words; (( CURRENT-- ))\nfi");
        }
    puts("case $name in");
    for (const struct command *c = commands; c->name; c++)
        zsh_command(c);
    puts("esac");
}

/* The condition under which a command's options are offered. */
static void fish_condition(const struct command *c)
{
    size_t len = strcspn(c->name, " ");

    printf("complete -c vm-cli -n '__fish_seen_subcommand_from %.*s", (int)len, c->name);
    if (c->name[len])
        printf("; and __fish_seen_subcommand_from %s", c->name + len + 1);
    putchar('\'');
}

static void fish_option(const struct command *c, const struct option_row *row)
{
    fish_condition(c);
    printf(" -l %s -d '", row->name);
    for (const char *p = row->doc; *p; p++)
        printf("%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
    putchar('\'');
    if (row->arg && !row->arg_optional) {
        if (is_file(row->values))
            fputs(" -r -F", stdout);
        else if (row->values)
            printf(" -x -a '%s'", row->values);
        else
            fputs(" -x", stdout);
    }
    putchar('\n');
}

static void print_fish(void)
{
    struct option_row row;
    char group[32];

    fputs("# fish completion of vm-cli\n"
          "complete -c vm-cli -f\n"
          "complete -c vm-cli -n __fish_use_subcommand -a '",
          stdout);
    print_names(NULL);
    puts("'\ncomplete -c vm-cli -n __fish_use_subcommand -l version -l help");
    for (const struct command *c = commands; c->name; c++) {
        if (group_begins(c, group)) {
            printf("complete -c vm-cli -n '__fish_seen_subcommand_from %s' -a '", group);
            print_names(group);
            puts("'");
        }
        if (c->word_values) {
            fish_condition(c);
            if (is_file(c->word_values))
                puts(" -F");
            else
                printf(" -a '%s'\n", c->word_values);
        }
        for (unsigned n = 0; command_row(c, n, &row); n++)
            fish_option(c, &row);
    }
}

bool print_generated(const char *kind)
{
    static const struct {
        const char *kind;
        void (*print)(void);
    } kinds[] = {
        { "man", print_man }, { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish }
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0) {
            kinds[i].print();
            return true;
        }
    return false;
}
