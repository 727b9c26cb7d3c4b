/*
 * slirp.h - user-mode networking: the guest's connections become sockets of
 * this process, without privileges (libslirp).
 *
 * The guest sees 10.0.2.0/24 with the gateway and host at 10.0.2.2, DNS at
 * 10.0.2.3, DHCP from 10.0.2.15 on, and fec0::/64 with fec0::2 and fec0::3.
 */
#ifndef BACKEND_NET_SLIRP_H
#define BACKEND_NET_SLIRP_H

#include "backend/net/net.h"
#include "base/err.h"
#include "host/loop.h"

struct slirp_options {
    /* Each "tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT". No HOSTADDR: 127.0.0.1 (say
     * 0.0.0.0 to be reached from outside); no GUESTADDR: 10.0.2.15. IPv6 addresses in
     * brackets, on both sides. */
    const char *const *hostfwd;
    unsigned hostfwd_count;
    bool restricted;          /* the guest reaches neither the host nor the world */
    ns_t (*clock)(void *arg); /* the VM's clock, monotonic; asked in the loop and in
                                 net_backend_send(); not NULL */
    void *clock_arg;
};

/* *options and its strings are not kept. */
int slirp_backend_new(const struct slirp_options *options, struct loop *loop,
                      struct net_backend **ret_net, struct err *err) MUST_CHECK;

/* Parses one forward, for command lines to refuse a bad one early: 0 or -EINVAL
 * with a sentence. */
int slirp_hostfwd_check(const char *text, struct err *err) MUST_CHECK;

#endif
