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

enum { HOSTFWD_TEXT = 128 };

/* 0 or -EINVAL with a sentence that holds the text. */
int hostfwd_parse(const char *text, struct hostfwd *fwd, struct err *err) MUST_CHECK;
/* The host's side alone, or with a guest's side that is not looked at. */
int hostfwd_parse_host(const char *text, struct hostfwd *fwd, struct err *err) MUST_CHECK;
/* The full form, with both addresses. */
void hostfwd_text(const struct hostfwd *fwd, char out[HOSTFWD_TEXT]);
/* Do both have the same host side? */
bool hostfwd_same_host(const struct hostfwd *a, const struct hostfwd *b);

static inline socklen_t hostfwd_address_size(const union hostfwd_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

#endif
