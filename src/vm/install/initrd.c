/*
 * initrd.c - the second stage's initramfs.
 */
#include "vm/install/initrd.h"

#include "host/file.h"
#include "vm/install/guest_texts.h"
#include "vm/install/tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- collecting --- */

static int keep(struct initrd_file *f, const char *path, const void *data, u64 size,
                struct err *err)
{
    free(f->path);
    free(f->data);
    f->path = strdup(path);
    f->data = malloc(size + 1);
    f->size = size;
    if (!f->path || !f->data)
        return err_set_errno(err, ENOMEM, "keeping %s", path);
    memcpy(f->data, data, size);
    f->data[size] = 0;
    return 0;
}

/* Where the modules are that these drivers and the file system may need. */
static bool may_need(const char *path)
{
    static const char *const folders[] = { "/kernel/drivers/virtio/",
                                           "/kernel/drivers/block/virtio",
                                           "/kernel/drivers/char/hw_random/",
                                           "/kernel/crypto/",
                                           "/kernel/fs/ext4/",
                                           "/kernel/fs/jbd2/",
                                           "/kernel/fs/mbcache",
                                           "/kernel/lib/" };

    for (size_t i = 0; strstr(path, "/lib/modules/") && i < ARRAY_SIZE(folders); i++)
        if (strstr(path, folders[i]))
            return true;
    return false;
}

int initrd_keep(void *parts, const char *path, const void *data, u64 size, struct err *err)
{
    struct initrd_parts *p = parts;
    struct initrd_file *more;

    if (strncmp(path, "/boot/vmlinu", 12) == 0)
        return keep(&p->kernel, path, data, size, err);
    if (strcmp(path, "/usr/bin/busybox") == 0 || strcmp(path, "/bin/busybox") == 0)
        return keep(&p->busybox, path, data, size, err);
    if (!may_need(path))
        return 0;
    more = reallocarray(p->modules, p->module_count + 1, sizeof *more);
    if (!more)
        return err_set_errno(err, ENOMEM, "keeping %s", path);
    p->modules = more;
    more[p->module_count] = (struct initrd_file){ 0 };
    return keep(&more[p->module_count++], path, data, size, err);
}

static void file_fini(struct initrd_file *f)
{
    free(f->path);
    free(f->data);
}

void initrd_parts_fini(struct initrd_parts *p)
{
    file_fini(&p->kernel);
    file_fini(&p->busybox);
    for (unsigned i = 0; i < p->module_count; i++)
        file_fini(&p->modules[i]);
    free(p->modules);
}

/* --- cpio --- */

void initrd_cpio_put(FILE *out, const char *path, u32 mode, const void *data, u64 size)
{
    static const char zeroes[4];
    size_t name = strlen(path) + 1;

    fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 0u, mode, 0u, 0u, 1u,
            0u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)name, 0u);
    fwrite(path, 1, name, out);
    fwrite(zeroes, 1, -(110 + name) & 3, out);
    fwrite(data, 1, size, out);
    fwrite(zeroes, 1, -size & 3, out);
}

static void put_link(FILE *out, const char *path, const char *target)
{
    initrd_cpio_put(out, path, 0120777, target, strlen(target));
}

/* --- modules --- */

struct load {
    const struct initrd_parts *p;
    FILE *cpio, *order; /* borrow */
    bool *done;         /* owns; one for each module */
    const char *scratch, *log;
};

/* "virtio-rng.ko.xz" is virtio_rng. */
static bool is_named(const char *path, const char *name, size_t len)
{
    const char *base = strrchr(path, '/') + 1;

    for (size_t i = 0; i < len; i++)
        if ((base[i] == '-' ? '_' : base[i]) != (name[i] == '-' ? '_' : name[i]))
            return false;
    return strncmp(base + len, ".ko", 3) == 0;
}

static int unpack(const struct load *l, const struct initrd_file *packed, u8 **ret, size_t *size,
                  struct err *err)
{
    const char *end = strrchr(packed->path, '.');
    const char *program = strcmp(end, ".xz") == 0    ? "xz"
                          : strcmp(end, ".zst") == 0 ? "zstd"
                          : strcmp(end, ".gz") == 0  ? "gzip"
                                                     : "cat";
    const char *const argv[] = { program, strcmp(program, "cat") == 0 ? "-u" : "-dc", l->scratch,
                                 NULL };
    FILE *out = open_memstream((char **)ret, size);
    int in, status, rc = host_file_write(l->scratch, packed->data, packed->size, err);
    char data[8192];
    ssize_t n;
    pid_t pid;

    if (!out)
        return err_set_errno(err, ENOMEM, "unpacking a module");
    if (rc == 0)
        rc = tool_start(argv, l->log, &pid, &in, err);
    if (rc == 0) {
        while ((n = read(in, data, sizeof data)) > 0)
            fwrite(data, 1, (size_t)n, out);
        close(in);
        status = tool_wait(pid);
        if (status)
            rc = err_set(err, EIO, "%s cannot unpack %s", program, packed->path);
    }
    fclose(out);
    unlink(l->scratch);
    return rc;
}

