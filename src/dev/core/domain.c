/*
 * domain.c - the lock that a group of devices shares, and the way of its messages.
 */
#include "base/bug.h"
#include "dev/core/internal.h"
#include <errno.h>
#include <stdlib.h>

/* An error-checking mutex: it knows its owner. So an entry point can be called both by a
 * vCPU thread, which does not hold the lock, and by the domain's event loop, which does. */
struct dev_domain *dev_domain_new(void)
{
    struct dev_domain *dom = calloc(1, sizeof *dom);
    pthread_mutexattr_t attr;

    if (!dom)
        return NULL;
    BUG_ON(pthread_mutexattr_init(&attr));
    BUG_ON(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
    BUG_ON(pthread_mutex_init(&dom->mutex.m, &attr));
    BUG_ON(pthread_mutexattr_destroy(&attr));
    return dom;
}

struct dev_domain *dev_domain_free(struct dev_domain *dom)
{
    if (dom)
        host_mutex_fini(&dom->mutex);
    free(dom);
    return NULL;
}

void dev_domain_lock(struct dev_domain *dom)
{
    host_mutex_lock(&dom->mutex);
}

void dev_domain_unlock(struct dev_domain *dom)
{
    host_mutex_unlock(&dom->mutex);
}

struct host_mutex *dev_domain_mutex(struct dev_domain *dom)
{
    return &dom->mutex;
}

bool dev_domain_enter(struct dev_domain *dom)
{
    int rc = pthread_mutex_lock(&dom->mutex.m);

    BUG_ON(rc != 0 && rc != EDEADLK);
    return rc == 0;
}

void dev_domain_leave(struct dev_domain *dom, bool entered)
{
    if (entered)
        host_mutex_unlock(&dom->mutex);
}

void dev_domain_msi_route(struct dev_domain *dom,
                          bool (*send)(void *arg, u32 requester, gpa_t addr, u32 data), void *arg)
{
    dom->msi_send = send;
    dom->msi_arg = arg;
}

/* A message that no controller answers is a guest's mistake in programming an address. */
void irq_msi_send(struct device *d, gpa_t addr, u32 data)
{
    struct dev_domain *dom = d->domain;

    log_trace(irq, "%s: message %#x to %#llx", d->id, data, (unsigned long long)addr);
    if (dom->msi_send && dom->msi_send(dom->msi_arg, d->requester, addr, data))
        return;
    d->guest_errors++;
    log_guest("%s: message interrupt %#x to %#llx, where no controller is", d->id, data,
              (unsigned long long)addr);
}
