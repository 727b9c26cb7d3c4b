/*
 * passt.h - a network that is a passt process: the guest has the host's own addresses, and its
 * connections become sockets of that process, without privileges.
 *
 * Frames go over a unix stream socket, each after its length as 32 bits, most significant byte
 * first; QEMU's -netdev stream speaks the same.
 */
#ifndef BACKEND_NET_PASST_H
#define BACKEND_NET_PASST_H

#include "backend/net/net.h"
#include "host/loop.h"

struct passt_options {
    const char *path; /* of a socket that a passt serves; NULL: one is started, which ends with
                         the network */
    /* For one that is started: as for slirp_options, but the guest's address is the one it has. */
    const char *const *hostfwd;
    unsigned hostfwd_count;
};

/* *options and its strings are not kept. */
int passt_backend_new(const struct passt_options *options, struct loop *loop,
                      struct net_backend **ret_net, struct err *err) MUST_CHECK;

#endif
