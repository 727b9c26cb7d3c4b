/*
 * passt.c - see passt.h.
 */
#include "backend/net/passt.h"
#include "backend/net/hostfwd.h"
#include "backend/net/inbox.h"
#include "backend/net/offload.h"
#include "backend/net/packet.h"
#include "base/bug.h"
#include "base/log.h"
#include "host/socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LENGTH_SIZE = 4,
    LONGEST = 65535,         /* frame that passt takes */
    READ_SIZE = 1 << 18,     /* bytes in a turn of the loop */
    SOCKET_BUFFER = 1 << 20, /* asked for; the host may give less */
    /* A frame of the guest, which may be cut in two for being too long. */
    WAITING_MAX = NET_FRAME_MAX + PACKET_HEAD_MAX + 2 * LENGTH_SIZE
};

struct passt_net {
    struct net_backend net;
    struct loop *loop;      /* borrows */
    struct loop_hook *hook; /* owns */
    struct loop_fd *watch;  /* owns; NULL: the other side has gone */
    int fd;                 /* owns */
    pid_t child;            /* owns; 0: none */
    struct net_inbox inbox;
    /* What the socket has not taken yet of the guest's last frame. */
    u8 waiting[WAITING_MAX];
    size_t waiting_at, waiting_end;
    bool full; /* the card waits until all of it was taken */
    u8 sent[NET_FRAME_MAX];
    u8 in[READ_SIZE];
    size_t in_len;
};

static bool some_wait(const struct passt_net *p)
{
    return p->waiting_at < p->waiting_end;
}

static void watch_for(struct passt_net *p)
{
    bool room = p->inbox.count < NET_INBOX_MAX;

    if (p->watch)
        loop_fd_set_events(p->watch, (room ? LOOP_IN : 0u) | (some_wait(p) ? LOOP_OUT : 0u));
}

/* The guest goes on without a network, as after a cable was pulled. */
static void gone(struct passt_net *p)
{
    if (p->watch)
        log_error("--net passt: passt has ended, and the guest's network with it");
    loop_fd_free(p->watch);
    p->watch = NULL;
    p->waiting_at = p->waiting_end = 0;
}

/* --- from the guest --- */

