/*
 * machine_login.c - vm-cli console, logs, ssh and cp: a person and a guest.
 */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- console --- */

static int console(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int left = 0, rc, status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    if (isatty(STDIN_FILENO))
        fputs("Ctrl-A x leaves the console.\n", stderr);
    rc = vm_machine_console(m, STDIN_FILENO, STDOUT_FILENO, &left, &err);
    if (rc == 0 && left)
        fputs("\n", stderr);
    return machine_done(line, m, rc, &err);
}

static const struct option json_only[] = { OPTION_JSON, { 0 } };

const struct command cmd_console = {
    .name = "console",
    .operands = "NAME",
    .doc = "Connects this terminal to a running machine's console.",
    .details = "What the guest wrote lately comes first. Ctrl-A x leaves; the machine goes on. "
               "With --json what the machine is afterwards is printed at the end.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = console,
};

/* --- logs --- */

/* Where the last `lines` lines of a file begin. */
static off_t tail_start(FILE *in, uint64_t lines)
{
    off_t at, end;

    fseeko(in, 0, SEEK_END);
    at = end = ftello(in);
    while (at > 0) {
        fseeko(in, at - 1, SEEK_SET);
        if (getc(in) == '\n' && at != end && --lines == 0)
            break;
        at--;
    }
    return lines ? 0 : at;
}

/* A guest may write what a terminal would obey. */
static void put_plain(const char *data, size_t len, bool terminal)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];

        if (terminal && ((c < ' ' && !strchr("\n\r\t", c)) || c == 0x7f || c == 0xc2))
            c = '?'; /* 0xc2 begins control characters, too, and little else */
        putchar(c);
    }
}

