/*
 * clock.c - the host's clocks and random numbers.
 */
#ifdef _WIN32
#define _CRT_RAND_S /* has stdlib.h declare rand_s() */
#endif
#include "host/clock.h"
#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifndef _WIN32
#include <sys/random.h>
#endif

static ns_t clock_read(clockid_t id)
{
    struct timespec ts;
    int ret = clock_gettime(id, &ts);

    BUG_ON(ret != 0);
    return (ns_t)ts.tv_sec * NS_PER_SEC + (ns_t)ts.tv_nsec;
}

ns_t host_clock_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

ns_t host_clock_boottime(void)
{
#ifdef CLOCK_BOOTTIME
    return clock_read(CLOCK_BOOTTIME);
#else
    return clock_read(CLOCK_MONOTONIC);
#endif
}

ns_t host_clock_realtime(void)
{
    return clock_read(CLOCK_REALTIME);
}

#ifdef _WIN32
void host_random(void *buf, size_t len)
{
    u8 *at = buf;

    while (len > 0) {
        unsigned v;
        size_t n = len < sizeof v ? len : sizeof v;
        int ret = rand_s(&v);

        BUG_ON(ret != 0);
        memcpy(at, &v, n);
        at += n;
        len -= n;
    }
}
#else
void host_random(void *buf, size_t len)
{
    u8 *at = buf;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        BUG_ON(n < 0 && errno != EINTR);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}
#endif
