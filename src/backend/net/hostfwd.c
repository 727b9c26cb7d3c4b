/*
 * hostfwd.c - parsing "tcp:127.0.0.1:2222-:22".
 */
#include "backend/net/hostfwd.h"
#include "backend/net/slirp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FORM "tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT, for example tcp:127.0.0.1:2222-:22"

/* 1..65535 with nothing behind it, else 0. */
static u16 parse_port(const char *text)
{
    u32 port = 0;

    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        port = port * 10 + (u32)(*text - '0');
        if (port > 65535)
            return 0;
    }
    return (u16)port;
}

/* "[ADDR]:PORT" of `len` bytes; `fallback` is for an empty address. */
static const char *parse_side(const char *text, size_t len, const char *fallback,
                              union hostfwd_address *address)
{
    char side[80], *colon, *name = side;
    u16 port;

    if (len >= sizeof side)
        return "an address is too long";
    memcpy(side, text, len);
    side[len] = 0;
    colon = strrchr(side, ':');
    if (!colon)
        return "a port is missing";
    *colon = 0;
    port = parse_port(colon + 1);
    if (!port)
        return "a port is a number from 1 to 65535";
    if (*name == 0)
        name = (char *)(uintptr_t)fallback;
    memset(address, 0, sizeof *address);
    if (name[0] == '[' && name[strlen(name) - 1] == ']') {
        name[strlen(name) - 1] = 0;
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return inet_pton(AF_INET6, name + 1, &address->v6.sin6_addr) == 1
                   ? NULL
                   : "what is in brackets is no IPv6 address";
    }
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    return inet_pton(AF_INET, name, &address->v4.sin_addr) == 1
               ? NULL
               : "an address is IPv4, or IPv6 in brackets";
}

/* "tcp|udp:[ADDR]:PORT" of which text[len] is the end. */
static const char *parse_host(const char *text, size_t len, struct hostfwd *fwd)
{
    if (strncmp(text, "tcp:", 4) != 0 && strncmp(text, "udp:", 4) != 0)
        return "it begins with neither tcp: nor udp:";
    fwd->udp = text[0] == 'u';
    return parse_side(text + 4, len - 4, "127.0.0.1", &fwd->host);
}

static const char *parse(const char *text, struct hostfwd *fwd)
{
    const char *dash = strchr(text, '-'), *why;

    why = parse_host(text, dash ? (size_t)(dash - text) : strlen(text), fwd);
    if (!dash || why)
        return why ? why : "the guest's side is missing";
    why = parse_side(dash + 1, strlen(dash + 1), "10.0.2.15", &fwd->guest);
    if (why)
        return why;
    if (fwd->host.any.sa_family != fwd->guest.any.sa_family)
        return "both addresses are IPv4 or both are IPv6";
    return NULL;
}

int hostfwd_parse(const char *text, struct hostfwd *fwd, struct err *err)
{
    const char *why = parse(text, fwd);

    if (why)
        return err_set(err, EINVAL, "bad port forward \"%s\": %s (the form is " FORM ")", text,
                       why);
    return 0;
}

int hostfwd_parse_host(const char *text, struct hostfwd *fwd, struct err *err)
{
    const char *why = parse_host(text, strcspn(text, "-"), fwd);

    if (why)
        return err_set(err, EINVAL,
                       "bad host side of a port forward \"%s\": %s (the form is "
                       "tcp|udp:[HOSTADDR]:PORT)",
                       text, why);
    return 0;
}

static int side_text(const union hostfwd_address *a, char *out, size_t size)
{
    char name[INET6_ADDRSTRLEN];

    if (a->any.sa_family == AF_INET6)
        return snprintf(out, size, "[%s]:%u",
                        inet_ntop(AF_INET6, &a->v6.sin6_addr, name, sizeof name),
                        ntohs(a->v6.sin6_port));
    return snprintf(out, size, "%s:%u", inet_ntop(AF_INET, &a->v4.sin_addr, name, sizeof name),
                    ntohs(a->v4.sin_port));
}

void hostfwd_text(const struct hostfwd *fwd, char out[HOSTFWD_TEXT])
{
    int n = snprintf(out, HOSTFWD_TEXT, "%s:", fwd->udp ? "udp" : "tcp");

    n += side_text(&fwd->host, out + n, HOSTFWD_TEXT - (size_t)n);
    out[n++] = '-';
    side_text(&fwd->guest, out + n, HOSTFWD_TEXT - (size_t)n);
}

bool hostfwd_same_host(const struct hostfwd *a, const struct hostfwd *b)
{
    return a->udp == b->udp && memcmp(&a->host, &b->host, sizeof a->host) == 0;
}

int slirp_hostfwd_check(const char *text, struct err *err)
{
    struct hostfwd fwd;

    return hostfwd_parse(text, &fwd, err);
}
