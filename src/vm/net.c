/*
 * net.c - the host's side of --net user.
 */
#include "vm/vm_private.h"

#include "backend/net/slirp.h"

static ns_t guest_time(void *arg)
{
    return clock_now(arg);
}

int config_net_open(const struct machine_net *net, struct loop *loop, struct machine_clock *clock,
                    struct net_backend **ret, struct err *err)
{
    const struct slirp_options options = { .hostfwd = net->hostfwd,
                                           .hostfwd_count = net->hostfwd_count,
                                           .clock = guest_time,
                                           .clock_arg = clock };

    return slirp_backend_new(&options, loop, ret, err);
}
