/*
 * store.h - the events of one machine in an SQLite file (WAL), in the order they happened.
 *
 * What is committed survives a crash of the process and, once store_commit() returned, of
 * the host. Several processes may have one store open; writers take turns. A store is never
 * carried over a fork: close it before.
 */
#ifndef VM_STORE_H
#define VM_STORE_H

#include "vm/life.h"

struct store;

/* create: the file is made, and must not exist yet. The caller closes it. -EBADMSG when the
 * file is no store or damaged, -ENOTSUP when a newer version wrote it. */
int store_open(const char *path, bool create, struct store **ret, struct err *err) MUST_CHECK;
struct store *store_close(struct store *s); /* NULL is fine; what is not committed is undone */

/* Between begin and commit no other process writes. Waits for others; -EBUSY after 30 s. */
int store_begin(struct store *s, struct err *err) MUST_CHECK;
int store_append(struct store *s, const struct life_event *e, struct err *err) MUST_CHECK;
int store_commit(struct store *s, struct err *err) MUST_CHECK;
void store_rollback(struct store *s);

/* Calls fn for each event after number `after`, oldest first, until it returns nonzero, which
 * is then returned (fn fills *err when it is negative). The event is store's. */
int store_each(struct store *s, s64 after,
               int (*fn)(void *arg, const struct life_event *e, struct err *err), void *arg,
               struct err *err) MUST_CHECK;

/* Writes a copy of all events to a new file. */
int store_copy(struct store *s, const char *path, struct err *err) MUST_CHECK;

#endif
