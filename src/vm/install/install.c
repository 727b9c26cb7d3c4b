/*
 * install.c - a Debian from its packages to a machine that can be started, in three stages.
 *
 * The machine exists from the beginning, as one that is being installed. What a stage has
 * finished stays: packages in the user's cache, the image in the machine's folder under its
 * final name, the second stage in the image itself. So the same command goes on where an
 * interrupted one ended.
 */
#include "vm/install/install.h"

#include "host/file.h"
#include "vm/guest_kernel.h"
#include "vm/install/tool.h"
#include "vm/machines_private.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAUSE "vm-cli install-debian"

/* What every machine has beside the essential packages. */
static const char *const base_packages[] = {
    "?essential",
    "?priority(required)",
    "apt",
    "base-files",
    "base-passwd",
    "ca-certificates",
    "dbus",
    "debian-archive-keyring",
    "e2fsprogs",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "less",
    "libpam-systemd",
    "nano",
    "netbase",
    "openssh-server",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    "zstd",
};
/* Used in the second stage, not installed. */
static const char *const extra_packages[] = { "busybox-static", NULL };

VM_API const char *vm_install_stage_name(enum vm_install_stage stage)
{
    static const char *const names[VM_INSTALL_STAGES] = { "fetching packages", "writing the disk",
                                                          "configuring packages" };

    return names[stage];
}

void install_say(struct install *in, enum vm_install_stage stage, const char *item, double done)
{
    if (item)
        in->progress.item = item;
    in->progress.stage = stage;
    in->progress.done = done;
    if (in->say)
        in->say(in->arg, &in->progress);
}

char *install_work(const struct install *in, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", in->work, name) < 0 ? NULL : path;
}

static int check_tools(struct err *err)
{
    static const char *const needed[][2] = { { "mke2fs", "e2fsprogs" },
                                             { "ssh-keygen", "openssh-client" },
                                             { "xz", "xz-utils" } };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(needed); i++)
        rc = tool_check(needed[i][0], needed[i][1], err);
    return rc;
}

/* --- the machine's record --- */

static int create(struct install *in, struct vm_machine **ret, struct err *err)
{
    const struct vm_install_options *o = &in->o;
    struct vm_err e;
    char *root, *disk = NULL;
    int rc = folder_root(&root, err);

    if (rc < 0)
        return rc;
    if (asprintf(&disk, "%s/%s/disk.img,format=raw", root, o->name) < 0)
        disk = NULL;
    free(root);
    const struct vm_setting rows[] = {
        { "arch", o->arch },
        { "memory", o->memory },
        { "cpus", o->cpus },
        { "boot", "disk" },
        { "disk", disk },
        { "ssh-user", o->user },
        { "user-data", o->user_data },
    };
    unsigned count = ARRAY_SIZE(rows) - !o->user_data;

    rc = disk ? vm_machine_create(o->name, rows, count, VM_CREATE_INSTALLING, CAUSE, ret, &e)
              : -ENOMEM;
    free(disk);
    return rc == 0 ? 0
                   : err_set(err, disk ? e.code : ENOMEM, "%s", disk ? e.text : "out of memory");
}

/* Opens the one that was begun, or makes it. */
static int open_or_create(struct install *in, struct vm_machine **ret, struct err *err)
{
    struct vm_err e;
    int rc = vm_machine_open(in->o.name, ret, &e);

    if (rc == -ENOENT)
        return create(in, ret, err);
    if (rc < 0)
        return err_set(err, e.code, "%s", e.text);
    if ((*ret)->state.stage == LIFE_IS_INSTALLING)
        return 0;
    return err_set(err, EEXIST,
                   "there is a machine %s already: give another --name, or delete it by vm-cli "
                   "delete %s",
                   in->o.name, in->o.name);
}

