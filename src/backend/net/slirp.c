/*
 * slirp.c - user-mode networking by libslirp.
 *
 * libslirp calls back with frames and timers from within any call; frames for the
 * guest are queued and handed over in the loop, timers are looked at in each round
 * against the VM's clock.
 */
#include "backend/net/slirp.h"
#include "backend/net/hostfwd.h"
#include "backend/net/inbox.h"
#include "backend/net/offload.h"
#include "backend/net/slirp_poll.h"
#include "base/bug.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>

struct slirp_timer {
    struct slirp_timer *next;
    SlirpTimerCb fn;
    void *arg;
    s64 expires; /* ms of the VM's clock, or NEVER */
};
#define NEVER INT64_MAX

/* One that libslirp has. */
struct forward {
    struct forward *next;
    struct hostfwd fwd;
    char text[HOSTFWD_TEXT];
};

struct user_net {
    struct net_backend net;
    struct loop *loop;      /* borrows */
    struct loop_hook *hook; /* owns */
    Slirp *slirp;           /* owns */
    struct slirp_poll poll;
    ns_t (*clock)(void *arg);
    void *clock_arg;
    struct slirp_timer *timers; /* owns */
    struct net_inbox inbox;
    bool in_hook;                             /* our own turn in the loop: no need to wake it */
    struct forward *forwards, **forwards_end; /* owns */
    u8 sent[NET_FRAME_MAX];
};

static void need_turn(struct user_net *u)
{
    if (!u->in_hook)
        loop_wake(u->loop);
}

/* What libslirp calls */

static ssize_t cb_send_packet(const void *data, size_t len, void *opaque)
{
    struct user_net *u = opaque;

    if (u->net.receive && net_inbox_put(&u->inbox, data, len, u->net.offloads))
        need_turn(u);
    return (ssize_t)len; /* or it was dropped */
}

static void cb_guest_error(const char *text, void *opaque)
{
    log_guest("network: %s", text);
}

static s64 cb_clock(void *opaque)
{
    struct user_net *u = opaque;

    return (s64)u->clock(u->clock_arg);
}

static void *cb_timer_new(SlirpTimerCb fn, void *arg, void *opaque)
{
    struct user_net *u = opaque;
    struct slirp_timer *t = calloc(1, sizeof *t);

    if (!t) /* libslirp has no way to hear of it and its own allocator aborts, too */
        return NULL;
    *t = (struct slirp_timer){ .next = u->timers, .fn = fn, .arg = arg, .expires = NEVER };
    u->timers = t;
    return t;
}

static void cb_timer_free(void *timer, void *opaque)
{
    struct user_net *u = opaque;

    for (struct slirp_timer **at = &u->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = (*at)->next;
            break;
        }
    }
    free(timer);
}

static void cb_timer_mod(void *timer, s64 expires, void *opaque)
{
    struct slirp_timer *t = timer;

    if (!t)
        return;
    t->expires = expires;
    need_turn(opaque);
}

static void cb_fd_changed(int fd, void *opaque)
{
    struct user_net *u = opaque;

    slirp_poll_forget(&u->poll, fd);
}

static void cb_notify(void *opaque)
{
    need_turn(opaque);
}

static int cb_add_poll(int fd, int events, void *opaque)
{
    struct user_net *u = opaque;

    return slirp_poll_add(&u->poll, fd, events);
}

static int cb_get_revents(int idx, void *opaque)
{
    struct user_net *u = opaque;

    return slirp_poll_revents(&u->poll, idx);
}

static const SlirpCb callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock,
    .timer_new = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_fd_changed,
    .unregister_poll_fd = cb_fd_changed,
    .notify = cb_notify,
};

/* Our turns in the loop */

static void lower(ns_t *timeout, ns_t to)
{
    if (to < *timeout)
        *timeout = to;
}

static s64 now_ms(struct user_net *u)
{
    return (s64)(u->clock(u->clock_arg) / NS_PER_MS);
}

static void lower_by_timers(struct user_net *u, ns_t *timeout)
{
    s64 now = now_ms(u);

    for (struct slirp_timer *t = u->timers; t; t = t->next)
        if (t->expires != NEVER)
            lower(timeout, t->expires > now ? (ns_t)(t->expires - now) * NS_PER_MS : 0);
}

