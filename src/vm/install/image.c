/*
 * image.c - the disk image: partitions, file systems, packages, and the files that make it this
 * machine's.
 */
#include "vm/install/install.h"

#include "vm/gpt.h"
#include "vm/install/deb.h"
#include "vm/install/guest_texts.h"
#include "vm/install/initrd.h"
#include "vm/install/tool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define HERE "/var/lib/vm-install"

enum { BOOT_MIB = 512 };

/* The identities of a new disk, as text. */
struct ids {
    char disk[37], boot_part[37], root_part[37], boot_fs[37], root_fs[37];
};

/* A random UUID (RFC 9562, version 4). */
static int make_uuid(char out[37], struct err *err)
{
    u8 b[16];

    if (getrandom(b, sizeof b, 0) != sizeof b)
        return err_set_errno(err, errno, "there are no random numbers");
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return 0;
}

static int make_ids(struct ids *ids, struct err *err)
{
    char *all[] = { ids->disk, ids->boot_part, ids->root_part, ids->boot_fs, ids->root_fs };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(all); i++)
        rc = make_uuid(all[i], err);
    return rc;
}

/* --- partitions and file systems --- */

static int make_fs(struct install *in, const char *image, const struct tree_part *part,
                   const char *uuid, const char *label, struct err *err)
{
    char where[96], size[32], *log = install_work(in, "mke2fs.log");
    const char *const argv[] = { "mke2fs", "-q", "-F",  "-t", "ext4", "-b",  "4096", "-U",
                                 uuid,     "-L", label, "-E", where,  image, size,   NULL };
    int rc;

    if (!log)
        return err_set_errno(err, ENOMEM, "making a file system");
    snprintf(where, sizeof where, "offset=%llu,root_owner=0:0", (unsigned long long)part->start);
    snprintf(size, sizeof size, "%lluk", (unsigned long long)(part->size / KIB));
    rc = tool_run(argv, log, NULL, NULL, err);
    if (rc > 0)
        rc = err_set(err, EIO, "mke2fs ended with status %d: see %s", rc, log);
    free(log);
    return rc;
}

static int make_disk(struct install *in, int fd, const char *path, const struct ids *ids,
                     struct tree_part *boot, struct tree_part *root, struct err *err)
{
    struct gpt_part parts[2] = {
        { 1 * MIB, BOOT_MIB * MIB, GPT_TYPE_XBOOTLDR, ids->boot_part, "boot" },
        { (1 + BOOT_MIB) * MIB, in->disk_size - (2 + BOOT_MIB) * MIB, in->arch->root_type,
          ids->root_part, "root" },
    };
    int rc = 0;

    if (ftruncate(fd, (off_t)in->disk_size))
        rc = err_set_errno(err, errno, "cannot make the image %s", path);
    if (rc == 0)
        rc = gpt_write(fd, in->disk_size, ids->disk, parts, 2, err);
    *boot = (struct tree_part){ parts[0].start, parts[0].size };
    *root = (struct tree_part){ parts[1].start, parts[1].size };
    if (rc == 0)
        rc = make_fs(in, path, boot, ids->boot_fs, "boot", err);
    return rc < 0 ? rc : make_fs(in, path, root, ids->root_fs, "root", err);
}

/* --- packages --- */

static int unpack_debs(struct install *in, struct tree *tree, struct initrd_parts *parts,
                       struct err *err)
{
    char *log = install_work(in, "unpack.log");
    struct deb_unpack u = { .tree = tree, .log = log, .file = initrd_keep, .arg = parts };
    int rc = log ? deb_unpack_init(&u, err) : err_set_errno(err, ENOMEM, "unpacking packages");

    for (unsigned i = 0; rc == 0 && in->debs[i]; i++) {
        const char *name = strrchr(in->debs[i], '/') + 1;
        char item[128];

        snprintf(item, sizeof item, "%.*s", (int)strcspn(name, "_"), name);
        install_say(in, VM_INSTALL_IMAGE, item, (double)i / (in->deb_count + 1));
        rc = deb_unpack_one(&u, in->debs[i], err);
    }
    if (rc == 0)
        rc = deb_unpack_end(&u, HERE "/packages", err);
    deb_unpack_fini(&u);
    free(log);
    return rc;
}

