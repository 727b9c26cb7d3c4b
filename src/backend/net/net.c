/*
 * net.c - what is the same for every network back end.
 */
#include "backend/net/net.h"
#include <errno.h>

static int no_forwards(const struct net_backend *net, struct err *err)
{
    return err_set(err, ENOTSUP, "a network of kind %s forwards no ports; user does",
                   net->ops->name);
}

int net_forward_add(struct net_backend *net, const char *text, struct err *err)
{
    return net->ops->forward_add ? net->ops->forward_add(net, text, err) : no_forwards(net, err);
}

int net_forward_remove(struct net_backend *net, const char *text, struct err *err)
{
    return net->ops->forward_remove ? net->ops->forward_remove(net, text, err)
                                    : no_forwards(net, err);
}

const char *net_forward(const struct net_backend *net, unsigned n)
{
    return net->ops->forward ? net->ops->forward(net, n) : NULL;
}