static void before_wait(void *arg, ns_t *timeout)
{
    struct user_net *u = arg;
    u32 ms = UINT32_MAX;

    u->in_hook = true;
    slirp_poll_begin(&u->poll);
    slirp_pollfds_fill(u->slirp, &ms, cb_add_poll, u);
    slirp_poll_commit(&u->poll);
    if (ms != UINT32_MAX)
        lower(timeout, ms * NS_PER_MS);
    lower_by_timers(u, timeout);
    if (net_inbox_due(&u->inbox))
        *timeout = 0;
    u->in_hook = false;
}

static struct slirp_timer *find_due(struct user_net *u)
{
    s64 now = now_ms(u);

    for (struct slirp_timer *t = u->timers; t; t = t->next)
        if (t->expires <= now)
            return t;
    return NULL;
}

/* Each runs once; bounded, since one may set itself to the past. */
static void run_timers(struct user_net *u)
{
    struct slirp_timer *t;

    for (int i = 0; i < 16 && (t = find_due(u)) != NULL; i++) {
        t->expires = NEVER;
        t->fn(t->arg);
    }
}

static void after_wait(void *arg)
{
    struct user_net *u = arg;

    u->in_hook = true;
    slirp_poll_collect(&u->poll);
    slirp_pollfds_poll(u->slirp, 0, cb_get_revents, u);
    run_timers(u);
    net_inbox_give(&u->inbox, &u->net);
    u->in_hook = false;
}

/* The back end's operations */

static void to_slirp(void *arg, u8 *frame, size_t len)
{
    struct user_net *u = arg;

    slirp_input(u->slirp, frame, (int)len);
}

/* libslirp ends TCP connections itself, so that a segment's length is its own affair: over IPv4
 * it takes all that IP can say; an IPv6 packet longer than its MTU it refuses. */
static enum net_sent user_send(struct net_backend *net, unsigned queue, const struct net_header *h,
                               const struct iovec *iov, unsigned iov_count)
{
    struct user_net *u = container_of(net, struct user_net, net);
    size_t len = net_frame_gather(iov, iov_count, u->sent);

    if (len == 0 || !net_offload_undo(u->sent, len, h, NET_TAKES_TSO4, NET_ETHER_SIZE + UINT16_MAX,
                                      to_slirp, u))
        return NET_DROPPED;
    need_turn(u); /* it may wait for another socket, or time, now */
    return NET_SENT;
}

static void user_set_ready(struct net_backend *net, unsigned queue, bool ready)
{
    struct user_net *u = container_of(net, struct user_net, net);

    u->inbox.ready = ready;
    if (net_inbox_due(&u->inbox))
        need_turn(u);
}

static void user_free(struct net_backend *net)
{
    struct user_net *u = container_of(net, struct user_net, net);

    u->inbox.ready = false;
    loop_hook_free(u->hook);
    if (u->slirp)
        slirp_cleanup(u->slirp);
    slirp_poll_fini(&u->poll);
    net_inbox_fini(&u->inbox);
    while (u->timers)
        cb_timer_free(u->timers, u);
    while (u->forwards) {
        struct forward *next = u->forwards->next;

        free(u->forwards);
        u->forwards = next;
    }
    free(u);
}

/* Port forwards */

static int listen_failed(const struct hostfwd *fwd, const char *text, int code, struct err *err)
{
    /* The port lies at the same place in both address families. */
    unsigned port = ntohs(fwd->host.v4.sin_port);

    if (code == EADDRINUSE)
        return err_set(err, code,
                       "cannot forward \"%s\": %s port %u of the host is taken; use another", text,
                       fwd->udp ? "UDP" : "TCP", port);
    return err_set_errno(err, code, "cannot forward \"%s\" from %s port %u of the host", text,
                         fwd->udp ? "UDP" : "TCP", port);
}

