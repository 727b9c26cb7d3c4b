/*
 * hostfwd.h - one port forward as a command line writes it; only for backend/net.
 */
#ifndef BACKEND_NET_HOSTFWD_H
#define BACKEND_NET_HOSTFWD_H

#include "base/err.h"
#include <netinet/in.h>

union hostfwd_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct hostfwd {
    bool udp;
    union hostfwd_address host, guest; /* of one family */
};

/* 0 or -EINVAL with a sentence that holds the text. */
int hostfwd_parse(const char *text, struct hostfwd *fwd, struct err *err) MUST_CHECK;

static inline socklen_t hostfwd_address_size(const union hostfwd_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

#endif
