/*
 * install.c - vm-cli install-debian: a Debian in a machine of its own, and how far it is.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <vm/install.h>

enum { BAR = 24, LINE_EVERY = 10 /* percent */ };

/* How progress is told: one of the three. */
struct teller {
    bool json, terminal;
    enum vm_install_stage stage;
    bool any;
    double began; /* this stage, seconds */
    int percent;  /* last told */
    char item[64];
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this stage, from how long it took so far; -1: too early to say. */
static double seconds_left(const struct teller *t, const struct vm_install_progress *p)
{
    double passed = now() - t->began;

    return p->done < 0.02 || passed < 2 ? -1 : passed * (1 - p->done) / p->done;
}

/* "[#####...............]  21 %  configuring packages: libc6, 1:05 left" */
static void tell_bar(const struct teller *t, const struct vm_install_progress *p)
{
    double left = seconds_left(t, p);
    char bar[BAR + 1];

    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(p->done * (double)BAR) ? '#' : '.';
    bar[BAR] = 0;
    fprintf(stderr, "\r[%s] %3d %%  %s%s%.40s", bar, t->percent, vm_install_stage_name(p->stage),
            *p->item ? ": " : "", p->item);
    if (left >= 0)
        fprintf(stderr, ", %d:%02d left", (int)left / 60, (int)left % 60);
    fputs("\033[K", stderr);
    fflush(stderr);
}

static void tell_line(const struct teller *t, const struct vm_install_progress *p)
{
    fprintf(stderr, "%s: %d %%\n", vm_install_stage_name(p->stage), t->percent);
}

static void tell_json(const struct teller *t, const struct vm_install_progress *p)
{
    double left = seconds_left(t, p);
    json_t *row = json_pack("{s:s, s:s, s:f, s:o}", "stage", vm_install_stage_name(p->stage),
                            "item", p->item, "done", p->done, "seconds-left",
                            left < 0 ? json_null() : json_integer((json_int_t)left));

    if (row && json_dumpf(row, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    fflush(stdout);
    json_decref(row);
}

static void tell(void *arg, const struct vm_install_progress *p)
{
    struct teller *t = arg;
    int percent = (int)(p->done * 100);
    bool new_stage = !t->any || t->stage != p->stage;

    if (new_stage) {
        if (t->any && t->terminal && !t->json)
            fputc('\n', stderr);
        t->began = now();
        t->stage = p->stage;
        t->percent = -LINE_EVERY;
        t->any = true;
    }
    if (!t->json && !t->terminal && percent < t->percent + LINE_EVERY)
        return;
    if (t->json && !new_stage && percent == t->percent && strcmp(t->item, p->item) == 0)
        return;
    t->percent = percent;
    snprintf(t->item, sizeof t->item, "%s", p->item);
    (t->json ? tell_json : t->terminal ? tell_bar : tell_line)(t, p);
}

/* --- the command --- */

/* Borrowed strings; packages: room for all that were given. */
static void take_options(const struct command_line *line, struct vm_install_options *o,
                         const char **packages)
{
    const char *name = line_value(line, "name");

    *o = (struct vm_install_options){ .name = name ? name : "debian",
                                      .arch = line_value(line, "arch"),
                                      .release = line_value(line, "release"),
                                      .disk_size = line_value(line, "disk-size"),
                                      .memory = line_value(line, "memory"),
                                      .cpus = line_value(line, "cpus"),
                                      .user = line_value(line, "user"),
                                      .ssh_key = line_value(line, "ssh-key"),
                                      .user_data = line_value(line, "user-data"),
                                      .mirror = line_value(line, "mirror"),
                                      .packages = packages };
    for (unsigned i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].name, "package") == 0)
            packages[o->package_count++] = line->given[i].value;
}

static int install_debian(const struct command_line *line)
{
    struct teller teller = { .json = line_has(line, "json"), .terminal = isatty(STDERR_FILENO) };
    const char **packages = calloc(line->given_count + 1, sizeof *packages);
    struct vm_install_options options;
    struct vm_machine *m = NULL;
    struct vm_err err;
    int rc;

    if (!packages) {
        say("out of memory");
        return STATUS_FAILED;
    }
    take_options(line, &options, packages);
    rc = vm_install_debian(&options, tell, &teller, &m, &err);
    free(packages);
    if (teller.any && teller.terminal && !teller.json)
        fputc('\n', stderr);
    if (rc == 0 && line_has(line, "start"))
        rc = vm_machine_start(m, "vm-cli install-debian --start", &err);
    if (rc == 0 && !teller.json)
        fprintf(stderr, "%s is installed: vm-cli %s%s\n", options.name,
                line_has(line, "start") ? "ssh " : "start ", options.name);
    return machine_done(line, m, rc, &err);
}

static const struct option install_options[] = {
    { .name = "arch",
      .arg = "ARCH",
      .values = "riscv64 arm64",
      .initial = "riscv64",
      .doc = "Guest architecture." },
    { .name = "name",
      .arg = "NAME",
      .initial = "debian",
      .doc = "The machine's name, and the guest's host name." },
    { .name = "release",
      .arg = "NAME",
      .values = "trixie",
      .initial = "trixie",
      .doc = "Code name of the Debian release." },
    { .name = "disk-size",
      .arg = "SIZE",
      .initial = "8G",
      .doc = "Size of the disk, with M, G or T; only what is written takes place on the host." },
    { .name = "memory", .arg = "SIZE", .initial = "1G", .doc = "Guest memory, with K, M, G or T." },
    { .name = "cpus", .arg = "N", .initial = "2", .doc = "Number of CPUs." },
    { .name = "user",
      .arg = "USER",
      .doc = "Name of the guest's user, who may use sudo and has no password: your own name, or "
             "debian for root." },
    { .name = "ssh-key",
      .arg = "FILE",
      .values = "@file",
      .doc = "A public key that may log in, next to the machine's own." },
    { .name = "user-data",
      .arg = "FILE",
      .values = "@file",
      .doc = "Installs cloud-init as well, which obeys this file at the first start." },
    { .name = "mirror",
      .arg = "URL",
      .doc = "The Debian archive to take packages from, instead of the one that this host's apt "
             "uses; the guest uses it, too." },
    { .name = "package", .arg = "NAME", .repeats = true, .doc = "Installs this package as well." },
    { .name = "start", .doc = "Starts the machine at the end." },
    OPTION_JSON,
    { 0 },
};

const struct command cmd_install_debian = {
    .name = "install-debian",
    .doc = "Installs Debian into a new machine.",
    .details =
        "This host's apt fetches and verifies the packages, without root; the disk is written "
        "without root, too; the guest configures its packages itself. After an interruption the "
        "same command goes on. The guest has a user who logs in by key alone (vm-cli ssh); it "
        "starts the kernel that it installed last. With --json progress and result are JSON "
        "objects, one after the other.",
    .options = install_options,
    .run = install_debian,
};
