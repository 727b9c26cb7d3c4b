/*
 * second.c - the second stage: the guest configures its packages, in a machine that a child
 * process runs; what it says on its console is the progress.
 */
#include "vm/install/install.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_FAILED = 1, KEY_MAX = 200 };

/* --- the child --- */

static int configure(struct vm_config *cfg, struct install *in, struct vm_err *err)
{
    char *kernel = install_work(in, "kernel"), *initrd = install_work(in, "initrd"), *disk = NULL;
    char append[64];
    int rc = -1;

    snprintf(append, sizeof append, "console=%s quiet", in->arch->console);
    if (kernel && initrd && asprintf(&disk, "%s,format=raw", in->image) >= 0) {
        const struct vm_setting settings[] = {
            { "arch", in->o.arch },     { "kernel", kernel }, { "initrd", initrd },
            { "disk", disk },           { "append", append }, { "cpus", in->o.cpus },
            { "memory", in->o.memory },
        };

        rc = vm_config_set_all(cfg, settings, sizeof settings / sizeof settings[0], err);
    }
    free(kernel);
    free(initrd);
    free(disk);
    return rc;
}

/* Runs the machine to its end; a failure is the last line of the console. */
static int run_machine(struct install *in)
{
    struct vm_err err = { .text = "out of memory" };
    struct vm_config *cfg = vm_config_new();
    struct vm *vm = NULL;
    enum vm_stop why;
    int rc = cfg ? configure(cfg, in, &err) : -1;

    if (rc == 0)
        rc = vm_new(cfg, &vm, &err);
    if (rc == 0)
        rc = vm_run(vm, &why, &err);
    if (rc < 0)
        dprintf(1, "\nvm-install: failed %s\n", err.text);
    vm_free(vm);
    vm_config_free(cfg);
    return rc;
}

static _Noreturn void be_machine(struct install *in, int out, pid_t parent)
{
    char *log = install_work(in, "vm.log");
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int errors = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    /* An interrupted installation leaves no machine running. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent || null < 0 || errors < 0 ||
        dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
        _exit(CHILD_FAILED);
    _exit(run_machine(in) < 0 ? CHILD_FAILED : 0);
}

/* --- what the guest says --- */

struct hearing {
    struct install *in;
    FILE *log; /* owns; the whole console */
    unsigned configured;
    bool complete;
    char key[KEY_MAX]; /* the host key; "": not told */
    char failure[200]; /* "": none */
};

/* Letters, digits, and what base64 and "ssh-ed25519" have: nothing else gets into known_hosts. */
static void take_key(struct hearing *h, const char *text)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-";
    size_t type = strspn(text, good), key;

    if (strncmp(text, "ssh-ed25519 ", 12) != 0)
        return;
    key = strspn(text + type + 1, good);
    if (type + 1 + key < sizeof h->key)
        snprintf(h->key, sizeof h->key, "%.*s", (int)(type + 1 + key), text);
}

/* The text behind "vm-install: WORD"; NULL: it is another line. */
static const char *after(const char *line, const char *word)
{
    size_t len = strlen(word);
    const char *at = strstr(line, "vm-install: ");

    return at && strncmp(at + 12, word, len) == 0 ? at + 12 + len : NULL;
}

static void hear(struct hearing *h, char *line)
{
    struct install *in = h->in;
    const char *text;

    line[strcspn(line, "\r\n")] = 0;
    fprintf(h->log, "%s\n", line);
    if ((text = after(line, "package "))) {
        double done = (double)h->configured++ / (in->deb_count + 1);

        install_say(in, VM_INSTALL_CONFIGURE, text, done < 1 ? done : 1);
    } else if ((text = after(line, "hostkey ")))
        take_key(h, text);
    else if ((text = after(line, "failed ")))
        snprintf(h->failure, sizeof h->failure, "%s", text);
    else if (after(line, "complete"))
        h->complete = true;
}

static void listen(struct hearing *h, int from)
{
    FILE *in = fdopen(from, "r");
    char *line = NULL;
    size_t size = 0;

    if (!in) {
        close(from);
        return;
    }
    while (getline(&line, &size, in) > 0)
        hear(h, line);
    free(line);
    fclose(in);
}

static int judge(const struct hearing *h, const char *log, struct err *err)
{
    if (h->failure[0])
        return err_set(err, EIO, "the guest could not configure its packages: %s; see %s",
                       h->failure, log);
    if (!h->complete)
        return err_set(err, EIO,
                       "the guest ended before its packages were configured: see %s; the same "
                       "command goes on",
                       log);
    if (!h->key[0])
        return err_set(err, EIO, "the guest told no ssh host key: see %s", log);
    return 0;
}

int install_second(struct install *in, char **ret_host_key, struct err *err)
{
    struct hearing h = { .in = in };
    char *log = install_work(in, "console.log");
    int ends[2], rc;
    pid_t child, self = getpid();

    h.log = log ? fopen(log, "ae") : NULL;
    if (!h.log || pipe2(ends, O_CLOEXEC)) {
        rc = err_set_errno(err, errno, "starting the second stage");
        if (h.log)
            fclose(h.log);
        free(log);
        return rc;
    }
    install_say(in, VM_INSTALL_CONFIGURE, "starting the guest", 0);
    child = fork();
    if (child == 0)
        be_machine(in, ends[1], self);
    close(ends[1]);
    listen(&h, ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    fclose(h.log);
    rc = child < 0 ? err_set_errno(err, EAGAIN, "starting the second stage") : judge(&h, log, err);
    *ret_host_key = rc == 0 ? strdup(h.key) : NULL;
    free(log);
    return rc == 0 && !*ret_host_key ? err_set_errno(err, ENOMEM, "the second stage") : rc;
}