static int make_paths(struct install *in, const struct vm_machine *m, struct err *err)
{
    in->folder = m->paths.folder;
    if (asprintf(&in->image, "%s/disk.img", in->folder) < 0)
        in->image = NULL;
    if (asprintf(&in->work, "%s/install", in->folder) < 0)
        in->work = NULL;
    if (!in->image || !in->work)
        return err_set_errno(err, ENOMEM, "installing");
    if (mkdir(in->work, 0700) && errno != EEXIST)
        return err_set_errno(err, errno, "cannot make the folder %s", in->work);
    return 0;
}

/* The options must be those it was begun with. */
static int check_recipe(struct install *in, struct err *err)
{
    char *path = install_work(in, "recipe"), *now = install_recipe(in);
    u8 *was = NULL;
    size_t size;
    int rc = path && now ? 0 : err_set_errno(err, ENOMEM, "installing");

    if (rc == 0 && access(path, F_OK) != 0)
        rc = host_file_write(path, now, strlen(now), err);
    else if (rc == 0) {
        rc = host_file_read(path, 1 * MIB, &was, &size, err);
        if (rc == 0 && strcmp((char *)was, now) != 0)
            rc = err_set(err, EEXIST,
                         "the installation of %s was begun with other options: give the same, or "
                         "vm-cli delete %s first",
                         in->o.name, in->o.name);
    }
    free(was);
    free(now);
    free(path);
    return rc;
}

/* --- keys --- */

static int append_key(FILE *out, const char *path, struct err *err)
{
    u8 *text;
    size_t size;
    int rc = host_file_read(path, 64 * KIB, &text, &size, err);

    if (rc < 0)
        return rc;
    if (memcmp(text, "-----BEGIN", size < 10 ? size : 10) == 0 || memchr(text, 0, size) ||
        (!strstr((char *)text, "ssh-") && !strstr((char *)text, "ecdsa-") &&
         !strstr((char *)text, "sk-")))
        rc = err_set(err, EINVAL,
                     "--ssh-key %s is no public key of ssh: give the file that ends "
                     "in .pub",
                     path);
    else
        fprintf(out, "%s%s", (char *)text, text[size - 1] == '\n' ? "" : "\n");
    free(text);
    return rc;
}

static int take_keys(struct install *in, struct vm_machine *m, struct err *err)
{
    struct vm_err e;
    char *path = NULL;
    size_t size;
    FILE *out = open_memstream(&in->authorized_keys, &size);
    int rc;

    if (!out || asprintf(&path, "%s.pub", m->paths.ssh_key) < 0)
        return err_set_errno(err, ENOMEM, "taking keys");
    rc = vm_machine_ssh_key(m, &e);
    if (rc < 0)
        rc = err_set(err, e.code, "%s", e.text);
    if (rc == 0)
        rc = append_key(out, path, err);
    if (rc == 0 && in->o.ssh_key)
        rc = append_key(out, in->o.ssh_key, err);
    fclose(out);
    free(path);
    return rc;
}

/* `vm-cli ssh` knows every guest as "vm". */
static int pin_host_key(const struct vm_machine *m, const char *key, struct err *err)
{
    char *text;
    int rc;

    if (asprintf(&text, "vm %s\n", key) < 0)
        return err_set_errno(err, ENOMEM, "keeping the host key");
    rc = host_file_write(m->paths.known_hosts, text, strlen(text), err);
    free(text);
    return rc;
}

/* --- stages --- */

static void fetching(void *arg, const char *item, double done)
{
    install_say(arg, VM_INSTALL_PACKAGES, item, done);
}

/* base-files brings the links between folders, base-passwd the users: they go first. */
static int deb_order(const void *a, const void *b)
{
    static const char *const first[] = { "/base-files_", "/base-passwd_" };
    const char *const *x = a, *const *y = b;

    for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
        bool in_x = strstr(*x, first[i]), in_y = strstr(*y, first[i]);

        if (in_x != in_y)
            return in_x ? -1 : 1;
    }
    return strcmp(*x, *y);
}

