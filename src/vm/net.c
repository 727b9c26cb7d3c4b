/*
 * net.c - the host's side of --net.
 */
#include "vm/vm_private.h"

#include "backend/net/passt.h"
#include "backend/net/slirp.h"
#include "backend/net/tap.h"

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
    const struct passt_options passt = { net->path, net->hostfwd, net->hostfwd_count };

    switch (net->kind) {
    case MACHINE_NET_TAP:
        return tap_backend_new(net->ifname, net->queues ? net->queues : 1, loop, ret, err);
    case MACHINE_NET_PASST: return passt_backend_new(&passt, loop, ret, err);
    default: return slirp_backend_new(&options, loop, ret, err);
    }
}
