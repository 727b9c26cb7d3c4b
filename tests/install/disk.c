/*
 * disk.c - a small disk with a boot partition.
 */
#include "disk.h"

#include "vm/gpt.h"
#include "vm/install/tool.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    printf("Bail out! %s\n", err->text);
    exit(1);
}

static bool mke2fs(const char *path, const char *features, u64 at, const char *size)
{
    char where[64];
    const char *const argv[] = { "mke2fs", "-q",     "-F", "-t",  "ext4", "-b", "1024",
                                 "-O",     features, "-E", where, path,   size, NULL };
    struct err err = { 0 };

    snprintf(where, sizeof where, "offset=%llu,root_owner=0:0", (unsigned long long)at);
    return tool_run(argv, "/dev/null", NULL, NULL, &err) == 0;
}

int disk_make(const char *path, const char *features)
{
    static const struct gpt_part parts[] = {
        { DISK_BOOT, DISK_BOOT_SIZE, GPT_TYPE_XBOOTLDR, "11111111-2222-4333-8444-555555555555",
          "boot" },
        { DISK_ROOT, DISK_ROOT_SIZE, GPT_TYPE_ROOT_RISCV64, "21111111-2222-4333-8444-555555555555",
          "root" },
    };
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct err err = { 0 };

    if (fd < 0 || ftruncate(fd, DISK_SIZE))
        return -1;
    must(gpt_write(fd, DISK_SIZE, "31111111-2222-4333-8444-555555555555", parts, 2, &err), &err);
    if (mke2fs(path, features, DISK_BOOT, "4096k") && mke2fs(path, features, DISK_ROOT, "6144k"))
        return fd;
    close(fd);
    return -1;
}

struct tree *disk_tree(int fd)
{
    const struct tree_part boot = { DISK_BOOT, DISK_BOOT_SIZE },
                           root = { DISK_ROOT, DISK_ROOT_SIZE };
    const struct tree_meta m = { .mode = 0755 };
    struct err err = { 0 };
    struct tree *t;

    must(tree_open(fd, &root, &boot, &t, &err), &err);
    must(tree_dir(t, "/boot", &m, &err), &err);
    return t;
}

void disk_put_kernel(struct tree *t, const char *version)
{
    char path[128], text[256];
    struct err err = { 0 };

    snprintf(path, sizeof path, "/boot/vmlinux-%s", version);
    snprintf(text, sizeof text, "kernel %s", version);
    must(tree_text(t, path, 0644, text, &err), &err);
    snprintf(path, sizeof path, "/boot/initrd.img-%s", version);
    snprintf(text, sizeof text, "initrd %s", version);
    must(tree_text(t, path, 0644, text, &err), &err);
    snprintf(path, sizeof path, "/boot/loader/entries/%s.conf", version);
    snprintf(text, sizeof text,
             "title Debian\nversion %s\nsort-key debian\nlinux /vmlinux-%s\ninitrd "
             "/initrd.img-%s\noptions root=LABEL=r ro\noptions quiet\n",
             version, version, version);
    must(tree_text(t, path, 0644, text, &err), &err);
}
