/*
 * machine_files.c - copies of a machine's files.
 */
#include "vm/machine_files.h"

#include "backend/block/qcow2_api.h"
#include "vm/parse.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- one file --- */

static int copy_range(int in, int out, off_t at, off_t end)
{
    off_t to = at;

    while (at < end) {
        ssize_t n = copy_file_range(in, &at, out, &to, (size_t)(end - at), 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return 0;
}

static int copy_data(int in, int out, off_t size)
{
    off_t at = 0;
    int rc = ftruncate(out, size) ? -errno : 0;

    while (rc == 0 && at < size) {
        off_t data = lseek(in, at, SEEK_DATA), hole;

        if (data < 0)
            return errno == ENXIO ? 0 : -errno;
        hole = lseek(in, data, SEEK_HOLE);
        if (hole < 0)
            return -errno;
        rc = copy_range(in, out, data, hole);
        at = hole;
    }
    return rc;
}

static int copy_file(const char *from, const char *to, struct err *err)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1, rc = 0;
    struct stat st;

    if (in < 0 || fstat(in, &st))
        rc = -errno;
    if (rc == 0) {
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
        rc = out < 0 ? -errno : 0;
    }
    if (rc == 0 && ioctl(out, FICLONE, in))
        rc = copy_data(in, out, st.st_size);
    if (rc == 0 && fsync(out))
        rc = -errno;
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return rc < 0 ? err_set_errno(err, -rc, "cannot copy %s to %s", from, to) : 0;
}

/* --- a folder --- */

static bool stays(const char *name)
{
    static const char *const files[] = { "store.db",    "store.db-wal",  "store.db-shm", "run.lock",
                                         "console.log", "console.log.1", "vm.log" };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (strcmp(files[i], name) == 0)
            return true;
    return false;
}

static int copy_folder(const char *from, const char *to, bool top, struct err *err);

static int copy_entry(const char *from, const char *to, struct err *err)
{
    struct stat st;

    if (lstat(from, &st))
        return err_set_errno(err, errno, "cannot look at %s", from);
    if (S_ISREG(st.st_mode))
        return copy_file(from, to, err);
    if (!S_ISDIR(st.st_mode))
        return 0;
    if (mkdir(to, st.st_mode & 0777))
        return err_set_errno(err, errno, "cannot make %s", to);
    return copy_folder(from, to, false, err);
}

static int copy_folder(const char *from, const char *to, bool top, struct err *err)
{
    DIR *dir = opendir(from);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return err_set_errno(err, errno, "cannot read %s", from);
    while (rc == 0 && (entry = readdir(dir))) {
        char *in = NULL, *out = NULL;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            (top && stays(entry->d_name)))
            continue;
        if (asprintf(&in, "%s/%s", from, entry->d_name) < 0)
            in = NULL;
        if (asprintf(&out, "%s/%s", to, entry->d_name) < 0)
            out = NULL;
        rc = in && out ? copy_entry(in, out, err) : err_set_errno(err, ENOMEM, "copying %s", from);
        free(in);
        free(out);
    }
    closedir(dir);
    return rc;
}

int machine_files_copy(const char *from, const char *to, struct err *err)
{
    return copy_folder(from, to, true, err);
}

/* --- disks elsewhere --- */

struct disk {
    char *path;          /* owns, with the rest of the value in the same memory */
    const char *options; /* what follows the first comma, or "" */
    bool copied, qcow2;
};

/* The parts of a disk's value; false: no memory. */
static bool disk_init(struct disk *d, const char *value)
{
    char *rest, *option, *scratch;

    rest = d->path = strdup(value);
    if (!rest)
        return false;
    parse_field(&rest);
    d->options = rest ? value + (rest - d->path) : "";
    d->copied = d->path[0] == '/';
    scratch = strdup(d->options);
    rest = *d->options ? scratch : NULL;
    while ((option = parse_field(&rest))) {
        if (strcmp(option, "readonly=on") == 0)
            d->copied = false;
        d->qcow2 |= strcmp(option, "format=qcow2") == 0;
    }
    free(scratch);
    return scratch;
}

static int disk_copy(const struct disk *d, const char *folder, unsigned n, struct settings *change,
                     struct err *err)
{
    const char *base = strrchr(d->path, '/') + 1, *dot = strrchr(base, '.');
    char name[64], *to = NULL, *value = NULL;
    int rc;

    snprintf(name, sizeof name, "disk%u%.16s", n, dot && !strchr(dot, ',') ? dot : "");
    if (asprintf(&to, "%s/%s", folder, name) < 0 ||
        asprintf(&value, "%s%s%s", name, *d->options ? "," : "", d->options) < 0)
        return err_set_errno(err, ENOMEM, "copying %s", d->path);
    rc = copy_file(d->path, to, err);
    if (rc == 0 && d->qcow2)
        rc = blk_qcow2_moved(to, d->path, err);
    if (rc == 0 && settings_add(change, "disk", value) < 0)
        rc = err_set_errno(err, ENOMEM, "copying %s", d->path);
    free(to);
    free(value);
    return rc;
}

int machine_disks_copy(const struct vm_machine *m, const char *folder, struct settings *change,
                       struct err *err)
{
    const struct settings *s = &m->state.settings;
    bool any = false;
    unsigned n = 0;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < s->count; i++) {
        struct disk d = { 0 };

        if (strcmp(s->rows[i].key, "disk") != 0)
            continue;
        if (!disk_init(&d, s->rows[i].value))
            rc = err_set_errno(err, ENOMEM, "copying disks");
        else if (d.copied)
            rc = disk_copy(&d, folder, n, change, err);
        else if (settings_add(change, "disk", s->rows[i].value) < 0)
            rc = err_set_errno(err, ENOMEM, "copying disks");
        any |= d.copied;
        n++;
        free(d.path);
    }
    if (!any)
        settings_remove(change, "disk", NULL);
    return rc;
}
