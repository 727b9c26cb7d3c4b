/*
 * machine_ready.c - finds out when a guest is up, and its ssh key.
 */
#include "vm/machines_private.h"

#include "host/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, BANNER_MS = 3000 };

/* --- is it up? --- */

/* What the guest does with a connection to its port for ssh. */
enum answer { ANSWER_NOT_ASKED, ANSWER_NONE, ANSWER_REFUSED, ANSWER_SSH };

/* An ssh server speaks first: "SSH-2.0-...". A forward accepts before there is a guest that
 * would answer, and hangs up when one has answered that it has no server there. */
static enum answer ssh_ask(unsigned port, int timeout_ms)
{
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons((u16)port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    char banner[4] = "";
    enum answer answer = ANSWER_NONE;

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        poll(&wait, 1, timeout_ms) == 1)
        answer = recv(fd, banner, sizeof banner, 0) == 4 && memcmp(banner, "SSH-", 4) == 0
                     ? ANSWER_SSH
                     : ANSWER_REFUSED;
    if (fd >= 0)
        close(fd);
    return answer;
}

/* The sign of life that this machine gives; NULL: none yet, and *answer is what ssh said. */
static const char *sign(const struct vm_machine *m, int patience_ms, enum answer *answer)
{
    unsigned port = (unsigned)settings_get_number(&m->state.run, "ssh-port");
    const char *text = settings_get(&m->state.settings, "ready-text");

    if (text || !port)
        return machine_console_has(m, text ? text : "login:") ? "text on the console" : NULL;
    *answer = ssh_ask(port, patience_ms < BANNER_MS ? patience_ms : BANNER_MS);
    return *answer == ANSWER_SSH ? "its ssh server answers" : NULL;
}

/* It runs, but waited_ms were not enough, or no time would be. */
static int not_ready(struct vm_machine *m, int waited_ms, enum answer answer, struct err *err)
{
    static const char *const network[] = {
        [ANSWER_NONE] = "nothing in the guest answers on its network; ",
        [ANSWER_REFUSED] = "the guest's network is up, but it has no ssh server; ",
    };
    char *words = machine_last_words(m, 3, " | ");
    bool tell = network[answer] && !machine_is_hopeless(m);

    err_set(err, ETIMEDOUT, "machine %s runs, but was not up after %d s: %s%s", m->name,
            waited_ms / 1000, tell ? network[answer] : "", words ? words : "");
    free(words);
    return -ETIMEDOUT;
}

static int ended(struct vm_machine *m, struct err *err)
{
    char *words = machine_last_words(m, 3, " | ");

    err_set(err, ECHILD, "machine %s ended before it was up: %s; %s", m->name,
            m->state.last_stop ? m->state.last_stop : "", words ? words : "");
    free(words);
    return -ECHILD;
}

static int wait_ready(struct vm_machine *m, int timeout_ms, struct err *err)
{
    const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
    struct life_command cmd = { .verb = LIFE_SEEN_READY };
    ns_t begin = host_clock_monotonic(), end = begin + (ns_t)timeout_ms * NS_PER_MS;
    enum answer answer = ANSWER_NOT_ASKED;
    int rc = machine_look(m, false, err);

    if (rc == 0 && !machine_runs(m))
        return err_set(err, ESRCH, "machine %s does not run", m->name);
    while (rc == 0 && machine_runs(m) && !m->state.ready) {
        ns_t now = host_clock_monotonic();

        if (now >= end || machine_is_hopeless(m))
            return not_ready(m, (int)((now - begin) / NS_PER_MS), answer, err);
        cmd.cause = m->state.stage == LIFE_IS_RUNNING
                        ? sign(m, (int)((end - now) / NS_PER_MS) + 1, &answer)
                        : NULL;
        if (cmd.cause && ((rc = machine_do(m, &cmd, err)) == 0 || rc == -ENOSPC || rc == -EIO))
            return rc;
        nanosleep(&pause, NULL);
        rc = machine_look(m, false, err);
    }
    if (rc == 0 && !machine_runs(m))
        return ended(m, err);
    return rc;
}

VM_API int vm_machine_wait_ready(struct vm_machine *m, int timeout_ms, struct vm_err *err)
{
    struct err e = { 0 };

    return wait_ready(m, timeout_ms, &e) < 0 ? err_to_public(&e, err) : 0;
}

/* --- the key --- */

static int keygen(const char *path, const char *comment, struct err *err)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        /* Its own complaint goes to standard error; what it congratulates on does not. */
        execlp("ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f",
               path, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(err, ENOENT,
                       "there is no ssh-keygen to make a key with: install openssh-client");
    return err_set(err, EIO, "ssh-keygen could not make the key %s", path);
}

VM_API int vm_machine_ssh_key(struct vm_machine *m, struct vm_err *err)
{
    struct err e = { 0 };
    char *making = NULL, *pub = NULL, *pub_making = NULL;
    int rc = 0;

    if (access(m->paths.ssh_key, F_OK) == 0)
        return 0;
    if (mkdir(m->paths.ssh, 0700) && errno != EEXIST)
        rc = err_set_errno(&e, errno, "cannot make %s", m->paths.ssh);
    if (asprintf(&making, "%s.%d", m->paths.ssh_key, getpid()) < 0 ||
        asprintf(&pub_making, "%s.pub", making) < 0 ||
        asprintf(&pub, "%s.pub", m->paths.ssh_key) < 0)
        rc = err_set_errno(&e, ENOMEM, "machine %s", m->name);
    if (rc == 0)
        rc = keygen(making, m->name, &e);
    if (rc == 0 && (rename(pub_making, pub) || rename(making, m->paths.ssh_key)))
        rc = err_set_errno(&e, errno, "cannot make %s", m->paths.ssh_key);
    free(making);
    free(pub_making);
    free(pub);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