/* busybox comes out of its package into the initramfs alone. */
static int keep_extra(struct install *in, struct initrd_parts *parts, struct err *err)
{
    char *log = install_work(in, "unpack.log");
    int rc = log ? 0 : err_set_errno(err, ENOMEM, "unpacking packages");

    for (unsigned i = 0; rc == 0 && in->extra[i]; i++)
        rc = deb_each_file(in->extra[i], log, initrd_keep, parts, err);
    free(log);
    return rc;
}

/* --- files of ours --- */

static int put(struct tree *t, const char *path, u32 mode, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

static int put(struct tree *t, const char *path, u32 mode, struct err *err, const char *fmt, ...)
{
    char *text;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (rc < 0)
        return err_set_errno(err, ENOMEM, "writing %s", path);
    rc = tree_text(t, path, mode, text, err);
    free(text);
    return rc;
}

/* What lies on the host's loopback is at 10.0.2.2 for a guest in user mode networking. */
static char *seen_by_guest(const char *url)
{
    static const char *const local[] = { "://127.0.0.1", "://localhost" };
    char *out = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
        const char *at = strstr(url, local[i]);

        if (at) {
            if (asprintf(&out, "%.*s://10.0.2.2%s", (int)(at - url), url, at + strlen(local[i])) <
                0)
                out = NULL;
            return out;
        }
    }
    return strdup(url);
}

static int put_sources(struct install *in, struct tree *t, struct err *err)
{
    static const char stanza[] = "Types: deb\nURIs: %s\nSuites: %s%s%s%s\nComponents: main\n"
                                 "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n";
    char *mirror = seen_by_guest(in->apt.mirror), *security = seen_by_guest(in->apt.security);
    char *proxy = seen_by_guest(in->apt.proxy), *text = NULL;
    const char *release = in->o.release;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int rc;

    if (!mirror || !security || !proxy || !out)
        return err_set_errno(err, ENOMEM, "writing the package sources");
    fprintf(out, stanza, mirror, release, *security ? " " : "", *security ? release : "",
            *security ? "-updates" : "");
    if (*security)
        fprintf(out, stanza, security, release, "-security", "", "");
    fclose(out);
    rc = tree_text(t, "/etc/apt/sources.list.d/debian.sources", 0644, text, err);
    if (rc == 0 && *proxy)
        rc = put(t, "/etc/apt/apt.conf.d/80vm-proxy", 0644, err, "Acquire::http::Proxy \"%s\";\n",
                 proxy);
    free(text);
    free(mirror);
    free(security);
    free(proxy);
    return rc;
}

static int put_boot(const struct install *in, struct tree *t, const struct ids *ids,
                    struct err *err)
{
    static const char *const hooks[] = { "/etc/kernel/postinst.d/zz-vm-loader-entries",
                                         "/etc/kernel/postrm.d/zz-vm-loader-entries" };
    int rc = put(t, "/etc/fstab", 0644, err,
                 "UUID=%s / ext4 defaults,errors=remount-ro 0 1\n"
                 "UUID=%s /boot ext4 defaults 0 2\n",
                 ids->root_fs, ids->boot_fs);

    if (rc == 0)
        rc = put(t, "/etc/kernel/cmdline", 0644, err, "root=UUID=%s ro console=%s\n", ids->root_fs,
                 in->arch->console);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(hooks); i++)
        rc = tree_text(t, hooks[i], 0755, guest_loader_entries_sh, err);
    if (rc == 0)
        rc = tree_text(t, "/etc/initramfs-tools/conf.d/vm", 0644,
                       "# Only what this machine has: small, and quick to make.\n"
                       "MODULES=list\nCOMPRESSLEVEL=1\nRESUME=none\n",
                       err);
    if (rc == 0) /* the second stage makes one, once, and puts the package's own file back */
        rc = tree_text(t, "/etc/initramfs-tools/update-initramfs.conf", 0644,
                       "update_initramfs=no\n", err);
    return rc < 0 ? rc
                  : tree_text(t, "/etc/initramfs-tools/modules", 0644,
                              "virtio_pci\nvirtio_mmio\nvirtio_blk\nvirtio_net\nvirtio_console\n"
                              "virtio_rng\next4\n",
                              err);
}

