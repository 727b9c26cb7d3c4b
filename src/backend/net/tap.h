/*
 * tap.h - a network that is a TAP interface of the host (Linux): frames go to the host's own
 * network stack, offloads included, on one or several queues.
 */
#ifndef BACKEND_NET_TAP_H
#define BACKEND_NET_TAP_H

#include "backend/net/net.h"
#include "host/loop.h"

/* Opens the interface, which exists. More than one queue needs one made with multi_queue. */
int tap_backend_new(const char *ifname, unsigned queues, struct loop *loop,
                    struct net_backend **ret_net, struct err *err) MUST_CHECK;

#endif
