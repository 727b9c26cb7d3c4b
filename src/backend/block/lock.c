/*
 * lock.c - who else uses a disk image.
 *
 * The protocol is QEMU's (docs/system/qemu-block-drivers, "Disk image file locking"), so
 * that the programs keep out of each other's way: byte 100 + p of the file is locked while
 * its user has permission p, byte 200 + p while it does not let others have p. All are
 * shared locks, kept; that nobody holds the opposite byte is asked, not locked. Two that
 * come at once may both be refused, never both admitted.
 *
 * Open-file-description locks: two opens in one process exclude each other too, and
 * closing another descriptor of the file does not drop them.
 */
#include "backend/block/file.h"
#include "base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PERM_READ, PERM_WRITE, PERM_WRITE_SAME, PERM_RESIZE };
enum { HAS = 100, REFUSES = 200 };

static int lock_op(int fd, int op, short type, off_t at, struct flock *out)
{
    *out = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    return fcntl(fd, op, out);
}

/* --- the holder's name --- */

/* /proc/PID/fdinfo/FD lists the locks of the open file. */
static bool has_lock(const char *pid, const char *fd)
{
    char path[600], line[256];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/fdinfo/%s", pid, fd);
    f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = strncmp(line, "lock:", 5) == 0;
    if (f)
        fclose(f);
    return found;
}

/* Some descriptor of the process, not `self`'s own fd, is this file and has a lock. */
static bool process_holds(const char *pid, const struct stat *file, int own_fd)
{
    bool self = atol(pid) == getpid(), found = false;
    char path[600];
    struct dirent *e;
    struct stat st;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    d = opendir(path);
    while (d && !found && (e = readdir(d))) {
        if (self && atoi(e->d_name) == own_fd)
            continue;
        snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, e->d_name);
        found = e->d_name[0] != '.' && stat(path, &st) == 0 && st.st_dev == file->st_dev &&
                st.st_ino == file->st_ino && has_lock(pid, e->d_name);
    }
    if (d)
        closedir(d);
    return found;
}

/* "process 123 (vm-cli)"; false when this user cannot see it. */
static bool find_holder(int fd, char *out, size_t size)
{
    char path[600], name[64] = "";
    struct dirent *e;
    struct stat st;
    bool found = false;
    DIR *d = fstat(fd, &st) == 0 ? opendir("/proc") : NULL;

    while (d && !found && (e = readdir(d)))
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && process_holds(e->d_name, &st, fd)) {
            FILE *f;

            snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
            f = fopen(path, "re");
            if (f && fgets(name, sizeof name, f))
                name[strcspn(name, "\n")] = 0;
            if (f)
                fclose(f);
            snprintf(out, size, "process %s%s%s%s", e->d_name, name[0] ? " (" : "", name,
                     name[0] ? ")" : "");
            found = true;
        }
    if (d)
        closedir(d);
    return found;
}

/* --- locking --- */

/* A process that was killed holds its files until the kernel has ended its io_uring
 * requests, though nobody can be seen to: that is waited for. */
enum { PATIENCE_MS = 2000, STEP_MS = 5 };

/* Bytes to hold, then bytes that nobody else may hold; each ended by 0. */
static const int reader[2][8] = {
    { HAS + PERM_READ, REFUSES + PERM_WRITE, REFUSES + PERM_RESIZE },
    { HAS + PERM_WRITE, HAS + PERM_RESIZE, REFUSES + PERM_READ },
};
static const int writer[2][8] = {
    { HAS + PERM_READ, HAS + PERM_WRITE, HAS + PERM_RESIZE, REFUSES + PERM_READ,
      REFUSES + PERM_WRITE, REFUSES + PERM_RESIZE },
    { HAS + PERM_READ, HAS + PERM_WRITE, HAS + PERM_RESIZE, REFUSES + PERM_READ,
      REFUSES + PERM_WRITE, REFUSES + PERM_RESIZE },
};

/* 0, -EBUSY, or why the file cannot be locked at all. */
static int try_lock(int fd, bool read_only)
{
    const int(*rows)[8] = read_only ? reader : writer;
    struct flock lock;

    for (unsigned i = 0; rows[0][i]; i++)
        if (lock_op(fd, F_OFD_SETLK, F_RDLCK, rows[0][i], &lock))
            return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
    for (unsigned i = 0; rows[1][i]; i++)
        if (lock_op(fd, F_OFD_GETLK, F_WRLCK, rows[1][i], &lock) == 0 && lock.l_type != F_UNLCK)
            return -EBUSY;
    return 0;
}

/* While this waits it holds nothing that another could stumble over. */
static void let_go(int fd)
{
    struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

int blk_lock(int fd, const char *path, bool read_only, struct err *err)
{
    char who[400] = "another machine or program";
    int rc = try_lock(fd, read_only);

    for (int ms = 0; rc == -EBUSY && ms < PATIENCE_MS && !find_holder(fd, who, sizeof who);
         ms += STEP_MS) {
        let_go(fd);
        usleep(STEP_MS * 1000);
        rc = try_lock(fd, read_only);
    }
    if (rc == -EBUSY)
        return err_set(err, EBUSY, "disk image \"%s\" is in use by %s%s", path, who,
                       read_only ? ", which writes to it" : " (readonly=on can be shared)");
    if (rc)
        log_warn("disk image \"%s\" cannot be locked (%s); take care that nothing else uses it",
                 path, strerror(-rc));
    return 0;
}

bool blk_is_locked(int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = HAS, .l_len = 2 * (REFUSES - HAS)
    };

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
