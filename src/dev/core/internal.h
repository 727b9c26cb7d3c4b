/*
 * internal.h - what the files of dev/core share with each other only.
 */
#ifndef DEV_CORE_INTERNAL_H
#define DEV_CORE_INTERNAL_H

#include "dev/core/device.h"
#include "host/thread.h"

struct dev_domain {
    struct host_mutex mutex;
    bool (*msi_send)(void *arg, u32 requester, gpa_t addr, u32 data);
    void *msi_arg;
};

/* Takes the lock unless this thread holds it; true = taken, to be given back. */
bool dev_domain_enter(struct dev_domain *dom) MUST_CHECK;
void dev_domain_leave(struct dev_domain *dom, bool entered);

/* Sets every property of a zeroed device from its class's defaults and from settings. */
int dev_props_set(struct device *d, const struct dev_setting *settings, unsigned count,
                  struct err *err) MUST_CHECK;
/* Frees the texts that dev_props_set() copied. */
void dev_props_fini(struct device *d);

#endif
