/*
 * texts.c - help, man page and shell completions, all from the option table.
 */
#include "options.h"

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

void print_help(void)
{
    puts("Usage: vm-cli run OPTIONS\n"
         "       vm-cli generate man|bash|zsh|fish\n"
         "       vm-cli --version | --help\n"
         "\n"
         "  run        runs a virtual machine (vm-cli run --help lists its options)\n"
         "  generate   prints the man page or a shell's completions\n"
         "\n"
         "Exit status: 0 the guest powered off, 1 the host or the user failed, 2 wrong\n"
         "usage, 3 the guest reset under --on-reset=exit or reported a panic.");
}

static void print_trace_kinds(void)
{
    const char *name, *doc;

    puts("\nKinds of --trace:");
    for (unsigned n = 0; vm_trace_kind(n, &name, &doc); n++)
        printf("  %-8s %s\n", name, doc);
}

void print_run_help(void)
{
    struct option_row row;

    puts("Usage: vm-cli run OPTIONS\n");
    for (unsigned n = 0; option_row(n, &row); n++) {
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
    print_trace_kinds();
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

static void print_man(void)
{
    struct option_row row;
    const char *name, *doc;

    printf(".TH VM\\-CLI 1 \"\" \"vm %s\" \"User Commands\"\n", vm_version());
    puts(".SH NAME\n"
         "vm-cli \\- run virtual machines of any architecture\n"
         ".SH SYNOPSIS\n"
         ".B vm-cli run\n.RI [ OPTIONS ]\n.br\n"
         ".B vm-cli generate\n.RB { man | bash | zsh | fish }\n.br\n"
         ".B vm-cli\n.RB { \\-\\-version | \\-\\-help }\n"
         ".SH DESCRIPTION\n"
         ".B vm-cli run\n"
         "runs a virtual machine until its guest powers off.\n"
         "Its serial console is on standard input and output; Ctrl\\-A x ends the machine.\n"
         ".SH OPTIONS OF RUN");
    for (unsigned n = 0; option_row(n, &row); n++)
        man_option(&row);
    puts(".SH TRACE KINDS");
    for (unsigned n = 0; vm_trace_kind(n, &name, &doc); n++) {
        printf(".TP\n.B %s\n", name);
        roff(doc);
        puts(".");
    }
    puts(".SH EXIT STATUS\n"
         ".TP\n.B 0\nThe guest powered off.\n"
         ".TP\n.B 1\nThe host or the user failed, or the machine was ended from outside.\n"
         ".TP\n.B 2\nWrong usage.\n"
         ".TP\n.B 3\nThe guest reset under \\-\\-on\\-reset=exit, or reported a panic.\n"
         ".SH EXAMPLES\n"
         ".EX\n"
         "vm-cli run \\-\\-kernel vmlinux \\-\\-initrd initrd.img \\-\\-memory 1G \\-\\-cpus 2\n"
         ".EE");
}

/* --- completions --- */

static bool is_file(const struct option_row *row)
{
    return row->values && strcmp(row->values, "@file") == 0;
}

static void print_bash(void)
{
    struct option_row row;

    puts("# bash completion of vm-cli\n"
         "_vm_cli()\n{\n"
         "    local cur prev words cword\n"
         "    cur=${COMP_WORDS[COMP_CWORD]}\n"
         "    prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "        COMPREPLY=($(compgen -W 'run generate --version --help' -- \"$cur\"))\n"
         "        return\n    fi\n"
         "    case $prev in\n"
         "    generate) COMPREPLY=($(compgen -W 'man bash zsh fish' -- \"$cur\")); return ;;");
    for (unsigned n = 0; option_row(n, &row); n++) {
        if (!row.arg || row.arg_optional)
            continue;
        if (is_file(&row))
            printf("    --%s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", row.name);
        else if (row.values)
            printf("    --%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", row.name,
                   row.values);
        else
            printf("    --%s) return ;;\n", row.name);
    }
    fputs("    esac\n    COMPREPLY=($(compgen -W '", stdout);
    for (unsigned n = 0; option_row(n, &row); n++)
        printf("%s--%s", n ? " " : "", row.name);
    puts("' -- \"$cur\"))\n}\ncomplete -o filenames -F _vm_cli vm-cli");
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

static void print_zsh(void)
{
    struct option_row row;

    puts("#compdef vm-cli\n"
         "if (( CURRENT == 2 )); then\n"
         "    compadd run generate -- --version --help\n"
         "    return\nfi\n"
         "shift words; (( CURRENT-- ))\n"
         "_arguments \\");
    for (unsigned n = 0; option_row(n, &row); n++) {
        printf("    '%s--%s%s[", row.repeats ? "*" : "", row.name,
               row.arg && !row.arg_optional ? "" : "");
        zsh_text(row.doc);
        putchar(']');
        if (row.arg && !row.arg_optional) {
            putchar(':');
            zsh_text(row.name);
            if (is_file(&row))
                fputs(":_files", stdout);
            else if (row.values)
                printf(":(%s)", row.values);
            else
                fputs(": ", stdout);
        }
        puts("' \\");
    }
    puts("    && return 0");
}

static void print_fish(void)
{
    struct option_row row;

    puts("# fish completion of vm-cli\n"
         "complete -c vm-cli -f\n"
         "complete -c vm-cli -n __fish_use_subcommand -a 'run generate'\n"
         "complete -c vm-cli -n __fish_use_subcommand -l version -l help\n"
         "complete -c vm-cli -n '__fish_seen_subcommand_from generate' -a 'man bash zsh fish'");
    for (unsigned n = 0; option_row(n, &row); n++) {
        printf("complete -c vm-cli -n '__fish_seen_subcommand_from run' -l %s -d '", row.name);
        for (const char *p = row.doc; *p; p++)
            printf("%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
        putchar('\'');
        if (row.arg && !row.arg_optional) {
            if (is_file(&row))
                fputs(" -r -F", stdout);
            else if (row.values)
                printf(" -x -a '%s'", row.values);
            else
                fputs(" -x", stdout);
        }
        putchar('\n');
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