static int user_forward_add(struct net_backend *net, const char *text, struct err *err)
{
    struct user_net *u = container_of(net, struct user_net, net);
    struct forward *f = calloc(1, sizeof *f);
    int rc = f ? hostfwd_parse(text, &f->fwd, err) : err_set_errno(err, ENOMEM, "\"%s\"", text);

    errno = 0;
    if (rc == 0 &&
        slirp_add_hostxfwd(u->slirp, &f->fwd.host.any, hostfwd_address_size(&f->fwd.host),
                           &f->fwd.guest.any, hostfwd_address_size(&f->fwd.guest),
                           f->fwd.udp ? SLIRP_HOSTFWD_UDP : 0) != 0)
        rc = listen_failed(&f->fwd, text, errno ? errno : EINVAL, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    hostfwd_text(&f->fwd, f->text);
    *u->forwards_end = f;
    u->forwards_end = &f->next;
    need_turn(u);
    return 0;
}

static int user_forward_remove(struct net_backend *net, const char *text, struct err *err)
{
    struct user_net *u = container_of(net, struct user_net, net);
    struct hostfwd host;
    int rc = hostfwd_parse_host(text, &host, err);

    for (struct forward *f, **at = &u->forwards; rc == 0 && (f = *at); at = &f->next) {
        if (!hostfwd_same_host(&f->fwd, &host))
            continue;
        slirp_remove_hostxfwd(u->slirp, &f->fwd.host.any, hostfwd_address_size(&f->fwd.host),
                              f->fwd.udp ? SLIRP_HOSTFWD_UDP : 0);
        *at = f->next;
        if (!f->next)
            u->forwards_end = at;
        free(f);
        need_turn(u);
        return 0;
    }
    return rc < 0 ? rc : err_set(err, ENOENT, "no port is forwarded from \"%s\"", text);
}

static const char *user_forward(const struct net_backend *net, unsigned n)
{
    const struct forward *f = container_of(net, struct user_net, net)->forwards;

    for (; f && n > 0; n--)
        f = f->next;
    return f ? f->text : NULL;
}

static const struct net_backend_ops user_ops = {
    .name = "user",
    .send = user_send,
    .set_ready = user_set_ready,
    .forward_add = user_forward_add,
    .forward_remove = user_forward_remove,
    .forward = user_forward,
    .free = user_free,
};

static struct in_addr v4(const char *text)
{
    struct in_addr address;
    int ok = inet_pton(AF_INET, text, &address);

    BUG_ON(ok != 1);
    return address;
}

static struct in6_addr v6(const char *text)
{
    struct in6_addr address;
    int ok = inet_pton(AF_INET6, text, &address);

    BUG_ON(ok != 1);
    return address;
}

static Slirp *make_slirp(struct user_net *u, const struct slirp_options *options)
{
    SlirpConfig config = {
        .version = 1,
        .restricted = options->restricted,
        .in_enabled = true,
        .vnetwork = v4("10.0.2.0"),
        .vnetmask = v4("255.255.255.0"),
        .vhost = v4("10.0.2.2"),
        .vdhcp_start = v4("10.0.2.15"),
        .vnameserver = v4("10.0.2.3"),
        .in6_enabled = true,
        .vprefix_addr6 = v6("fec0::"),
        .vprefix_len = 64,
        .vhost6 = v6("fec0::2"),
        .vnameserver6 = v6("fec0::3"),
    };

    return slirp_new(&config, &callbacks, u);
}

static int user_open(struct user_net *u, const struct slirp_options *options, struct err *err)
{
    int ret = slirp_poll_init(&u->poll, u->loop, err);

    if (ret)
        return ret;
    u->slirp = make_slirp(u, options);
    if (!u->slirp)
        return err_set(err, EINVAL, "libslirp %s refuses to start", slirp_version_string());
    for (unsigned i = 0; i < options->hostfwd_count; i++) {
        ret = user_forward_add(&u->net, options->hostfwd[i], err);
        if (ret)
            return ret;
    }
    return loop_hook_new(u->loop, before_wait, after_wait, u, &u->hook, err);
}

int slirp_backend_new(const struct slirp_options *options, struct loop *loop,
                      struct net_backend **ret_net, struct err *err)
{
    struct user_net *u = calloc(1, sizeof *u);
    int ret;

    BUG_ON(!options->clock);
    if (!u)
        return err_set(err, ENOMEM, "no memory for user-mode networking");
    u->net.ops = &user_ops;
    u->loop = loop;
    u->clock = options->clock;
    u->clock_arg = options->clock_arg;
    u->forwards_end = &u->forwards;
    u->poll.epoll_fd = -1;
    ret = user_open(u, options, err);
    if (ret) {
        user_free(&u->net);
        return ret;
    }
    *ret_net = &u->net;
    return 0;
}