static int load_named(struct load *l, const char *name, size_t len, struct err *err);

/* What the module says it depends on (modinfo), first. */
static int load_needs(struct load *l, const u8 *data, size_t size, struct err *err)
{
    static const char key[] = "\0depends=";
    const char *at = memmem(data, size, key, sizeof key - 1), *end;
    int rc = 0;

    if (!at)
        return 0;
    at += sizeof key - 1;
    end = at + strnlen(at, size - (size_t)(at - (const char *)data));
    while (rc == 0 && at < end) {
        size_t len = strcspn(at, ",");

        rc = load_named(l, at, len, err);
        at += len + (at[len] == ',');
    }
    return rc;
}

static int load_one(struct load *l, unsigned n, struct err *err)
{
    char name[256], path[300];
    u8 *data = NULL;
    size_t size;
    int rc;

    l->done[n] = true;
    rc = unpack(l, &l->p->modules[n], &data, &size, err);
    if (rc == 0)
        rc = load_needs(l, data, size, err);
    if (rc == 0) {
        const char *base = strrchr(l->p->modules[n].path, '/') + 1;

        snprintf(name, sizeof name, "%.*s", (int)(strstr(base, ".ko") + 3 - base), base);
        snprintf(path, sizeof path, "modules/%s", name);
        initrd_cpio_put(l->cpio, path, 0100644, data, size);
        fprintf(l->order, "%s\n", name);
    }
    free(data);
    return rc;
}

/* One that is not there is built into the kernel. */
static int load_named(struct load *l, const char *name, size_t len, struct err *err)
{
    for (unsigned i = 0; i < l->p->module_count; i++)
        if (is_named(l->p->modules[i].path, name, len))
            return l->done[i] ? 0 : load_one(l, i, err);
    return 0;
}

static int put_modules(const struct initrd_parts *p, FILE *cpio, const char *scratch,
                       const char *log, struct err *err)
{
    static const char *const wanted[] = { "virtio_mmio", "virtio_pci",     "virtio_blk",
                                          "virtio_rng",  "crc32c_generic", "ext4" };
    char *order = NULL;
    size_t size;
    struct load l = { .p = p, .cpio = cpio, .scratch = scratch, .log = log };
    int rc = 0;

    l.done = calloc(p->module_count + 1, sizeof *l.done);
    l.order = open_memstream(&order, &size);
    if (!l.done || !l.order)
        rc = err_set_errno(err, ENOMEM, "making the initramfs");
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(wanted); i++)
        rc = load_named(&l, wanted[i], strlen(wanted[i]), err);
    if (l.order)
        fclose(l.order);
    if (rc == 0)
        initrd_cpio_put(cpio, "modules/order", 0100644, order, size);
    free(order);
    free(l.done);
    return rc;
}

/* --- all of it --- */

static void put_frame(const struct initrd_parts *p, FILE *out)
{
    static const char *const folders[] = { "bin", "dev", "modules", "proc", "sys", "target" };
    static const char *const names[] = { "sh",    "cat",      "chroot", "echo", "insmod", "mkdir",
                                         "mount", "poweroff", "sleep",  "sync", "umount" };
    char path[64];

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        initrd_cpio_put(out, folders[i], 0040755, "", 0);
    initrd_cpio_put(out, "bin/busybox", 0100755, p->busybox.data, p->busybox.size);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof path, "bin/%s", names[i]);
        put_link(out, path, "busybox");
    }
    initrd_cpio_put(out, "init", 0100755, guest_init_sh, strlen(guest_init_sh));
}

int initrd_write(const struct initrd_parts *p, const char *kernel, const char *initrd,
                 const char *scratch, const char *log, struct err *err)
{
    char *data = NULL;
    size_t size;
    FILE *out;
    int rc;

    if (!p->kernel.data || !p->busybox.data)
        return err_set(err, EINVAL, "the packages hold no %s",
                       p->kernel.data ? "busybox" : "kernel in /boot");
    out = open_memstream(&data, &size);
    if (!out)
        return err_set_errno(err, ENOMEM, "making the initramfs");
    put_frame(p, out);
    rc = put_modules(p, out, scratch, log, err);
    initrd_cpio_put(out, "TRAILER!!!", 0, "", 0);
    if (fclose(out) != 0 && rc == 0)
        rc = err_set_errno(err, ENOMEM, "making the initramfs");
    if (rc == 0)
        rc = host_file_write(initrd, data, size, err);
    if (rc == 0)
        rc = host_file_write(kernel, p->kernel.data, p->kernel.size, err);
    free(data);
    return rc;
}