static void put_waiting(struct passt_net *p)
{
    while (some_wait(p)) {
        ssize_t n = send(p->fd, p->waiting + p->waiting_at, p->waiting_end - p->waiting_at,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            gone(p);
        if (n < 0)
            return;
        p->waiting_at += (size_t)n;
    }
    p->waiting_at = p->waiting_end = 0;
}

static void tell_room(struct passt_net *p)
{
    if (!p->full || some_wait(p))
        return;
    p->full = false;
    net_backend_tell_room(&p->net, 0);
}

static void keep(struct passt_net *p, const void *data, size_t len)
{
    BUG_ON(len > WAITING_MAX - p->waiting_end);
    memcpy(p->waiting + p->waiting_end, data, len);
    p->waiting_end += len;
}

/* One that was begun is finished: the stream knows no other way. */
static void put_frame(void *arg, u8 *frame, size_t len)
{
    struct passt_net *p = arg;
    u8 length[LENGTH_SIZE];
    struct iovec iov[2] = { { length, LENGTH_SIZE }, { frame, len } };
    const struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
    size_t done = 0;

    packet_put32(length, (u32)len);
    if (!some_wait(p)) {
        ssize_t n = sendmsg(p->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            gone(p);
        done = n > 0 ? (size_t)n : 0;
    }
    if (!p->watch)
        return;
    if (done < LENGTH_SIZE)
        keep(p, length + done, LENGTH_SIZE - done);
    done = done < LENGTH_SIZE ? 0 : done - LENGTH_SIZE;
    keep(p, frame + done, len - done);
}

/* passt ends TCP connections itself, so a segment may be as long as a frame. A frame is begun when
 * nothing waits, so that all of it can. */
static enum net_sent passt_send(struct net_backend *net, unsigned queue, const struct net_header *h,
                                const struct iovec *iov, unsigned iov_count)
{
    struct passt_net *p = container_of(net, struct passt_net, net);
    size_t len;

    if (some_wait(p)) {
        p->full = true;
        return NET_FULL;
    }
    len = p->watch ? net_frame_gather(iov, iov_count, p->sent) : 0;
    if (len == 0 || (h->gso_type == NET_GSO_NONE && len > LONGEST) ||
        !net_offload_undo(p->sent, len, h, NET_TAKES_TSO4 | NET_TAKES_TSO6, LONGEST, put_frame, p))
        return NET_DROPPED;
    watch_for(p);
    return p->watch ? NET_SENT : NET_DROPPED;
}

/* --- to the guest --- */

/* Whole frames of what was read go into the inbox. */
static void take_frames(struct passt_net *p)
{
    size_t at = 0;

    while (p->in_len - at >= LENGTH_SIZE && p->inbox.count < NET_INBOX_MAX) {
        size_t len = packet_get32(p->in + at);

        if (len < NET_ETHER_SIZE || len > NET_FRAME_MAX) {
            gone(p); /* there is no finding the next frame's beginning */
            return;
        }
        if (len > p->in_len - at - LENGTH_SIZE)
            break;
        if (p->net.receive)
            net_inbox_put(&p->inbox, p->in + at + LENGTH_SIZE, len, p->net.offloads);
        at += LENGTH_SIZE + len;
    }
    p->in_len -= at;
    memmove(p->in, p->in + at, p->in_len);
}

static void readable(struct passt_net *p)
{
    ssize_t n = recv(p->fd, p->in + p->in_len, sizeof p->in - p->in_len, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        gone(p);
        return;
    }
    p->in_len += n > 0 ? (size_t)n : 0;
    take_frames(p);
}

static void happened(void *arg, unsigned events)
{
    struct passt_net *p = arg;

    if (events & LOOP_OUT)
        put_waiting(p);
    if (p->watch && events & (LOOP_IN | LOOP_HUP) && p->in_len < sizeof p->in)
        readable(p);
    else if (p->watch && events & LOOP_HUP) /* would be said again and again */
        gone(p);
    net_inbox_give(&p->inbox, &p->net);
    tell_room(p);
    watch_for(p);
}

/* Frames are given in the loop only, and wait there for the guest: see net.h. */
static void before_wait(void *arg, ns_t *timeout)
{
    struct passt_net *p = arg;

    if (net_inbox_due(&p->inbox))
        *timeout = 0;
}

static void after_wait(void *arg)
{
    struct passt_net *p = arg;

    if (!net_inbox_due(&p->inbox))
        return;
    net_inbox_give(&p->inbox, &p->net);
    take_frames(p);
    tell_room(p);
    watch_for(p);
}

static void passt_set_ready(struct net_backend *net, unsigned queue, bool ready)
{
    struct passt_net *p = container_of(net, struct passt_net, net);

    p->inbox.ready = ready;
    if (net_inbox_due(&p->inbox))
        loop_wake(p->loop);
}

/* --- life --- */

static void passt_free(struct net_backend *net)
{
    struct passt_net *p = container_of(net, struct passt_net, net);

    loop_hook_free(p->hook);
    loop_fd_free(p->watch);
    if (p->fd >= 0)
        close(p->fd);
    if (p->child > 0) {
        kill(p->child, SIGTERM);
        while (waitpid(p->child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    net_inbox_fini(&p->inbox);
    free(p);
}

static const struct net_backend_ops passt_ops = {
    .name = "passt", .send = passt_send, .set_ready = passt_set_ready, .free = passt_free
};

enum { CHILD_FD = 3, FORWARDS_MAX = 16, FORWARD_TEXT = 80 };

/* "tcp:ADDRESS:PORT-:PORT" in passt's words, "ADDRESS/PORT:PORT". */
static int forward_text(const char *text, char out[FORWARD_TEXT], bool *udp, struct err *err)
{
    struct hostfwd fwd;
    char host[INET6_ADDRSTRLEN];
    int rc = hostfwd_parse(text, &fwd, err);
    const void *address = fwd.host.any.sa_family == AF_INET6 ? (void *)&fwd.host.v6.sin6_addr
                                                             : (void *)&fwd.host.v4.sin_addr;

    if (rc < 0)
        return rc;
    inet_ntop(fwd.host.any.sa_family, address, host, sizeof host);
    /* The port lies at the same place in both address families. */
    snprintf(out, FORWARD_TEXT, "%s/%u:%u", host, ntohs(fwd.host.v4.sin_port),
             ntohs(fwd.guest.v4.sin_port));
    *udp = fwd.udp;
    return 0;
}

/* Its end of the socket becomes CHILD_FD; it ends when ours is closed. */
static int spawn(struct passt_net *p, int fd, const char *const argv[], struct err *err)
{
    posix_spawn_file_actions_t acts;
    int rc = posix_spawn_file_actions_init(&acts);

    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(&acts, fd, CHILD_FD);
        if (rc == 0)
            rc = posix_spawnp(&p->child, argv[0], &acts, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&acts);
    }
    if (rc == ENOENT)
        return err_set(err, ENOENT,
                       "passt is not installed: the package passt has it, or give path=SOCKET of "
                       "one that runs");
    return rc ? err_set_errno(err, rc, "cannot start passt") : 0;
}

static int start(struct passt_net *p, const struct passt_options *options, struct err *err)
{
    const char *argv[6 + 2 * FORWARDS_MAX] = { "passt", "--foreground", "--quiet", "--fd", "3" };
    char forward[FORWARDS_MAX][FORWARD_TEXT];
    int ends[2], rc = 0;

    for (unsigned i = 0, n = 5; i < options->hostfwd_count && i < FORWARDS_MAX; i++) {
        bool udp;

        rc = forward_text(options->hostfwd[i], forward[i], &udp, err);
        if (rc < 0)
            return rc;
        argv[n++] = udp ? "--udp-ports" : "--tcp-ports";
        argv[n++] = forward[i];
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_set_errno(err, errno, "cannot start passt");
    p->fd = ends[0];
    rc = spawn(p, ends[1], argv, err);
    close(ends[1]);
    return rc;
}

static int open_network(struct passt_net *p, const struct passt_options *options, struct err *err)
{
    const int size = SOCKET_BUFFER;
    int rc = options->path ? host_unix_connect(options->path, &p->fd, err) : start(p, options, err);

    if (rc < 0)
        return rc;
    /* A hint: what waits in a small buffer is sent in small pieces. */
    setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    rc = loop_fd_new(p->loop, p->fd, LOOP_IN, happened, p, &p->watch, err);
    return rc < 0 ? rc : loop_hook_new(p->loop, before_wait, after_wait, p, &p->hook, err);
}

int passt_backend_new(const struct passt_options *options, struct loop *loop,
                      struct net_backend **ret_net, struct err *err)
{
    struct passt_net *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return err_set_errno(err, ENOMEM, "passt");
    p->net.ops = &passt_ops;
    p->loop = loop;
    p->fd = -1;
    rc = open_network(p, options, err);
    if (rc < 0) {
        passt_free(&p->net);
        return rc;
    }
    *ret_net = &p->net;
    return 0;
}
