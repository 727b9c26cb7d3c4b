/*
 * slirp_none.c - in place of slirp.c where libslirp was not there to build with.
 */
#include "backend/net/slirp.h"
#include <errno.h>

int slirp_backend_new(const struct slirp_options *options, struct loop *loop,
                      struct net_backend **ret_net, struct err *err)
{
    return err_set(err, ENOTSUP,
                   "user-mode networking is not in this program: it was built without libslirp");
}
