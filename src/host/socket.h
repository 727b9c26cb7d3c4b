/*
 * socket.h - unix sockets by path. On failure *ret_fd is -1.
 */
#ifndef HOST_SOCKET_H
#define HOST_SOCKET_H

#include "base/err.h"

/* Listens at `path`. A socket file there whose server has gone is replaced; one that is
 * served, or a file of another kind, is -EADDRINUSE. mode: permissions of the file, from its
 * first moment. *ret_fd is non-blocking; the caller closes it and then unlinks path. */
int host_unix_listen(const char *path, unsigned mode, int *ret_fd, struct err *err) MUST_CHECK;

/* Connects; *ret_fd is non-blocking. -EAGAIN when the server's queue is full. */
int host_unix_connect(const char *path, int *ret_fd, struct err *err) MUST_CHECK;

#endif