static int copy_out(FILE *in, bool terminal)
{
    char data[8192];
    size_t n;

    while ((n = fread(data, 1, sizeof data, in)) > 0)
        put_plain(data, n, terminal);
    clearerr(in);
    return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

/* Until the machine does not run any more. */
static int follow(struct vm_machine *m, FILE *in, bool terminal)
{
    const struct timespec pause = { .tv_nsec = 200 * 1000000 };
    struct vm_machine_info info;
    struct vm_err err;
    int status;

    do {
        nanosleep(&pause, NULL);
        if (vm_machine_info(m, &info, &err) < 0)
            return failed(&err);
        status = copy_out(in, terminal);
    } while (status == STATUS_OK && info.pid);
    return status;
}

static int print_log(const struct command_line *line, struct vm_machine *m, const char *path,
                     uint64_t lines)
{
    bool terminal = isatty(STDOUT_FILENO);
    FILE *in = fopen(path, "r");
    int status;

    if (!in && errno == ENOENT)
        return STATUS_OK;
    if (!in) {
        say("%s: %s", path, strerror(errno));
        return STATUS_FAILED;
    }
    fseeko(in, lines ? tail_start(in, lines) : 0, SEEK_SET);
    status = copy_out(in, terminal);
    if (status == STATUS_OK && line_has(line, "follow"))
        status = follow(m, in, terminal);
    fclose(in);
    return status;
}

static int logs(const struct command_line *line)
{
    struct vm_machine_info info;
    struct vm_machine *m;
    struct vm_err err;
    uint64_t lines;
    int status;

    if (line_number(line, "lines", 1, UINT32_MAX, 0, &lines) < 0)
        return STATUS_USAGE;
    status = machine_open(line, &m);
    if (status != STATUS_OK)
        return status;
    if (vm_machine_info(m, &info, &err) < 0)
        status = machine_failed(line, &err);
    else if (line_has(line, "json"))
        status = print_json(
            json_pack("{s:s, s:s}", "console-log", info.console_log, "vm-log", info.vm_log));
    else
        status = print_log(line, m, line_has(line, "vm") ? info.vm_log : info.console_log, lines);
    vm_machine_free(m);
    return status;
}

static const struct option logs_options[] = {
    { .name = "lines", .arg = "N", .doc = "Only the last N lines." },
    { .name = "follow", .doc = "Goes on with what is written, until the machine ends." },
    { .name = "vm", .doc = "What the machine's process said, not the guest's console." },
    { .name = "json", .doc = "Prints the names of the files as JSON." },
    { 0 },
};

const struct command cmd_logs = {
    .name = "logs",
    .operands = "NAME",
    .doc = "Prints what the guest has written on its console.",
    .details = "On a terminal without the guest's control characters.",
    .options = logs_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = logs,
};

/* --- ssh and cp --- */

enum { ARGS_OWN = 32 };

/* Arguments of a program; each is owned, the array, too. */
struct args {
    char **v;
    unsigned count;
    bool failed;
};

static void add(struct args *a, const char *text)
{
    a->v[a->count] = strdup(text);
    a->failed |= !a->v[a->count];
    a->count++;
}

/* -o KEY=VALUE for a file name: ssh splits at spaces and expands percent signs. */
static void add_file(struct args *a, const char *key, const char *path)
{
    char *text = malloc(strlen(key) + 2 * strlen(path) + 4), *at;

    add(a, "-o");
    if (!text) {
        a->failed = true;
        return;
    }
    at = text + sprintf(text, "%s=\"", key);
    for (; *path; path++) {
        if (*path == '%')
            *at++ = '%';
        *at++ = *path;
    }
    strcpy(at, "\"");
    add(a, text);
    free(text);
}

static void add_option(struct args *a, const char *option)
{
    add(a, "-o");
    add(a, option);
}

/* Room for the options and `more` words. */
static bool args_init(struct args *a, unsigned more)
{
    *a = (struct args){ .v = calloc(ARGS_OWN + more + 1, sizeof *a->v) };
    return a->v;
}

static void args_fini(struct args *a)
{
    for (unsigned i = 0; i < a->count; i++)
        free(a->v[i]);
    free(a->v);
}

/* Own key and pinned host key, nothing of the person's ssh set-up; no question where nobody
 * could answer. */
static void add_options(struct args *a, const struct vm_machine_info *info, const char *port_flag)
{
    char port[16];

    snprintf(port, sizeof port, "%u", info->ssh_port);
    add(a, "-F");
    add(a, "none");
    add(a, port_flag);
    add(a, port);
    add_option(a, "HostKeyAlias=vm");
    add_option(a, "StrictHostKeyChecking=accept-new");
    add_option(a, "GlobalKnownHostsFile=/dev/null");
    add_file(a, "UserKnownHostsFile", info->known_hosts);
    add_option(a, "PasswordAuthentication=no");
    add_option(a, "KbdInteractiveAuthentication=no");
    add_option(a, "LogLevel=ERROR");
    add_option(a, "ConnectTimeout=30"); /* a forward accepts for a guest that never answers */
    if (access(info->ssh_key, R_OK) == 0) {
        add_file(a, "IdentityFile", info->ssh_key);
        add_option(a, "IdentitiesOnly=yes");
    }
    if (!isatty(STDIN_FILENO))
        add_option(a, "BatchMode=yes");
}

/* Becomes the program; returns only when that cannot be. */
static int become(struct args *a)
{
    if (!a->failed) {
        execvp(a->v[0], a->v);
        say("%s cannot be run: %s: install openssh-client", a->v[0], strerror(errno));
    } else {
        say("out of memory");
    }
    return STATUS_FAILED;
}

static int reach(const char *name, struct vm_machine **ret, struct vm_machine_info *info)
{
    struct vm_err err;

    if (vm_machine_open(name, ret, &err) < 0 || vm_machine_info(*ret, info, &err) < 0)
        return failed(&err);
    if (!info->pid) {
        say("machine %s does not run: vm-cli start %s --wait", name, name);
        return STATUS_FAILED;
    }
    if (!info->ssh_port) {
        say("machine %s has no forward to an ssh server: vm-cli set %s --net user --ssh-port auto",
            name, name);
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* The key is made where the machine has none yet only by what installs a guest. */
static int ssh(const struct command_line *line)
{
    const char *at = strchr(line->operands[0], '@');
    const char *name = at ? at + 1 : line->operands[0];
    struct vm_machine_info info;
    struct vm_machine *m = NULL;
    char target[256];
    struct args a;
    int status = reach(name, &m, &info);

    if (status == STATUS_OK && !args_init(&a, line->operand_count))
        status = STATUS_FAILED;
    if (status == STATUS_OK) {
        add(&a, "ssh");
        add_options(&a, &info, "-p");
        snprintf(target, sizeof target, "%.*s@127.0.0.1",
                 at ? (int)(at - line->operands[0]) : (int)strlen(info.ssh_user),
                 at ? line->operands[0] : info.ssh_user);
        add(&a, "--");
        add(&a, target);
        for (unsigned i = 1; i < line->operand_count; i++)
            add(&a, line->operands[i]);
        fflush(stdout);
        status = become(&a);
        args_fini(&a);
    }
    vm_machine_free(m);
    return status;
}

const struct command cmd_ssh = {
    .name = "ssh",
    .operands = "[USER@]NAME [COMMAND...]",
    .doc = "Logs in to a running machine, or runs a command there and returns its status.",
    .details = "By the machine's own key, against the host key that was pinned when it was "
               "installed or first seen. Status 255: ssh could not connect.",
    .operands_min = 1,
    .operands_max = UINT32_MAX,
    .verbatim = true,
    .completes = "@machine",
    .run = ssh,
};

/* "NAME:PATH": the length of NAME, else 0. A slash before the colon makes it a local file. */
static size_t remote(const char *operand)
{
    size_t len = strcspn(operand, ":/");

    return operand[len] == ':' ? len : 0;
}

/* The machine that all remote operands name, in out; an exit status. */
static int cp_machine(const struct command_line *line, char *out, size_t size)
{
    out[0] = 0;
    for (unsigned i = 0; i < line->operand_count; i++) {
        size_t len = remote(line->operands[i]);

        if (!len)
            continue;
        if (out[0] && (strlen(out) != len || strncmp(out, line->operands[i], len) != 0))
            return misused("cp copies to or from one machine at a time");
        snprintf(out, size, "%.*s", (int)len, line->operands[i]);
    }
    return out[0] ? STATUS_OK : misused("cp: name a machine: NAME:PATH");
}

static void add_operand(struct args *a, const struct vm_machine_info *info, const char *operand)
{
    size_t len = remote(operand);
    char *text = NULL;
    int rc = len ? asprintf(&text, "%s@127.0.0.1:%s", info->ssh_user, operand + len + 1)
                 : asprintf(&text, "%s%s", operand[0] == '/' ? "" : "./", operand);

    if (rc < 0)
        a->failed = true;
    else
        add(a, text);
    free(text);
}

static int cp(const struct command_line *line)
{
    struct vm_machine_info info;
    struct vm_machine *m = NULL;
    char name[256];
    struct args a;
    int status = cp_machine(line, name, sizeof name);

    if (status == STATUS_OK)
        status = reach(name, &m, &info);
    if (status == STATUS_OK && !args_init(&a, line->operand_count))
        status = STATUS_FAILED;
    if (status == STATUS_OK) {
        add(&a, "scp");
        add_options(&a, &info, "-P");
        if (line_has(line, "recursive"))
            add(&a, "-r");
        add(&a, "--");
        for (unsigned i = 0; i < line->operand_count; i++)
            add_operand(&a, &info, line->operands[i]);
        fflush(stdout);
        status = become(&a);
        args_fini(&a);
    }
    vm_machine_free(m);
    return status;
}

static const struct option cp_options[] = {
    { .name = "recursive", .doc = "Copies folders with all that is in them." },
    { 0 },
};

const struct command cmd_cp = {
    .name = "cp",
    .operands = "FROM... TO",
    .doc = "Copies files to or from a running machine; NAME:PATH is a file in it.",
    .options = cp_options,
    .operands_min = 2,
    .operands_max = UINT32_MAX,
    .completes = "@file",
    .run = cp,
};