static int fetch_packages(struct install *in, struct err *err)
{
    const char **words = calloc(ARRAY_SIZE(base_packages) + in->o.package_count + 3, sizeof *words);
    unsigned n = 0;
    int rc;

    if (!words)
        return err_set_errno(err, ENOMEM, "fetching packages");
    for (size_t i = 0; i < ARRAY_SIZE(base_packages); i++)
        words[n++] = base_packages[i];
    words[n++] = in->arch->kernel;
    for (unsigned i = 0; i < in->o.package_count; i++)
        words[n++] = in->o.packages[i];
    if (in->o.user_data)
        words[n++] = "cloud-init";
    install_say(in, VM_INSTALL_PACKAGES, "reading package lists", 0);
    rc = apt_update(&in->apt, err);
    if (rc == 0)
        rc = apt_fetch(&in->apt, extra_packages, NULL, NULL, &in->extra, err);
    if (rc == 0)
        rc = apt_fetch(&in->apt, words, fetching, in, &in->debs, err);
    free(words);
    while (rc == 0 && in->debs[in->deb_count])
        in->deb_count++;
    if (rc == 0)
        qsort(in->debs, in->deb_count, sizeof *in->debs, deb_order);
    install_say(in, VM_INSTALL_PACKAGES, "", 1);
    return rc;
}

/* How many packages the guest configures, when the image was made by an earlier run. */
enum { PACKAGES_GUESS = 150 };

static int run_stages(struct install *in, struct vm_machine *m, struct err *err)
{
    struct guest_kernel kernel = { 0 };
    char *key = NULL;
    int rc = 0;

    if (access(in->image, F_OK) != 0) {
        rc = fetch_packages(in, err);
        if (rc == 0)
            rc = take_keys(in, m, err);
        if (rc == 0)
            rc = install_image(in, err);
    } else
        in->deb_count = PACKAGES_GUESS;
    if (rc == 0)
        rc = install_second(in, &key, err);
    if (rc == 0)
        rc = guest_kernel_read(in->image, "raw", &kernel, err);
    if (rc == 0)
        rc = pin_host_key(m, key, err);
    guest_kernel_fini(&kernel);
    free(key);
    return rc;
}

static int finish(struct install *in, struct vm_machine *m, struct err *err)
{
    struct vm_err e;
    int rc = folder_remove(in->work, err);

    if (rc == 0 && vm_machine_installed(m, CAUSE, &e) < 0)
        rc = err_set(err, e.code, "%s", e.text);
    return rc;
}

static void fini(struct install *in)
{
    apt_fini(&in->apt);
    apt_files_free(in->debs);
    apt_files_free(in->extra);
    free(in->authorized_keys);
    free(in->image);
    free(in->work);
}

static int install(struct install *in, struct vm_machine **ret, struct err *err)
{
    struct vm_machine *m = NULL;
    int lock = -1, rc = install_options_check(in, err);

    if (rc == 0)
        rc = check_tools(err);
    if (rc == 0)
        rc = apt_init(&in->apt, in->o.release, in->o.arch, in->o.mirror, err);
    if (rc == 0)
        rc = open_or_create(in, &m, err);
    if (rc == 0)
        rc = machine_lock(m, &lock, err);
    if (rc == 0)
        rc = make_paths(in, m, err);
    if (rc == 0)
        rc = check_recipe(in, err);
    if (rc == 0)
        rc = run_stages(in, m, err);
    if (rc == 0)
        rc = finish(in, m, err);
    if (lock >= 0)
        close(lock);
    if (rc < 0)
        m = vm_machine_free(m);
    *ret = m;
    return rc;
}

VM_API int vm_install_debian(const struct vm_install_options *options,
                             void (*progress)(void *arg, const struct vm_install_progress *p),
                             void *arg, struct vm_machine **ret, struct vm_err *err)
{
    struct install in = { .o = *options, .say = progress, .arg = arg, .progress.item = "" };
    struct err e = { 0 };
    int rc;

    install_options_fill(&in.o);
    rc = install(&in, ret, &e);
    fini(&in);
    return rc < 0 ? err_to_public(&e, err) : 0;
}
