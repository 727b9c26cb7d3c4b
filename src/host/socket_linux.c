/*
 * socket_linux.c - unix sockets by path.
 */
#include "host/socket.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make(const char *path, struct sockaddr_un *address, int *ret_fd, struct err *err)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *ret_fd = -1;
    if (strlen(path) >= sizeof address->sun_path)
        return err_set(err, ENAMETOOLONG,
                       "socket path \"%s\" is too long (at most %zu bytes are allowed)", path,
                       sizeof address->sun_path - 1);
    strcpy(address->sun_path, path);
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return *ret_fd < 0 ? err_set_errno(err, errno, "cannot make a unix socket") : 0;
}

/* A socket file whose server has gone refuses connections; it is removed. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

/* The file gets the socket's own mode less the umask, so that no moment is open to others. */
static int serve(int fd, const struct sockaddr_un *address, unsigned mode, struct err *err)
{
    const char *path = address->sun_path;

    if (fchmod(fd, mode))
        return err_set_errno(err, errno, "cannot protect the socket \"%s\"", path);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address)) {
        if (errno == EADDRINUSE)
            return err_set(err, EADDRINUSE, "socket path \"%s\" is taken; use another or remove it",
                           path);
        return err_set_errno(err, errno, "cannot make the socket \"%s\"", path);
    }
    if (listen(fd, 16) == 0)
        return 0;
    unlink(path);
    return err_set_errno(err, errno, "cannot listen on \"%s\"", path);
}

int host_unix_listen(const char *path, unsigned mode, int *ret_fd, struct err *err)
{
    struct sockaddr_un address;
    int rc = make(path, &address, ret_fd, err);

    if (rc < 0)
        return rc;
    remove_stale(&address);
    rc = serve(*ret_fd, &address, mode, err);
    if (rc < 0) {
        close(*ret_fd);
        *ret_fd = -1;
    }
    return rc;
}

int host_unix_connect(const char *path, int *ret_fd, struct err *err)
{
    struct sockaddr_un address;
    int rc = make(path, &address, ret_fd, err);

    if (rc < 0)
        return rc;
    do
        rc = connect(*ret_fd, (const struct sockaddr *)&address, sizeof address) ? -errno : 0;
    while (rc == -EINTR);
    if (rc == 0)
        return 0;
    close(*ret_fd);
    *ret_fd = -1;
    return err_set_errno(err, -rc, "nobody answers at the socket \"%s\"", path);
}