/* cloud-init would make new host keys, which the host does not know, and settings of its own for
 * the network. */
static int put_cloud(const struct install *in, struct tree *t, struct err *err)
{
    bool wanted = in->o.user_data;

    for (unsigned i = 0; i < in->o.package_count; i++)
        wanted |= strcmp(in->o.packages[i], "cloud-init") == 0;
    return wanted ? tree_text(t, "/etc/cloud/cloud.cfg.d/80-vm.cfg", 0644,
                              "datasource_list: [NoCloud, None]\n"
                              "ssh_deletekeys: false\n"
                              "network: {config: disabled}\n",
                              err)
                  : 0;
}

static int put_settings(struct install *in, struct tree *t, const struct ids *ids, struct err *err)
{
    const char *name = in->o.name;
    int rc = put(t, "/etc/hostname", 0644, err, "%s\n", name);

    if (rc == 0)
        rc = put(t, "/etc/hosts", 0644, err,
                 "127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n"
                 "ff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n",
                 name);
    if (rc == 0)
        rc = tree_text(t, "/etc/systemd/network/80-vm.network", 0644,
                       "[Match]\nType=ether\n\n[Network]\nDHCP=yes\n", err);
    if (rc == 0)
        rc = put_cloud(in, t, err);
    if (rc == 0)
        rc = put_boot(in, t, ids, err);
    if (rc == 0)
        rc = put_sources(in, t, err);
    if (rc == 0)
        rc = put(t, HERE "/settings", 0644, err, "arch=%s\nuser=%s\nconsole=%s\n", in->o.arch,
                 in->o.user, in->arch->console);
    if (rc == 0)
        rc = tree_text(t, HERE "/authorized_keys", 0600, in->authorized_keys, err);
    return rc < 0 ? rc : tree_text(t, HERE "/stage2", 0755, guest_stage2_sh, err);
}

/* --- all of it --- */

static int fill(struct install *in, int fd, const char *path, struct initrd_parts *parts,
                struct err *err)
{
    struct tree_part boot, root;
    struct tree *tree;
    struct ids ids;
    int rc = make_ids(&ids, err), end;

    if (rc == 0)
        rc = make_disk(in, fd, path, &ids, &boot, &root, err);
    if (rc == 0)
        rc = tree_open(fd, &root, &boot, &tree, err);
    if (rc < 0)
        return rc;
    rc = unpack_debs(in, tree, parts, err);
    if (rc == 0)
        rc = put_settings(in, tree, &ids, err);
    if (rc == 0)
        return tree_close(tree, err);
    struct err ignored = { 0 };

    end = tree_close(tree, &ignored);
    return end < 0 ? -err->code : rc;
}

static int write_initrd(struct install *in, const struct initrd_parts *parts, struct err *err)
{
    char *kernel = install_work(in, "kernel"), *initrd = install_work(in, "initrd");
    char *scratch = install_work(in, "module"), *log = install_work(in, "unpack.log");
    int rc = kernel && initrd && scratch && log
                 ? initrd_write(parts, kernel, initrd, scratch, log, err)
                 : err_set_errno(err, ENOMEM, "making the initramfs");

    free(kernel);
    free(initrd);
    free(scratch);
    free(log);
    return rc;
}

int install_image(struct install *in, struct err *err)
{
    struct initrd_parts parts = { 0 };
    char *path = install_work(in, "disk.img");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1, rc;

    if (fd < 0)
        rc = err_set_errno(err, path ? errno : ENOMEM, "cannot make the image");
    else
        rc = fill(in, fd, path, &parts, err);
    if (rc == 0)
        rc = keep_extra(in, &parts, err);
    if (rc == 0)
        rc = write_initrd(in, &parts, err);
    if (rc == 0 && (fsync(fd) || rename(path, in->image)))
        rc = err_set_errno(err, errno, "cannot write the image %s", in->image);
    if (rc < 0 && path)
        unlink(path);
    if (fd >= 0)
        close(fd);
    initrd_parts_fini(&parts);
    free(path);
    return rc;
}
