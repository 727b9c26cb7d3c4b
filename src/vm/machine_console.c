/*
 * machine_console.c - a terminal on the console of a machine that another process runs.
 */
#include "vm/machines_private.h"

#include "host/signal.h"
#include "host/socket.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ESCAPE = 0x01 /* Ctrl-A */, PIECE = 4096, END_MS = 10000 /* after it hung up */ };

struct attached {
    int line, in, out; /* the machine's socket; -1: the input has ended */
    int signals;       /* readable when it is to be left; -1: none */
    bool terminal, escaped, left;
    u8 typed[PIECE]; /* not taken by the machine yet */
    size_t typed_len;
};

static const char help[] = "\r\n"
                           "Ctrl-A x       leave the console; the machine goes on\r\n"
                           "Ctrl-A h       this list\r\n"
                           "Ctrl-A Ctrl-A  send Ctrl-A to the guest\r\n";

static int write_all(int fd, const void *data, size_t len)
{
    const u8 *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };

            poll(&p, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return -errno;
        } else if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* One byte from a terminal: true when it is the guest's. */
static bool is_for_guest(struct attached *a, u8 byte)
{
    if (!a->terminal)
        return true;
    if (!a->escaped) {
        a->escaped = byte == ESCAPE;
        return !a->escaped;
    }
    a->escaped = false;
    if (byte == 'x')
        a->left = true;
    if (byte == 'h' && write_all(a->out, help, sizeof help - 1) < 0)
        a->left = true;
    return byte == ESCAPE;
}

static int take_input(struct attached *a)
{
    u8 data[PIECE];
    ssize_t n = read(a->in, data, sizeof data);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        a->in = -1;
    for (ssize_t i = 0; i < n && !a->left; i++)
        if (is_for_guest(a, data[i]))
            a->typed[a->typed_len++] = data[i];
    return 0;
}

static int send_typed(struct attached *a)
{
    ssize_t n = send(a->line, a->typed, a->typed_len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) /* its last words are still to read */
        n = (ssize_t)a->typed_len;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    a->typed_len -= (size_t)n;
    memmove(a->typed, a->typed + n, a->typed_len);
    return 0;
}

/* 1: the machine has hung up. */
static int take_output(struct attached *a)
{
    u8 data[PIECE];
    ssize_t n = recv(a->line, data, sizeof data, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : errno == ECONNRESET ? 1 : -errno;
    return n == 0 ? 1 : write_all(a->out, data, (size_t)n);
}

/* One round; 1: over. */
static int serve(struct attached *a)
{
    struct pollfd p[] = {
        { .fd = a->line, .events = (short)(POLLIN | (a->typed_len ? POLLOUT : 0)) },
        { .fd = a->typed_len ? -1 : a->in, .events = POLLIN },
        { .fd = a->signals, .events = POLLIN },
    };
    int rc = 0;

    if (poll(p, 3, -1) < 0)
        return errno == EINTR ? 0 : -errno;
    a->left |= p[2].revents != 0;
    if (p[1].revents)
        rc = take_input(a);
    if (rc == 0 && a->typed_len) /* also what was typed just before leaving */
        rc = send_typed(a);
    if (rc == 0 && p[0].revents & (POLLIN | POLLHUP | POLLERR))
        rc = take_output(a);
    return a->left && rc == 0 ? 1 : rc;
}

int machine_console_attach(const struct vm_machine *m, int in, int out, int signals, bool *ret_left,
                           struct err *err)
{
    struct attached a = { .in = in, .out = out, .signals = signals };
    int rc = host_unix_connect(m->paths.console, &a.line, err);

    if (rc == -ENOENT || rc == -ECONNREFUSED)
        return err_set(err, ESRCH, "machine %s does not run", m->name);
    if (rc < 0)
        return err_wrap(err, "machine %s", m->name);
    a.terminal = in >= 0 && isatty(in);
    if (a.terminal)
        rc = host_term_raw(in, err);
    while (rc == 0) {
        rc = serve(&a);
        if (rc < 0)
            err_set_errno(err, -rc, "the console of machine %s", m->name);
    }
    if (a.terminal)
        host_term_restore();
    close(a.line);
    *ret_left = a.left;
    return rc < 0 ? rc : 0;
}

VM_API int vm_machine_console(struct vm_machine *m, int in, int out, int *ret_left,
                              struct vm_err *err)
{
    struct err e = { 0 };
    bool left = false;
    int rc = machine_look(m, false, &e);

    if (rc == 0 && !machine_runs(m))
        rc = err_set(&e, ESRCH, "machine %s does not run", m->name);
    if (rc == 0)
        rc = machine_console_attach(m, in, out, -1, &left, &e);
    *ret_left = left;
    if (rc == 0 && !left && machine_wait_end(m, END_MS, &e) < 0 && e.code)
        rc = -e.code;
    return rc < 0 ? err_to_public(&e, err) : 0;
}
