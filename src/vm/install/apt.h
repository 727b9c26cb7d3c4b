/*
 * apt.h - packages of another Debian release and architecture, found, fetched and verified by
 * the host's apt with a configuration of its own: nothing is installed on the host, no
 * privilege is needed.
 */
#ifndef VM_INSTALL_APT_H
#define VM_INSTALL_APT_H

#include "base/err.h"
#include "base/types.h"

struct apt {
    const char *release, *arch; /* borrow */
    char *mirror;               /* owns; of the main archive */
    char *security;             /* owns; "" when the host knows none */
    char *proxy;                /* owns; "" when the host uses none */
    char *dir;                  /* owns; in the user's cache, kept for the next time */
    char *config;               /* owns; "APT_CONFIG=…" */
    char *log;                  /* owns; what apt says */
};

/* done: 0 to 1. */
typedef void apt_progress_fn(void *arg, const char *item, double done);

/* Checks that the tools are there, takes the mirror from the host's apt when none is given
 * (NULL), and writes the configuration. Zero *a before. */
int apt_init(struct apt *a, const char *release, const char *arch, const char *mirror,
             struct err *err) MUST_CHECK;
void apt_fini(struct apt *a);

/* Reads the archive's lists and checks their signature. */
int apt_update(const struct apt *a, struct err *err) MUST_CHECK;

/* Fetches the NULL-ended words (names, or patterns of apt) and all they depend on, for a system
 * with nothing installed. *ret: the .deb files, NULL-ended, in one piece of memory each; freed
 * by apt_files_free(). progress may be NULL. */
int apt_fetch(const struct apt *a, const char *const *words, apt_progress_fn *progress, void *arg,
              char ***ret, struct err *err) MUST_CHECK;
void apt_files_free(char **files);

#endif
